"""Where segments lie: their names, their order, the cut of a torn tail."""

from __future__ import annotations

import os
import time
from pathlib import Path

from inkdot.domain.ping import MAX_SEGMENT_BYTES
from inkdot.journal.record import SEGMENT_HEAD, frames

SUFFIX = ".seg"
SPARE = "next.tmp"
SEGMENT_BYTES = MAX_SEGMENT_BYTES
TURN_SECONDS = 21_600
"""The longest that one segment is written into: it expires as a whole, and this much earlier than its last record must."""
_BLOCK = bytes(1 << 20)


def street_folder(journal: Path, stream: int) -> Path:
    """The folder of one street's stream."""
    return journal / f"street-{stream}"


def streams(journal: Path) -> list[int]:
    """The streams that a journal folder holds."""
    return sorted(int(p.name[7:]) for p in journal.glob("street-*") if p.name[7:].isdigit())


def path_of(folder: Path, number: int) -> Path:
    """The path of a segment."""
    return folder / f"{number:08d}{SUFFIX}"


def numbers(folder: Path) -> list[int]:
    """The segments in a street's folder, oldest first. A missing folder has none."""
    return sorted(int(p.stem) for p in folder.glob(f"*{SUFFIX}") if p.stem.isdigit())


def make(path: Path, size: int = SEGMENT_BYTES, pause: float = 0) -> int:
    """Create an empty segment of `size` zero bytes, synced, and return its descriptor.

    With a `pause` (seconds) it is synced block by block, so that a commit elsewhere never waits for the whole of it.

    Zeros are really written: syncing a record into written space is twice as fast as into reserved space, and the disk
    can no longer be too full for a record that starts in this segment.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)
        os.pwrite(fd, SEGMENT_HEAD, 0)
        for offset in range(len(SEGMENT_HEAD), size, len(_BLOCK)):
            os.pwrite(fd, _BLOCK[: size - offset], offset)
            if pause:
                os.fdatasync(fd)
                time.sleep(pause)
        os.fsync(fd)
    except BaseException:
        os.close(fd)
        path.unlink(missing_ok=True)
        raise
    return fd


def empty(path: Path) -> None:
    """Take everything out of a sealed segment. The file stays, because its number says where the stream goes on."""
    with path.open("r+b") as file:
        file.truncate(len(SEGMENT_HEAD))
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def cut_tail(path: Path) -> tuple[int, int]:
    """Cut everything behind the last whole record. Returns (bytes kept, damaged stretches before it).

    The file's time stays that of its last record: by it the segment expires.
    """
    data, written = path.read_bytes(), path.stat()
    end, damaged = len(SEGMENT_HEAD), 0
    for _, stop, payload in frames(data[end:], end, sealed=True):
        end, damaged = stop, damaged + (payload is None)
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
            os.utime(file.fileno(), ns=(written.st_atime_ns, written.st_mtime_ns))
            os.fsync(file.fileno())
    return min(end, len(data)), damaged
