"""Real reading in a real browser: seconds within half a second of the truth, and nothing counted that was not read."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import Chromium, Tab
from tests.conftest import Server, eventually
from tests.room.made import pdf, report, share

IDLE = 5
SLACK = 1.5
"""Seconds by which a busy machine may be off; on a quiet one it is within 0.05."""
BEAT = 5


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for which a page is idle after five seconds."""
    data = tmp_path_factory.mktemp("room") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(f"reader_idle_seconds = {IDLE}\n")
    running = Server(data)
    yield running
    running.stop()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    """A browser that has never been anywhere."""
    with Chromium(tmp_path / "profile") as browser:
        yield browser


def turn_to(tab: Tab, page: int) -> None:
    """Scroll so that one page alone is in sight."""
    tab.run(
        f"scrollTo(0, document.getElementById('page-{page}').offsetTop - document.querySelector('.bar').offsetHeight)"
    )
    tab.move()


def test_seconds_visits_and_order_are_true(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "offer.pdf", 20))
    tab = chromium.tab(made["url"])
    truth: dict[int, float] = defaultdict(float)
    first = "performance.getEntriesByType('resource').find(e => e.name.includes('/pages/1?')).responseEnd"
    truth[1] = tab.run(f"performance.now() - {first}") / 1000
    for page, seconds in ((1, 1.6), (2, 2.2), (5, 1.6), (2, 1.4), (17, 1.4), (5, 1.2), (17, 1.4), (9, 0.2)):
        begun = time.monotonic()
        turn_to(tab, page)
        time.sleep(seconds)
        truth[page] += time.monotonic() - begun
    behind = chromium.tab("about:blank")  # hides the document, which then tells what it has
    time.sleep(3)
    tab.front()
    tab.move()
    begun = time.monotonic()
    time.sleep(1.5)
    truth[9] += time.monotonic() - begun
    tab.go("about:blank")
    told = report(room, made["document"], seconds=sum(truth.values()) - 1.5)
    seen = {p["page"]: p["seconds"] for p in told["pages"] if p["seconds"] > 0.5}
    assert seen.keys() == truth.keys()
    assert all(abs(seen[page] - truth[page]) <= SLACK for page in truth), (seen, truth)
    assert {p["page"]: p["visits"] for p in told["pages"] if p["visits"]} == {1: 1, 2: 2, 5: 2, 17: 2, 9: 1}
    assert told["visits"][0]["order"] == [1, 2, 5, 2, 17, 5, 17, 9]
    assert len(told["visits"]) == 1
    behind.close()


def test_an_idle_window_and_a_second_one_do_not_count(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "idle.pdf", 3, "idle"))
    first = chromium.tab(made["url"])
    turn_to(first, 1)
    begun = time.monotonic()
    time.sleep(IDLE + 2)  # two seconds more than anybody believes
    second = chromium.tab(made["url"])
    turn_to(second, 2)
    time.sleep(2)
    second.go("about:blank")
    first.close()
    told = report(room, made["document"], seconds=IDLE + 1.5)
    seconds = [p["seconds"] for p in told["pages"]]
    assert seconds[0] == pytest.approx(IDLE, abs=SLACK)
    assert seconds[1] == pytest.approx(2, abs=SLACK)
    assert sum(seconds) < time.monotonic() - begun


def test_a_killed_browser_loses_one_beat_at_the_most(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "killed.pdf", 2, "killed"))
    tab = chromium.tab(made["url"])
    begun = time.monotonic()
    while time.monotonic() < begun + BEAT + 2.5:
        turn_to(tab, 1)
        time.sleep(0.2)
    chromium.kill()
    lasted = time.monotonic() - begun
    told = report(room, made["document"], seconds=lasted - BEAT - 0.5)
    assert lasted - BEAT - 0.5 <= told["pages"][0]["seconds"] <= lasted + 0.5


def test_the_reader_can_be_used_by_keys_alone(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "keys.pdf", 8, "keys"))
    tab = chromium.tab(made["url"])
    for key in ("n", "n", "n"):
        tab.press(key)
    eventually(lambda: tab.run("document.getElementById('number').value") == "4")
    tab.press("p")
    eventually(lambda: tab.run("document.getElementById('number').value") == "3")
    before = tab.run("document.querySelector('.page').offsetWidth")
    tab.press("+")
    assert tab.run("document.querySelector('.page').offsetWidth") == pytest.approx(before * 1.2, abs=2)
    assert tab.run("document.getElementById('number').value") == "3"
    tab.press("0")
    tab.press("/")
    tab.type("keys page 7")
    eventually(lambda: tab.run("document.getElementById('found').value") == "on 1 page")
    tab.run("document.getElementById('search').requestSubmit()")
    eventually(lambda: tab.run("document.querySelector('#page-7 mark')?.textContent"))
    eventually(lambda: tab.run("document.getElementById('number').value") == "7")
    assert tab.run("document.querySelector('#page-7 .text').textContent").startswith("keys page 7")


def test_a_phone_shows_pages_without_sideways_scrolling(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "phone.pdf", 3, "phone"))
    tab = chromium.tab(made["url"], width=360, height=740)
    assert tab.run("document.documentElement.scrollWidth") <= 360
    assert tab.run("document.querySelector('.page').offsetWidth") >= 320  # beside a scroll bar
    assert (
        tab.run(
            "[...document.querySelectorAll('button, a.button')].filter(b => b.offsetHeight && b.offsetHeight < 34).length"
        )
        == 0
    )
    own = "performance.getEntriesByType('resource').every(e => e.name.startsWith(location.origin))"
    assert tab.run(own)
    eventually(lambda: tab.run("document.querySelector('.page img').naturalWidth") > 300)


@pytest.mark.parametrize("width", [360, 768])
def test_finds_can_be_gone_through_on_small_screens(
    room: Server, chromium: Chromium, tmp_path: Path, width: int
) -> None:
    made = share(room, pdf(tmp_path / "found.pdf", 3, "found"))
    tab = chromium.tab(made["url"], width=width, height=740)
    tab.run("words.value = 'reader'; words.dispatchEvent(new Event('input'))")
    eventually(lambda: tab.run("next.checkVisibility()"))
    assert tab.run("next.getBoundingClientRect().right") <= width
    assert tab.run("document.documentElement.scrollWidth") <= width


def test_who_declines_sends_nothing(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "declined.pdf", 1, "declined"))
    tab = chromium.tab(made["url"])
    tab.run("document.querySelector('button[name=measure]').click()")
    eventually(lambda: "Nothing of this reading" in (tab.run("document.getElementById('notice')?.textContent") or ""))
    tab.move()
    time.sleep(1.5)
    tab.go("about:blank")
    assert report(room, made["document"])["visits"] == []
