"""Signing in by an OpenID Connect provider: a real one on loopback, and what somebody would try against it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from inkdot.show.passwords import totp_code, totp_secret
from inkdot.store.accounts import Accounts
from tests.conftest import ADA, BEN, PATIENCE, Server, inkdot
from tests.office.asking import PASSWORD

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
CLIENT, SECRET = "inkdot-office", "a secret between two"
CARLA = "carla@example.com"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def published(key: Key) -> dict[str, str]:
    """As a JWK."""
    numbers = key.public_key().public_numbers()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        n, e = (b64(v.to_bytes((v.bit_length() + 7) // 8)) for v in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e}
    return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}


class Provider(ThreadingHTTPServer):
    """Discovery, keys and tokens; whoever comes to the authorization endpoint is let in as `says` has it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.new_key("first")
        self.published = self.key
        self.be()

    def new_key(self, kid: str, key: Key | None = None) -> None:
        self.kid, self.key = kid, key or rsa.generate_private_key(65_537, 2_048)

    def signature(self, text: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(text, padding.PKCS1v15(), SHA256())
        return b"".join(n.to_bytes(32) for n in decode_dss_signature(self.key.sign(text, ec.ECDSA(SHA256()))))

    def be(self, header: dict[str, Any] | None = None, **says: Any) -> None:
        """What ID tokens say from now on, other than usual."""
        self.says = {"sub": "ada-1", "email": ADA, "email_verified": True} | says
        self.tells = dict(self.says)
        self.header = header or {}
        self.published, self.published_kid = self.key, self.kid

    def let_in(self, where: str) -> str:
        """Somebody says yes at the provider; the address that he is sent to."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(where).query).items()}
        assert where.startswith(self.issuer + "/authorize?")
        assert asked["code_challenge_method"] == "S256"
        code = b64(hashlib.sha256(where.encode()).digest())
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str]) -> str:
        asked = self.codes.pop(form["code"])
        assert b64(hashlib.sha256(form["code_verifier"].encode()).digest()) == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        head = {"alg": "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256", "kid": self.kid} | self.header
        signed = ".".join(b64(json.dumps(part).encode()) for part in (head, usual | self.says))
        if head["alg"] == "none":
            return signed + "."
        return f"{signed}.{b64(self.signature(signed.encode()))}"

    def tell(self, **more: Any) -> None:
        """The token says only who it is, as by the standard; the rest is told at an address of its own."""
        self.be()
        self.says = {"sub": "carla-1"}
        self.tells = {"sub": "carla-1", "email": CARLA, "email_verified": True} | more


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: Any) -> None:
        """Silent."""

    def say(self, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        at = self.server
        at.asked.append(self.path)
        if self.path == "/keys":
            self.say({"keys": [{"use": "sig", "kid": at.published_kid} | published(at.published)]})
        elif self.path == "/people":
            assert self.headers["Authorization"] == "Bearer for-once"
            self.say(at.tells)
        else:
            places = {
                "authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys", "userinfo_endpoint": "/people",
            }  # fmt: skip
            self.say({"issuer": at.issuer} | {name: at.issuer + path for name, path in places.items()})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        pair = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        assert pair == "inkdot-office:a+secret+between+two"
        token = self.server.token({k: v[0] for k, v in parse_qs(body).items()})
        self.say({"id_token": token, "access_token": "for-once", "token_type": "Bearer"})


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, office: str) -> None:
        self.office, self.set = office, ""
        self.cookies: dict[str, str] = {}

    def go(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, where it leads, text."""
        connection = http.client.HTTPConnection(urlsplit(self.office).netloc, timeout=PATIENCE)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if form is not None:
            headers |= {"Origin": self.office, "Content-Type": "application/x-www-form-urlencoded"}
        body = None if form is None else urlencode(form)
        connection.request("GET" if form is None else "POST", path.removeprefix(self.office), body, headers)
        response = connection.getresponse()
        self.set = "\n".join(response.headers.get_all("Set-Cookie") or [])
        for line in self.set.split("\n"):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        text = response.read().decode()
        connection.close()
        return response.status, response.headers.get("Location") or "", text


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    running = Provider()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="module")
def office(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("provider") / "data"
    inkdot("account", "add", ADA, "--ask", "--data", data, stdin=PASSWORD + "\n")
    for other in (BEN, CARLA):
        inkdot("account", "add", other, "--ask", "--data", data, stdin=PASSWORD + "\n")
    (data / "inkdot.toml").write_text(
        f'private_networks = ["127.0.0.0/8"]\noidc_issuer = "{provider.issuer}"\noidc_client_id = "{CLIENT}"\n'
        f'oidc_client_secret = "{SECRET}"\n'
    )
    running = Server(data)
    yield running
    running.stop()


def come_in(office: Server, provider: Provider) -> tuple[Browser, tuple[int, str, str]]:
    browser = Browser(office.office)
    _, where, _ = browser.go("/login/provider?next=/mails")
    return browser, browser.go(provider.let_in(where))


def test_the_provider_lets_in_whose_verified_address_has_an_account_and_the_audit_log_says_so(
    office: Server, provider: Provider
) -> None:
    provider.be()
    assert "/login/provider?next=" in Browser(office.office).go("/login")[2]
    browser, (status, to, text) = come_in(office, provider)
    assert (status, to) == (303, "/mails"), text
    assert browser.go("/me")[0] == 200
    audit = browser.go("/audit")[2]
    assert "signed in" in audit
    assert SECRET not in browser.go("/settings")[2]
    provider.be(email="ada-has-another@example.com", email_verified=False)
    assert come_in(office, provider)[1][:2] == (303, "/mails")


def test_the_browser_that_began_holds_a_short_lived_cookie_out_of_reach_of_scripts(office: Server) -> None:
    browser = Browser(office.office)
    browser.go("/login/provider")
    assert "HttpOnly" in browser.set
    assert "SameSite=lax" in browser.set
    assert "Max-Age=600" in browser.set


@pytest.mark.parametrize(
    ("header", "says", "told"),
    [
        ({"alg": "none"}, {}, "not signed as it must be"),
        ({"alg": "HS256"}, {}, "not signed as it must be"),
        ({"kid": "nobody's"}, {}, "signed by an unknown key"),
        ({}, {"aud": "another-office"}, "meant for another office"),
        ({}, {"aud": [CLIENT, "another"], "azp": "another"}, "meant for another office"),
        ({}, {"nonce": "of another browser"}, "made for another browser"),
        ({}, {"iss": "https://id.example.org"}, "comes from another provider"),
        ({}, {"exp": 1_700_000_000}, "not of now"),
        ({}, {"iat": 1_700_000_000}, "not of now"),
        ({}, {"sub": "new", "email_verified": False}, "does not vouch for your mail address"),
        ({}, {"sub": "new", "email_verified": "true"}, "does not vouch for your mail address"),
        ({}, {"sub": "new", "email": "stranger@example.com"}, "an owner has to add it to the team first"),
    ],
)
def test_a_token_that_is_not_for_us_now_and_about_a_member_lets_nobody_in(
    office: Server, provider: Provider, header: dict[str, str], says: dict[str, Any], told: str
) -> None:
    provider.be(header, **says)
    browser, (status, _, text) = come_in(office, provider)
    assert status == 403
    assert told in text
    assert browser.go("/me")[0] == 303


def test_an_address_that_is_told_apart_from_the_token_counts_if_it_is_verified_and_of_the_same_person(
    office: Server, provider: Provider
) -> None:
    unsure = "does not vouch for your mail address"
    for tells, told in (
        ({"email_verified": False}, unsure), ({"email": None}, unsure), ({"sub": "somebody-else"}, "it is about somebody else"),
    ):  # fmt: skip
        provider.tell(**tells)
        _, (status, _, text) = come_in(office, provider)
        assert (status, told in text) == (403, True), text
    provider.tell()
    browser, (status, to, text) = come_in(office, provider)
    assert (status, to) == (303, "/mails"), text
    assert CARLA in browser.go("/me")[2]
    provider.be(sub="carla-1")  # who is known comes in under the name of the provider, whatever is told of addresses
    assert CARLA in come_in(office, provider)[0].go("/me")[2]


def test_a_token_signed_by_another_key_under_the_name_of_the_right_one_is_refused(
    office: Server, provider: Provider
) -> None:
    provider.be()
    come_in(office, provider)
    right = provider.key
    provider.key = rsa.generate_private_key(65_537, 2_048)
    _, (status, _, text) = come_in(office, provider)
    provider.key = right
    assert status == 403
    assert "its signature is wrong" in text


def test_a_key_on_the_curve_signs_as_well_and_another_one_on_it_does_not(office: Server, provider: Provider) -> None:
    provider.new_key("curve", ec.generate_private_key(ec.SECP256R1()))
    provider.be()
    assert come_in(office, provider)[1][0] == 303
    provider.key = ec.generate_private_key(ec.SECP256R1())
    _, (status, _, text) = come_in(office, provider)
    provider.new_key("after the curve")
    assert (status, "its signature is wrong" in text) == (403, True)


def test_a_new_key_of_the_provider_is_looked_for_once(office: Server, provider: Provider) -> None:
    provider.be()
    come_in(office, provider)
    provider.new_key("second")
    provider.be()
    before = provider.asked.count("/keys")
    assert come_in(office, provider)[1][0] == 303
    assert provider.asked.count("/keys") == before + 1


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(office: Server, provider: Provider) -> None:
    provider.be()
    browser = Browser(office.office)
    back = provider.let_in(browser.go("/login/provider")[1])
    assert Browser(office.office).go(back)[0] == 403
    assert browser.go(back.replace("iss=http", "iss=https"))[0] == 403
    assert browser.go(back)[0] == 403
    held = dict(browser.cookies)
    back = provider.let_in(browser.go("/login/provider")[1])
    held = dict(browser.cookies)
    assert browser.go(back)[0] == 303
    browser.cookies = held
    status, _, text = browser.go(back)
    assert status == 403
    assert "begin again" in text


def test_another_subject_with_the_same_address_does_not_take_an_account_over(
    office: Server, provider: Provider
) -> None:
    provider.be()
    assert come_in(office, provider)[1][0] == 303
    provider.be(sub="somebody-new-with-an-old-address")
    _, (status, _, text) = come_in(office, provider)
    assert status == 403
    assert "Somebody else of this provider" in text


def test_the_second_factor_is_asked_for_after_the_provider_too(office: Server, provider: Provider) -> None:
    accounts = Accounts(office.data / "control.db")
    user = accounts.user_of(BEN)
    assert user
    secret = totp_secret(b"k" * 20)
    accounts.want_totp(user.id, secret)
    accounts.prove_totp(user.id, secret)
    accounts.close()
    provider.be(sub="ben-1", email=BEN)
    browser, (status, _, text) = come_in(office, provider)
    assert status == 200
    assert "Code of your authenticator" in text
    assert browser.go("/me")[0] == 303
    assert browser.go("/login/provider/code", {"code": "000000"})[0] == 401
    code = totp_code(secret, int(time.time()) // 30)
    assert browser.go("/login/provider/code", {"code": code})[:2] == (303, "/mails")
    assert browser.go("/me")[0] == 200


def test_without_a_provider_there_is_no_button_and_nothing_is_asked(server: Server) -> None:
    browser = Browser(server.office)
    assert "/login/provider" not in browser.go("/login")[2]
    assert browser.go("/login/provider")[0] == 404


def test_a_provider_without_a_safe_address_or_a_client_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "inkdot.toml").write_text('oidc_issuer = "http://id.example.com"\noidc_client_id = "x"\n')
    said = inkdot("serve", "--office-port", "0", "--public-port", "0", "--data", tmp_path, check=False)
    assert "oidc_issuer must be an address like https" in said.stderr
