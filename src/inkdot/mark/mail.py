"""Mark a mail: a dot at the top and at the bottom of its HTML, every web link tracked, every other byte as it came.

A mail that must not be touched, or offers no safe place, is left alone and says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from typing import NamedTuple

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId
from inkdot.domain.message import HONEYPOT_PART
from inkdot.domain.message import Part as Place
from inkdot.domain.token import UNSUBSCRIBE, TokenKind
from inkdot.mark import html, lines, mime, older, privacy
from inkdot.mark.attachments import Treated
from inkdot.mark.blind import blind
from inkdot.mark.body import Body, Link, read_body
from inkdot.mark.mint import Mint, Person, mail_token
from inkdot.mark.reasons import LeftAlone, charset_works, html_parts, reason_of, shown_parts
from inkdot.mark.switch import switched_off
from inkdot.mark.transfer import Plain, Splice, Unreadable, merged, reader, spliced

CLIPPED_BYTES = 100_000
"""Gmail shows about the first 102 kB of a mail's HTML; the bottom dot of a longer one is behind "view entire message"."""


_MOST_LINKS = HONEYPOT_PART - 1
"""Positions in a token have 16 bits; the last is the hidden link's."""
_LISTED_URL = re.compile(r"<(https?://[^>]+)>")


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
    attachments: tuple[Treated, ...] = ()
    """Attached documents that were marked or shared."""


class Mail:
    """A mail read once, to be copied for many."""

    def __init__(self, source: bytes, mint: Mint) -> None:
        """Raises MailUnreadable where `source` is no mail at all."""
        self._source = source
        self._root = mime.parse(source)
        self.mint = mint.of_sender(self.sender)
        self._eol = b"\r\n" if b"\r\n" in source else b"\n"
        self._bodies: list[Body] = []
        self._texts: list[Splice] = []
        """Plain texts that quoted older marks, without them."""
        self._switch = switched_off(source, self._root)
        self.left_alone = reason_of(source, self._root)
        if self.left_alone is None:
            self._read_bodies()
        if self.left_alone in (None, LeftAlone.TEXT_ONLY):
            self._read_texts()
        if self._switch:
            self.left_alone = LeftAlone.SWITCHED_OFF

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
        wanted = self.mint.wanted
        if not wanted.clicks:
            return ()
        return tuple(_text(wanted.appended(link.destination)) for body in self._bodies for link in body.links)

    def copy_for(
        self, to: Address, message: MessageId, marked: int, mode: Mode = Mode.INDIVIDUAL, *, alone: bool = False
    ) -> Copy:
        """The copy for one recipient; `marked` in unix seconds. The same arguments give the same bytes.

        `alone`: as domain/consent.py's is_alone says.
        """
        left_alone = self.left_alone or self._left_alone_for(mode)
        if left_alone:
            return Copy(to, self.cleaned(), (), (), left_alone, tuple(self._warnings_left_alone()))
        person = Person.known(self.mint, to, mode, alone=alone)
        dots = [
            self.mint.dot(mail_token(self.mint, person, message, marked, TokenKind.DOT, place))
            for place in ((Place.TOP, Place.BOTTOM) if self.mint.wanted.opens else ())
        ]
        page = self.mint.privacy(person, message, marked)
        links: list[MarkedLink] = []
        changes: list[Splice] = self._added_headers(to, mode, message, marked, page)
        for body in self._bodies:
            splices = [*body.removals, *(self._restored(body, link) for link in body.led_back)]
            splices += self._tracked(body, person, message, marked, links)
            if dots and body is self._bodies[0]:
                splices.append(Splice(body.top, body.top, self._dot(dots[0]), apart=True))
            if body is self._bodies[-1]:
                bottom = self._footer(mode, page) + (self._dot(dots[1]) if dots else b"")
                if links and self.mint.wanted.honeypot:
                    bottom = self._honeypot(person, message, marked, page) + bottom
                splices.append(Splice(body.bottom, body.bottom, bottom, apart=True))
            changes.append(self._encoded(body, splices))
        changes += [*self._texts, *blind(self._root)]
        content = spliced(self._source, changes)
        return Copy(to, content, tuple(dots), tuple(links), None, tuple(self._warnings(content)), mode, page)

    def _left_alone_for(self, mode: Mode) -> LeftAlone | None:
        if mode is Mode.OFF:
            return LeftAlone.CONSENT
        wanted = self.mint.wanted
        return None if wanted.opens or wanted.clicks else LeftAlone.SWITCHED_OFF

    def _tracked(
        self, body: Body, person: Person, message: MessageId, marked: int, links: list[MarkedLink]
    ) -> Iterator[Splice]:
        """The links of one body, tracked and added to `links`; or leading where they led, if none are wanted."""
        wanted = self.mint.wanted
        if not wanted.clicks:
            yield from (self._restored(body, link) for link in body.links if link.own)
            return
        for link in body.links[: _MOST_LINKS - len(links)]:
            destination = wanted.appended(link.destination)
            token = mail_token(self.mint, person, message, marked, TokenKind.CLICK, len(links) + 1, destination)
            url = self.mint.click(token)
            links.append(MarkedLink(_text(destination), url))
            yield Splice(link.place.start, link.place.end, url.encode(), apart=True)

    def _footer(self, mode: Mode, url: str) -> bytes:
        notice = self.mint.notice
        return privacy.footer(notice, mode, url) + self._eol if notice.style == "footer" else b""

    def _added_headers(self, to: Address, mode: Mode, message: MessageId, marked: int, url: str) -> list[Splice]:
        notice = self.mint.notice
        lines = [privacy.header(url)] if notice.style == "header" else []
        if notice.one_click and self._root.get("list-unsubscribe") is None:
            # To leave a list one must be named, even where the mail itself counts without names.
            named = Person(self.mint.keyring.contact_id(self.mint.workspace, to), to, mode)
            lines += privacy.one_click(self.mint.privacy(named, message, marked, UNSUBSCRIBE))
        end = self._root.headers[-1].end
        return [Splice(end, end, b"".join(line + self._eol for line in lines))] if lines else []

    def cleaned(self) -> bytes:
        """The mail without any of our marks: dots gone, links leading where they led; and without the sender's switch."""
        changes = [*self._switch, *self._texts]
        for body in self._bodies:
            restored = [self._restored(body, link) for link in (*body.links, *body.led_back) if link.own]
            if restored or body.removals:
                changes.append(self._encoded(body, [*body.removals, *restored]))
        return spliced(self._source, changes) if changes else self._source

    def _restored(self, body: Body, link: Link) -> Splice:
        """A link leading where it led."""
        destination = older.holdable(link.destination, body.part.charset)
        return Splice(link.place.start, link.place.end, html.escape(destination, link.place.quote))

    def _encoded(self, body: Body, splices: list[Splice]) -> Splice:
        content = body.transfer.spliced(merged(splices))
        if isinstance(body.transfer, Plain):
            content = lines.broken(content, self.mint.public_url, self._eol)
        return Splice(body.part.body, body.part.end, content)

    def _dot(self, url: str) -> bytes:
        # A line end inside the tag keeps lines short without putting white space into the text.
        return b'<img src="' + url.encode() + b'"' + self._eol + b'width="1" height="1" alt="" style="border:0">'

    def _honeypot(self, person: Person, message: MessageId, marked: int, page: str) -> bytes:
        """The hidden link: no text, no box, not in the order of the Tab key, not told to screen readers.

        Whoever follows it all the same is led to the page that says what is kept.
        """
        token = mail_token(self.mint, person, message, marked, TokenKind.CLICK, HONEYPOT_PART, page.encode())
        return (
            b'<a href="' + self.mint.click(token).encode() + b'"' + self._eol
            + b'style="display:none;font-size:0;mso-hide:all" aria-hidden="true" tabindex="-1"></a>'
        )  # fmt: skip

    def _warnings(self, content: bytes) -> Iterator[str]:
        size = sum(len(b.transfer.text) for b in self._bodies) + 400 + 120 * sum(len(b.links) for b in self._bodies)
        if size >= CLIPPED_BYTES:
            yield f"The HTML has about {size // 1000} kB; Gmail shows the first 102 kB and hides the bottom dot."
        if sum(len(b.links) for b in self._bodies) > _MOST_LINKS:
            yield f"Only the first {_MOST_LINKS} links are tracked."
        if lines.too_long(content) and not lines.too_long(self._source):
            yield f"A line is longer than {lines.LONGEST} bytes now; send the mail in quoted-printable or base64."
        if blind(self._root):
            yield "The mail named blind copies (Bcc); that line was taken out."

    def _warnings_left_alone(self) -> Iterator[str]:
        if blind(self._root):
            yield "The mail names blind copies (Bcc), and as it was left alone it still does; take that line out."

    def _read_bodies(self) -> None:
        unsubscribe = {url.encode() for url in _LISTED_URL.findall(self._root.get("list-unsubscribe") or "")}
        try:
            for part in html_parts(self._root):
                transfer = reader(part.encoding, self._source[part.body : part.end], self._eol)
                self._bodies.append(read_body(part, transfer, self.mint, unsubscribe))
        except (html.Unclosed, Unreadable) as error:
            self.left_alone = LeftAlone.ENCODING if isinstance(error, Unreadable) else LeftAlone.NO_SAFE_PLACE
            self._bodies.clear()

    def _read_texts(self) -> None:
        for part in shown_parts(self._root, "text/plain"):
            if charset_works(part.charset):
                clean = older.cleaned_text(part, self._source[part.body : part.end], self.mint, self._eol)
                if clean is not None:
                    self._texts.append(Splice(part.body, part.end, clean))


def read_mail(source: bytes, mint: Mint) -> Mail:
    """Read a mail to mark it; raises MailUnreadable."""
    return Mail(source, mint)


def _text(destination: bytes) -> str:
    return destination.decode("utf-8", "backslashreplace")
