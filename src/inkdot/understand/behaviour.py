"""What happened around a ping: how soon after hand-over it came, and what else came with it.

Late evidence counts for what came before it: the acts of the last ten minutes are kept here, and each new one may re-label
others. What an act is judged by is a function of the set of acts around it, so the order in which they arrive does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from inkdot.domain.event import FINAL_AFTER
from inkdot.domain.evidence import Actor, Verdict
from inkdot.domain.ids import EventId
from inkdot.domain.message import HONEYPOT_PART
from inkdot.understand.client import Client, Judge

SECOND = 1_000_000  # microseconds
_WINDOW = FINAL_AFTER * SECOND
_BURSTS = ((4, 1), (5, 10))
"""Distinct links, seconds: what no person clicks so fast."""
_EVERY_LINK = (3, 3)
"""All links of a mail, if it has at least so many, within so many seconds."""
_AT_ONCE = 5
_MOST_ACTS = 64
"""Of one person on one mail; a flood on one mark must not cost more with each ping."""
_NEAR = 20 * SECOND
"""Acts farther away than this share no burst with what a new act can touch."""
_MOST_VERDICTS = 100_000
_TELLING_SECONDS = (2, 30, 60, FINAL_AFTER)
"""Times since hand-over that some rule asks about."""
_MOST_REMEMBERED = 100_000
"""Acts, of some 800 bytes."""

Whose = tuple[int, int, int]
"""Workspace, message, contact."""
Second = tuple[int, int, int, int]
"""Workspace, message, client's number, second since 1970."""


class Act(NamedTuple):
    """An open or a click, as far as others may be judged by it."""

    time: int
    id: EventId
    kind: str
    link: int | None
    part: int
    client: Client
    handed_over: float | None
    """Unix seconds."""


class Behaviour:
    """Remembers ten minutes, judges each new act, and says which earlier ones are to be judged otherwise now."""

    def __init__(self, judge: Judge, links_of: Callable[[int], int | None] = lambda _: None) -> None:
        """`links_of` gives how many links a message has, None if that is not known."""
        self._alone, self._links_of = judge, links_of
        self._groups: dict[Whose, list[Act]] = {}
        self._old_groups: dict[Whose, list[Act]] = {}
        """Those in which nothing happened lately: forgotten whole at the next sweep, as a look at each would cost more."""
        self._crowds: dict[Second, dict[Whose, list[Act]]] = {}
        self._old_crowds: dict[Second, dict[Whose, list[Act]]] = {}
        self._told: set[Second] = set()
        """Crowds whose earlier acts were judged as a crowd's."""
        self._telling: set[Whose] = set()
        """Groups in which an act may tell something about another: clicks, and what came soon after hand-over."""
        self._judged: dict[EventId, Verdict] = {}
        self._old_judged: dict[EventId, Verdict] = {}
        """Verdicts that differ from what the client alone would get."""
        self._verdicts: dict[tuple[object, ...], Verdict] = {}
        self._acts = self._swept = 0

    def take(self, whose: Whose, act: Act) -> tuple[Verdict, Sequence[tuple[Act, Verdict]]]:
        """The act's own verdict, as far as is known now, and earlier acts with verdicts that are other ones since it came."""
        group = self._groups.get(whose)
        if group is None:
            group = self._groups[whose] = self._old_groups.pop(whose, [])
            self._acts += len(group)
        if len(group) >= _MOST_ACTS:
            del group[0]
        group.append(act)
        self._acts += 1
        client = act.client
        if act.handed_over is not None or act.kind != "open":
            self._telling.add(whose)
        second = (whose[0], whose[1], client.number, act.time // SECOND)
        crowd = self._join_crowd(second, whose, act) if client.in_crowds else None
        if whose not in self._telling and (crowd is None or len(crowd) < _AT_ONCE):
            return client.verdict, ()  # an open long after hand-over, alone in its second: as most are
        verdict = self._judgement(whose, act, self._contexts(whose, act))
        if verdict != client.verdict:
            self._judged[act.id] = verdict
        return verdict, self._changed(whose, act, second, crowd or {})

    def _changed(
        self, whose: Whose, act: Act, second: Second, crowd: dict[Whose, list[Act]]
    ) -> list[tuple[Act, Verdict]]:
        """Verdicts of earlier acts that are other ones since `act` came."""
        touched: dict[Whose, list[Act]] = {}
        if whose in self._telling:
            everything = act.part == HONEYPOT_PART or act.handed_over is not None
            near = self._near(whose, act)
            touched[whose] = [a for a in near if everything or abs(a.time - act.time) <= _NEAR // 2]
        if len(crowd) >= _AT_ONCE and second not in self._told:
            self._told.add(second)
            for theirs, others in crowd.items():
                touched.setdefault(theirs, []).extend(others)
        changed = []
        for theirs, acts in touched.items():
            if theirs == whose and acts == [act]:
                continue
            contexts = self._contexts(theirs, act)
            for other in acts:
                verdict = self._judgement(theirs, other, contexts)
                if other.id != act.id and verdict != self._last(other):
                    self._judged[other.id] = verdict
                    changed.append((other, verdict))
        return changed

    def _last(self, act: Act) -> Verdict:
        """The verdict that was told last."""
        return self._judged.get(act.id) or self._old_judged.get(act.id) or act.client.verdict

    def sweep(self, now: int) -> None:
        """Forget what became final before `now` (microseconds), or the older half of what is too much."""
        if abs(now - self._swept) < _WINDOW + 60 * SECOND and self._acts < _MOST_REMEMBERED // 2:
            return
        self._swept = now
        self._old_groups, self._groups, self._acts = self._groups, {}, 0
        self._old_crowds, self._crowds = self._crowds, {}
        self._telling &= self._old_groups.keys()
        self._told &= self._old_crowds.keys()
        self._old_judged, self._judged = self._judged, {}
        if len(self._verdicts) > _MOST_VERDICTS:
            self._verdicts.clear()

    def _judgement(self, whose: Whose, act: Act, contexts: Mapping[EventId, Mapping[str, Any]]) -> Verdict:
        context = contexts.get(act.id, {})
        second = _second(whose, act)
        if len(self._crowds.get(second) or self._old_crowds.get(second) or ()) >= _AT_ONCE:
            context = {**context, "recipients_at_once": _AT_ONCE}
        return self._verdict(act, context)

    # -- one person's acts on one mail

    def _near(self, whose: Whose, act: Act) -> list[Act]:
        """The acts that a new one may have something to say about, and those that say something about them."""
        acts = self._groups.get(whose) or self._old_groups.get(whose, [])
        if act.part == HONEYPOT_PART or act.handed_over is not None:
            return list(acts)
        return [a for a in acts if abs(a.time - act.time) <= _NEAR or a.part == HONEYPOT_PART]

    def _contexts(self, whose: Whose, newest: Act) -> dict[EventId, dict[str, Any]]:
        acts = self._near(whose, newest)
        if not acts or whose not in self._telling:
            return {}
        bursts = self._bursts(whose, [a for a in acts if a.kind == "click"])
        traps = [a for a in acts if a.part == HONEYPOT_PART and a.kind == "click"]
        opened = min((a.time for a in acts if _shows_reading(a)), default=None)
        found: dict[EventId, dict[str, Any]] = {}
        for act in acts:
            context: dict[str, Any] = {}
            after = None if act.handed_over is None else act.time / SECOND - act.handed_over
            if after is not None and after <= FINAL_AFTER:
                context["seconds_since_send"] = next(s for s in _TELLING_SECONDS if after <= s)
                context["prior_open"] = opened is not None and opened < act.time
            if act.id in bursts:
                context["burst"] = bursts[act.id]
            if any(_same_source(t, act) and abs(t.time - act.time) <= _WINDOW for t in traps):
                context["honeypot"] = True
            found[act.id] = context
        return found

    def _bursts(self, whose: Whose, clicks: list[Act]) -> dict[EventId, dict[str, int]]:
        """Clicks that belong to a burst: each window that holds enough distinct links marks all its members."""
        if len(clicks) < _EVERY_LINK[0]:
            return {}
        clicks = sorted(clicks, key=lambda c: (c.time, c.id))
        every = self._links_of(whose[1])
        rules = [*_BURSTS, *([(max(every, _EVERY_LINK[0]), _EVERY_LINK[1])] if every else [])]
        found: dict[EventId, dict[str, int]] = {}
        for least, seconds in rules:
            told = {"distinct_links": least, "window_s": seconds, "links_total": every or 0}
            links: Counter[int | None] = Counter()
            end = marked = 0
            for start, first in enumerate(clicks):  # the window slides: each click enters and leaves it once
                while end < len(clicks) and clicks[end].time - first.time <= seconds * SECOND:
                    links[clicks[end].link] += 1
                    end += 1
                if len(links) >= least:
                    for click in clicks[max(start, marked) : end]:
                        found.setdefault(click.id, told)
                    marked = end
                links[first.link] -= 1
                if not links[first.link]:
                    del links[first.link]
        return found

    # -- many people in one second

    def _join_crowd(self, second: Second, whose: Whose, act: Act) -> dict[Whose, list[Act]]:
        crowd = self._crowds.get(second)
        if crowd is None:
            crowd = self._crowds[second] = self._old_crowds.pop(second, {})
        if (acts := crowd.get(whose)) is None:
            crowd[whose] = [act]
        elif len(acts) < _MOST_ACTS:
            acts.append(act)
        return crowd

    # -- verdicts

    def _verdict(self, act: Act, context: Mapping[str, Any]) -> Verdict:
        if not context:
            return act.client.verdict
        client = act.client
        burst = tuple(context["burst"].values()) if "burst" in context else None
        key = (
            client.kind,
            client.number,
            client.old_data,
            burst,
            *((k, v) for k, v in context.items() if k != "burst"),
        )
        known = self._verdicts.get(key)
        if known is None:
            known = self._alone.verdict(client.kind, client.raw, context, old_data=client.old_data)
            self._verdicts[key] = known
        return known


def _second(whose: Whose, act: Act) -> Second:
    return whose[0], whose[1], act.client.number, act.time // SECOND


def _shows_reading(act: Act) -> bool:
    """True for an open by a person's program that did not come with the hand-over."""
    hasty = act.handed_over is not None and act.time / SECOND - act.handed_over <= _TELLING_SECONDS[0]
    return act.kind == "open" and act.client.verdict.actor is Actor.HUMAN and not hasty


def _same_source(one: Act, other: Act) -> bool:
    return (one.client.raw.agent, one.client.raw.asn) == (other.client.raw.agent, other.client.raw.asn)
