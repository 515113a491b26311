"""The audiences' part of control.db: lists that people join and leave, and words on people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.ids import AudienceId, ContactId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class KeptAudience(NamedTuple):
    """A list."""

    id: AudienceId
    name: str
    rule: str | None
    """JSON; None for a list kept by hand and by triggers."""
    added: int
    """Unix seconds."""
    members: int


class Membership(NamedTuple):
    """Who is, or was, on a list."""

    contact: ContactId
    time: int
    """When they joined, or left; unix seconds."""
    because: str


class Audiences(Control):
    """`control.db` as audiences need it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("audiences")

    def keep(self, fresh: AudienceId, name: str, rule: str | None, now: int, workspace: WorkspaceId) -> KeptAudience:
        """Keep a list under its name: a new one with the id `fresh`, or another rule for the one there is."""
        with self._transaction():
            self._keep("keep_audience", [(fresh, workspace, name, rule, now)])
        kept = self.named(name, workspace)
        assert kept
        return kept

    def audiences(self, workspace: WorkspaceId) -> list[KeptAudience]:
        """All of them, by name."""
        return [KeptAudience(*row) for row in self._rows("audiences", (workspace,))]

    def workspaces(self) -> list[WorkspaceId]:
        """Those that have any."""
        return [WorkspaceId(row[0]) for row in self._rows("audience_workspaces")]

    def named(self, name: str, workspace: WorkspaceId) -> KeptAudience | None:
        """The one of that name."""
        return next((KeptAudience(*row) for row in self._rows("audience", (workspace, name))), None)

    def forget(self, audience: AudienceId) -> None:
        """Remove a list with its members."""
        with self._transaction():
            self._keep("forget_audience", [(audience,)])

    def change(
        self,
        audience: AudienceId,
        joining: Collection[ContactId],
        leaving: Collection[ContactId],
        because: str,
        now: int,
    ) -> None:
        """Let people join and leave; whoever is there, or is not, already changes nothing."""
        present = {m.contact for m in self.members(audience)} if leaving else set()
        gone = [contact for contact in leaving if contact in present]
        with self._transaction():
            self._keep("join", [(audience, contact, now, because) for contact in joining])
            self._keep("unnote_leaving", [(audience, contact) for contact in joining])
            self._keep("leave", [(audience, contact) for contact in gone])
            self._keep("note_leaving", [(audience, contact, now, because) for contact in gone])

    def members(self, audience: AudienceId) -> list[Membership]:
        """Who is on a list, in the order of joining."""
        return [Membership(*row) for row in self._rows("members", (audience,))]

    def leavers(self, audience: AudienceId, since: int) -> list[Membership]:
        """Who left since a time (unix seconds)."""
        return [Membership(*row) for row in self._rows("leavers", (audience, since))]

    def exported(self, audience: AudienceId, target: str) -> set[str]:
        """Whom a platform was given, as hashes, and has not been told to remove."""
        return {str(row[0]) for row in self._rows("exported", (audience, target))}

    def note_export(
        self, audience: AudienceId, target: str, given: Collection[str], removed: Collection[str], now: int
    ) -> None:
        """Keep whom a platform was given, and whom it was told to remove."""
        with self._transaction():
            self._keep("note_export", [(audience, target, digest, now) for digest in given])
            self._keep("unnote_export", [(audience, target, digest) for digest in removed])

    def is_member(self, workspace: WorkspaceId, name: str, contact: ContactId) -> bool:
        """Whether somebody is on the list of that name."""
        return bool(self._rows("is_member", (workspace, name, contact)))

    def tag(self, workspace: WorkspaceId, contact: ContactId, word: str, now: int) -> None:
        """Put a word on somebody."""
        with self._transaction():
            self._keep("tag", [(workspace, contact, word, now)])

    def untag(self, workspace: WorkspaceId, contact: ContactId, word: str) -> None:
        """Take it off."""
        with self._transaction():
            self._keep("untag", [(workspace, contact, word)])

    def tags_of(self, workspace: WorkspaceId, contact: ContactId) -> list[str]:
        """The words on somebody."""
        return [str(row[0]) for row in self._rows("tags_of", (workspace, contact))]

    def tagged(self, workspace: WorkspaceId, word: str) -> set[ContactId]:
        """Who has a word on them."""
        return {ContactId(row[0]) for row in self._rows("tagged", (workspace, word))}

    def keep_details(
        self, workspace: WorkspaceId, people: Mapping[ContactId, Mapping[str, str]], *, anew: bool
    ) -> None:
        """Keep what is known of people beside their addresses; `anew`: and nothing else."""
        with self._transaction():
            if anew:
                self._keep("forget_details", [(workspace, contact) for contact in people])
            rows = [(workspace, contact, *detail) for contact, known in people.items() for detail in known.items()]
            self._keep("keep_detail", rows)

    def details_of(self, workspace: WorkspaceId, contact: ContactId) -> dict[str, str]:
        """What is known of somebody."""
        return dict(self._rows("details_of", (workspace, contact)))

    def details(self, workspace: WorkspaceId) -> dict[ContactId, dict[str, str]]:
        """What is known of everybody of whom anything is."""
        found: dict[ContactId, dict[str, str]] = {}
        for contact, name, value in self._rows("details", (workspace,)):
            found.setdefault(ContactId(contact), {})[name] = value
        return found

    def keep_warm(self, workspace: WorkspaceId, points: Mapping[ContactId, int], *, anew: bool) -> None:
        """Keep how warm people are, for pages that ask; `anew`: of nobody else any more."""
        with self._transaction():
            if anew:
                self._keep("forget_warm", [(workspace,)])
            self._keep("keep_warm", [(workspace, contact, number) for contact, number in points.items()])

    def forget_warm(self) -> None:
        """No page asks how warm people are."""
        with self._transaction():
            self._keep("forget_all_warm", [()])

    def warmth_of(self, workspace: WorkspaceId, contact: ContactId) -> int:
        """How warm somebody was found for pages; 0 if nobody looked."""
        rows = self._rows("warmth_of", (workspace, contact))
        return int(rows[0][0]) if rows else 0

    def people(self, workspace: WorkspaceId) -> list[tuple[ContactId, Address]]:
        """Everybody with their address."""
        return [(ContactId(c), Address(a)) for c, a in self._rows("people", (workspace,))]
