"""What authenticators may say: keys of every kind that is offered, and data that a browser would never send on."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import Request
from starlette.responses import Response

from inkdot.domain.errors import NotAllowed
from inkdot.show.auth import Auth
from inkdot.show.passkeys import Passkeys
from inkdot.store.accounts import Accounts
from tests.conftest import ADA, PATIENCE, Server, inkdot
from tests.office.asking import PASSWORD

PRESENT, VERIFIED, HAS_KEY = 1, 4, 64
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def cbor(value: int | bytes | str | dict[Any, Any]) -> bytes:
    """Numbers, bytes, text and maps, as authenticators write them."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case _:
            return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def _head(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 24 else bytes([kind << 5 | 25]) + size.to_bytes(2, "big")


def public(key: Key) -> dict[int, Any]:
    """As COSE writes it."""
    match key:
        case ec.EllipticCurvePrivateKey():
            at = key.public_key().public_numbers()
            curve = {"secp256r1": (-7, 1), "secp384r1": (-35, 2)}[key.curve.name]
            size = key.curve.key_size // 8
            return {1: 2, 3: curve[0], -1: curve[1], -2: at.x.to_bytes(size, "big"), -3: at.y.to_bytes(size, "big")}
        case ed25519.Ed25519PrivateKey():
            return {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}
        case rsa.RSAPrivateKey():
            n = key.public_key().public_numbers()
            return {1: 3, 3: -257, -1: n.n.to_bytes(key.key_size // 8, "big"), -2: n.e.to_bytes(3, "big")}


def signature(key: Key, text: bytes) -> bytes:
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(text, ec.ECDSA(SHA256()))
        case ed25519.Ed25519PrivateKey():
            return key.sign(text)
        case rsa.RSAPrivateKey():
            return key.sign(text, padding.PKCS1v15(), SHA256())


class Tab:
    """A browser at localhost that says whatever its authenticator is told to say."""

    def __init__(self, server: Server, network: str) -> None:
        port = urlsplit(server.office).port
        self.at, self.origin, self.network = f"127.0.0.1:{port}", f"http://localhost:{port}", network
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def post(self, path: str, form: dict[str, str]) -> tuple[int, str]:
        headers = {
            "Host": self.origin.removeprefix("http://"), "Origin": self.origin, "X-Forwarded-For": self.network,
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
        }  # fmt: skip
        connection = http.client.HTTPConnection(self.at, timeout=PATIENCE)
        connection.request("POST", path, urlencode(form | {"csrf": self.csrf}), headers)
        response = connection.getresponse()
        for line in response.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        text = response.read().decode()
        connection.request(
            "GET", "/me", headers=headers | {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        )
        found = re.search(r'name="csrf" value="(\w+)"', connection.getresponse().read().decode())
        self.csrf = found[1] if found else ""
        connection.close()
        return response.status, text

    def client(self, kind: str, asked: dict[str, Any], other: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": asked["challenge"], "origin": self.origin} | other).encode()

    def make(
        self, key: Key, name: bytes, *, flags: int = PRESENT | VERIFIED, host: str = "localhost"
    ) -> tuple[int, str]:
        asked = json.loads(self.post("/me/passkeys/ask", {"password": PASSWORD})[1])
        self.handle = asked["user"]["id"]
        data = hashlib.sha256(host.encode()).digest() + bytes([flags | HAS_KEY]) + bytes(4)
        data += bytes(16) + len(name).to_bytes(2, "big") + name + cbor(public(key))
        told = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self.client("webauthn.create", asked, {})
        return self.post("/me/passkeys", {"client": word(client), "attestation": word(told), "name": "made by a test"})

    def sign(
        self, key: Key, name: bytes, *, flags: int = PRESENT | VERIFIED, host: str = "localhost", **client: Any
    ) -> tuple[int, str]:
        asked = json.loads(self.post("/login/passkey/ask", {})[1])
        said = self.client("webauthn.get", asked, client)
        data = hashlib.sha256(host.encode()).digest() + bytes([flags]) + bytes(4)
        return self.post("/login/passkey", {
            "id": word(name), "client": word(said), "data": word(data), "user": self.handle,
            "signature": word(signature(key, data + hashlib.sha256(said).digest())), "next": "/mails",
        })  # fmt: skip

    def leave(self) -> None:
        self.cookies, self.csrf = {}, ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("authenticators") / "data", "--trusted-proxies", "127.0.0.1/32")
    inkdot("account", "add", ADA, "--ask", "--data", found.data, stdin=PASSWORD + "\n")
    yield found
    found.stop()


@pytest.fixture
def tab(server: Server, request: pytest.FixtureRequest) -> Tab:
    """Signed in, from a network of its own."""
    number = int.from_bytes(hashlib.sha256(request.node.name.encode()).digest()[:2], "big")
    found = Tab(server, f"198.{number % 256}.{number >> 8}.7")
    assert found.post("/login", {"address": ADA, "password": PASSWORD})[0] == 303
    return found


KINDS: dict[str, Key] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": rsa.generate_private_key(65_537, 2_048),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_each_kind_that_is_offered_signs_in_and_no_signature_of_another_key_does(tab: Tab, kind: str) -> None:
    key, name = KINDS[kind], f"key {kind}".encode()
    assert tab.make(key, name)[0] == 303
    tab.leave()
    stranger = next(other for other_kind, other in KINDS.items() if other_kind != kind)
    status, text = tab.sign(stranger, name)
    assert (status, "its signature is wrong" in text) == (403, True)
    assert tab.post("/me", {"do": "offer"})[0] == 303  # nobody is signed in
    assert tab.sign(key, name)[0] == 303
    assert tab.post("/me", {"do": "offer"})[0] == 200


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"flags": PRESENT}, "did not make sure who uses it"),
        ({"flags": VERIFIED}, "did not make sure who uses it"),
        ({"host": "localhost.evil.example"}, "for another website"),
    ],
)
def test_a_device_that_verified_nobody_or_speaks_for_another_host_neither_adds_a_key_nor_signs_in(
    tab: Tab, told: dict[str, Any], why: str
) -> None:
    key = KINDS["ES256"]
    name = f"of {sorted(told.items())}".encode()
    status, text = tab.make(key, name, **told)
    assert (status, why in text) == (403, True)
    assert tab.make(key, name)[0] == 303
    tab.leave()
    status, text = tab.sign(key, name, **told)
    assert (status, why in text) == (403, True)
    assert tab.sign(key, name)[0] == 303


@pytest.mark.parametrize(
    ("client", "why"),
    [
        ({"type": "webauthn.create"}, "asked for something else"),
        ({"challenge": word(bytes(32))}, "another question"),
        ({"origin": "http://localhost.evil.example"}, "on another website"),
        ({"crossOrigin": True}, "on another website"),
    ],
)
def test_an_answer_to_something_else_signs_nobody_in(tab: Tab, client: dict[str, Any], why: str) -> None:
    key, name = KINDS["EdDSA"], f"for {sorted(client)}".encode()
    assert tab.make(key, name)[0] == 303
    tab.leave()
    status, text = tab.sign(key, name, **client)
    assert (status, why in text) == (403, True)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65_537, 1_024)], ids=["P-384", "RSA-1024"]
)
def test_a_key_of_a_kind_that_was_not_asked_for_is_not_kept(tab: Tab, key: Key) -> None:
    status, text = tab.make(key, b"of another kind")
    assert (status, "of no known kind" in text) == (403, True)


def test_nonsense_in_place_of_an_answer_is_refused_in_a_sentence(tab: Tab) -> None:
    for told in (b"", b"\xbb" + b"\xff" * 8, b"\x81" * 900, cbor({"authData": 5}), cbor({"authData": bytes(40)})):
        asked = json.loads(tab.post("/me/passkeys/ask", {"password": PASSWORD})[1])
        client = tab.client("webauthn.create", asked, {})
        status, text = tab.post("/me/passkeys", {"client": word(client), "attestation": word(told), "name": "x"})
        assert (status, "The passkey cannot be taken" in text) == (403, True), told


def test_who_tries_passkeys_without_end_is_slowed_down_and_others_are_not(server: Server) -> None:
    crowd = Tab(server, "203.0.113.7")
    said: list[int] = []
    while said[-1:] != [429] and len(said) < 80:  # one more is allowed each quarter of a minute
        said.append(crowd.post("/login/passkey/ask", {})[0])
    assert (set(said[:60]), said[-1]) == ({200}, 429)
    assert Tab(server, "203.0.114.7").post("/login/passkey/ask", {})[0] == 200


def test_one_account_is_not_signed_in_to_by_guessing_at_its_passkeys(tab: Tab) -> None:
    tab.leave()
    tab.handle = word(bytes(8))
    said = [tab.sign(KINDS["EdDSA"], f"guess {n}".encode())[0] for n in range(11)]
    assert (set(said[:10]), said[10]) == ({401}, 429)


def test_what_changed_of_who_may_come_in_stands_in_the_audit_log(tab: Tab, server: Server) -> None:
    key, name = KINDS["EdDSA"], b"told of"
    assert tab.make(key, name)[0] == 303
    tab.leave()
    assert tab.sign(key, name)[0] == 303
    assert tab.post("/me/passkeys", {"do": "remove", "id": word(name), "password": PASSWORD})[0] == 303
    assert tab.post("/team", {"do": "key", "name": "reports", "may_read": "1"})[0] == 200
    ben = {"do": "add", "address": "ben@example.com", "password": PASSWORD, "role": "viewer"}
    assert tab.post("/team", ben)[0] == 303
    inkdot("account", "role", "ben@example.com", "member", "--data", server.data)
    said = http.client.HTTPConnection(tab.at, timeout=PATIENCE)
    cookies = "; ".join(f"{k}={v}" for k, v in tab.cookies.items())
    said.request("GET", "/audit?format=jsonl", headers={"Cookie": cookies, "Host": tab.origin.removeprefix("http://")})
    lines = [json.loads(line) for line in said.getresponse().read().decode().splitlines()]
    said.close()
    told = [(line["who"] == ADA, line["what"], line["detail"]) for line in reversed(lines)]
    wanted = [
        (True, "signed in", None), (True, "passkey add", "passkey: made by a test"), (True, "signed in", "way: passkey"),
        (True, "passkey rm", "passkey: made by a test"), (True, "key add", "key: reports, may: ['read']"),
        (True, "account add", "account: ben, role: viewer"),
        (False, "account role", "account: ben, role: member"),
    ]  # fmt: skip
    assert [line for line in told if line in wanted][-len(wanted) :] == wanted


def test_a_new_password_ends_passkeys_if_one_says_so_and_a_password_from_the_server_always_does(
    tab: Tab, server: Server
) -> None:
    key, another = KINDS["EdDSA"], "another five words from it"
    change = {"do": "password", "old": PASSWORD, "new": PASSWORD}
    for form, signs_in in ((change, 303), (change | {"passkeys": "1"}, 401)):
        name = f"with {sorted(form)}".encode()
        assert tab.make(key, name)[0] == 303
        assert tab.post("/me", form)[0] == 303
        assert tab.sign(key, name)[0] == signs_in
    assert tab.post("/login", {"address": ADA, "password": PASSWORD})[0] == 303
    assert tab.make(key, b"the last one")[0] == 303
    inkdot("account", "passwd", ADA, "--ask", "--data", server.data, stdin=another + "\n")
    assert tab.sign(key, b"the last one")[0] == 401
    inkdot("account", "passwd", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")


def test_a_question_that_is_older_than_five_minutes_is_not_answered(server: Server) -> None:
    clock, accounts = [0.0], Accounts(server.data / "control.db")
    passkeys = Passkeys(Auth(accounts, ""), lambda: clock[0])
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    scope = {"type": "http", "method": "POST", "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 9),
             "path": "/login/passkey", "query_string": b"", "headers": headers}  # fmt: skip

    def answered(after: float) -> str:
        response = Response()
        passkeys.remember(Request(scope), response, passkeys.ask_known(Request(scope))[0])
        clock[0] += after
        cookie = response.headers["set-cookie"].partition(";")[0].encode()
        with pytest.raises(NotAllowed) as refused:
            passkeys.login(Request(scope | {"headers": [*headers, (b"cookie", cookie)]}), {"id": "!"})
        return str(refused.value)

    assert "no answer of a browser" in answered(299)  # the question stood, what came was nonsense
    assert "too long ago" in answered(301)
    accounts.close()
