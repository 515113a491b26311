"""Signing in by a certified OpenID Connect provider (npm oidc-provider 9), over https, in Chromium.

    python proofs/sign_in.py

The provider and the office are two sites of one machine, each behind TLS of an authority made for this run. Three kinds of clients and
two of keys come in; whoever should not is told why in a sentence. Needs node, npm, openssl, faketime and Chromium.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import ADA, BEN, Server, inkdot

from inkdot.show.passwords import totp_code, totp_secret
from inkdot.store.accounts import Accounts

PROVIDER = """
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import https from "node:https";
import Provider from "oidc-provider";
const given = JSON.parse(readFileSync(0, "utf8"));
const kinds = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }] };
const keys = Object.entries(kinds).map(([alg, [kind, of]]) => (
  { ...generateKeyPairSync(kind, of).privateKey.export({ format: "jwk" }), alg, use: "sig" }));
const provider = new Provider(given.issuer, {
  clients: given.clients, jwks: { keys }, cookies: { keys: ["a proof"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: given.conform,
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...given.people[id] }) }),
});
const tls = { key: readFileSync(given.key), cert: readFileSync(given.cert) };
https.createServer(tls, provider.callback()).listen(given.port, "127.0.0.1", () => console.log("ready"));
"""
CLIENT, SECRET, PASSWORD = "office", "a secret: 100 % odd + long", "four words from a book"
PEOPLE = {
    "ada": {"email": ADA, "email_verified": True},
    "ben": {"email": BEN, "email_verified": True},
    "new-ada": {"email": ADA, "email_verified": True},
    "unsure": {"email": BEN, "email_verified": False},
    "stranger": {"email": "stranger@example.com", "email_verified": True},
}


class Proof:
    """The folder, the authority and the two addresses of one run; whoever is started in it ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, "oidc-provider@9"], check=True)
        (folder / "provider.mjs").write_text(PROVIDER)
        self.key, self.cert = folder / "tls.key", folder / "tls.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=proof", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.cert],
            check=True, capture_output=True,
        )  # fmt: skip
        self.port = free_port()
        self.issuer = f"https://127.0.0.1:{self.port}"
        self.front = Front(self.key, self.cert)
        self.office = f"https://localhost:{self.front.port}"

    @contextmanager
    def provider(
        self,
        *,
        way: str = "client_secret_basic",
        signed: str = "RS256",
        conform: bool = True,
        ahead: int = 0,
        **people: Any,
    ) -> Iterator[None]:
        """A provider with fresh keys; `ahead`: seconds that its clock is ahead."""
        client = {
            "client_id": CLIENT, "redirect_uris": [f"{self.office}/login/provider/back"],
            "token_endpoint_auth_method": way, "id_token_signed_response_alg": signed,
        } | ({} if way == "none" else {"client_secret": SECRET})  # fmt: skip
        given = {
            "issuer": self.issuer, "port": self.port, "clients": [client], "conform": conform, "people": PEOPLE | people,
            "key": str(self.key), "cert": str(self.cert),
        }  # fmt: skip
        clock = ["faketime", "-m", "-f", f"+{ahead}s"] if ahead else []
        with subprocess.Popen(
            [*clock, "node", "provider.mjs"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        ) as running:  # fmt: skip
            try:
                assert running.stdin
                assert running.stdout
                running.stdin.write(json.dumps(given))
                running.stdin.close()
                assert running.stdout.readline() == "ready\n"
                yield
            finally:
                os.killpg(running.pid, 15)

    @contextmanager
    def house(self, name: str, *, issuer: str = "", public: bool = False, trusting: bool = True) -> Iterator[Server]:
        """An office behind TLS with Ada in two workspaces and Ben, who have passwords, too."""
        data = self.folder / name
        for address in (ADA, BEN):
            inkdot("account", "add", address, "--ask", "--data", data, stdin=PASSWORD + "\n")
        inkdot("workspace", "add", "second", "--data", data)
        inkdot(
            "account", "add", ADA, "--workspace", "second", "--ask", "--data", data, stdin=PASSWORD + "\n", check=False
        )
        secret = "" if public else f"oidc_client_secret = {json.dumps(SECRET)}\n"
        (data / "inkdot.toml").write_text(
            f'private_networks = ["127.0.0.0/8"]\noidc_issuer = "{issuer or self.issuer}"\noidc_client_id = "{CLIENT}"\n{secret}'
        )
        if trusting:
            os.environ["SSL_CERT_FILE"] = str(self.cert)
        self.front.to = free_port()
        server = Server(data, "--office-url", self.office, "--office-port", str(self.front.to))
        os.environ.pop("SSL_CERT_FILE", None)
        try:
            yield server
        finally:
            server.stop()


class Front:
    """TLS before the office: bytes go through as they are."""

    def __init__(self, key: Path, cert: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port, self.to = listening.getsockname()[1], 0
        self._door = context.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            outside, _ = self._door.accept()
            threading.Thread(target=self._hand_over, args=(outside,), daemon=True).start()

    def _hand_over(self, outside: socket.socket) -> None:
        try:
            with outside, socket.create_connection(("127.0.0.1", self.to)) as inside:
                back = threading.Thread(target=self._pour, args=(inside, outside), daemon=True)
                back.start()
                self._pour(outside, inside)
                back.join()
        except OSError:  # a browser that went away
            pass

    def _pour(self, source: socket.socket, to: socket.socket) -> None:
        try:
            while piece := source.recv(65_536):
                to.sendall(piece)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def free_port() -> int:
    """One that nobody has right now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def fresh(chromium: Browser) -> BrowserContext:
    """A browser of its own that asks nobody but this machine."""

    def here(route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("localhost", "127.0.0.1"):
            route.continue_()
        else:
            route.abort()

    context = chromium.new_context(ignore_https_errors=True)
    context.route("**/*", here)
    return context


def walk(context: BrowserContext, proof: Proof, login: str, to: str = "/mails") -> str:
    """From the page of signing in to the provider and back; what the last page says."""
    page = context.new_page()
    page.goto(f"{proof.office}/login?next={to}")
    page.locator("a[href*='/login/provider']").click()
    if page.url.startswith(proof.issuer):
        if login == "(cancel)":
            page.get_by_text("Cancel").click()
        else:
            page.locator("input[name=login]").fill(login)
            page.locator("input[name=password]").fill("anything")
            page.locator("button[type=submit]").click()
            if page.url.startswith(proof.issuer):
                page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{proof.office}/**")
    return f"{urlsplit(page.url).path} {page.locator('main').inner_text()}"


def comes_in(chromium: Browser, proof: Proof, login: str = "ada") -> None:
    """He is where he wanted to go, by cookies that no other host can set and no plain http carries."""
    with fresh(chromium) as context:
        said = walk(context, proof, login)
        assert said.startswith("/mails "), said
        held = {cookie["name"]: cookie for cookie in context.cookies(proof.office)}
        assert held["__Host-inkdot"]["secure"]
        assert held["__Host-inkdot"]["httpOnly"]
        assert "__Host-inkdot-provider" not in held


def stays_out(chromium: Browser, proof: Proof, login: str, sentence: str) -> None:
    """He is told why, and has no session."""
    with fresh(chromium) as context:
        said = walk(context, proof, login)
        assert sentence in said, said
        assert all(cookie["name"] != "__Host-inkdot" for cookie in context.cookies(proof.office))


def kinds_of_clients(chromium: Browser, proof: Proof) -> None:
    """By each way in which clients show who they are, with both kinds of keys, told in the token or at another address."""
    for way, signed, conform in (
        ("client_secret_basic", "RS256", True), ("client_secret_post", "ES256", False), ("none", "ES256", True),
    ):  # fmt: skip
        with (
            proof.provider(way=way, signed=signed, conform=conform),
            proof.house(f"{way}-{signed}", public=way == "none"),
        ):
            comes_in(chromium, proof)
        print(f"in: {way}, {signed}, the address {'at the userinfo endpoint' if conform else 'in the token'}")


def people(chromium: Browser, proof: Proof) -> None:
    """Who may come in, who may not, and who stays himself; keys that change meanwhile."""
    with proof.house("people") as server:
        with proof.provider():
            comes_in(chromium, proof)
            stays_out(chromium, proof, "unsure", "does not vouch for your mail address")
            stays_out(chromium, proof, "stranger", "an owner has to add it to the team first")
            stays_out(chromium, proof, "new-ada", "Somebody else of this provider")
            stays_out(chromium, proof, "(cancel)", "let nobody in")
            stolen_code(chromium, proof)
            second_factor(chromium, proof, server)
            workspaces(chromium, proof)
        with proof.provider(ada={"email": "ada-married@example.com", "email_verified": False}):
            comes_in(chromium, proof)
        print("in: with other keys of the provider, and with another address of the same person")


def stolen_code(chromium: Browser, proof: Proof) -> None:
    """A code of another's sign-in does nothing in one's own, and one's own does nothing twice."""
    with fresh(chromium) as victim, fresh(chromium) as thief:
        backs = [way_back(context, proof) for context in (victim, thief)]
        theirs, own = (parse_qs(urlsplit(back).query)["code"][0] for back in backs)
        page = thief.new_page()
        page.goto(backs[1].replace(own, theirs))
        assert "The sign-in provider refused (HTTP 400)" in page.locator("main").inner_text()
        page.goto(backs[1])
        assert "begin again" in page.locator("main").inner_text()
    print("out: a code of somebody else's sign-in, for it lacks his verifier, and an answer that was used")


def way_back(context: BrowserContext, proof: Proof) -> str:
    """The address to which the provider sends Ada's browser, which does not go there."""
    place = f"{proof.office}/login/provider?next=/mails"
    while not place.startswith(f"{proof.office}/login/provider/back"):
        asked = context.request.get(place, max_redirects=0)
        if "/interaction/" in place:
            said: dict[str, str | float | bool] = {"prompt": "login", "login": "ada", "password": "anything"}
            form = said if 'value="login"' in asked.text() else said | {"prompt": "consent"}
            asked = context.request.post(place, form=form, max_redirects=0)
        place = urljoin(place, asked.headers["location"])
    return place


def second_factor(chromium: Browser, proof: Proof, server: Server) -> None:
    """It is asked for after the provider, too."""
    accounts, secret = Accounts(server.data / "control.db"), totp_secret(b"k" * 20)
    user = accounts.user_of(BEN)
    assert user
    accounts.want_totp(user.id, secret)
    accounts.prove_totp(user.id)
    accounts.close()
    with fresh(chromium) as context:
        walk(context, proof, "ben")
        page = context.pages[-1]
        page.locator("input[name=code]").fill(totp_code(secret, int(time.time()) // 30))
        page.locator("main button").click()
        page.wait_for_url("**/mails")
    print("in: with a second factor")


def workspaces(chromium: Browser, proof: Proof) -> None:
    """Who belongs to two goes from one to the other."""
    with fresh(chromium) as context:
        walk(context, proof, "ada", "/me")
        page = context.pages[-1]
        before = page.locator(".who small").inner_text()
        second = page.locator("select[name=workspace] option", has_text="second").get_attribute("value")
        page.locator("select[name=workspace]").select_option(second)
        page.get_by_role("button", name="Go there").click()
        page.wait_for_url(f"{proof.office}/")
        assert page.locator(".who small").inner_text() != before
    print("in: two workspaces, one after the other")


def clocks(chromium: Browser, proof: Proof) -> None:
    """Half a minute is nothing; five are told."""
    with proof.house("clocks"):
        with proof.provider(ahead=30):
            comes_in(chromium, proof)
        with proof.provider(ahead=300):
            stays_out(chromium, proof, "ada", "look at the clocks of both machines")
    print("in: a clock 30 s ahead; out: one 300 s ahead")


def strangers(chromium: Browser, proof: Proof) -> None:
    """Another name of the provider is not the provider; neither is a certificate of nobody's."""
    with proof.provider():
        with proof.house("name", issuer=proof.issuer.replace("127.0.0.1", "localhost")):
            stays_out(chromium, proof, "ada", "comes from another provider")
        with proof.house("certificate", trusting=False):
            stays_out(chromium, proof, "ada", "The sign-in provider cannot be reached")
    print("out: an issuer by another name, a certificate of an unknown authority")


def main() -> int:
    """All of it; the first thing that is not so ends it."""
    with tempfile.TemporaryDirectory(prefix="inkdot-proof-") as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        proof = Proof(Path(folder))
        for part in (kinds_of_clients, people, clocks, strangers):
            part(chromium, proof)
        chromium.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
