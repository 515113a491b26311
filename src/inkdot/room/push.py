"""Where a browser is allowed to be pushed to: a page with one button, and the service worker that shows what comes.

    GET  /n/TOKEN       the page; asks for nothing until its button is pressed
    POST /n/TOKEN       a browser's subscription as JSON ({"endpoint", "keys": {"p256dh", "auth"}}), or {"endpoint", "stop": true}
    GET  /n/worker.js   the service worker

The token names a person, or nobody: then the browser is the owner's, and the link works for a week.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdot.domain.contact import Address
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import Keyring, Token, TokenKind
from inkdot.room.face import Face, Turned
from inkdot.room.push_words import WORDS
from inkdot.room.words import language_of

_MOST_BYTES = 4_096
_OWNER_SECONDS = 7 * 86_400
_MOST_ENDPOINT = 1_500


class Subscribed(NamedTuple):
    """What a browser said."""

    workspace: WorkspaceId
    address: Address | None
    """None: the owner's browser."""
    endpoint: str
    keys: dict[str, str]
    name: str
    wording: str
    language: str


class Browsers(Protocol):
    """What the page needs of the house."""

    def public(self) -> str:
        """The key that browsers want (VAPID)."""

    def usable(self, keys: dict[str, str]) -> bool:
        """True if a browser's keys are keys."""

    def may(self, address: Address | None, workspace: WorkspaceId) -> bool:
        """False if this person wants nothing from us."""

    def allow(self, said: Subscribed) -> None:
        """Keep a browser, and that it was allowed."""

    def stop(self, address: Address | None, endpoint: str, workspace: WorkspaceId) -> None:
        """Forget it."""


class PushPages:
    """Answers at `/n/`."""

    def __init__(self, keyring: Keyring, browsers: Browsers, face: Face, sender: str, language: str, now: Any) -> None:
        """`now` gives unix seconds."""
        self._keyring, self._browsers, self._face = keyring, browsers, face
        self._sender, self._default, self._now = sender, language, now

    def routes(self) -> list[Route]:
        """For the room's application."""
        return [
            Route("/n/worker.js", self._worker, methods=["GET"]),
            Route("/n/{token}", self._page, methods=["GET"]),
            Route("/n/{token}", self._said, methods=["POST"]),
        ]

    async def _worker(self, _request: Request) -> Response:
        return self._face.script("worker.js")

    async def _page(self, request: Request) -> Response:
        return await run_in_threadpool(self._shown, request)

    def _shown(self, request: Request) -> Response:
        token = self._token(request)
        words = WORDS[self._language(request)]
        if not self._browsers.may(token.address, token.workspace):
            return self._face.page("turned.html", heading=words["title"], text=words["withdrawn"])
        about = words["person" if token.address else "owner"].format(sender=self._sender or words["sender"])
        return self._face.page(
            "push.html", words=words, about=about, key=self._browsers.public(), language=self._language(request)
        )

    async def _said(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                return self._face.problem(413, "A browser's subscription is smaller.")
        return await run_in_threadpool(self._keep, request, body)

    def _keep(self, request: Request, body: bytes) -> Response:
        token, language = self._token(request), self._language(request)
        try:
            said = json.loads(body)
            endpoint, keys = said["endpoint"], said.get("keys") or {}
            wanted = {name: keys[name] for name in ("p256dh", "auth")} if not said.get("stop") else {}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self._face.problem(422, "This is no browser's subscription.")
        if not _is_service(endpoint):
            return self._face.problem(422, "endpoint is no https address of a push service.")
        if said.get("stop"):
            self._browsers.stop(token.address, endpoint, token.workspace)
            return self._face.json({"allowed": False})
        if not self._browsers.usable(wanted):
            return self._face.problem(422, "keys are no keys of a browser.")
        if not self._browsers.may(token.address, token.workspace):
            return self._face.problem(403, WORDS[language]["withdrawn"])
        wording, name = WORDS[language]["person"], urlsplit(endpoint).hostname or ""
        self._browsers.allow(Subscribed(token.workspace, token.address, endpoint, wanted, name, wording, language))
        return self._face.json({"allowed": True})

    def _token(self, request: Request) -> Token:
        raw = self._keyring.check(request.path_params["token"].encode("latin-1", "replace"))
        token = self._keyring.read(raw) if raw else None
        if token is None or token.kind is not TokenKind.PUSH:
            raise Turned(404, "There is nothing here", "Check that the link is complete.")
        if token.address is None and self._now() > token.marked + _OWNER_SECONDS:
            raise Turned(410, "This link has ended", "Make a new one with 'inkdot push link'.")
        return token

    def _language(self, request: Request) -> str:
        return language_of(request.headers.get("accept-language", ""), self._default)


def _is_service(endpoint: Any) -> bool:
    if not isinstance(endpoint, str) or len(endpoint) > _MOST_ENDPOINT or not endpoint.isascii():
        return False
    try:
        parts = urlsplit(endpoint)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        return False
