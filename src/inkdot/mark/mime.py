"""The parts of a mail, found by byte offsets. Nothing is decoded, nothing is changed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as HeaderReader

from inkdot.domain.errors import MailUnreadable

MOST_DEPTH, MOST_PARTS = 50, 1_000
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINE = re.compile(rb"[^\n]*\n?")


class _TooComplex(Exception):
    """More parts, or deeper ones, than are worth looking for."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header with its folded lines; offsets in the source."""

    name: str
    """Lower case."""
    value: str
    """Unfolded, not decoded."""
    start: int
    end: int


@dataclass(slots=True)
class Part:
    """One MIME entity; offsets in the source."""

    headers: list[Header]
    start: int
    body: int
    end: int
    blank_line: bool
    """Its headers end with a blank line."""
    closed: bool = True
    """A multipart has its closing boundary."""
    children: list[Part] = field(default_factory=list)
    too_complex: bool = False
    """Parts nest deeper or are more than anybody sends; they were not looked for."""

    def get(self, name: str) -> str | None:
        """The first header of that (lower-case) name."""
        return next((h.value for h in self.headers if h.name == name), None)

    @property
    def _reader(self) -> HeaderReader:
        reader = HeaderReader()
        reader["content-type"] = self.get("content-type") or "text/plain"
        return reader

    @property
    def content_type(self) -> str:
        """Like text/html, lower case."""
        try:
            return self._reader.get_content_type()
        except (TypeError, ValueError):
            return "text/plain"

    def parameter(self, name: str) -> str | None:
        """A parameter of the content type; one that is split and written whole as well counts as written whole."""
        try:
            value = self._reader.get_param(name)
        except (TypeError, ValueError):  # the standard library cannot sort the pieces of such
            whole = re.search(
                rf"(?i);\s*{re.escape(name)}\*?\s*=\s*(?:\"([^\"]*)\"|([^;\s]*))", self.get("content-type") or ""
            )
            value = (whole[1] or whole[2]).rpartition("'")[2] if whole else None
        return value[2] if isinstance(value, tuple) else value

    @property
    def charset(self) -> str:
        """Lower case; us-ascii if not given."""
        return (self.parameter("charset") or "us-ascii").strip().strip("\"'").lower()

    @property
    def encoding(self) -> str:
        """The transfer encoding, lower case."""
        return (self.get("content-transfer-encoding") or "7bit").strip().lower()

    @property
    def attached(self) -> bool:
        """Meant to be saved, not shown: it says so, or it has a file's name."""
        disposition = (self.get("content-disposition") or "").strip().lower()
        return (
            disposition.startswith("attachment") or re.search(r";\s*filename\*?(?:0\*?)?\s*=", disposition) is not None
        )

    def walk(self) -> Iterator[Part]:
        """This part and all below."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(source: bytes) -> Part:
    """The tree of parts. Messages inside the message are leaves. Raises MailUnreadable if it is no mail at all."""
    start = source.index(b"\n") + 1 if source.startswith(b"From ") and b"\n" in source else 0
    headers, body, blank = _headers(source, start, len(source))
    if not headers:
        raise MailUnreadable(
            "This file is not a mail: it does not begin with header lines. Save the mail as .eml and try again."
        )
    root = Part(headers, start, body, len(source), blank)
    try:
        _descend(source, root, 0, [0])
    except _TooComplex:
        root.children.clear()
        root.too_complex = True
    return root


def subject(part: Part) -> str | None:
    """The decoded subject."""
    return decoded(part, "subject")


def decoded(part: Part, name: str) -> str | None:
    """The text of a header; bytes beyond ASCII are UTF-8 wherever they can be (RFC 6532)."""
    value = part.get(name)
    if value is None:
        return None
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode("utf-8")
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, HeaderParseError):
        return value


def _headers(source: bytes, start: int, end: int) -> tuple[list[Header], int, bool]:
    """The headers from `start`, where the body begins, and whether a blank line stands between."""
    found: list[Header] = []
    folded: list[str] = []  # joined once: a header of a thousand lines must not cost a million
    at = start

    def finished() -> list[Header]:
        if folded and found:
            last = found[-1]
            found[-1] = Header(last.name, " ".join([last.value, *folded]), last.start, last.end)
            folded.clear()
        return found

    while at < end:
        line = _LINE.match(source, at, end)
        assert line
        text = line[0]
        if not text.strip(b"\r\n"):
            return finished(), line.end(), True
        if text[:1] in b" \t" and found:
            folded.append(text.decode("latin-1").strip())
            found[-1] = Header(found[-1].name, found[-1].value, found[-1].start, line.end())
        elif name := _HEADER.match(text):
            value = text[name.end() :].decode("latin-1").strip()
            finished()
            found.append(Header(name[1].decode("latin-1").lower(), value, at, line.end()))
        else:
            return finished(), at, False
        at = line.end()
    return finished(), end, False


def _descend(source: bytes, part: Part, depth: int, count: list[int]) -> None:
    boundary = part.parameter("boundary")
    if not part.content_type.startswith("multipart/") or not boundary:
        return
    if depth >= MOST_DEPTH:
        raise _TooComplex
    delimiter = re.compile(
        rb"(?:(?<=\n)|\A)--" + re.escape(boundary.rstrip().encode("latin-1", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)"
    )
    opened: int | None = None
    part.closed = False
    for mark in delimiter.finditer(source, part.body, part.end):
        if opened is not None:
            count[0] += 1
            if count[0] > MOST_PARTS:
                raise _TooComplex
            part.children.append(_child(source, opened, mark.start()))
        if mark[1]:
            part.closed = True
            break
        opened = mark.end()
    if opened is not None and not part.closed:
        part.children.append(_child(source, opened, part.end))
    for child in part.children:
        _descend(source, child, depth + 1, count)


def _child(source: bytes, start: int, boundary: int) -> Part:
    """The part between two delimiters; the line end before a delimiter belongs to the delimiter."""
    end = boundary
    if end > start and source[end - 1 : end] == b"\n":
        end -= 1
        if end > start and source[end - 1 : end] == b"\r":
            end -= 1
    headers, body, blank = _headers(source, start, end)
    return Part(headers, start, min(body, end), end, blank or not headers)
