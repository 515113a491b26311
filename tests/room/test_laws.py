"""Laws of reading: whatever is lost, repeated or overtaken, the counters that arrived last are what was read."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.document import Gate, Share
from inkdot.domain.errors import UsageError
from inkdot.domain.event import Event, Kind
from inkdot.domain.ids import ContactId, DocumentId, ShareId, VisitId, WorkspaceId
from inkdot.domain.ping import Ping, ping_id
from inkdot.domain.reading import BEAT_TARGET, Reading, Scribble, judge_reading
from inkdot.domain.token import Token, TokenKind
from inkdot.room.beats import Desk, read_beat
from inkdot.room.press import bounded, words_in
from inkdot.understand.reading import Readings
from tests.store.made import PERSON, RAWS

STARTED = 1_760_000_000_000_000
TOKEN = Token(TokenKind.SHARE, Mode.INDIVIDUAL, WorkspaceId(1), 0, 0, 9, ContactId(7), None, b"")

steps = st.lists(st.tuples(st.integers(1, 4), st.floats(0.05, 6), st.integers(0, 2)), min_size=1, max_size=25)
"""(page, seconds in use, visits begun)"""


def scribbles(reading: list[tuple[int, float, int]]) -> list[tuple[int, Scribble]]:
    """What the page would tell after each step, with the time by the server's clock."""
    told, now, pages = [], 0.0, dict[int, tuple[float, int]]()
    for page, seconds, visits in reading:
        now += max(seconds, visits)
        before = pages.get(page, (0.0, 0))
        pages[page] = round(before[0] + seconds, 2), before[1] + visits
        scribble = Scribble("read", 5, 11, STARTED, 1, False, None, True, page, *pages[page], tuple(range(visits)))
        told.append((STARTED + int(now * 1_000_000), scribble))
    return told


def read(readings: Readings, place: int, time: int, scribble: Scribble) -> Event | None:
    """One record through understanding."""
    ping = Ping(ping_id(0xF001, 1, place * 8), time, "POST", b"", b"", b"", BEAT_TARGET, scribble.to_json())
    found = readings.understand(ping, TOKEN, RAWS[1], PERSON, "2026.11")
    return found if isinstance(found, Event) else None


def totals(events: list[Event]) -> dict[int, tuple[float, int]]:
    found: dict[int, tuple[float, int]] = {}
    for event in events:
        assert event.kind is Kind.READ
        assert event.scene
        assert event.scene.page is not None
        assert event.scene.seconds is not None
        seconds, visits = found.get(event.scene.page, (0.0, 0))
        more = json.loads(event.scene.detail or "{}").get("visits", 0)
        found[event.scene.page] = seconds + event.scene.seconds, visits + more
    return found


def nothing_so_far(_visit: VisitId) -> list[tuple[int | None, float, int]]:
    return []


@given(steps, st.data())
def test_lost_repeated_and_overtaken_records_change_nothing(
    reading: list[tuple[int, float, int]], data: st.DataObject
) -> None:
    told = scribbles(reading)
    last = {scribble.page: (time, scribble) for time, scribble in told}
    end = told[-1][0]
    sent = data.draw(st.lists(st.sampled_from(told), max_size=30)) + list(last.values())
    readings = Readings(0, nothing_so_far)
    events = [read(readings, place, end, scribble) for place, (_, scribble) in enumerate(sent)]
    found = totals([e for e in events if e])
    for page, (_, scribble) in last.items():
        assert page is not None
        assert math.isclose(found.get(page, (0, 0))[0], scribble.seconds, abs_tol=0.01 * len(reading) + 0.01)
        assert found.get(page, (0, 0))[1] == scribble.visits


@given(steps, st.floats(1, 1_000), st.integers(0, 20))
def test_nobody_reads_longer_than_the_clock(reading: list[tuple[int, float, int]], lie: float, place: int) -> None:
    told = scribbles(reading)
    forged = [(t, s._replace(seconds=s.seconds * lie, visits=int(s.visits * lie))) for t, s in told[place:]]
    readings = Readings(0, nothing_so_far)
    events = [read(readings, n, time, s) for n, (time, s) in enumerate(told[:place] + forged)]
    found = totals([e for e in events if e])
    lasted = (told[-1][0] - STARTED) / 1_000_000 + 1
    assert sum(seconds for seconds, _ in found.values()) <= lasted + 0.01 * len(told)
    assert sum(visits for _, visits in found.values()) <= lasted


@given(steps, st.integers(0, 25))
def test_a_restart_in_between_changes_nothing(reading: list[tuple[int, float, int]], cut: int) -> None:
    told = scribbles(reading)
    whole = Readings(0, nothing_so_far)
    events = [e for n, (time, s) in enumerate(told) if (e := read(whole, n, time, s))]
    before = Readings(0, nothing_so_far)
    first = [e for n, (time, s) in enumerate(told[:cut]) if (e := read(before, n, time, s))]
    after = Readings(STARTED, lambda _visit: [(page, *sums) for page, sums in totals(first).items()])
    rest = [e for n, (time, s) in enumerate(told[cut:], cut) if (e := read(after, n, time, s))]
    again = totals(first + rest)
    for page, (seconds, visits) in totals(events).items():
        assert math.isclose(again[page][0], seconds, abs_tol=0.02 * len(told))
        assert again[page][1] == visits


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(
        lambda x: json.dumps({"session": "s", "pages": x}).encode()
    )
)
def test_any_bytes_are_a_beat_or_none(body: bytes) -> None:
    try:
        beat = read_beat(body)
    except UsageError:
        return
    assert all(c.page >= 1 and 0 <= c.seconds < 1e6 and 0 <= c.visits < 1e6 for c in beat.pages)
    Desk().news(VisitId(1), beat.pages, 0.0)


@given(st.floats(0, 10_000), st.floats(0, 10_000), st.integers(0, 5_000))
def test_longer_is_never_less_read(a: float, b: float, words: int) -> None:
    order = [Reading.PASSED, Reading.SKIMMED, Reading.READ]
    less, more = sorted((a, b))
    assert order.index(judge_reading(less, words).reading) <= order.index(judge_reading(more, words).reading)


def test_dwell_is_not_reading() -> None:
    assert judge_reading(40, 300).reading is Reading.READ
    assert judge_reading(15, 300).reading is Reading.SKIMMED
    assert judge_reading(5, 300).reading is Reading.PASSED
    assert judge_reading(2, 0).reading is Reading.READ
    assert "300 words take about 76 s" in judge_reading(5, 300).reason


def test_words_are_counted_in_scripts_without_spaces_too() -> None:
    assert words_in("It's a well-known fact, isn't it?") == 6
    assert words_in("日本語の文章です") == 4
    assert words_in("") == 0


@given(st.integers(1, 100_000), st.floats(1e-4, 1e5))
def test_no_page_is_drawn_larger_than_memory_allows(width: int, ratio: float) -> None:
    drawn = bounded(width, ratio)
    assert 1 <= drawn <= max(16, width)
    assert drawn * max(1, drawn * ratio) <= 8_100_000


def test_lists_know_addresses_and_domains() -> None:
    share = Share(
        ShareId(1), WorkspaceId(1), DocumentId(1), ContactId(1), 0, None, None, Gate.EMAIL, True, False,
        ("example.org", "ada@example.com"), ("eve@example.org",),
    )  # fmt: skip
    people = ("ida@example.org", "eve@example.org", "ada@example.com", "ben@example.com", "x@sub.example.org")
    assert [share.admits(Address(a)) for a in people] == [True, False, True, False, False]
