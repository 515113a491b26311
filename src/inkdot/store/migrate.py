"""Bring a store to this program's shape: each numbered file once, in a transaction together with the record of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from inkdot.domain.errors import NewerData
from inkdot.store.query import Migration, migrations, questions


class Session(Protocol):
    """What SQLite and DuckDB connections have in common."""

    def execute(self, query: str, parameters: Any = ..., /) -> Any:
        """Run one statement."""

    def commit(self) -> Any:
        """Make it last."""

    def rollback(self) -> Any:
        """As if nothing had been done."""


def migrate(session: Session, store: str, path: Path, copy_to: Callable[[Path], None]) -> None:
    """Apply what is missing, after `copy_to` has made a backup if the store already holds data.

    Raises NewerData, with nothing changed, if the file knows migrations that this program does not.
    """
    ask, known = questions(store), migrations(store)
    applied = _applied(session, ask)
    if applied and max(applied) > known[-1].number:
        raise NewerData(
            f"{path.name} was written by a newer Inkdot; install that version, or restore a backup made by this one."
        )
    if applied.issuperset(m.number for m in known):
        return
    with alone(path.parent):  # processes of one server begin at the same moment
        applied = _applied(session, ask)
        missing = [m for m in known if m.number not in applied]
        if missing and applied:
            _back_up(path, missing[0].number, copy_to)
        for migration in missing:
            _apply(session, ask, migration)


def backup_before(path: Path, number: int) -> Path:
    """Where the copy made before migration `number` lies."""
    return path.with_name(f"{path.stem}.before-{number:04}{path.suffix}")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself as a lock, so that none is left lying in it."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _back_up(path: Path, number: int, copy_to: Callable[[Path], None]) -> None:
    target = backup_before(path, number)
    half = target.with_name(f"{path.stem}-half{path.suffix}")
    half.unlink(missing_ok=True)
    copy_to(half)
    half.replace(target)


def _applied(session: Session, ask: dict[str, str]) -> set[int]:
    if not session.execute(ask["has_migrations"]).fetchone()[0]:
        return set()
    return {row[0] for row in session.execute(ask["migrations_applied"]).fetchall()}


def _apply(session: Session, ask: dict[str, str], migration: Migration) -> None:
    session.execute(ask["begin_migration"])
    try:
        session.execute(ask["make_migrations"])
        for statement in migration.statements:
            session.execute(statement)
        session.execute(ask["record_migration"], (migration.number, migration.name))
        session.commit()
    except BaseException:
        session.rollback()
        raise
