"""The mint: makes the addresses of dots and tracked links, and knows its own again."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import ContactId, LinkId, MessageId, WorkspaceId
from inkdot.domain.token import Keyring, Token, TokenKind, shared
from inkdot.mark.privacy import Notice
from inkdot.mark.wanted import Wanted

_OWN = re.compile(rb"(?i)^https?://[^/?#]+/(?:[\w.~-]+/){0,5}([A-Za-z0-9_-]{60,}?)(?:\.gif)?(?:[?#].*)?$")
_SOMEWHERE = re.compile(rb"(?i)https?://[^/?#\s\"'<>]+/(?:[\w.~-]+/){0,5}([A-Za-z0-9_-]{60,})")
_BAD_IN_URL = re.compile(rb"[\x00-\x20\x7f]")
_SHORTEST = 70
_PROOFPOINT = bytes.maketrans(b"-_", b"%/")
MAX_DESTINATION_BYTES = 8_000
"""The street takes heads up to 16 kB; longer destinations could not be asked for."""


class Mint(NamedTuple):
    """Everything a mark needs beside the mail."""

    public_url: str
    """Where the street answers, like https://t.example.com."""
    keyring: Keyring
    workspace: WorkspaceId = WorkspaceId(1)
    prefixes: tuple[str, str] = ("o", "c")
    notice: Notice = Notice()
    wanted: Wanted = Wanted()

    def of_sender(self, sender: str) -> Mint:
        """The mint under the public name of a sender's domain."""
        return self._replace(public_url=self.wanted.public_url(sender, self.public_url))

    def dot(self, token: Token) -> str:
        """The address of a dot."""
        return f"{self.public_url.rstrip('/')}/{self.prefixes[0]}/{self.keyring.sign(token)}.gif"

    def click(self, token: Token) -> str:
        """The address of a tracked link."""
        return f"{self.public_url.rstrip('/')}/{self.prefixes[1]}/{self.keyring.sign(token)}"

    def privacy(self, person: Person, thing: int, marked: int, place: bytes = b"") -> str:
        """The address of the privacy page that a copy of `thing` (a mail, a document, a site) leads to.

        `place` says where the link stands: UNSUBSCRIBE for the header line of a mail, or the domain of a website.
        """
        who = person.contact, person.address
        token = Token(TokenKind.PRIVACY, person.mode, self.workspace, 0, marked, thing, *who, place, person.alone)
        return f"{self.public_url.rstrip('/')}/p/{self.keyring.sign(shared(token))}"

    def confirmation(self, person: Person, made: int, asked: bytes) -> str:
        """The address of the page where consent is confirmed; nobody: a form for anybody. `asked` is domain/asking.py's."""
        token = Token(TokenKind.CONFIRM, person.mode, self.workspace, 0, made, 0, person.contact, person.address, asked)
        return f"{self.public_url.rstrip('/')}/p/yes/{self.keyring.sign(token)}"

    def push(self, person: Person, made: int) -> str:
        """The address of the page where somebody allows a browser to be pushed to; nobody: the owner."""
        token = Token(TokenKind.PUSH, person.mode, self.workspace, 0, made, 0, person.contact, person.address, b"")
        return f"{self.public_url.rstrip('/')}/n/{self.keyring.sign(token)}"

    def reader(self, token: Token) -> str:
        """The address of a shared document."""
        return f"{self.public_url.rstrip('/')}/d/{self.keyring.sign(token)}"

    def own(self, url: bytes) -> Token | None:
        """The token in an address that this installation made, under whatever name it was reached then."""
        found = _OWN.match(url)
        return self._token(found[1]) if found else None

    def within(self, url: bytes) -> Token | None:
        """The same in an address that only leads on to ours: what mail gateways and webmail make of links."""
        if len(url) < _SHORTEST:
            return None
        readings = [url]
        for _ in range(2):  # some gateways wrap what others have wrapped
            readings.append(unquote_to_bytes(readings[-1]))
        if b"urldefense" in url:  # Proofpoint's second kind has characters of its own for % and /
            readings.append(unquote_to_bytes(url.translate(_PROOFPOINT)))
        for text in dict.fromkeys(readings):
            for found in _SOMEWHERE.finditer(text):
                token = self._token(found[1]) or self._token(found[1].removesuffix(b"__"))
                if token:
                    return token
        return None

    def _token(self, word: bytes) -> Token | None:
        raw = self.keyring.check(word)
        return self.keyring.read(raw) if raw else None


class Person(NamedTuple):
    """For whom a mark is made, and how much may be kept about it."""

    contact: ContactId
    address: Address | None
    mode: Mode
    alone: bool = False
    """Nobody else gets a mark of the same thing."""

    @classmethod
    def known(cls, mint: Mint, address: Address, mode: Mode = Mode.INDIVIDUAL, *, alone: bool = False) -> Person:
        """The person behind an address; nobody where the mode keeps no names."""
        if mode <= Mode.AGGREGATE:
            return cls(ContactId(0), None, mode, alone)
        return cls(mint.keyring.contact_id(mint.workspace, address), address, mode, alone)


def mail_token(
    mint: Mint, person: Person, message: MessageId, marked: int, kind: TokenKind, part: int, destination: bytes = b""
) -> Token:
    """The token of one dot or link in one copy of a mail."""
    who = person.contact, person.address
    return shared(Token(kind, person.mode, mint.workspace, part, marked, message, *who, destination, person.alone))


def tracked_link(mint: Mint, person: Person, link: LinkId, marked: int, destination: str) -> str:
    """A tracked link of its own. Raises UsageError unless `destination` is an http or https address."""
    target = destination.strip().encode()
    try:
        parts = urlsplit(destination.strip()) if not _BAD_IN_URL.search(target) else None
    except ValueError:  # an address of IPv6 that is none
        parts = None
    if parts is None or parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{destination!r} is not a web address; write it like https://example.com/page.")
    if len(target) > MAX_DESTINATION_BYTES:
        raise UsageError(
            f"The address has {len(target)} bytes; links longer than {MAX_DESTINATION_BYTES} cannot be tracked."
        )
    who = person.contact, person.address
    return mint.click(Token(TokenKind.LINK, person.mode, mint.workspace, 0, marked, link, *who, target))
