"""Every question of the store, and keeping, closing, copying, verifying, at many events: `store_questions.py [EVENTS]`."""

from __future__ import annotations

import datetime as dt
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import KNOWN, MACHINES, Actor, Evidence, Field, Fields, Human, Raw, Status, Verdict
from inkdot.domain.ids import ContactId, EventId, LinkId, MessageId, WorkspaceId
from inkdot.domain.ping import ping_id
from inkdot.store import reports
from inkdot.store.events import EventStore, microseconds
from inkdot.store.verify import findings

HERE = WorkspaceId(1)
START = dt.datetime(2026, 5, 24, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
PEOPLE, MAILS, CLIENTS, CHUNK = 500_000, 20_000, 300, 1_000_000
PER_SEGMENT = 100_000
RANK = {Human.YES: 3, Human.LIKELY: 2, Human.UNKNOWN: 1, Human.NO: 0}

# Mails go out over the half year; most is heard of a mail within hours, the rest within weeks. A sixth are repeats.
FILL = """
INSERT INTO recent
WITH drawn AS (
    SELECT i, hash(i) AS h, hash(i + 7) AS c, hash(i + 13) AS d FROM range({start}, {end}) t(i)
)
SELECT ((1 + i // {segment})::UBIGINT << 24) + (i % {segment}) * 164,
    TIMESTAMP '2026-05-24' + to_microseconds((i * {step} + h % 900000)::BIGINT),
    CASE WHEN d % 8 = 0 THEN 'click' ELSE 'open' END, 1, hash(c % {people}) >> 1,
    hash(greatest(0, i * {mails} // {count} - (CASE WHEN d % 5 = 0 THEN d >> 8 & 2047 ELSE d >> 8 & 15 END)::BIGINT)) >> 1,
    CASE WHEN d % 8 = 0 THEN hash(i * {mails} // {count} * 5 + c % 5) >> 1 END, 1 + c % 2,
    CASE WHEN d % 8 = 0 THEN (i * {mails} // {count} // 10 * 5 + c % 5)::UINTEGER END,
    client, client, rank[client + 1], machine[client + 1], CASE WHEN h % 50 = 0 THEN '[["B1","many at once"]]' END,
    CASE WHEN h % 6 = 0 AND i > 40 THEN ((1 + (i - 40) // {segment})::UBIGINT << 24) + ((i - 40) % {segment}) * 164 END, '2026.11'
FROM (SELECT *, (least(c % {clients}, c >> 16 & 511))::UINTEGER AS client FROM drawn), (SELECT {rank} AS rank, {machine} AS machine)
"""


def clients() -> list[tuple[Raw, Verdict]]:
    """Three hundred programs that ask, some much more often than others."""
    kinds = [
        (Actor.HUMAN, Human.YES),
        (Actor.IMAGE_PROXY, Human.LIKELY),
        (Actor.PRIVACY_PROXY, Human.UNKNOWN),
        (Actor.SCANNER, Human.NO),
    ]
    found = []
    for number in range(CLIENTS):
        name = Field(f"Program {number % 40}", Status.KNOWN)
        raw = Raw(
            f"Mozilla/5.0 (X11; rv:{number}) Gecko/20100101",
            "GET",
            (("accept", "image/*"), ("via", str(number))),
            number,
            (),
        )
        verdict = Verdict(
            *kinds[number % 4], Fields(KNOWN, KNOWN, name, name, name, name), (Evidence("H1", str(number)),)
        )
        found.append((raw, verdict))
    return found


def fill(store: EventStore, count: int) -> None:
    everybody = clients()
    with store._transaction():  # noqa: SLF001 - the bench fills tables faster than any pipeline could
        store._raws.numbers([r for r, _ in everybody])  # noqa: SLF001
        store._verdicts.numbers([v for _, v in everybody])  # noqa: SLF001
        store._urls.numbers([f"https://www.example.com/a/page/{n}" for n in range(MAILS // 10 * 5 + 5)])  # noqa: SLF001
    step = int((NOW - START).total_seconds() * 1e6 / count)
    facts = {
        "segment": PER_SEGMENT, "step": step, "people": PEOPLE, "mails": MAILS, "count": count, "clients": CLIENTS,
        "rank": [RANK[v.human] for _, v in everybody], "machine": [v.actor in MACHINES for _, v in everybody],
    }  # fmt: skip
    for start in range(0, count, CHUNK):
        store._db.execute(FILL.format(start=start, end=min(count, start + CHUNK), **facts))  # noqa: SLF001
    end = (1 + (count - 1) // PER_SEGMENT, ((count - 1) % PER_SEGMENT * 41 + 1) * 8)
    store.keep([], [], {0: end})
    store.flush()


def once(name: str, work: Callable[[], object]) -> object:
    begun = time.perf_counter()
    answer = work()
    print(f"{name:40} {time.perf_counter() - begun:10.2f} s", flush=True)
    return answer


def asked(name: str, question: Callable[[], object], times: int = 9) -> None:
    """Warm: median and slowest."""
    question()
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        question()
        spent.append((time.perf_counter() - begun) * 1_000)
    print(f"{name:40} {statistics.median(spent):10.1f} ms   slowest {max(spent):8.1f}", flush=True)


def questions(store: EventStore, count: int) -> None:
    month = int((NOW - dt.timedelta(days=30)).timestamp() * 1e6)
    some = [
        store.event(EventId(ping_id(0, 1 + i // PER_SEGMENT, i % PER_SEGMENT * 41 * 8)))
        for i in (9, count // 2, count - 9)
    ]
    old, middle, late = (e for e in some if e is not None)
    people = store._db.execute("SELECT 1, contact, message FROM recent LIMIT 3000").fetchall()  # noqa: SLF001
    active = reports.active_messages(store, month, 50, HERE)
    asked("timeline of one contact", lambda: store.timeline(HERE, middle.contact))
    asked("page of one contact", lambda: store.page(contact=middle.contact, most=50))
    asked("last 50", lambda: store.newest(50))
    asked("last 50 clicks", lambda: store.newest(50, Kind.CLICK))
    last, store._closed_until = store._closed_until, store._rows(store._ask["last_time"])[0][0]  # noqa: SLF001
    asked("last 50, early in a month", lambda: store.newest(50))
    store._closed_until = last  # noqa: SLF001
    asked("first page of 50", lambda: store.page(most=50))
    asked("page of 50 from the middle", lambda: store.page(after=middle.id, most=50))
    asked("page of 5000 from the middle", lambda: store.page(after=middle.id, most=5_000))
    asked("page of 50 clicks of 30 days", lambda: store.page(kind=Kind.CLICK, since=month, most=50))
    asked("one event, first", lambda: store.event(old.id))
    asked("one event, middle", lambda: store.event(middle.id))
    asked("one event, late", lambda: store.event(late.id))
    asked("repeats of one event", lambda: store.repeats_of(middle.id))
    asked("opened: 1 person", lambda: store.opened(people[:1]))
    asked("opened: 3000 people", lambda: store.opened(people))
    asked("recent: 3 minutes", lambda: list(store.recent(store.last_time() - 180_000_000)))
    asked("last time", store.last_time)
    asked("size", store.size)
    asked("dropped", store.dropped_counts)
    asked("active messages, 30 days", lambda: reports.active_messages(store, month, 50, HERE))
    asked("mail report of 50 messages, 30 days", lambda: reports.mail(store, active, month, HERE))
    asked("mail report of 50 messages, all time", lambda: reports.mail(store, active, 0, HERE))
    asked("by day, 30 days", lambda: reports.by_day(store, month, HERE))
    asked("by day, all time", lambda: reports.by_day(store, 0, HERE))
    asked("by actor, 30 days", lambda: reports.by_actor(store, month, HERE))
    asked("by actor, all time", lambda: reports.by_actor(store, 0, HERE))


def batch(segment: int, size: int, everybody: list[tuple[Raw, Verdict]]) -> list[Event]:
    now = microseconds(NOW.replace(tzinfo=None)) + segment * 1_000
    return [
        Event(
            EventId(ping_id(0, segment, n * 328)), now + n, Kind.OPEN if n % 8 else Kind.CLICK, HERE, ContactId(hash((segment, n)) >> 2 & 0x7FFFF),
            None, MessageId(n % 50), None if n % 8 else LinkId(n % 99), 1, None if n % 8 else f"https://www.example.com/{n % 200}",
            everybody[n % CLIENTS][1], everybody[n % CLIENTS][0], (), EventId(ping_id(0, segment, 0)) if n % 6 == 5 else None, "2026.11",
        )
        for n in range(size)
    ]  # fmt: skip


def keeping(store: EventStore, segment: int) -> int:
    everybody = clients()
    for size, rounds in ((10_000, 12), (50_000, 4)):
        spent = []
        for _ in range(rounds):
            segment += 1
            events = batch(segment, size, everybody)
            begun = time.perf_counter()
            store.keep(events, [], {0: (segment, size * 328)})
            spent.append((time.perf_counter() - begun) / size * 1e6)
        print(
            f"keep, batches of {size:<23} {statistics.median(spent):10.2f} us an event, slowest batch {max(spent):.2f}",
            flush=True,
        )
    return segment


def while_keeping(store: EventStore, segment: int, size: int) -> None:
    """The last 50 while 20,000 a second come in."""
    everybody, stop, kept, spent = clients(), threading.Event(), [0], []
    prepared = [batch(segment + 1 + n, size, everybody) for n in range(8 * 20_000 // size)]

    def write() -> None:
        begun = time.perf_counter()
        for n, events in enumerate(prepared):
            store.keep(events, [], {0: (segment + 1 + n, size * 328)})
            kept[0] += size
            stop.wait(max(0.0, (n + 1) * size / 20_000 - (time.perf_counter() - begun)))
        stop.set()

    writer = threading.Thread(target=write)
    begun = time.perf_counter()
    writer.start()
    while not stop.is_set():
        start = time.perf_counter()
        store.newest(50)
        spent.append((time.perf_counter() - start) * 1_000)
        time.sleep(0.01)
    writer.join()
    rate = kept[0] / (time.perf_counter() - begun)
    spent.sort()
    print(
        f"last 50 at {rate:,.0f}/s in {size}s: p50 {spent[len(spent) // 2]:.1f} p99 {spent[int(len(spent) * 0.99)]:.1f} max {spent[-1]:.1f} ms"
    )


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-") as name:
        path = Path(name) / "events.duckdb"
        store = EventStore(path)
        once("fill", lambda: fill(store, count))
        once("close 6 months", lambda: store.close_months(microseconds(NOW.replace(tzinfo=None))))
        store.close()
        print(f"{'bytes per event':40} {path.stat().st_size / count:10.1f}", flush=True)
        store = EventStore(path)
        questions(store, count)
        segment = keeping(store, 2 + count // PER_SEGMENT)
        for size in (200, 1_000, 5_000):
            while_keeping(store, segment, size)
            segment += 8 * 20_000 // size
        store.flush()
        print("findings:", once("verify", lambda: findings(store)))
        once("copy in use", lambda: store.backup_to(Path(name) / "run" / "copy.duckdb"))
        print(f"{'bytes of the copy':40} {(Path(name) / 'run' / 'copy.duckdb').stat().st_size / store.size()[0]:10.1f}")
        once("all of the last 7 days", lambda: sum(1 for _ in store.all(since=store.last_time() - 7 * 86_400_000_000)))
        store.close()
        fresh = EventStore(Path(name) / "run" / "fresh.duckdb")
        once("take older", lambda: fresh.take_older_from(Path(name) / "run" / "copy.duckdb", {0: (segment - 9, 0)}))
        fresh.flush()
        asked("timeline after that", lambda: fresh.timeline(HERE, fresh.newest(1)[0].contact))
        fresh.close()
        store = once("open", lambda: EventStore(path))  # type: ignore[assignment]
        store.close()
        print(f"{'most memory':40} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:10.0f} MB")


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 20_000_000)
