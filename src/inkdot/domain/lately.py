"""What was heard lately: marks of the last events, so that one that is sent again is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MOST = 100_000


class Lately:
    """The last marks, so many at least and twice as many at the most."""

    __slots__ = ("_before", "_most", "_now")

    def __init__(self, marks: Iterable[int] = (), most: int = MOST) -> None:
        """`marks`: those from before, oldest first."""
        self._most = most
        self._now: set[int] = set()
        self._before: set[int] = set()
        self.add(marks)

    def __contains__(self, mark: int) -> bool:
        return mark in self._now or mark in self._before

    def add(self, marks: Iterable[int]) -> None:
        """Know these from now on."""
        self._now.update(marks)
        if len(self._now) > self._most:
            self._now, self._before = set(), self._now

    def is_new(self, mark: int) -> bool:
        """False if it is known; it is from now on."""
        if mark in self._now or mark in self._before:
            return False
        self._now.add(mark)
        if len(self._now) > self._most:
            self._now, self._before = set(), self._now
        return True

    def forget(self) -> None:
        """Know none."""
        self._now, self._before = set(), set()


def mark_of(whose: object, kind: str, sent: Mapping[str, Any]) -> int:
    """What an event with an id (`p`) is known again by, in this process: `whose` it is, its page view, its number.

    Active seconds without a number are told apart by how many they are.
    """
    number = sent.get("q")
    return numbered(whose, kind, sent["p"], (sent.get("e"),) if number is None else number)


def numbered(whose: object, kind: str, view: object, number: object) -> int:
    """The same mark, of an event whose page view and number are at hand."""
    return hash((whose, kind, view, number))
