"""Beats: counted once, cut to what is possible, on disk before they are acknowledged, kept only where they may be."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import EVE, Server, eventually, inkdot, inkdot_json
from tests.room.made import Browser, pdf, report, share


def page_of(told: dict[str, Any], number: int) -> tuple[int, float]:
    """Visits and seconds of a page."""
    page = told["pages"][number - 1]
    return page["visits"], page["seconds"]


@pytest.fixture
def shared(server: Server, tmp_path: Path) -> dict[str, str]:
    """A document that nobody has read."""
    return share(server, pdf(tmp_path / "doc.pdf", 5, tmp_path.name))


def test_a_link_that_is_only_fetched_tells_nothing(server: Server, shared: dict[str, str]) -> None:
    preview = Browser(shared["url"], User_Agent="Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)")
    person = Browser(shared["url"])
    preview.open()
    person.open()
    person.ask("pages/1")
    assert report(server, shared["document"])["visits"] == []


def test_counters_are_counted_once(server: Server, shared: dict[str, str]) -> None:
    browser = Browser(shared["url"])
    browser.open()
    browser.stay(4)
    assert browser.beat([1, 1.5, 1, [0]])[0] == 204
    assert browser.beat([1, 1.5, 1, [0]])[0] == 204  # the same again
    assert browser.beat([1, 1.8, 1, [0]], [3, 1.5, 1, [1.8]])[0] == 204
    assert browser.beat([1, 1.0, 1, [0]])[0] == 204  # overtaken on its way
    told = report(server, shared["document"], seconds=3.3)
    assert (page_of(told, 1), page_of(told, 3)) == ((1, 1.8), (1, 1.5))
    assert told["visits"][0]["order"] == [1, 3]
    assert told["visits"][0]["completion"] == 0.4
    kinds = [e["kind"] for e in inkdot_events(server, told["document"])]
    assert kinds == ["view", "read", "read", "read"]


def inkdot_events(server: Server, document: str) -> list[dict[str, Any]]:
    """The events of a document."""
    events = [*map(json.loads, inkdot("events", "--data", server.data, "--json").stdout.splitlines())]
    return [e for e in events if e["document"] == document]


def test_forged_totals_are_cut_to_the_servers_clock(server: Server, shared: dict[str, str]) -> None:
    browser = Browser(shared["url"])
    begun = time.monotonic()
    browser.open()
    browser.stay(1)
    assert browser.beat([2, 40_000, 9_000, [0]], [3, 500, 1, [0]])[0] == 204
    lasted = time.monotonic() - begun
    told = report(server, shared["document"], seconds=1.5)
    assert sum(p["seconds"] for p in told["pages"]) < lasted + 4
    assert sum(p["visits"] for p in told["pages"]) < lasted + 4
    cut = [e for event in inkdot_events(server, told["document"]) for e in event["evidence"] if "cut from" in e["fact"]]
    assert cut


@pytest.mark.parametrize(
    "rows",
    [
        [[6, 1, 1, [0]]],
        [[0, 1, 1, [0]], [-1, 1, 1, [0]], [1.5, 1, 1, [0]]],
        [[1, -1, 1, [0]], [1, 1e9, 1, [0]], [1, 1, -1, [0]], [1, 1, 1, 0], ["1", 1, 1, [0]], [1, 1, 1], None],
    ],
)
def test_impossible_rows_are_left_out(server: Server, shared: dict[str, str], rows: list[Any]) -> None:
    browser = Browser(shared["url"])
    browser.open()
    assert browser.beat(*rows)[0] == 204
    assert report(server, shared["document"])["visits"] == []


def test_what_is_no_beat_is_refused(server: Server, shared: dict[str, str], offer: Path) -> None:
    browser = Browser(shared["url"])
    browser.open()
    for body in (b"", b"{", b"[]", b'{"session":1,"pages":[]}', b'{"session":"x"}', b"\xff\xfe", b"[" * 5_000):
        assert browser.ask("beat", "POST", body)[0] == 400
    assert browser.ask("beat", "POST", b" " * 20_000)[0] == 413
    assert browser.beat([1, 1, 1, [0]], session="forged")[0] == 403
    other = Browser(share(server, offer)["url"])
    other.open()
    assert browser.beat([1, 1, 1, [0]], session=other.session)[0] == 403


def test_a_page_that_beats_too_fast_is_slowed(shared: dict[str, str]) -> None:
    browser = Browser(shared["url"])
    browser.open()
    browser.stay(1)
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda number: browser.beat([1, number / 100, 1, [0]])[0], range(80)))
    assert set(answers) == {204, 429}
    assert answers.count(204) >= 10


def test_who_declines_reads_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "quiet.pdf", 2, "quiet"), to="greta@example.com")
    browser = Browser(made["url"])
    browser.open()
    assert browser.send("wish", measure="no") == 303
    assert "Nothing of this reading is measured" in browser.open()
    assert browser.ask("pages/1")[0] == 200
    browser.stay(1)
    assert browser.beat([1, 1, 1, [0]]) == (200, b'{"stop": true}')
    elsewhere = Browser(made["url"])
    assert "Nothing of this reading is measured" in elsewhere.open()  # on every device
    assert report(server, made["document"])["visits"] == []
    assert "Asked not to be measured" in inkdot("doc", "report", made["document"], "--data", server.data).stdout


@pytest.mark.parametrize("signal_header", ["Sec_GPC", "DNT"])
def test_a_privacy_signal_leaves_no_person(
    server: Server, tmp_path: Path, shared: dict[str, str], signal_header: str
) -> None:
    share(server, tmp_path / "doc.pdf", to=EVE)
    browser = Browser(shared["url"], **{signal_header: "1"})
    assert "counted without your name" in browser.open()
    browser.stay(1.2)
    assert browser.beat([1, 1, 1, [0]])[0] == 204
    told = report(server, shared["document"])
    assert told["visits"] == []
    assert all(e["person"] is None and e["raw"]["agent"] is None for e in inkdot_events(server, told["document"]))


def test_an_acknowledged_beat_outlives_every_process(own_server: Server, tmp_path: Path) -> None:
    made = share(own_server, pdf(tmp_path / "hard.pdf", 3, "hard"))
    browser = Browser(made["url"])
    browser.open()
    browser.stay(2)
    assert browser.beat([1, 1.25, 1, [0]])[0] == 204
    for name in ("room", "office"):
        os.kill(own_server.children()[name], signal.SIGKILL)
    eventually(lambda: browser.ask("pages/1")[0] == 200)
    assert browser.beat([1, 1.25, 1, [0]], [2, 0.5, 0, []])[0] == 204  # the room remembers nothing and need not
    told = report(own_server, made["document"], seconds=1.75)
    assert (page_of(told, 1), page_of(told, 2)) == ((1, 1.25), (0, 0.5))
    inkdot("rebuild", "--data", own_server.data)
    assert report(own_server, made["document"]) == told
    assert inkdot_json("verify", "--data", own_server.data)["ok"]


def test_a_restarted_office_goes_on_counting_where_it_was(own_server: Server, tmp_path: Path) -> None:
    made = share(own_server, pdf(tmp_path / "on.pdf", 3, "on"))
    browser = Browser(made["url"])
    browser.open()
    browser.stay(1)
    assert browser.beat([2, 0.9, 0, []])[0] == 204
    assert page_of(report(own_server, made["document"], seconds=0.9), 2)[1] == 0.9
    own_server.stop()
    own_server.start()
    browser.url = own_server.public + urlsplit(browser.url).path
    assert browser.beat([2, 0.9, 0, []])[0] == 204
    assert browser.beat([2, 1.4, 1, [0.2]])[0] == 204
    told = report(own_server, made["document"], seconds=1.4)
    assert page_of(told, 2) == (1, 1.4)
    assert len(told["visits"]) == 1


def test_a_browser_without_a_window_counts_once_its_pages_are_turned(server: Server, shared: dict[str, str]) -> None:
    headless = Browser(
        shared["url"], User_Agent="Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0 Safari/537.36"
    )
    headless.open()
    headless.stay(2)
    assert headless.beat([1, 0.9, 0, []])[0] == 204
    told = report(server, shared["document"], seconds=0.9)
    assert [(v["actor"], v["counted"]) for v in told["visits"]] == [("bot", False)]
    assert headless.beat([1, 0.9, 0, []], [2, 0.8, 0, []], moved=True)[0] == 204
    told = report(server, shared["document"], seconds=1.7)
    assert [(v["actor"], v["human"], v["counted"]) for v in told["visits"]] == [("unknown", "unknown", True)]
    assert [p["seconds"] for p in told["pages"][:2]] == [0.9, 0.8]
