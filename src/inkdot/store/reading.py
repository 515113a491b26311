"""What was read of a document, sitting by sitting."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from inkdot.domain.evidence import Verdict
from inkdot.domain.ids import ContactId, DocumentId, EventId, VisitId, WorkspaceId
from inkdot.store.events import EventStore, microseconds


class PageRead(NamedTuple):
    """One page in one sitting."""

    page: int
    seconds: float
    visits: int
    come_to: tuple[tuple[float, float], ...]
    """When it was come to: the beat that told of it, then the page's own clock."""


class Sitting(NamedTuple):
    """One person reading with one client, with pauses shorter than ten minutes."""

    visit: VisitId
    contact: ContactId
    """0 for nobody in particular."""
    version: int
    started: int
    """Microseconds since 1970."""
    ended: int
    verdict: Verdict
    """The last one: evidence may come late."""
    downloads: int
    pages: tuple[PageRead, ...]


def sittings(store: EventStore, document: DocumentId, workspace: WorkspaceId) -> list[Sitting]:
    """All sittings over a document, oldest first."""
    rows = store.rows("reading", "sittings", {"document": document, "workspace": workspace})
    verdicts = store.verdicts({row[8] for row in rows})
    found = []
    for _, group in groupby(rows, key=lambda row: row[:4]):
        parts = list(group)
        first = parts[0]
        pages = tuple(
            PageRead(
                row[4],
                round(row[9], 2),
                row[10],
                tuple((told["told"], came) for told in row[12] or () for came in told["came"]),
            )
            for row in parts
            if row[4] is not None
        )
        started, ended = (microseconds(t) for t in (min(r[5] for r in parts), max(r[6] for r in parts)))
        found.append(
            Sitting(
                VisitId(min(r[7] for r in parts)), ContactId(first[0]), first[2], started, ended, verdicts[max(parts, key=lambda r: r[6])[8]],
                sum(r[11] for r in parts), pages,
            )
        )  # fmt: skip
    return found


class Opening(NamedTuple):
    """One load of a dot in a document."""

    event: EventId
    time: int
    """Microseconds since 1970."""
    contact: ContactId
    page: int | None
    verdict: Verdict


def openings(store: EventStore, document: DocumentId, workspace: WorkspaceId) -> list[Opening]:
    """What the dots in a document told, oldest first, without repeats."""
    rows = store.rows("reading", "opens_of_document", {"document": document, "workspace": workspace})
    verdicts = store.verdicts({row[4] for row in rows})
    return [Opening(EventId(r[0]), microseconds(r[1]), ContactId(r[2]), r[3], verdicts[r[4]]) for r in rows]
