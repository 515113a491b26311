"""Real reading in a real browser: seconds within half a second of the truth, and nothing counted that was not read."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.chromium import Chromium, Tab
from tests.conftest import Server, eventually
from tests.room.made import pdf, report, share

IDLE = 5
SLACK = 0.5
"""Seconds by which a page may be off. The truth is told by the page's own clock: the test's runs on where a machine is busy."""
BEAT = 5
TRUTH = """
var truth = [], touches = [], shown = 1;
const now = (page) => truth.push([performance.now(), page]);
document.addEventListener("load", (event) => { if (event.target.tagName === "IMG" && !truth.length) now(shown); }, true);
addEventListener("visibilitychange", () => { if (truth.length) now(document.visibilityState === "visible" ? shown : 0); }, true);
for (const name of ["scroll", "pointermove", "focus"]) addEventListener(name, () => touches.push(performance.now()), true);
"""
"""Notes what is on the screen from when on, 0 for nothing, and when it is touched."""


def read(tab: Tab) -> dict[int, float]:
    """Page -> seconds that it was on the screen of a tab and in use, by the tab's own clock."""
    noted, touches, now = tab.run("[truth, touches, performance.now()]")
    found: dict[int, float] = defaultdict(float)
    for (begun, page), (ended, _) in pairwise([*noted, [now, 0]]):
        for start, end in pairwise(sorted([begun, *(t for t in touches if begun < t < ended), ended])):
            last = max((t for t in touches if t <= start), default=0)
            found[page] += max(0, min(end, last + 1000 * IDLE) - start) / 1000
    return {page: seconds for page, seconds in found.items() if page}


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
    """Scroll so that one page alone is in sight, and wait until it is painted."""
    tab.run(
        f"scrollTo(0, document.getElementById('page-{page}').offsetTop - document.querySelector('.bar').offsetHeight);"
        f"new Promise((done) => requestAnimationFrame(() => {{ shown = {page}; now(shown); done(); }}))"
    )
    tab.move()


def hide(tab: Tab, behind: Tab) -> None:
    """Bring another tab to the front; the document then tells what it has."""
    behind.front()
    eventually(lambda: tab.run("document.visibilityState") == "hidden")


def test_seconds_visits_and_order_are_true(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "offer.pdf", 20))
    behind = chromium.tab("about:blank")
    tab = chromium.tab(made["url"], before=TRUTH)
    eventually(lambda: tab.run("truth.length"))
    for page, seconds in ((1, 2.2), (2, 2.6), (5, 2.2), (2, 2.2), (17, 2.2), (5, 2.2), (17, 2.2), (9, 0.2)):
        turn_to(tab, page)
        time.sleep(seconds)
    hide(tab, behind)
    time.sleep(3)
    tab.front()
    eventually(lambda: tab.run("document.visibilityState") == "visible")
    tab.move()
    time.sleep(2.2)
    hide(tab, behind)
    truth = read(tab)
    told = report(room, made["document"], seconds=sum(truth.values()) - SLACK)
    seen = {p["page"]: p["seconds"] for p in told["pages"] if p["seconds"] > SLACK}
    assert seen.keys() == truth.keys() == {1, 2, 5, 9, 17}
    assert all(abs(seen[page] - truth[page]) <= SLACK for page in truth), (seen, truth)
    assert {p["page"]: p["visits"] for p in told["pages"] if p["visits"]} == {1: 1, 2: 2, 5: 2, 17: 2, 9: 1}
    assert told["visits"][0]["order"] == [1, 2, 5, 2, 17, 5, 17, 9]
    assert len(told["visits"]) == 1


def test_an_idle_window_and_a_second_one_do_not_count(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "idle.pdf", 3, "idle"))
    first = chromium.tab(made["url"], before=TRUTH)
    turn_to(first, 1)
    time.sleep(IDLE + 2)  # two seconds more than anybody believes
    second = chromium.tab(made["url"], before=TRUTH)
    turn_to(second, 2)
    time.sleep(2)
    hide(second, chromium.tab("about:blank"))
    one, two = read(first), read(second)
    truth = [one[1] + two.get(1, 0), two[2], 0]
    told = report(room, made["document"], seconds=sum(truth) - SLACK)
    assert [p["seconds"] for p in told["pages"]] == pytest.approx(truth, abs=SLACK)
    assert IDLE - SLACK <= one[1] <= first.run("performance.now()") / 1000 - 2


def test_a_killed_browser_loses_one_beat_at_the_most(room: Server, chromium: Chromium, tmp_path: Path) -> None:
    made = share(room, pdf(tmp_path / "killed.pdf", 2, "killed"))
    tab = chromium.tab(made["url"], before=TRUTH)
    lasted = 0.0
    while lasted < BEAT + 2.5:
        turn_to(tab, 1)
        time.sleep(0.2)
        lasted = read(tab).get(1, 0)
    asked = time.monotonic()
    chromium.kill()
    late = time.monotonic() - asked
    told = report(room, made["document"], seconds=lasted - BEAT - SLACK)
    assert lasted - BEAT - SLACK <= told["pages"][0]["seconds"] <= lasted + late + SLACK


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
