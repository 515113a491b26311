"""What acting may ask about people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId


class Society(Protocol):
    """What watching may ask about people."""

    def person(self, workspace: WorkspaceId, contact: ContactId) -> Address | None:
        """An address."""

    def scores(self, workspace: WorkspaceId, people: Collection[ContactId] | None) -> Mapping[ContactId, int]:
        """How warm leads these people (None: everybody) are; who did nothing is left out."""

    def in_audience(self, workspace: WorkspaceId, contact: ContactId, name: str) -> bool:
        """Whether somebody is on a list."""

    def subjects(self, messages: Iterable[MessageId]) -> Mapping[MessageId, str | None]:
        """Subjects of mails."""

    def first_heard(self, workspace: WorkspaceId, messages: Iterable[MessageId]) -> Mapping[tuple[int, MessageId], int]:
        """By contact and mail, when these mails were first opened, clicked or answered by no machine (microseconds)."""
