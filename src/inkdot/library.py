"""Marking from your own program: no server is needed to mark, one to hear the pings.

from inkdot import Marker

marker = Marker("https://t.example.com", key)  # key: what `inkdot key` prints on the server
copy = marker.mail(message, to="client@example.com")
"""

from __future__ import annotations

import email
import email.policy
import os
import time
from collections.abc import Sequence
from email.message import EmailMessage, Message
from typing import TypeVar, cast
from urllib.parse import urlsplit

from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import LinkId, MessageId
from inkdot.domain.token import Keyring, keyring_from_text
from inkdot.mark.mail import Copy, read_mail
from inkdot.mark.mint import Mint, Person, tracked_link
from inkdot.mark.wanted import read_wanted

M = TypeVar("M", bytes, EmailMessage, Message)


class Marker:
    """Marks mails and makes tracked links for one Inkdot installation. Threads may share it."""

    def __init__(
        self, public_url: str, key: str | Keyring, *, opens: bool = True, clicks: bool = True,
        never_links: Sequence[str] = (), utm: Sequence[str] = (), honeypot: bool = False,
    ) -> None:  # fmt: skip
        """`public_url`: where the street door answers. `key`: the text that `inkdot key` prints.

        `opens` and `clicks`: whether to put dots in and to track links. `never_links`: domains to which links are not
        tracked. `utm`: words appended to tracked links, like `utm_source=news`. `honeypot`: a hidden link that only machines follow. Raises UsageError, BadSetting.
        """
        parts = urlsplit(public_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError(f"{public_url!r} is no web address; write it like https://t.example.com.")
        wanted = read_wanted(opens=opens, clicks=clicks, never=tuple(never_links), utm=tuple(utm), honeypot=honeypot)
        self._mint = Mint(public_url, key if isinstance(key, Keyring) else keyring_from_text(key), wanted=wanted)

    def mail(self, message: M, to: str, *, mode: Mode = Mode.INDIVIDUAL) -> M:
        """The marked copy for one recipient, of the kind that came in: bytes or an email message.

        A mail that must not be touched (signed, encrypted, ...) comes back as it was; `copy` says why. One message object
        or one bytes object given again for another recipient counts as another mail: use `mails` for one mail to many.
        Raises MailUnreadable for what is no mail, UsageError for what is no address.
        """
        return self.mails(message, [to], mode=mode)[to]

    def mails(self, message: M, to: list[str], *, mode: Mode = Mode.INDIVIDUAL) -> dict[str, M]:
        """One mail to many: address as given -> its copy. All copies are counted as one mail."""
        copies = self.copies(_source(message), to, mode=mode)
        return {address: _like(message, copy) for address, copy in copies.items()}

    def copies(self, source: bytes, to: list[str], *, mode: Mode = Mode.INDIVIDUAL) -> dict[str, Copy]:
        """The same with everything that is known of each copy: dots, links, warnings, why it was left alone."""
        number, now = MessageId(_number()), int(time.time())
        read = read_mail(source, self._mint)
        alone = len(set(to)) == 1
        return {address: read.copy_for(normal_address(address), number, now, mode, alone=alone) for address in to}

    def link(self, url: str, to: str) -> str:
        """A tracked link for one person. Raises UsageError."""
        person = Person.known(self._mint, normal_address(to))
        return tracked_link(self._mint, person, LinkId(_number()), int(time.time()), url)


def _number() -> int:
    return int.from_bytes(os.urandom(8), "big") >> 1


def _source(message: bytes | Message) -> bytes:
    if isinstance(message, bytes):
        return message
    if isinstance(message, Message):
        return message.as_bytes()
    raise UsageError(f"A mail is bytes or an email.message.EmailMessage, not {type(message).__name__}.")


def _like(message: M, copy: Copy) -> M:
    if isinstance(message, bytes):
        return copy.content
    kind = EmailMessage if isinstance(message, EmailMessage) else Message  # subclasses are built in ways of their own
    return cast(M, email.message_from_bytes(copy.content, _class=kind, policy=message.policy))
