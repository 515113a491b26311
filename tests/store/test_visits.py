"""Visits are added up while they are asked about, and counted once all the same."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inkdot.domain.event import Event, Kind, Scene
from inkdot.domain.ids import SiteId, VisitId, VisitorId
from inkdot.store.events import EventStore
from inkdot.store.visits import roll_up, site_counts
from tests.store.made import AUTUMN, DAY, NOBODY, event, keep

SHOP = SiteId(5)


def view(place: int, visit: int, page: str) -> Event:
    scene = Scene(site=SHOP, visitor=VisitorId(visit), visit=VisitId(visit), channel="Direct")
    url = f"https://shop.example.com{page}"
    return event(place, kind=Kind.VIEW, contact=NOBODY, message=None, part=0, url=url, scene=scene)


def test_what_is_added_up_between_two_questions_is_not_counted_twice(store: EventStore) -> None:
    pages = ["/new-1", "/old", "/new-2"]
    store.keep([view(n, n + 1, page) for n, page in enumerate(pages)], (), {0: (1, 8 * 10)})
    store.keep([view(4_000 + n, 50 + n, f"/later-{n}") for n in range(3)], (), {0: (1, 8 * 5_000)})
    for _ in range(3):
        with site_counts(store, SHOP, AUTUMN - DAY, AUTUMN + DAY) as counts:
            assert counts.totals().visits == 6
            roll_up(store)
            assert counts.totals().visits == 6
            assert counts.funnel(["/new-*"]) == [2]
            assert counts.reached("page", "/old") == 1
        roll_up(store, anew_since=0)
    with site_counts(store, SHOP, AUTUMN - DAY, AUTUMN + DAY) as counts:
        assert (counts.totals().visits, counts.funnel(["/new-*"])) == (6, [2])


class Busy(EventStore):
    """A store in which others keep something while its version is asked for, whenever `happens` says so."""

    happens: Callable[[str], None] | None = None

    @property
    def version(self) -> int:
        self._happens("before")
        found = self._number
        self._happens("after")
        return found

    @version.setter
    def version(self, number: int) -> None:
        self._number = number

    def _happens(self, when: str) -> None:
        happens, self.happens = self.happens, None  # what happens asks for the version itself
        if happens:
            happens(when)
            self.happens = happens


@pytest.mark.parametrize("wanted", [(when, place) for when in ("before", "after") for place in range(2)])
def test_what_is_kept_in_the_midst_of_a_question_is_known_to_the_next(tmp_path: Path, wanted: tuple[str, int]) -> None:
    store, asked = Busy(tmp_path / "events.duckdb"), Counter[str]()
    keep(store, view(0, 1, "/first"))

    def visits() -> int:
        with site_counts(store, SHOP, AUTUMN - DAY, AUTUMN + DAY) as counts:
            return counts.totals().visits

    def happens(when: str) -> None:
        if (when, asked[when]) == wanted:
            keep(store, view(1, 2, "/second"))
        asked[when] += 1

    store.happens = happens
    assert visits() in (1, 2)
    store.happens = None
    assert [visits(), visits()] == [2, 2]
    store.close()


class Asked(EventStore):
    """A store whose writer adds visits up while somebody asks about them."""

    asking: Callable[[], object] | None = None

    def last_time(self) -> int:
        if self.asking:
            self.asking()
        return super().last_time()


def test_what_is_asked_while_days_are_added_up_anew_is_not_remembered_of_them(tmp_path: Path) -> None:
    store = Asked(tmp_path / "events.duckdb")

    def came() -> int:
        with site_counts(store, SHOP, AUTUMN - DAY, AUTUMN + 9 * DAY) as counts:
            return counts.funnel(["/new-*"])[0]

    keep(store, view(0, 1, "/new-1"), view(1, 2, "/other")._replace(time=AUTUMN + 5 * DAY))
    roll_up(store)
    assert came() == 1
    keep(store, view(2, 3, "/new-2"))  # of a day that is finished, as imports bring them
    store.asking = came
    roll_up(store, anew_since=0)
    store.asking = None
    assert came() == 2
    store.close()


def test_the_log_is_brought_into_the_file_while_questions_are_asked(store: EventStore) -> None:
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            assert store.newest(20)

    keep(store, view(0, 1, "/page"))
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(ask)
        try:
            for place in range(1, 9):
                keep(store, view(place, place, "/page"))
                roll_up(store, anew_since=0)  # what was deleted is seen by who began to ask before
                store.flush()
        finally:
            over.set()
        asked.result()
