"""A page in one request: its style lies inside, allowed by hash; no script, no cookie. For pages that people reach by a token."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from importlib.resources import files
from string import Template

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_MOST_BYTES = 4_096


def sheet(title: str, body: str, language: str, status: int = 200) -> Response:
    """The page; `body` is HTML, the rest plain text."""
    page, headers = _made()
    text = page.substitute(title=html.escape(title), body=body, language=html.escape(language))
    return Response(text, status, headers, "text/html; charset=utf-8")


async def body_of(request: Request) -> bytes | Response:
    """What a form sent, or the answer to one that is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return PlainTextResponse("This form is smaller.\n", 413, _made()[1])
    return body


def is_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that a form was sent from another site than this page's."""
    return request.headers.get("sec-fetch-site", "").lower() in ("cross-site", "same-site")


def gone() -> Response:
    """Where a link leads that we did not make."""
    return PlainTextResponse("There is nothing at this address. Check that the link is complete.\n", 404)


@cache
def _made() -> tuple[Template, dict[str, str]]:
    source = files("inkdot.room").joinpath("sheet.html").read_text()
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": f"{policy}; base-uri 'none'", "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex, nofollow",
    }  # fmt: skip
    return Template(source), headers
