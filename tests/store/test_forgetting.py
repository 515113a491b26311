"""An erasure reaches every table of control.db, also those that nobody thought of when it was written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkdot.domain.contact import Address
from inkdot.domain.ids import PERSON, ContactId, WorkspaceId, to_word
from inkdot.store.control import Control
from inkdot.store.forget import _KEPT, Forgetting

BEN, EVE = ContactId(711_001), ContactId(711_002)
ADDRESS = Address("ben@example.com")
WORD = to_word(PERSON, BEN)
_PEOPLE = ("contact", "person", "who", "about")
"""Columns of numbers that are contacts, by whatever name."""
_HASHES = ("hash", "upload")


def filled(path: Path) -> dict[str, list[str]]:
    """A row about Ben in every table; the columns of numbers that name him, by table."""
    Forgetting(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA foreign_keys = OFF")
    found: dict[str, list[str]] = {}
    made = dict(
        db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    )
    for table in made.keys() - {"migrations"}:
        columns = db.execute(f"PRAGMA table_info({table})").fetchall()
        for at, named in enumerate([c[1] for c in columns if c[1] in _PEOPLE and c[2] == "INTEGER"] or [None]):
            values: list[object] = []
            for _, name, kind, *_rest in columns:
                if name == named or (named is None and name in _PEOPLE and kind == "INTEGER"):
                    values.append(BEN)
                elif kind == "INTEGER":
                    values.append(EVE if name in _PEOPLE else 700_000 + len(found) * 10 + at)
                elif kind == "REAL":
                    values.append(1.5)
                elif kind == "BLOB":
                    values.append(f"to {ADDRESS}, once".encode())
                else:
                    allowed = re.search(rf"CHECK \({name} IN \('(\w+)'", made[table])
                    values.append(
                        allowed[1] if allowed else "ab12" if name in _HASHES else f"{table} {at} of {ADDRESS}"
                    )
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)
            if named:
                found.setdefault(table, []).append(named)
    db.commit()
    db.close()
    return found


def test_after_an_erasure_no_table_names_the_person(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    named = filled(path)
    assert {
        "recipients",
        "shares",
        "push_subscriptions",
        "campaign_copies",
        "consent_asks",
        "outbox",
    } <= set(named)
    forgetting = Forgetting(path)
    forgetting.forget(WorkspaceId(1), BEN, ADDRESS)
    forgetting.close()
    db = sqlite3.connect(path)
    left = [
        (table, column)
        for table, columns in named.items()
        if table not in _KEPT
        for column in columns
        if db.execute(f"SELECT count(*) FROM {table} WHERE {column} = {BEN}").fetchone()[0]
    ]
    db.close()
    assert not left
    kept = sqlite3.connect(path)
    for table in _KEPT:
        kept.execute(f"DELETE FROM {table}")
    kept.commit()
    kept.execute("VACUUM")
    kept.close()
    assert ADDRESS.encode() not in path.read_bytes()


class Looking(Control):
    """A store that is asked for an address while something happens."""

    happens: Callable[[], object] = dict

    def _rows(self, question: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        found = super()._rows(question, parameters)
        if question == "addresses_of":
            self.happens()
        return found


def test_who_was_erased_while_somebody_looked_is_not_remembered(tmp_path: Path) -> None:
    path, who = tmp_path / "control.db", (WorkspaceId(1), BEN)
    before = Control(path)
    before.remember_contacts({who: ADDRESS})
    before.close()
    del before
    looking, forgetting = Looking(path), Forgetting(path)
    looking.happens = lambda: forgetting.forget(*who, ADDRESS)
    assert looking.address_of(*who) == ADDRESS
    assert looking.address_of(*who) is None
    looking.close()
    forgetting.close()
