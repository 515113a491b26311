"""Transfer encodings: read a part's text, and splice into it without touching the bytes between.

A splice replaces a stretch of the decoded text. Quoted-printable is spliced in its encoded form, so that every other byte
stays; base64 has no such form and is written again with its own line length.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

_QP = re.compile(rb"=([0-9A-Fa-f]{2})|=[ \t]*\r?\n|=|[^=]+")
_TO_ESCAPE = re.compile(rb"[^\t -<>-~]")
_CHUNK, _LONGEST = 72, 76


class Splice(NamedTuple):
    """Replace decoded[start:end] by text."""

    start: int
    end: int
    text: bytes


class Unreadable(Exception):
    """The encoding is broken or unknown."""


def merged(splices: Sequence[Splice]) -> list[Splice]:
    """Splices in order, touching ones as one: a deleted dot and the new one in its place are a single change."""
    result: list[Splice] = []
    for splice in sorted(splices, key=lambda s: (s.start, s.end)):
        if result and splice.start <= result[-1].end:
            last = result[-1]
            result[-1] = Splice(last.start, max(last.end, splice.end), last.text + splice.text)
        else:
            result.append(splice)
    return result


class Plain:
    """7bit, 8bit, binary: the text is the bytes."""

    def __init__(self, encoded: bytes, eol: bytes) -> None:
        self.text, self._eol = encoded, eol

    def spliced(self, splices: Sequence[Splice]) -> bytes:
        """The encoded text with the splices in."""
        return spliced(self.text, splices)


class QuotedPrintable:
    """Quoted-printable: a map from places in the text to places in the bytes."""

    def __init__(self, encoded: bytes, eol: bytes) -> None:
        self._encoded, self._eol = encoded, eol
        pieces: list[bytes] = []
        # Runs: where a run begins in the text, where in the bytes, and how many bytes one character takes there.
        self._starts: list[int] = []
        self._runs: list[tuple[int, int]] = []
        length = 0
        for token in _QP.finditer(encoded):
            raw = token[0]
            if token[1]:
                piece, width = bytes([int(token[1], 16)]), 3
            elif raw[:1] == b"=" and len(raw) > 1:
                continue
            else:
                piece, width = raw, 1
            self._starts.append(length)
            self._runs.append((token.start(), width))
            pieces.append(piece)
            length += len(piece)
        self.text = b"".join(pieces)

    def _place(self, offset: int) -> int:
        """Where the character at `offset` begins in the bytes."""
        if offset >= len(self.text):
            return len(self._encoded)
        run = bisect_right(self._starts, offset) - 1
        start, width = self._runs[run]
        return start + (offset - self._starts[run]) * width

    def _after(self, offset: int) -> int:
        """Where the character before `offset` ends in the bytes: before any soft break."""
        if offset == 0:
            return 0
        run = bisect_right(self._starts, offset - 1) - 1
        start, width = self._runs[run]
        return start + (offset - self._starts[run]) * width

    def spliced(self, splices: Sequence[Splice]) -> bytes:
        """The encoded text with the splices in, each on lines of its own by soft breaks."""
        changes: list[Splice] = []
        for splice in splices:
            at = self._after(splice.start)
            encoded = self._encode(splice)
            if encoded.startswith(b"=") and (earlier := self._full_line(at)) is not None:
                changes.append(Splice(earlier, earlier, b"=" + self._eol))
            changes.append(Splice(at, self._place(splice.end), encoded))
        return spliced(self._encoded, changes)

    def _full_line(self, at: int) -> int | None:
        """Where a line that has no room for a soft break at `at` must be broken before: its last character."""
        start = self._encoded.rfind(b"\n", 0, at) + 1
        if at - start < _LONGEST:
            return None
        escaped = self._encoded[at - 3 : at - 2] == b"="
        return at - (3 if escaped else 1)

    def _encode(self, splice: Splice) -> bytes:
        soft = b"=" + self._eol
        if not splice.text:
            removed = self._encoded[self._after(splice.start) : self._place(splice.end)]
            return soft if b"=\n" in removed or b"=\r\n" in removed else b""
        lines: list[bytes] = []
        for line in splice.text.split(self._eol):
            escaped = _TO_ESCAPE.sub(lambda m: b"=%02X" % m[0][0], line)
            chunks = []
            while escaped:
                cut = (
                    _CHUNK - 3 + len(escaped[_CHUNK - 3 : _CHUNK].split(b"=")[0])
                    if len(escaped) > _CHUNK
                    else len(escaped)
                )
                chunks.append(escaped[:cut])
                escaped = escaped[cut:]
            lines.append(soft.join(chunks))
        return soft + self._eol.join(lines) + soft


class Base64:
    """Base64: decoded, spliced, written again in lines of the same length."""

    def __init__(self, encoded: bytes, eol: bytes) -> None:
        self._eol = eol
        stripped = encoded.rstrip()
        self._tail = encoded[len(stripped) :]
        self._width = len(stripped.split(b"\n", 1)[0].rstrip()) or 76
        try:
            self.text = base64.b64decode(re.sub(rb"\s+", b"", stripped), validate=True)
        except binascii.Error as error:
            raise Unreadable from error

    def spliced(self, splices: Sequence[Splice]) -> bytes:
        """The encoded text with the splices in."""
        whole = base64.b64encode(spliced(self.text, splices))
        lines = [whole[i : i + self._width] for i in range(0, len(whole), self._width)]
        return self._eol.join(lines) + self._tail


Transfer = Plain | QuotedPrintable | Base64


def reader(encoding: str, encoded: bytes, eol: bytes) -> Transfer:
    """The reader of a transfer encoding; raises Unreadable."""
    if encoding in ("7bit", "8bit", "binary", ""):
        return Plain(encoded, eol)
    if encoding == "quoted-printable":
        return QuotedPrintable(encoded, eol)
    if encoding == "base64":
        return Base64(encoded, eol)
    raise Unreadable


def spliced(whole: bytes, changes: Sequence[Splice]) -> bytes:
    """The bytes with the changes in. They must not overlap; those at one place stay in their order."""
    # Views, because a mail may be large and is copied once here, not twice.
    pieces: list[bytes | memoryview] = []
    view, at = memoryview(whole), 0
    for change in sorted(changes, key=lambda c: (c.start, c.end)):
        pieces += [view[at : change.start], change.text]
        at = change.end
    return b"".join([*pieces, view[at:]])
