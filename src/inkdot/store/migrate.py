"""Bring a store to this program's shape: each numbered file once, in a transaction together with the record of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from inkdot.domain.errors import NewerData
from inkdot.store.query import migrations, questions


class Session(Protocol):
    """What SQLite and DuckDB connections have in common."""

    def execute(self, query: str, parameters: Any = ..., /) -> Any:
        """Run one statement."""


def migrate(session: Session, store: str, file: str, before: Callable[[], None]) -> None:
    """Apply what is missing; `before` makes a backup and is called once if the store already holds data.

    Raises NewerData, with nothing changed, if the file knows migrations that this program does not.
    """
    ask = questions(store)
    known = migrations(store)
    has_record = session.execute(ask["has_migrations"]).fetchone()[0]
    applied = {row[0] for row in session.execute(ask["migrations_applied"]).fetchall()} if has_record else set()
    if applied and max(applied) > known[-1][0]:
        raise NewerData(
            f"{file} was written by a newer Inkdot; install that version, or restore a backup made by this one."
        )
    missing = [m for m in known if m[0] not in applied]
    if missing and applied:
        before()
    for number, name, text in missing:
        session.execute("BEGIN")
        session.execute(ask["make_migrations"])
        for statement in text.split(";"):
            if statement.strip():
                session.execute(statement)
        session.execute(ask["record_migration"], (number, name))
        session.execute("COMMIT")
