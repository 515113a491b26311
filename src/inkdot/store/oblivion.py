"""What the event store must forget: a person, what is past its days, and all days of an open but the last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from inkdot.domain.contact import mention_of
from inkdot.domain.event import Event
from inkdot.domain.evidence import Reason
from inkdot.domain.ids import ContactId, WorkspaceId

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is naive UTC
_NOTHING = "^\\b$"
_ORPHANS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("forget_raws", {}), ("forget_verdicts", {}), ("forget_urls", {}),
)  # fmt: skip


class Deleting(Protocol):
    """What is asked of the store."""

    def delete(self, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
        """Ask these deletions; returns how many events went."""

    def rows(self, noun: str, question: str, what: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """A question's rows."""


class Part(NamedTuple):
    """The workspace in whose texts an address is looked for, and its websites."""

    workspace: WorkspaceId
    sites: Sequence[int]


def forget(
    store: Deleting, contact: ContactId, address: str | None, visitors: Collection[int], part: Part | None = None
) -> int:
    """Delete everything about a person; returns how many events. The file is to be written anew after it.

    `part`: where texts that only name the address are theirs who erase; None: everywhere.
    """
    mention = mention_of(address.lower()) if address else _NOTHING
    where = {"workspace": part and part.workspace}
    whose = {"contact": contact, "address": mention, "visitors": list(visitors), **where}
    asked = [(name, whose) for name in ("forget_recent", "forget_closed", "forget_visits")]
    named = [
        (name, {"address": mention, "sites": part and list(part.sites)})
        for name in (
            "forget_pages",
            "forget_groups",
            "forget_others",
            "forget_happenings",
            "forget_steps",
            "forget_moves",
        )
    ]
    return store.delete([*asked, *named, *_ORPHANS])


def forget_before(store: Deleting, time: int) -> int:
    """Delete what happened before a time (microseconds since 1970); returns how many events. Likewise."""
    what = {"before": _EPOCH + dt.timedelta(microseconds=time)}
    names = ("forget_old_recent", "forget_old_closed", "forget_old_dropped", "forget_old_visits", "forget_old_journeys")
    return store.delete([*((name, what) for name in names), *_ORPHANS])


def oldest(store: Deleting) -> int | None:
    """When the oldest event happened, in microseconds since 1970; None without events."""
    found = store.rows("events", "oldest", {})[0][0]
    return None if found is None else (found - _EPOCH) // dt.timedelta(microseconds=1)


def last_days(events: list[Event]) -> tuple[list[Event], list[dict[str, int]]]:
    """The events without those of which only the last day may be kept and which are not the last, and who the last are."""
    verdicts = {id(event.verdict): event.verdict for event in events}
    if not any(verdict.fields.time.reason is Reason.DAY_ONLY for verdict in verdicts.values()):
        return events, []
    last: dict[tuple[int, int], Event] = {}
    for event in events:
        if day_only(event):
            who = event.workspace, event.contact
            if who not in last or (last[who].time, last[who].id) <= (event.time, event.id):
                last[who] = event
    kept = [e for e in events if not day_only(e) or last[e.workspace, e.contact] is e]
    return kept, [{"contact": e.contact, "workspace": e.workspace, "id": e.id} for e in last.values()]


def day_only(event: Event) -> bool:
    """True if nothing but the day of it may be kept."""
    return event.contact != 0 and event.verdict.fields.time.reason is Reason.DAY_ONLY
