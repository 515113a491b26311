"""What a page may show to this visitor, where its own browser cannot know: how the visit began, and who it is.

    POST /n/may   {"key", "rules": [id], "url", "referrer", "visitor", "came"} -> {"may": [id], "came": [channel, source]}

The website tag asks once a page, and only where a rule wants it. `came` is what the answer to an earlier page said: within
a site and without a referrer, a visit goes on as it began. The answer names no list and no person.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple, Protocol

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdot.domain.beacon import belongs, host_of
from inkdot.domain.ids import SiteId, WorkspaceId
from inkdot.domain.token import Keyring, TokenKind
from inkdot.understand.channels import Channels

_MOST_BYTES = 49_152
_HEADERS = {
    "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}  # fmt: skip
_Word = Annotated[str, msgspec.Meta(max_length=100)]


class _Asked(msgspec.Struct):
    key: Annotated[str, msgspec.Meta(max_length=1_000)]
    rules: Annotated[list[_Word], msgspec.Meta(max_length=1_000)]
    url: Annotated[str, msgspec.Meta(max_length=8_000)]
    referrer: Annotated[str, msgspec.Meta(max_length=8_000)] = ""
    visitor: _Word | None = None
    came: tuple[_Word, _Word | None] | None = None


class Guest(NamedTuple):
    """Whoever looks at a page."""

    workspace: WorkspaceId
    site: SiteId
    visitor: str | None
    """The name that the browser keeps; None without consent, and where the browser asks for privacy."""
    channel: str
    source: str | None


class Guests(Protocol):
    """What the answer needs of the house."""

    def may(self, guest: Guest, rules: list[str]) -> list[str]:
        """Those of the rules, as the street named them, that show something to this guest."""


def asking(keyring: Keyring, channels: Channels, guests: Guests) -> list[Route]:
    """The route, for the room's application."""

    def answered(asked: _Asked, *, private: bool) -> Response:
        raw = keyring.check(asked.key.encode("latin-1", "replace"))
        token = keyring.read(raw) if raw else None
        if token is None or token.kind is not TokenKind.SITE:
            return Response('{"error":"This is no key of a site."}', 422, _HEADERS, "application/json")
        domain, came = token.destination.decode("latin-1"), host_of(asked.referrer)
        own = belongs(came, domain.removeprefix("www.")) or came == host_of(asked.url)
        found = channels.trace("" if own else asked.referrer, asked.url)
        channel, source = found.channel, found.source
        if channel == "Direct" and asked.came:
            channel, source = asked.came
        visitor = None if private else asked.visitor
        guest = Guest(token.workspace, SiteId(token.object), visitor, channel, source)
        told = {"may": guests.may(guest, asked.rules), "came": (channel, source)}
        return Response(msgspec.json.encode(told), 200, _HEADERS, "application/json")

    async def may(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                return Response('{"error":"A question is smaller."}', 413, _HEADERS, "application/json")
        try:
            asked = msgspec.json.decode(body, type=_Asked)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return Response('{"error":"This is no question of the tag."}', 422, _HEADERS, "application/json")
        private = "1" in (request.headers.get("sec-gpc"), request.headers.get("dnt"))
        return await run_in_threadpool(answered, asked, private=private)

    return [Route("/n/may", may, methods=["POST"])]
