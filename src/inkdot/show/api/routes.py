"""The addresses of the table, ready to be asked."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from inkdot.domain.account import Scope
from inkdot.show.api import reference, session
from inkdot.show.api.door import JSON, Answering, Door
from inkdot.show.api.openapi import described
from inkdot.show.api.problems import Problem
from inkdot.show.api.stream import Streams
from inkdot.show.api.table import ENDPOINTS
from inkdot.show.paths import whole

BASE = "/api/v1"
_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_STATIC = {"Cache-Control": "no-cache, private"}


def api_routes(door: Door, streams: Streams) -> list[BaseRoute]:
    """The API of one office."""
    by_path: dict[str, dict[str, Answering]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        by_path[BASE + endpoint.path][endpoint.method] = door.endpoint(endpoint)
    by_path[f"{BASE}/session"] = dict.fromkeys(("GET", "POST", "DELETE"), door.free(session.Sessions(door).answer))
    by_path[f"{BASE}/live"] = {"GET": door.opened(streams.live, Scope.READ)}
    by_path[f"{BASE}/health"] = {"GET": door.free(streams.health)}
    document = described(ENDPOINTS, BASE)
    for path, body, kind in (
        ("/api/openapi.json", msgspec.json.encode(document), JSON),
        ("/api/docs", reference.page(document).encode(), "text/html"),
        ("/api/docs.css", reference.STYLE.encode(), "text/css"),
    ):
        by_path[path] = {"GET": door.free(_fixed(body, kind))}
    # Fixed words before words of the path: /triggers/test is no trigger. What goes on before what ends: a name may hold a slash.
    paths = sorted(by_path, key=lambda path: (-path.count("/"), [part.startswith("{") for part in path.split("/")]))
    return [
        *(Route(whole(path), _by_method(door, by_path[path]), methods=_ALL) for path in paths),
        *(Route(path, door.free(_nowhere), methods=_ALL) for path in ("/api/", whole("/api/{rest}"))),
    ]


def _fixed(body: bytes, kind: str) -> Answering:
    async def answer(_: Request) -> Response:
        headers = _STATIC | ({"Content-Security-Policy": reference.POLICY} if kind == "text/html" else {})
        return Response(body, headers=headers, media_type=kind)

    return answer


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
