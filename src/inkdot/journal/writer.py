"""The journal's pen: writes batches of records and returns when they are on disk. One writer per folder.

It never answers anybody and leaves to helper threads what can wait: sealing the last segment and preparing the next one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from pathlib import Path

from inkdot.domain.errors import Failure, JournalStopped
from inkdot.journal.record import SEGMENT_HEAD
from inkdot.journal.segment import SEGMENT_BYTES, SPARE, TURN_SECONDS, cut_tail, make, numbers, path_of, sync_folder

_RETRY_SECONDS = 1.0
_PAUSE_SECONDS = 0.004
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}


class DiskFull(Failure):
    """The disk takes no records now, and says why; nothing of these is kept, and a later batch may succeed."""


class Writer:
    """Appends to the segments of one street's folder."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open `folder`, cut the torn tail a crash may have left, and start a new segment.

        Raises OSError if the folder cannot be made. A full disk does not stop it: `commit` says so until there is room.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._fd = -1
        self._offset = self._end = 0
        self._begun = 0.0
        self._retry_at, self._refused = 0.0, ""
        self._spare_thread: threading.Thread | None = None
        self._seal_thread: threading.Thread | None = None
        present = numbers(folder)
        self._number = present[-1] if present else 0
        if present:
            cut_tail(path_of(folder, self._number))
        (folder / SPARE).unlink(missing_ok=True)
        with contextlib.suppress(DiskFull):
            self._turn_page()

    @property
    def number(self) -> int:
        """The number of the segment being written."""
        return self._number

    @property
    def aged(self) -> bool:
        """True if the segment holds records and was begun so long ago that the next one is due. Any thread may ask.

        Segments expire as a whole; one that little is written into would else outlast the days of its first records.
        """
        return self._older_than(TURN_SECONDS)

    def _older_than(self, seconds: float) -> bool:
        # A clock that was set back tells nothing of the age: then rather too early than never.
        return self._offset > len(SEGMENT_HEAD) and not 0 <= time.time() - self._begun < seconds

    def commit(self, records: bytes) -> None:
        """Make a batch of framed records durable.

        Raises DiskFull where nothing was kept but a later try may work, and JournalStopped where the disk failed: after
        a failed sync nobody knows what is on disk (a second sync may succeed without having written anything), so this
        writer must not be used again; a new one starts from what can be read.
        """
        if len(records) > self._end - self._offset or self.aged:
            self._turn_page(len(records))
        if self._offset == len(SEGMENT_HEAD):
            self._begun = time.time()
        try:
            done = 0
            while done < len(records):
                done += os.pwrite(self._fd, records[done:] if done else records, self._offset + done)
        except OSError as error:
            if error.errno in _NO_ROOM:
                if done:  # a reader may be behind these records already: nothing else may come into their place
                    self._end = self._offset
                raise DiskFull(os.strerror(error.errno)) from error
            raise JournalStopped(f"The disk refused to write the journal: {error}") from error
        self._sync()
        self._offset += len(records)
        if self._spare_thread is None and (self._offset > self._end // 2 or self._older_than(TURN_SECONDS / 2)):
            self._spare_thread = threading.Thread(target=self._prepare_spare, daemon=True, name="journal-spare")
            self._spare_thread.start()

    def rehearse(self, size: int) -> None:
        """Write and sync `size` zero bytes that the next record overwrites: takes a commit's time and keeps nothing.

        Raises as `commit` where an aged segment cannot be left.
        """
        if self.aged:
            self._turn_page()
        room = self._end - self._offset
        if room > 0:
            with contextlib.suppress(OSError):
                os.pwrite(self._fd, bytes(min(size, room)), self._offset)
                self._sync()

    def close(self) -> None:
        """Seal the segment."""
        for thread in (self._spare_thread, self._seal_thread):
            if thread:
                thread.join()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            _seal(fd, self._offset)
        (self._folder / SPARE).unlink(missing_ok=True)

    def _sync(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise JournalStopped(f"The disk failed to sync the journal: {error}") from error

    def _turn_page(self, needed: int = 0) -> None:
        """Seal this segment and open the next one, prepared if possible."""
        if time.monotonic() < self._retry_at:
            raise DiskFull(self._refused)
        if needed > self._segment_bytes - len(SEGMENT_HEAD):
            raise JournalStopped("A batch is larger than a journal segment.")
        try:
            self._leave_page()
            self._fd = self._take_spare()
            (self._folder / SPARE).rename(path_of(self._folder, self._number + 1))
            self._number += 1  # a reader may have it open from now on: whatever fails, this number is not given again
            sync_folder(self._folder)
        except OSError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            if error.errno in _NO_ROOM:
                self._refused = os.strerror(error.errno)
                raise DiskFull(self._refused) from error
            raise JournalStopped(f"The disk refused a new journal segment: {error}") from error
        self._offset, self._end = len(SEGMENT_HEAD), self._segment_bytes

    def _leave_page(self) -> None:
        """Seal the full segment aside: its records are durable, and its zero tail harms no reader."""
        if self._fd >= 0:
            fd, self._fd, self._end = self._fd, -1, 0
            self._seal_thread = threading.Thread(
                target=_seal, args=(fd, self._offset), daemon=True, name="journal-seal"
            )
            self._seal_thread.start()

    def _take_spare(self) -> int:
        """The descriptor of the prepared segment, made now if there is none."""
        if self._spare_thread:
            self._spare_thread.join()
            self._spare_thread = None
        spare = self._folder / SPARE
        if spare.exists():
            return os.open(spare, os.O_RDWR | os.O_CLOEXEC)
        return make(spare, self._segment_bytes)

    def _prepare_spare(self) -> None:
        # Under another name until it is whole. Out of room: the page turn will meet it and say so.
        half_made = self._folder / "half.tmp"
        with contextlib.suppress(OSError):
            os.close(make(half_made, self._segment_bytes, _PAUSE_SECONDS))
            half_made.rename(self._folder / SPARE)


def _seal(fd: int, end: int) -> None:
    """Give back the space behind the last record."""
    with contextlib.suppress(OSError):
        os.ftruncate(fd, end)
    os.close(fd)
