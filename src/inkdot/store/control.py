"""Control: who and what is tracked - contacts, messages, links - in SQLite. Several processes may write it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.consent import SMALL, Mode
from inkdot.domain.contact import Address
from inkdot.domain.errors import FolderInUse, StoreDamaged
from inkdot.domain.evidence import Actor, Correction, Human, Says, Verdict
from inkdot.domain.ids import ContactId, DocumentId, EventId, LinkId, MessageId, SiteId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.domain.own_browser import OwnClients
from inkdot.domain.token import TokenKind, common_object, link_in_message
from inkdot.domain.untreated import Untreated
from inkdot.store.at_hand import Who, at_hand
from inkdot.store.migrate import alone, migrate
from inkdot.store.query import questions, statements

_BUSY_SECONDS = 10
_HOUR, _DAY = 3_600, 86_400
_COMMON = "Mails to one person each"
_TWO_64 = 1 << 64
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class MarkedMessage(NamedTuple):
    """A message as reports list it."""

    id: MessageId
    marked: int
    """Unix seconds."""
    subject: str | None
    recipients: int
    unnamed: int = 0
    """Those of whom no name is kept."""
    by_day: int = 0
    """Those of whom the day of the last open is kept, and not of which mail it was."""


class MarkedCopy(NamedTuple):
    """One person's copy of a message."""

    message: MessageId
    marked: int
    """Unix seconds."""
    contact: ContactId


class SentCopy(NamedTuple):
    """What became of a person's copy before anything was heard of it."""

    message: MessageId
    address: Address
    subject: str | None
    marked: int
    """Unix seconds."""
    handed: float | None
    """When the next mail server took it, in unix seconds; None where that is not known."""
    state: str | None
    """As the mail door or the campaign knows it; None for a copy that left by another way."""
    answer: str | None


class Control:
    """One connection to `control.db`. Threads may share it: each call is one transaction, one at a time."""

    def __init__(self, path: Path) -> None:
        """Open and, if needed, migrate; raises StoreDamaged or NewerData."""
        self._path = path
        self._ask = questions("control")
        self._turn = threading.RLock()
        self._addresses = at_hand(path)
        with self._damage_named():
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                with alone(path.parent):  # of several that begin a file at once, SQLite lets one wait for nothing
                    for setting in statements(self._ask["settle"]):
                        self._db.execute(setting)
                migrate(self._db, "control", path, self._copy_to)
            except BaseException:
                self._db.close()
                raise
        path.chmod(0o600)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # -- keeping

    def remember_contacts(self, contacts: Mapping[Who, Address]) -> None:
        """Keep who people are; known ones change nothing."""
        seen = self._addresses.forgotten
        with self._transaction():
            self._keep("keep_contact", [(*who, address) for who, address in contacts.items()])
        self._addresses.remember(contacts, seen)

    def keep_message(self, message: Message, contacts: Mapping[Address, ContactId], workspace: WorkspaceId) -> None:
        """Keep a marked mail, its recipients and its links, durably.

        Where one unnamed person alone got it, what it was would name that person: it counts among the mails of its day.
        """
        if message.unnamed == 1:
            self._keep_common(message.marked, workspace)
            if not contacts:
                return
            message = replace(message, unnamed=0)
        links = [
            (link_in_message(message.id, position), workspace, message.id, position, destination.encode())
            for position, destination in enumerate(message.links, 1)
        ]
        with self._transaction():
            told = message.subject, message.internet_id, message.unnamed, message.by_day
            self._keep("keep_message", [(message.id, workspace, message.marked, *told)])
            self._keep("keep_contact", [(workspace, contact, address) for address, contact in contacts.items()])
            self._keep("keep_recipient", [(message.id, contact) for contact in contacts.values()])
            self._keep("keep_link", links)
            if message.list_name:
                self._keep("keep_list", [(message.id, message.list_name)])

    def _keep_common(self, marked: int, workspace: WorkspaceId) -> None:
        common, day = common_object(workspace, TokenKind.DOT, marked), marked - marked % _DAY
        with self._transaction():
            self._keep("keep_common", [(common, workspace, day, _COMMON)])

    def is_named(self, message: MessageId, contact: ContactId) -> bool:
        """Whether somebody was marked by name in a mail."""
        return bool(self._rows("is_named", (message, contact)))

    def is_alone(self, message: MessageId, mode: Mode) -> bool:
        """As domain/consent.py says it, of a mail that is kept already; it may say so of a second person, too."""
        rows = self._rows("how_many", (message, message))
        named, unnamed = rows[0] if rows else (0, 0)
        return bool(unnamed == 0 if mode is Mode.AGGREGATE else named + unnamed <= 1)

    def keep_link(self, link: LinkId, destination: bytes, workspace: WorkspaceId) -> None:
        """Keep a tracked link of its own."""
        with self._transaction():
            self._keep("keep_link", [(link, workspace, None, 0, destination)])

    def keep_handover(self, message: MessageId, contact: ContactId, time: float) -> None:
        """Keep when a person's copy was handed over to the next server (unix seconds)."""
        with self._transaction():
            self._keep("keep_handover", [(message, contact, time)])

    def keep_correction(self, event: EventId, correction: Correction, judged: Verdict) -> None:
        """Keep what somebody says of an event, and how it was judged until then."""
        with self._transaction():
            self._keep("keep_correction", [(_signed(event), *correction, f"{judged.actor} {judged.human}")])

    def forget_corrections(self, event: EventId) -> tuple[Actor, Human] | None:
        """Nobody says anything of an event any more; how it was judged before, None where nobody did."""
        rows = self._rows("judged_before", (_signed(event),))
        if not rows:
            return None
        with self._transaction():
            self._keep("forget_corrections", [(_signed(event),)])
        actor, _, human = str(rows[0][0]).partition(" ")
        return Actor(actor), Human(human)

    # -- questions

    def corrections(self) -> dict[EventId, Correction]:
        """The last word on each corrected event."""
        rows = self._rows("corrections")
        return {EventId(event % _TWO_64): Correction(Says(says), because, time) for event, says, because, time in rows}

    def contact_of(self, address: Address, workspace: WorkspaceId) -> ContactId | None:
        """The id of a known person."""
        rows = self._rows("contact_of", (workspace, address))
        return ContactId(rows[0][0]) if rows else None

    def contacts_of_domain(self, domain: str, workspace: WorkspaceId, most: int = 1_000) -> list[ContactId]:
        """People whose address is of this mail domain, some of them if there are many."""
        return [ContactId(row[0]) for row in self._rows("contacts_of_domain", (workspace, domain, most))]

    def address_of(self, workspace: WorkspaceId, contact: ContactId) -> Address | None:
        """The address behind an id, remembered after the first look."""
        return self.addresses_of([(workspace, contact)]).get((workspace, contact))

    def addresses_of(self, people: Iterable[Who]) -> dict[Who, Address]:
        """The addresses behind ids, as far as they are known; 0 is nobody."""
        asked, seen = set(people), self._addresses.forgotten
        found = {who: address for who in asked if (address := self._addresses.get(who))}
        missing = [who for who in asked if who[1] and who not in found]
        for workspace in {workspace for workspace, _ in missing}:
            listed = json.dumps([contact for here, contact in missing if here == workspace])
            rows = self._rows("addresses_of", (workspace, listed))
            fresh = {(workspace, ContactId(contact)): Address(address) for contact, address in rows}
            self._addresses.remember(fresh, seen)
            found |= fresh
        return found

    def handed_over(self, message: int) -> dict[int, float]:
        """When each contact's copy was handed over (unix seconds), as far as that is known."""
        return dict(self._rows("handed_over", (message,)))

    def worked_here(self, workspace: int, address: bytes, agent: str, now: int) -> None:
        """Somebody who signs in works from there (16 bytes) with that program, now (unix seconds)."""
        hour = now - now % _HOUR
        with self._transaction():
            self._keep("keep_own_client", [(workspace, address, agent, hour)])

    def own_clients(self, since: int, until: int) -> OwnClients:
        """From where people who sign in worked between two times (unix seconds), and the domains of their addresses."""
        clients = frozenset(self._rows("own_clients", (since - since % _HOUR, until)))
        return OwnClients(clients, frozenset(self._rows("own_domains")) if clients else frozenset())

    def forget_own_clients(self, before: int) -> None:
        """Forget where people worked before that time (unix seconds)."""
        with self._transaction():
            self._keep("forget_own_clients", [(before,)])

    def links_of(self, message: int) -> int | None:
        """How many tracked links a mail has; None if the mail is not known."""
        return int(self._rows("count_links", (message,))[0][0]) or None

    def unmarked(self, message: MessageId) -> dict[str, int]:
        """How many copies of a mail left without marks, by reason."""
        return dict(self._rows("unmarked", (message,)))

    def keep_untreated(self, message: MessageId, documents: Iterable[tuple[str, Untreated]]) -> None:
        """Keep which documents attached to a mail left as they came, and why; of a mail that is not kept, nothing is."""
        if rows := [(name, why, message) for name, why in documents]:
            with self._transaction():
                self._keep("keep_untreated", rows)

    def untreated(self, message: MessageId) -> dict[str, Untreated]:
        """Documents that left with a mail as they came, by name, and why."""
        return {name: Untreated(why) for name, why in self._rows("untreated", (message,))}

    def sent_to_few(self, messages: Iterable[MessageId]) -> set[MessageId]:
        """Those of these mails of which what is counted for nobody could be one of a handful of people's."""
        return {message for message in set(messages) if self._rows("few_unnamed", (message, SMALL, SMALL))}

    def message(self, message: MessageId) -> Message | None:
        """A marked mail as it was kept."""
        rows = self._rows("message", (message,))
        if not rows:
            return None
        subject, marked, internet_id = rows[0]
        recipients = tuple(Address(row[0]) for row in self._rows("recipients", (message,)))
        links = tuple(row[0].decode() for row in self._rows("links", (message,)))
        return Message(message, marked, subject, recipients, links, internet_id)

    def messages_since(self, marked: int, workspace: WorkspaceId) -> list[MessageId]:
        """Mails marked since then (unix seconds), latest first."""
        return [MessageId(row[0]) for row in self._rows("messages_since", (workspace, marked))]

    def messages_named(self, internet_id: str, workspace: WorkspaceId) -> list[MessageId]:
        """Mails that left under a Message-ID, latest first."""
        return [MessageId(row[0]) for row in self._rows("messages_named", (workspace, internet_id))]

    def name_message(self, message: MessageId, internet_id: str) -> None:
        """Keep under which Message-ID a mail left, unless that is known."""
        with self._transaction():
            self._keep("name_message", [(internet_id, message)])

    def mails(self, messages: Iterable[MessageId], workspace: WorkspaceId) -> dict[MessageId, MarkedMessage]:
        """What is known of mails; those of other workspaces are missing."""
        found = [row for message in messages for row in self._rows("marked_message", (workspace, message))]
        return {row[0]: MarkedMessage(*row) for row in found}

    def copies_between(self, workspace: WorkspaceId, since: int, until: int, most: int) -> list[MarkedCopy]:
        """Copies of mails marked in a span of time (unix seconds), latest first."""
        return list(map(MarkedCopy._make, self._rows("copies_between", (workspace, since, until, most))))

    def copies_to(self, contact: ContactId, workspace: WorkspaceId, most: int) -> list[SentCopy]:
        """What was sent to a person, latest first."""
        return [SentCopy(*row) for row in self._rows("copies_to", (contact, workspace, most))]

    def copies_sent(self, message: MessageId, workspace: WorkspaceId, most: int) -> list[SentCopy]:
        """What became of each copy of a mail on its way."""
        return [SentCopy(*row) for row in self._rows("copies_sent", (message, workspace, most))]

    def copies_of(self, message: MessageId, workspace: WorkspaceId) -> list[tuple[ContactId, Address]]:
        """Who got a copy of a mail."""
        return self._rows("copies_of", (message, workspace))

    def subjects(self, messages: Iterable[MessageId]) -> dict[MessageId, str | None]:
        """Subjects of known messages."""
        found = {message: self._rows("message", (message,)) for message in set(messages)}
        return {message: rows[0][0] for message, rows in found.items() if rows}

    def document_names(self, documents: Iterable[DocumentId]) -> dict[DocumentId, str]:
        """Names of known documents."""
        found = {document: self._rows("document_name", (document,)) for document in set(documents)}
        return {document: rows[0][0] for document, rows in found.items() if rows}

    def workspace_of_message(self, message: MessageId) -> WorkspaceId | None:
        """Where a marked mail belongs."""
        return next((WorkspaceId(row[0]) for row in self._rows("message_workspace", (message,))), None)

    def people_behind(
        self, workspace: WorkspaceId, after: str, search: str, most: int
    ) -> list[tuple[ContactId, Address]]:
        """People by address: those behind `after` whose address holds `search`."""
        rows = self._rows("people", (workspace, after, search, most))
        return [(ContactId(contact), Address(address)) for contact, address in rows]

    def sites_by_workspace(self) -> dict[WorkspaceId, list[SiteId]]:
        """Which websites belong to which workspace."""
        found: dict[WorkspaceId, list[SiteId]] = {}
        for workspace, site in self._rows("sites_by_workspace"):
            found.setdefault(workspace, []).append(site)
        return found

    def destination_of(self, link: LinkId) -> bytes | None:
        """Where a link leads."""
        rows = self._rows("destination", (link,))
        return bytes(rows[0][0]) if rows else None

    # -- care

    def check(self) -> list[str]:
        """What is wrong with the file, in sentences; empty if nothing."""
        try:
            rows = self._rows("check")
        except StoreDamaged as damage:
            return [str(damage)]
        return [f"{self._path.name}: {row[0]}" for row in rows if row[0] != "ok"]

    def backup_to(self, target: Path) -> None:
        """A consistent copy, made while others may write."""
        with self._turn, self._damage_named():
            self._copy_to(target)

    def _copy_to(self, target: Path) -> None:
        copy = sqlite3.connect(target)
        try:
            self._db.backup(copy)
        finally:
            copy.close()

    # -- one thing at a time

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when it ends."""
        with self._turn, self._damage_named():
            self._db.execute(self._ask["begin"])
            try:
                yield
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise

    def _keep(self, question: str, rows: Collection[tuple[object, ...]]) -> None:
        self._db.executemany(self._ask[question], rows)

    def _rows(self, question: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._turn, self._damage_named():
            return self._db.execute(self._ask[question], parameters).fetchall()

    @contextlib.contextmanager
    def _damage_named(self) -> Iterator[None]:
        """Tell a broken file from one that another process holds; a full disk stays what it is."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            name = self._path.name
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                raise StoreDamaged(f"{name} cannot be read ({error}); restore it with 'inkdot restore'.") from error
            if code in _BUSY:
                raise FolderInUse(f"Another process has held {name} for {_BUSY_SECONDS} seconds; try again.") from error
            raise


def _signed(number: int) -> int:
    """SQLite's integers are signed; events of inner streams use the highest bit."""
    return number - _TWO_64 if number >= _TWO_64 // 2 else number
