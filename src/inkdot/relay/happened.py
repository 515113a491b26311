"""What the mail door learns later, written into the journal as the street writes pings: a reply came, a mail bounced.

The record's token is of the message and the person, its target REPLY or BOUNCE, its body JSON. So a rebuild sees it again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId
from inkdot.domain.ping import RELAY_STREAM
from inkdot.domain.token import TokenKind
from inkdot.journal.record import NOBODY, encode_with_body
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.mark.mint import Mint, Person, mail_token

_SEGMENT_BYTES = 1 << 20
_DAY = 86_400_000_000  # microseconds


class Happened:
    """The mail door's pen. Threads may share it; the journal's folder is opened at the first word."""

    def __init__(self, journal: Path, mint: Mint) -> None:
        self._folder, self._mint = street_folder(journal, RELAY_STREAM), mint
        self._turn = threading.Lock()
        self._writer: Writer | None = None

    def write(
        self,
        target: bytes,
        message: MessageId,
        address: Address,
        mode: Mode,
        time: int,
        facts: Mapping[str, str | None],
        *,
        alone: bool = False,
    ) -> None:
        """`time` in microseconds since 1970. Durable when it returns. Raises DiskFull or JournalStopped."""
        if mode is Mode.OFF:
            return
        if mode is not Mode.INDIVIDUAL:
            facts = {}
            time = time // _DAY * _DAY if mode is Mode.HYGIENE else time
        person = Person.known(self._mint, address, mode, alone=alone)
        token = self._mint.keyring.seal(mail_token(self._mint, person, message, time // 1_000_000, TokenKind.DOT, 0))
        body = json.dumps({name: value[:1_000] for name, value in facts.items() if value}).encode()
        record = encode_with_body(b"POST", time, NOBODY, token, b"", target, body)
        with self._turn:
            if self._writer is None:
                self._writer = Writer(self._folder, _SEGMENT_BYTES)
            try:
                self._writer.commit(record)
            except BaseException:
                # After a failed sync a writer must not be used again; a new one starts from what can be read.
                self._writer = None
                raise

    def renew(self) -> None:
        """Seal a segment that was begun long ago; asked now and then."""
        if self._writer and self._writer.aged:
            self.close()

    def close(self) -> None:
        """Seal the segment; the next word opens another."""
        with self._turn:
            if self._writer:
                self._writer.close()
                self._writer = None
