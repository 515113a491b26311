"""A store is brought to a new shape as a whole or not at all, and an older program keeps its hands off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inkdot.domain.errors import NewerData
from inkdot.store import migrate as migrating
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.store.migrate import backup_before
from inkdot.store.query import Migration, migrations
from tests.store.made import HERE, event, keep

MORE = [
    Migration(9002, "9002-more.sql", ["CREATE TABLE more (n INTEGER)", "INSERT INTO more VALUES (1)"]),
    Migration(9003, "9003-most.sql", ["INSERT INTO more VALUES (2)", "CREATE TABLE most (n INTEGER)"]),
]
STORES: dict[str, Callable[[Path], Any]] = {"events": EventStore, "control": Control}
FILES = {"events": "events.duckdb", "control": "control.db"}

KILLED = """
import os, signal, sys
from pathlib import Path
from inkdot.store import migrate
from tests.store.test_migrations import MORE, STORES, migrations

class Deadly(list):
    def __iter__(self):
        for number, statement in enumerate(super().__iter__()):
            if number == int(sys.argv[4]):
                os.kill(os.getpid(), signal.SIGKILL)
            yield statement
        if int(sys.argv[4]) == len(self):
            os.kill(os.getpid(), signal.SIGKILL)

store, path, step = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
MORE[step] = MORE[step]._replace(statements=Deadly(MORE[step].statements))
migrate.migrations = lambda name: [*migrations(name), *MORE]
STORES[store](path)
"""


def filled(store: str, path: Path) -> None:
    """A store of today with something in it."""
    opened = STORES[store](path)
    if isinstance(opened, EventStore):
        keep(opened, event(0), event(1))
    else:
        opened.keep_link(9, b"https://example.com", HERE)
    opened.close()


def content(store: Any) -> Any:
    """What `filled` left."""
    return list(store.all()) if isinstance(store, EventStore) else store.destination_of(9)


@pytest.mark.parametrize("store", STORES)
def test_no_two_migrations_have_one_number(store: str) -> None:
    numbers = [migration.number for migration in migrations(store)]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("step", "statement"), [(0, 0), (0, 1), (0, 2), (1, 1)])
def test_a_migration_killed_on_the_way_runs_again(
    store: str, step: int, statement: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILES[store]
    filled(store, path)
    command = [sys.executable, "-c", KILLED, store, str(path), str(step), str(statement)]
    assert subprocess.run(command, check=False).returncode == -9
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda name: [*migrations(name), *MORE])
        opened = STORES[store](path)
        assert [row[0] for row in opened._db.execute("SELECT n FROM more ORDER BY n").fetchall()] == [1, 2]
        after = content(opened)
        opened.close()
        STORES[store](path).close()
    old = STORES[store](backup_before(path, 9002))
    assert content(old) == after
    old.close()


@pytest.mark.parametrize("store", STORES)
def test_an_older_program_changes_nothing_in_newer_data(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILES[store]
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda name: [*migrations(name), *MORE])
        filled(store, path)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(NewerData) as refused:
            STORES[store](path)
    assert (
        str(refused.value)
        == f"{path.name} was written by a newer Inkdot; install that version, or restore a backup made by this one."
    )
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.before-*"))


def test_a_new_store_needs_no_backup(tmp_path: Path) -> None:
    for store, name in FILES.items():
        filled(store, tmp_path / name)
        filled(store, tmp_path / name)
    assert not list(tmp_path.glob("*before*"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.d*b")} == {0o600}
