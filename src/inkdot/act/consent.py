"""What acting must ask about consent before anything leaves the house."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from inkdot.domain.ids import ContactId, WorkspaceId


class Purpose(StrEnum):
    """What a person may have agreed to, or not."""

    MAIL = "mail"
    """To be written to because of what they did."""
    ADVERTISING = "advertising"
    """To be on a list that an advertising platform gets."""
    PUSH = "push"
    """To get messages in a browser because of what they did."""


class Consents(Protocol):
    """Who answers."""

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: Purpose) -> bool | None:
        """True: yes. False: no, or taken back. None: nothing is on record."""


class Ledger(Consents, Protocol):
    """Who answers for many people at once."""

    def answers(self, workspace: WorkspaceId, purpose: Purpose) -> dict[ContactId, bool | None]:
        """The same of everybody who ever said a word; of all others nothing is on record."""

    def asks_first(self, workspace: WorkspaceId) -> bool:
        """Whether, where nothing is on record, the answer is no: the rules of the region want to be asked before."""


class NothingOnRecord:
    """Nobody has said anything."""

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: Purpose) -> bool | None:  # noqa: ARG002
        """As Consents says."""
        return None

    def answers(self, workspace: WorkspaceId, purpose: Purpose) -> dict[ContactId, bool | None]:  # noqa: ARG002
        """As Consents says."""
        return {}

    def asks_first(self, workspace: WorkspaceId) -> bool:  # noqa: ARG002
        """As Consents says."""
        return False
