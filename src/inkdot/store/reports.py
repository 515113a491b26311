"""Counts over many events, each with what it proves told apart: people, days, actors."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from inkdot.domain.event import Kind
from inkdot.domain.evidence import Actor, Verdict
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId
from inkdot.store.events import EventStore, microseconds, timestamp

_DAY = 86_400_000_000
_PROOFS = (3, 2, 1, 0)
"""Sure, likely, unknown, nobody: as the store ranks them."""


class MailCounts(NamedTuple):
    """What is known of one mail. People are counted once, under the best evidence there is of them."""

    message: MessageId
    sure: int
    likely: int
    unknown: int
    machine_only: int
    """People for whom only machines came."""
    clicked: int
    """People who clicked, surely or likely."""
    clicked_unknown: int
    opens: int
    """Acts, without repeats."""
    clicks: int
    machine_fetches: int
    first: int | None
    """Microseconds since 1970, of anything that no machine did."""
    last: int | None
    replied: int = 0
    """People who answered."""
    bounced: int = 0
    """People whose copy was not delivered."""
    opens_for_nobody: int = 0
    """Of the opens those where nobody may be named."""
    clicks_for_nobody: int = 0


class DayCounts(NamedTuple):
    """Events of one kind on one day (UTC), without repeats."""

    day: dt.date
    kind: Kind
    sure: int
    likely: int
    unknown: int
    machine: int


def active_messages(
    store: EventStore, since: int, until: dt.datetime, most: int, workspace: WorkspaceId
) -> list[MessageId]:
    """The mails of which something was heard last before `until`, latest first; `since` in microseconds."""
    what = {"since": timestamp(since), "until": until, "workspace": workspace, "most": most}
    return [MessageId(row[0]) for row in store.rows("reports", "active_messages", what)]


def mail(
    store: EventStore,
    messages: Collection[MessageId],
    since: int,
    workspace: WorkspaceId,
    few: Collection[MessageId] = (),
) -> list[MailCounts]:
    """Counts of these mails, those with events; of `few` nothing is told of what is counted for nobody."""
    what = {"since": timestamp(since), "workspace": workspace, "messages": list(messages), "few": list(few)}
    return [
        MailCounts(
            MessageId(row[0]),
            *row[1:10],
            *(None if time is None else microseconds(time) for time in row[10:12]),
            *row[12:],
        )
        for row in store.rows("reports", "mail", what)
    ]


def by_actor(store: EventStore, since: int, workspace: WorkspaceId) -> dict[Actor, int]:
    """Events by who acted, repeats included."""
    rows = store.rows("reports", "by_verdict", {"since": timestamp(since), "workspace": workspace})
    verdicts = store.verdicts([number for number, _ in rows])
    found: Counter[Actor] = Counter()
    for number, count in rows:
        found[verdicts[number].actor] += count
    return dict(found)


def opens_of(store: EventStore, people: Collection[ContactId], workspace: WorkspaceId) -> Counter[Actor]:
    """Counted opens of these people by who acted."""
    rows = store.rows("reports", "opens_of_people", {"people": list(people), "workspace": workspace})
    verdicts = store.verdicts([number for number, _ in rows])
    found: Counter[Actor] = Counter()
    for number, count in rows:
        found[verdicts[number].actor] += count
    return found


def by_day(store: EventStore, since: int, workspace: WorkspaceId) -> list[DayCounts]:
    """Events by day and kind, oldest first; days without events are left out."""
    found: Counter[tuple[dt.date, str, int]] = Counter()
    what = {"since": timestamp(since), "workspace": workspace}
    for day, kind, human, machine, count in store.rows("reports", "by_day", what):
        found[day, kind, 0 if machine else human] += count
    days = sorted({(day, kind) for day, kind, _ in found})
    return [DayCounts(day, Kind(kind), *(found[day, kind, proof] for proof in _PROOFS)) for day, kind in days]


def newest_first(
    store: EventStore, noun: str, name: str, since: int, workspace: WorkspaceId, most: int
) -> list[tuple[Any, ...]]:
    """The answer to a question for the `most` people who came last since `since` (microseconds).

    They are looked for in the last day, then further and further back: all of a long time is looked through only where few came.
    """
    what = {"since": timestamp(since), "workspace": workspace, "most": most}
    found: list[tuple[Any, ...]] = []
    begin, back = since + 1, _DAY
    while len(found) < most and begin > since:
        begin, back = max(since, store.last_time() - back), back * 8
        found = store.rows(noun, name, what | {"lately": timestamp(begin)})
    return found


def places(store: EventStore, visits: Mapping[int, int], field: str, reasons: bool = False) -> dict[str | None, int]:
    """Visits by a field of their verdict: `location`, `os`, `device`, `client`; None where it is not known."""
    found: dict[str | None, int] = {}
    verdicts: dict[int, Verdict] = store.verdicts(list(visits))
    for number, count in visits.items():
        seen = getattr(verdicts[number].fields, field)
        value = seen.reason if reasons and seen.value is None else seen.value
        found[value] = found.get(value, 0) + count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0] or "")))
