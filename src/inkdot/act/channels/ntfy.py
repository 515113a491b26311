"""A push message through an ntfy server."""

from __future__ import annotations

import base64

from inkdot.act.channels.webhook import judged
from inkdot.act.reach import Reach

_MOST_BYTES = 4_000


def deliver(reach: Reach, url: str, title: str, text: str, token: str | None, priority: int, message: str) -> str:
    """POST it to the topic; raises Undelivered."""
    headers = {
        "Content-Type": "text/plain; charset=utf-8", "User-Agent": "Inkdot/1", "Title": _word(title),
        "Priority": str(priority), "Tags": "eyes", "X-Delivery": message,
    }  # fmt: skip
    if token:
        headers["Authorization"] = f"Bearer {_line(token)}"
    return judged(reach.post(url, text.encode()[:_MOST_BYTES].decode("utf-8", "ignore").encode(), headers))


def _line(text: str) -> str:
    return "".join(c for c in text if " " <= c <= "~")


def _word(text: str) -> str:
    """A header value of any text (RFC 2047)."""
    plain = " ".join(text.split())[:200]
    return plain if plain.isascii() else f"=?UTF-8?B?{base64.b64encode(plain.encode()).decode()}?="
