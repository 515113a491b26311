"""A mail as a template: `{{name}}` in its subject and texts is filled in for each person, `{{name|friend}}` with a spare word.

In HTML a value is text and never markup; inside the address of a link it is percent-encoded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import NamedTuple
from urllib.parse import quote

from inkdot.domain.contact import Address
from inkdot.domain.errors import UsageError
from inkdot.mark import html, mime
from inkdot.mark.blind import blind
from inkdot.mark.reasons import LeftAlone, reason_of
from inkdot.mark.transfer import Plain, Splice, Transfer, Unreadable, reader, spliced

_PLACE = re.compile(r"\{\{[ \t]*([A-Za-z_][\w -]*?)[ \t]*(?:\|([^{}]*))?\}\}", re.ASCII)
_PLACE_BYTES = re.compile(_PLACE.pattern.encode())
_CHARSET = re.compile(r"(?i);\s*charset\*?=(\"[^\"]*\"|[^;]*)")
_UNTOUCHABLE = (LeftAlone.SIGNED, LeftAlone.ENCRYPTED, LeftAlone.DKIM_SIGNED)

Values = Mapping[str, str]
"""What is filled in, by `column_name`."""


class _Place(NamedTuple):
    """Where something is filled in, in a decoded text."""

    start: int
    end: int
    name: str
    spare: bytes | None
    within: str
    """text, html, address (of a link), or whole_address"""


class _Text(NamedTuple):
    part: mime.Part
    transfer: Transfer
    places: list[_Place]


def column_name(word: str) -> str:
    """`First Name` -> `first_name`: how columns and placeholders are compared."""
    return re.sub(r"[\s-]+", "_", word.strip().lower())


class Template:
    """A mail that is filled in for many. Raises UsageError for what cannot be filled, MailUnreadable for no mail."""

    def __init__(self, source: bytes, people: Iterable[Values] = ()) -> None:
        """`people`: everybody it will be filled in for, so that each text can hold what will stand in it."""
        self._read(source)
        odd = [text for text in self._texts if not self._holds(text, people)]
        for text in reversed(odd):
            source = _in_utf8(source, text, self._eol)
        if odd:
            self._read(source)

    def _read(self, source: bytes) -> None:
        self._source = source
        self._eol = b"\r\n" if b"\r\n" in source else b"\n"
        self._root = mime.parse(source)
        reason = reason_of(source, self._root)
        self._subject = mime.subject(self._root) or ""
        self._to = mime.decoded(self._root, "to") or ""
        self._texts = [] if reason in _UNTOUCHABLE else list(_texts(source, self._root, self._eol))
        if reason is LeftAlone.DKIM_SIGNED:
            raise UsageError("The mail carries a DKIM signature already, which each copy's own headers would break.")
        if reason in _UNTOUCHABLE and self._in_headers():
            raise UsageError(f"The mail is {reason}; nothing can be filled in.")

    @property
    def subject(self) -> str:
        """As it is told of all copies together: what is another word in each is left out."""
        return _PLACE.sub("…", self._subject)

    def _in_headers(self) -> list[tuple[str, str | None]]:
        found = [*_PLACE.finditer(self._subject), *_PLACE.finditer(self._to)]
        return [(column_name(m[1]), m[2]) for m in found]

    @property
    def names(self) -> dict[str, bool]:
        """Every placeholder; True where at least one has no spare word."""
        found: dict[str, bool] = {}
        places = [(p.name, p.spare is None) for text in self._texts for p in text.places]
        for name, needed in [*places, *((n, spare is None) for n, spare in self._in_headers())]:
            found[name] = found.get(name, False) or needed
        return found

    @staticmethod
    def _holds(text: _Text, people: Iterable[Values]) -> bool:
        """True if every value can stand in a plain text as it is encoded; HTML can hold anything."""
        if not any(p.within == "text" for p in text.places):
            return True
        seven_bit = isinstance(text.transfer, Plain) and text.part.encoding not in ("8bit", "binary")
        charset = "us-ascii" if seven_bit else text.part.charset
        names = {p.name for p in text.places}
        try:
            for values in people:
                for name in names:
                    values.get(name, "").encode(charset)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def filled(self, values: Values, to: Address, now: float, internet_id: str) -> bytes:
        """The mail for one person. `now`: unix seconds for its Date. `internet_id`: for a mail without Message-ID."""
        changes = [Splice(h.start, h.end, b"") for h in self._root.headers if h.name in ("to", "date")]
        changes += blind(self._root)
        shown = self._to.rpartition("<")[0].strip().strip('"')
        name = _put(shown, values) if _PLACE.search(self._to) else ""
        date = format_datetime(datetime.fromtimestamp(now, UTC))
        lines = [f"To: {formataddr((name, to), 'utf-8') if name else to}", f"Date: {date}"]
        if self._root.get("message-id") is None:
            lines.append(f"Message-ID: {internet_id}")
        if _PLACE.search(self._subject):
            changes += [Splice(h.start, h.end, b"") for h in self._root.headers if h.name == "subject"]
            lines.append(f"Subject: {self._encoded(_put(self._subject, values))}")
        end = self._root.headers[-1].end
        changes.append(Splice(end, end, b"".join(line.encode() + self._eol for line in lines)))
        for text in self._texts:
            splices = [Splice(p.start, p.end, _value(p, values, text.part.charset, self._eol)) for p in text.places]
            changes.append(Splice(text.part.body, text.part.end, text.transfer.spliced(splices)))
        return spliced(self._source, changes)

    def _encoded(self, subject: str) -> str:
        charset = "us-ascii" if subject.isascii() else "utf-8"
        return Header(subject, charset, header_name="Subject").encode(linesep=self._eol.decode())


def _texts(source: bytes, part: mime.Part, eol: bytes) -> Iterable[_Text]:
    """The texts that are shown and have placeholders."""
    if part.attached:
        return
    for child in part.children:
        yield from _texts(source, child, eol)
    if part.children or part.content_type not in ("text/plain", "text/html"):
        return
    try:
        transfer = reader(part.encoding, source[part.body : part.end], eol)
    except Unreadable:
        return
    if places := _places(transfer.text, part.content_type == "text/html"):
        yield _Text(part, transfer, places)


def _places(text: bytes, is_html: bool) -> list[_Place]:
    found = list(_PLACE_BYTES.finditer(text))
    if not found:
        return []
    addresses = _addresses(text) if is_html else []
    usual = "html" if is_html else "text"
    places = []
    for match in found:
        inside = next((a for a in addresses if a[0] <= match.start() < a[1]), None)
        whole = inside is not None and not text[inside[0] : match.start()].strip()
        within = usual if inside is None else "whole_address" if whole else "address"
        places.append(_Place(match.start(), match.end(), column_name(match[1].decode()), match[2], within))
    return places


def _addresses(text: bytes) -> list[tuple[int, int]]:
    """Where the addresses of links and pictures stand."""
    try:
        tags = list(html.tags(text))
    except html.Unclosed:
        return []
    named = [tag.attributes.get(name) for tag in tags for name in (b"href", b"src")]
    return [(value.start, value.end) for value in named if value]


def _value(place: _Place, values: Values, charset: str, eol: bytes) -> bytes:
    value = values.get(place.name, "").strip()
    if not value and place.spare is not None:
        return place.spare
    if place.within == "text":
        return eol.join(line.encode(charset) for line in value.splitlines())
    if place.within == "address":
        return quote(value, safe="").encode()
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return escaped.replace("'", "&#39;").encode("ascii", "xmlcharrefreplace")


def _put(text: str, values: Values) -> str:
    """A header's text filled in, on one line."""
    return _PLACE.sub(lambda m: " ".join(values.get(column_name(m[1]), "").split()) or m[2] or "", text)


def _in_utf8(source: bytes, text: _Text, eol: bytes) -> bytes:
    """The mail with one of its plain texts in UTF-8 and base64, which hold every name."""
    part = text.part
    try:
        content = text.transfer.text.decode(part.charset)
    except (UnicodeDecodeError, LookupError):
        raise UsageError("A text of the mail is not in the character set that it names; save it as UTF-8.") from None
    kind = _CHARSET.sub("", part.get("content-type") or "text/plain") + "; charset=utf-8"
    named = ("content-type", "content-transfer-encoding")
    changes = [Splice(h.start, h.end, b"") for h in part.headers if h.name in named]
    at = part.headers[0].start if part.headers else part.start
    lines = [f"Content-Type: {kind}".encode("latin-1"), b"Content-Transfer-Encoding: base64"]
    changes.append(Splice(at, at, eol.join(lines) + eol + (b"" if part.headers else eol)))
    body = base64.encodebytes(content.encode()).replace(b"\n", eol)
    changes.append(Splice(part.body, part.end, body))
    return spliced(source, changes)
