"""Watches events as they are kept, and turns those that meet a rule into firings and deliveries.

An event leads to the same deeds at most once: what a batch led to and the position behind the batch are kept in one
transaction, a batch that comes again lies before the position, and what was kept in the event store while the power failed is
taken from there at the next start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from inkdot.act import payload
from inkdot.act.match import Book, Cases, Trigger, is_capped, trigger, who_of
from inkdot.act.memory import Memory
from inkdot.act.rule import Action, Email, Ntfy, Push, Show, Slack, Tag, Webhook, after_quiet, kept, span
from inkdot.act.silence import Silence, endings, meant
from inkdot.act.society import Society
from inkdot.domain.event import Event
from inkdot.domain.evidence import MACHINES, Human, Verdict
from inkdot.domain.ids import MESSAGE, EventId, MessageId, to_word
from inkdot.domain.ping import IMPORT_STREAM, ping_id
from inkdot.store.contract import fields_json
from inkdot.store.outbox import Deeds, Endpoint, FiringRow, NewDelivery, Outbox, Position
from inkdot.store.triggers import Triggers
from inkdot.store.veil import is_nobodys

SECOND = 1_000_000
HOLD = 2 * SECOND
"""Microseconds for which deeds wait for late evidence, if the rule says nothing."""
TOO_LATE = 3 * 86_400 * SECOND
"""Events older than this lead to nothing: they were imported, or the house was closed for long."""
EMAIL = "email"
"""The place of all mails: what is paused when the upstream fails."""
_SILENCE_DAYS = 2
"""For how long after its time a silence is still noticed, in days: the house may have been closed."""


class Watch:
    """Watches for one folder. `now` gives microseconds since 1970."""

    def __init__(self, outbox: Outbox, triggers: Triggers, society: Society, now: Callable[[], int]) -> None:
        self._outbox, self._triggers, self._society, self._now = outbox, triggers, society, now
        self._memory = Memory(outbox, society)
        self._subjects: dict[MessageId, str | None] = {}
        """Of this batch's mails."""
        self._fields: dict[int, tuple[Verdict, msgspec.Raw]] = {}
        """What this batch's verdicts say of each field, as JSON, by their identity: equal clients share one."""
        self._acted: dict[int, Position] = {}
        self.beside: Callable[[Sequence[Event]], Sequence[NewDelivery]] = lambda _: ()
        """What else is to be done because of events that are new, kept with the deeds of their batch."""
        self._turn = threading.RLock()
        """One batch at a time, under one and the same rules; and who reads the rules last knows the latest."""
        self.reload()

    def reload(self) -> None:
        """Read the rules and endpoints again: somebody changed them. Any thread may say so."""
        with self._turn:
            self._reload()

    def _reload(self) -> None:
        known = [trigger(*row[:3], kept(row[3]), row[4]) for row in self._triggers.active()]
        active = [t for t in known if not any(isinstance(a, Show) for a in t.rule.actions)]
        self._silences = [t for t in active if t.rule.when.not_opened_for]
        self._endpoints = [e for e in self._outbox.endpoints() if e.active]
        self._book = Book(active)
        self._orders = {t.id: [(target_of(action), _json(action)) for action in t.rule.actions] for t in active}
        self._longest = max((limit[1] for t in active for limit in (t.per_person, t.total) if limit), default=0)
        self._longest = max((self._longest, *(t.window for t in active)))
        self._memory.stale = True

    def counting(self) -> tuple[frozenset[int], int]:
        """The conditions that rules count, and for how long what they have seen is needed (microseconds)."""
        counted = [t for t in self._book.triggers if t.window]
        return frozenset(t.condition for t in counted), TOO_LATE + max((t.window for t in counted), default=0)

    def begin(self, positions: Mapping[int, Position], events: Callable[[int, int], Iterator[Event]]) -> None:
        """Take what was kept but not acted on. `events(low, high)`: those with ids in that span, in their order."""
        acted = self._outbox.acted()
        if acted is None:
            self._outbox.begin_acting(positions)
            acted = dict(positions)
        self._acted = acted
        for stream, position in positions.items():
            behind = acted.get(stream, (0, 0))
            if position > behind:
                self.take(list(events(ping_id(stream, *behind), ping_id(stream, *position))), {stream: position})

    def take(
        self, events: Sequence[Event], end: Mapping[int, Position], relabelled: Mapping[EventId, Verdict] | None = None
    ) -> None:
        """Act on a batch that was just kept; one that was acted on before changes nothing."""
        with self._whole():
            self._take(events, end, relabelled or {})

    def _take(
        self, events: Sequence[Event], end: Mapping[int, Position], relabelled: Mapping[EventId, Verdict]
    ) -> None:
        now = self._now()
        ahead = {stream: place for stream, place in end.items() if place > self._acted.get(stream, (0, 0))}
        deeds = Deeds()
        deeds.machines = [e for e, v in relabelled.items() if v.human is Human.NO or v.actor in MACHINES]
        new = self._new(events)
        if self._book or self._endpoints:
            fresh = [e for e in new if e.time > now - TOO_LATE and (e.contact or not is_nobodys(e))]
            # Most events meet nothing: nothing is asked about their people.
            met = [(event, cases) for event in fresh if (cases := self._book.cases(event)) or self._endpoints]
            self._subjects.clear()
            self._fields.clear()
            people = {who_of(event) for event, cases in met if cases}
            self._memory.open(deeds, people, now - TOO_LATE - self._longest)
            for event, cases in met:
                self._act(event, cases, deeds, now)
        deeds.deliveries += self.beside(new)
        if ahead or deeds.machines:
            self._outbox.keep_deeds(deeds, ahead, now // SECOND)
        self._acted |= ahead

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What deeds are made of one batch; where they cannot be kept, memory must not know of them."""
        with self._turn:
            try:
                yield
            except BaseException:
                self._memory.stale = True
                raise

    def notice_silences(self) -> int:
        """Fire the rules about mails that nobody opened in their time; returns how many firings there were."""
        with self._whole():
            return self._notice_silences()

    def _notice_silences(self) -> int:
        now, deeds = self._now(), Deeds()
        self._memory.open(deeds)
        for silence in self._silent(now):
            item, who, time = silence.trigger, int(silence.contact), silence.time
            if is_capped(item, who, time, self._memory):
                continue
            subject = self._society.subjects([silence.message]).get(silence.message)
            told: dict[str, Any] = {
                "person": self._society.person(item.workspace, silence.contact), "message": to_word(MESSAGE, silence.message),
                "subject": subject, "for": item.rule.when.not_opened_for, "actor": None, "human": None, "evidence": [],
            }  # fmt: skip
            body = payload.fired(item.id, item.rule.name, item.version, None, told)
            self._fire(item, silence.event, who, time, body, deeds, now)
        if deeds.firings:
            self._outbox.keep_deeds(deeds, {}, now // SECOND)
        return len(deeds.firings)

    def _silent(self, now: int) -> Iterator[Silence]:
        for item in self._silences:
            since = max(now - _SILENCE_DAYS * 86_400 * SECOND, 0)
            fired = self._outbox.fired_on(item.id, since)
            over = endings(item, self._outbox, self._society, since, now)
            new = (silence for silence in over if silence.heard is None and silence.event not in fired)
            yield from meant(item, new, self._society)

    def _new(self, events: Sequence[Event]) -> list[Event]:
        """What was not acted on and happened here.

        Of it, what is nobody's leads to no deeds: it is counted, and a message for each would tell when and what.
        """
        floors: dict[int, int] = {stream: ping_id(stream, *place) for stream, place in self._acted.items()}
        floors[IMPORT_STREAM] = (IMPORT_STREAM + 1) << 48
        return [e for e in events if e.id >= floors.get(e.id >> 48, 0)]

    def _act(self, event: Event, cases: Cases, deeds: Deeds, now: int) -> None:
        kind = payload.type_of(event) if self._endpoints else None
        data: dict[str, Any] | None = None
        for endpoint in self._endpoints if kind else ():
            if endpoint.workspace == event.workspace and wants(endpoint, str(kind), event):
                data = data or self._data(event, now)
                body = payload.envelope(str(kind), event.time, data)
                due = now if endpoint.machines else now + HOLD
                deeds.deliveries.append(
                    _to_endpoint(endpoint, int(endpoint.id), event.id, 0, who_of(event), body, now, due)
                )
        for met in self._book.met(event, self._memory, cases):
            if met.counted:
                self._memory.see(met.trigger, event)
            elif met.capped:
                deeds.capped[met.trigger.id] = deeds.capped.get(met.trigger.id, 0) + 1
            else:
                data = data or self._data(event, now)
                item = met.trigger
                told = payload.fired(item.id, item.rule.name, item.version, data, None)
                self._fire(item, event.id, who_of(event), event.time, told, deeds, now)

    def _fire(
        self, item: Trigger, event: EventId, who: int, time: int, told: dict[str, Any], deeds: Deeds, now: int
    ) -> None:
        deeds.firings.append(FiringRow(item.id, event, item.version, item.workspace, who, time))
        self._memory.fire(item, who, event, time)
        hold = HOLD if item.rule.hold is None else span(item.rule.hold)
        due = after_quiet(item.rule.limits.quiet, item.rule.limits.zone, (now + hold) // SECOND)
        body = payload.envelope(payload.FIRED, time, told)
        text = _json(body)
        for part, (target, action) in enumerate(self._orders[item.id], 1):
            number = payload.delivery_id(item.id, event, part)
            deeds.deliveries.append(
                NewDelivery(
                    number, item.id, event, part, item.workspace, who, target, action, text, item.machines, now // SECOND,
                    due,
                )
            )  # fmt: skip
        for endpoint in self._endpoints:
            if endpoint.workspace == item.workspace and (not endpoint.types or payload.FIRED in endpoint.types):
                deeds.deliveries.append(
                    _to_endpoint(endpoint, int(item.id), event, int(endpoint.id), who, body, now, due * SECOND)
                )

    def _data(self, event: Event, now: int) -> dict[str, Any]:
        person = self._society.person(event.workspace, event.contact) if event.contact else None
        message, known = event.message, self._subjects
        if message is not None and message not in known:
            known[message] = self._society.subjects([message]).get(message)
        verdict = event.verdict
        if (written := self._fields.get(id(verdict))) is None:
            written = self._fields[id(verdict)] = (verdict, msgspec.Raw(msgspec.json.encode(fields_json(verdict))))
        return payload.data_of(event, person, now, written[1]) | {
            "subject": None if message is None else known[message]
        }


def wants(endpoint: Endpoint, kind: str, event: Event) -> bool:
    """Whether an endpoint is to be told: what machines did, and repeats, only if it asked for machines."""
    if endpoint.types and kind not in endpoint.types:
        return False
    verdict = event.verdict
    machine = verdict.human is Human.NO or verdict.actor in MACHINES
    return endpoint.machines or (not machine and event.repeat_of is None)


def target_of(action: Action) -> str:
    """What is paused together when it fails: a place, not a rule."""
    if isinstance(action, Webhook | Slack | Ntfy):
        return action.url
    if isinstance(action, Email):
        return EMAIL
    if isinstance(action, Push):
        return "push"
    return "tag" if isinstance(action, Tag) else "audience"


def _to_endpoint(
    endpoint: Endpoint, source: int, event: EventId, part: int, who: int, body: dict[str, Any], now: int, due: int
) -> NewDelivery:
    number = payload.delivery_id(source, event, part)
    action = _json({"do": "endpoint", "id": int(endpoint.id)})
    return NewDelivery(
        number, source, event, part, endpoint.workspace, who, endpoint.url, action, _json(body), endpoint.machines,
        now // SECOND, due // SECOND,
    )  # fmt: skip


def _json(thing: Any) -> str:
    return msgspec.json.encode(thing).decode()
