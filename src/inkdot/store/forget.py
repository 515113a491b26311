"""Forgetting a person in control.db: in every table that names contacts, and inside texts of any table."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Collection
from typing import Any

from inkdot.domain.contact import Address, mention_of
from inkdot.domain.errors import FolderInUse
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.store.consents import Consents, Erasure

_KEPT = (
    "consents",
    "denied",
    "erasures",
    "audit",
    "migrations",
    "mode_rules",
    "users",
    "members",
    "workspaces",
    "api_keys",
    "written_files",
)
"""What proves consent and erasure keeps the number of a person, never the address; accounts are no tracking data. Names of files that
were written go last: an erasure that was cut off has to find the files."""
_TEXTS = {"TEXT": ("forget_text", "forget_text_again"), "BLOB": ("forget_blob",)}
_TRIES_SECONDS = 10.0


class Forgetting(Consents):
    """`control.db` as an erasure uses it."""

    def begin(self, workspace: WorkspaceId, contact: ContactId, address: Address | None) -> None:
        """From now on this erasure will be finished, whatever happens."""
        with self._transaction():
            self._keep("begin_erasure", [(contact, workspace, address, int(time.time()))])

    def begun(self) -> list[Erasure]:
        """Erasures that are not finished."""
        return [Erasure(*row) for row in self._rows("open_erasures")]

    def end(self, asked: Erasure, digests: Collection[str], certificate: str) -> None:
        """It is finished; `digests`: how platforms were told of the person."""
        if asked.address:
            self._teach(asked.address)
        with self._transaction():
            if asked.address:
                self._forget_texts("written_files")
            self._keep("forget_given", [(digest, asked.workspace) for digest in digests])
            self._keep("end_erasure", [(int(time.time()), certificate, asked.contact)])
        self._compact()

    def given_out(self, workspace: WorkspaceId, digests: Collection[str]) -> list[tuple[str, str]]:
        """(list, platform) of each that was given the person, and not told to remove."""
        return sorted({row for digest in digests for row in self._rows("given_out", (workspace, digest))})

    def taken_out(self, workspace: WorkspaceId, contact: ContactId) -> list[tuple[int, str, str, dict[str, Any]]]:
        """(unix seconds, who, what, detail) of each download that may hold a person, oldest first."""
        rows = self._rows("taken_out", (workspace, contact))
        return [(at, who, what, json.loads(detail)) for at, who, what, detail in rows]

    def visitors_of(self, contact: ContactId) -> list[int]:
        """The person's browsers, as far as they are known."""
        if "visitors" not in self._tables():
            return []
        return [int(row["visitor"]) for row in self.rows_about(contact)["visitors"]]

    def rows_about(self, contact: ContactId) -> dict[str, list[dict[str, Any]]]:
        """Everything that tables name a person in, by table."""
        found: dict[str, list[dict[str, Any]]] = {}
        for table in self._tables():
            columns = self._columns(table)
            if "contact" in columns and table not in _KEPT:
                rows = self._db.execute(self._ask["rows_about"].format(table=table), (contact,)).fetchall()
                found[table] = [dict(zip(columns, row, strict=True)) for row in rows]
        return found

    def forget(
        self, workspace: WorkspaceId, contact: ContactId, address: Address | None, *, shared: bool = False
    ) -> int:
        """Delete the person everywhere; returns how many rows.

        `shared`: the address may be other workspaces' business too, so it goes out of this one's texts alone.
        """
        visitors = self.visitors_of(contact)
        self._db.execute(self._ask["settle_erasure"])
        if address:
            self._teach(address)
        before = self._db.total_changes
        with self._transaction():
            self._keep("forget_orphans", [(contact, contact)])
            self._keep("forget_known", [(contact,)])
            for table in self._tables():
                if table not in _KEPT:
                    self._forget_numbers(table, self._columns(table), contact, visitors)
                    if address:
                        self._forget_texts(table, workspace if shared else None)
            self._keep("forget_who", [(workspace, who) for who in (contact, *visitors)])
            if "answered" in self._tables():  # what was told to programs may be told again for a day
                self._keep("forget_all_answers", [()])
        self._addresses.forget([(workspace, contact)])
        changed = self._db.total_changes - before
        self._compact()
        return changed

    def _forget_texts(self, table: str, workspace: WorkspaceId | None = None) -> None:
        columns = self._columns(table)
        if workspace is not None and "workspace" not in columns:
            return
        where = "TRUE" if workspace is None else f"workspace = {int(workspace)}"
        for column, kind in columns.items():
            for question in _TEXTS.get(kind, ()):
                self._keep_in(question, table, (), column, where)

    def _forget_numbers(self, table: str, columns: dict[str, str], contact: ContactId, visitors: list[int]) -> None:
        """Rows of a table that have the person, or one of their browsers, by number."""
        if "contact" in columns:
            self._keep_in("forget_contact", table, (contact,))
        elif columns.get("who") == "INTEGER":
            for who in (contact, *(-visitor for visitor in visitors)):
                self._keep_in("forget_seen", table, (who,))
        if columns.get("person") == "INTEGER":
            self._keep_in("forget_as_person", table, (contact,))

    def _teach(self, address: str) -> None:
        """SQL learns to find the address as a whole."""
        mention = re.compile(mention_of(address), re.IGNORECASE)

        def text(value: object) -> str:
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

        def mentions(value: object) -> bool:
            return value is not None and mention.search(text(value)) is not None

        def without(value: object) -> str:
            return mention.sub(r"\1erased\2", text(value))

        self._db.create_function("mentions", 1, mentions, deterministic=True)
        self._db.create_function("without", 1, without, deterministic=True)

    def forget_before(self, before: int) -> int:
        """Delete mails marked before a time (unix seconds), and people of whom nothing is left; returns how many mails."""
        self._db.execute(self._ask["settle_erasure"])
        with self._transaction():
            mails = self._db.execute(self._ask["old_messages"], (before,)).rowcount
            if mails:
                self._keep("old_answers", [()])
                self._keep("old_people", [(before * 1_000_000,)])
        if mails:
            self._addresses.forget()
            self._compact()
        return mails

    def retire(self, workspace: WorkspaceId, before: int) -> None:
        """Nothing more is kept of mails marked before a time (unix seconds), and of the workspace's sites."""
        with self._transaction():
            self._keep("retire", [(int(time.time()), before, workspace)])

    def forget_campaigns(self, workspace: WorkspaceId) -> None:
        """None of a workspace's was ever sent."""
        with self._transaction():
            self._keep("forget_campaign_copies", [(workspace,)])
            self._keep("forget_campaigns", [(workspace,)])

    def sites_of(self, workspace: WorkspaceId) -> list[int]:
        """The workspace's websites."""
        return [site for (site,) in self._rows("sites_of_workspace", (workspace,))]

    def several_workspaces(self) -> bool:
        """Whether other workspaces share this store."""
        return int(self._rows("count_workspaces")[0][0]) > 1

    def was_erased(self, contact: ContactId) -> bool:
        """True if the ledger says so, and nothing was chosen since."""
        rows = self._rows("last_act", (contact,))
        return bool(rows) and rows[0][0] == "erase"

    def _keep_in(
        self, question: str, table: str, row: tuple[object, ...], column: str = "", where: str = "TRUE"
    ) -> None:
        self._db.execute(self._ask[question].format(table=table, column=column, where=where), row)

    def _tables(self) -> list[str]:
        return [row[0] for row in self._rows("tables")]

    def _columns(self, table: str) -> dict[str, str]:
        return dict(self._rows("columns", (table,)))

    def _compact(self) -> None:
        """Leave nothing of what was deleted in the file or its log; waits for readers."""
        deadline = time.monotonic() + _TRIES_SECONDS
        with contextlib.suppress(FolderInUse, sqlite3.OperationalError):  # what is deleted is overwritten already
            self._rows("compact")
        while self._rows("empty_log")[0][0] and time.monotonic() < deadline:
            time.sleep(0.05)
