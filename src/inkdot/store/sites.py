"""The websites' part of control.db: sites and their goals, and who visitors turned out to be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.ids import ContactId, SiteId, VisitorId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class Site(NamedTuple):
    """A website."""

    id: SiteId
    domain: str
    made: int
    """Unix seconds."""
    key: str


class Goal(NamedTuple):
    """What counts as reached on a site."""

    name: str
    kind: str
    """page, event or seconds"""
    target: str
    """A path that may end in *, an event's name, a number of seconds in one visit."""


class Browser(NamedTuple):
    """A browser that a person was proven to use."""

    visitor: VisitorId
    proved: int
    """Microseconds since 1970."""
    rule: str
    ended: int | None
    """Unix seconds when it was taken back."""
    people: int
    """How many known people use it."""


class Binding(NamedTuple):
    """What shows who a visitor is."""

    workspace: WorkspaceId
    visitor: VisitorId
    contact: ContactId
    proved: int
    rule: str
    event: int | None


class Sites(Control):
    """`control.db` as websites need it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("sites")

    def keep_site(self, site: Site, workspace: WorkspaceId) -> Site:
        """Keep a new site; returns it, or the one of that domain that somebody else was quicker to keep."""
        with self._transaction():
            self._keep("keep_site", [(site.id, workspace, site.domain, site.made, site.key)])
        return self.site_of(site.domain, workspace) or site

    def site_of(self, domain: str, workspace: WorkspaceId) -> Site | None:
        """The site of a domain."""
        return next((Site(*row) for row in self._rows("site_of", (workspace, domain))), None)

    def site(self, site: SiteId) -> Site | None:
        """A site by its id."""
        return next((Site(*row) for row in self._rows("site", (site,))), None)

    def sites(self, workspace: WorkspaceId) -> list[Site]:
        """All sites by domain."""
        return [Site(*row) for row in self._rows("sites", (workspace,))]

    def forget_site(self, site: SiteId) -> None:
        """A site that is none any more, with its goals."""
        with self._transaction():
            self._keep("forget_site", [(site,)])

    def keep_goal(self, site: SiteId, goal: Goal) -> None:
        """Keep a goal; one of that name is replaced."""
        with self._transaction():
            self._keep("keep_goal", [(site, *goal)])

    def forget_goal(self, site: SiteId, name: str) -> None:
        """A goal that is none any more."""
        with self._transaction():
            self._keep("forget_goal", [(site, name)])

    def goals(self, site: SiteId) -> list[Goal]:
        """A site's goals by name."""
        return [Goal(*row) for row in self._rows("goals", (site,))]

    def begin_import(self, digest: str, site: SiteId, begun: int, first: int) -> None:
        """An import begins at a segment of the journal's import stream; one that was cut off began before."""
        with self._transaction():
            self._keep("begin_import", [(digest, site, begun, first)])

    def end_import(self, digest: str, behind: int) -> None:
        """It is whole and ends before a segment."""
        with self._transaction():
            self._keep("end_import", [(behind, digest)])

    def import_of(self, digest: str) -> tuple[int, int | None] | None:
        """Where it begins and, if it is whole, behind which segment it ends."""
        return next(iter(self._rows("import_of", (digest,))), None)

    # -- who visitors are

    def bind(self, bindings: Iterable[Binding]) -> None:
        """Keep what was proven; what is known already stays as it was proven first."""
        with self._transaction():
            self._keep("bind", list(bindings))

    def people_of(self, visitor: VisitorId) -> tuple[ContactId, ...]:
        """Who is known to use a browser, first proven first."""
        return tuple(ContactId(row[0]) for row in self._rows("people_of", (visitor,)))

    def taken_back(self, visitor: VisitorId, contact: ContactId) -> bool:
        """True if somebody said that this browser is not this person's."""
        return bool(self._rows("taken_back", (visitor, contact))[0][0])

    def browsers(self, contact: ContactId, workspace: WorkspaceId) -> list[Browser]:
        """A person's browsers, those taken back included."""
        return [Browser(*row) for row in self._rows("visitors_of", (workspace, contact))]

    def bound(self, workspace: WorkspaceId) -> dict[VisitorId, ContactId]:
        """Every browser that belongs to exactly one known person."""
        return {VisitorId(visitor): ContactId(contact) for visitor, contact in self._rows("bound", (workspace,))}

    def merge_visitor(self, binding: Binding, said: int, person: str, other: str) -> None:
        """Somebody says that a browser is a person's."""
        with self._transaction():
            self._keep("bind", [binding])
            self._keep("rebind", [binding[:3]])
            self._keep("keep_identity", [(binding.workspace, said, "merged", person, other, "by hand")])

    def unmerge_visitor(
        self, workspace: WorkspaceId, visitor: VisitorId, contact: ContactId, said: int, person: str, other: str
    ) -> None:
        """Somebody says that it is not; no proof binds the two again."""
        with self._transaction():
            self._keep("unbind", [(said, workspace, visitor, contact)])
            self._keep("keep_identity", [(workspace, said, "unmerged", person, other, "by hand")])

    def merge_people(
        self, workspace: WorkspaceId, contact: ContactId, person: ContactId, said: int, names: tuple[str, str]
    ) -> None:
        """Somebody says that two addresses are one person's; `names` are (person, other)."""
        with self._transaction():
            self._keep("keep_same", [(workspace, contact, person)])
            self._keep("keep_identity", [(workspace, said, "merged", *names, "by hand")])

    def unmerge_people(
        self, workspace: WorkspaceId, contact: ContactId, person: ContactId, said: int, names: tuple[str, str]
    ) -> None:
        """Somebody says that they are not."""
        with self._transaction():
            self._keep("forget_same", [(workspace, contact, person)])
            self._keep("keep_identity", [(workspace, said, "unmerged", *names, "by hand")])

    def person_of(self, contact: ContactId, workspace: WorkspaceId) -> ContactId:
        """The person behind an address: itself unless somebody merged it."""
        rows = self._rows("person_of", (workspace, contact))
        return ContactId(rows[0][0]) if rows else contact

    def same_as(self, person: ContactId, workspace: WorkspaceId) -> list[ContactId]:
        """A person's other addresses."""
        return [ContactId(row[0]) for row in self._rows("same_as", (workspace, person))]

    def note_identities(self, rows: Iterable[tuple[WorkspaceId, int, str, str, str, str]]) -> None:
        """Into the journal of who is who: workspace, unix seconds, act, person, other, because."""
        with self._transaction():
            self._keep("keep_identity", list(rows))

    def identities(self, workspace: WorkspaceId) -> list[tuple[int, str, str, str, str]]:
        """The journal of who is who, oldest first: unix seconds, act, person, other, because."""
        return self._rows("identities", (workspace,))
