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
    apart: bool = False
    """In quoted-printable it stands on lines of its own, so that the lines around it stay."""


class Unreadable(Exception):
    """The encoding is broken or unknown."""


def merged(splices: Sequence[Splice]) -> list[Splice]:
    """Splices in order, touching ones as one: a deleted dot and the new one in its place are a single change."""
    result: list[Splice] = []
    for splice in sorted(splices, key=lambda s: (s.start, s.end)):
        if result and splice.start <= result[-1].end:
            last = result[-1]
            text, apart = last.text + splice.text, last.apart or splice.apart
            result[-1] = Splice(last.start, max(last.end, splice.end), text, apart)
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
        """The encoded text with the splices in, where needed on lines of their own by soft breaks."""
        line = _Line(self._eol)
        at = 0
        places = [(self._after(s.start), self._place(s.end), s) for s in splices]
        for (start, end, splice), following in zip(places, [*places[1:], None], strict=True):
            line.add(self._encoded[at:start])
            put = line.put_apart if splice.apart else line.put
            put(self._escaped(splice.text), self._room_after(end, following and following[0]))
            at = end
        line.add(self._encoded[at:])
        return line.whole()

    def _room_after(self, at: int, next_change: int | None) -> int:
        """How many characters stand on a line behind `at`, a soft break before the next change counted."""
        end = self._encoded.find(b"\n", at)
        end = len(self._encoded) if end < 0 else end - (self._encoded[end - 1 : end] == b"\r")
        return end - at if next_change is None or next_change > end else next_change - at + 1

    def _escaped(self, text: bytes) -> list[bytes]:
        return [_TO_ESCAPE.sub(lambda m: b"=%02X" % m[0][0], line) for line in text.split(self._eol)]


class _Line:
    """Quoted-printable text that grows, no line longer than it may be."""

    def __init__(self, eol: bytes) -> None:
        self._eol, self._soft = eol, b"=" + eol
        self._pieces: list[bytes] = []
        self._column = 0

    def add(self, encoded: bytes) -> None:
        """Text as it was."""
        self._pieces.append(encoded)
        newline = encoded.rfind(b"\n")
        self._column = len(encoded) - newline - 1 if newline >= 0 else self._column + len(encoded)

    def put(self, lines: list[bytes], behind: int) -> None:
        """New text, lines filled as encoders do; `behind` characters follow it on its last line."""
        for number, line in enumerate(lines):
            if number:
                self.add(self._eol)
            self._fill(line, behind if number == len(lines) - 1 else 0)
        if self._column + behind > _LONGEST:
            self._break()

    def put_apart(self, lines: list[bytes], behind: int) -> None:
        """New text between soft breaks, unless it fits on this line together with what follows it there."""
        if len(lines) == 1 and self._column + len(lines[0]) + behind <= _LONGEST:
            self.add(lines[0])
            return
        self._break()
        self.add(self._eol.join(self._soft.join(_chunks(line)) for line in lines) + self._soft)

    def _fill(self, line: bytes, behind: int) -> None:
        while self._column + len(line) + behind > _LONGEST:
            room = max(0, _LONGEST - 1 - self._column)
            if len(line) <= room:
                break
            cut = room - _begun(line[:room])
            self.add(line[:cut])
            self._break()
            line = line[cut:]
        self.add(line)

    def _break(self) -> None:
        if self._column >= _LONGEST:
            self._make_room()
        self.add(self._soft)

    def _make_room(self) -> None:
        """Break before the last character of a full line, for a soft break takes one itself."""
        last = self._pieces.pop()
        cut = len(last) - (3 if last[-3:-2] == b"=" else 1)
        self._pieces.append(last[:cut])
        self.add(self._soft)
        self.add(last[cut:])

    def whole(self) -> bytes:
        return b"".join(self._pieces)


def _begun(escaped: bytes) -> int:
    """How many bytes at the end belong to a character that is cut off."""
    return 1 if escaped[-1:] == b"=" else 2 if escaped[-2:-1] == b"=" else 0


def _chunks(escaped: bytes) -> list[bytes]:
    """Pieces of a line that are short enough, none of which ends within a character."""
    chunks = []
    while len(escaped) > _CHUNK:
        cut = _CHUNK - 3 + len(escaped[_CHUNK - 3 : _CHUNK].split(b"=")[0])
        chunks.append(escaped[:cut])
        escaped = escaped[cut:]
    return [*chunks, escaped]


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
