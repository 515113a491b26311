"""Attachments of a mail: given dots, or taken out for a link to the reader. What is not treated keeps its very bytes.

A mail program shows the link as a block at the end of the text, in the HTML and in the plain version.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message as HeaderReader
from email.utils import collapse_rfc2231_value
from enum import StrEnum
from html import escape
from typing import NamedTuple

from inkdot.domain.errors import MailUnreadable
from inkdot.mark import html, mime
from inkdot.mark.body import end_of
from inkdot.mark.reasons import charset_works, shown_parts
from inkdot.mark.transfer import Splice, Unreadable, reader, spliced

_WIDTH = 76
_MOST_NAME_BYTES = 200
_DOCUMENT = re.compile(r"(?i)\.(do[ct][xm]?|xl[st][xm]?|p[po]t[xm]?|od[tsp]|rtf|pdf)$")
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069/\\]")
"""What is in no file's name, or turns what follows around."""
_KINDS = {
    "application/pdf": "pdf", "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
}  # fmt: skip
"""What a document without a name is by its content type -> how its name would end."""
_SIZE = re.compile(rb";\s*size\s*=\s*\"?\d+\"?", re.IGNORECASE)
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
    content: bytes | None
    """None if its transfer encoding is broken or unknown."""


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
    linked: list[_Linked] = []
    for part in root.walk():
        file = _file(source, part, eol)
        change = deal(file) if file else None
        if file is None or change is None:
            continue
        if change.link is not None:
            linked.append(_Linked(part, file.name, len(file.content or b""), change.link))
        elif change.content is not None:
            changes += _packed(source, part, change.content, eol)
    if linked:
        changes += _with_links(source, root, linked, eol)
    return spliced(source, changes) if changes else source


class _Linked(NamedTuple):
    """A document for which a link is to stand."""

    part: mime.Part
    name: str
    size: int
    url: str


def _file(source: bytes, part: mime.Part, eol: bytes) -> File | None:
    """The document in a part; None if it holds none."""
    name = "" if part.children or not part.blank_line or _is_text(part) else _name(part)
    if not _DOCUMENT.search(name):
        return None
    try:
        return File(name, reader(part.encoding, source[part.body : part.end], eol).text)
    except Unreadable:
        return File(name, None)


def _is_text(part: mime.Part) -> bool:
    return not part.attached and part.content_type.startswith("text/")


def _name(part: mime.Part) -> str:
    """What the file is called, however that is written; by its kind if it has no name."""
    found = ""
    for header, word in (("content-type", "name"), ("content-disposition", "filename")):
        found = _parameter(part.get(header) or "", header, word) or found
    name = _NO_NAME.sub("_", found).encode("utf-8", "replace")[-_MOST_NAME_BYTES:].decode("utf-8", "ignore")
    return name or f"document.{_KINDS.get(part.content_type, '')}"


def _parameter(value: str, header: str, word: str) -> str:
    """A parameter of a header, decoded, whether it is written after RFC 2231 or 2047 or in plain UTF-8."""
    headers = HeaderReader()
    try:
        headers[header] = value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        headers[header] = value
    try:
        said = [known for name, known in headers.get_params([], header) if name.lower() == word]
        # Of two the last is the one after RFC 2231; the other is for programs that do not know it.
        pieces = decode_header(collapse_rfc2231_value(said[-1])) if said else []
        return "".join(p.decode(c or "ascii", "replace") if isinstance(p, bytes) else p for p, c in pieces)
    except (TypeError, ValueError, LookupError, HeaderParseError):
        return ""


def _packed(source: bytes, part: mime.Part, content: bytes, eol: bytes) -> list[Splice]:
    """Other bytes in a part, in base64 whatever it was in before; what its header told of the size goes."""
    encoded = base64.b64encode(content)
    lines = eol.join(encoded[at : at + _WIDTH] for at in range(0, len(encoded), _WIDTH))
    changes = [Splice(part.body, part.end, lines)]
    told = [header for header in part.headers if header.name.startswith("content-")]
    if part.encoding != "base64":
        changes.append(Splice(told[0].start, told[0].start, b"Content-Transfer-Encoding: base64" + eol))
    for header in told:
        untrue = ("content-md5", *(["content-transfer-encoding"] if part.encoding != "base64" else []))
        said = source[header.start : header.end]
        changes.append(Splice(header.start, header.end, b"" if header.name in untrue else _SIZE.sub(b"", said)))
    return changes


def _with_links(source: bytes, root: mime.Part, linked: list[_Linked], eol: bytes) -> list[Splice]:
    """Blocks at the ends of the texts, and the files gone; where no text can be added to, the block stands where the file was."""
    page = next(iter(shown_parts(root, "text/html")), None)
    plain = next(iter(shown_parts(root, "text/plain")), None)
    blocks = b"".join(_block(one, eol) for one in linked)
    lines = "".join(f"{one.name} ({_size(one.size)}): {one.url}\n" for one in linked)
    in_page = _appended(source, page, blocks, eol) if page else None
    in_plain = _appended(source, plain, lines, eol) if plain else None
    if not (in_page if page else in_plain):
        return [change for one in linked for change in _in_its_place(one, eol)]
    added = [change for change in (in_page, in_plain) if change]
    return [*added, *_removed(source, root, [one.part for one in linked])]


def _appended(source: bytes, part: mime.Part, more: bytes | str, eol: bytes) -> Splice | None:
    """A text with more at its end; None where it cannot be read."""
    try:
        if not charset_works(part.charset):
            return None
        text = reader(part.encoding, source[part.body : part.end], eol)
        if isinstance(more, bytes):
            return Splice(
                part.body, part.end, text.spliced([Splice(at := end_of(text.text, part.charset), at, more, True)])
            )
        added = eol + eol + more.encode(part.charset, "replace").replace(b"\n", eol)
        if part.encoding in ("7bit", ""):
            added = added.decode("ascii", "replace").replace("\ufffd", "?").encode()
    except (Unreadable, html.Unclosed):
        return None
    end = len(text.text.rstrip())
    return Splice(part.body, part.end, text.spliced([Splice(end, end, added)]))


def _removed(source: bytes, root: mime.Part, parts: Iterable[mime.Part]) -> list[Splice]:
    """Parts taken out, each with its delimiter line; with them the containers that hold nothing else."""
    gone = {id(part) for part in parts}

    def is_gone(part: mime.Part) -> bool:
        return id(part) in gone or (bool(part.children) and all(map(is_gone, part.children)))

    changes = []
    for parent in root.walk():
        for part in () if is_gone(parent) else filter(is_gone, parent.children):
            line = source.rfind(b"\n", 0, part.start - 1) + 1
            last = part is parent.children[-1] and not parent.closed
            changes.append(Splice(line, part.end if last else source.find(b"\n", part.end) + 1, b""))
    return changes


def _in_its_place(one: _Linked, eol: bytes) -> list[Splice]:
    """The block for a part's content; of its headers those stay that do not tell of the content."""
    first, *others = (header for header in one.part.headers if header.name.startswith("content-"))
    headers = eol.join([b"Content-Type: text/html; charset=us-ascii", b"Content-Disposition: inline", b""])
    changes = [Splice(first.start, first.end, headers), Splice(one.part.body, one.part.end, _block(one, eol))]
    return [*changes, *(Splice(header.start, header.end, b"") for header in others)]


def _block(one: _Linked, eol: bytes) -> bytes:
    said = _BLOCK.format(url=escape(one.url), name=escape(one.name), size=_size(one.size), eol=eol.decode())
    return said.encode("ascii", "xmlcharrefreplace")


def _size(size: int) -> str:
    kilobytes = size / 1000
    return f"{kilobytes / 1000:.1f} MB" if kilobytes >= 1000 else f"{max(1, round(kilobytes))} kB"
