"""The journal keeps what was acknowledged, whatever happens to the end or the middle of a segment."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.errors import NewerData
from inkdot.domain.ping import Ping, ping_id, place_of
from inkdot.journal.eraser import blank_all
from inkdot.journal.reader import Reader
from inkdot.journal.record import SEGMENT_HEAD, encode
from inkdot.journal.segment import numbers, path_of, street_folder
from inkdot.journal.writer import DiskFull, Writer

SMALL = 1 << 16

records = st.tuples(
    st.sampled_from([b"GET", b"HEAD"]),
    st.integers(0, 2**62),
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=200),
    st.binary(max_size=900),
)


def read_all(journal: Path, since: dict[int, tuple[int, int]] | None = None) -> tuple[list[Ping], int]:
    reader = Reader(journal, since or {})
    pings, damaged = [], 0
    while (batch := reader.read(7)).end:
        pings += batch.pings
        damaged += len(batch.damage)
    reader.close()
    return sorted(pings, key=lambda p: p.id), damaged


def written(journal: Path, batches: list[list[tuple[bytes, int, bytes, bytes, bytes]]], size: int = SMALL) -> None:
    writer = Writer(street_folder(journal, 0), size)
    for batch in batches:
        writer.commit(b"".join(encode(*r) for r in batch))
    writer.close()


@given(st.lists(st.lists(records, min_size=1, max_size=8), max_size=12))
@settings(max_examples=40, deadline=None)
def test_what_was_committed_is_read_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[bytes, int, bytes, bytes, bytes]]]
) -> None:
    journal = tmp_path_factory.mktemp("journal")
    written(journal, batches)
    pings, damaged = read_all(journal)
    expected = [
        (m.decode(), t, b"" if a == bytes(16) else a, token, lines)
        for batch in batches
        for m, t, a, token, lines in batch
    ]
    assert (expected, 0) == ([(p.method, p.time, p.address, p.token, p.headers) for p in pings], damaged)


def numbered(count: int, start: int = 0) -> list[tuple[bytes, int, bytes, bytes, bytes]]:
    return [
        (b"GET", n, b"\1" * 16, b"token-%d" % n, b"User-Agent: x\r\n" * (n % 9)) for n in range(start, start + count)
    ]


@given(st.integers(1, 400), st.sampled_from(["cut", "noise", "zeros"]))
@settings(max_examples=60, deadline=None)
def test_a_torn_tail_costs_only_the_last_records(tmp_path_factory: pytest.TempPathFactory, cut: int, kind: str) -> None:
    journal = tmp_path_factory.mktemp("torn")
    written(journal, [numbered(50)])
    path = path_of(street_folder(journal, 0), 1)
    whole = path.read_bytes()
    tails = {
        "cut": whole[:-cut],
        "noise": whole[:-cut] + random.Random(cut).randbytes(cut),
        "zeros": whole[:-cut] + bytes(5_000),
    }
    path.write_bytes(tails[kind])
    untouched = sum(1 for p in read_all_of(whole, journal) if p <= len(whole) - cut)
    Writer(street_folder(journal, 0), SMALL).close()
    pings, _ = read_all(journal)
    assert [p.time for p in pings][:untouched] == list(range(untouched))


def read_all_of(whole: bytes, journal: Path) -> list[int]:
    """Where each record of an undamaged segment ends."""
    other = journal.parent / f"{journal.name}-whole"
    street_folder(other, 0).mkdir(parents=True, exist_ok=True)
    path_of(street_folder(other, 0), 1).write_bytes(whole)
    offsets = [place_of(p.id)[2] for p in read_all(other)[0]]
    return [*offsets[1:], len(whole)]


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_costs_one_record_and_is_reported(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    journal = tmp_path_factory.mktemp("flip")
    written(journal, [numbered(100), numbered(5, 100)])
    path = path_of(street_folder(journal, 0), 1)
    data = bytearray(path.read_bytes())
    ends = read_all_of(bytes(data), journal)
    place = random.Random(seed).randrange(len(SEGMENT_HEAD), ends[-2])  # not in the last record: that is a torn tail
    data[place] ^= 1 << (seed % 8)
    path.write_bytes(data)
    pings, damaged = read_all(journal)
    lost = set(range(105)) - {p.time for p in pings}
    assert len(lost) <= 1
    assert damaged == len(lost)


def test_reading_goes_on_over_segments_and_from_any_position(tmp_path: Path) -> None:
    written(tmp_path, [numbered(40, 40 * n) for n in range(60)])
    assert len(numbers(street_folder(tmp_path, 0))) > 3
    pings, _ = read_all(tmp_path)
    assert [p.time for p in pings] == list(range(2_400))
    _, segment, offset = place_of(pings[1_000].id)
    assert [p.time for p in read_all(tmp_path, {0: (segment, offset)})[0]] == list(range(1_000, 2_400))


def test_an_expired_segment_is_passed_over(tmp_path: Path) -> None:
    written(tmp_path, [numbered(40, 40 * n) for n in range(60)])
    path_of(street_folder(tmp_path, 0), 1).unlink()
    pings, damaged = read_all(tmp_path, {0: (1, 100)})
    assert pings[-1].time == 2_399
    assert damaged == 0


def test_a_restart_begins_a_new_segment_and_loses_nothing(tmp_path: Path) -> None:
    for start in (0, 10, 20):
        written(tmp_path, [numbered(10, start)])
    assert [p.time for p in read_all(tmp_path)[0]] == list(range(30))


def test_what_is_written_after_a_write_that_broke_off_is_read_by_who_read_the_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader, write = Writer(street_folder(tmp_path, 0), SMALL), Reader(tmp_path, {}), os.pwrite

    def half(fd: int, data: bytes, offset: int) -> int:
        """As a file system does that writes nothing in place, at the end of its room."""
        if len(data) < 200:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:-100], offset)

    def record(agent: bytes) -> bytes:
        return encode(b"GET", 1, bytes(16), b"token", agent)

    writer.commit(record(b"first"))
    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(DiskFull):
        writer.commit(record(b"x" * 300) + record(b"y" * 300))
    monkeypatch.setattr(os, "pwrite", write)
    found = [ping.headers for ping in reader.read(10).pings]
    writer.commit(record(b"last"))
    while (batch := reader.read(10)).end:
        found += [ping.headers for ping in batch.pings]
    assert (found[0], found[-1]) == (b"first", b"last")
    reader.close()
    writer.close()


def test_a_segment_out_of_which_something_was_erased_expires_no_later(tmp_path: Path) -> None:
    written(tmp_path, [[(b"GET", 1, bytes(16), b"token", b"ben@example.com")]])
    path = path_of(street_folder(tmp_path, 0), 1)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert blank_all(tmp_path) == 1
    assert path.stat().st_mtime == 1_700_000_000
    assert b"ben" not in path.read_bytes()


def test_what_is_unread_can_be_asked_while_a_street_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, [[(b"GET", 1, bytes(16), b"token", b"")]])
    reader = Reader(tmp_path, {})
    assert len(reader.read(10).pings) == 1
    Writer(street_folder(tmp_path, 1), SMALL).close()

    def look(folder: Path) -> list[int]:
        monkeypatch.undo()
        reader.read(10)  # on the thread that keeps events
        return numbers(folder)

    monkeypatch.setattr("inkdot.journal.reader.numbers", look)
    assert reader.backlog() == 0
    reader.close()


def test_a_journal_of_the_future_is_refused(tmp_path: Path) -> None:
    written(tmp_path, [numbered(3)])
    path = path_of(street_folder(tmp_path, 0), 1)
    data = path.read_bytes()
    path.write_bytes(SEGMENT_HEAD[:-2] + b"\x02\n" + data[len(SEGMENT_HEAD) :])
    with pytest.raises(NewerData, match="newer"):
        read_all(tmp_path)


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**24 - 1), st.integers(0, 2**22 - 1))
def test_a_pings_id_is_its_place(stream: int, segment: int, step: int) -> None:
    assert place_of(ping_id(stream, segment, step * 8)) == (stream, segment, step * 8)
