"""What users want to be told of, in control.db."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from inkdot.domain.ids import ContactId, UserId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class KeptWish(NamedTuple):
    """One user's wish in one workspace."""

    user: UserId
    workspace: WorkspaceId
    address: str
    wish: str
    """JSON."""
    digested: int
    """Unix seconds."""


class KeptNotices(Control):
    """`control.db` as notices need it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("notices")

    def keep_wish(self, user: UserId, workspace: WorkspaceId, wish: str, now: int) -> None:
        """Keep a wish; digests of a new one begin now."""
        with self._transaction():
            self._keep("keep_notice", [(user, workspace, wish, now)])

    def wishes(self) -> list[KeptWish]:
        """All wishes that count."""
        return [KeptWish(UserId(u), WorkspaceId(w), a, wish, d) for u, w, a, wish, d in self._rows("notices")]

    def digested(self, user: UserId, workspace: WorkspaceId, until: int) -> None:
        """Told by mail up to then."""
        with self._transaction():
            self._keep("digested", [(until, user, workspace, until)])

    def mute(self, user: UserId, workspace: WorkspaceId, contact: ContactId, *, quiet: bool) -> None:
        """Nothing about a person any more, or again."""
        with self._transaction():
            self._keep("mute" if quiet else "unmute", [(user, workspace, contact)])

    def muted(self, user: UserId, workspace: WorkspaceId) -> frozenset[int]:
        """Of whom a user wants to hear nothing."""
        return frozenset(row[0] for row in self._rows("muted", (user, workspace)))
