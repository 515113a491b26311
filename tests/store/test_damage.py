"""A broken file is named as broken, and a sound one in a bad moment is not."""

from __future__ import annotations

import errno
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkdot.domain.errors import FolderInUse, StoreDamaged
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.store.verify import findings
from tests.store.made import after, by_id, click, event, keep, refused

EVENTS = [click(n, url=f"https://example.com/{n % 5}") for n in range(3_000)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "events.duckdb"
    store = EventStore(path)
    keep(store, *EVENTS, dropped=(refused(5_000),))
    store.flush()
    store.close()
    return path.read_bytes()


def read_whole(path: Path) -> None:
    """Read everything; raises StoreDamaged if not all is as it was."""
    store = EventStore(path)
    try:
        found = findings(store)
        if found:
            raise StoreDamaged(found[0])
        assert by_id(store.all()) == EVENTS
    finally:
        store.close()


@pytest.mark.parametrize("size", [0, 1, 100, 4_096, 5_000, 12_288, 20_000, -1])
def test_a_cut_file_is_damaged(sound: bytes, tmp_path: Path, size: int) -> None:
    path = tmp_path / "events.duckdb"
    path.write_bytes(sound[:size])
    with pytest.raises(StoreDamaged, match=r"events\.duckdb"):
        read_whole(path)


def test_noise_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "events.duckdb").write_bytes(random.Random(3).randbytes(30_000))
    with pytest.raises(StoreDamaged):
        read_whole(tmp_path / "events.duckdb")


def test_flipped_bits_are_found_or_harmless(sound: bytes, tmp_path: Path) -> None:
    chance = random.Random(4)
    found = 0
    for _ in range(25):
        spoilt = bytearray(sound)
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        (tmp_path / "events.duckdb").write_bytes(spoilt)
        try:
            read_whole(tmp_path / "events.duckdb")
        except StoreDamaged:
            found += 1
    assert found > 5


def test_a_deleted_file_begins_anew(sound: bytes, tmp_path: Path) -> None:
    store = EventStore(tmp_path / "events.duckdb")
    assert (store.size(), store.checkpoint(), findings(store)) == ((0, 0), {}, [])
    store.close()


def test_a_lost_or_torn_log_is_an_earlier_moment_of_the_same_store(tmp_path: Path) -> None:
    path, log = tmp_path / "events.duckdb", tmp_path / "events.duckdb.wal"
    store = EventStore(path)
    keep(store, event(0))
    store.flush()
    keep(store, event(1))
    keep(store, event(2))
    copies = path.read_bytes(), log.read_bytes()
    store.close()
    for kept in range(0, len(copies[1]) + 1, 97):
        path.write_bytes(copies[0])
        log.write_bytes(copies[1][:kept])
        store = EventStore(path)
        count = store.size()[0]
        assert store.checkpoint() == {0: after(count - 1)}
        keep(store, event(0), event(1), event(2))
        assert [e.id for e in store.all()] == [event(n).id for n in range(3)]
        store.close()


def test_what_points_nowhere_is_found(store: EventStore) -> None:
    keep(store, event(0), event(1, repeat_of=event(40).id))
    keep(store, event(2))
    store._db.execute("DELETE FROM raws; UPDATE checkpoints SET place = 16")
    assert findings(store) == [
        "3 events point to raw facts that are missing.",
        "1 repeats point to an event that is missing.",
        "1 events lie beyond the checkpoint.",
    ]
    with pytest.raises(StoreDamaged, match="raws that are missing"):
        EventStore.timeline(store, event(0).workspace, event(0).contact)


HOLDER = """
import sys
from pathlib import Path
from inkdot.store.events import EventStore
store = EventStore(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_that_the_store_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(FolderInUse, match="stop it"):
            EventStore(path)
        holder.communicate()
    EventStore(path).close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("mounting a small disk needs more rights")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_no_damage_and_what_was_kept_stays(small_disk: Path) -> None:
    store = EventStore(small_disk / "events.duckdb")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 4_000_000))
    place = 0
    with pytest.raises(OSError) as full:  # noqa: PT012 - the disk is full at some batch
        for _ in range(200):
            keep(store, *(event(n, url=f"https://example.com/{n:040}") for n in range(place, place + 1_000)))
            place += 1_000
    assert full.value.errno == errno.ENOSPC
    store.close()
    ballast.unlink()
    store = EventStore(small_disk / "events.duckdb")
    assert store.size()[0] in (place, place + 1_000)
    assert store.checkpoint() == {0: after(store.size()[0] - 1)}
    keep(store, *(event(n, url=f"https://example.com/{n:040}") for n in range(place, place + 1_000)))
    assert (store.size()[0], findings(store)) == (place + 1_000, [])
    store.close()


def test_a_broken_control_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    path.write_bytes(random.Random(5).randbytes(8_000))
    with pytest.raises(StoreDamaged, match=r"control\.db cannot be read .* restore it"):
        Control(path)
    Control(tmp_path / "other.db").close()
    whole = (tmp_path / "other.db").read_bytes()
    path.write_bytes(whole[:4_096] + bytes(4_096) * (len(whole) // 4_096 - 1))
    with pytest.raises(StoreDamaged):  # noqa: PT012 - at opening or at checking
        control = Control(path)
        try:
            if control.check():
                raise StoreDamaged("found")
        finally:
            control.close()
