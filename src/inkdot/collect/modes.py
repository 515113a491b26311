"""The modes file: how much may be kept on a website by now. Keys stand in pages for years, and what is allowed changes.

The office writes `modes` in the data folder, whole, under another name and renamed: for each site that may not keep everything its
id (8 bytes, big-endian) and two bytes, the widest mode where nobody is asked, and where people were asked and agreed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from inkdot.collect.renewed import Renewed
from inkdot.domain.consent import Mode
from inkdot.domain.ids import SiteId

NAME = "modes"
_ROW = struct.Struct(">8sBB")


class Modes:
    """What the file said last."""

    def __init__(self, path: Path) -> None:
        self._file = Renewed(path)
        self._by_site: dict[bytes, tuple[int, int]] = {}
        self.renew()

    def renew(self) -> None:
        """Read the file again if it is another one; the street asks once a second. A missing file limits nothing."""
        data = self._file.changed()
        if data is not None:
            self._by_site = {site: (unasked, asked) for site, unasked, asked in _ROW.iter_unpack(data)}

    def widest(self, site: bytes, *, asked: bool) -> int:
        """The number of the widest mode of a site (8 bytes)."""
        found = self._by_site.get(site)
        return int(Mode.INDIVIDUAL) if found is None else found[asked]


def modes_file(widest: Mapping[SiteId, tuple[Mode, Mode]]) -> bytes:
    """The file's contents: by site the widest mode unasked, and of people who agreed."""
    limited = {site: both for site, both in widest.items() if min(both) < Mode.INDIVIDUAL}
    return b"".join(_ROW.pack(site.to_bytes(8, "big"), *limited[site]) for site in sorted(limited))
