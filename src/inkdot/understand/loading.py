"""What the dots of a document prove: how a program loads linked pictures decides whether they tell of pages at all.

Grades: A measured by the reader's page, B a page's picture was asked for, C a page was first seen, D opened, E a machine.
Dots reach C at best, and only with a program that is known to load a page's picture when the page is first shown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from inkdot.domain.errors import BadSetting

FILE = "programs.toml"
OPEN_SECONDS = 1_800
"""A pause after which a further load is another open."""
_HUMAN_GAP, _EVEN, _EVEN_TIMES, _MOST_IN_ORDER = 3.0, 1.5, 3.0, 0.8


class Loading(StrEnum):
    """How a program loads the linked pictures of a document."""

    EAGER = "eager"
    """All of them when the document is opened."""
    LAZY = "lazy"
    """Each when its page is first shown."""
    UNKNOWN = "unknown"


class Load(NamedTuple):
    """One dot that was asked for."""

    page: int
    time: float
    """Unix seconds."""


class Judged(NamedTuple):
    """What an open proves."""

    loading: Loading
    grade: str
    reason: str


Programs = Mapping[tuple[str, str], Loading]
"""(client, kind of file) -> what was measured of it."""


def programs(own: str = "") -> Programs:
    """What is known of programs: what is shipped, and before it `own`, TOML of the same form. Raises BadSetting."""
    known: dict[tuple[str, str], Loading] = {}
    for text in (files("inkdot.understand").joinpath("data", FILE).read_text(), own):
        try:
            rows = tomllib.loads(text).get("program", [])
            known |= {(str(r["client"]), str(r["kind"])): Loading(r["loads"]) for r in rows}
        except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise BadSetting(f"{FILE} cannot be used: {error}. Each [[program]] has client, kind and loads.") from error
    return known


def opens(loads: Iterable[Load]) -> list[list[Load]]:
    """Loads, oldest first, parted into opens: after a long pause, or when a page is loaded again, it is a new one."""
    found: list[list[Load]] = []
    for load in loads:
        current = found[-1] if found else None
        if current and load.time - current[-1].time < OPEN_SECONDS and load.page not in {x.page for x in current}:
            current.append(load)
        else:
            found.append([load])
    return found


def judge(loads: Sequence[Load], dots: int, known: Loading = Loading.UNKNOWN, *, machine: bool = False) -> Judged:
    """What one open proves; `known` is what was measured of the program with this kind of file."""
    if machine:
        return Judged(Loading.UNKNOWN, "E", "a machine fetched it, which tells nothing of a person")
    if dots < 2:
        return Judged(Loading.UNKNOWN, "D", "one dot tells that it was opened, and nothing of pages")
    if known is Loading.EAGER or _eager(loads, dots):
        said = "this program loads all pages at once" if known is Loading.EAGER else "all pages were loaded in a row"
        return Judged(Loading.EAGER, "D", f"{said}: it was opened, which pages were read cannot be told")
    if known is Loading.LAZY and _human(loads, dots):
        return Judged(
            Loading.LAZY, "C", "this program loads a page when it is first shown; coming back to it is not seen"
        )
    if known is Loading.LAZY:
        said = "pages were loaded with no pauses as of somebody who reads"
    else:
        said = "how this program loads pages is not known"
    return Judged(Loading.UNKNOWN, "D", f"{said}: it was opened, no more can be told")


def learnt(loads: Sequence[Load], dots: int, wait: float) -> Loading:
    """What a calibration shows: the file was opened, left alone for `wait` seconds, then paged through."""
    if not loads or dots < 3:
        return Loading.UNKNOWN
    first = min(x.time for x in loads)
    at_once = len({x.page for x in loads if x.time - first < wait})
    later = len({x.page for x in loads}) - at_once
    if at_once == dots:
        return Loading.EAGER
    return Loading.LAZY if at_once <= max(2, dots // 4) and later >= dots // 2 else Loading.UNKNOWN


def first_seen(loads: Collection[Load]) -> list[tuple[int, float, float | None]]:
    """Of a lazy program: (page, when it was first shown, seconds until the next: the most its first pass can have taken)."""
    ordered = sorted(loads, key=lambda x: x.time)
    ends = [x.time for x in ordered[1:]] + [None]
    return [(x.page, x.time, None if end is None else end - x.time) for x, end in zip(ordered, ends, strict=True)]


def _gaps(loads: Sequence[Load]) -> list[float]:
    return [after.time - before.time for before, after in pairwise(loads)]


def _eager(loads: Sequence[Load], dots: int) -> bool:
    """Nearly all dots, in the document's order, with even gaps between them: nobody reads like that."""
    if len(loads) < max(3, _MOST_IN_ORDER * dots):
        return False
    gaps = _gaps(loads)
    in_order = sum(after.page > before.page for before, after in pairwise(loads))
    even = sum(gap <= max(_EVEN, _EVEN_TIMES * median(gaps)) for gap in gaps)
    quick = median(gaps) < _HUMAN_GAP
    return quick and min(in_order, even) >= _MOST_IN_ORDER * len(gaps)


def _human(loads: Sequence[Load], dots: int) -> bool:
    """Two pauses as of somebody who reads, or a jump over a page that was never come to, slower than programs load.

    Some pages may have no dot, because no paragraph begins there: over as many as are known to a jump must go further.
    """
    come_to = {x.page for x in loads}
    without = max(0, max(come_to, default=0) - dots)
    jumps = (
        after.time - before.time > _EVEN and len({*range(before.page + 1, after.page)} - come_to) > without
        for before, after in pairwise(loads)
    )
    return sum(gap > _HUMAN_GAP for gap in _gaps(loads)) >= 2 or any(jumps)
