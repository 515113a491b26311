"""Which rules does an event meet? Pure: what is known besides the event comes through `Past`, and nothing is written here.

A thousand rules must not cost a thousand tests per event. What an event can meet depends on a few of its facts that repeat
(kind, address, message ...), so rules are sorted by these facts once, and the answer is remembered for each combination met.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from functools import cache
from operator import attrgetter
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from inkdot.act.rule import Rule, cap, kinds, span, texts
from inkdot.act.tally import Known
from inkdot.domain.contact import Address
from inkdot.domain.event import Event, Kind, Scene
from inkdot.domain.evidence import MACHINES, Human
from inkdot.domain.ids import (
    DOCUMENT,
    LINK,
    MESSAGE,
    SITE,
    EventId,
    TriggerId,
    WorkspaceId,
    from_word,
)

RANK = {Human.YES: 3, Human.LIKELY: 2, Human.UNKNOWN: 1, Human.NO: 0}
HALF_AN_HOUR = 1_800_000_000
_MOST_REMEMBERED = 20_000
_NOWHERE = Scene()
_WILD = re.compile(r"[*?\[]")


class Past(Protocol):
    """What matching may ask of memory."""

    def known(self, who: int) -> Known:
        """What was counted of somebody, and what fired for them."""

    def fired(self, trigger: TriggerId, who: int | None, since: int) -> int:
        """How often a trigger fired for somebody (None: anybody) since a time."""

    def person(self, event: Event) -> Address | None:
        """The address of whom an event is about."""

    def score(self, event: Event) -> int:
        """How warm a lead the person or visitor is."""

    def in_audience(self, event: Event, name: str) -> bool:
        """Whether the person is on that list."""


class Trigger(NamedTuple):
    """A rule in use."""

    id: TriggerId
    workspace: WorkspaceId
    version: int
    rule: Rule
    minimum: int
    """The least rank of proof."""
    machines: bool
    window: int
    """Microseconds in which events are counted or seconds added up; 0 where nothing is."""
    condition: int
    """What is counted; the same for rules that differ in numbers alone, 0 where nothing is."""
    since: int
    """From when on it counts, microseconds since 1970."""
    per_person: tuple[int, int] | None
    total: tuple[int, int] | None


class Met(NamedTuple):
    """An event that a trigger's conditions meet."""

    trigger: Trigger
    counted: bool
    """It is to be remembered, for this and all rules with the same condition; whether one of them fires is told beside it."""
    capped: bool
    """It would fire, but fired often enough."""


def trigger(number: TriggerId, workspace: WorkspaceId, version: int, rule: Rule, since: int = 0) -> Trigger:
    """A checked rule, made ready. `since`: when this version came into use (microseconds), from then on it counts."""
    when = rule.when
    counting = when.count > 1 or when.seconds is not None
    window = span(when.within) if when.within else HALF_AN_HOUR
    limits = rule.limits
    return Trigger(
        number, workspace, version, rule, RANK[rule.evidence], rule.evidence is Human.NO, window if counting else 0,
        _condition(workspace, rule) if counting else 0, since,
        cap(limits.per_person) if limits.per_person else None, cap(limits.total) if limits.total else None,
    )  # fmt: skip


def _condition(workspace: WorkspaceId, rule: Rule) -> int:
    """What a rule counts, without how much of it and within what time."""
    what = msgspec.structs.replace(rule.when, count=1, seconds=None, within=None)
    text = msgspec.json.encode((workspace, what, rule.evidence, rule.repeats), order="sorted")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"inkdot-counts").digest(), "big") >> 1


def who_of(event: Event) -> int:
    """Whom an event is about, as firings and counts know them: the contact, minus the visitor, or 0."""
    if event.contact:
        return int(event.contact)
    visitor = event.scene.visitor if event.scene else None
    return -(visitor & 0x7FFF_FFFF_FFFF_FFFF) if visitor else 0


@cache
def matching(text: str) -> Callable[[str], bool]:
    """A test for a text with `*` for anything, case folded."""
    pattern = re.compile(translate(text.replace("[", "[[]").replace("?", "[?]")), re.IGNORECASE)
    return lambda value: pattern.match(value) is not None


class Book:
    """All rules in use, sorted by what an event must have to meet them."""

    def __init__(self, triggers: Iterable[Trigger]) -> None:
        self.triggers = tuple(triggers)
        self._by_kind: dict[Kind, _Shelf] = {}
        shelves: defaultdict[Kind, list[Trigger]] = defaultdict(list)
        for item in self.triggers:
            for kind in kinds(item.rule):
                shelves[kind].append(item)
        self._by_kind = {kind: _Shelf(found) for kind, found in shelves.items()}

    def __bool__(self) -> bool:
        return bool(self._by_kind)

    def cases(self, event: Event) -> Cases:
        """What this event may meet; most events nothing."""
        shelf = self._by_kind.get(event.kind)
        return () if shelf is None else shelf.cases(event)

    def met(self, event: Event, past: Past, cases: Cases | None = None) -> list[Met]:
        """The triggers that this event meets; `cases`, if they were asked for before."""
        if cases is None:
            cases = self.cases(event)
        verdict = event.verdict
        rank, machine, repeat = RANK[verdict.human], verdict.actor in MACHINES, event.repeat_of is not None
        found: list[Met] = []
        for case in cases:
            item = case.first
            proven = rank >= item.minimum and (item.machines or not machine)
            if proven and (item.rule.repeats or not repeat) and event.workspace == item.workspace:
                if not _is_meant(item, event, past):
                    continue
                if item.window:
                    found += _counted(case, event, past)
                else:
                    found.append(Met(item, counted=False, capped=is_capped(item, who_of(event), event.time, past)))
        return found


class _Case(NamedTuple):
    """A rule that an event may meet, or several that wait for the same thing and differ in how much of it."""

    first: Trigger
    triggers: tuple[Trigger, ...]
    """Those first that wait for the least."""
    window: int
    """The longest."""


Cases = tuple[_Case, ...]


def _cases(triggers: Iterable[Trigger]) -> Cases:
    together: dict[tuple[int, int], list[Trigger]] = {}
    for item in triggers:
        together.setdefault((item.condition, 0 if item.condition else item.id), []).append(item)
    return tuple(
        _Case(found[0], tuple(sorted(found, key=lambda t: t.rule.when.count)), max(t.window for t in found))
        for found in together.values()
    )


def _is_meant(item: Trigger, event: Event, past: Past) -> bool:
    """Whether what changes from event to event fits too."""
    when = item.rule.when
    if when.person is not None:
        person = past.person(event)
        if person is None or not matching(when.person)(person):
            return False
    if when.audience is not None and not past.in_audience(event, when.audience):
        return False
    return when.score is None or past.score(event) >= when.score


def _counted(case: _Case, event: Event, past: Past) -> list[Met]:
    """What an event that fits a counted condition leads to: it is remembered, and those of the rules are met that have enough."""
    who, time = who_of(event), event.time
    found = [Met(case.first, counted=True, capped=False)]
    known = past.known(who)
    tally = known.tally(case.first.condition)
    end = tally.before(time)
    number = end - tally.through((time - case.window, EventId(0))) + 1
    for item in case.triggers:
        when = item.rule.when
        if when.count > number:
            break
        after = max((max(time - item.window, item.since), EventId(0)), known.last_fired(item.id))
        begin = min(tally.through(after), end)
        if end - begin + 1 >= when.count and (
            when.seconds is None or tally.seconds(begin, end) + active_seconds(event) >= when.seconds
        ):
            found.append(Met(item, counted=False, capped=is_capped(item, who, time, past)))
    return found


def active_seconds(event: Event) -> float:
    """Those of this event."""
    return (event.scene.seconds or 0.0) if event.scene else 0.0


def is_capped(item: Trigger, who: int, time: int, past: Past) -> bool:
    """Whether a trigger's limits hold it back at a time (microseconds)."""
    for limit, whom in ((item.per_person, who), (item.total, None)):
        if limit is not None and past.fired(item.id, whom, time - limit[1]) >= limit[0]:
            return True
    return False


class _Shelf:
    """The rules for one kind of event."""

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self._exact: dict[tuple[int, object], list[_Entry]] = {}
        self._general: list[_Entry] = []
        self._pages = _Pages()
        used = [False] * len(_FACTS)
        for item in triggers:
            patterns = texts(item.rule.when.url)
            entry = _Entry(item, {p: v for p, v in enumerate(wanted(item.rule)) if v is not None})
            for place in entry.facts:
                used[place] = True
            used[0] |= bool(patterns)
            exact = next(((p, v) for p, v in entry.facts.items() if isinstance(v, int | str)), None)
            if patterns:
                self._pages.add(entry, patterns)
            elif exact:
                self._exact.setdefault(exact, []).append(entry)
            else:
                self._general.append(entry)
        facts = [f for f, u in zip(_FACTS, used, strict=True) if u]
        self._key = facts[0] if len(facts) == 1 else lambda event: tuple([fact(event) for fact in facts])
        self._exact_places = tuple({place for place, _ in self._exact})
        self._remembered: dict[object, Cases] = {}

    def cases(self, event: Event) -> Cases:
        """Rules that fit in all that repeats from event to event."""
        key = self._key(event)
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[key] = self._look(event)
        return found

    def _look(self, event: Event) -> Cases:
        facts = [fact(event) for fact in _FACTS]
        pages = self._pages.met_by(event.url) if event.url else ()
        exact = [e for place in self._exact_places for e in self._exact.get((place, facts[place]), ())]
        fitting = (e.trigger for e in (*self._general, *exact, *pages) if e.fits(facts))
        by_id = {item.id: item for item in fitting}
        return _cases(by_id[number] for number in sorted(by_id))


class _Entry(NamedTuple):
    trigger: Trigger
    facts: dict[int, object]
    """What facts must be, by their place in `_FACTS`: a value, or several of which one will do."""

    def fits(self, facts: Sequence[object]) -> bool:
        return all(
            facts[place] in value if isinstance(value, frozenset) else facts[place] == value
            for place, value in self.facts.items()
        )


_FACTS: tuple[Callable[[Event], object], ...] = (
    attrgetter("url"),
    attrgetter("message"),
    attrgetter("link"),
    lambda e: (e.scene or _NOWHERE).document,
    lambda e: (e.scene or _NOWHERE).site,
    lambda e: (e.scene or _NOWHERE).page,
    lambda e: ((e.scene or _NOWHERE).channel or "").casefold(),
    lambda e: ((e.scene or _NOWHERE).source or "").casefold(),
    lambda e: (e.scene or _NOWHERE).name,
)
"""What repeats from event to event."""


class Facts(NamedTuple):
    """What a rule says of each of `_FACTS`, in their order; None where it says nothing."""

    url: None
    """Addresses are patterns."""
    message: int | None
    link: int | None
    document: int | None
    site: int | None
    page: int | None
    channels: frozenset[str] | None
    source: str | None
    name: str | None


def wanted(rule: Rule) -> Facts:
    """What a rule says of what repeats from event to event; channels and source in lower case."""
    when = rule.when
    channels = frozenset(c.casefold() for c in texts(when.channel))
    return Facts(
        None,
        None if when.message is None else from_word(MESSAGE, when.message),
        None if when.link is None else from_word(LINK, when.link),
        None if when.document is None else from_word(DOCUMENT, when.document),
        None if when.site is None else from_word(SITE, when.site),
        when.page,
        channels or None,
        None if when.source is None else when.source.casefold(),
        when.name,
    )


class _Pages:
    """Address patterns, found by what stands before their first `*`."""

    def __init__(self) -> None:
        self._by_start: dict[str, list[tuple[_Entry, str, Callable[[str], bool]]]] = {}
        self._lengths: list[int] = []

    def add(self, entry: _Entry, patterns: Iterable[str]) -> None:
        for pattern in patterns:
            if pattern.startswith("re:"):
                start, test = "", _searching(pattern[3:])
            else:
                start, test = _WILD.split(pattern, maxsplit=1)[0].casefold(), matching(pattern)
            self._by_start.setdefault(start, []).append((entry, pattern, test))
        self._lengths = sorted({len(start) for start in self._by_start})

    def met_by(self, url: str) -> list[_Entry]:
        """Whole addresses and paths; the query counts only where the pattern has one."""
        found = []
        for text in _readings(url):
            folded = text.casefold()
            for length in self._lengths:
                for entry, pattern, test in self._by_start.get(folded[:length], ()):
                    if (pattern.startswith("re:") or ("?" in text) == ("?" in pattern)) and test(text):
                        found.append(entry)
        return found


def page_test(rule: Rule) -> Callable[[str], bool] | None:
    """Whether an address is one that a rule waits for; None where it waits for none."""
    patterns = texts(rule.when.url)
    if not patterns:
        return None
    pages = _Pages()
    pages.add(_Entry(trigger(TriggerId(0), WorkspaceId(0), 1, rule), {}), patterns)
    return lambda url: bool(pages.met_by(url))


def _searching(pattern: str) -> Callable[[str], bool]:
    search = re.compile(pattern).search
    return lambda text: search(text) is not None


def _readings(url: str) -> set[str]:
    bare = url.partition("#")[0]
    plain = bare.partition("?")[0]
    try:
        parts = urlsplit(bare)
    except ValueError:  # a stranger's address: half a bracket is enough
        return {bare, plain}
    path = parts.path or "/"
    return {bare, plain, path, f"{path}?{parts.query}" if parts.query else path}
