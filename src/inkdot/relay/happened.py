"""What the mail door learns later, written into the journal as the street writes pings: a reply came, a mail bounced.

The record's token is of the message and the person, its target REPLY or BOUNCE, its body JSON. So a rebuild sees it again.
Whoever was killed before he wrote down that he told something tells it again: what stands in the journal is not written twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId, PingId, WorkspaceId
from inkdot.domain.ping import RELAY_STREAM, Ping
from inkdot.domain.token import TokenKind
from inkdot.journal.reader import pings_of
from inkdot.journal.record import NOBODY, encode_with_body
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.mark.mint import Mint, Person, mail_token

_SEGMENT_BYTES = 1 << 20
_DAY = 86_400_000_000  # microseconds


class Happened:
    """The mail door's pen. Threads may share it; the journal's folder is opened at the first word."""

    def __init__(self, journal: Path, mint: Mint) -> None:
        self._journal, self._mint = journal, mint
        self._turn = threading.Lock()
        self._writer: Writer | None = None
        self._written: set[tuple[object, ...]] = set()
        """What stands in the journal; known while the folder is open."""

    def write(
        self,
        target: bytes,
        message: MessageId,
        address: Address,
        mode: Mode,
        time: int,
        facts: Mapping[str, str | None],
        *,
        once: str,
        alone: bool = False,
        workspace: WorkspaceId | None = None,
    ) -> None:
        """`time` in microseconds since 1970. Durable when it returns. Raises DiskFull or JournalStopped.

        `once` names what happened among all that happens to the person's copy: told again, it changes nothing. `workspace`: whose
        mail it is, the mail door's if not given.
        """
        if mode is Mode.OFF:
            return
        told = dict(facts) if mode is Mode.INDIVIDUAL else {}
        time = time // _DAY * _DAY if mode is Mode.HYGIENE else time
        mint = self._mint if workspace is None else self._mint._replace(workspace=workspace)
        person = Person.known(mint, address, mode, alone=alone)
        token = mint.keyring.seal(mail_token(mint, person, message, time // 1_000_000, TokenKind.DOT, 0))
        if person.address:  # else the mark would tell whoever has the mailbox who it was
            told["mark"] = self._mark(message, address, once)
        body = json.dumps({name: value[:1_000] for name, value in told.items() if value}).encode()
        same = _same(Ping(PingId(0), time, "POST", b"", token, b"", target, body))
        record = encode_with_body(b"POST", time, NOBODY, token, b"", target, body)
        with self._turn:
            writer = self._opened()
            if same in self._written:
                return
            try:
                writer.commit(record)
            except BaseException:
                # After a failed sync a writer must not be used again; a new one starts from what can be read.
                self._writer = None
                raise
            self._written.add(same)

    def _opened(self) -> Writer:
        if self._writer is None:
            writer = Writer(street_folder(self._journal, RELAY_STREAM), _SEGMENT_BYTES)
            self._written = set(map(_same, pings_of(self._journal, RELAY_STREAM)))
            self._writer = writer
        return self._writer

    def _mark(self, message: MessageId, address: Address, once: str) -> str:
        data = f"{message:x} {address} {once}".encode("utf-8", "replace")
        return hashlib.blake2b(data, key=self._mint.keyring.identity, digest_size=8, person=b"inkdot-told").hexdigest()

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


def _same(ping: Ping) -> tuple[object, ...]:
    """What a record is known again by: its mark, or all of it."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return ping.target, json.loads(ping.body)["mark"]
    return ping.target, ping.time, ping.token
