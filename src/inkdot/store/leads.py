"""What people and visitors did that makes them leads: on websites, with mails and in documents."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import nanoarrow as na

from inkdot.domain.ids import ContactId, VisitorId, WorkspaceId
from inkdot.store.database import arrow_table
from inkdot.store.events import EventStore, timestamp
from inkdot.store.query import questions
from inkdot.store.reports import newest_first
from inkdot.store.visits import BOTH, going_on


class Touch(NamedTuple):
    """How somebody came."""

    time: dt.datetime
    channel: str | None
    source: str | None
    entry: str | None


class LeadVisits(NamedTuple):
    """What one person, or one visitor who is nobody known, did on all sites."""

    contact: ContactId
    """0: a visitor who is nobody known."""
    visitor: VisitorId | None
    last: dt.datetime
    visits: int
    seconds: float
    goals: int
    interesting: int
    first_touch: Touch
    last_touch: Touch
    inferred: int
    """Visits from before the proof of who it is."""
    asn: int | None
    """The network of the last visit from an ordinary one."""


class LeadActs(NamedTuple):
    """What a known person did with mails and documents."""

    contact: ContactId
    last: dt.datetime
    clicks: int
    opens: int
    replies: int
    reading: float
    downloads: int


def lead_visits(
    store: EventStore,
    bound: Mapping[VisitorId, ContactId],
    since: int,
    lately: int,
    interesting: Sequence[str],
    most: int,
    workspace: WorkspaceId,
) -> list[LeadVisits]:
    """Known people since one time, the most active visitors since a later one; `bound`: who visitors turned out to be."""
    columns = {"visitor": na.uint64(), "contact": na.uint64()}
    pattern = "^(" + "|".join(map(re.escape, interesting)) + ")" if interesting else "^$"
    times = {"since": timestamp(since), "lately": timestamp(lately)}
    what = {**times, "workspace": workspace, "interesting": pattern, "most": most}
    with going_on(store, sums=False) as session:
        session.register("bound", arrow_table(columns, (list(bound), list(bound.values()))))
        session.execute(
            questions("site")["lead_candidates"].format(**BOTH),
            {name: what[name] for name in ("lately", "workspace", "most")},
        )
        rows = session.execute(questions("site")["lead_visits"].format(**BOTH), what).fetchall()
    return [LeadVisits._make((*row[:7], Touch(*row[7:11]), Touch(*row[11:15]), *row[15:])) for row in rows]


def lead_acts(store: EventStore, since: int, most: int, workspace: WorkspaceId) -> list[LeadActs]:
    """Known people by their newest act."""
    return [LeadActs(*row) for row in newest_first(store, "site", "lead_acts", since, workspace, most)]
