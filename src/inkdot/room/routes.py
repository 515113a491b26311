"""Every address of the room, on one page.

    GET  /d/TOKEN               the document, or the gate before it
    POST /d/TOKEN/enter         passcode, address, code
    POST /d/TOKEN/wish          measure me, or do not
    POST /d/TOKEN/beat          what the page measured; 204 once it is on disk
    GET  /d/TOKEN/pages/N       a page as a picture
    GET  /d/TOKEN/lines/N       its text
    GET  /d/TOKEN/search?q=     where words stand
    GET  /d/TOKEN/file          the file, if it may be had
    GET  /d/own/NOTE            marks the sender's own browser
    GET  /d/static/NAME         scripts and styles

Other public pages join the same list, each under a prefix that the street hands over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inkdot.domain.errors import Failure
from inkdot.room.face import Face, Turned, zipped
from inkdot.room.reader import Reader

PREFIXES = ("/d/", "/p/", "/n/")
"""What the street hands over to the room."""

Answer = Callable[[Request], Response | Awaitable[Response]]


def reading(reader: Reader, face: Face) -> list[Route]:
    """The addresses of shared documents."""
    at = "/d/{token:str}"
    return [
        _route("/d/static/{name}", face.static),
        _route("/d/own/{note}", reader.own),
        _route(at, reader.page),
        _route(f"{at}/enter", reader.enter, "POST"),
        _route(f"{at}/wish", reader.wish, "POST"),
        _route(f"{at}/beat", reader.beat, "POST"),
        _route(f"{at}/pages/{{page:int}}", reader.image),
        _route(f"{at}/lines/{{page:int}}", reader.lines),
        _route(f"{at}/search", reader.search),
        _route(f"{at}/file", reader.file),
    ]


def application(face: Face, *groups: Sequence[Route]) -> Starlette:
    """The room's HTTP face over groups of routes."""

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def nothing(_request: Request, _error: Exception) -> Response:
        return face.page("turned.html", 404, heading="There is nothing here", text="Check that the link is complete.")

    async def turned(request: Request, error: Exception) -> Response:
        return face.turned(request, error)

    async def failed(_request: Request, error: Exception) -> Response:
        text = str(error) if isinstance(error, Failure) else "The disk refused it. Try again later, or tell the sender."
        return face.page("turned.html", 503, heading="This cannot be shown now", text=text)

    routes = [Route("/healthz", health), *(route for group in groups for route in group)]
    return Starlette(routes=routes, exception_handlers={404: nothing, Turned: turned, Failure: failed, OSError: failed})


def _route(path: str, answer: Answer, method: str = "GET") -> Route:
    async def answered(request: Request) -> Response:
        response: Any = await run_in_threadpool(answer, request)
        response = await response if isinstance(response, Awaitable) else response
        return zipped(request, response) if isinstance(response, Response) and hasattr(response, "body") else response

    return Route(path, answered, methods=[method])
