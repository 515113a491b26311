"""Addresses that were looked up, in one place for all who have a file open in this process: whoever is erased is so for everybody."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, WorkspaceId

_MOST_REMEMBERED = 100_000

Who = tuple[WorkspaceId, ContactId]


class AtHand(dict[Who, Address]):
    """Of one file."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()
        self.forgotten = 0
        """How often somebody was."""

    def remember(self, people: Mapping[Who, Address], seen: int) -> None:
        """`seen`: what `forgotten` was before the look; of what was found then, somebody may be gone by now."""
        with self._turn:
            if len(self) > _MOST_REMEMBERED:
                self.clear()
            if seen == self.forgotten:
                self.update(people)

    def forget(self, people: Iterable[Who] | None = None) -> None:
        """They are in the file no more; None: nobody can say who."""
        with self._turn:
            self.forgotten += 1
            for who in list(self) if people is None else people:
                self.pop(who, None)


_OPEN: WeakValueDictionary[Path, AtHand] = WeakValueDictionary()
_TURN = threading.Lock()


def at_hand(path: Path) -> AtHand:
    """Those of a file."""
    with _TURN:
        return _OPEN.setdefault(path.absolute(), AtHand())
