"""The outbox in control.db: firings, what is to be done because of them, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.ids import DeliveryId, EndpointId, EventId, MessageId, TriggerId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions

Position = tuple[int, int]
_BEGUN = -1


class FiringRow(NamedTuple):
    """A trigger met by an event."""

    trigger: TriggerId
    event: EventId
    version: int
    workspace: WorkspaceId
    who: int
    time: int


class SightingRow(NamedTuple):
    """What a condition that rules count has seen."""

    who: int
    condition: int
    event: EventId
    time: int
    seconds: float


class NewDelivery(NamedTuple):
    """One thing to be done."""

    id: DeliveryId
    source: int
    """The trigger or endpoint."""
    event: EventId
    part: int
    workspace: WorkspaceId
    who: int
    target: str
    action: str
    body: str
    machines: bool
    """Wanted even if a machine acted."""
    made: int
    """Unix seconds."""
    due: int


class Delivery(NamedTuple):
    """One thing to be done, as it stands."""

    id: DeliveryId
    source: int
    event: EventId
    part: int
    workspace: WorkspaceId
    who: int
    target: str
    action: str
    body: str
    state: str
    made: int
    due: int
    tries: int
    settled: int | None
    said: str | None


class Attempt(NamedTuple):
    """One try."""

    number: int
    time: int
    milliseconds: int
    done: bool
    said: str


class Target(NamedTuple):
    """A place that failed last time."""

    target: str
    failures: int
    """In a row."""
    not_before: int
    paused: str | None
    """Why it rests."""


class Endpoint(NamedTuple):
    """Where webhooks go."""

    id: EndpointId
    workspace: WorkspaceId
    url: str
    secret: str
    retiring: str | None
    types: tuple[str, ...]
    """Empty: all."""
    machines: bool
    listening: bool
    active: bool
    added: int


@dataclass(slots=True)
class Deeds:
    """What a batch of events led to; kept all or nothing, together with the position behind the batch."""

    firings: list[FiringRow] = field(default_factory=list)
    sightings: list[SightingRow] = field(default_factory=list)
    capped: dict[TriggerId, int] = field(default_factory=dict)
    deliveries: list[NewDelivery] = field(default_factory=list)
    machines: list[EventId] = field(default_factory=list)
    """Earlier events that turned out to be machines'."""


def _signed(number: int) -> int:
    """SQLite's integers have a sign; ids of the upper half do not fit otherwise."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _row(row: FiringRow | SightingRow | NewDelivery) -> tuple[object, ...]:
    """As it is kept."""
    return row if row.event < 1 << 63 else row._replace(event=EventId(_signed(row.event)))


def _event(number: int) -> EventId:
    """The way back."""
    return EventId(number + (1 << 64) if number < 0 else number)


class Outbox(Control):
    """`control.db` as acting needs it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("outbox")

    # -- what follows from events

    def acted(self) -> dict[int, Position] | None:
        """Up to where each stream's events were acted on; None if acting has never begun here."""
        rows = self._rows("acted")
        return {s: (segment, place) for s, segment, place in rows if s != _BEGUN} if rows else None

    def begin_acting(self, positions: Mapping[int, Position]) -> None:
        """What lies before these positions is past: nothing follows from it."""
        with self._transaction():
            rows = [(_BEGUN, 0, 0), *((stream, *place) for stream, place in positions.items())]
            self._keep("keep_acted", rows)

    def keep_deeds(self, deeds: Deeds, positions: Mapping[int, Position], now: int) -> None:
        """Keep what a batch led to, and that it was acted on; `now` in unix seconds."""
        with self._transaction():
            self._keep("add_firing", [_row(row) for row in deeds.firings])
            self._keep("add_sighting", [_row(row) for row in deeds.sightings])
            self._keep("count_capped", [(count, trigger) for trigger, count in deeds.capped.items()])
            self._keep("add_delivery", [_row(row) for row in deeds.deliveries])
            self._keep("withdraw", [(now, _signed(event)) for event in deeds.machines])
            self._keep("keep_acted", [(stream, *place) for stream, place in positions.items()])

    def sightings(self, people: Sequence[int], since: int) -> list[tuple[int, int, EventId, int, float]]:
        """(who, condition, event, time, seconds) that was counted of people since a time, oldest first."""
        rows = self._rows("sightings", (json.dumps(people), since)) if people else ()
        return [(who, condition, _event(e), time, seconds) for who, condition, e, time, seconds in rows]

    def fired(self, people: Sequence[int], since: int) -> list[tuple[int, TriggerId, EventId, int]]:
        """(who, trigger, event, time) of firings about people since a time, oldest first."""
        rows = self._rows("firings_of", (json.dumps(people), since)) if people else ()
        return [(who, TriggerId(trigger), _event(event), time) for who, trigger, event, time in rows]

    def fired_by_all(self, trigger: TriggerId, since: int) -> list[int]:
        """When a trigger fired since a time."""
        return [row[0] for row in self._rows("firings_of_all", (trigger, since))]

    def fired_on(self, trigger: TriggerId, since: int) -> set[EventId]:
        """The events on which a trigger fired since a time."""
        return {_event(row[0]) for row in self._rows("fired_on", (trigger, since))}

    def unopened(self, workspace: WorkspaceId, since: int, until: int) -> list[tuple[MessageId, int, int]]:
        """(message, contact, unix seconds of marking) of copies marked in that span."""
        return [
            (MessageId(m), contact, marked) for m, contact, marked in self._rows("unopened", (workspace, since, until))
        ]

    # -- delivering

    def places(self, now: int) -> list[str]:
        """Where something waits and may be tried now (unix seconds)."""
        return [str(row[0]) for row in self._rows("places", (now,))]

    def due_at(self, target: str, now: int, most: int) -> list[Delivery]:
        """What is to be done at one place now (unix seconds)."""
        return [_delivery(row) for row in self._rows("due_at", (target, now, most))]

    def paused(self, workspace: WorkspaceId) -> list[tuple[Target, int]]:
        """The places that are paused to which a workspace sent something, and how much of it waits there."""
        return [(Target(*row[:4]), row[4]) for row in self._rows("paused_places", (workspace,))]

    def settle(self, delivery: DeliveryId, attempt: Attempt, state: str, due: int) -> None:
        """Keep one try and what became of the delivery."""
        settled = None if state == "waiting" else attempt.time
        with self._transaction():
            self._keep("add_attempt", [(delivery, attempt.time, attempt.milliseconds, int(attempt.done), attempt.said)])
            self._keep("settle_delivery", [(state, due, settled, attempt.said, delivery)])

    def target(self, target: str) -> Target:
        """Where deliveries to a place stand."""
        rows = self._rows("target", (target,))
        return Target(target, *rows[0]) if rows else Target(target, 0, 0, None)

    def targets(self) -> list[Target]:
        """All places that failed last time."""
        return [Target(*row) for row in self._rows("targets")]

    def keep_target(self, target: Target) -> None:
        """Keep where a place that fails stands."""
        with self._transaction():
            self._keep("keep_target", [target])

    def recovered(self, target: str, now: int) -> None:
        """All is well there again: what waited because of failures goes now."""
        with self._transaction():
            self._keep("forget_target", [(target,)])
            self._keep("hurry", [(now, target)])

    def set_back(self, seconds: int) -> None:
        """The clock was set back: all that waits is due by so much earlier."""
        with self._transaction():
            self._keep("set_back_deliveries", [(seconds,)])
            self._keep("set_back_targets", [(seconds,)])

    def delivery(self, delivery: DeliveryId) -> Delivery | None:
        """One delivery."""
        rows = self._rows("delivery", (delivery,))
        return _delivery(rows[0]) if rows else None

    def deliveries(
        self, workspace: WorkspaceId, state: str | None, source: int | None, since: int, most: int
    ) -> list[Delivery]:
        """A workspace's delivery log, newest first."""
        return [_delivery(row) for row in self._rows("deliveries", (workspace, state, source, since, most))]

    def attempts(self, delivery: DeliveryId) -> list[Attempt]:
        """What was tried."""
        return [Attempt(n, t, ms, bool(done), said) for n, t, ms, done, said in self._rows("attempts", (delivery,))]

    def add(self, deliveries: Sequence[NewDelivery]) -> None:
        """More to be done, not because of an event."""
        with self._transaction():
            self._keep("add_delivery", [_row(row) for row in deliveries])

    def replay(self, deliveries: Sequence[DeliveryId], now: int) -> None:
        """Do these again, under the same ids."""
        with self._transaction():
            self._keep("replay", [(now, delivery) for delivery in deliveries])

    def counts(self) -> dict[str, int]:
        """How many deliveries there are in each state."""
        return dict(self._rows("delivery_counts"))

    def tidy(self, deliveries_before: int, sightings_before: int, conditions: Iterable[int]) -> None:
        """Forget settled deliveries (unix seconds), what no window reaches (microseconds) and what none of these counts."""
        with self._transaction():
            self._keep("forget_deliveries", [(deliveries_before,)])
            self._keep("forget_sightings", [(sightings_before, json.dumps(sorted(conditions)))])

    def forget_person(self, workspace: WorkspaceId, who: int) -> None:
        """Erase what is kept here about a person (the contact, or minus the visitor)."""
        with self._transaction():
            self._keep("forget_person_deliveries", [(workspace, who)])
            self._keep("forget_person_firings", [(workspace, who)])
            self._keep("forget_person_sightings", [(who,)])

    # -- endpoints and browsers

    def keep_endpoint(self, endpoint: Endpoint) -> None:
        """Keep a new one."""
        e = endpoint
        row = (e.id, e.workspace, e.url, e.secret, json.dumps(e.types), int(e.machines), int(e.listening), e.added)
        with self._transaction():
            self._keep("keep_endpoint", [row])

    def endpoints(self) -> list[Endpoint]:
        """All of them."""
        return [_endpoint(row) for row in self._rows("endpoints")]

    def change_endpoint(self, endpoint: EndpointId, url: str, *, active: bool) -> None:
        """Another address, on or off."""
        with self._transaction():
            self._keep("change_endpoint", [(url, int(active), endpoint)])

    def rotate(self, endpoint: EndpointId, secret: str) -> None:
        """A new secret; the one before signs too until the next rotation."""
        with self._transaction():
            self._keep("rotate_endpoint", [(secret, endpoint)])

    def forget_endpoint(self, endpoint: EndpointId, now: int) -> None:
        """Remove one; what it was still to get is withdrawn."""
        with self._transaction():
            self._keep("forget_deliveries_to", [(now, endpoint)])
            self._keep("forget_endpoint", [(endpoint,)])


def _endpoint(row: tuple[Any, ...]) -> Endpoint:
    return Endpoint(
        EndpointId(row[0]), WorkspaceId(row[1]), row[2], row[3], row[4], tuple(json.loads(row[5])), bool(row[6]),
        bool(row[7]), bool(row[8]), row[9],
    )  # fmt: skip


def _delivery(row: tuple[Any, ...]) -> Delivery:
    return Delivery(DeliveryId(row[0]), row[1], _event(row[2]), *row[3:])
