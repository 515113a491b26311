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


class NothingOnRecord:
    """Nobody has said anything."""

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: Purpose) -> bool | None:  # noqa: ARG002
        """As Consents says."""
        return None
