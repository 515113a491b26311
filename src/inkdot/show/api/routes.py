"""Every address of the API on one page."""

from __future__ import annotations

from collections import defaultdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from inkdot.show.api import session
from inkdot.show.api.call import Endpoint
from inkdot.show.api.door import Answering, Door
from inkdot.show.api.problems import Problem

BASE = "/api/v1"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/me", session.me, None, "Who asks, where, and what is allowed", dict),
)


def api_routes(door: Door) -> list[BaseRoute]:
    """The API of one office."""
    by_path: dict[str, dict[str, Answering]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        by_path[endpoint.path][endpoint.method] = door.endpoint(endpoint)
    sessions = door.free(session.Sessions(door).answer)
    by_path["/session"] = dict.fromkeys(("GET", "POST", "DELETE"), sessions)
    return [
        *(Route(BASE + path, _by_method(door, methods), methods=_ALL) for path, methods in by_path.items()),
        Route("/api/{rest:path}", door.free(_nowhere), methods=_ALL),
    ]


_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def _by_method(door: Door, methods: dict[str, Answering]) -> Answering:
    allowed = ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))

    async def refuse(_: Request) -> Response:
        raise Problem("method", f"This address knows {allowed}.", headers={"Allow": allowed})

    refused = door.free(refuse)

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods.get(method, refused)(request)

    return answer


async def _nowhere(_: Request) -> Response:
    raise Problem("not-found", "There is no such address; /api/docs lists those there are.")
