"""Browsers that may be pushed to, in control.db: the owner's own, and those of people who allowed it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions

OWNER = ContactId(0)
"""Whose browsers get what rules tell the owner."""


class Subscription(NamedTuple):
    """One browser."""

    endpoint: str
    """Where its push service takes messages."""
    keys: str
    """JSON: p256dh, auth"""
    name: str
    contact: ContactId
    added: int
    """Unix seconds."""


class Subscriptions(Control):
    """`control.db` as web push uses it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("subscriptions")

    def keep(self, subscription: Subscription, workspace: WorkspaceId) -> None:
        """A browser that may be pushed to; one that is known gets its new keys."""
        endpoint, keys, name, contact, added = subscription
        with self._transaction():
            self._keep("keep_subscription", [(endpoint, workspace, contact, keys, name, added)])

    def of(self, workspace: WorkspaceId, contact: ContactId | None = None) -> list[Subscription]:
        """Somebody's browsers; everybody's without a contact."""
        return [Subscription(*row) for row in self._rows("subscriptions", (workspace, contact))]

    def forget(self, endpoint: str) -> None:
        """It is gone, or wants nothing more."""
        with self._transaction():
            self._keep("forget_subscription", [(endpoint,)])
