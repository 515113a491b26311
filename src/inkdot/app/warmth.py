"""How warm leads people are right now: for rules that ask, and for pages that show something to warm ones alone."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from inkdot.act import rule
from inkdot.act.rule import Show
from inkdot.domain.event import Event
from inkdot.domain.evidence import Human
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.store.audiences import Audiences
from inkdot.store.crowd import done
from inkdot.store.events import EventStore
from inkdot.store.sites import Sites
from inkdot.store.triggers import Triggers
from inkdot.understand.lead import INTERESTING, Facts, points

_GATHER_SECONDS = 1.0
"""How long people are gathered who did something: to ask for one takes as long as for a hundred."""


def warmth(
    store: EventStore, workspace: WorkspaceId, people: Collection[ContactId] | None, now: int, *, coming: bool = False
) -> dict[ContactId, int]:
    """Points from 0 to 100 of these people (None: everybody), where there are any; `coming`: if they came now (microseconds)."""
    facts = ((contact, Facts(*did)) for contact, did in done(store, workspace, people, INTERESTING).items())
    return {contact: points(known._replace(last=now) if coming else known, now) for contact, known in facts}


class ForPages:
    """Keeps for the pages' process how warm people with a known browser are, as long as a rule on pages asks for it.

    The store of events is the office's alone, so it writes the points down: of everybody when such a rule comes, of those who did
    something a second after they did. Points are those of somebody who comes now.
    """

    def __init__(self, triggers: Triggers, audiences: Audiences, now: Callable[[], int]) -> None:
        """`now` gives microseconds since 1970."""
        self._triggers, self._audiences, self._now = triggers, audiences, now
        self._turn = threading.Lock()
        self._waiting: defaultdict[WorkspaceId, set[ContactId]] = defaultdict(set)
        self._asking: frozenset[WorkspaceId] = frozenset()
        self._anew, self._due = True, 0.0
        self.reload()

    def reload(self) -> None:
        """Rules may have changed, or what is known of people: find out anew."""
        with self._turn:
            rules = [(workspace, rule.kept(text)) for _, workspace, _, text, _ in self._triggers.active()]
            asking = frozenset(w for w, r in rules if r.when.score and any(isinstance(a, Show) for a in r.actions))
            self._asking, self._anew = asking, True

    def heard(self, events: Iterable[Event]) -> None:
        """People did something."""
        if not self._asking:
            return
        with self._turn:
            for event in events:
                if event.contact and event.workspace in self._asking and event.verdict.human is not Human.NO:
                    self._waiting[event.workspace].add(event.contact)

    def due(self) -> bool:
        """Whether there is something to write down."""
        return self._anew or (bool(self._waiting) and time.monotonic() >= self._due)

    def keep(self, store: EventStore, sites: Sites) -> None:
        """Write down what changed; what fails is to be done still."""
        with self._turn:
            anew, self._anew, waiting = self._anew, False, dict(self._waiting)
            asking, self._due = self._asking, time.monotonic() + _GATHER_SECONDS
            self._waiting.clear()
        try:
            self._keep(store, sites, asking if anew else waiting, waiting, anew=anew)
        except BaseException:
            with self._turn:
                self._anew |= anew
                for workspace, people in waiting.items():
                    self._waiting[workspace] |= people
            raise

    def _keep(
        self, store: EventStore, sites: Sites, workspaces: Collection[WorkspaceId],
        waiting: Mapping[WorkspaceId, set[ContactId]], *, anew: bool,
    ) -> None:  # fmt: skip
        if anew and not workspaces:
            self._audiences.forget_warm()
        for workspace in workspaces:
            people = set(sites.bound(workspace).values())
            if not anew:
                people &= waiting[workspace]
            points = warmth(store, workspace, people, self._now(), coming=True) if people else {}
            if anew or points:
                self._audiences.keep_warm(workspace, points, anew=anew)
