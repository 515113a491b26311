"""Cookies of the office: over https each has the name that browsers take from this very host alone, and over https alone.

cookies.keep(response, "said", text, seconds=60, safe=auth.is_safe(request))
cookies.held(request, "said", safe=...)
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

SAFE = "__Host-"


def held(request: Request, name: str, *, safe: bool) -> str:
    """What the browser holds; nothing of what an unsafe page, or a neighbour under the same domain, may have set."""
    return request.cookies.get(_named(name, safe), "")


def keep(response: Response, name: str, value: str, *, seconds: int, safe: bool) -> None:
    """Let the browser hold it, out of reach of scripts."""
    response.set_cookie(
        _named(name, safe), value, max_age=seconds, path="/", secure=safe, httponly=True, samesite="lax"
    )


def drop(response: Response, name: str, *, safe: bool) -> None:
    """The browser forgets it."""
    response.delete_cookie(_named(name, safe), path="/", secure=safe, httponly=True, samesite="lax")


def _named(name: str, safe: bool) -> str:
    return SAFE + name if safe else name
