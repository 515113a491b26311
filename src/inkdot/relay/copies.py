"""The copies of one mail: each recipient's own marks, the same visible headers, and no trace of the blind ones.

What must not be touched leaves as it came, and so does what we fail to read: rather unmarked than wrong or lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from typing import NamedTuple

from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import MailUnreadable
from inkdot.domain.ids import MESSAGE, to_word
from inkdot.domain.message import Message
from inkdot.mark import mime
from inkdot.mark.blind import blind
from inkdot.mark.mail import Mail, read_mail
from inkdot.mark.mint import Mint
from inkdot.mark.reasons import LeftAlone
from inkdot.mark.switch import switched_off
from inkdot.mark.transfer import spliced
from inkdot.relay.envelope import Envelope
from inkdot.relay.paths import proper

_LIST = re.compile(rb"(?im)^list-id:[^<\r\n]*<([^>\r\n]+)>")


class Made(NamedTuple):
    """One recipient's copy."""

    pieces: list[bytes]
    """One after the other they are the mail; a large one is not joined once more."""
    left_alone: LeftAlone | None
    """Why it carries no marks."""


class Copies:
    """Reads a mail once; makes copies one at a time. The same envelope gives the same bytes."""

    def __init__(
        self, source: bytes, envelope: Envelope, mint: Mint, name: str, failed: Callable[[Exception], None]
    ) -> None:
        """`name` is what we call ourselves, for a Message-ID where there is none."""
        self._envelope, self._failed = envelope, failed
        self.left_alone: LeftAlone | None = LeftAlone.REPORT if envelope.unmarked else None
        self._source = source if envelope.unmarked else self._tidied(source)
        del source  # it may be large, and what follows needs the tidied one alone
        self._mail: Mail | None = None
        self._internet_id: str | None = None
        self._added = b""
        if not envelope.unmarked:
            self._read(mint, name)

    def _read(self, mint: Mint, name: str) -> None:
        try:
            self._mail = read_mail(self._source, mint)
        except MailUnreadable:
            self.left_alone = LeftAlone.UNREADABLE
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep a mail from leaving
            self._failed(error)
            self.left_alone = LeftAlone.FAILED
            return
        self.left_alone = self._mail.left_alone or self.left_alone
        self._internet_id = self._mail.internet_id
        if self._mail.left_alone is None:
            self._add_missing(name)

    @property
    def signed(self) -> bool:
        """It carries a DKIM signature already."""
        return self._has_header(b"dkim-signature")

    @property
    def heads(self) -> bytes:
        """The header lines."""
        return self._source[: self._source.find(b"\r\n\r\n") + 2]

    @property
    def list_name(self) -> str | None:
        """The list that the mail goes to (RFC 2919), whose consent mode counts too."""
        found = _LIST.search(self.heads)
        return found[1].decode("latin-1").strip().lower() if found else None

    def _has_header(self, name: bytes) -> bool:
        return b"\n" + name + b":" in b"\n" + self.heads.lower()

    @property
    def subject(self) -> str | None:
        """As far as the mail could be read."""
        return self._mail.subject if self._mail else None

    def message(self) -> Message:
        """What is kept of it."""
        recipients = tuple(dict.fromkeys(normal_address(r) for r in self._envelope.recipients if proper(r)))
        mail, envelope = self._mail, self._envelope
        if mail is None:
            return Message(envelope.message, envelope.accepted, None, recipients, ())
        links = mail.links if self.left_alone is None else ()
        return Message(envelope.message, envelope.accepted, mail.subject, recipients, links, self._internet_id)

    def copy_for(self, recipient: str, mode: Mode, *, alone: bool = False) -> Made:
        """The copy for one recipient; `alone` as domain/consent.py's is_alone says."""
        if self._mail is None:
            return Made([self._source], self.left_alone)
        if self._mail.left_alone:
            return Made([self._mail.cleaned()], self.left_alone)
        if self.left_alone:
            return Made([self._added, self._mail.cleaned()], self.left_alone)
        if mode is Mode.OFF:
            return Made([self._added, self._mail.cleaned()], LeftAlone.CONSENT)
        envelope = self._envelope
        try:
            copy = self._mail.copy_for(
                normal_address(recipient), envelope.message, envelope.accepted, mode, alone=alone
            )
        except Exception as error:  # noqa: BLE001 - likewise
            self._failed(error)
            return Made([self._source], LeftAlone.FAILED)
        return Made([self._added, copy.content], copy.left_alone)

    def _tidied(self, source: bytes) -> bytes:
        """Without blind recipients and the sender's switch."""
        end = source.find(b"\r\n\r\n") + 4
        try:
            root = mime.parse(source[:end] if end > 3 else source)
        except MailUnreadable:
            return source
        switch = switched_off(source, root)
        if switch:
            self.left_alone = LeftAlone.SWITCHED_OFF
        changes = [*switch, *blind(root)]
        return spliced(source, changes) if changes else source

    def _add_missing(self, name: str) -> None:
        """The Message-ID and Date that RFC 6409 lets us add where there is none."""
        envelope, added = self._envelope, ""
        if self._internet_id is None:
            self._internet_id = f"<{to_word(MESSAGE, envelope.message)}@{name}>"
            added += f"Message-ID: {self._internet_id}\r\n"
        if not self._has_header(b"date"):
            added += f"Date: {formatdate(envelope.accepted)}\r\n"
        self._added = added.encode()
