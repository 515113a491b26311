"""Visits are added up while they are asked about, and counted once all the same."""

from __future__ import annotations

from inkdot.domain.event import Event, Kind, Scene
from inkdot.domain.ids import SiteId, VisitId, VisitorId
from inkdot.store.events import EventStore
from inkdot.store.visits import roll_up, site_counts
from tests.store.made import AUTUMN, DAY, NOBODY, event

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
