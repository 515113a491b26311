"""Every answer the street gives, as ready bytes. A clock tick a second renews their Date."""

from __future__ import annotations

import re
from email.utils import formatdate

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A transparent 1x1 GIF, 43 bytes."""

_REASONS = {
    200: "OK", 202: "Accepted", 204: "No Content", 302: "Found", 304: "Not Modified", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
    502: "Bad Gateway", 504: "Gateway Timeout",
}  # fmt: skip
_NOT_IN_URL = re.compile(rb"[^\x21-\x7e]")
_ALLOWED = (
    "Allow: GET, HEAD, POST, OPTIONS\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST\r\n"
    "Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 86400\r\n"
)
_NOT_RECORDED = "Inkdot-Recorded: 0\r\n"
_IMAGE = "Content-Type: image/gif\r\nCross-Origin-Resource-Policy: cross-origin\r\n"


class Replies:
    """The answers with the Date of this second."""

    __slots__ = ("_date", "gif", "gif_head", "gif_unrecorded", "gif_unrecorded_head", "options")

    def __init__(self, now: float) -> None:
        self.tick(now)

    def tick(self, now: float) -> None:
        """Renew the Date; `now` in unix seconds."""
        self._date = formatdate(now, usegmt=True)
        self.gif = self.make(200, GIF, _IMAGE)
        self.gif_head = self.make(200, GIF, _IMAGE, head=True)
        self.gif_unrecorded = self.make(503, GIF, _IMAGE + _NOT_RECORDED)
        self.gif_unrecorded_head = self.make(503, GIF, _IMAGE + _NOT_RECORDED, head=True)
        self.options = self.make(204, b"", _ALLOWED)

    def make(self, status: int, body: bytes = b"", headers: str = "", *, head: bool = False) -> bytes:
        """Any answer. `headers` are whole lines; `head` leaves the body out but tells its length."""
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        lines = f"HTTP/1.1 {status} {_REASONS[status]}\r\nDate: {self._date}\r\nCache-Control: no-store\r\n{headers}{length}\r\n"
        return lines.encode("latin-1") + (b"" if head else body)

    def file(self, body: bytes, headers: str, *, fresh: bool, head: bool = False) -> bytes:
        """A file that browsers may keep for an hour; `fresh`: they have it already."""
        status, length = ("304 Not Modified", "") if fresh else ("200 OK", f"Content-Length: {len(body)}\r\n")
        lines = (
            f"HTTP/1.1 {status}\r\nDate: {self._date}\r\nCache-Control: public, max-age=3600\r\n{headers}{length}\r\n"
        )
        return lines.encode("latin-1") + (b"" if head or fresh else body)

    def text(self, status: int, text: str, headers: str = "", *, head: bool = False) -> bytes:
        """A plain-text answer."""
        return self.make(
            status, text.encode() + b"\n", f"Content-Type: text/plain; charset=utf-8\r\n{headers}", head=head
        )

    def redirect(self, destination: bytes, *, recorded: bool = True) -> bytes:
        """A 302 to a destination that came out of a genuine token; what may not stand in a header is percent-encoded."""
        destination = _NOT_IN_URL.sub(lambda m: b"%%%02X" % m[0][0], destination)
        extra = b"" if recorded else _NOT_RECORDED.encode()
        return (
            (
                f"HTTP/1.1 302 Found\r\nDate: {self._date}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer-when-downgrade\r\n"
                "Content-Length: 0\r\nLocation: "
            ).encode()
            + destination
            + b"\r\n"
            + extra
            + b"\r\n"
        )
