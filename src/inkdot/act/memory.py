"""What counting and limits must remember of people: the store's word, and on top of it what this batch adds.

All that is kept of the people of a batch is read at once: a thousand rules cost no more questions than one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping

from inkdot.act.match import Past, Trigger, active_seconds, who_of
from inkdot.act.society import Society
from inkdot.act.tally import Known
from inkdot.domain.contact import Address
from inkdot.domain.event import Event
from inkdot.domain.ids import ContactId, EventId, TriggerId, WorkspaceId
from inkdot.store.outbox import Deeds, Outbox, SightingRow

_MOST_REMEMBERED = 50_000
_NEVER = 0


class Memory(Past):
    """Memory for one thread that watches."""

    def __init__(self, outbox: Outbox, society: Society) -> None:
        self._outbox, self._society = outbox, society
        self._people: dict[int, Known] = {}
        self._fired_by_all: dict[TriggerId, list[int]] = {}
        self._deeds = Deeds()
        self._batch: set[int] = set()
        self._scores: dict[WorkspaceId, Mapping[ContactId, int]] = {}
        """Of the batch's people, once a rule asked: what they did is in the store by now."""
        self._since = _NEVER
        self.stale = False

    def open(self, deeds: Deeds, people: Collection[int] = (), since: int = _NEVER) -> None:
        """Begin a batch about these people; no limit and no count asks for what was before `since` (microseconds)."""
        self._deeds, self._since, self._batch = deeds, since, set(people)
        self._scores.clear()
        if self.stale or len(self._people) > _MOST_REMEMBERED:
            self._people.clear()
            self._fired_by_all.clear()
            self.stale = False
        self._load([who for who in people if who not in self._people])

    def see(self, item: Trigger, event: Event) -> None:
        """A condition that rules count has seen an event."""
        seconds, who = active_seconds(event), who_of(event)
        self.known(who).see(item.condition, (event.time, event.id), seconds)
        self._deeds.sightings.append(SightingRow(who, item.condition, event.id, event.time, seconds))

    def fire(self, item: Trigger, who: int, event: EventId, time: int) -> None:
        """A rule has fired: what it counted is used up."""
        self.known(who).fire(item.id, (time, event))
        if item.id in self._fired_by_all:
            insort(self._fired_by_all[item.id], time)

    def known(self, who: int) -> Known:
        """As Past says."""
        if who not in self._people:
            self._load([who])
        return self._people[who]

    def fired(self, trigger: TriggerId, who: int | None, since: int) -> int:
        """As Past says."""
        if who is not None:
            return self.known(who).fired(trigger, since)
        times = self._by_all(trigger, since)
        return len(times) - bisect_left(times, since)

    def person(self, event: Event) -> Address | None:
        """As Past says."""
        return self._society.person(event.workspace, event.contact) if event.contact else None

    def score(self, event: Event) -> int:
        """As Past says."""
        workspace, contact = event.workspace, event.contact
        known = self._scores.get(workspace)
        if known is None or (contact and contact not in self._batch):
            batch = [ContactId(who) for who in self._batch | {contact} if who > 0]
            known = self._scores[workspace] = self._society.scores(workspace, batch)
        return known.get(contact, 0)

    def in_audience(self, event: Event, name: str) -> bool:
        """As Past says."""
        return bool(event.contact) and self._society.in_audience(event.workspace, event.contact, name)

    def _load(self, people: list[int]) -> None:
        for who in people:
            self._people[who] = Known()
        for who, condition, event, time, seconds in self._outbox.sightings(people, self._since):
            self._people[who].see(condition, (time, event), seconds)
        for who, trigger, event, time in self._outbox.fired(people, self._since):
            self._people[who].fire(trigger, (time, event))

    def _by_all(self, trigger: TriggerId, since: int) -> list[int]:
        known = self._fired_by_all.get(trigger)
        if known is None:
            pending = [f.time for f in self._deeds.firings if f.trigger == trigger]
            known = self._fired_by_all[trigger] = sorted((*self._outbox.fired_by_all(trigger, since), *pending))
        return known
