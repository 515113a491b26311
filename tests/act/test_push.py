"""Web push from end to end: a page with a button, a stand-in push service that decrypts, and taking it back."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import json
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

from inkdot.act.channels.push import decoded, encoded
from tests.act.conftest import click
from tests.chromium import Chromium
from tests.conftest import BEN, EVE, PATIENCE, Server, eventually, inkdot, inkdot_json

_CURVE = ec.SECP256R1()


class Browser:
    """A browser's side: its keys, and how it reads what arrives (RFC 8291)."""

    def __init__(self) -> None:
        self.key, self.auth = ec.generate_private_key(_CURVE), bytes(range(16))
        point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        self.point = self.key.public_key().public_bytes(*point)

    def subscription(self, endpoint: str) -> dict[str, Any]:
        return {"endpoint": endpoint, "keys": {"p256dh": encoded(self.point), "auth": encoded(self.auth)}}

    def read(self, body: bytes) -> Any:
        salt, (size, length) = body[:16], struct.unpack(">IB", body[16:21])
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
        secret = _hkdf(shared, self.auth, b"WebPush: info\0" + self.point + sender, 32)
        key = _hkdf(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(secret, salt, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain.endswith(b"\2")
        return json.loads(plain[:-1])


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Pushed(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Service:
    """A push service with TLS, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.pushed: list[Pushed] = []
        self.gone: set[str] = set()
        self.certificate = folder / "service.pem"
        self.certificate.write_bytes(_certificate())
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.pushed.append(Pushed(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(410 if self.path in outer.gone else 201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def at(self, path: str) -> list[Pushed]:
        return [p for p in self.pushed if p.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _certificate() -> bytes:
    key, now = ec.generate_private_key(_CURVE), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push.example.net")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[Server]:
    """A server that may reach the service and trusts its certificate."""
    data = tmp_path_factory.mktemp("pushing") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(
        'private_networks = ["127.0.0.0/8"]\ntrusted_proxies = ["127.0.0.1/32"]\nowner = "ada@example.com"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(service.certificate))
        running = Server(data)
    yield running
    running.stop()


def page_of(server: Server, *to: str) -> str:
    found: str = inkdot_json("push", "link", *to, "--data", server.data, "--public-url", server.public)["url"]
    return found


def post(url: str, what: Any) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.request("POST", parts.path, what if isinstance(what, bytes) else json.dumps(what))
    answer = connection.getresponse()
    status, body = answer.status, answer.read()
    connection.close()
    return status, json.loads(body)


def listed(server: Server, command: str) -> list[dict[str, Any]]:
    """What a command about browsers lists."""
    return [json.loads(line) for line in inkdot("push", command, "--json", "--data", server.data).stdout.splitlines()]


def add_rule(server: Server, tmp_path: Path, text: str) -> None:
    (tmp_path / "rule.toml").write_text(text)
    inkdot("trigger", "add", tmp_path / "rule.toml", "--data", server.data)


def assert_signed(pushed: Pushed, service: Service, key: str) -> None:
    """The service can tell who pushes: a token for it alone, signed with the key that the page handed out."""
    scheme, _, rest = pushed.headers["authorization"].partition(" ")
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, said["k"]) == ("vapid", key)
    signed, _, signature = said["t"].rpartition(".")
    raw = decoded(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decoded(key))
    proof = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(proof, signed.encode(), ec.ECDSA(hashes.SHA256()))
    claims = json.loads(decoded(signed.partition(".")[2]))
    assert (claims["aud"], claims["sub"]) == (service.url, "mailto:ada@example.com")


def test_a_click_in_a_mail_reaches_the_owners_browser_and_only_that_browser_can_read_it(
    pushing: Server, service: Service, tmp_path: Path
) -> None:
    browser, url = Browser(), page_of(pushing)
    page = pushing.get(url)[2].decode()
    key = page.partition('data-key="')[2].partition('"')[0]
    assert post(url, browser.subscription(f"{service.url}/owner"))[0] == 200
    assert f"{service.url}/owner" in {b["endpoint"] for b in listed(pushing, "list") if b["whose"] == "owner"}
    assert all(tried["done"] for tried in listed(pushing, "test"))
    add_rule(
        pushing, tmp_path,
        'name = "told"\nhold = "0s"\n[when]\nkind = "click"\n[[actions]]\ndo = "push"\ntext = "{person} clicked"\n'
        'link = "https://example.com/leads"\n',
    )  # fmt: skip
    click(pushing, BEN)
    last = eventually(lambda: next((p for p in service.at("/owner") if browser.read(p.body)["title"] == "told"), None))
    said = browser.read(last.body)
    assert (said["text"], said["link"]) == ("ben@example.com clicked", "https://example.com/leads")
    assert last.headers["content-encoding"] == "aes128gcm"
    assert_signed(last, service, key)


def test_a_person_is_pushed_to_only_after_allowing_it_and_not_after_taking_it_back(
    pushing: Server, service: Service, tmp_path: Path
) -> None:
    add_rule(
        pushing, tmp_path,
        'name = "thanks"\nhold = "0s"\n[when]\nkind = "click"\nperson = "eve@example.com"\n'
        '[[actions]]\ndo = "push"\nto = "person"\ntitle = "Thank you"\ntext = "Ask us anything."\n',
    )  # fmt: skip
    url, browser = page_of(pushing, "--to", EVE), Browser()

    def log() -> list[dict[str, Any]]:
        done = inkdot("webhook", "log", "--json", "--data", pushing.data).stdout.splitlines()
        return [item for item in map(json.loads, done) if item["do"] == "push" and item["state"] != "waiting"]

    before = len(log())
    click(pushing, EVE)
    eventually(lambda: any("not allowed" in item["said"] for item in log()))
    assert not service.at("/eve")
    assert post(url, browser.subscription(f"{service.url}/eve"))[0] == 200
    chosen = inkdot_json("consent", "log", EVE, "--data", pushing.data)["choices"][-1]
    assert (chosen["method"], chosen["scope"], chosen["mode"]) == ("push_page", "purpose:push", "individual")
    click(pushing, EVE)
    eventually(lambda: service.at("/eve"))
    assert browser.read(service.at("/eve")[0].body)["title"] == "Thank you"
    assert post(url, {"endpoint": f"{service.url}/eve", "stop": True}) == (200, {"allowed": False})
    assert inkdot_json("consent", "log", EVE, "--data", pushing.data)["choices"][-1]["mode"] == "off"
    told = len(log())
    click(pushing, EVE)
    eventually(lambda: len(log()) > max(before, told))
    assert len(service.at("/eve")) == 1
    # Whoever withdrew from everything is not asked and cannot allow it by accident.
    assert post(url, browser.subscription(f"{service.url}/eve"))[0] == 200
    inkdot("person", "erase", EVE, "--yes", "--data", pushing.data)
    assert "eve" not in inkdot("push", "list", "--json", "--data", pushing.data).stdout
    assert post(url, browser.subscription(f"{service.url}/eve"))[0] == 403


def test_a_browser_that_is_gone_is_forgotten(pushing: Server, service: Service) -> None:
    service.gone.add("/gone")
    assert post(page_of(pushing), Browser().subscription(f"{service.url}/gone"))[0] == 200
    assert inkdot("push", "test", "--data", pushing.data, check=False).returncode == 1
    assert "/gone" not in inkdot("push", "list", "--json", "--data", pushing.data).stdout


def test_what_is_no_subscription_is_refused_with_a_sentence(pushing: Server) -> None:
    url, good = page_of(pushing), Browser().subscription("https://push.example.net/x")
    bad: list[Any] = [
        b"no json", [], {}, good | {"endpoint": "http://push.example.net/x"}, good | {"endpoint": "https://a@b/x"},
        good | {"endpoint": 7}, good | {"keys": {}}, good | {"keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        good | {"keys": {"p256dh": 1, "auth": []}}, b"[" * 4_000,
    ]  # fmt: skip
    for what in bad:
        status, answer = post(url, what)
        assert status == 422
        assert answer["error"].endswith(".")
    assert post(url, b" " * 5_000)[0] == 413
    assert pushing.get("/n/forged")[0] == 404
    assert inkdot("push", "rm", "https://nowhere.example", "--data", pushing.data, check=False).returncode == 2


def test_the_page_asks_for_nothing_before_its_button_is_pressed(
    pushing: Server, service: Service, tmp_path: Path
) -> None:
    browser, url = Browser(), page_of(pushing)
    subscription = json.dumps(browser.subscription(f"{service.url}/real"))
    stand_in = f"""
        Notification.requestPermission = async () => (self.asked = (self.asked || 0) + 1, "granted");
        PushManager.prototype.subscribe = async function (options) {{
          self.options = options;
          return {{ toJSON: () => ({subscription}) }};
        }};
    """
    with Chromium(tmp_path / "profile") as chromium:
        tab = chromium.tab("about:blank")
        tab.ask("Page.enable")
        tab.ask("Page.addScriptToEvaluateOnNewDocument", {"source": stand_in})
        tab.go(url)
        eventually(lambda: tab.run("!document.getElementById('allow').hidden"))
        assert tab.run("self.asked") is None
        assert tab.run("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
        tab.run("document.getElementById('allow').click()")
        eventually(
            lambda: tab.run("document.getElementById('state').textContent") == "Messages arrive in this browser."
        )
        assert tab.run("self.asked") == 1
        assert tab.run("self.options.userVisibleOnly && self.options.applicationServerKey.length") == 65
        scope = tab.run("navigator.serviceWorker.getRegistration().then((own) => own.scope)")
        assert scope == f"{pushing.public}/n/"
    assert f"{service.url}/real" in {b["endpoint"] for b in listed(pushing, "list")}
