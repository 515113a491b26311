"""How warm a lead is: points with their reasons, explained like any verdict. Pure; the clock is an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

HOT, WARM, _MOST = 60, 30, 100
_DAY = 86_400_000_000
INTERESTING = (
    "/pricing",
    "/price",
    "/preise",
    "/prix",
    "/contact",
    "/kontakt",
    "/demo",
    "/order",
    "/checkout",
    "/cart",
    "/quote",
    "/offer",
)
"""Beginnings of paths that people look at who want something."""


class Facts(NamedTuple):
    """What is known of one person or visitor; only what a person did, never a machine."""

    last: int
    """Microseconds since 1970 of the newest act."""
    visits: int = 0
    seconds: float = 0.0
    """Active seconds on websites."""
    interesting: int = 0
    """Visits that began or ended on a page of interest."""
    goals: int = 0
    downloads: int = 0
    clicks: int = 0
    """Tracked links."""
    opens: int = 0
    """Proven or likely."""
    reading: float = 0.0
    """Seconds in documents."""
    replies: int = 0


class Reason(NamedTuple):
    """Why points were given."""

    rule: str
    points: int
    fact: str


class Score(NamedTuple):
    """The sum, at most 100, and its reasons, the weightiest first."""

    points: int
    grade: str
    """hot, warm or cold"""
    reasons: tuple[Reason, ...]


class _Rule(NamedTuple):
    id: str
    points: Callable[[Facts], float]
    most: int
    fact: Callable[[Facts], str]

    def given(self, facts: Facts) -> int:
        points = self.points(facts)
        return min(self.most, round(points)) if points > 0 else 0


_RULES = (
    _Rule("L2", lambda f: 4 * f.visits, 20, lambda f: _many(f.visits, "visit")),
    _Rule("L3", lambda f: f.seconds / 30, 15, lambda f: f"{f.seconds:.0f} active seconds on the site"),
    _Rule("L4", lambda f: 15 * f.goals, 30, lambda f: _many(f.goals, "goal") + " reached"),
    _Rule("L5", lambda f: 8 * f.clicks, 16, lambda f: _many(f.clicks, "tracked link") + " clicked"),
    _Rule("L6", lambda f: 5 * (f.reading > 0) + f.reading / 60, 15, lambda f: f"{f.reading:.0f} seconds in documents"),
    _Rule("L7", lambda f: 20 * f.replies, 20, lambda f: _many(f.replies, "reply")),
    _Rule("L8", lambda f: 8 * f.interesting, 16, lambda f: _many(f.interesting, "visit") + " to pages of interest"),
    _Rule("L9", lambda f: 5 * f.downloads, 10, lambda f: _many(f.downloads, "download")),
    _Rule("L10", lambda f: 1 * f.opens, 4, lambda f: _many(f.opens, "mail") + " opened, surely or likely"),
)


def points(facts: Facts, now: int) -> int:
    """The points of a lead at a time (microseconds since 1970), at most 100: what ranks many people quickly."""
    return min(_MOST, _recency(_days(facts, now)) + sum(rule.given(facts) for rule in _RULES))


def grade(points: int) -> str:
    """What points are called."""
    return "hot" if points >= HOT else "warm" if points >= WARM else "cold"


def score(facts: Facts, now: int) -> Score:
    """The points of a lead at a time (microseconds since 1970), and why."""
    days = _days(facts, now)
    seen = "seen today" if days < 1 else f"seen {_many(days, 'day')} ago"
    given = [Reason("L1", _recency(days), seen)]
    given += [Reason(rule.id, rule.given(facts), rule.fact(facts)) for rule in _RULES]
    total = points(facts, now)
    return Score(total, grade(total), tuple(sorted((r for r in given if r.points), key=lambda r: -r.points)))


def _days(facts: Facts, now: int) -> int:
    return max(0, now - facts.last) // _DAY


def _recency(days: int) -> int:
    return 20 if days < 1 else 12 if days < 7 else 5 if days < 30 else 0


def _many(count: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("ly") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
