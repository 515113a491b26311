"""The office's HTTP face: health, metrics, and the folder's own command line asking questions.

Questions come only with the folder's secret, which is readable by the folder's owner alone. Programs use the API (`api/`),
people the pages (`pages/`); who they are is `auth.py`'s to say.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from inkdot.domain.errors import InkdotError, UsageError
from inkdot.show.api.door import Door
from inkdot.show.api.problems import KINDS, Problem, problem_of
from inkdot.show.api.routes import api_routes
from inkdot.show.api.stream import Streams
from inkdot.show.live import Live
from inkdot.show.pages.desk import Desk
from inkdot.show.pages.routes import page_routes
from inkdot.store.shared_views import SharedViews

Ask = Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]
_LINES = "application/jsonl"


def application(
    secret: str,
    asks: Mapping[str, Ask],
    healthy: Callable[[], str | None],
    metrics: Callable[[], str],
    door: Door,
    live: Live,
    views: SharedViews,
    facts: Callable[[], Mapping[str, str]],
) -> Starlette:
    """`healthy` gives None or what is wrong; `asks` maps a question's name to its answer; `door` lets in.

    `live` tells those who watch, `views` keeps what is shared by links, `facts` gives the addresses that pages show.
    """

    async def health(_: Request) -> Response:
        trouble = await run_in_threadpool(healthy)
        return PlainTextResponse((trouble or "ok") + "\n", 503 if trouble else 200)

    async def numbers(_: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(metrics))

    async def ask(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {secret}".encode()):
            return _problem(401, "UsageError", "This address answers only the command line of its own data folder.")
        answer = asks.get(request.path_params["question"])
        if answer is None:
            return _problem(404, "UsageError", "There is no such question.")
        what = json.loads(await request.body() or b"{}")
        return StreamingResponse(_lines(answer, what), media_type=_LINES)

    desk = Desk(asks, door.auth, views, facts)
    routes = [
        Route("/healthz", health),
        Route("/metrics", numbers),
        Route("/ask/{question}", ask, methods=["POST"]),
        *api_routes(door, Streams(live, healthy, asks)),
        *page_routes(desk),
    ]
    handlers = {InkdotError: _refused, HTTPException: desk.lost, Exception: desk.broken}
    office = Starlette(routes=routes, exception_handlers=handlers)
    office.state.auth, office.state.live = door.auth, live
    return office


async def _refused(_: Request, error: Exception) -> Response:
    """An error on purpose, in a sentence."""
    problem = problem_of(error) if isinstance(error, InkdotError) else Problem("fault", str(error))
    return PlainTextResponse(f"{problem.detail}\n", KINDS[problem.name].status, problem.headers)


def _lines(answer: Ask, what: Mapping[str, Any]) -> Iterator[bytes]:
    """JSON Lines; an error on the way is the last line, because the status has left already."""
    try:
        for item in answer(what):
            yield json.dumps(item).encode() + b"\n"
    except InkdotError as error:
        kind = "UsageError" if isinstance(error, UsageError) else "Failure"
        yield json.dumps({"error": kind, "message": str(error)}).encode() + b"\n"
    except Exception:
        message = "The office could not answer to the end; its log says why, and 'inkdot doctor' what may be wrong."
        yield json.dumps({"error": "Failure", "message": message}).encode() + b"\n"
        raise


def _problem(status: int, kind: str, message: str) -> Response:
    return Response(json.dumps({"error": kind, "message": message}), status, media_type=_LINES)
