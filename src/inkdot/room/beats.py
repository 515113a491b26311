"""Beats: what a reader's page says it measured, turned into records for the journal.

A beat holds counters from the start of its visit on, never differences: a lost one is made good by the next, a repeated
or an overtaken one says nothing new. What the counters are worth is judged later, from the records and their times alone.

    {"session": sealed, "moved": whether the page was scrolled or touched, "pages": [[page, seconds, visits, [seconds from the start to each of the last visits]], ...]}
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from inkdot.domain.errors import UsageError
from inkdot.domain.ids import VisitId

MOST_BYTES = 16_384
MOST_HOURS = 12
_MOST, _MOST_TIMES = MOST_HOURS * 3_600, 20
_MOST_VISITS_REMEMBERED = _MOST_READERS_REMEMBERED = 20_000
_NOTHING: frozenset[int] = frozenset()
_MOST_PER_BURST, _PER_SECOND = 12.0, 1.0


class Counter(NamedTuple):
    """One page of one visit so far."""

    page: int
    seconds: float
    visits: int
    at: tuple[float, ...]
    """Seconds from the start to when each of the last visits to the page began."""


class Beat(NamedTuple):
    """One beat as it was sent."""

    session: str
    pages: tuple[Counter, ...]
    moved: bool
    """The page was scrolled or touched."""


def read_beat(body: bytes, pages: int | None = None) -> Beat:
    """A beat from its JSON; unknown pages and impossible numbers are left out. Raises UsageError if it is none."""
    try:
        data = json.loads(body)
        session, rows = data["session"], data["pages"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError("This is no beat of a reader's page.") from error
    if not isinstance(session, str) or not isinstance(rows, list):
        raise UsageError("This is no beat of a reader's page.")
    counters = [c for c in map(_counter, rows) if c and (pages is None or c.page <= pages)]
    return Beat(session, tuple({c.page: c for c in counters}.values()), data.get("moved") is True)


def _counter(row: Any) -> Counter | None:
    if not isinstance(row, list) or len(row) != 4 or not isinstance(row[3], list):
        return None
    page, seconds, visits, at = row
    numbers = [page, seconds, visits, *at]
    if not all(type(n) in (int, float) and math.isfinite(n) and 0 <= n <= _MOST for n in numbers):
        return None
    if page != int(page) or visits != int(visits) or page < 1 or len(at) > _MOST_TIMES:
        return None
    return Counter(int(page), round(seconds, 2), int(visits), tuple(round(a, 1) for a in at))


def runs(pages: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Ascending pages as runs, first and last."""
    found: list[tuple[int, int]] = []
    for page in pages:
        if found and found[-1][1] == page - 1:
            found[-1] = found[-1][0], page
        else:
            found.append((page, page))
    return tuple(found)


class _Visit:
    """What was written down of a visit, and how fast it beats."""

    __slots__ = ("allowance", "handed_out", "headers", "last", "pages", "viewed")

    def __init__(self, now: float) -> None:
        self.headers: bytes | None = None
        self.pages: dict[int, tuple[float, int]] = {}
        self.viewed = self.handed_out = False
        self.allowance, self.last = _MOST_PER_BURST, now

    def may_beat(self, now: float) -> bool:
        self.allowance = min(_MOST_PER_BURST, self.allowance + max(0.0, now - self.last) * _PER_SECOND)
        self.last = now
        self.allowance -= 1
        return self.allowance >= 0


class Desk:
    """Remembers what is written down already, so that a page is written once per change and not once per beat.

    It may forget: a record too many changes nothing.
    """

    def __init__(self) -> None:
        self._visits: OrderedDict[VisitId, _Visit] = OrderedDict()
        self._seen: OrderedDict[Hashable, set[int]] = OrderedDict()

    def may_beat(self, visit: VisitId, now: float) -> bool:
        """False if this visit beats faster than any honest page; `now` in seconds."""
        return self._visit(visit, now).may_beat(now)

    def begins_download(self, visit: VisitId, headers: Mapping[str, str], now: float) -> bool:
        """Whether a request for the file is a download of its own: one for a later part goes on with what this visit was handed out."""
        known, ranges = self._visit(visit, now), headers.get("range", "")
        goes_on = known.handed_out and ranges.startswith("bytes=") and not ranges.startswith("bytes=0-")
        known.handed_out = True
        return not goes_on

    def headers(self, visit: VisitId, lines: bytes, now: float) -> bytes:
        """The header lines of a visit's first beat: browsers send some of them differently when a page is left."""
        known = self._visit(visit, now)
        if known.headers is None:
            known.headers = lines
        return known.headers

    def news(self, visit: VisitId, counters: tuple[Counter, ...], now: float) -> tuple[bool, list[Counter]]:
        """Whether the visit is new, and the counters that say more than what is written down."""
        known = self._visit(visit, now)
        more = []
        for counter in counters:
            seconds, visits = known.pages.get(counter.page, (0.0, 0))
            if counter.seconds > seconds or counter.visits > visits:
                more.append(counter)
        return not known.viewed, more

    def completed(
        self, reader: Hashable, visit: VisitId, counters: Collection[Counter], pages: int, now: float
    ) -> list[int] | None:
        """Pages seen in earlier visits alone, if with these counters `reader` has seen all `pages` for the first time."""
        seen = self._seen.get(reader, _NOTHING)
        here = {page for page, (_, visits) in self._visit(visit, now).pages.items() if visits}
        here |= {c.page for c in counters if c.visits}
        if len(seen) >= pages or len(here | seen) < pages:
            return None
        return sorted(seen - here)

    def written(self, reader: Hashable, visit: VisitId, counters: Collection[Counter], now: float) -> None:
        """These are on disk."""
        known = self._visit(visit, now)
        seen = self._seen.setdefault(reader, set())
        seen |= {c.page for c in counters if c.visits}
        self._seen.move_to_end(reader)
        if len(self._seen) > _MOST_READERS_REMEMBERED:
            self._seen.popitem(last=False)
        known.viewed = True
        for counter in counters:
            seconds, visits = known.pages.get(counter.page, (0.0, 0))
            known.pages[counter.page] = max(seconds, counter.seconds), max(visits, counter.visits)

    def _visit(self, visit: VisitId, now: float) -> _Visit:
        known = self._visits.get(visit)
        if known is None:
            known = self._visits[visit] = _Visit(now)
            if len(self._visits) > _MOST_VISITS_REMEMBERED:
                self._visits.popitem(last=False)
        self._visits.move_to_end(visit)
        return known
