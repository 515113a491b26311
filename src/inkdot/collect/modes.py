"""The modes file: how much may be kept on a website, and of a person, by now. Keys and marks are out for years, and that changes.

The office writes `modes` in the data folder, whole, under another name and renamed: rows of a number (8 bytes, big-endian) and two
modes (a byte each). Ids are 63 random bits, so one table serves all of them.

    a site                      the widest mode where nobody is asked, and where people were asked and agreed
    a person, a browser         what was chosen, twice; who allowed everything is in it where silence would mean less
    a mail                      what the rule of its list allows, twice
    a mail XOR a person         what the person said of that list, twice
    ff ff, workspace, seconds   what silence means for marks made until then, and what the workspace allows of anybody
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from inkdot.collect.renewed import Renewed
from inkdot.domain.consent import Mode
from inkdot.domain.ids import SiteId, WorkspaceId
from inkdot.domain.token import ids_of, marked_of, mode_of, workspace_of

NAME = "modes"
_ROW = struct.Struct(">8sBB")
_WIDEST = int(Mode.INDIVIDUAL), int(Mode.INDIVIDUAL)
_WORKSPACE = b"\xff\xff"


class Rule(NamedTuple):
    """What counts in a workspace by now, also for what is out already."""

    until: int
    """Unix seconds. Until then things were marked when silence meant more than it does now."""
    silence: int
    """The mode of people who chose nothing, of those things."""
    limit: int
    """The widest mode of anybody."""


class Modes:
    """What the file said last."""

    def __init__(self, path: Path) -> None:
        self._file = Renewed(path)
        self._by_id: dict[bytes, tuple[int, int]] = {}
        self._rules: dict[bytes, Rule] = {}
        self.renew()

    def renew(self) -> None:
        """Read the file again if it is another one; the street asks once a second. A missing file limits nothing."""
        data = self._file.changed()
        if data is not None:
            found = {number: (first, second) for number, first, second in _ROW.iter_unpack(data)}
            rules = [number for number in found if number.startswith(_WORKSPACE)]
            self._rules = {n[2:4]: Rule(int.from_bytes(n[4:], "big"), *found.pop(n)) for n in rules}
            self._by_id = found

    def widest(self, site: bytes, *, asked: bool) -> int:
        """The number of the widest mode of a site (8 bytes)."""
        return self._by_id.get(site, _WIDEST)[asked]

    def widest_of(self, number: int) -> int:
        """The number of the widest mode of a person or a browser."""
        return self._by_id.get(number.to_bytes(8, "big"), _WIDEST)[0] if self._by_id else _WIDEST[0]

    def widest_for(self, token: bytes) -> int:
        """The number of the widest mode that this raw token, the person it names and the rules of today allow."""
        mode = mode_of(token)
        if not self._by_id and not self._rules:
            return mode
        thing, person = ids_of(token)
        both = (int.from_bytes(thing, "big") ^ int.from_bytes(person, "big")).to_bytes(8, "big")
        said = [self._by_id[key][0] for key in (person, both) if key in self._by_id]
        rule = self._rules.get(workspace_of(token))
        if rule is not None:
            silent = not said and marked_of(token) <= rule.until
            mode = min(mode, rule.limit, rule.silence if silent else mode)
        return min(mode, self._by_id.get(thing, _WIDEST)[0], *said)


def modes_file(
    widest: Mapping[SiteId, tuple[Mode, Mode]],
    said: Mapping[int, int],
    said_of_lists: Iterable[tuple[int, int, int]],
    rules: Mapping[WorkspaceId, Rule],
) -> bytes:
    """The file's contents: by site the widest mode unasked, and of people who agreed; by person, browser or mail what it may be.

    `said_of_lists`: mail, person, mode. `rules`: of workspaces that have any.
    """
    rows: dict[int, tuple[int, int]] = {site: both for site, both in widest.items() if min(both) < Mode.INDIVIDUAL}
    rows |= {who: (mode, mode) for who, mode in said.items()}
    rows |= {mail ^ person: (mode, mode) for mail, person, mode in said_of_lists}
    rows |= {_numbered(at, rule.until): (rule.silence, rule.limit) for at, rule in rules.items()}
    return b"".join(_ROW.pack(number.to_bytes(8, "big"), *rows[number]) for number in sorted(rows))


def _numbered(workspace: WorkspaceId, until: int) -> int:
    return int.from_bytes(_WORKSPACE + workspace.to_bytes(2, "big") + until.to_bytes(4, "big"), "big")
