"""What happens in the very middle of something else: the office's threads, chores that meet, work that is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inkdot.app.folder import Folder
from inkdot.app.house import House
from inkdot.app.importing import take
from inkdot.app.office import Office, OfficeConfig
from inkdot.app.retention import keep_to_days
from inkdot.collect.batch import GroupCommit
from inkdot.collect.counters import Counters
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.errors import JournalStopped
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import Token, TokenKind
from inkdot.journal.record import NOBODY, encode
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.settings import Settings
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.store.visits import roll_up, site_counts
from tests.conftest import PATIENCE, eventually, in_a_loop
from tests.store.made import event, keep

BEN, CLEO = Address("ben@example.com"), Address("cleo@example.com")
HERE = WorkspaceId(1)


def pinged(folder: Folder, *people: Address, count: int = 1) -> None:
    """Dots of mails to these people were loaded, each by a program of its own."""
    keys, now = folder.keyring(), time.time_ns() // 1_000
    writer = Writer(street_folder(folder.journal, 0), 1 << 16)
    for person in people:
        token = Token(TokenKind.DOT, Mode.INDIVIDUAL, HERE, 1, 1, 7, keys.contact_id(HERE, person), person, b"")
        for number in range(count):
            agent = f"User-Agent: Mozilla/5.0 ({person} {number})\r\n".encode()
            writer.commit(encode(b"GET", now, NOBODY, keys.seal(token), agent))
    writer.close()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


@pytest.fixture
def house(folder: Folder) -> Iterator[House]:
    opened = House(folder, Settings())
    yield opened
    opened.close()


@contextlib.contextmanager
def office(folder: Folder) -> Iterator[tuple[Office, House]]:
    """An office that works, without its doors."""
    found = Office(folder, OfficeConfig(str(folder.root), -1, -1, {}))
    worker = threading.Thread(target=found.work, args=(lambda: None,), daemon=True)
    worker.start()
    house = eventually(lambda: found._house)
    try:
        yield found, house
    finally:
        found.stopping = True
        worker.join(PATIENCE)
        assert not worker.is_alive(), "somebody holds the pipeline for ever"
        found.close()


def asked(office: Office, question: str, **what: Any) -> list[dict[str, Any]]:
    return list(office.asks()[question](what))


def people_of(house: House) -> list[str]:
    return sorted(str(e["person"]) for e in house.asks()["events"]({}))


class Failing(EventStore):
    """A store in which one batch meets a full disk."""

    failures = 0

    def keep(self, *batch: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        super().keep(*batch)


def test_a_batch_that_could_not_be_kept_comes_again(house: House, folder: Folder) -> None:
    house.store.close()
    house.store = store = Failing(folder.events)
    house.pipeline = house._pipeline(store)
    pinged(folder, BEN)
    house.pipeline.catch_up()
    pinged(folder, CLEO)
    store.failures = 1
    with pytest.raises(OSError, match="No space"):
        house.pipeline.catch_up()  # as an erasure does, on a thread that goes on
    pinged(folder, BEN)
    house.pipeline.catch_up()
    kept = list(store.all())
    assert len(kept) == 3
    assert [event.repeat_of for event in kept] == [None, None, kept[0].id]


def test_an_office_goes_on_once_the_control_store_is_free_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("inkdot.store.control._BUSY_SECONDS", 0.05)
    with office(folder) as (found, house):
        other = sqlite3.connect(folder.control, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        pinged(folder, BEN)
        eventually(lambda: "store_busy" in capfd.readouterr().err or found.failed)
        other.execute("ROLLBACK")
        other.close()
        eventually(lambda: people_of(house) == [BEN])
        assert found.failed is None


class Paused(Control):
    """A control store that others wait beside, in the middle of its copy."""

    def __init__(self, path: Path, midst: Callable[[], None]) -> None:
        super().__init__(path)
        self.midst: Callable[[], None] | None = midst

    def backup_to(self, target: Path) -> None:
        super().backup_to(target)
        midst, self.midst = self.midst, None
        if midst:
            midst()


@pytest.mark.parametrize("meets", ["backup", "person_erase"])
def test_a_backup_that_meets_another_chore_is_whole_and_holds_nobody_who_was_erased(
    folder: Folder, tmp_path: Path, meets: str
) -> None:
    pinged(folder, BEN, CLEO)
    with office(folder) as (found, house), ThreadPoolExecutor(1) as other:
        eventually(lambda: people_of(house) == [BEN, CLEO])
        what = {"to": str(tmp_path / "two.tar"), "person": BEN}
        begun: list[Any] = []

        def midst() -> None:
            begun.append(other.submit(lambda: asked(found, meets, **what)))
            with contextlib.suppress(TimeoutError):  # it waits for the end of this
                begun[0].result(0.5)

        before, house.control = house.control, Paused(folder.control, midst)
        asked(found, "backup", to=str(tmp_path / "one.tar"))
        (told,) = begun[0].result(PATIENCE)
        for path in tmp_path.glob("*.tar"):
            with tarfile.open(path) as tar:
                tar.extractall(tmp_path / path.stem, filter="data")
            again = House(Folder(tmp_path / path.stem), Settings())
            again.pipeline.catch_up()
            assert people_of(again) == ([BEN, CLEO] if meets == "backup" else [CLEO])
            again.close()
        before.close()
        if meets == "person_erase":
            assert (told["backups_rewritten"], told["not_reached"]) == (1, [])


def test_a_rebuild_that_is_cut_off_leaves_everything_in_its_place(house: House, folder: Folder) -> None:
    pinged(folder, BEN)
    house.pipeline.catch_up()
    (old,) = folder.journal.rglob("*.seg")
    pinged(folder, CLEO)
    house.pipeline.catch_up()
    old.unlink()  # past its days, and the folder was restored since: there is no other copy of its events

    def cut(_done: int, _left: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.rebuild(cut)
    assert folder.events.exists()
    assert people_of(house) == [BEN, CLEO]
    assert house.rebuild() == 2
    assert people_of(house) == [BEN, CLEO]


def seen(house: House, site: Any, day: float) -> int:
    midnight = int(day - day % 86_400) * 1_000_000
    with site_counts(house.store, site.id, midnight, midnight + 86_400_000_000) as counts:
        return counts.totals().visits


def test_what_an_import_brought_is_added_up_after_whatever_cut_that_off(folder: Folder, tmp_path: Path) -> None:
    now, house = time.time(), House(folder, Settings())
    list(house.asks()["site_add"]({"domain": "shop.example"}))
    site = house.sites.site_of("shop.example", HERE)
    assert site

    def imported(days_ago: int) -> float:
        day, log = now - days_ago * 86_400, tmp_path / f"{days_ago}.log"
        at = dt.datetime.fromtimestamp(day, dt.UTC)
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        log.write_text(f'203.0.113.7 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /a HTTP/1.1" 200 5 "-" "{agent}"\n')
        take(folder, site, log, "access-log", lambda _a, _b: None)
        return day

    lately = imported(3)
    house.pipeline.drain()
    roll_up(house.store)
    long_ago = imported(30)
    assert house.pipeline.step() > 0
    house.close()  # killed before the journal was quiet
    house = House(folder, Settings())
    house.pipeline.drain()
    assert (seen(house, site, long_ago), seen(house, site, lately)) == (1, 1)
    house.close()


class Broken(Writer):
    """A pen that fails as no disk does."""

    def commit(self, records: bytes) -> None:
        raise RuntimeError("can't start new thread")


def test_whoever_waits_for_a_journal_that_failed_in_an_unknown_way_is_answered_and_the_street_ends(
    folder: Folder,
) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    stopped: list[JournalStopped] = []

    class Asking:
        def answer(self, reply: bytes) -> None:
            heard.put_nowait(reply)

    async def asking() -> None:
        writer = Broken(street_folder(folder.journal, 0), 1 << 16)
        commit = GroupCommit(asyncio.get_running_loop(), writer, Counters(), stopped.append)
        commit.add(Asking(), b"kept", b"not kept", b"record")
        assert await asyncio.wait_for(heard.get(), PATIENCE) == b"not kept"
        commit.close()
        writer.close()

    in_a_loop(asking())
    assert "start new thread" in str(stopped[0])


def test_a_mail_that_is_delivered_while_somebody_is_erased_stops_nothing(house: House, folder: Folder) -> None:
    pinged(folder, BEN, CLEO)
    house.pipeline.catch_up()
    folder.spool.mkdir()
    (folder.spool / "1.mail").symlink_to("gone")
    (told,) = house.asks()["person_erase"]({"person": BEN})
    assert told["events"] == 1
    assert people_of(house) == [CLEO]


def test_the_journal_of_a_backup_is_as_old_as_it_is(house: House, folder: Folder, tmp_path: Path) -> None:
    pinged(folder, BEN)
    (segment,) = folder.journal.rglob("*.seg")
    os.utime(segment, (1_700_000_000, 1_700_000_000))
    house.backup(tmp_path / "one.tar")
    with tarfile.open(tmp_path / "one.tar") as tar:
        assert tar.getmember(f"journal/street-0/{segment.name}").mtime == 1_700_000_000


def test_what_is_past_its_days_goes_out_of_every_copy_although_the_first_try_met_a_full_disk(folder: Folder) -> None:
    house = House(folder, Settings(events_days=1))
    keep(house.store, event(1))  # of another year
    house.store.backup_to(folder.backups / "events.duckdb")

    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(house, "rewrite_store", full)
        with pytest.raises(OSError, match="No space"):
            keep_to_days(house)
    keep_to_days(house)
    house.close()
    for path in folder.root.rglob("events*.duckdb"):
        with contextlib.closing(EventStore(path)) as store:
            assert store.size()[0] == 0
    assert [path.name for path in folder.run.glob("days-over")] == []


def test_a_process_whose_supervisor_died_before_the_kernel_knew_ends_by_itself() -> None:
    script = """
import os, sys, time
from inkdot.app.supervisor import _die_with_parent
supervisor = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == supervisor:
    time.sleep(0.01)
_die_with_parent(supervisor)
print("an orphan")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (done.stdout, done.stderr) == ("", "")
