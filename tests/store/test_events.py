"""What is kept comes back, in the order that is promised, before and after months are closed."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inkdot.domain.errors import Failure
from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import Actor
from inkdot.domain.ids import EventId, MessageId, WorkspaceId
from inkdot.store import reports
from inkdot.store.events import EventStore, timestamp
from inkdot.store.oblivion import forget_before
from inkdot.store.verify import findings
from tests.store import made
from tests.store.made import AUTUMN, BEN, DAY, EVE, HERE, NOW, SECOND, by_id, click, event, keep, refused

QUOTE, OFFER = MessageId(3), MessageId(4)


def half_a_year() -> list[Event]:
    """600 events of two streams over 190 days, with ties in time."""
    chance = random.Random(1)
    events = [
        (click if chance.random() < 0.2 else event)(
            place,
            stream=place % 2,
            time=AUTUMN + chance.randrange(190) * DAY + chance.randrange(3) * SECOND,
            contact=chance.choice((BEN, EVE)),
            message=chance.choice((QUOTE, OFFER)),
            verdict=chance.choice(made.VERDICTS),
        )
        for place in range(600)
    ]
    return [e._replace(repeat_of=events[0].id) if e.id % 5 == 1 else e for e in events]


def answers(store: EventStore, ids: Sequence[int]) -> dict[str, Any]:
    """One of each question."""
    since = AUTUMN + 100 * DAY
    paged: list[Event] = []
    while page := store.page(after=paged[-1].id if paged else 0, most=70, kind=Kind.OPEN, since=AUTUMN + 5 * DAY):
        paged += page
    return {
        "all": list(store.all()),
        "all clicks": list(store.all(kind=Kind.CLICK, since=since)),
        "paged": paged,
        "recent": list(store.recent(since)),
        "page of Eve": store.page(contact=EVE, since=since, most=50),
        "newest": store.newest(50),
        "newest clicks": store.newest(7, Kind.CLICK),
        "newest of all": store.newest(10_000),
        "timeline": store.timeline(HERE, BEN),
        "some": [store.event(EventId(i)) for i in ids[::60]],
        "repeats": store.repeats_of(EventId(ids[0])),
        "opened": store.opened({(1, BEN, QUOTE), (1, EVE, OFFER), (1, EVE, MessageId(5)), (2, BEN, QUOTE)}),
        "size": store.size(),
        "last": store.last_time(),
        "dropped": store.dropped_counts(),
        "mail": sorted(reports.mail(store, [QUOTE, OFFER], since, HERE)),
        "active": reports.active_messages(store, 0, timestamp(made.NOW), 5, HERE),
        "days": reports.by_day(store, since, HERE),
        "actors": reports.by_actor(store, since, HERE),
    }


def test_closing_months_changes_no_answer(store: EventStore) -> None:
    events = half_a_year()
    for start in range(0, len(events), 100):
        keep(store, *events[start : start + 100])
    keep(store, dropped=(refused(700),))
    ids = [e.id for e in events]
    before = answers(store, ids)
    assert store.close_months(AUTUMN + 60 * DAY) == 2
    assert answers(store, ids) == before
    assert store.close_months(made.NOW + 40 * DAY) == 5
    assert answers(store, ids) == before
    assert store.close_months(made.NOW + 40 * DAY) == 0
    late = event(800, time=AUTUMN + DAY)
    keep(store, late)
    assert store.newest(50) == before["newest"]
    assert store.close_months(made.NOW + 40 * DAY) == 1
    assert list(store.all()) == sorted([*events, late], key=lambda e: (e.time, e.id))
    assert findings(store) == []


def test_oldest_comes_first_whatever_street_heard_it(store: EventStore) -> None:
    keep(store, event(5, stream=1, time=AUTUMN), event(0, time=AUTUMN + 2), event(1, time=AUTUMN + 1))
    times = [AUTUMN, AUTUMN + 1, AUTUMN + 2]
    assert [e.time for e in store.page()] == [e.time for e in store.all()] == times
    assert [e.time for e in store.newest(2)] == times[:0:-1]
    assert [e.time for e in store.page(after=store.page(most=1)[0].id)] == times[1:]


def test_everything_comes_back_as_it_was_after_a_restart(tmp_path: Path) -> None:
    events = half_a_year()
    store = EventStore(tmp_path / "events.duckdb")
    keep(store, *events)
    store.close()
    store = EventStore(tmp_path / "events.duckdb")
    assert by_id(store.recent(0)) == by_id(events)
    keep(store, event(1_000, verdict=made.APPLE))
    assert len({id(e.verdict) for e in store.recent(0)}) == len(made.VERDICTS)
    assert findings(store) == []
    store.close()


def test_an_empty_store_answers_everything(store: EventStore) -> None:
    empty = answers(store, [1])
    assert [name for name, value in empty.items() if value not in ([], {}, set(), 0, (0, 0), [None])] == []


def test_only_an_open_that_no_machine_made_counts_as_opened(store: EventStore) -> None:
    keep(
        store,
        event(0, verdict=made.SCANNER),
        click(1),
        event(2, contact=EVE, verdict=made.PREFETCH),
        event(3, contact=made.NOBODY),
    )
    asked = {(1, BEN, QUOTE), (1, EVE, QUOTE), (1, EVE, OFFER)}
    assert store.opened(asked) == {(1, EVE, QUOTE)}
    assert store.opened(set()) == set()


def test_a_report_counts_people_once_under_their_best_evidence(store: EventStore) -> None:
    first = event(0, verdict=made.GMAIL)
    keep(
        store, first, event(1, repeat_of=first.id, verdict=made.GMAIL), event(2, verdict=made.PERSON), event(3, verdict=made.SCANNER),
        event(4, contact=EVE, verdict=made.PREFETCH), click(5, contact=EVE, verdict=made.APPLE), event(6, contact=made.NOBODY),
    )  # fmt: skip
    (counts,) = reports.mail(store, [QUOTE], 0, HERE)
    assert counts == reports.MailCounts(
        QUOTE, sure=1, likely=0, unknown=0, machine_only=1, clicked=0, clicked_unknown=1, opens=2, clicks=1, machine_fetches=2,
        first=first.time, last=first.time + 5 * SECOND,
    )  # fmt: skip  # one open counted for nobody is hidden: whose it was could be guessed
    assert reports.by_actor(store, 0, HERE)[Actor.IMAGE_PROXY] == 3
    assert [(d.kind, d.sure, d.likely, d.unknown, d.machine) for d in reports.by_day(store, 0, HERE)] == [
        (Kind.CLICK, 0, 0, 1, 0),
        (Kind.OPEN, 2, 1, 0, 2),
    ]
    assert reports.mail(store, [QUOTE], 0, WorkspaceId(2)) == []


def test_readers_on_other_threads_see_whole_batches_while_one_writes(store: EventStore) -> None:
    stop, counts, troubles = threading.Event(), [], []

    def read() -> None:
        try:
            while not stop.is_set():
                counts.append(len(store.page(most=10_000)))
                store.newest(5)
        except Exception as error:  # noqa: BLE001 - shown by the test
            troubles.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for batch in range(30):
        keep(store, *(event(batch * 20 + n, url=f"https://example.com/{batch * 20 + n}") for n in range(20)))
    stop.set()
    for reader in readers:
        reader.join()
    assert troubles == []
    assert {count % 20 for count in counts} <= {0}


@pytest.mark.parametrize("most", [1, 4_999, 5_000, 5_001, 12_000])
def test_many_events_come_in_pieces_and_none_is_lost(store: EventStore, most: int) -> None:
    keep(store, *(event(n) for n in range(12_000)))
    assert [e.id for e in store.page(most=most)] == [event(n).id for n in range(most)]
    assert sum(1 for _ in store.all()) == 12_000


def test_an_answer_that_events_are_deleted_under_says_so_and_not_that_the_store_is_damaged(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkdot.store.events._PAGE", 1)
    keep(store, *(click(place, url=f"https://example.com/{place}") for place in range(3)))
    answer = store.all()
    assert next(answer).url == "https://example.com/0"
    assert forget_before(store, NOW) == 3
    with pytest.raises(Failure, match="just deleted"):
        list(answer)
    assert list(store.all()) == []
