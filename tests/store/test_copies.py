"""Copies made in use are whole, and a store can be begun anew from an older one."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdot.domain.errors import StoreDamaged
from inkdot.domain.event import Event
from inkdot.domain.ids import EventId
from inkdot.store.events import EventStore
from inkdot.store.verify import findings
from tests.store.made import AUTUMN, DAY, NOW, PREFETCH, RAWS, after, by_id, click, event, keep, refused


def some(stream: int = 0) -> list[Event]:
    made = [event(n, stream=stream, time=AUTUMN + n * DAY, raw=RAWS[n % 2]) for n in range(60)]
    return [*made, click(60, id=EventId(made[-1].id + 4), verdict=PREFETCH, repeat_of=made[3].id)]


def test_a_copy_made_in_use_is_the_store(store: EventStore, tmp_path: Path) -> None:
    keep(store, *some())
    store.close_months(AUTUMN + 40 * DAY)
    keep(store, *some(stream=1), dropped=(refused(99),))
    (tmp_path / "run").mkdir(exist_ok=True)
    store.backup_to(tmp_path / "run" / "copy.duckdb")
    keep(store, event(100))
    copy = EventStore(tmp_path / "run" / "copy.duckdb")
    assert by_id(copy.all()) == by_id([*some(), *some(stream=1)])
    assert copy.checkpoint() == {0: after(99), 1: after(60)}
    assert copy.dropped_counts() == {"forged": 1}
    assert findings(copy) == []
    keep(copy, event(100))
    assert by_id(copy.all()) == by_id(store.all())
    copy.close()


def test_a_new_store_takes_what_the_journal_has_no_more_and_the_rest_is_replayed(tmp_path: Path) -> None:
    base = EventStore(tmp_path / "base.duckdb")
    keep(base, *some(), dropped=(refused(70), refused(80)))
    base.close_months(AUTUMN + 40 * DAY)
    keep(base, *some(stream=1))
    everything = by_id(base.all())
    base.close()
    fresh = EventStore(tmp_path / "fresh.duckdb")
    fresh.take_older_from(tmp_path / "base.duckdb", {0: (1, 30 * 8), 2: (1, 0)})
    assert by_id(fresh.all()) == by_id([*some()[:30], *some(stream=1)])
    assert fresh.checkpoint() == {0: (1, 30 * 8), 1: after(60), 2: (1, 0)}
    assert findings(fresh) == []
    keep(fresh, *some()[30:], dropped=(refused(70), refused(80)))
    assert by_id(fresh.all()) == everything
    assert fresh.dropped_counts() == {"forged": 2}
    assert findings(fresh) == []
    fresh.close()


def test_a_base_that_turns_out_damaged_leaves_the_new_store_empty_and_usable(tmp_path: Path) -> None:
    base = EventStore(tmp_path / "base.duckdb")
    keep(base, *(event(n, url=f"https://example.com/{n * 7919:x}") for n in range(30_000)))
    base.flush()
    base.close()
    whole = (tmp_path / "base.duckdb").read_bytes()
    spoilt = 0
    for place in range(13_000, len(whole), len(whole) // 12):
        (tmp_path / "base.duckdb").write_bytes(whole[:place] + bytes(64) + whole[place + 64 :])
        fresh = EventStore(tmp_path / "fresh.duckdb")
        try:
            fresh.take_older_from(tmp_path / "base.duckdb", {})
        except StoreDamaged:
            spoilt += 1
            assert (fresh.size(), fresh.checkpoint()) == ((0, 0), {})
            keep(fresh, event(0), click(1))
            assert findings(fresh) == []
        fresh.close()
        (tmp_path / "fresh.duckdb").unlink()
    assert spoilt


def test_a_base_that_is_not_there_is_named(store: EventStore, tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match=r"gone\.duckdb"):
        store.take_older_from(tmp_path / "gone.duckdb", {})
    keep(store, event(0, time=NOW))
    assert store.size() == (1, NOW)
