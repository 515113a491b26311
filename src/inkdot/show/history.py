"""One person's events over mail, documents and websites, with what the same browsers did before anybody knew whose they are."""

from __future__ import annotations

from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import MACHINES, Evidence
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.store.events import EventStore
from inkdot.store.sites import Sites

INFERRED = Evidence("W6", "inferred: the same browser, before it was proven whose it is")


class History:
    """Puts one person's events together."""

    def __init__(self, sites: Sites | None, store: EventStore) -> None:
        self._sites, self._store = sites, store

    def of(self, contact: ContactId, workspace: WorkspaceId) -> list[Event]:
        """Oldest first. Browsers that several known people use add nothing from before."""
        events = self._store.timeline(workspace, contact)
        if self._sites is None:
            return events
        for other in self._sites.same_as(contact, workspace):
            events += self._store.timeline(workspace, other)
        browsers = self._sites.browsers(contact, workspace)
        alone = [b.visitor for b in browsers if b.ended is None and b.people == 1]
        before = self._store.of_visitors(workspace, alone)
        events += [e._replace(because=(*e.because, INFERRED)) for e in before]
        return sorted(events, key=lambda e: (e.time, e.id))


def says_of_site(event: Event) -> str:
    """A website's event in one plain sentence."""
    assert event.scene
    scene = event.scene
    if event.verdict.actor in MACHINES:
        return "A program loaded the page; nobody looked at it."
    match event.kind:
        case Kind.VIEW:
            came = (
                f", coming by {scene.channel}"
                if scene.channel and scene.visit is not None and int(scene.visit) == int(event.id)
                else ""
            )
            searched = f", searching “{scene.name}”" if scene.name else ""
            return f"Looked at a page{came}{searched}."
        case Kind.ENGAGE:
            return f"Was active on the page for {scene.seconds or 0:.0f} s; {event.part} % of it were on screen."
        case Kind.DOWNLOAD:
            return f"Fetched the file {scene.name or ''}.".replace(" .", ".")
        case Kind.CLICK:
            return "Left by a link of the page."
        case Kind.GOAL if scene.name == "identify":
            return "The site said who this is."
        case _:
            return f"Reached “{scene.name}”."
