"""The sender's switch: `[notrack]` in the subject or `X-Inkdot: off` turns marks off for one mail, and leaves with it unseen.

Every way to send asks here: the mail door, `mail mark`, `mail send`, `Marker` and Django.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Iterator
from itertools import groupby

from inkdot.mark import mime
from inkdot.mark.transfer import Splice

_TAG = re.compile(r"(?i)\s?\[notrack\]")
_FOLD = rb"(?:\r?\n)?[ \t]{0,16}"
"""White space before a word, with the line end of a folded header: a line of nothing else must not stay behind."""
_TAG_BYTES = re.compile(rb"(?i)" + _FOLD + rb"\[notrack\]")
_WORD = re.compile(rb"=\?([\w*+-]+)\?([QqBb])\?([^?\s]*)\?=")
_SOME_WORD = rb"=\?[\w*+-]+\?[QqBb]\?[^?\s]*\?="
_RUN = re.compile(rb"(" + _FOLD + rb")(" + _SOME_WORD + rb"(?:\s+" + _SOME_WORD + rb")*)")
_MOST_BYTES = 42
"""Of text in an encoded word, which may have 75 characters (RFC 2047)."""


def switched_off(source: bytes, root: mime.Part) -> list[Splice]:
    """What takes the switch out of the headers; nothing if it is not there.

    A mail with a DKIM signature keeps it where it is: it is never marked, and taking it out would break the signature.
    """
    changes = []
    for header in root.headers:
        line = source[header.start : header.end]
        if header.name == "x-inkdot" and header.value.strip().lower() == "off":
            changes.append(Splice(header.start, header.end, b""))
        elif header.name == "subject":
            cleaned = _TAG_BYTES.sub(b"", _RUN.sub(_without_tag, line))
            if cleaned != line:
                changes.append(Splice(header.start, header.end, cleaned))
    return changes if root.get("dkim-signature") is None else []


def _without_tag(run: re.Match[bytes]) -> bytes:
    """Encoded words (RFC 2047) that are read as one text, without the tag; as they were if it is not there or not to be read."""
    words = _WORD.findall(run[2])
    charset = words[0][0].partition(b"*")[0].decode()
    try:
        # Long subjects are cut where it pleases the program: within the tag, and some even within a character.
        text = "".join(
            b"".join(_raw(encoding, content) for _, encoding, content in same).decode(name)
            for name, same in groupby(words, key=lambda word: word[0].partition(b"*")[0].lower().decode())
        )
        if not _TAG.search(text):
            return run[0]
        pieces = list(_pieces(_TAG.sub("", text).lstrip(), charset))
    except (LookupError, ValueError):
        return run[0]
    lines = [b"=?%b?B?%b?=" % (words[0][0], base64.b64encode(piece)) for piece in pieces]
    eol = b"\r\n " if b"\r\n" in run.string else b"\n "
    return run[1] + eol.join(lines) if lines else b""


def _raw(encoding: bytes, content: bytes) -> bytes:
    return base64.b64decode(content) if encoding in b"Bb" else quopri.decodestring(content, header=True)


def _pieces(text: str, charset: str) -> Iterator[bytes]:
    """The text in pieces for one encoded word each, none ending within a character. Raises UnicodeEncodeError."""
    piece = b""
    for character in text:
        raw = character.encode(charset)
        if piece and len(piece) + len(raw) > _MOST_BYTES:
            yield piece
            piece = b""
        piece += raw
    if piece:
        yield piece
