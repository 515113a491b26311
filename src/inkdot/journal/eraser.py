"""The journal's rubber: overwrites records about a person where they stand, so that the places of all others stay.

A blank record keeps its length and says nothing but that it is blank. Streets may go on writing behind it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from inkdot.domain.contact import mention_of
from inkdot.domain.ids import PingId
from inkdot.domain.token import read_bare
from inkdot.journal.record import SEGMENT_HEAD, blank, decode, frames
from inkdot.journal.segment import numbers, path_of, streams, street_folder


def erase(journal: Path, contact: bytes, address: str | None, workspace: int | None = None) -> int:
    """Blank every record that holds a contact id (8 bytes) or names an address. Returns how many; durable then.

    `workspace`: a record that only names the address is blanked if it is this one's; None: whoever's it is.
    """
    about = _About(contact, address, workspace)
    erased = 0
    for stream in streams(journal):
        folder = street_folder(journal, stream)
        present = numbers(folder)
        for number in present:
            erased += _erase_in(path_of(folder, number), about, about.record, sealed=number != present[-1])
    return erased


def blank_all(journal: Path) -> int:
    """Blank every record there is. Returns how many; durable then."""
    blanked = 0
    for stream in streams(journal):
        folder = street_folder(journal, stream)
        present = numbers(folder)
        for number in present:
            path, sealed = path_of(folder, number), number != present[-1]
            blanked += _erase_in(path, lambda _: True, lambda _, __: True, sealed=sealed)
    return blanked


class _About:
    """Tells whether bytes are about a person."""

    def __init__(self, contact: bytes, address: str | None, workspace: int | None) -> None:
        self._contact, self._workspace = contact, workspace
        local, _, domain = (address or "").lower().rpartition("@")
        self._spellings = (
            {f"{name}{at}{domain}".encode() for name in (local, quote(local, safe="").lower()) for at in ("@", "%40")}
            if address
            else set()
        )
        self._mention = re.compile(mention_of(address.lower()).encode()) if address else None

    def __call__(self, data: bytes) -> bool:
        if self._contact in data:
            return True
        lowered = data.lower() if self._spellings else b""
        # Plain searches first: they take a hundredth of the pattern's time.
        found = any(spelling in lowered for spelling in self._spellings)
        return bool(found and self._mention and self._mention.search(lowered))

    def record(self, data: bytes, payload: bytes | None) -> bool:
        """The same of one record; of a damaged one nobody knows whose it is."""
        if not self(data):
            return False
        if self._workspace is None or payload is None or self._contact in data:
            return True
        token = decode(payload, PingId(0)).token
        return not token or read_bare(token).workspace == self._workspace


def _erase_in(
    path: Path, about: Callable[[bytes], bool], record: Callable[[bytes, bytes | None], bool], *, sealed: bool
) -> int:
    """`about` says whether a whole segment is worth looking at, `record` whether a record (and its payload) is to go."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # expired meanwhile
        return 0
    try:
        written = os.fstat(fd)
        data = os.pread(fd, written.st_size, 0)
        if not about(data):
            return 0
        erased = 0
        start = len(SEGMENT_HEAD)
        for offset, end, payload in frames(data[start:], start, sealed=sealed):
            if record(data[offset:end], payload):
                # Also over a damaged stretch, as a kill in the middle of blanking leaves one.
                os.pwrite(fd, blank(end - offset), offset)
                erased += 1
        if erased:  # the segment expires by the time of its last record, and not later because of this
            os.utime(fd, ns=(written.st_atime_ns, written.st_mtime_ns))
            os.fsync(fd)
    finally:
        os.close(fd)
    return erased
