"""Mark a mail: a dot at the top and at the bottom of its HTML, every web link tracked, every other byte as it came.

A mail that must not be touched, or offers no safe place, is left alone and says why.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
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
from inkdot.mark.body import Body, Link, read_body
from inkdot.mark.mint import Mint, Person, mail_token
from inkdot.mark.switch import switched_off
from inkdot.mark.transfer import Splice, Unreadable, merged, reader

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
    TOO_COMPLEX = "too_complex"


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
    LeftAlone.TOO_COMPLEX: "The mail has more parts, or nests them deeper, than any mail program makes.",
}

_PGP = re.compile(rb"(?m)^-----BEGIN PGP (MESSAGE|SIGNED MESSAGE)-----")
_STATEFUL = re.compile(r"utf.?(16|32|7)|hz|iso.?2022.(?!jp)|ucs")
_LONGEST_LINE = 998
_MOST_LINKS = 0xFFFE
"""Positions in a token have 16 bits; the last is the hidden link's."""
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


class Mail:
    """A mail read once, to be copied for many."""

    def __init__(self, source: bytes, mint: Mint) -> None:
        """Raises MailUnreadable where `source` is no mail at all."""
        self._source, self._mint = source, mint
        self._root = mime.parse(source)
        self._eol = b"\r\n" if b"\r\n" in source else b"\n"
        self._bodies: list[Body] = []
        self._switch = switched_off(source, self._root)
        self.left_alone = LeftAlone.SWITCHED_OFF if self._switch else _reason(source, self._root)
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
            plain = _spliced(self._source, self._switch) if self.left_alone else self.cleaned()
            return Copy(to, plain, (), (), left_alone, tuple(self._warnings_left_alone()))
        person = Person.known(self._mint, to, mode)
        dots = [
            self._mint.dot(mail_token(self._mint, person, message, marked, TokenKind.DOT, place))
            for place in (Place.TOP, Place.BOTTOM)
        ]
        page = self._mint.privacy(person, message, marked)
        links: list[MarkedLink] = []
        changes: list[Splice] = self._added_headers(to, mode, message, marked, page)
        for body in self._bodies:
            splices = [*body.removals, *(self._restored(body, link) for link in body.led_back)]
            for link in body.links:
                if len(links) == _MOST_LINKS:
                    break
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
        changes += [Splice(h.start, h.end, b"") for h in self._root.headers if h.name in _DROPPED_HEADERS]
        content = _spliced(self._source, changes)
        return Copy(to, content, tuple(dots), tuple(links), None, tuple(self._warnings(content)), mode, page)

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
                self._restored(body, link)
                for link in (*body.links, *body.led_back)
                if self._mint.own(html.unescape(text[link.place.start : link.place.end]).strip())
            ]
            if restored or body.removals:
                changes.append(self._encoded(body, [*body.removals, *restored]))
        return _spliced(self._source, changes)

    def _restored(self, body: Body, link: Link) -> Splice:
        """A link leading where it led; what this mail's character set cannot hold is percent-encoded."""
        destination, place = link.destination, link.place
        try:
            destination.decode(body.part.charset)
        except (UnicodeDecodeError, LookupError):
            destination = re.sub(rb"[\x80-\xff]", lambda m: b"%%%02X" % m[0][0], destination)
        return Splice(place.start, place.end, html.escape(destination, place.quote))

    def _encoded(self, body: Body, splices: list[Splice]) -> Splice:
        return Splice(body.part.body, body.part.end, body.transfer.spliced(merged(splices)))

    def _dot(self, url: str) -> bytes:
        # A line end inside the tag keeps lines short without putting white space into the text.
        return b'<img src="' + url.encode() + b'"' + self._eol + b'width="1" height="1" alt="" style="border:0">'

    def _warnings(self, content: bytes) -> Iterator[str]:
        size = sum(len(b.transfer.text) for b in self._bodies) + 400 + 120 * sum(len(b.links) for b in self._bodies)
        if size >= CLIPPED_BYTES:
            yield f"The HTML has about {size // 1000} kB; Gmail shows the first 102 kB and hides the bottom dot."
        if sum(len(b.links) for b in self._bodies) > _MOST_LINKS:
            yield f"Only the first {_MOST_LINKS} links are tracked."
        if _has_long_line(content) and not _has_long_line(self._source):
            yield f"A line is longer than {_LONGEST_LINE} bytes now; send the mail in quoted-printable or base64."
        if any(h.name in _DROPPED_HEADERS for h in self._root.headers):
            yield "The mail named blind copies (Bcc); that line was taken out."

    def _warnings_left_alone(self) -> Iterator[str]:
        if any(h.name in _DROPPED_HEADERS for h in self._root.headers):
            yield "The mail names blind copies (Bcc), and as it was left alone it still does; take that line out."

    def _read_bodies(self) -> None:
        unsubscribe = {url.encode() for url in _LISTED_URL.findall(self._root.get("list-unsubscribe") or "")}
        try:
            for part in _html_parts(self._root):
                transfer = reader(part.encoding, self._source[part.body : part.end], self._eol)
                self._bodies.append(read_body(part, transfer, self._mint, unsubscribe))
        except html.Unclosed:
            self.left_alone = LeftAlone.NO_SAFE_PLACE
        except Unreadable:
            self.left_alone = LeftAlone.ENCODING


def read_mail(source: bytes, mint: Mint) -> Mail:
    """Read a mail to mark it; raises MailUnreadable."""
    return Mail(source, mint)


def _reason(source: bytes, root: mime.Part) -> LeftAlone | None:
    """Why this mail must be left alone, if it must."""
    if root.too_complex:
        return LeftAlone.TOO_COMPLEX
    if not root.blank_line:
        return LeftAlone.NO_BLANK_LINE
    for part in root.walk():
        if reason := _reason_of_part(source, part):
            return reason
    if (root.get("auto-submitted") or "no").strip().lower() != "no":
        return LeftAlone.REPORT
    if root.get("dkim-signature") is not None:
        return LeftAlone.DKIM_SIGNED
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
        armor = _armor(source, part)
        if armor:
            return LeftAlone.ENCRYPTED if armor[1] == b"MESSAGE" else LeftAlone.SIGNED
    return None


def _armor(source: bytes, part: mime.Part) -> re.Match[bytes] | None:
    """PGP's own frame in a text, also behind a transfer encoding."""
    found = _PGP.search(source, part.body, part.end)
    if found is None and part.encoding in ("base64", "quoted-printable"):
        try:
            return _PGP.search(reader(part.encoding, source[part.body : part.end], b"\n").text)
        except Unreadable:
            return None
    return found


def _has_long_line(content: bytes) -> bool:
    return re.search(rb"[^\n]{%d}" % (_LONGEST_LINE + 2), content) is not None


def _html_parts(root: mime.Part) -> list[mime.Part]:
    """The HTML that is shown: no attachments, nothing inside an attached container."""
    if root.attached:
        return []
    if not root.children:
        return [root] if root.content_type == "text/html" else []
    return [part for child in root.children for part in _html_parts(child)]


def _charset_works(charset: str) -> bool:
    try:
        return not _STATEFUL.match(charset) and not _STATEFUL.match(codecs.lookup(charset).name)
    except LookupError:
        return False


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
