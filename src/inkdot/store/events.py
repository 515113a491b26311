"""Events in DuckDB: a batch and its checkpoint in one transaction, and the questions about them.

One process owns the file. One thread writes; readers on other threads use cursors of their own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import msgspec
import nanoarrow as na

from inkdot.domain.errors import Failure, StoreDamaged
from inkdot.domain.event import Dropped, Event, Kind, Scene
from inkdot.domain.evidence import MACHINES, Evidence, Human, Raw, Verdict
from inkdot.domain.ids import ContactId, DocumentId, EventId, LinkId, MessageId, VisitId, VisitorId, WorkspaceId
from inkdot.domain.ping import ping_id
from inkdot.store import copies
from inkdot.store.columns import COLUMNS, DROPPED, PEOPLE, RELABELLED, SCENE
from inkdot.store.database import arrow_table, damage_named, in_a_free_moment, opened, shut_in
from inkdot.store.interned import Interned
from inkdot.store.migrate import migrate
from inkdot.store.oblivion import last_days
from inkdot.store.query import questions

Position = tuple[int, int]
"""Segment and offset in a stream's journal."""

_HUMAN_RANK = {Human.YES: 3, Human.LIKELY: 2, Human.UNKNOWN: 1, Human.NO: 0}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is naive UTC
_MICROSECOND, _DAY = dt.timedelta(microseconds=1), dt.timedelta(days=1)
_NOWHERE, _NO_SCENE = Scene(), (None,) * len(SCENE)
_PAGE, _SCENE_AT = 5_000, len(COLUMNS)


def timestamp(microseconds: int) -> dt.datetime:
    """Microseconds since 1970 as DuckDB's naive UTC timestamp."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)


def microseconds(time: dt.datetime) -> int:
    """The way back."""
    return (time - _EPOCH) // _MICROSECOND


class EventStore:
    """The events of one data folder."""

    def __init__(self, path: Path, memory_limit: str = "512MB", threads: int = 2) -> None:
        """Open and, if needed, migrate; raises StoreDamaged, NewerData or FolderInUse."""
        self._path = path
        self._ask = questions("events")
        self.version = 0
        """Grows with each change but batches of mail alone, by one before it counts and by one after: odd says that it may count."""
        self.beside: dict[str, Any] = {}
        """What others work out of the events and keep as long as the file is open."""
        self.closing = contextlib.ExitStack()
        """What must be let go before the file is."""
        with damage_named(path):
            self._db = opened(path, memory_limit, threads)
            try:
                migrate(self._db, "events", path, self.backup_to)
                shut_in(self._db, path.parent)
                self._recall()
            except BaseException:
                self._db.close()
                raise

    def _recall(self) -> None:
        """Read what the store keeps at hand."""
        self._raws: Interned[Raw] = Interned(self._db, "raws", Raw)
        self._verdicts: Interned[Verdict] = Interned(self._db, "verdicts", Verdict)
        self._urls: Interned[str] = Interned(self._db, "urls", str)
        self._checkpoint = {s: (segment, place) for s, segment, place in self._rows(self._ask["checkpoints"])}
        self._closed_until: dt.datetime = self._rows(self._ask["closed_until"])[0][0] or _EPOCH
        newest = self._rows(self._ask["last_time"])[0][0] or _EPOCH
        self._last_time = microseconds(max(newest, self._closed_until))

    def close(self) -> None:
        """Let go of the file."""
        self.closing.close()
        with contextlib.suppress(duckdb.Error):
            self._db.close()

    # -- the pipeline's side

    def checkpoint(self) -> dict[int, Position]:
        """Up to where each stream's journal was understood."""
        return dict(self._checkpoint)

    def keep(
        self,
        events: Sequence[Event],
        dropped: Sequence[Dropped],
        checkpoint: Mapping[int, Position],
        relabelled: Mapping[EventId, Verdict] = MappingProxyType({}),
    ) -> None:
        """Keep a batch and the journal's positions after it, all or nothing; a replayed batch changes nothing.

        `relabelled`: other verdicts for recent events already kept; unknown ids are no error.
        What lies before a stream's checkpoint is kept already, because the two are always committed together.
        """
        floors = {stream: ping_id(stream, *place) for stream, place in self._checkpoint.items()}
        events, days = last_days([e for e in events if e.id >= floors.get(e.id >> 48, 0)])
        dropped = [d for d in dropped if d.ping >= floors.get(d.ping >> 48, 0)]
        ahead = {stream: place for stream, place in checkpoint.items() if place > self._checkpoint.get(stream, (0, 0))}
        with self._transaction(of_mail=not (days or relabelled or any(event.scene for event in events))):
            if events:
                self._db.register("batch", self._table(events))
                self._db.execute(self._ask["add_events"])
            for day in days:
                for question in ("overwritten_days", "overwritten_days_closed"):
                    self._db.execute(self._ask[question], day)
            if relabelled:
                self._relabel(relabelled, None, ("relabel_recent",))
            if dropped:
                self._db.register("batch", arrow_table(DROPPED, zip(*dropped, strict=True)))
                self._db.execute(self._ask["add_dropped"])
            for stream, place in ahead.items():
                self._db.execute(self._ask["forget_checkpoint"], [stream])
                self._db.execute(self._ask["add_checkpoint"], [stream, *place])
        self._checkpoint |= ahead
        self._last_time = max(self._last_time, max((event.time for event in events), default=0))

    def relabel(self, verdicts: Mapping[EventId, Verdict], rules: str) -> None:
        """Other verdicts by the rules of that version, for events of any age; all or nothing."""
        if verdicts:
            with self._transaction():
                self._relabel(verdicts, rules, ("relabel_recent", "relabel_closed"))

    def _relabel(self, verdicts: Mapping[EventId, Verdict], rules: str | None, names: Sequence[str]) -> None:
        numbers = self._verdicts.numbers(verdicts.values())
        rows = [
            (event, numbers[id(v)], _HUMAN_RANK[v.human], v.actor in MACHINES, rules) for event, v in verdicts.items()
        ]
        self._db.register("batch", arrow_table(RELABELLED, zip(*rows, strict=True)))
        for name in names:
            self._db.execute(self._ask[name])

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session of the caller's own, for questions that build on each other."""
        with damage_named(self._path), self._db.cursor() as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The writer's session in a transaction; for the thread that keeps events."""
        with self._transaction():
            yield self._db

    @contextlib.contextmanager
    def _transaction(self, *, of_mail: bool = False) -> Iterator[None]:
        """All or nothing, with the numbers given on the way."""
        shared = (self._raws, self._verdicts, self._urls)
        with damage_named(self._path):
            self._db.begin()
            try:
                yield
                self.version += not of_mail
                try:
                    self._db.commit()
                finally:
                    self.version += not of_mail
            except BaseException:
                with contextlib.suppress(duckdb.Error):  # where the commit itself failed there is nothing to roll back
                    self._db.rollback()
                for interned in shared:
                    interned.rolled_back()
                raise
        for interned in shared:
            interned.committed()

    def _table(self, events: Sequence[Event]) -> na.Array:
        (
            ids, times, kinds, workspaces, contacts, _, messages, links, parts, urls, verdicts, raws, because, repeats, rules, scenes,
        ) = zip(*events, strict=True)  # fmt: skip
        verdict_numbers, raw_numbers = self._verdicts.numbers(verdicts), self._raws.numbers(raws)
        shared_urls = {u: u for u in urls if u is not None}
        by_id = self._urls.numbers(shared_urls.values())
        url_numbers = {None: None} | {u: by_id[id(shared)] for u, shared in shared_urls.items()}
        by_verdict = list(map(id, verdicts))
        distinct = dict(zip(by_verdict, verdicts, strict=True))
        judged = {number: (_HUMAN_RANK[v.human], v.actor in MACHINES) for number, v in distinct.items()}
        somewhere = any(scenes)  # batches of mail events alone are narrower
        return arrow_table(
            COLUMNS | SCENE if somewhere else COLUMNS,
            (
                ids, times, kinds, workspaces, contacts, messages, links, parts, [url_numbers[u] for u in urls],
                [verdict_numbers[v] for v in by_verdict], [raw_numbers[r] for r in map(id, raws)],
                [judged[v][0] for v in by_verdict], [judged[v][1] for v in by_verdict],
                [msgspec.json.encode(b).decode() if b else None for b in because], repeats, rules,
                *(zip(*(s or _NOWHERE for s in scenes), strict=True) if somewhere else ()),
            ),
        )  # fmt: skip

    def recent(self, since: int) -> Iterator[Event]:
        """Events since a time (microseconds since 1970), in the order of their ids."""
        yield from self._events(self._ask["since"], {"since": timestamp(since)})

    def recent_web(self, since: int) -> Iterator[Event]:
        """Events of websites since a time (microseconds since 1970), oldest first."""
        yield from self._events(self._ask["since_web"], {"since": timestamp(since)})

    def told_web(self, since: int, most: int) -> list[tuple[VisitorId, str, str | None]]:
        """Visitor, kind and detail of the last website events since a time, oldest first."""
        return self._rows(self._ask["told_web"], {"since": timestamp(since), "most": most})[::-1]

    def last_time(self) -> int:
        """When the newest event happened, microseconds since 1970; 0 without events."""
        return self._last_time

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those (workspace, contact, message) of which an open is known that no machine made."""
        if not pairs:
            return set()
        with damage_named(self._path):
            self._db.register("batch", arrow_table(PEOPLE, zip(*pairs, strict=True)))
            return set(self._db.execute(self._ask["opened"]).fetchall())

    def read_so_far(self, visit: VisitId) -> list[tuple[int | None, float, int]]:
        """What is kept of a reader's visit: (page, seconds, visits); page None tells that it began."""
        return self._rows(self._ask["read_so_far"], {"visit": visit})

    def completions(self, document: DocumentId, contact: ContactId, visit: VisitId) -> set[int]:
        """The versions of a document that a reader is known to have completed; in this visit, if it is nobody's."""
        what = {"document": document, "contact": contact, "visit": visit}
        return {json.loads(detail)["version"] for (detail,) in self._rows(self._ask["completions"], what)}

    def close_months(self, before: int) -> int:
        """Sort finished months by person: all that lies before `before` (microseconds). Returns how many were closed."""
        closed = 0
        while month := self._month_to_close(timestamp(before)):
            with self._transaction():
                self._db.execute(self._ask["close_month"], month)
                self._db.execute(self._ask["leave_month"], month)
            self._closed_until = max(self._closed_until, self._rows(self._ask["closed_until"])[0][0])
            self.flush()
            closed += 1
        return closed

    def _month_to_close(self, before: dt.datetime) -> dict[str, dt.datetime] | None:
        first = self._rows(self._ask["month_to_close"], {"before": before})[0][0]
        if first is None:
            return None
        start = dt.datetime.combine(first, dt.time())
        end = (start + dt.timedelta(days=32)).replace(day=1)
        return {"start": start, "end": end} if end <= before else None

    # -- questions

    def page(
        self, *, after: int = 0, contact: int | None = None, kind: Kind | None = None, since: int = 0, most: int = _PAGE,
        workspace: WorkspaceId | None = None,
    ) -> list[Event]:  # fmt: skip
        """Up to `most` events that come after the event `after`, oldest first; `since` in microseconds."""
        found = self._rows(self._ask["time_of"], {"id": after}) if after else []
        after_time = found[0][0] if found else _EPOCH
        place = {"since": max(timestamp(since), after_time), "after_time": after_time, "after": after}
        what = {**place, "kind": kind, "most": most, "workspace": workspace}
        if contact is None:
            return list(self._events(self._ask["page"], what))
        return list(self._events(self._ask["page_of_person"], what | {"contact": contact}))

    def all(self, *, kind: Kind | None = None, since: int = 0) -> Iterator[Event]:
        """Every event, oldest first, however many: sorted a day at a time, so that memory stays small."""
        start, last = self._rows(self._ask["span"], {"since": timestamp(since)})[0]
        while start is not None and start <= last:
            yield from self._events(self._ask["between"], {"kind": kind, "start": start, "end": start + _DAY})
            start += _DAY

    def between_ids(self, low: int, high: int) -> Iterator[Event]:
        """Events from the id `low` up to but without `high`, in the order of their ids."""
        yield from self._events(self._ask["between_ids"], {"low": low, "high": high})

    def count_between(self, workspace: WorkspaceId, low: int, high: int) -> int:
        """How many events of a workspace have ids from `low` up to but without `high`."""
        what = {"low": low, "high": high, "workspace": workspace}
        return int(self._rows(self._ask["count_between_ids"], what)[0][0])

    def newest(self, most: int, kind: Kind | None = None, workspace: WorkspaceId | None = None) -> list[Event]:
        """The last events, newest first."""
        what = {"most": most, "kind": kind, "workspace": workspace}
        found, since, back = list[Event](), timestamp(self._last_time + 1), _DAY
        # Further and further back; closed months only where they are reached.
        while len(found) < most and since > _EPOCH:
            since = max(_EPOCH, timestamp(self._last_time) - back)
            name = "newest" if since > self._closed_until else "newest_of_all"
            found, back = list(self._events(self._ask[name], what | {"since": since})), back * 30
        return found

    def timeline(self, workspace: WorkspaceId, contact: ContactId) -> list[Event]:
        """One person's events, oldest first."""
        return list(self._events(self._ask["timeline"], {"workspace": workspace, "contact": contact}))

    def of_message(self, workspace: WorkspaceId, message: int) -> Iterator[Event]:
        """What was heard of one mail, oldest first."""
        return self._events(self._ask["of_message"], {"workspace": workspace, "message": message})

    def of_visitors(self, workspace: WorkspaceId, visitors: Sequence[int]) -> list[Event]:
        """What browsers did under nobody's name, oldest first."""
        return list(self._events(self._ask["of_visitors"], {"workspace": workspace, "visitors": list(visitors)}))

    def event(self, event: EventId) -> Event | None:
        """One event."""
        return next(self.some([event]), None)

    def some(self, ids: Collection[EventId], since: int = 0) -> Iterator[Event]:
        """These events, in any order; `since` (microseconds) tells that none of them is older."""
        return self._events(self._ask["some"], {"ids": list(ids), "since": timestamp(since)})

    def repeats_of(self, event: EventId) -> int:
        """How many repeats were folded into an event."""
        return int(self._rows(self._ask["repeats_of"], {"id": event})[0][0])

    def dropped_counts(self) -> dict[str, int]:
        """How many pings became no event, by reason."""
        return dict(self._rows(self._ask["dropped_counts"]))

    def size(self) -> tuple[int, int]:
        """How many events there are, and when the newest happened (microseconds, 0 for never)."""
        return int(self._rows(self._ask["size"])[0][0]), self.last_time()

    def verdicts(self, numbers: Collection[int]) -> dict[int, Verdict]:
        """The verdicts behind numbers."""
        with damage_named(self._path):
            return self._verdicts.contents(numbers, self._db.cursor().execute)

    def rows(self, noun: str, name: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """The answer to any named question."""
        return self._rows(questions(noun)[name], parameters)

    def _rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with damage_named(self._path):
            return self._db.cursor().execute(query, parameters or {}).fetchall()

    def _events(self, query: str, parameters: Mapping[str, object]) -> Iterator[Event]:
        version = self.version
        try:
            with damage_named(self._path):
                cursor = self._db.cursor().execute(query, parameters)
                while rows := cursor.fetchmany(_PAGE):
                    yield from self._decode(rows)
        except StoreDamaged as damage:
            if version % 2 or version != self.version:  # what events pointed to was deleted with them meanwhile
                raise Failure("Events were just deleted; ask again.") from damage
            raise

    def _decode(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[Event]:
        ask = self._db.cursor().execute
        urls = self._urls.contents((r[8] for r in rows if r[8] is not None), ask)
        verdicts = self._verdicts.contents((r[9] for r in rows), ask)
        raws = self._raws.contents((r[10] for r in rows), ask)
        for row in rows:
            because = msgspec.json.decode(row[13], type=tuple[Evidence, ...]) if row[13] else ()
            yield Event(
                EventId(row[0]), microseconds(row[1]), Kind(row[2]), WorkspaceId(row[3]), ContactId(row[4]), None,
                None if row[5] is None else MessageId(row[5]), None if row[6] is None else LinkId(row[6]), row[7],
                None if row[8] is None else urls[row[8]], verdicts[row[9]], raws[row[10]], because,
                None if row[14] is None else EventId(row[14]), row[15],
                Scene(*row[_SCENE_AT:]) if row[_SCENE_AT:] != _NO_SCENE else None,
            )  # fmt: skip

    # -- care

    def backup_to(self, target: Path) -> None:
        """A consistent copy in a new file inside the data folder, made while events may come in."""
        with damage_named(self._path):
            copies.copy_to(self._db.cursor(), self._path, target)

    def take_older_from(self, base: Path, before: Mapping[int, Position]) -> None:
        """Take over the events of an older store whose pings the journal no longer has; this store must be empty.

        `before`: the oldest position the journal still holds, per stream; streams it lacks are taken whole. All or
        nothing: a base that turns out to be damaged leaves this store empty.
        """
        with damage_named(base):
            copies.take_older(self._db, base, before)
        self._recall()

    def flush(self) -> None:
        """Bring the write-ahead log into the file."""
        with damage_named(self._path):
            in_a_free_moment(self._db, self._ask["flush"])

    def delete(self, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
        """Ask these deletions, all or nothing; returns how many events went. See `oblivion`."""
        before = self.size()[0]
        with self._transaction():
            for name, what in asked:
                self._db.execute(self._ask[name], what)
        self._recall()
        return before - self.size()[0]
