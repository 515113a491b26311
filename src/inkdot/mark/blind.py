"""Blind copies (Bcc): the header that names them never leaves."""

from __future__ import annotations

from inkdot.domain.errors import MailUnreadable
from inkdot.mark import mime
from inkdot.mark.transfer import Splice, spliced

_NAMES = ("bcc", "resent-bcc")


def blind(root: mime.Part) -> list[Splice]:
    """What takes the header out."""
    return [Splice(h.start, h.end, b"") for h in root.headers if h.name in _NAMES]


def without_blind(source: bytes) -> bytes:
    """The mail without it; what is no mail stays as it is."""
    try:
        changes = blind(mime.parse(source))
    except MailUnreadable:
        return source
    return spliced(source, changes) if changes else source
