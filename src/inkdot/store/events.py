"""Events in DuckDB: a batch and its checkpoint in one transaction, and the questions about them.

One process owns the file. One thread writes; readers on other threads use cursors of their own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from arro3.core import Array, DataType, Table

from inkdot.domain.errors import Failure, FolderInUse, StoreDamaged
from inkdot.domain.event import Dropped, Event, Kind
from inkdot.domain.evidence import MACHINES, Evidence, Human, Raw, Verdict
from inkdot.domain.ids import ContactId, EventId, LinkId, MessageId, WorkspaceId
from inkdot.domain.ping import ping_id
from inkdot.store.interned import Interned
from inkdot.store.migrate import migrate
from inkdot.store.query import questions

Position = tuple[int, int]
_HUMAN_RANK = {Human.YES: 3, Human.LIKELY: 2, Human.UNKNOWN: 1, Human.NO: 0}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is naive UTC
_PAGE = 5_000
_COLUMNS = {
    "id": DataType.uint64(), "time": DataType.int64(), "kind": DataType.utf8(), "workspace": DataType.uint64(),
    "contact": DataType.uint64(), "message": DataType.uint64(), "link": DataType.uint64(), "part": DataType.uint64(),
    "url": DataType.uint64(), "verdict": DataType.uint64(), "raw": DataType.uint64(), "human": DataType.uint64(),
    "machine": DataType.bool(), "because": DataType.utf8(), "repeat_of": DataType.uint64(), "rules": DataType.utf8(),
}  # fmt: skip


def timestamp(microseconds: int) -> dt.datetime:
    """Microseconds since 1970 as DuckDB's naive UTC timestamp."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)


def microseconds(time: dt.datetime) -> int:
    """The way back."""
    return (time - _EPOCH) // dt.timedelta(microseconds=1)


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn DuckDB's ways of saying that a file is broken into StoreDamaged."""
    try:
        yield
    except (
        duckdb.IOException,
        duckdb.FatalException,
        duckdb.InternalException,
        duckdb.SerializationException,
    ) as error:
        if "lock on file" in str(error):
            raise FolderInUse("Another Inkdot process has the event store open; stop it or ask that one.") from error
        raise StoreDamaged(f"{path.name} cannot be read: {str(error).splitlines()[0][:200]}") from error
    except duckdb.ConnectionException as error:
        raise Failure("The event store is just being replaced; ask again in a moment.") from error
    except duckdb.Error as error:
        if "corrupt" in str(error).lower() or "checksum" in str(error).lower():
            raise StoreDamaged(f"{path.name} cannot be read: {str(error).splitlines()[0][:200]}") from error
        raise


class EventStore:
    """The events of one data folder."""

    def __init__(self, path: Path, memory_limit: str = "512MB", threads: int = 2) -> None:
        """Open and, if needed, migrate; raises StoreDamaged, NewerData or FolderInUse."""
        self._path = path
        self._ask = questions("events")
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit, "threads": str(threads), "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
            "temp_directory": str(path.parent / "run" / "spill"),
        }  # fmt: skip
        with damage_named(path):
            self._db = duckdb.connect(str(path), config=config)
            path.chmod(0o600)
            migrate(self._db, "events", path.name, self._copy_before_migration)
            for statement in self._ask["settle"].format(folder=_quoted(path.parent)).split(";"):
                self._db.execute(statement)
            self._raws: Interned[Raw] = Interned(self._db, "raws", Raw)
            self._verdicts: Interned[Verdict] = Interned(self._db, "verdicts", Verdict)
            self._urls: Interned[str] = Interned(self._db, "urls", str)
            self._checkpoint = {s: (segment, place) for s, segment, place in self._rows(self._ask["checkpoints"])}

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(duckdb.Error):
            self._db.close()

    # -- the pipeline's side

    def checkpoint(self) -> dict[int, Position]:
        """Up to where each stream's journal was understood."""
        return dict(self._checkpoint)

    def keep(self, events: Sequence[Event], dropped: Sequence[Dropped], checkpoint: Mapping[int, Position]) -> None:
        """Keep a batch and the journal's positions after it, all or nothing; a replayed batch changes nothing."""
        floors = {stream: ping_id(stream, *place) for stream, place in self._checkpoint.items()}
        events = [e for e in events if e.id >= floors.get(e.id >> 48, 0)]
        dropped = [d for d in dropped if d.ping >= floors.get(d.ping >> 48, 0)]
        with damage_named(self._path):
            self._db.execute("BEGIN")
            try:
                self._add(events, dropped)
                for stream, place in checkpoint.items():
                    self._db.execute(self._ask["forget_checkpoint"], [stream])
                    self._db.execute(self._ask["add_checkpoint"], [stream, *place])
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    self._db.execute("ROLLBACK")
                for interned in (self._raws, self._verdicts, self._urls):
                    interned.rolled_back()
                raise
        for interned in (self._raws, self._verdicts, self._urls):
            interned.committed()
        self._checkpoint |= checkpoint

    def _add(self, events: Sequence[Event], dropped: Sequence[Dropped]) -> None:
        if events:
            self._db.register("batch", self._table(events))
            self._db.execute(self._ask["add_events"])
        if dropped:
            columns = zip(*dropped, strict=True)
            kinds = (DataType.uint64(), DataType.int64(), DataType.utf8())
            named = zip(("ping", "time", "reason"), columns, kinds, strict=True)
            batch = Table.from_pydict({name: Array(list(values), kind) for name, values, kind in named})
            self._db.register("batch", batch)
            self._db.execute(self._ask["add_dropped"])

    def _table(self, events: Sequence[Event]) -> Table:
        (
            ids, times, kinds, workspaces, contacts, _, messages, links, parts, urls, verdicts, raws, because, repeats, rules,
        ) = zip(*events, strict=True)  # fmt: skip
        verdict_numbers = self._verdicts.numbers(verdicts)
        raw_numbers = self._raws.numbers(raws)
        shared_urls = {u: u for u in urls if u is not None}
        url_numbers = self._urls.numbers(shared_urls.values())
        by_verdict = {id(v): (_HUMAN_RANK[v.human], v.actor in MACHINES) for v in verdicts}
        judged = [by_verdict[id(v)] for v in verdicts]
        columns: dict[str, Sequence[object]] = {
            "id": ids, "time": times, "kind": kinds, "workspace": workspaces, "contact": contacts, "message": messages,
            "link": links, "part": parts,
            "url": [None if u is None else url_numbers[id(shared_urls[u])] for u in urls],
            "verdict": [verdict_numbers[id(v)] for v in verdicts], "raw": [raw_numbers[id(r)] for r in raws],
            "human": [h for h, _ in judged], "machine": [m for _, m in judged],
            "because": [msgspec.json.encode(b).decode() if b else None for b in because],
            "repeat_of": repeats, "rules": rules,
        }  # fmt: skip
        return Table.from_pydict({name: Array(list(values), _COLUMNS[name]) for name, values in columns.items()})

    def recent(self, since: int) -> Iterator[Event]:
        """Events since a time (microseconds since 1970), in the order of their ids."""
        yield from self._events(self._ask["since"], {"since": timestamp(since)})

    def last_time(self) -> int:
        """When the newest event happened, microseconds since 1970; 0 without events."""
        time = self._rows(self._ask["last_time"])[0][0]
        return microseconds(time) if time else 0

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those (workspace, contact, message) of which an open is known that no machine made."""
        if not pairs:
            return set()
        workspaces, contacts, messages = (list(column) for column in zip(*pairs, strict=True))
        batch = Table.from_pydict(
            {
                "workspace": Array(workspaces, DataType.uint64()),
                "contact": Array(contacts, DataType.uint64()),
                "message": Array(messages, DataType.uint64()),
            }
        )
        with damage_named(self._path):
            self._db.register("batch", batch)
            bounds = {"least": min(contacts), "most": max(contacts)}
            return set(self._db.execute(self._ask["opened"], bounds).fetchall())

    def close_months(self, before: int) -> int:
        """Sort finished months by person: all that lies before `before` (microseconds). Returns how many were closed."""
        closed = 0
        while True:
            with damage_named(self._path):
                first = self._rows(self._ask["month_to_close"], {"before": timestamp(before)})[0][0]
                if first is None:
                    return closed
                start = dt.datetime.combine(first, dt.time())
                month = {"start": start, "end": (start + dt.timedelta(days=32)).replace(day=1)}
                if month["end"] > timestamp(before):
                    return closed
                self._db.execute("BEGIN")
                self._db.execute(self._ask["close_month"], month)
                self._db.execute(self._ask["leave_month"], month)
                self._db.execute("COMMIT")
                self._db.execute(self._ask["flush"])
                closed += 1

    # -- questions

    def page(
        self, *, after: int = 0, contact: int | None = None, kind: Kind | None = None, since: int = 0, most: int = _PAGE
    ) -> list[Event]:
        """Up to `most` events with ids above `after`, in the order of their ids; `since` in microseconds."""
        what = {"after": after, "kind": kind, "since": timestamp(since), "most": most}
        if contact is None:
            return list(self._events(self._ask["page"], what))
        return list(self._events(self._ask["page_of_person"], what | {"contact": contact}))

    def newest(self, most: int, kind: Kind | None = None) -> list[Event]:
        """The last events, newest first."""
        return list(self._events(self._ask["newest"], {"most": most, "kind": kind}))

    def timeline(self, workspace: WorkspaceId, contact: ContactId) -> list[Event]:
        """One person's events, oldest first."""
        return list(self._events(self._ask["timeline"], {"workspace": workspace, "contact": contact}))

    def event(self, event: EventId) -> Event | None:
        """One event."""
        return next(self._events(self._ask["event"], {"id": event}), None)

    def repeats_of(self, event: EventId) -> int:
        """How many repeats were folded into an event."""
        return int(self._rows(self._ask["repeats_of"], {"id": event})[0][0])

    def dropped_counts(self) -> dict[str, int]:
        """How many pings became no event, by reason."""
        return dict(self._rows(self._ask["dropped_counts"]))

    def size(self) -> tuple[int, int]:
        """How many events there are, and when the newest happened (microseconds, 0 for never)."""
        count, newest = self._rows(self._ask["size"])[0]
        return count, microseconds(newest) if newest else 0

    def rows(self, noun: str, name: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """The answer to any named question."""
        return self._rows(questions(noun)[name], parameters)

    def _rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with damage_named(self._path):
            return self._db.cursor().execute(query, parameters or {}).fetchall()

    def _events(self, query: str, parameters: Mapping[str, object]) -> Iterator[Event]:
        with damage_named(self._path):
            cursor = self._db.cursor()
            cursor.execute(query, parameters)
            while rows := cursor.fetchmany(_PAGE):
                yield from self._decode(rows)

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
            )  # fmt: skip

    # -- care

    def backup_to(self, target: Path) -> None:
        """A consistent copy in a new file inside the data folder, made while events may come in."""
        with damage_named(self._path):
            cursor = self._db.cursor()
            cursor.execute(self._ask["attach_backup"].format(path=_quoted(target)))
            try:
                cursor.execute(self._ask["copy_all"].format(name=self._path.stem))
            finally:
                cursor.execute(self._ask["detach_backup"])

    def take_older_from(self, base: Path, before: Mapping[int, Position]) -> None:
        """Take over the events of an older store whose pings the journal no longer has; this store must be empty.

        `before`: the oldest position the journal still holds, per stream; streams it lacks are taken whole.
        """
        with damage_named(base):
            self._db.execute(self._ask["attach_base"].format(path=_quoted(base)))
            try:
                for table in ("raws", "verdicts", "urls"):
                    self._db.execute(self._ask[f"take_{table}"])
                for (stream,) in self._db.execute(self._ask["streams_of_base"]).fetchall():
                    end = ping_id(stream, *before[stream]) if stream in before else (stream + 1) << 48
                    for question in ("take_events", "take_dropped"):
                        self._db.execute(self._ask[question], {"stream": stream, "before": end})
            finally:
                self._db.execute(self._ask["detach_base"])
        self._raws = Interned(self._db, "raws", Raw)
        self._verdicts = Interned(self._db, "verdicts", Verdict)
        self._urls = Interned(self._db, "urls", str)

    def flush(self) -> None:
        """Bring the write-ahead log into the file."""
        with damage_named(self._path):
            self._db.execute(self._ask["flush"])

    def _copy_before_migration(self) -> None:
        target = self._path.with_suffix(".before-migration.duckdb")
        target.unlink(missing_ok=True)
        self.backup_to(target)


def _quoted(path: Path) -> str:
    return str(path.resolve()).replace("'", "''")
