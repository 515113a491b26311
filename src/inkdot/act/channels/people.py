"""Words on people and lists of people: what follows without leaving the house."""

from __future__ import annotations

import os

from inkdot.act.channels import Undelivered
from inkdot.act.rule import Audience, Tag
from inkdot.domain.ids import AudienceId, ContactId, WorkspaceId
from inkdot.store.audiences import Audiences


def deliver(
    audiences: Audiences, action: Tag | Audience, workspace: WorkspaceId, who: int, because: str, now: int
) -> str:
    """Do it; doing it again changes nothing. Raises Undelivered where nobody is known."""
    if who <= 0:
        raise Undelivered("Nobody is known by address here, so there is nobody to put on a list.", permanent=True)
    contact = ContactId(who)
    if isinstance(action, Tag):
        if action.add is not None:
            audiences.tag(workspace, contact, action.add, now)
            return f"tagged {action.add}"
        audiences.untag(workspace, contact, str(action.remove))
        return f"untagged {action.remove}"
    name = action.join if action.join is not None else str(action.leave)
    known = audiences.named(name, workspace)
    if known is None:
        if action.join is None:
            return f"there is no list {name}"
        known = audiences.keep(AudienceId(int.from_bytes(os.urandom(8), "big") >> 1), name, None, now, workspace)
    audiences.change(known.id, [contact] * (action.join is not None), [contact] * (action.join is None), because, now)
    return f"{'joined' if action.join is not None else 'left'} {name}"
