"""How the room looks to a browser: templates, headers, cookies, and the sentence for whoever is turned away."""

from __future__ import annotations

import gzip
import hashlib
import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'none'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_HOUR, _YEAR = 3_600, 31_536_000


class Turned(Exception):
    """Somebody is turned away, with a status, a heading and a sentence."""

    def __init__(self, status: int, heading: str, text: str) -> None:
        super().__init__(status, heading, text)
        self.status, self.heading, self.text = status, heading, text


class Face:
    """Makes answers."""

    def __init__(self, public_url_path: str = "", *, secure: bool = False) -> None:
        """`public_url_path` is what a proxy puts before our addresses; `secure` that readers come by https."""
        self.root, self.secure = f"{public_url_path.rstrip('/')}/d", secure
        self._files = _shipped()
        self._templates = Environment(
            loader=PackageLoader("inkdot.room"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals["static"] = {name: f"static/{name}?{self._files[name][1]}" for name in self._files}

    def page(self, template: str, status: int = 200, **facts: Any) -> Response:
        """A page for people."""
        text = self._templates.get_template(template).render(facts | {"root": f"{self.root}/"})
        return Response(text, status, _HEADERS | {"Cache-Control": "no-store"}, "text/html; charset=utf-8")

    def turned(self, _request: Request, turned: Exception) -> Response:
        """A page for somebody who is turned away."""
        assert isinstance(turned, Turned)
        return self.page("turned.html", turned.status, heading=turned.heading, text=turned.text)

    def json(self, content: object, status: int = 200) -> Response:
        """A JSON answer for our own script."""
        return Response(json.dumps(content), status, _HEADERS | {"Cache-Control": "no-store"}, "application/json")

    def problem(self, status: int, text: str) -> Response:
        """A refusal for our own script."""
        return self.json({"error": text}, status)

    def cached(self, content: bytes, media: str) -> Response:
        """What this browser may keep for an hour."""
        return Response(content, 200, _HEADERS | {"Cache-Control": f"private, max-age={_HOUR}"}, media)

    def static(self, request: Request) -> Response:
        """A script or a style sheet; its address changes when it does."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise Turned(404, "There is nothing here", "Check the address.")
        content, etag = found
        headers = _HEADERS | {"Cache-Control": f"public, max-age={_YEAR}, immutable", "ETag": f'"{etag}"'}
        return Response(content, 200, headers, _TYPES[request.path_params["name"].rpartition(".")[2]])

    def script(self, name: str) -> Response:
        """A script under an address of its own, which browsers ask for anew."""
        headers = _HEADERS | {"Cache-Control": "no-cache"}
        return Response(self._files[name][0], 200, headers, _TYPES["js"])


def zipped(request: Request, response: Response) -> Response:
    """The answer, compressed if that helps and the browser can."""
    text = response.media_type or response.headers.get("content-type", "")
    kind = text.startswith(("text/", "application/json"))
    if kind and len(response.body) > 1_000 and "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(response.body, 6)
        response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(response.body))
    response.headers["vary"] = "accept-encoding"
    return response


def set_cookie(response: Response, face: Face, name: str, value: str, path: str, days: int = 0) -> None:
    """A cookie for the addresses below `path` of the room; an empty value forgets it, no days last until the window closes."""
    age = 0 if not value else days * 86_400 if days else None
    response.set_cookie(
        name, value, max_age=age, path=face.root + path, secure=face.secure, httponly=True, samesite="lax"
    )


def _shipped() -> dict[str, tuple[bytes, str]]:
    found = {}
    for file in files("inkdot.room").joinpath("static").iterdir():
        content = file.read_bytes()
        found[file.name] = content, hashlib.blake2b(content, digest_size=6).hexdigest()
    return found
