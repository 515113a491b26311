"""Judge kept events again by the rules of today, from the raw facts kept beside them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import Field, Reason, Verdict
from inkdot.domain.ids import EVENT, EventId, to_word
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.understand.rules import RuleBook
from inkdot.understand.steps import Again

_AT_ONCE = 200_000
"""Events held until they are settled; a burst that a boundary cuts in two is judged by halves."""
_EXAMPLES = 3


def regrade(store: EventStore, control: Control, book: RuleBook, *, dry_run: bool) -> dict[str, Any]:
    """Judge every open and click again; returns what changed, in counts with examples.

    A person's corrections stay. With `dry_run` nothing is written.
    """
    again, diff = Again(control, book), _Diff(set(control.corrections()), book.version)
    events = 0
    for event in store.all():
        events += 1
        if event.kind in (Kind.OPEN, Kind.CLICK):
            diff.meet(event)
            for number, judged in again.judge(event):
                diff.note(number, judged)
            if diff.is_full():
                _apply(store, book, diff.settled(), dry_run=dry_run)
    _apply(store, book, diff.settled(), dry_run=dry_run)
    moved = [
        {"from": before, "to": after, "events": count, "examples": diff.examples[before, after]}
        for (before, after), count in diff.counted.most_common()
    ]
    return {
        "events": events, "changed": sum(m["events"] for m in moved), "changes": moved, "rules": book.version,
        "dry_run": dry_run, "corrections_kept": len(diff.corrected),
    }  # fmt: skip


class _Diff:
    """What would be judged otherwise, gathered until late evidence cannot change it any more."""

    def __init__(self, corrected: set[EventId], version: str) -> None:
        self.corrected, self._version = corrected, version
        self.counted: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], list[str]] = {}
        self._met: dict[EventId, Event] = {}
        self._judged: dict[EventId, Verdict] = {}

    def meet(self, event: Event) -> None:
        """An event as it is kept."""
        self._met[event.id] = event

    def note(self, number: EventId, judged: Verdict) -> None:
        """How an event is judged now; a later word replaces an earlier one."""
        self._judged[number] = judged

    def is_full(self) -> bool:
        """True if it is time to settle."""
        return len(self._met) > _AT_ONCE

    def settled(self) -> dict[EventId, Verdict]:
        """The verdicts to be kept."""
        found: dict[EventId, Verdict] = {}
        for number, event in self._met.items():
            if number in self._judged and number not in self.corrected:
                verdict = _as_before(event.verdict, self._judged[number])
                if verdict != event.verdict or event.rules != self._version:
                    found[number] = verdict
                    self._count(event, verdict)
        self._met.clear()
        self._judged.clear()
        return found

    def _count(self, event: Event, verdict: Verdict) -> None:
        moved = (_told(event.verdict), _told(verdict))
        if moved[0] != moved[1]:
            self.counted[moved] += 1
            if len(self.examples.setdefault(moved, [])) < _EXAMPLES:
                self.examples[moved].append(to_word(EVENT, event.id))


def _apply(store: EventStore, book: RuleBook, verdicts: dict[EventId, Verdict], *, dry_run: bool) -> None:
    if not dry_run:
        store.relabel(verdicts, book.version)


def _told(verdict: Verdict) -> str:
    return f"{verdict.actor}, human {verdict.human}, by {verdict.evidence[0].rule if verdict.evidence else '-'}"


def _as_before(old: Verdict, judged: Verdict) -> Verdict:
    """What is not kept beside an event cannot be judged again: a place that was known stays as it was told."""
    place: Field = judged.fields.location
    if place.reason is Reason.NO_GEO_DATA and old.fields.location.value:
        return judged._replace(fields=judged.fields._replace(location=old.fields.location))
    return judged
