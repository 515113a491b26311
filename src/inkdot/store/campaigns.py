"""Campaigns' part of control.db: one mail to many, and what became of each copy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class Campaign(NamedTuple):
    """One mail to many."""

    message: MessageId
    digest: bytes
    begun: int
    """Unix seconds."""


class Sent(NamedTuple):
    """One copy and what became of it."""

    contact: ContactId
    """Negative where no name may be kept."""
    address: Address | None
    state: str
    """sending, sent, refused, waiting, unsure, skipped"""
    answer: str | None
    left_alone: str | None
    changed: int


class Campaigns(Control):
    """`control.db` as campaigns use it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("campaigns")

    def begin(self, name: str, campaign: Campaign, workspace: WorkspaceId) -> Campaign:
        """Keep a campaign; returns the one of that name, which may have been begun before."""
        with self._transaction():
            self._keep("keep_campaign", [(workspace, name, *campaign)])
        return self.campaign(name, workspace) or campaign

    def campaign(self, name: str, workspace: WorkspaceId) -> Campaign | None:
        """The campaign of that name."""
        rows = self._rows("campaign", (workspace, name))
        return Campaign(MessageId(rows[0][0]), rows[0][1], rows[0][2]) if rows else None

    def campaigns(self, workspace: WorkspaceId) -> list[tuple[str, MessageId, int]]:
        """(name, message, begun) of each, the latest first."""
        return [(name, MessageId(message), begun) for name, message, begun in self._rows("campaigns", (workspace,))]

    def keep_copies(
        self, message: MessageId, copies: Iterable[tuple[ContactId, str, str | None, str | None]], now: float
    ) -> None:
        """(contact, state, answer, left alone) of copies, durably. `now` in unix seconds."""
        rows = [(message, contact, state, said, alone, int(now)) for contact, state, said, alone in copies]
        with self._transaction():
            self._keep("keep_copy", rows)
            self._keep("keep_handover", [(message, c, now) for _, c, state, *_ in rows if state == "sent" and c > 0])

    def end_copies(self, message: MessageId, because: str) -> None:
        """What was on its way when the last run ended is unsure."""
        with self._transaction():
            self._keep("end_copies", [(because, message)])

    def copies(self, message: MessageId, workspace: WorkspaceId) -> list[Sent]:
        """What became of each copy."""
        return [Sent(*row) for row in self._rows("copies", (workspace, message))]

    def count_unnamed(self, message: MessageId, unnamed: int) -> None:
        """Say how many recipients are counted without a name."""
        with self._transaction():
            self._keep("count_unnamed", [(unnamed, message)])
