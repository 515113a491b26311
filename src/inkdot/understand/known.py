"""What understanding may ask of memory. The asker states the questions; the store happens to fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from inkdot.domain.event import Event
from inkdot.domain.ids import VisitId


class Known(Protocol):
    """Memory."""

    def last_time(self) -> int:
        """When the newest event happened, microseconds since 1970; 0 for never."""

    def recent(self, since: int) -> Iterable[Event]:
        """Events since a time (microseconds since 1970)."""

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those (workspace, contact, message) of which an open is known that no machine made."""

    def read_so_far(self, visit: VisitId) -> Iterable[tuple[int | None, float, int]]:
        """What is kept of a reader's visit: (page, seconds, visits); page None tells that it began."""


class NothingKnown:
    """A memory of nothing, for explaining single cases."""

    def last_time(self) -> int:
        """Never."""
        return 0

    def recent(self, since: int) -> Iterable[Event]:  # noqa: ARG002
        """None."""
        return ()

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:  # noqa: ARG002
        """None."""
        return set()

    def read_so_far(self, visit: VisitId) -> Iterable[tuple[int | None, float, int]]:  # noqa: ARG002
        """Nothing."""
        return ()
