"""How warm leads people are right now, for rules that ask."""

from __future__ import annotations

from collections.abc import Collection

from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.store.crowd import done
from inkdot.store.events import EventStore
from inkdot.understand.lead import INTERESTING, Facts, score


def warmth(
    store: EventStore, workspace: WorkspaceId, people: Collection[ContactId] | None, now: int
) -> dict[ContactId, int]:
    """Points from 0 to 100 of these people (None: everybody), where there are any; `now` in microseconds."""
    found = done(store, workspace, people, INTERESTING).items()
    return {contact: score(Facts(*did), now).points for contact, did in found}
