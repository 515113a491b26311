"""Passkeys: a question for the authenticator, bound to the browser that asked, and what its answer opens.

A passkey counts as both factors: the device is one, and what it asks its owner for, a finger or a PIN, is the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from inkdot.domain.account import Passkey
from inkdot.domain.errors import NotAllowed, NotFound, TooOften, UsageError
from inkdot.domain.ids import UserId
from inkdot.show.auth import Auth, Signed, fresh_secret
from inkdot.show.tries import Tries, is_plain_host, network_of
from inkdot.show.webauthn import ALGORITHMS, made, refused, signed
from inkdot.store.contract import iso

_SECONDS, _SECOND = 300, 1_000_000
_MOST_ASKED, _MOST_KEYS = 10_000, 20
_COOKIE, _SAFE_COOKIE = "inkdot-passkey", "__Host-inkdot-passkey"


class _Asked(NamedTuple):
    challenge: str
    user: UserId | None
    until: float


class Passkeys:
    """The questions that were asked of browsers; each may be answered once, within five minutes."""

    def __init__(self, auth: Auth, clock: Callable[[], float] = time.monotonic) -> None:
        """`auth`: the door that they open; `clock` gives seconds that never go back."""
        self._auth, self._clock, self._turn = auth, clock, threading.Lock()
        self._asked: dict[bytes, _Asked] = {}
        self._by_network = Tries(60, 900, clock)

    def ask_new(self, request: Request, who: Signed, password: str) -> tuple[str, dict[str, Any]]:
        """What a browser makes a key by, and the cookie for it. Raises SignInFirst, TooOften, NotAllowed, UsageError."""
        _, host = _place(request)
        self._auth.check_password(request, who, password)
        known = self._auth.accounts.passkeys(who.user)
        if len(known) >= _MOST_KEYS:
            raise UsageError(f"There are {_MOST_KEYS} passkeys already; remove one first.")
        secret, challenge = self._ask(who.user)
        return secret, {
            "challenge": challenge, "rp": {"id": host, "name": "Inkdot"}, "timeout": _SECONDS * 1_000,
            "user": {"id": _word(_handle(who.user)), "name": who.address, "displayName": who.name},
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
            "excludeCredentials": [{"type": "public-key", "id": _word(key.credential)} for key in known],
            "authenticatorSelection": {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"},
            "attestation": "none",
        }  # fmt: skip

    def keep_new(self, request: Request, who: Signed, form: Mapping[str, str]) -> None:
        """A new key. Raises NotAllowed, UsageError."""
        challenge, (origin, host) = self._answered(request, who.user), _place(request)
        name = " ".join(form.get("name", "").split())[:100] or "Passkey"
        found = made(_bytes(form, "client"), _bytes(form, "attestation"), challenge, origin, host)
        key = Passkey(found.credential, who.user, name, found.key, found.counter, int(time.time()), None)
        if not self._auth.accounts.keep_passkey(key):
            raise refused("it is known here already")
        self._auth.note(who, "passkey add", passkey=name)

    def end(self, request: Request, who: Signed, password: str, credential: str) -> str:
        """Remove one; every session ends. Returns a new one. Raises SignInFirst, TooOften, NotFound."""
        self._auth.check_password(request, who, password)
        name = self._auth.accounts.forget_passkey(who.user, _bytes({"id": credential}, "id"))
        if name is None:
            raise NotFound("There is no such passkey; it may have been removed before.")
        self._auth.note(who, "passkey rm", passkey=name)
        return self._auth.begin_again(request, who.user, who.workspace)

    def ask_known(self, request: Request) -> tuple[str, dict[str, Any]]:
        """What a browser signs by, and the cookie for it. Raises NotAllowed, TooOften."""
        self._auth.check_source(request)
        _, host = _place(request)
        left = self._by_network.take(network_of(request.client.host if request.client else None))
        if not left.allowed:
            raise TooOften(f"Too many tries; try again in {left.reset} seconds.", left.reset)
        secret, challenge = self._ask(None)
        asked = {"challenge": challenge, "rpId": host, "timeout": _SECONDS * 1_000, "userVerification": "required"}
        return secret, asked

    def login(self, request: Request, form: Mapping[str, str]) -> str:
        """A new session; give it to `Auth.welcome`. Raises SignInFirst, TooOften, NotAllowed."""
        self._auth.check_source(request)
        challenge, (origin, host) = self._answered(request, None), _place(request)
        key = self._auth.accounts.passkey(_bytes(form, "id"))
        if key is None:
            return self._auth.enter(request, None)
        if _bytes(form, "user") != _handle(key.user):
            raise refused("it is somebody else's")
        counter = signed(
            _bytes(form, "client"), _bytes(form, "data"), _bytes(form, "signature"), key.key, challenge, origin, host
        )
        if not self._auth.accounts.use_passkey(key.credential, counter, int(time.time())):
            raise refused("its counter went back, so there may be a copy of it; remove it and make a new one")
        return self._auth.enter(request, self._auth.accounts.user(key.user))

    def remember(self, request: Request, response: Response, secret: str) -> None:
        """Bind the question to the browser."""
        name = _cookie(request)
        safe = name == _SAFE_COOKIE
        response.set_cookie(name, secret, max_age=_SECONDS, path="/", secure=safe, httponly=True, samesite="strict")

    def _ask(self, user: UserId | None) -> tuple[str, str]:
        secret, challenge, now = fresh_secret(), fresh_secret(), self._clock()
        with self._turn:
            while self._asked and (len(self._asked) >= _MOST_ASKED or next(iter(self._asked.values())).until < now):
                del self._asked[next(iter(self._asked))]  # the oldest comes first
            self._asked[_digest(secret)] = _Asked(challenge, user, now + _SECONDS)
        return secret, challenge

    def _answered(self, request: Request, user: UserId | None) -> str:
        """The challenge of this browser, used up."""
        with self._turn:
            asked = self._asked.pop(_digest(request.cookies.get(_cookie(request), "")), None)
        if asked is None or asked.user != user or asked.until < self._clock():
            raise refused("nobody asked for it, or too long ago; try again")
        return asked.challenge


def words_of(keys: list[Passkey]) -> list[dict[str, Any]]:
    """Passkeys as a page lists them."""
    return [
        {
            "id": _word(key.credential),
            "name": key.name,
            "made": iso(key.made * _SECOND),
            "used": key.used and iso(key.used * _SECOND),
        }
        for key in keys
    ]


def _place(request: Request) -> tuple[str, str]:
    """Origin and host of the page that asks; `check_source` has said that it is ours. Raises NotAllowed."""
    origin = request.headers.get("origin", "").lower()
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if host != "localhost" and (parts.scheme != "https" or is_plain_host(host)):
        raise NotAllowed("Passkeys need an office that is reached by https and a name, or as localhost.")
    return origin, host


def _cookie(request: Request) -> str:
    return _SAFE_COOKIE if _place(request)[0].startswith("https:") else _COOKIE


def _handle(user: UserId) -> bytes:
    return int(user).to_bytes(8, "big")


def _digest(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode("utf-8", "replace"), digest_size=32, person=b"inkdot-passkey").digest()


def _word(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(form: Mapping[str, str], name: str) -> bytes:
    text = form.get(name, "")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused("what came is no answer of a browser") from None
