"""Control: who and what is tracked - contacts, messages, links - in SQLite. Several processes may write it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.errors import StoreDamaged
from inkdot.domain.ids import ContactId, LinkId, MessageId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.domain.token import link_in_message
from inkdot.store.migrate import migrate
from inkdot.store.query import questions

_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON")


class MarkedMessage(NamedTuple):
    """A message as reports list it."""

    id: MessageId
    marked: int
    """Unix seconds."""
    subject: str | None
    recipients: int


class Control:
    """One connection to `control.db`; use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open and, if needed, migrate; raises StoreDamaged or NewerData."""
        self._path = path
        self._ask = questions("control")
        self._addresses: dict[tuple[int, int], Address] = {}
        try:
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            for setting in _SETTINGS:
                self._db.execute(setting)
            migrate(self._db, "control", path.name, lambda: self.backup_to(path.with_suffix(".before-migration.db")))
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(f"{path.name} cannot be read ({error}); restore it with 'inkdot restore'.") from error
        path.chmod(0o600)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def remember_contacts(self, contacts: Mapping[tuple[WorkspaceId, ContactId], Address]) -> None:
        """Keep who people are; known ones change nothing."""
        rows = [(workspace, contact, address) for (workspace, contact), address in contacts.items()]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(self._ask["keep_contact"], rows)
        self._db.execute("COMMIT")
        for (workspace, contact), address in contacts.items():
            self._addresses[workspace, contact] = address

    def keep_message(self, message: Message, contacts: Mapping[Address, ContactId], workspace: WorkspaceId) -> None:
        """Keep a marked mail, its recipients and its links, durably."""
        link_rows = [
            (link_in_message(message.id, position), workspace, message.id, position, destination.encode())
            for position, destination in enumerate(message.links, 1)
        ]
        self._db.execute("BEGIN IMMEDIATE")
        row = (message.id, workspace, message.marked, message.subject, message.internet_id)
        self._db.execute(self._ask["keep_message"], row)
        self._db.executemany(self._ask["keep_contact"], [(workspace, c, a) for a, c in contacts.items()])
        self._db.executemany(self._ask["keep_recipient"], [(message.id, c) for c in contacts.values()])
        self._db.executemany(self._ask["keep_link"], link_rows)
        self._db.execute("COMMIT")

    def keep_link(self, link: LinkId, destination: bytes, workspace: WorkspaceId) -> None:
        """Keep a tracked link of its own."""
        self._db.execute(self._ask["keep_link"], (link, workspace, None, 0, destination))

    def contact_of(self, address: Address, workspace: WorkspaceId) -> ContactId | None:
        """The id of a known person."""
        row = self._db.execute(self._ask["contact_of"], (workspace, address)).fetchone()
        return ContactId(row[0]) if row else None

    def address_of(self, workspace: int, contact: int) -> Address | None:
        """The address behind an id, remembered after the first look."""
        known = self._addresses.get((workspace, contact))
        if known is None and contact:
            row = self._db.execute(self._ask["address_of"], (workspace, contact)).fetchone()
            if row:
                known = self._addresses[workspace, contact] = Address(row[0])
        return known

    def messages_since(self, marked: int, workspace: WorkspaceId) -> list[MarkedMessage]:
        """Mails marked since then (unix seconds), oldest first."""
        return [MarkedMessage(*row) for row in self._db.execute(self._ask["messages_since"], (workspace, marked))]

    def subjects(self, messages: Iterable[MessageId]) -> dict[MessageId, str | None]:
        """Subjects of known messages."""
        found: dict[MessageId, str | None] = {}
        for message in set(messages):
            row = self._db.execute(self._ask["message"], (message,)).fetchone()
            if row:
                found[message] = row[0]
        return found

    def check(self) -> list[str]:
        """What is wrong with the file, in sentences; empty if nothing."""
        try:
            rows = self._db.execute(self._ask["check"]).fetchall()
        except sqlite3.DatabaseError as error:
            return [f"control.db: {error}"]
        return [f"control.db: {row[0]}" for row in rows if row[0] != "ok"]

    def backup_to(self, target: Path) -> None:
        """A consistent copy, made while others may write."""
        with sqlite3.connect(target) as copy:
            self._db.backup(copy)
        copy.close()
