"""The journal's eye: reads pings from a position on, while streets write. It never changes a byte.

A position is (segment, offset) per stream. Torn tails end a read; damage inside is reported as a stretch and read around.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.errors import NewerData
from inkdot.domain.ping import ALIGNMENT, MAX_SEGMENT_BYTES, Ping, ping_id
from inkdot.journal.record import SEGMENT_HEAD, decode, frames
from inkdot.journal.segment import numbers, path_of, streams, street_folder

Position = tuple[int, int]
START: Position = (0, 0)
_MANY = 1_000
_SMALLEST_CHUNK, _LARGEST_CHUNK = 1 << 17, 1 << 22  # the largest holds every record whole many times over


class Damage(NamedTuple):
    """A stretch of a segment in which no record checks out."""

    stream: int
    segment: int
    offset: int
    end: int


class Batch(NamedTuple):
    """What one read found. Empty when there is nothing new."""

    pings: list[Ping]
    damage: list[Damage]
    end: dict[int, Position]
    """Where to read on, for the streams that moved."""


class Reader:
    """Reads all streams of a journal folder, from the given positions on."""

    def __init__(self, journal: Path, since: Mapping[int, Position]) -> None:
        self._journal = journal
        self._since = dict(since)
        self._tails: dict[int, _Tail] = {}

    def read(self, most: int) -> Batch:
        """The next pings, about `most` at the most, sorted by time."""
        batch = Batch([], [], {})
        for stream in streams(self._journal):
            tail = self._tails.get(stream)
            if tail is None:
                start = self._since.get(stream, START)
                tail = self._tails[stream] = _Tail(street_folder(self._journal, stream), stream, start)
            if tail.read_into(batch, most):
                batch.end[stream] = tail.position
            if len(batch.pings) >= most:
                break
        batch.pings.sort(key=_time)
        return batch

    def backlog(self) -> int:
        """Bytes of whole segments and of the current one that are still unread; an upper bound."""
        return sum(t.unread_bytes() for t in list(self._tails.values()))  # others ask while streams are added

    def close(self) -> None:
        """Release the open segments."""
        for tail in self._tails.values():
            tail.close()
        self._tails.clear()


def pings_of(journal: Path, stream: int) -> Iterator[Ping]:
    """All that one stream holds now, oldest first."""
    tail, batch = _Tail(street_folder(journal, stream), stream, START), Batch([], [], {})
    try:
        while tail.read_into(batch, _MANY):
            yield from batch.pings
            batch.pings.clear()
    finally:
        tail.close()


def _time(ping: Ping) -> int:
    return ping.time


class _Tail:
    """The place of one stream up to which it was read."""

    def __init__(self, folder: Path, stream: int, start: Position) -> None:
        self._folder, self._stream = folder, stream
        self._segment, self._offset = start
        self._chunk = _SMALLEST_CHUNK
        self._doubted = -1
        self._fd = -1

    @property
    def position(self) -> Position:
        return self._segment, self._offset

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def unread_bytes(self) -> int:
        later = [n for n in numbers(self._folder) if n >= self._segment]
        return max(0, sum(path_of(self._folder, n).stat().st_size for n in later) - self._offset)

    def read_into(self, batch: Batch, most: int) -> bool:
        """Add what is new to `batch`; True if the position moved."""
        before = self.position
        while len(batch.pings) < most and (self._fd >= 0 or self._open()):
            # Looked up before reading: a newer segment exists only once this one is complete.
            newer = path_of(self._folder, self._segment + 1).exists()
            if self._read_chunk(batch, sealed=newer):
                continue
            if not newer:
                break
            self._go_to(self._segment + 1, 0)
        return self.position != before

    def _open(self) -> bool:
        """Open the segment we are in or, where it has expired or none was read yet, the oldest one after it."""
        present = [n for n in numbers(self._folder) if n >= self._segment]
        if not present:
            return False
        self._go_to(present[0], self._offset if present[0] == self._segment else 0)
        return True

    def _go_to(self, segment: int, offset: int) -> None:
        self.close()
        self._fd = os.open(path_of(self._folder, segment), os.O_RDONLY | os.O_CLOEXEC)
        head = os.pread(self._fd, len(SEGMENT_HEAD), 0)
        if head != SEGMENT_HEAD and head.startswith(SEGMENT_HEAD[:-2]):
            raise NewerData(f"Journal segment {segment} has a newer format; install a newer Inkdot to read it.")
        self._segment, self._offset = segment, max(offset, len(SEGMENT_HEAD))
        self._chunk = _SMALLEST_CHUNK

    def _read_chunk(self, batch: Batch, *, sealed: bool) -> bool:
        """Read on a little; False if nothing is left to read here."""
        if not sealed and not any(os.pread(self._fd, ALIGNMENT, self._offset)):
            return False
        data = os.pread(self._fd, self._chunk, self._offset)
        before = self._offset
        looked_again = True
        for offset, end, payload in frames(data, before, sealed=sealed):
            if payload is None:
                # The street may have been writing just here while we read: look again before believing in damage.
                if offset != self._doubted:
                    self._doubted, looked_again = offset, False
                    break
                batch.damage.append(Damage(self._stream, self._segment, offset, end))
            else:
                batch.pings.append(decode(payload, ping_id(self._stream, self._segment, offset)))
            self._offset = end
        consumed = self._offset - before
        if not consumed and looked_again:
            # A damaged stretch may be longer than the chunk; search all that is left once.
            widened = self._chunk < MAX_SEGMENT_BYTES and len(data) == self._chunk
            self._chunk = MAX_SEGMENT_BYTES if widened else _SMALLEST_CHUNK
            return widened
        grown = self._chunk * 2 if consumed > len(data) // 2 else self._chunk // 2
        self._chunk = min(max(grown, _SMALLEST_CHUNK), _LARGEST_CHUNK)
        return True
