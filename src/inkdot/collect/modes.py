"""The modes file: how much may be kept on a website, and of a person, by now. Keys and marks are out for years, and that changes.

The office writes `modes` in the data folder, whole, under another name and renamed: for each site that may not keep everything its
id (8 bytes, big-endian) and two bytes, the widest mode where nobody is asked, and where people were asked and agreed. Of people who
chose less than everything, and browsers known to be theirs, both bytes are what they chose; ids are 64 random bits, so one table
serves all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from inkdot.collect.renewed import Renewed
from inkdot.domain.consent import Mode
from inkdot.domain.ids import SiteId
from inkdot.domain.token import ids_of, mode_of

NAME = "modes"
_ROW = struct.Struct(">8sBB")
_WIDEST = int(Mode.INDIVIDUAL), int(Mode.INDIVIDUAL)


class Modes:
    """What the file said last."""

    def __init__(self, path: Path) -> None:
        self._file = Renewed(path)
        self._by_id: dict[bytes, tuple[int, int]] = {}
        self.renew()

    def renew(self) -> None:
        """Read the file again if it is another one; the street asks once a second. A missing file limits nothing."""
        data = self._file.changed()
        if data is not None:
            self._by_id = {number: (unasked, asked) for number, unasked, asked in _ROW.iter_unpack(data)}

    def widest(self, site: bytes, *, asked: bool) -> int:
        """The number of the widest mode of a site (8 bytes)."""
        return self._by_id.get(site, _WIDEST)[asked]

    def widest_of(self, number: int) -> int:
        """The number of the widest mode of a person or a browser."""
        return self._by_id.get(number.to_bytes(8, "big"), _WIDEST)[0] if self._by_id else _WIDEST[0]

    def widest_for(self, token: bytes) -> int:
        """The number of the widest mode that this raw token and the person it names allow."""
        mode = mode_of(token)
        return min(mode, self._by_id.get(ids_of(token)[1], _WIDEST)[0]) if self._by_id else mode


def modes_file(widest: Mapping[SiteId, tuple[Mode, Mode]], people: Mapping[int, Mode]) -> bytes:
    """The file's contents: by site the widest mode unasked, and of people who agreed; by person and browser what was chosen."""
    rows: dict[int, tuple[Mode, Mode]] = {site: both for site, both in widest.items() if min(both) < Mode.INDIVIDUAL}
    rows |= {who: (mode, mode) for who, mode in people.items()}
    return b"".join(_ROW.pack(number.to_bytes(8, "big"), *rows[number]) for number in sorted(rows))
