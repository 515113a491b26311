"""Consent in control.db: the ledger of choices, the rules of scopes, whom nothing is kept of, and the audit log."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.consent import Choice, Mode
from inkdot.domain.contact import Address, without_addresses
from inkdot.domain.ids import ContactId, SiteId, WorkspaceId
from inkdot.store import chain
from inkdot.store.control import Control
from inkdot.store.query import questions

_NONCE_BYTES = 16


class Audited(NamedTuple):
    """One line of the audit log."""

    number: int
    time: int
    who: str
    what: str
    about: ContactId | None
    detail: str


class Erasure(NamedTuple):
    """One that was begun."""

    workspace: WorkspaceId
    contact: ContactId
    address: Address | None
    begun: int


class Consents(Control):
    """`control.db` as consent is asked of it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("consent")

    # -- the ledger

    def keep_choices(self, workspace: WorkspaceId, choices: Iterable[tuple[ContactId, Choice]]) -> list[int]:
        """Keep choices; their numbers are given here. A withdrawal denies, a later consent allows again."""
        numbers = []
        with self._transaction():
            found = self._rows("last_consent")
            number, before = found[0] if found else (0, chain.START)
            for contact, choice in choices:
                number += 1
                before = self._keep_choice(workspace, contact, choice._replace(number=number), before)
                numbers.append(number)
        return numbers

    def _keep_choice(self, workspace: WorkspaceId, contact: ContactId, choice: Choice, before: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        assert choice.address is not None
        who = chain.commitment(choice.address, nonce)
        content = (
            workspace, contact, who, choice.act, choice.mode, choice.scope, choice.wording, choice.version,
            choice.language, choice.method, choice.form, choice.time,
        )  # fmt: skip
        seal = chain.seal(before, (choice.number, *content))
        row = (choice.number, workspace, contact, choice.address, nonce, *content[2:], seal)
        self._keep("keep_consent", [row])
        if choice.act in ("withdraw", "erase"):
            why = "withdrawn" if choice.act == "withdraw" else "erased"
            self._keep("deny", [(contact, why, choice.time)])
        elif choice.act == "set" and not choice.scope and choice.mode:
            self._keep("allow", [(contact,)])
        return seal

    def choices_of(self, workspace: WorkspaceId, contact: ContactId) -> list[Choice]:
        """One person's, oldest first."""
        return [_choice(row) for row in self._rows("consents_of", (workspace, contact))]

    def who_chose(self, workspace: WorkspaceId) -> list[ContactId]:
        """Everybody of whom a choice is on record."""
        return [ContactId(row[0]) for row in self._rows("who_chose", (workspace,))]

    def choices(self) -> Iterator[Choice]:
        """All, oldest first."""
        return map(_choice, self._rows("all_consents"))

    def head(self) -> tuple[int, str]:
        """Number and seal of the last row: whoever knows it can prove that nothing was taken away behind it."""
        found = self._rows("last_consent")
        return (found[0][0], found[0][1].hex()) if found else (0, chain.START.hex())

    def audit_head(self) -> tuple[int, str]:
        """The same of the audit log."""
        found = self._rows("last_audit")
        return (found[0][0], found[0][1].hex()) if found else (0, chain.START.hex())

    def missing(self, seal: str) -> list[str]:
        """What a seal (`ROWS:SEAL` of the ledger, `audit:LINES:SEAL` of the audit log) says now, in sentences; empty if it still holds."""
        of_audit = seal.startswith("audit:")
        number, _, expected = seal.removeprefix("audit:").partition(":")
        if of_audit:
            rows = {str(r[0]): r[6].hex() for r in self._rows("all_audit")}
        else:
            rows = {str(r[0]): r[15].hex() for r in self._rows("all_consents")}
        if rows.get(number, chain.START.hex() if number == "0" else None) == expected:
            return []
        return [
            f"Audit log: it does not hold the {number} lines that the seal was made for." if of_audit
            else f"Consent ledger: it does not hold the {number} rows that the seal was made for."
        ]  # fmt: skip

    def findings(self) -> list[str]:
        """What is wrong with the chains, in sentences."""
        rows = self._rows("all_consents")
        found = []
        if number := chain.broken((r[0], r[15], (r[0], r[1], r[2], *r[5:15])) for r in rows):
            found.append(f"Consent ledger: row {number} was changed, or a row before it is missing.")
        found += [
            f"Consent ledger: row {r[0]} names somebody else than it did when it was written."
            for r in rows
            if r[3] is not None and (r[4] is None or chain.commitment(r[3], r[4]) != r[5])
        ]
        audit = self._rows("all_audit")
        if number := chain.broken((r[0], r[6], r[:6]) for r in audit):
            found.append(f"Audit log: row {number} was changed, or a row before it is missing.")
        return found

    # -- rules and denials

    def keep_rule(self, workspace: WorkspaceId, scope: str, mode: Mode) -> None:
        """The widest mode of a scope, from now on."""
        with self._transaction():
            self._keep("keep_rule", [(workspace, scope, mode, int(time.time()))])

    def rules(self, workspace: WorkspaceId) -> dict[str, Mode]:
        """The widest modes by scope."""
        return {scope: Mode(mode) for scope, mode in self._rows("mode_rules", (workspace,))}

    def websites(self) -> list[tuple[SiteId, WorkspaceId, str]]:
        """Every site of every workspace, with its domain."""
        return [(SiteId(site), WorkspaceId(at), domain) for site, at, domain in self._rows("websites")]

    def denied(self) -> list[int]:
        """Ids of which nothing may be kept."""
        return [row[0] for row in self._rows("denied")]

    def denied_browsers(self) -> list[int]:
        """Those of browsers that were proven to be a denied person's."""
        return [row[0] for row in self._rows("denied_browsers")]

    def words_of_people(self, most: Mode) -> dict[int, int]:
        """What people allow (a mode's number) whose last word is no wider than a mode, by person and by browser."""
        return dict(self._rows("words_of_people", (most,)))

    def words_for_lists(self, until: int) -> list[tuple[int, int, int]]:
        """Mail, person and mode of those who said less than everything of a list; of mails marked `until` then, also everything."""
        return self._rows("words_for_lists", (Mode.INDIVIDUAL, until))

    def limits_of_lists(self) -> dict[int, int]:
        """By mail what the rule of its list allows (a mode's number), where that is less than everything."""
        return dict(self._rows("limits_of_lists", (Mode.INDIVIDUAL,)))

    def workspaces(self) -> dict[WorkspaceId, Mode]:
        """The widest mode of each workspace."""
        rows = self._rows("all_workspaces")
        return {WorkspaceId(number): Mode.INDIVIDUAL if mode is None else Mode(mode) for number, mode in rows}

    def silence_since(self, mode: Mode, now: int) -> int:
        """Since when (unix seconds) this is what may be kept of people who chose nothing; `now` if it is new."""
        rows = self._rows("silence")
        if rows and rows[0][0] == mode:
            return int(rows[0][1])
        with self._transaction():
            self._keep("keep_silence", [(mode, now)])
        return now

    def oldest_mark(self) -> int | None:
        """When the oldest of what is out was marked, in unix seconds."""
        found: int | None = self._rows("oldest_mark")[0][0]
        return found

    def retired(self) -> list[int]:
        """Ids of things of which nothing may be kept."""
        return [row[0] for row in self._rows("retired")]

    def retire_one(self, number: int, now: int) -> None:
        """Nothing may be kept of this thing from now on (unix seconds)."""
        with self._transaction():
            self._keep("retire_one", [(number, now)])

    def why_denied(self, contact: ContactId) -> str | None:
        """withdrawn, erased, or None."""
        rows = self._rows("why_denied", (contact,))
        return str(rows[0][0]) if rows else None

    # -- the audit log

    def audit(self, who: str, what: str, about: ContactId | None = None, **detail: object) -> None:
        """Write down that somebody read, exported or changed personal data. No address stands in `detail`: it outlasts erasure."""
        self.audit_each(who, what, () if about is None else (about,), **detail)

    def audit_each(self, who: str, what: str, about: Iterable[ContactId], **detail: object) -> None:
        """The same of each of several people; one line about nobody where there are none."""
        told = without_addresses(json.dumps(detail, sort_keys=True, ensure_ascii=False))
        told = told.encode("utf-8", "backslashreplace").decode()  # half surrogates, as JSON writes them
        now, lines = int(time.time()), []
        with self._transaction():
            found = self._rows("last_audit")
            last, before = found[0] if found else (0, chain.START)
            for number, one in enumerate(list(about) or (None,), last + 1):
                row = (number, now, who, what, one, told)
                before = chain.seal(before, row)
                lines.append((*row, before))
            self._keep("keep_audit", lines)

    def audited(self, about: ContactId | None = None) -> list[Audited]:
        """The audit log, or what it says of one person; oldest first."""
        rows = self._rows("all_audit") if about is None else self._rows("audit_about", (about,))
        return [Audited(*row[:6]) for row in rows]

    def audited_in(self, workspace: WorkspaceId, most: int) -> list[Audited]:
        """The newest lines of the audit log about one workspace, newest first."""
        return [Audited(*row[:6]) for row in self._rows("audit_of", (workspace, most))]

    # -- who was asked

    def asked_at(self, workspace: WorkspaceId, contact: ContactId, scope: str) -> int | None:
        """When somebody was last asked for a consent, in unix seconds."""
        rows = self._rows("asked_at", (workspace, contact, scope))
        return int(rows[0][0]) if rows else None

    def keep_asked(self, workspace: WorkspaceId, contact: ContactId, scope: str, now: int) -> None:
        """Somebody was asked."""
        with self._transaction():
            self._keep("keep_asked", [(workspace, contact, scope, now)])

    # -- files that were written

    def keep_written(self, path: Path, kind: str, about: ContactId | None = None) -> None:
        """A backup or an export lies there now; `about` one person or everybody."""
        with self._transaction():
            self._keep("keep_written", [(str(path), kind, int(time.time()), about)])

    def exports_with(self, contact: ContactId) -> list[Path]:
        """Where exports were written that may hold a person; oldest first."""
        return [Path(path) for (path,) in self._rows("written_about", (contact,))]

    def written(self, kind: str) -> list[tuple[Path, int]]:
        """Files that were written, with the time; oldest first."""
        return [(Path(path), at) for path, of_kind, at in self._rows("written") if of_kind == kind]

    def forget_all_written(self) -> None:
        """A copy of a folder has written nothing yet."""
        with self._transaction():
            self._keep("forget_all_written", [()])

    def has_open_erasures(self) -> bool:
        """True if one was begun and not finished."""
        return bool(self._rows("open_erasures"))

    def mails_of(self, workspace: WorkspaceId, contact: ContactId) -> list[tuple[Any, ...]]:
        """(message, unix seconds, subject, Message-ID) of each mail to a person."""
        return self._rows("messages_of", (workspace, contact))

    def oldest_mail(self) -> int | None:
        """When the oldest mail was marked, in unix seconds."""
        found: int | None = self._rows("oldest_message")[0][0]
        return found

    def forget_written(self, path: Path) -> None:
        """It is there no more."""
        with self._transaction():
            self._keep("forget_written", [(str(path),)])


def _choice(row: tuple[Any, ...]) -> Choice:
    mode = None if row[7] is None else Mode(row[7])
    return Choice(row[0], None if row[3] is None else Address(row[3]), row[6], mode, *row[8:15])
