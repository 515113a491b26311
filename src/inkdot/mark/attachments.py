"""Attachments of a mail: given dots, or taken out for a link to the reader. What is not treated keeps its very bytes.

A mail program shows the link as a block at the end of the text, in the HTML and in the plain version.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from email.message import Message as HeaderReader
from enum import StrEnum
from html import escape
from typing import NamedTuple

from inkdot.domain.errors import MailUnreadable
from inkdot.mark import mime
from inkdot.mark.body import end_of
from inkdot.mark.transfer import Splice, Unreadable, reader, spliced

_WIDTH = 76
_MOST_NAME = 150
_DOCUMENT = re.compile(r"(?i)\.(docx?|xlsx?|pptx?|od[tsp]|rtf|pdf)$")
_BLOCK = (
    '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:16px 0;border:1px solid #d0d5dd;border-radius:6px">'
    '{eol}<tr><td style="padding:12px 16px;font-family:Arial,Helvetica,sans-serif;font-size:14px">{eol}'
    '<a href="{url}" style="color:#1a56c4;text-decoration:none"><b>{name}</b></a>{eol}'
    '<span style="color:#667085">&#183; {size} &#183; opens in the browser</span></td></tr></table>{eol}'
)


class Treatment(StrEnum):
    """What is done with documents that are attached."""

    LEAVE = "leave"
    DOTS = "dots"
    LINK = "link"


class File(NamedTuple):
    """An attached document."""

    name: str
    content: bytes


class Treated(NamedTuple):
    """What became of one."""

    name: str
    document: str
    """Its id, doc_..."""
    dots: tuple[str, ...] = ()
    link: str | None = None
    """The address that stands in its place."""


class Change(NamedTuple):
    """What is to become of an attached file: other bytes, or a link."""

    content: bytes | None = None
    link: str | None = None


def treated(source: bytes, deal: Callable[[File], Change | None]) -> bytes:
    """The mail with its attached documents as `deal` wants them; the same bytes where it wants nothing."""
    try:
        root = mime.parse(source)
    except MailUnreadable:
        return source
    eol = b"\r\n" if b"\r\n" in source else b"\n"
    changes: list[Splice] = []
    linked: list[tuple[mime.Part, File, str]] = []
    for part in root.walk():
        file = _file(source, part)
        change = deal(file) if file else None
        if file is None or change is None:
            continue
        if change.link is not None:
            linked.append((part, file, change.link))
        elif change.content is not None:
            changes.append(Splice(part.body, part.end, _packed(change.content, eol)))
    if linked:
        changes += _with_links(source, root, linked, eol)
    return spliced(source, changes) if changes else source


def _file(source: bytes, part: mime.Part) -> File | None:
    """The document in a part; None if it holds none, or one that cannot be unpacked."""
    if part.children or not part.attached or part.encoding != "base64":
        return None
    headers = HeaderReader()
    for name in ("content-disposition", "content-type"):
        if value := part.get(name):
            headers[name] = value
    try:
        called = headers.get_filename() or ""
        if not _DOCUMENT.search(called):
            return None
        content = base64.b64decode(re.sub(rb"\s+", b"", source[part.body : part.end]), validate=True)
    except (binascii.Error, ValueError, TypeError, LookupError):
        return None
    name = re.sub(r"[\x00-\x1f/\\]", "_", called)
    return File(name[-_MOST_NAME:], content) if content else None


def _packed(content: bytes, eol: bytes) -> bytes:
    encoded = base64.b64encode(content)
    return eol.join(encoded[at : at + _WIDTH] for at in range(0, len(encoded), _WIDTH))


def _with_links(source: bytes, root: mime.Part, linked: list[tuple[mime.Part, File, str]], eol: bytes) -> list[Splice]:
    """Blocks at the ends of the texts, and the files gone; in a mail without text the block stands where the file was."""
    texts = [p for p in root.walk() if not p.children and not p.attached]
    page = next((p for p in texts if p.content_type == "text/html"), None)
    plain = next((p for p in texts if p.content_type == "text/plain"), None)
    blocks = b"".join(_block(file, url, eol) for _, file, url in linked)
    lines = "".join(f"{file.name} ({_size(file)}): {url}\n" for _, file, url in linked)
    changes = []
    for part, more in ((page, blocks), (plain, lines)):
        if part is not None and (change := _appended(source, part, more, eol)):
            changes.append(change)
    if not changes:
        return [Splice(part.start, part.end, _as_part(_block(file, url, eol), eol)) for part, file, url in linked]
    return [*changes, *_removed(source, root, [part for part, _, _ in linked])]


def _appended(source: bytes, part: mime.Part, more: bytes | str, eol: bytes) -> Splice | None:
    """A text with more at its end; None where it cannot be read."""
    try:
        text = reader(part.encoding, source[part.body : part.end], eol)
        if isinstance(more, bytes):
            return Splice(
                part.body, part.end, text.spliced([Splice(at := end_of(text.text, part.charset), at, more, True)])
            )
        added = eol + eol + more.encode(part.charset, "replace").replace(b"\n", eol)
        if part.encoding in ("7bit", ""):
            added = added.decode("ascii", "replace").replace("\ufffd", "?").encode()
    except (Unreadable, LookupError):
        return None
    end = len(text.text.rstrip())
    return Splice(part.body, part.end, text.spliced([Splice(end, end, added)]))


def _removed(source: bytes, root: mime.Part, gone: Iterable[mime.Part]) -> list[Splice]:
    """Parts taken out, each with its delimiter line."""
    starts = {id(part) for part in gone}
    changes = []
    for parent in root.walk():
        for part in parent.children:
            if id(part) in starts:
                line = source.rfind(b"\n", 0, part.start - 1) + 1
                after = source.find(b"\n", part.end) + 1
                changes.append(Splice(line, after, b""))
    return changes


def _block(file: File, url: str, eol: bytes) -> bytes:
    said = _BLOCK.format(url=escape(url), name=escape(file.name), size=_size(file), eol=eol.decode())
    return said.encode("ascii", "xmlcharrefreplace")


def _as_part(block: bytes, eol: bytes) -> bytes:
    return eol.join([b"Content-Type: text/html; charset=us-ascii", b"Content-Disposition: inline", b"", block])


def _size(file: File) -> str:
    kilobytes = len(file.content) / 1000
    return f"{kilobytes / 1000:.1f} MB" if kilobytes >= 1000 else f"{max(1, round(kilobytes))} kB"
