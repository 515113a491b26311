"""The live feed and the state of health: addresses that make their own answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inkdot.domain.event import Kind
from inkdot.show.api.call import Ask, Principal, unfit
from inkdot.show.api.door import JSON
from inkdot.show.live import FeedResponse, Live, Wanted, is_place


class Streams:
    """What the office tells while it happens."""

    def __init__(self, live: Live, healthy: Callable[[], str | None], asks: Mapping[str, Ask]) -> None:
        """`healthy` gives None or what is wrong; `asks` is told who watches, for the audit log."""
        self._live, self._healthy, self._asks = live, healthy, asks

    async def live(self, request: Request, principal: Principal) -> Any:
        """Events as they come."""
        wanted = _wanted(request, principal)
        since = request.headers.get("last-event-id") or None
        if since and not is_place(since):
            raise unfit("Last-Event-ID", "is none that was given out")
        watches = {"workspace": int(principal.workspace), "by": principal.by, "api": True}
        await run_in_threadpool(lambda: list(self._asks["live"](watches)))
        self._live.on(asyncio.get_running_loop())
        feed = await run_in_threadpool(self._live.watch, wanted, principal.asker, since)
        return FeedResponse(feed, principal.still)

    async def health(self, _: Request) -> Response:
        """For everybody: whether the office works."""
        trouble = await run_in_threadpool(self._healthy)
        body = msgspec.json.encode({"ok": trouble is None, "trouble": trouble})
        return Response(body, 503 if trouble else 200, media_type=JSON)


def _wanted(request: Request, principal: Principal) -> Wanted:
    given = dict(request.query_params)
    if unknown := given.keys() - {"kind", "machines"}:
        raise unfit(min(unknown), "is not known here")
    kinds = frozenset(word for word in given.get("kind", "").split(",") if word)
    if wrong := kinds - set(Kind):
        raise unfit("kind", f"{min(wrong)!r} is no kind of event; the kinds are {', '.join(Kind)}")
    machines = given.get("machines", "true")
    if machines not in ("true", "false"):
        raise unfit("machines", "is true or false")
    return Wanted(principal.workspace, kinds, machines == "true")
