"""What counting and limits must remember of people: the store's word, and on top of it what this batch adds.

All that is kept of the people of a batch is read at once: a thousand rules cost no more questions than one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence

from inkdot.act.match import Past, Sighting, Trigger, who_of
from inkdot.act.society import Society
from inkdot.domain.contact import Address
from inkdot.domain.event import Event
from inkdot.domain.ids import ContactId, EventId, TriggerId, WorkspaceId
from inkdot.store.outbox import Deeds, Outbox, SightingRow

_MOST_REMEMBERED = 50_000
_NEVER = 0


class _Kept:
    """What is kept of one person, by trigger."""

    __slots__ = ("fired", "seen")

    def __init__(self) -> None:
        self.seen: dict[TriggerId, dict[EventId, Sighting]] = {}
        """Oldest first."""
        self.fired: dict[TriggerId, list[int]] = {}
        """Times, oldest first."""


class Memory(Past):
    """Memory for one thread that watches."""

    def __init__(self, outbox: Outbox, society: Society) -> None:
        self._outbox, self._society = outbox, society
        self._people: dict[int, _Kept] = {}
        self._fired_by_all: dict[TriggerId, list[int]] = {}
        self._deeds = Deeds()
        self._batch: set[int] = set()
        self._scores: dict[WorkspaceId, Mapping[ContactId, int]] = {}
        """Of the batch's people, once a rule asked: what they did is in the store by now."""
        self._since = _NEVER
        self.stale = False

    def open(self, deeds: Deeds, people: Collection[int] = (), since: int = _NEVER) -> None:
        """Begin a batch about these people; no limit asks for firings before `since` (microseconds)."""
        self._deeds, self._since, self._batch = deeds, since, set(people)
        self._scores.clear()
        if self.stale or len(self._people) > _MOST_REMEMBERED:
            self._people.clear()
            self._fired_by_all.clear()
            self.stale = False
        self._load([who for who in people if who not in self._people])

    def see(self, item: Trigger, event: Event) -> None:
        """A counting rule has seen an event."""
        seconds = (event.scene.seconds or 0.0) if event.scene else 0.0
        who = who_of(event)
        known = self._of(who).seen.setdefault(item.id, {})
        if event.id not in known:
            known[event.id] = Sighting(event.id, event.time, seconds)
            row = SightingRow(item.id, who, event.id, event.time, seconds)
            self._deeds.sightings.setdefault((item.id, who), []).append(row)

    def fire(self, item: Trigger, who: int, time: int) -> None:
        """A rule has fired: what it counted is used up."""
        kept = self._of(who)
        if item.window:
            kept.seen.pop(item.id, None)
            self._deeds.sightings.pop((item.id, who), None)
            self._deeds.used_up.append((item.id, who))
        insort(kept.fired.setdefault(item.id, []), time)
        if item.id in self._fired_by_all:
            insort(self._fired_by_all[item.id], time)

    def sightings(self, trigger: TriggerId, who: int, since: int) -> Sequence[Sighting]:
        """As Past says."""
        known = self._of(who).seen.get(trigger)
        return [s for s in known.values() if s.time >= since] if known else ()

    def fired(self, trigger: TriggerId, who: int | None, since: int) -> int:
        """As Past says."""
        times = self._of(who).fired.get(trigger, []) if who is not None else self._by_all(trigger, since)
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

    def _of(self, who: int) -> _Kept:
        if who not in self._people:
            self._load([who])
        return self._people[who]

    def _load(self, people: list[int]) -> None:
        for who in people:
            self._people[who] = _Kept()
        for who, trigger, event, time, seconds in self._outbox.sightings(people):
            self._people[who].seen.setdefault(trigger, {})[event] = Sighting(event, time, seconds)
        for who, trigger, time in self._outbox.fired(people, self._since):
            self._people[who].fired.setdefault(trigger, []).append(time)

    def _by_all(self, trigger: TriggerId, since: int) -> list[int]:
        known = self._fired_by_all.get(trigger)
        if known is None:
            pending = [f.time for f in self._deeds.firings if f.trigger == trigger]
            known = self._fired_by_all[trigger] = sorted((*self._outbox.fired_by_all(trigger, since), *pending))
        return known
