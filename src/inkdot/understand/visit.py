"""Visits: what one visitor does without a pause of half an hour and without coming anew from somewhere else.

Memory of the last half hour only; what is older is in the store. A visit's id is that of its first event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from inkdot.domain.event import Event, Kind, Scene
from inkdot.domain.evidence import Verdict
from inkdot.domain.ids import ContactId, VisitId, VisitorId
from inkdot.understand.source import Came

PAUSE = 30 * 60 * 1_000_000
"""Microseconds without an event that end a visit."""
MOST_OPENED = 200_000
_MOST_PAGES = 300
_CAMPAIGN = re.compile(r"[?&]utm_campaign=([^&#]*)")
_SWEEP_ABOVE = 50_000


@dataclass(slots=True)
class Visit:
    """A visit that goes on."""

    id: VisitId
    last: int
    """Microseconds since 1970 of its newest event."""
    channel: str | None
    source: str | None
    campaign: str | None = None
    proven: ContactId | None = None
    """Who this is, if something in this visit proved it."""
    rule: str = ""
    """What proved it."""
    verdict: Verdict | None = None
    """Of its first event; None if that is not remembered."""
    active: dict[str, float] = field(default_factory=dict)
    """Active milliseconds told so far, by the names of page views."""

    def told(self, name: str, active: float) -> float:
        """A page view tells how long it was active so far: how much of it is new. The oldest are forgotten."""
        before = self.active.get(name, 0.0)
        if active <= before:
            return 0.0
        if name not in self.active and len(self.active) >= _MOST_PAGES:
            del self.active[next(iter(self.active))]
        self.active[name] = active
        return active - before


def campaign_of(url: str | None) -> str | None:
    """The campaign that a page's address names."""
    found = _CAMPAIGN.search(url or "")
    return unquote_plus(found[1]).lower() or None if found else None


class Visits:
    """The visits that go on, by visitor."""

    def __init__(self) -> None:
        self._open: dict[VisitorId, Visit] = {}
        self._owners: dict[str, VisitorId] = {}
        self._owners_before: dict[str, VisitorId] = {}
        self._names: dict[VisitorId, VisitorId] = {}
        self._swept = 0

    def of(self, visitor: VisitorId, time: int) -> Visit | None:
        """The visit that this visitor is on at `time`."""
        visit = self._open.get(visitor)
        return visit if visit is not None and abs(time - visit.last) <= PAUSE else None

    def whose(self, visitor: VisitorId, yesterday: VisitorId | None, time: int) -> VisitorId:
        """The name under which a visit goes on: over midnight it is that of the day before."""
        if yesterday is not None:
            self.renamed(yesterday, visitor, time)
        name = self._names.get(visitor)
        if name is None or self.of(name, time) is not None:
            return name or visitor
        del self._names[visitor]
        return visitor

    def renamed(self, before: VisitorId, visitor: VisitorId, time: int) -> None:
        """Who was `before` is `visitor` now; the visit of `before` goes on."""
        if visitor != before and self.of(visitor, time) is None and self.of(before, time) is not None:
            self._names[visitor] = before

    def owner(self, page: str) -> VisitorId | None:
        """Who opened this page view. Its later events are his, even if his address or agent changed meanwhile."""
        return self._owners.get(page) or self._owners_before.get(page)

    def opened(self, page: str, visitor: VisitorId) -> None:
        """A page view was opened. The last MOST_OPENED are remembered, and as many again at the most."""
        if self.owner(page) is None:
            self._owners[page] = visitor
        if len(self._owners) > MOST_OPENED:
            self._owners, self._owners_before = {}, self._owners

    def doubt(self, visitor: VisitorId) -> None:
        """What was proven in the visit that goes on counts no more."""
        if visitor in self._open:
            self._open[visitor].proven = None

    def begin(self, visitor: VisitorId, visit: VisitId, time: int, came: Came, campaign: str | None) -> Visit:
        """A new visit. Page views of the one before stay known, so that a late word about them is not counted again."""
        before = self._open.get(visitor)
        active = before.active if before is not None else {}
        fresh = Visit(visit, time, came.channel, came.source, campaign, active=active)
        self._open[visitor] = fresh
        return fresh

    def remember(self, events: Iterable[tuple[Event, dict[str, object]]]) -> None:
        """Take up what was going on: events of the last half hour, oldest first, each with its mark of the page view."""
        for event, mark in events:
            scene = event.scene or Scene()
            if scene.visitor is None or scene.visit is None:
                continue
            visit = self._open.get(scene.visitor)
            if visit is None or visit.id != scene.visit:
                active = visit.active if visit is not None else {}
                campaign = campaign_of(event.url) if event.kind is Kind.VIEW else None
                visit = Visit(scene.visit, event.time, scene.channel, scene.source, campaign, active=active)
                self._open[scene.visitor] = visit
            visit.last = max(visit.last, event.time)
            if event.because and event.contact:
                visit.proven, visit.rule = event.contact, event.because[0].rule
            if "p" in mark:
                if mark.get("name"):
                    self.opened(str(mark["name"]), scene.visitor)
                if event.kind is Kind.ENGAGE and isinstance(told := mark.get("e"), int | float):
                    visit.told(str(mark["p"]), float(told))

    def sweep(self, now: int) -> None:
        """Forget what is over, once in a while."""
        if len(self._open) > 2 * self._swept + _SWEEP_ABOVE:
            self._open = {v: visit for v, visit in self._open.items() if now - visit.last <= PAUSE}
            self._names = {today: name for today, name in self._names.items() if name in self._open}
            self._swept = len(self._open)
