"""Lines that marks made too long for SMTP (998 bytes, RFC 5322 2.1.1) are broken inside our own tags, where it shows nowhere."""

from __future__ import annotations

import re

LONGEST = 998
_TOO_LONG = re.compile(rb"[^\n]{%d,}" % (LONGEST + 1))
_BREAK = b"\t"
"""Stands before each line end that was put before a link's href, so that cleaning knows it from the sender's own."""
_BROKEN = re.compile(rb"(?i)(\t\r?\n)href\s*=\s*[\"']?\Z")
_DOT_END = b'style="border:0">'


def too_long(content: bytes) -> bool:
    """True if a line is longer than mail servers need to take."""
    return any(len(line[0].rstrip(b"\r")) > LONGEST for line in _TOO_LONG.finditer(content))


def broken(text: bytes, public_url: str, eol: bytes) -> bytes:
    """The marked text with line ends inside our tags on each line that is too long."""
    if not too_long(text):
        return text
    ours = re.escape(public_url.rstrip("/").encode())
    place = re.compile(rb"(?i)(?<=[\s\"'])(?=href\s*=\s*[\"']?" + ours + rb"/)")
    dot = re.compile(rb'<img (?=src="' + ours + rb"/)")

    def shorter(line: re.Match[bytes]) -> bytes:
        parts = place.sub(lambda _: _BREAK + eol, line[0])
        return dot.sub(b"<img" + eol, parts).replace(_DOT_END, _DOT_END[:-1] + eol + b">")

    return _TOO_LONG.sub(shorter, text)


def broken_before(text: bytes, value: int) -> tuple[int, int] | None:
    """Where the line end stands that was put before the href whose value begins at `value`."""
    found = _BROKEN.search(text, max(0, value - 40), value)
    return found.span(1) if found else None
