"""The store at many events: bytes per event, and how long the built-in questions take, idle and while events come in."""

from __future__ import annotations

import datetime as dt
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from inkdot.domain.evidence import Raw, Verdict
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.show.questions import Questions
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.understand.address import Network
from inkdot.understand.client import Judge, raw_of
from inkdot.understand.rules import shipped

CHUNK = 1_000_000
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
_parts = _NAME.split((Path(__file__).parent / "questions.sql").read_text())[1:]
ASK = dict(zip(_parts[::2], _parts[1::2], strict=True))


def build(folder: Path, count: int) -> EventStore:
    """A store with `count` events, closed months sorted."""
    store = EventStore(folder / "events.duckdb")
    judge = Judge(shipped())
    agents = (f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(300))
    raws = [raw_of("GET", f"User-Agent: {agent}\r\n".encode(), Network()) for agent in agents]
    clients: list[tuple[Raw, Verdict]] = [(raw, judge.verdict("open", raw)) for raw in raws]
    db = store._db  # noqa: SLF001 - the bench fills tables faster than any pipeline could
    db.execute("BEGIN")
    store._raws.numbers([r for r, _ in clients])  # noqa: SLF001
    store._verdicts.numbers([v for _, v in clients])  # noqa: SLF001
    store._urls.numbers([f"https://www.example.com/{n}" for n in range(300)])  # noqa: SLF001
    db.execute("COMMIT")
    step = int(183 * 86_400_000 / count)
    for start in range(0, count, CHUNK):
        end = min(count, start + CHUNK)
        db.execute(
            ASK["fill"].format(table="recent", start=start, end=end, step=step, per_message=max(1, count // 20_000))
        )
    store.close_months(int(NOW.timestamp() * 1e6))
    db.execute(ASK["flush"])
    return store


def timed(question: Callable[[], object], times: int = 9) -> float:
    """Median milliseconds, warm."""
    question()
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        question()
        spent.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(spent)


def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-") as name:
        folder = Path(name)
        (folder / "run").mkdir()
        store = build(folder, count)
        size = sum(p.stat().st_size for p in folder.glob("events.duckdb*"))
        contact = ContactId(store._db.execute(ASK["some_contact"]).fetchall()[0][0])  # noqa: SLF001
        control = Control(folder / "control.db")
        questions = Questions(control, store, lambda: int(NOW.timestamp() * 1e6))
        event = store.newest(1)[0]
        found = {
            "events": count,
            "bytes_per_event": size / count,
            "timeline_ms": timed(lambda: store.timeline(WorkspaceId(1), contact)),
            "person_page_ms": timed(lambda: store.page(contact=contact, most=50)),
            "report_mail_30d_ms": timed(lambda: list(questions.report_mail({}))),
            "newest_50_ms": timed(lambda: store.newest(50)),
            "newest_50_clicks_ms": timed(lambda: store.newest(50, event.kind)),
            "event_ms": timed(lambda: store.event(event.id)),
            "explain_ms": timed(lambda: store.repeats_of(event.id)),
            "size_ms": timed(store.size),
            "dropped_ms": timed(store.dropped_counts),
            "opened_ms": timed(lambda: store.opened({(1, int(contact), 5)})),
            "recent_ms": timed(lambda: list(store.recent(store.last_time() - 180_000_000))),
        }
        found |= while_writing(store, count)
        store.close()
        control.close()
        return found


def while_writing(store: EventStore, count: int) -> dict[str, float]:
    """The last 50 events while 20,000 a second come in."""
    events = [e._replace(repeat_of=None) for e in store.newest(2_000)]
    stop = threading.Event()
    kept = 0

    def write() -> None:
        nonlocal kept
        segment = count // 60_000 + 10
        while not stop.is_set():
            begun = time.perf_counter()
            batch = [e._replace(id=(segment << 24) + (n << 5)) for n, e in enumerate(events)]
            store.keep(batch, [], {0: (segment, 1 << 20)})
            segment += 1
            kept += len(batch)
            stop.wait(max(0.0, len(batch) / 20_000 - (time.perf_counter() - begun)))

    writer = threading.Thread(target=write)
    writer.start()
    begun, spent = time.perf_counter(), []
    while time.perf_counter() - begun < 8:
        start = time.perf_counter()
        store.newest(50)
        spent.append((time.perf_counter() - start) * 1_000)
        time.sleep(0.01)
    stop.set()
    writer.join()
    spent.sort()
    return {
        "while_writing_per_second": kept / (time.perf_counter() - begun),
        "while_writing_newest_50_p50_ms": spent[len(spent) // 2],
        "while_writing_newest_50_p99_ms": spent[int(len(spent) * 0.99)],
    }


if __name__ == "__main__":
    for name, value in measure(int(float(sys.argv[1])) if len(sys.argv) > 1 else 20_000_000).items():
        print(f"{name:32} {value:12,.2f}")
