"""Rules on trial: what they would have done with the past. Keeps and sends nothing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from inkdot.act.match import Book, Met, Trigger, active_seconds, is_capped, trigger, who_of
from inkdot.act.rule import Show, span
from inkdot.act.silence import Silence, meant
from inkdot.act.society import Society
from inkdot.act.tally import Known, Moment
from inkdot.domain.contact import Address
from inkdot.domain.event import Event
from inkdot.domain.evidence import MACHINES, Human
from inkdot.domain.ids import ContactId, EventId, MessageId, TriggerId

_MOST_EXAMPLES = 20
_EVER = "36500d"


class Example(NamedTuple):
    """Something that it would have fired on."""

    event: EventId | None
    """None: it is a mail that nobody opened."""
    message: MessageId | None
    contact: ContactId
    time: int
    human: Human | None


@dataclass(slots=True)
class Rehearsal:
    """What a rule would have done."""

    events: int = 0
    """Events looked at; where a rule waits for silence, copies of mails."""
    met: int = 0
    """Times its conditions were met, whoever acted."""
    machines: int = 0
    """Of these, on events of machines."""
    fired: int = 0
    """Times it would have fired, with its evidence and its limits."""
    capped: int = 0
    """Times its limits would have held it back."""
    people: set[int] = field(default_factory=set)
    examples: list[Example] = field(default_factory=list)
    """The latest that it would have fired on."""

    def fire(self, who: int, example: Example) -> None:
        """It would have fired."""
        self.fired += 1
        self.people.add(who)
        self.examples = [*self.examples[-_MOST_EXAMPLES + 1 :], example]


def as_tried(item: Trigger) -> tuple[Trigger, list[str]]:
    """A rule as events can answer it, and which of its conditions only a browser can judge and are left aside.

    What is shown on pages is shown to a visitor as often as it says itself, which is a limit like any other.
    """
    shown = [action for action in item.rule.actions if isinstance(action, Show)]
    when = item.rule.when
    if not shown:
        return item, []
    aside = [name for name in ("seconds", "scroll", "leaving") if getattr(when, name)]
    known = msgspec.structs.replace(when, seconds=None, scroll=None, leaving=False, within=when.within or _EVER)
    rule = msgspec.structs.replace(item.rule, when=known)
    limit = max((1, span(a.every)) if a.every else (a.most, span(_EVER)) for a in shown)
    return trigger(item.id, item.workspace, item.version, rule)._replace(per_person=limit), aside


def rehearse(item: Trigger, events: Iterable[Event], society: Society) -> Rehearsal:
    """Try a rule on events, oldest first."""
    outcome = Rehearsal()
    anyone = item._replace(minimum=0, machines=True, per_person=None, total=None)
    loose, strict = _Trial(anyone, society), _Trial(item, society)
    for event in events:
        outcome.events += 1
        if loose.met(event):
            outcome.met += 1
            outcome.machines += is_machine(event)
        if met := strict.met(event):
            outcome.capped += met.capped
            if not met.capped:
                example = Example(event.id, event.message, event.contact, event.time, event.verdict.human)
                outcome.fire(who_of(event), example)
    return outcome


def rehearse_silence(item: Trigger, silences: Iterable[Silence], society: Society) -> Rehearsal:
    """Try a rule about silence on the copies whose time was over; what it says of people is judged as it is now."""
    outcome, trial, over = Rehearsal(), _Trial(item, society), list(silences)
    outcome.events = len(over)
    in_vain = (s for s in over if s.heard is None or s.heard > s.time)
    for silence in sorted(meant(item, in_vain, society), key=lambda s: s.time):
        outcome.met += 1
        who = int(silence.contact)
        if is_capped(item, who, silence.time, trial):
            outcome.capped += 1
        else:
            trial.remember(who, (silence.time, silence.event))
            outcome.fire(who, Example(None, silence.message, silence.contact, silence.time, None))
    return outcome


def is_machine(event: Event) -> bool:
    """Whether no person did this."""
    return event.verdict.human is Human.NO or event.verdict.actor in MACHINES


class _Trial:
    """One rule with a memory of its own."""

    def __init__(self, trigger: Trigger, society: Society) -> None:
        self._trigger, self._book, self._society = trigger, Book([trigger]), society
        self._people: defaultdict[int, Known] = defaultdict(Known)
        self._fired: list[int] = []
        self._scores: Mapping[ContactId, int] | None = None

    def met(self, event: Event) -> Met | None:
        """What the rule makes of it; None if it does not fire, or not yet."""
        fires, who = None, who_of(event)
        for met in self._book.met(event, self):
            if met.counted:
                self._people[who].see(met.trigger.condition, (event.time, event.id), active_seconds(event))
            else:
                fires = met
        if fires and not fires.capped:
            self.remember(who, (event.time, event.id))
        return fires

    def remember(self, who: int, moment: Moment) -> None:
        """The rule has fired."""
        self._people[who].fire(self._trigger.id, moment)
        insort(self._fired, moment[0])

    def known(self, who: int) -> Known:
        return self._people[who]

    def fired(self, trigger: TriggerId, who: int | None, since: int) -> int:
        if who is not None:
            return self._people[who].fired(trigger, since)
        return len(self._fired) - bisect_left(self._fired, since)

    def person(self, event: Event) -> Address | None:
        return self._society.person(event.workspace, event.contact) if event.contact else None

    def score(self, event: Event) -> int:
        if self._scores is None:
            self._scores = self._society.scores(event.workspace, None)
        return self._scores.get(event.contact, 0)

    def in_audience(self, event: Event, name: str) -> bool:
        return bool(event.contact) and self._society.in_audience(event.workspace, event.contact, name)
