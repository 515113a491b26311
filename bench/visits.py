"""Reports about websites over many events: `bench/visits.py 20000000`."""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from inkdot.domain.ids import SiteId, WorkspaceId
from inkdot.show.websites import WebsiteQuestions
from inkdot.store.contract import iso
from inkdot.store.events import EventStore
from inkdot.store.query import _NAME, _body
from inkdot.store.sites import Site, Sites
from inkdot.store.visits import roll_up
from inkdot.understand.address import Network, Networks
from inkdot.understand.client import Judge, raw_of
from inkdot.understand.company import company
from inkdot.understand.rules import shipped

DAY = 86_400_000_000
START = 1_760_000_000_000_000
STEP_VISITS = 500_000


def questions() -> dict[str, str]:
    parts = _NAME.split((Path(__file__).parent / "visits.sql").read_text())[1:]
    return {name: _body(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def fill(store: EventStore, events: int, table: str = "closed", start: int = START) -> None:
    """So many events of a website in the thirty days from `start` on (microseconds)."""
    ask, visits = questions(), events * 4 // 19
    step = 30 * DAY // visits
    agent = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    verdict = Judge(shipped()).verdict("visit", raw_of("GET", agent, Network()))
    with store.writing() as session:
        session.execute(ask["urls"])
        session.execute(ask["verdicts"], {"content": msgspec.json.encode(verdict).decode()})
        session.execute(ask["raw"])
    for begin in range(0, visits, STEP_VISITS):
        what = {
            "from": begin,
            "to": min(visits, begin + STEP_VISITS),
            "start": start,
            "step": step,
            "visitors": visits * 2 // 3,
        }
        with store.writing() as session:
            session.execute(ask["events"].format(table=table), what)


def timed(name: str, act: Callable[[], object], rounds: int = 5) -> None:
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        spent.append((time.perf_counter() - begun) * 1_000)
    print(f"{name:44} first {spent[0]:7.0f} ms   warm {statistics.median(spent[1:]):7.0f} ms", flush=True)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    root = Path(tempfile.mkdtemp(prefix="inkdot-bench-"))
    try:
        begun = time.perf_counter()
        store = EventStore(root / "events.duckdb", "1GB")
        fill(store, events)
        store.close()
        store = EventStore(root / "events.duckdb", "512MB")
        print(f"{store.size()[0]:,} events made in {time.perf_counter() - begun:.0f} s", flush=True)
        begun = time.perf_counter()
        roll_up(store, anew_since=0)
        print(
            f"added up in {time.perf_counter() - begun:.1f} s, {(root / 'events.duckdb').stat().st_size / 1e6:,.0f} MB",
            flush=True,
        )
        sites = Sites(root / "control.db")
        sites.keep_site(Site(SiteId(9), "example.com", 1, "key"), WorkspaceId(1))
        ask = WebsiteQuestions(sites, store, lambda: START + 30 * DAY, partial(company, Networks()))
        shown = next(ask.report_site({"since": "all"}))["sites"][0]
        print(json.dumps({k: shown[k] for k in ("visitors", "visits", "views", "bounces")}))
        timed("report site, 30 days", lambda: next(ask.report_site({"since": "all"})))
        timed(
            "report site, one day",
            lambda: next(ask.report_site({"since": iso(START + 20 * DAY), "until": iso(START + 20 * DAY)})),
        )
        timed("report site, the last day", lambda: next(ask.report_site({"since": "1d"})))
        timed("report searches, 30 days", lambda: next(ask.report_searches({"since": "all"})))
        timed("report leads, 30 days", lambda: next(ask.report_leads({"since": "all"})))
        timed(
            "a funnel of three steps, 30 days",
            lambda: next(ask.report_site({"since": "all", "funnel": "/page/1* > /page/* > goal:signup"})),
            3,
        )
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB at the most")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
