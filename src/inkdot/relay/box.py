"""A connection to a mailbox: its server has so many seconds for the answer to each command, and of a mail only the beginning is read."""

from __future__ import annotations

import imaplib
import io
import ssl
import time
from email import message_from_bytes
from email.message import Message
from typing import Any

from imap_tools import BaseMailBox

from inkdot.patience import Patient
from inkdot.relay.mailbox import Mailbox

_MOST_BYTES, _MOST_LINE = 1 << 25, 1 << 24
"""Of one answer: the numbers of two million mails stand on one line."""
_MOST_OF_A_MAIL = 1 << 20
"""A report names what failed before it quotes the mail, of which the header lines are enough."""


class _Timely(imaplib.IMAP4):
    """imaplib lets its `open`, `send`, `readline` and `read` be replaced."""

    def open(self, *where: Any, **more: Any) -> None:
        """Connect; the timeout is from now on that of each answer."""
        super().open(*where, **more)
        self._seconds = self.sock.gettimeout() or 0.0
        self._patient = Patient(self.sock, time.monotonic() + self._seconds, _MOST_BYTES)
        self._from = io.BufferedReader(self._patient)

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """Each command begins anew."""
        self._patient.renew(time.monotonic() + self._seconds, _MOST_BYTES)
        super().send(data)

    def readline(self) -> bytes:
        """A line of an answer."""
        return self._from.readline(_MOST_LINE)

    def read(self, size: int) -> bytes:
        """So many bytes of an answer."""
        return self._from.read(size) or b""


class _TimelyTls(_Timely, imaplib.IMAP4_SSL):
    """The same in TLS."""


class Box(BaseMailBox):
    """The mailbox, not yet logged in."""

    def __init__(self, mailbox: Mailbox, seconds: float) -> None:
        """Raises OSError and what imaplib raises."""
        self._mailbox, self._seconds = mailbox, seconds
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        m = self._mailbox
        if m.tls:
            return _TimelyTls(m.host, m.port, ssl_context=ssl.create_default_context(), timeout=self._seconds)
        return _Timely(m.host, m.port, timeout=self._seconds)

    def heads(self, uid: int) -> Message | None:
        """A mail's header lines; None if it is gone."""
        return self._begun(uid, "HEADER")

    def mail(self, uid: int) -> Message | None:
        """The beginning of a whole mail; None if it is gone."""
        return self._begun(uid, "")

    def _begun(self, uid: int, section: str) -> Message | None:
        status, said = self.client.uid("FETCH", str(uid), f"(BODY.PEEK[{section}]<0.{_MOST_OF_A_MAIL}>)")
        if status != "OK":
            raise imaplib.IMAP4.error(f"FETCH was answered with {status}")
        return next((message_from_bytes(one[1]) for one in said if isinstance(one, tuple)), None)
