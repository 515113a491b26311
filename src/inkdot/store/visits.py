"""Websites in numbers: finished visits are added up once, and what is going on is added up while it is asked for.

A visit knows when its visitor's visit before began. So visitors of any span of time are counted exactly, without comparing
millions of ids: a visit counts its visitor unless the one before lies in the span, too.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

import duckdb

from inkdot.domain.consent import SMALL
from inkdot.domain.event import Event
from inkdot.domain.ids import ContactId, SiteId, VisitorId
from inkdot.store.events import EventStore, microseconds, timestamp
from inkdot.store.query import questions

AT_ONCE = 2_000_000
"""Events of websites that are added up in one go, about: 200 MB."""
FINISHED_AFTER = 31 * 60 * 1_000_000
"""Microseconds without an event after which a visit is finished for good: its pause is 30 minutes."""
ROLL_UP_ABOVE = 200_000
"""Website events that may wait before they are added up."""
_NEVER, _ALWAYS = dt.datetime(1970, 1, 1), dt.datetime(9999, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is naive UTC
_TABLES = ("visits", "visit_days", "pages", "happenings", "steps", "journeys", "moves", "others")
BOTH = {name: f"(FROM {name} UNION ALL FROM fresh_{name})" for name in _TABLES}
Funnels = dict[tuple[Any, ...], dict[dt.date, list[int]]]
"""By site and steps, and by finished day: visits that came so far."""
_NEEDED = re.compile(r"%(?:[01][0-9a-fA-F]|2[35fF]|3[fF]|7[fF])")
FUNNELS = "funnels"
_MOST_FUNNELS = 500
_NONE = -1  # no version of the store
_GOAL = "goal:"
"""What names a goal among the steps of a funnel, where other steps are paths."""
GROUPS = ("channel", "source", "campaign", "referrer", "entry", "exit")
"""What visits can be grouped by."""


class Totals(NamedTuple):
    """A site in a span of time."""

    visitors: int
    visits: int
    views: int
    bounces: int
    """Visits of one page, less than 10 active seconds and no goal."""
    seconds: float
    """Active seconds of all visits."""
    known: int
    """Visits of known people."""
    goals: int


class Group(NamedTuple):
    """The visits that have something in common."""

    name: str | None
    visitors: int
    visits: int
    views: int
    goals: int
    seconds: float


class PageCount(NamedTuple):
    """One page."""

    page: str
    views: int
    visits: int
    seconds: float


class Happening(NamedTuple):
    """Something that was done: a goal reached, a word searched, a file fetched, a link followed."""

    kind: str
    name: str
    times: int
    visits: int


def roll_up(store: EventStore, *, anew_since: int | None = None) -> None:
    """Add up what is finished; again what began on that day (microseconds, 0: ever) or later. For the thread that keeps events."""
    with store.writing() as session:
        if anew_since is not None:
            _wind_back(session, timestamp(anew_since))
        for until in _stretches(session, timestamp(store.last_time() + 1)):
            _add_up(session, until)
    if anew_since is not None:  # not before it counts: a question in the meantime would remember the old days again
        store.beside.pop(FUNNELS, None)


def _wind_back(session: duckdb.DuckDBPyConnection, moment: dt.datetime) -> None:
    """As if nothing of that day and those after it had been added up; a visit belongs to the day on which it began."""
    ask, since = questions("site"), {"since": moment.replace(hour=0, minute=0, second=0, microsecond=0)}
    for table in _TABLES:
        if table != "steps":
            session.execute(ask[f"empty_{table}"], since)
        elif moment == _NEVER:
            session.execute(ask["empty_steps"])
    session.execute(ask["wind_back"], since)
    if moment == _NEVER:
        session.execute(ask["owe_nothing"])


def owe_the_past(store: EventStore) -> None:
    """Days that may be added up are to be added up again, `anew_since` ever, whatever happens until then. As roll_up."""
    with store.writing() as session:
        session.execute(questions("site")["owe_the_past"])


def owes_the_past(store: EventStore) -> bool:
    """Whether that was not done yet."""
    return bool(store.rows("site", "owes_the_past")[0][0])


def judged_anew(store: EventStore, event: Event) -> None:
    """Another verdict counts for a website's event, and maybe another visit: add up again from its day on. As roll_up."""
    ask, scene = questions("site"), event.scene
    assert scene
    with store.writing() as session:
        for table in ("recent", "closed"):
            what = {"event": event.id, "visit": scene.visit, "visitor": scene.visitor}
            session.execute(ask[f"put_into_visit_{table}"], what)
        began = session.execute(ask["visit_around"], {"event": event.id}).fetchall()[0][0]
    roll_up(store, anew_since=microseconds(began))


def _stretches(session: duckdb.DuckDBPyConnection, end: dt.datetime) -> list[dt.datetime]:
    """Where to pause on the way to `end`: memory holds what is new in one stretch, not the whole of an import."""
    pauses, waiting_events = [], 0
    for hour, events in session.execute(questions("site")["waiting_by_hour"], {"since": _since(session)}).fetchall():
        if waiting_events and waiting_events + events > AT_ONCE:
            pauses.append(hour)
            waiting_events = 0
        waiting_events += events
    return [*pauses, end]


def _add_up(session: duckdb.DuckDBPyConnection, until: dt.datetime) -> None:
    """Add up the visits that are finished if the world ends at `until`."""
    ask = questions("site")
    finished = max(_NEVER, until - dt.timedelta(microseconds=FINISHED_AFTER))
    _freshen(session, _since(session), until, finished)
    _freshen_sums(session, finished)
    for table in _TABLES:
        session.execute(ask[f"add_{table}"])
    first = session.execute(ask["still_open"]).fetchall()[0][0]
    session.execute(ask["forget_rolled"])
    session.execute(ask["keep_rolled"], {"until": min(first or finished, finished)})
    session.execute(ask["keep_others_until"], {"until": finished})


def waiting(store: EventStore) -> int:
    """Website events that are not added up yet."""
    with store.reading() as session:
        return int(session.execute(questions("site")["waiting"], {"since": _since(session)}).fetchall()[0][0])


def _since(session: duckdb.DuckDBPyConnection) -> dt.datetime:
    return session.execute(questions("site")["rolled"]).fetchall()[0][0] or _NEVER


def _others_since(session: duckdb.DuckDBPyConnection) -> dt.datetime:
    return session.execute(questions("site")["others_until"]).fetchall()[0][0] or _NEVER


def _freshen(session: duckdb.DuckDBPyConnection, since: dt.datetime, until: dt.datetime, finished: dt.datetime) -> None:
    """The visits that are not added up yet."""
    ask = questions("site")
    session.execute(ask["fresh_events"], {"since": since, "until": until})
    session.execute(ask["fresh_visits"], {"finished": finished})


def _freshen_sums(session: duckdb.DuckDBPyConnection, others_until: dt.datetime) -> None:
    """What those visits add to the sums."""
    ask = questions("site")
    session.execute(ask["fresh_days"])
    session.execute(ask["fresh_pages"])
    for table in ("happenings", "steps", "journeys", "moves"):
        session.execute(ask[f"fresh_{table}"])
    session.execute(ask["fresh_others"], {"others_since": _others_since(session), "others_until": others_until})


class SiteCounts:
    """Answers about one site in one span of time, whole days of UTC."""

    def __init__(
        self, session: duckdb.DuckDBPyConnection, site: SiteId, since: int, until: int, funnels: Funnels
    ) -> None:
        self._session, self._site, self._funnels = session, site, funnels
        self._span = timestamp(since).date(), timestamp(min(until, 253_370_764_800_000_000)).date()
        self._what = {"site": site, "since": timestamp(since), "until": timestamp(min(until, 253_370_764_800_000_000))}

    def _rows(self, name: str, **more: object) -> list[tuple[Any, ...]]:
        question = questions("site")[name].format(**BOTH)
        return self._session.execute(question, self._what | more).fetchall()

    def totals(self) -> Totals:
        """Everything in one line."""
        return Totals(*self._rows("totals")[0])

    def days(self) -> list[tuple[dt.date, int, int, int, float]]:
        """Day, visitors, visits, views, active seconds; days without visits are left out."""
        return self._rows("days")

    def groups(self, most: int) -> dict[str, list[Group]]:
        """Visits by each of GROUPS, the largest first, and by the numbers of their verdict and network."""
        found: dict[str, list[Group]] = {what: [] for what in (*GROUPS, "verdict", "asn")}
        for what, *row in self._rows("groups", most=most):
            found[what].append(Group(*row))
        return found

    def pages(self, most: int) -> list[PageCount]:
        """Pages by views."""
        return [PageCount(*row) for row in self._rows("pages", most=most)]

    def happenings(self) -> list[Happening]:
        """What was done, most often first."""
        return [Happening(*row) for row in self._rows("happenings")]

    def reached(self, kind: str, target: str) -> int:
        """Visits that reached a goal: page (a path, * stands for anything), event (its name) or seconds."""
        if kind == "seconds":
            return int(self._rows("reached_seconds", seconds=float(target))[0][0])
        if kind == "page":
            if "*" not in target:
                return int(self._rows("reached_one_page", path=_readable(target))[0][0])
            return self.funnel([target])[0]
        return next((h.visits for h in self.happenings() if h.kind == "goal" and h.name == target), 0)

    def moves(self, most: int) -> list[tuple[str, str, int]]:
        """(page, next page, how often), most often first; of each day the 1,000 commonest are known."""
        return self._rows("moves", most=most)

    def funnel(self, steps: Sequence[str]) -> list[int]:
        """Visits that came so far, each step after the one before: a path, or the name of a goal after `goal:`.

        What a finished day gives is remembered: days do not change any more once their visits are added up.
        """
        span = self._span
        known = self._funnels.setdefault((self._site, *steps), {})
        first, first_open = self._days_at_hand(), _since(self._session).date()
        begin = max(span[0], first) if first else span[1]
        while begin in known and begin < min(span[1], first_open):
            begin += dt.timedelta(days=1)
        counted = self._walked(steps, begin, span[1]) if begin < span[1] else {}
        day = begin
        while day < min(first_open, span[1]):
            known[day] = counted.get(day, [0] * len(steps))
            day += dt.timedelta(days=1)
        shown = {day: counts for day, counts in known.items() if span[0] <= day < span[1]} | counted
        return [sum(counts[place] for counts in shown.values()) for place in range(len(steps))]

    def _days_at_hand(self) -> dt.date | None:
        found = self._session.execute(questions("site")["first_day"].format(**BOTH), {"site": self._site}).fetchall()
        first: dt.date | None = found[0][0]
        return first

    def _walked(self, steps: Sequence[str], since: dt.date, until: dt.date) -> dict[dt.date, list[int]]:
        """Visits of each day that came so far."""
        kinds = ["goal" if step.startswith(_GOAL) else "page" for step in steps]
        patterns = [_exactly(s.removeprefix(_GOAL)) if s.startswith(_GOAL) else path_pattern(s) for s in steps]
        ask, found = questions("site"), dict[dt.date, list[int]]()
        self._session.execute(ask["mark_steps"].format(**BOTH), {"kinds": kinds, "patterns": patterns})
        span = {"site": self._site, "since": since, "until": until}
        for day, reached, visits in self._session.execute(ask["walk"].format(**BOTH), span).fetchall():
            counts = found.setdefault(day, [0] * len(steps))
            for place in range(reached):
                counts[place] += visits
        return found

    def machine_views(self) -> int:
        """Views of machines."""
        return int(self._rows("machine_views")[0][0])

    def for_nobody(self) -> int:
        """Views counted for nobody, on days with enough of them."""
        return sum(seen for _, seen in self._rows("days_for_nobody", enough=SMALL))

    def for_nobody_by(self, what: str, most: int) -> list[tuple[str, int]]:
        """The same by `page` or `channel`, the most first, without what is few on its day."""
        question = questions("site")["for_nobody"].format(**BOTH, what=what)
        rows = self._session.execute(question, self._what | {"enough": SMALL, "most": most}).fetchall()
        return [(name, views) for name, views in rows]


def give(store: EventStore, visitor: VisitorId, contact: ContactId) -> None:
    """What a browser did under nobody's name is this person's, as a rebuild would find; for the thread that keeps events."""
    _change_owner(store, "give", visitor, contact, of=0)


def take_back(store: EventStore, visitor: VisitorId, contact: ContactId) -> None:
    """What a browser did is not this person's; for the thread that keeps events."""
    _change_owner(store, "take_back", visitor, contact, of=contact)


def _change_owner(store: EventStore, deed: str, visitor: VisitorId, contact: ContactId, of: int) -> None:
    """Another name for what a browser did under the name `of`; what was added up since then is added up anew."""
    ask = questions("site")
    with store.writing() as session:
        began = session.execute(ask["visits_of"], {"visitor": visitor, "contact": of}).fetchall()[0][0]
        for table in ("recent", "closed", "visits"):
            session.execute(ask[f"{deed}_{table}"], {"visitor": visitor, "contact": contact})
    if began:
        roll_up(store, anew_since=microseconds(began))


def all_happenings(store: EventStore, kind: str, since: int, until: int, most: int) -> list[tuple[SiteId, Happening]]:
    """What was done on all sites, most often first."""
    what = {"kind": kind, "since": timestamp(since), "until": timestamp(until), "most": most}
    with going_on(store, sums=True) as session:
        rows = session.execute(questions("site")["all_happenings"].format(**BOTH), what).fetchall()
    return [(SiteId(row[0]), Happening(*row[1:])) for row in rows]


class _Fresh:
    """What is going on, added up once for all questions until something new is kept. One question at a time."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._open = store.closing.enter_context(ExitStack())
        self._of = _NONE
        self._session: duckdb.DuckDBPyConnection | None = None
        self._summed = False

    @contextmanager
    def session(self, *, sums: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session that sees one state of the store, however many questions are asked of it."""
        with self._turn:
            session = self._session or self._renewed()
            session.begin()
            try:
                _since(session)  # settles what is seen; only then may be asked whether that is old
                if self._store.version != self._of:
                    session.rollback()
                    version = self._store.version  # before the look: what comes between the two must not pass for seen
                    session = self._renewed()
                    session.begin()
                    _freshen(session, _since(session), _ALWAYS, _ALWAYS)
                    self._of, self._summed = version if version % 2 == 0 else _NONE, False
                if sums and not self._summed:
                    _freshen_sums(session, _ALWAYS)
                    self._summed = True
                yield session
                session.commit()
            except BaseException:
                self._open.close()
                self._session, self._of = None, _NONE
                raise

    def _renewed(self) -> duckdb.DuckDBPyConnection:
        self._open.close()
        self._session, self._of = self._open.enter_context(self._store.reading()), _NONE
        return self._session


def going_on(store: EventStore, *, sums: bool) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A session that has the visits not added up yet beside those that are, and what they add to the `sums`.

    Questions name both together as `{visits}`, `{pages}` and so on; `BOTH` fills that in.
    """
    if "fresh visits" not in store.beside:
        store.beside["fresh visits"] = _Fresh(store)
    found: _Fresh = store.beside["fresh visits"]
    return found.session(sums=sums)


@contextmanager
def site_counts(store: EventStore, site: SiteId, since: int, until: int) -> Iterator[SiteCounts]:
    """Counts of a site from `since` to `until` (microseconds), with what is going on right now."""
    funnels: Funnels = store.beside.setdefault(FUNNELS, {})  # before anything is seen: what is forgotten then stays so
    if len(funnels) > _MOST_FUNNELS:
        funnels.clear()
    with going_on(store, sums=True) as session:
        yield SiteCounts(session, site, since, until, funnels)


def path_pattern(path: str) -> str:
    """A path in which * stands for anything, as a pattern for LIKE; a backslash stands before what means itself."""
    return "%".join(map(_exactly, _readable(path).split("*")))


def _readable(path: str) -> str:
    """A path as pages are kept, whether it was typed or copied; the macro of this name does the same."""
    return path if _NEEDED.search(path) else unquote(path)


def _exactly(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
