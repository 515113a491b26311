"""The parts of a mail, found by byte offsets. Nothing is decoded, nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import Message as HeaderReader

from inkdot.domain.errors import MailUnreadable

MOST_DEPTH, MOST_PARTS = 50, 1_000
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINE = re.compile(rb"[^\n]*\n?")


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
        return self._reader.get_content_type()

    def parameter(self, name: str) -> str | None:
        """A parameter of the content type."""
        value = self._reader.get_param(name)
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
        """Meant to be saved, not shown."""
        return (self.get("content-disposition") or "").strip().lower().startswith("attachment")

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
    _descend(source, root, 0, [0])
    return root


def subject(part: Part) -> str | None:
    """The decoded subject."""
    value = part.get("subject")
    if value is None:
        return None
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def _headers(source: bytes, start: int, end: int) -> tuple[list[Header], int, bool]:
    """The headers from `start`, where the body begins, and whether a blank line stands between."""
    found: list[Header] = []
    at = start
    while at < end:
        line = _LINE.match(source, at, end)
        assert line
        text = line[0]
        if not text.strip(b"\r\n"):
            return found, line.end(), True
        if text[:1] in b" \t" and found:
            last = found[-1]
            folded = last.value + " " + text.decode("latin-1").strip()
            found[-1] = Header(last.name, folded, last.start, line.end())
        elif name := _HEADER.match(text):
            value = text[name.end() :].decode("latin-1").strip()
            found.append(Header(name[1].decode("latin-1").lower(), value, at, line.end()))
        else:
            return found, at, False
        at = line.end()
    return found, end, False


def _descend(source: bytes, part: Part, depth: int, count: list[int]) -> None:
    boundary = part.parameter("boundary")
    if not part.content_type.startswith("multipart/") or not boundary:
        return
    if depth >= MOST_DEPTH:
        raise MailUnreadable(f"The mail nests its parts more than {MOST_DEPTH} deep; send it without marks.")
    delimiter = re.compile(
        rb"(?:(?<=\n)|\A)--" + re.escape(boundary.rstrip().encode("latin-1", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)"
    )
    opened: int | None = None
    part.closed = False
    for mark in delimiter.finditer(source, part.body, part.end):
        if opened is not None:
            count[0] += 1
            if count[0] > MOST_PARTS:
                raise MailUnreadable(f"The mail has more than {MOST_PARTS} parts; send it without marks.")
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
