"""What understanding may ask of memory. The asker states the questions; the store happens to fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from inkdot.domain.event import Event
from inkdot.domain.ids import ContactId, DocumentId, VisitId, VisitorId
from inkdot.domain.own_browser import OwnClients

Told = tuple[VisitorId, str, str | None]
"""Visitor, kind and detail of a website's event."""


class Known(Protocol):
    """Memory."""

    def last_time(self) -> int:
        """When the newest event happened, microseconds since 1970; 0 for never."""

    def recent(self, since: int) -> Iterable[Event]:
        """Events since a time (microseconds since 1970)."""

    def recent_web(self, since: int) -> Iterable[Event]:
        """Events of websites since a time, oldest first."""

    def told_web(self, since: int, most: int) -> Iterable[Told]:
        """What the last events of websites since a time are known again by, oldest first."""

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those (workspace, contact, message) of which an open is known that no machine made."""

    def read_so_far(self, visit: VisitId) -> Iterable[tuple[int | None, float, int]]:
        """What is kept of a reader's visit: (page, seconds, visits); page None tells that it began."""

    def completions(self, document: DocumentId, contact: ContactId, visit: VisitId) -> Collection[int]:
        """The versions of a document that a reader is known to have completed; in this visit, if it is nobody's."""


class Mails(Protocol):
    """What is known of the mails that were sent."""

    def handed_over(self, message: int) -> Mapping[int, float]:
        """When each contact's copy was handed over (unix seconds), as far as that is known."""

    def links_of(self, message: int) -> int | None:
        """How many tracked links a mail has; None if that is not known."""

    def own_clients(self, since: int, until: int) -> OwnClients:
        """From where people who sign in worked between two times (unix seconds)."""


class NothingKnown:
    """A memory of nothing, for explaining single cases."""

    def last_time(self) -> int:
        """Never."""
        return 0

    def recent(self, since: int) -> Iterable[Event]:  # noqa: ARG002
        """None."""
        return ()

    def recent_web(self, since: int) -> Iterable[Event]:  # noqa: ARG002
        """None."""
        return ()

    def told_web(self, since: int, most: int) -> Iterable[Told]:  # noqa: ARG002
        """Nothing."""
        return ()

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:  # noqa: ARG002
        """None."""
        return set()

    def read_so_far(self, visit: VisitId) -> Iterable[tuple[int | None, float, int]]:  # noqa: ARG002
        """Nothing."""
        return ()

    def completions(self, document: DocumentId, contact: ContactId, visit: VisitId) -> Collection[int]:  # noqa: ARG002
        """None."""
        return ()

    def handed_over(self, message: int) -> Mapping[int, float]:  # noqa: ARG002
        """Nothing."""
        return {}

    def own_clients(self, since: int, until: int) -> OwnClients:  # noqa: ARG002
        """From nowhere."""
        return OwnClients()

    def links_of(self, message: int) -> int | None:  # noqa: ARG002
        """Not known."""
        return None
