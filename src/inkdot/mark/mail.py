"""Mark a mail: a dot at the top and at the bottom of its HTML, every web link tracked, every other byte as it came.

A mail that must not be touched, or offers no safe place, is left alone and says why.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from typing import NamedTuple

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId
from inkdot.domain.message import Part as Place
from inkdot.domain.token import TokenKind
from inkdot.mark import html, mime, privacy
from inkdot.mark.mint import MAX_DESTINATION_BYTES, Mint, Person, mail_token
from inkdot.mark.transfer import Splice, Transfer, Unreadable, merged, reader

CLIPPED_BYTES = 100_000
"""Gmail shows about the first 102 kB of a mail's HTML; the bottom dot of a longer one is behind "view entire message"."""


class LeftAlone(StrEnum):
    """Why a mail was not marked. Each has a sentence in `SENTENCES`."""

    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    CALENDAR = "calendar"
    REPORT = "report"
    TEXT_ONLY = "text_only"
    DKIM_SIGNED = "dkim_signed"
    NO_SAFE_PLACE = "no_safe_place"
    NO_BLANK_LINE = "no_blank_line"
    CHARSET = "charset"
    ENCODING = "encoding"
    SWITCHED_OFF = "switched_off"
    CONSENT = "consent"


SENTENCES: dict[LeftAlone, str] = {
    LeftAlone.SIGNED: "The mail is signed; a mark would break the signature.",
    LeftAlone.ENCRYPTED: "The mail is encrypted; nothing can be put into it.",
    LeftAlone.CALENDAR: "The mail is an invitation; calendar programs may refuse it with marks.",
    LeftAlone.REPORT: "The mail is an automatic report or answer.",
    LeftAlone.TEXT_ONLY: "The mail is plain text; it has no place for a dot.",
    LeftAlone.DKIM_SIGNED: "The mail already carries a DKIM signature, which a mark would break.",
    LeftAlone.NO_SAFE_PLACE: "The mail's HTML is empty or never closed; there is no safe place for a dot.",
    LeftAlone.NO_BLANK_LINE: "No blank line stands between the mail's headers and its text.",
    LeftAlone.CHARSET: "The mail's character set cannot be marked safely.",
    LeftAlone.ENCODING: "The mail's transfer encoding is broken or unknown.",
    LeftAlone.SWITCHED_OFF: "Tracking is switched off for this mail.",
    LeftAlone.CONSENT: "The recipient's consent does not cover any mark.",
}

_UNSUBSCRIBE = re.compile(
    rb"(?i)unsubscri|opt[-_]?out|abmeld|abbestell|desinscri|d%C3%A9sinscri|disiscri|cancelar-suscri|afmeld"
)
_PGP = re.compile(rb"(?m)^-----BEGIN PGP (MESSAGE|SIGNED MESSAGE)-----")
_STATEFUL = re.compile(r"utf-?(16|32|7)|hz|iso-2022-(?!jp)|ucs")
_LISTED_URL = re.compile(r"<(https?://[^>]+)>")
_DROPPED_HEADERS = {"bcc", "resent-bcc"}


class MarkedLink(NamedTuple):
    """A link before and after."""

    href: str
    url: str


@dataclass(frozen=True, slots=True)
class Copy:
    """The bytes for one recipient."""

    to: Address
    content: bytes
    dots: tuple[str, ...]
    links: tuple[MarkedLink, ...]
    left_alone: LeftAlone | None
    warnings: tuple[str, ...]
    mode: Mode = Mode.OFF
    """How much may be kept of what this copy's marks tell."""
    privacy: str | None = None
    """The address of the privacy page for this copy; None where nothing was marked."""


class _Link(NamedTuple):
    place: html.Value
    destination: bytes


@dataclass(slots=True)
class _Body:
    """One HTML part, read: what may be changed and where."""

    part: mime.Part
    transfer: Transfer
    removals: list[Splice]
    links: list[_Link]
    top: int
    bottom: int


class Mail:
    """A mail read once, to be copied for many."""

    def __init__(self, source: bytes, mint: Mint) -> None:
        """Raises MailUnreadable where `source` is no mail at all."""
        self._source, self._mint = source, mint
        self._root = mime.parse(source)
        self._eol = b"\r\n" if b"\r\n" in source else b"\n"
        self._bodies: list[_Body] = []
        self.left_alone = _reason(source, self._root)
        if self.left_alone is None:
            self._read_bodies()

    @property
    def subject(self) -> str | None:
        """The decoded subject."""
        return mime.subject(self._root)

    @property
    def sender(self) -> str:
        """The address of the From header, for the envelope; empty if there is none."""
        return parseaddr(self._root.get("from") or "")[1]

    @property
    def internet_id(self) -> str | None:
        """The Message-ID header."""
        return self._root.get("message-id")

    @property
    def links(self) -> tuple[str, ...]:
        """Destinations in the order of their positions."""
        return tuple(_text(link.destination) for body in self._bodies for link in body.links)

    def copy_for(self, to: Address, message: MessageId, marked: int, mode: Mode = Mode.INDIVIDUAL) -> Copy:
        """The copy for one recipient; `marked` in unix seconds. The same arguments give the same bytes."""
        left_alone = LeftAlone.CONSENT if mode is Mode.OFF else self.left_alone
        if left_alone:
            return Copy(to, self._source, (), (), left_alone, ())
        person = Person.known(self._mint, to, mode)
        dots = [
            self._mint.dot(mail_token(self._mint, person, message, marked, TokenKind.DOT, place))
            for place in (Place.TOP, Place.BOTTOM)
        ]
        page = self._mint.privacy(person, message, marked)
        links: list[MarkedLink] = []
        changes: list[Splice] = self._added_headers(to, mode, message, marked, page)
        for body in self._bodies:
            splices = list(body.removals)
            for link in body.links:
                token = mail_token(
                    self._mint, person, message, marked, TokenKind.CLICK, len(links) + 1, link.destination
                )
                url = self._mint.click(token)
                links.append(MarkedLink(_text(link.destination), url))
                splices.append(Splice(link.place.start, link.place.end, url.encode()))
            if body is self._bodies[0]:
                splices.append(Splice(body.top, body.top, self._dot(dots[0])))
            if body is self._bodies[-1]:
                splices.append(Splice(body.bottom, body.bottom, self._footer(mode, page) + self._dot(dots[1])))
            changes.append(self._encoded(body, splices))
        warnings = list(self._warnings())
        changes += [Splice(h.start, h.end, b"") for h in self._root.headers if h.name in _DROPPED_HEADERS]
        content = _spliced(self._source, changes)
        return Copy(to, content, tuple(dots), tuple(links), None, tuple(warnings), mode, page)

    def _footer(self, mode: Mode, url: str) -> bytes:
        notice = self._mint.notice
        return privacy.footer(notice, mode, url) + self._eol if notice.style == "footer" else b""

    def _added_headers(self, to: Address, mode: Mode, message: MessageId, marked: int, url: str) -> list[Splice]:
        notice = self._mint.notice
        lines = [privacy.header(url)] if notice.style == "header" else []
        if notice.one_click and self._root.get("list-unsubscribe") is None:
            # To leave a list one must be named, even where the mail itself counts without names.
            named = Person(self._mint.keyring.contact_id(self._mint.workspace, to), to, mode)
            lines += privacy.one_click(self._mint.privacy(named, message, marked))
        end = self._root.headers[-1].end
        return [Splice(end, end, b"".join(line + self._eol for line in lines))] if lines else []

    def cleaned(self) -> bytes:
        """The mail without any of our marks: dots gone, links leading where they led."""
        changes = []
        for body in self._bodies:
            text = body.transfer.text
            restored = [
                Splice(v.start, v.end, html.escape(destination, v.quote))
                for v, destination in body.links
                if self._mint.own(html.unescape(text[v.start : v.end]).strip())
            ]
            if restored or body.removals:
                changes.append(self._encoded(body, [*body.removals, *restored]))
        return _spliced(self._source, changes)

    def _encoded(self, body: _Body, splices: list[Splice]) -> Splice:
        return Splice(body.part.body, body.part.end, body.transfer.spliced(merged(splices)))

    def _dot(self, url: str) -> bytes:
        # A line end inside the tag keeps lines short without putting white space into the text.
        return b'<img src="' + url.encode() + b'"' + self._eol + b'width="1" height="1" alt="" style="border:0">'

    def _warnings(self) -> Sequence[str]:
        size = sum(len(b.transfer.text) for b in self._bodies) + 400 + 120 * sum(len(b.links) for b in self._bodies)
        if size < CLIPPED_BYTES:
            return ()
        return (f"The HTML has about {size // 1000} kB; Gmail shows the first 102 kB and hides the bottom dot.",)

    def _read_bodies(self) -> None:
        unsubscribe = {url.encode() for url in _LISTED_URL.findall(self._root.get("list-unsubscribe") or "")}
        try:
            for part in _html_parts(self._root):
                transfer = reader(part.encoding, self._source[part.body : part.end], self._eol)
                self._bodies.append(_read_body(part, transfer, self._mint, unsubscribe))
        except html.Unclosed:
            self.left_alone = LeftAlone.NO_SAFE_PLACE
        except Unreadable:
            self.left_alone = LeftAlone.ENCODING


def read_mail(source: bytes, mint: Mint) -> Mail:
    """Read a mail to mark it; raises MailUnreadable."""
    return Mail(source, mint)


def _reason(source: bytes, root: mime.Part) -> LeftAlone | None:
    """Why this mail must be left alone, if it must."""
    if not root.blank_line:
        return LeftAlone.NO_BLANK_LINE
    for part in root.walk():
        if reason := _reason_of_part(source, part):
            return reason
    if (root.get("auto-submitted") or "no").strip().lower() != "no":
        return LeftAlone.REPORT
    if root.get("dkim-signature") is not None:
        return LeftAlone.DKIM_SIGNED
    if (root.get("x-inkdot") or "").strip().lower() == "off":
        return LeftAlone.SWITCHED_OFF
    parts = _html_parts(root)
    if not parts:
        return LeftAlone.TEXT_ONLY
    if not all(p.blank_line and p.closed for p in root.walk()):
        return LeftAlone.NO_SAFE_PLACE
    return None if all(_charset_works(p.charset) for p in parts) else LeftAlone.CHARSET


def _reason_of_part(source: bytes, part: mime.Part) -> LeftAlone | None:
    kind = part.content_type
    if kind == "multipart/signed":
        return LeftAlone.SIGNED
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return LeftAlone.SIGNED if part.parameter("smime-type") == "signed-data" else LeftAlone.ENCRYPTED
    if kind == "multipart/encrypted":
        return LeftAlone.ENCRYPTED
    if kind == "text/calendar":
        return LeftAlone.CALENDAR
    if kind == "multipart/report":
        return LeftAlone.REPORT
    if kind.startswith("text/") and not part.children:
        armor = _PGP.search(source, part.body, part.end)
        if armor:
            return LeftAlone.ENCRYPTED if armor[1] == b"MESSAGE" else LeftAlone.SIGNED
    return None


def _html_parts(root: mime.Part) -> list[mime.Part]:
    """The HTML that is shown: no attachments, nothing inside an attached container."""
    if root.attached:
        return []
    if not root.children:
        return [root] if root.content_type == "text/html" else []
    return [part for child in root.children for part in _html_parts(child)]


def _charset_works(charset: str) -> bool:
    if _STATEFUL.match(charset):
        return False
    try:
        return bool(codecs.lookup(charset))
    except LookupError:
        return False


def _read_body(part: mime.Part, transfer: Transfer, mint: Mint, unsubscribe: set[bytes]) -> _Body:
    """Find the links, our older marks, and the places for dots; raises html.Unclosed."""
    text = html.for_scanning(transfer.text, part.charset)
    removals: list[Splice] = []
    links: list[_Link] = []
    places: dict[bytes, html.Tag] = {}
    last: dict[bytes, html.Tag] = {}
    for tag in html.tags(text):
        places.setdefault(tag.name, tag)
        last[tag.name] = tag
        if tag.name == b"img":
            source = tag.attributes.get(b"src")
            token = mint.own(_attribute(transfer.text, source)) if source else None
            if token and token.kind is TokenKind.DOT:
                removals.append(Splice(tag.start, tag.end, b""))
        elif tag.name in (b"a", b"area") and (link := _link(transfer.text, tag, mint, unsubscribe)):
            links.append(link)
    _must_be_closed(text, removals, places)
    return _Body(part, transfer, removals, links, _top(text, places), _bottom(text, last))


def _must_be_closed(text: bytes, removals: list[Splice], places: dict[bytes, html.Tag]) -> None:
    unclosed_body = b"body" in places and b"/body" not in places
    unclosed_html = b"html" in places and b"/html" not in places and b"/body" not in places
    bare = re.sub(rb"<!--.*?-->|<[^>]*>|&nbsp;|\s", b"", text, flags=re.DOTALL) if len(text) < 2_000 else b"full"
    if unclosed_body or unclosed_html or (not bare and not removals and b"img" not in places):
        raise html.Unclosed


def _top(text: bytes, places: dict[bytes, html.Tag]) -> int:
    """Behind <body>, else behind the head, <html> or the document type, else at the beginning."""
    for name in (b"body", b"/head", b"html"):
        if name in places:
            return places[name].end
    doctype = re.match(rb"(?i)\s*<!doctype[^>]*>", text)
    return doctype.end() if doctype else 0


def _bottom(text: bytes, last: dict[bytes, html.Tag]) -> int:
    """Before the last </body>, else before </html>, else at the end of the text (before its last line end)."""
    for name in (b"/body", b"/html"):
        if name in last:
            return last[name].start
    return len(text.rstrip())


def _attribute(text: bytes, value: html.Value) -> bytes:
    return html.unescape(text[value.start : value.end]).strip()


def _link(text: bytes, tag: html.Tag, mint: Mint, unsubscribe: set[bytes]) -> _Link | None:
    """The link of a tag, if it is one that is tracked; an older mark of ours leads where it led."""
    value = tag.attributes.get(b"href")
    if value is None or b"data-notrack" in tag.attributes:
        return None
    destination = re.sub(rb"[\t\r\n]", b"", _attribute(text, value))
    token = mint.own(destination)
    if token is not None:
        if token.kind is not TokenKind.CLICK:
            return None
        destination = token.destination
    if not re.match(rb"(?i)https?://[^/?#\s]", destination) or len(destination) > MAX_DESTINATION_BYTES:
        return None
    if destination in unsubscribe or _UNSUBSCRIBE.search(destination):
        return None
    return _Link(value, destination)


def _spliced(source: bytes, changes: list[Splice]) -> bytes:
    # Views, because a mail may be large and is copied once here, not twice.
    pieces: list[bytes | memoryview] = []
    whole, at = memoryview(source), 0
    for change in sorted(changes):
        pieces += [whole[at : change.start], change.text]
        at = change.end
    return b"".join([*pieces, whole[at:]])


def _text(destination: bytes) -> str:
    return destination.decode("utf-8", "backslashreplace")
