"""A document is completed when its reader has had every page before him: once, whatever came in between."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from inkdot.domain.event import Dropped, Event, Kind
from inkdot.domain.ids import VisitId
from inkdot.domain.ping import Ping, ping_id
from inkdot.domain.reading import BEAT_TARGET, COMPLETED, Scribble
from inkdot.room.beats import Counter, Desk, runs
from inkdot.understand.reading import Readings
from tests.conftest import BEN, Server, eventually, inkdot_json
from tests.room.made import Browser, pdf, report, share
from tests.room.test_laws import STARTED, TOKEN
from tests.store.made import PERSON, RAWS


def completions(server: Server, document: str, person: str = BEN) -> list[dict[str, Any]]:
    events = inkdot_json("timeline", person, "--data", server.data)["events"]
    return [e for e in events if e["kind"] == "goal" and e["document"] == document]


def test_a_reader_who_saw_every_page_completed_the_document_once(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "whole.pdf", 2, "whole"))
    browser = Browser(made["url"])
    browser.open()
    browser.stay(3.1)
    assert browser.beat([1, 1.5, 1, [0]])[0] == 204
    report(server, made["document"], seconds=1.5)
    assert completions(server, made["document"]) == []
    assert browser.beat([1, 1.5, 1, [0]], [2, 1.5, 1, [1.5]])[0] == 204
    browser.stay(1)
    assert browser.beat([1, 1.5, 1, [0]], [2, 2.5, 1, [1.5]])[0] == 204
    report(server, made["document"], seconds=4)
    (completed,) = eventually(lambda: completions(server, made["document"]))
    assert completed["person"] == BEN
    assert completed["evidence"][-1]["rule"] in ("D6", "D2", "D3")


def test_pages_of_two_visits_complete_a_document_together(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "parts.pdf", 3, "parts"))
    for page, already in ((1, 0), (3, 2), (2, 4)):
        browser = Browser(made["url"])
        browser.open()
        browser.stay(2.1)
        assert completions(server, made["document"]) == []
        assert browser.beat([page, 2.0, 1, [0]])[0] == 204
        report(server, made["document"], seconds=already + 2)
    assert len(eventually(lambda: completions(server, made["document"]))) == 1


def test_a_room_that_forgot_tells_nothing_twice(own_server: Server, tmp_path: Path) -> None:
    made = share(own_server, pdf(tmp_path / "again.pdf", 2, "again"))
    for turn in (1, 2, 3):
        browser = Browser(made["url"])
        eventually(lambda: Browser(made["url"]).ask()[0] == 200)
        browser.open()
        browser.stay(2.1)
        assert browser.beat([1, 1.0, 1, [0]], [2, 1.0, 1, [1.0]])[0] == 204
        report(own_server, made["document"], seconds=2 * turn)
        assert len(eventually(lambda: completions(own_server, made["document"]))) == 1
        if turn == 1:
            room = own_server.children()["room"]
            os.kill(room, signal.SIGKILL)
            eventually(lambda: own_server.children().get("room", room) != room)  # noqa: B023
        else:
            own_server.stop()
            own_server.start()
            made["url"] = own_server.public + urlsplit(made["url"]).path


def test_forged_counters_complete_nothing(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "long.pdf", 40, "long"))
    browser = Browser(made["url"])
    browser.open()
    browser.stay(1.1)
    assert browser.beat(*([page, 600.0, 9, [0]] for page in range(1, 41)))[0] == 204
    report(server, made["document"], seconds=1)
    assert completions(server, made["document"]) == []


@given(st.lists(st.lists(st.integers(1, 9), max_size=9), max_size=6))
def test_what_the_room_calls_completed_understanding_does_too(visits: list[list[int]]) -> None:
    desk, readings, seen, told, place = Desk(), Readings(0, lambda _: ()), set[int](), 0, 0
    for number, pages in enumerate(visits, 1):
        time, kept = (
            STARTED + 100_000_000 * number,
            Scribble("read", 5, number, STARTED + 100_000_000 * number, 1, False, None),
        )
        for when, page in enumerate(dict.fromkeys(pages), 1):
            counter = Counter(page, 1.0, 1, ())
            earlier = desk.completed("ben", VisitId(number), [counter], 9, 0)
            wanted = [kept._replace(page=page, seconds=1.0, visits=1)]
            wanted += [] if earlier is None else [kept._replace(do=COMPLETED, of=9, earlier=runs(earlier))]
            desk.written("ben", VisitId(number), [counter], 0)
            seen.add(page)
            for scribble in wanted:
                place += 1
                ping = Ping(
                    ping_id(0xF001, 1, place * 8), time + when * 1_000_000, "POST", b"", b"", b"", BEAT_TARGET, scribble.to_json()
                )  # fmt: skip
                event = readings.understand(ping, TOKEN, RAWS[1], PERSON, "2026.11")
                told += isinstance(event, Event) and event.kind is Kind.GOAL
                assert scribble.do != COMPLETED or not isinstance(event, Dropped)
    assert told == (len(seen) == 9)
