"""Sign-in by an OpenID Connect provider: the code flow with PKCE, each step bound to one browser and to one use.

Nothing is fetched before somebody presses the button. What waits is kept in memory only: who was at the provider while the
office started again presses it once more.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlencode, urlsplit

from inkdot.act.channels import Undelivered
from inkdot.act.reach import Reach
from inkdot.domain.errors import Failure, NotAllowed
from inkdot.domain.ids import UserId
from inkdot.show.id_token import Claims, Key, KeyUnknown, claims_of, untrusted, verified_address

BACK = "/login/provider/back"
WAIT_SECONDS = 600
"""How long somebody may take at the provider, and for the code of a second factor."""
_FRESH_SECONDS = 3_600
_MOST_WAITING = 10_000
_JSON = {"Accept": "application/json", "User-Agent": "Inkdot/1"}
_BEARER = re.compile(r"[\w.~+/-]+=*", re.ASCII)
_OVER = "This sign-in is over or was begun in another browser; begin again."


class _Begun(NamedTuple):
    browser: bytes
    nonce: str
    verifier: str
    redirect: str
    to: str
    until: float


class _Proven(NamedTuple):
    user: UserId
    to: str
    until: float


class _Known(NamedTuple):
    """What the provider publishes of itself."""

    authorize: str
    token: str
    keys: str
    people: str
    """Where it tells more of somebody; empty where it has no such address."""
    posts_secret: bool
    until: float


class Provider:
    """One provider; methods that fetch block for 15 seconds at most each time."""

    def __init__(
        self, issuer: str, client: str, secret: str, reach: Reach, now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`client` and `secret` as the provider gave them, the secret empty for a public client."""
        self.issuer, self._client, self._secret, self._reach = issuer, client, secret, reach
        self.name = urlsplit(issuer).hostname or issuer
        self._now, self._clock = now, clock
        self._begun: dict[str, _Begun] = {}
        self._proven: dict[bytes, _Proven] = {}
        self._known: _Known | None = None
        self._keys: list[Key] = []
        self._turn = threading.Lock()

    def begin(self, redirect: str, to: str) -> tuple[str, str]:
        """Where to send the browser, and what it is to hold meanwhile; `to` is where it wants to go afterwards."""
        known = self._discovered()
        state, nonce, verifier, browser = (_random() for _ in range(4))
        begun = _Begun(_digest(browser), nonce, verifier, redirect, to, self._clock() + WAIT_SECONDS)
        with self._turn:
            _make_room(self._begun, self._clock())
            self._begun[state] = begun
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = urlencode({
            "response_type": "code", "client_id": self._client, "redirect_uri": redirect, "scope": "openid email",
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        })  # fmt: skip
        return f"{known.authorize}{'&' if '?' in known.authorize else '?'}{asked}", browser

    def finish(self, state: str, browser: str, code: str, issuer: str) -> tuple[Claims, str, str]:
        """Who it is, where to go, and what `address` asks with; `issuer` as the answer names it, empty if it does not.

        Raises NotAllowed, Failure.
        """
        with self._turn:
            begun = self._begun.get(state)
            if begun is None or not hmac.compare_digest(begun.browser, _digest(browser)):
                raise NotAllowed(_OVER)
            del self._begun[state]
        if begun.until < self._clock():
            raise NotAllowed(_OVER)
        if issuer and issuer != self.issuer:
            raise untrusted("it comes from another provider")
        if not code:
            raise NotAllowed("The sign-in provider let nobody in.")
        token, access = self._token(begun, code)
        try:
            claims = self._claims(token, begun.nonce)
        except KeyUnknown:  # keys are changed now and then: look once whether there are others
            self._keys = []
            claims = self._claims(token, begun.nonce)
        return claims, begun.to, access

    def address(self, claims: Claims, access: str) -> str:
        """The mail address that the provider vouches for, empty if for none. Raises NotAllowed, Failure.

        By the standard the token names only who it is; what a scope asks for beyond that is told at another address.
        """
        people = self._discovered().people
        if claims.address or not people or not access:
            return claims.address
        said = self._fetched(people, headers={"Authorization": f"Bearer {access}"})
        if said.get("sub") != claims.subject:
            raise untrusted("it is about somebody else")
        return verified_address(said)

    def await_code(self, user: UserId, to: str) -> str:
        """Remember who was let in but for the second factor; what the browser is to hold."""
        browser = _random()
        with self._turn:
            _make_room(self._proven, self._clock())
            self._proven[_digest(browser)] = _Proven(user, to, self._clock() + WAIT_SECONDS)
        return browser

    def awaited(self, browser: str) -> tuple[UserId, str]:
        """Whose second factor a browser is to give, and where it wants to go. Raises NotAllowed."""
        found = self._proven.get(_digest(browser))
        if found is None or found.until < self._clock():
            raise NotAllowed(_OVER)
        return found.user, found.to

    def forget(self, browser: str) -> None:
        """It was given."""
        self._proven.pop(_digest(browser), None)

    def _claims(self, token: str, nonce: str) -> Claims:
        if not self._keys:
            found = self._fetched(self._discovered().keys).get("keys")
            self._keys = [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []
        return claims_of(token, self._keys, self.issuer, self._client, nonce, self._now())

    def _token(self, begun: _Begun, code: str) -> tuple[str, str]:
        """The ID token, and what gives access to more; empty if it is nothing that fits into a header."""
        known, headers = self._discovered(), {"Content-Type": "application/x-www-form-urlencoded"}
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": begun.redirect,
            "code_verifier": begun.verifier, "client_id": self._client,
        }  # fmt: skip
        if self._secret and known.posts_secret:
            form["client_secret"] = self._secret
        elif self._secret:
            pair = f"{quote_plus(self._client)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        said = self._fetched(known.token, urlencode(form).encode(), headers)
        token, access = said.get("id_token"), said.get("access_token")
        if not isinstance(token, str):
            raise untrusted("it does not say who it is about")
        return token, access if isinstance(access, str) and _BEARER.fullmatch(access) else ""

    def _discovered(self) -> _Known:
        known = self._known
        if known is None or known.until < self._clock():
            said = self._fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != self.issuer:
                raise untrusted("it comes from another provider")
            places = [str(said.get(name)) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
            people = str(said.get("userinfo_endpoint") or "")
            if not all(
                place.startswith((f"{urlsplit(self.issuer).scheme}:", "https:"))
                for place in (*places, people or places[0])
            ):
                raise untrusted("its addresses are not safe")
            ways = said.get("token_endpoint_auth_methods_supported")
            posts = isinstance(ways, list) and "client_secret_post" in ways and "client_secret_basic" not in ways
            authorize, token, keys = places
            self._known = known = _Known(
                quote(authorize, safe=":/?&=%-._~@+"), token, keys, people, posts, self._clock() + _FRESH_SECONDS
            )
            self._keys = []
        return known

    def _fetched(self, url: str, form: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            status, body = self._reach.fetch(url, _JSON | (headers or {}), form)
        except Undelivered as error:
            raise Failure(f"The sign-in provider cannot be reached: {error}") from error
        try:
            said = json.loads(body) if status == 200 else None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise Failure(f"The sign-in provider refused (HTTP {status}); an owner should look at its settings.")
        return said


def _random() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def _digest(browser: str) -> bytes:
    return hashlib.blake2b(browser.encode("utf-8", "replace"), digest_size=32, person=b"inkdot-provider").digest()


def _make_room(waiting: dict[Any, Any], now: float) -> None:
    """Forget what is over, and in a flood the oldest."""
    if len(waiting) >= _MOST_WAITING:
        for name in [n for n, w in waiting.items() if w.until < now] or list(waiting)[: _MOST_WAITING // 2]:
            del waiting[name]
