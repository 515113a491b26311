"""The law of the store: whatever is replayed, cut differently, or killed on the way, each event is there once."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.event import Dropped, Event
from inkdot.domain.ping import ping_id, place_of
from inkdot.store.events import EventStore
from inkdot.store.verify import findings
from tests.store.made import after, by_id, event, journals, keep, refused

READS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(1, 6), st.booleans()), max_size=12)
"""Reads of a stream: which, how far back it begins, how much it takes, and whether the program restarts before it."""


@given(journals(), READS)
@settings(max_examples=25, deadline=None)
def test_any_replay_of_any_cut_leaves_each_event_once(
    journal: list[list[Event | Dropped]], reads: list[tuple[int, int, int, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.duckdb"
        store = EventStore(path, threads=1)
        done = [0, 0]
        ends = [(stream, 0, len(pings), True) for stream, pings in enumerate(journal)]
        for stream, back, count, restart in [*reads, *ends]:
            if restart:
                store.close()
                store = EventStore(path, threads=1)
            start = max(0, done[stream] - back)
            read = journal[stream][start : start + max(count, 1)] if count else []
            if not read:
                continue
            events = [e for e in read if isinstance(e, Event)]
            dropped = [d for d in read if isinstance(d, Dropped)]
            store.keep(events, dropped, {stream: after(start + len(read) - 1)})
            done[stream] = max(done[stream], start + len(read))
        everything = [entry for stream in journal for entry in stream]
        assert by_id(store.recent(0)) == by_id(e for e in everything if isinstance(e, Event))
        assert sum(store.dropped_counts().values()) == sum(isinstance(d, Dropped) for d in everything)
        assert store.checkpoint() == {s: after(done[s] - 1) for s in (0, 1) if done[s]}
        store.close()


def test_an_old_batch_does_not_move_the_checkpoint_back(store: EventStore) -> None:
    keep(store, event(0), event(1))
    keep(store, event(2), dropped=(refused(3),))
    keep(store, event(0), event(1))
    keep(store, event(2), dropped=(refused(3),))
    assert store.checkpoint() == {0: after(3)}
    assert (store.size()[0], store.dropped_counts()) == (3, {"forged": 1})


def test_a_batch_that_fails_leaves_nothing(store: EventStore) -> None:
    keep(store, event(0, url="https://example.com/a"))
    with pytest.raises(ValueError, match="unsigned"):
        keep(store, event(1, url="https://example.com/b"), event(2, contact=-1))
    assert (store.size()[0], store.checkpoint()) == (1, {0: after(0)})
    keep(store, event(1, url="https://example.com/c"), event(2, url="https://example.com/b"))
    assert [e.url for e in store.recent(0)] == [f"https://example.com/{letter}" for letter in "acb"]


WRITER = """
import sys
from pathlib import Path
from inkdot.store.events import EventStore
from tests.store.made import after, event
store = EventStore(Path(sys.argv[1]), threads=1)
place = (store.checkpoint().get(0, (1, 0))[1]) // 8
while True:
    batch = [event(n, url=f"https://example.com/{n}") for n in range(place, place + 200)]
    place += 200
    store.keep(batch, [], {0: after(place - 1)})
    print(place, flush=True)
"""


def test_after_kill_9_the_events_are_those_before_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    for pause in (0.05, 0.2, 0.11):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            writer.stdout.readline()
            time.sleep(pause)
            writer.kill()
            acknowledged = int((["0", *writer.stdout.read().splitlines()])[-1])
        store = EventStore(path)
        end = store.checkpoint()[0]
        assert end >= after(acknowledged - 1)
        ids = [int(e.id) for e in store.recent(0)]
        assert ids == [ping_id(0, 1, n * 8) for n in range(end[1] // 8)]
        assert place_of(ids[-1]) < (0, *end)
        assert findings(store) == []
        store.close()
