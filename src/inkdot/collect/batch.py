"""Group commit: answers leave only after their records are on disk.

No window and no knob: the next batch is whatever arrived while the last one was being synced.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from inkdot.collect.counters import Counters
from inkdot.domain.errors import JournalStopped
from inkdot.journal.writer import DiskFull, Writer


class Waiter(Protocol):
    """Somebody who gets an answer once the batch is decided."""

    def answer(self, reply: bytes) -> None:
        """Send it."""


class _Nobody(Waiter):
    def answer(self, reply: bytes) -> None:
        pass


_NOBODY = _Nobody()
_TYPICAL_RECORD = 512
_LARGEST_BATCH = 32


Entry = tuple[Waiter, bytes, bytes, bytes]
"""Who is owed an answer; the answer if recorded; the answer if not; the record, empty if there is nothing to keep."""


class GroupCommit:
    """Collects entries on the loop's thread, makes them durable on its own, answers on the loop's again.

    All state but the disk work lives on the loop's thread, so there is nothing to lock.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        writer: Writer,
        counters: Counters,
        stopped: Callable[[JournalStopped], None],
    ) -> None:
        self._loop, self._writer, self._counters, self._stopped = loop, writer, counters, stopped
        self._entries: list[Entry] = []
        self._seen = 0
        self._busy = self._broken = False
        self._handed: SimpleQueue[list[Entry] | None] = SimpleQueue()
        self.refused = ""
        """Why records cannot be kept, as the disk says; empty while they can."""
        self.not_kept: Callable[[], None] | None = None
        """Told before the answers that records of a batch were not kept."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> bool:
        """True while answers are owed."""
        return self._busy

    def add(self, waiter: Waiter, reply: bytes, unrecorded: bytes, record: bytes) -> None:
        """Owe `waiter` an answer. Without a record it still leaves no earlier than one with a record would."""
        if self._broken:
            self._loop.call_soon(waiter.answer, unrecorded)
            return
        self._entries.append((waiter, reply, unrecorded, record))
        if not self._busy:
            self._busy = True
            self._seen = 0
            self._loop.call_soon(self._hand_over)

    def renew(self) -> None:
        """Leave a segment that was begun long ago; asked once a second."""
        if self._writer.aged:
            self.add(_NOBODY, b"", b"", b"")

    def close(self) -> None:
        """End the thread; call when nothing is pending."""
        self._handed.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        # As long as a turn of the loop brings new entries, one sync can serve them too: wait for a quiet turn, which costs
        # a lone client some microseconds and a crowd nothing.
        count = len(self._entries)
        if self._seen < count < _LARGEST_BATCH:
            self._seen = count
            self._loop.call_soon(self._hand_over)
            return
        entries, self._entries = self._entries, []
        self._handed.put(entries)

    def _run(self) -> None:
        while entries := self._handed.get():
            failure = self._commit(b"".join([e[3] for e in entries]))
            self._loop.call_soon_threadsafe(self._committed, entries, failure)

    def _commit(self, records: bytes) -> DiskFull | JournalStopped | None:
        try:
            if records:
                self._writer.commit(records)
                self._counters.bytes_written += len(records)
            else:
                self._writer.rehearse(_TYPICAL_RECORD)
        except (DiskFull, JournalStopped) as error:
            return error
        except Exception as error:  # noqa: BLE001 - without this thread everybody would wait for ever, and nobody would see it
            return JournalStopped(f"The journal's thread failed: {error!r}")
        return None

    def _committed(self, entries: list[Entry], failure: DiskFull | JournalStopped | None) -> None:
        if isinstance(failure, JournalStopped):
            # This writer is of no more use: whoever came meanwhile is told now, or the process would wait for them before it ends.
            entries, self._entries = entries + self._entries, []
            self._broken, self._busy = True, False
            self._stopped(failure)
        elif self._entries:
            self._seen = 0
            self._hand_over()
        else:
            self._busy = False
        counters = self._counters
        counters.commits += 1
        recorded = sum(1 for e in entries if e[3])
        self.refused = str(failure or "")
        if failure is None:
            counters.records += recorded
            for waiter, reply, _, _ in entries:
                waiter.answer(reply)
        else:
            counters.not_recorded += recorded
            if self.not_kept:
                self.not_kept()
            for waiter, _, unrecorded, _ in entries:
                waiter.answer(unrecorded)
