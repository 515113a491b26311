"""The room's pen: what a reader's page measured is in the journal before it is acknowledged. Many wait for one sync."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

from inkdot.domain.errors import JournalStopped
from inkdot.journal.writer import DiskFull, Writer

_Entry = tuple[bytes, Callable[[Exception | None], object]]
"""Records, and who is told once they are kept, or why they are not."""


class Recorder:
    """Writes on a thread of its own; whatever arrives during a sync goes into the next one."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self.failed: JournalStopped | None = None
        """Set when the disk failed: a fresh process must recover from what can be read."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def keep(self, records: bytes) -> None:
        """Return when the framed records are on disk. Raises DiskFull or JournalStopped, with nothing of them kept."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put((records, lambda failure: loop.call_soon_threadsafe(_settle, done, failure)))
        await done

    def renew(self) -> None:
        """Leave a segment that was begun long ago; asked once a second, from any thread."""
        if self._writer.aged:
            self._queue.put((b"", lambda _: None))

    def close(self) -> None:
        """Write what is waiting and seal the segment."""
        self._queue.put(None)
        self._thread.join()
        if self.failed is None:
            self._writer.close()

    def _run(self) -> None:
        while entry := self._queue.get():
            batch, last = [entry], False
            while not self._queue.empty():
                further = self._queue.get()
                if further is None:
                    last = True
                    break
                batch.append(further)
            failure = self._commit(b"".join(records for records, _ in batch))
            for _, told in batch:
                told(failure)
            if last:
                return

    def _commit(self, records: bytes) -> DiskFull | JournalStopped | None:
        if self.failed:
            return self.failed
        try:
            self._writer.commit(records)
        except DiskFull as error:
            return error
        except JournalStopped as error:
            self.failed = error
            return error
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, and a fresh process begins anew
            self.failed = JournalStopped(f"The journal cannot be written: {error!r}")
            return self.failed
        return None


def _settle(done: asyncio.Future[None], failure: Exception | None) -> None:
    if done.done():
        return  # whoever waited has gone; the record is kept all the same
    if failure:
        done.set_exception(failure)
    else:
        done.set_result(None)
