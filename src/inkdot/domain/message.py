"""A message: one mail, its recipients, and the marks each copy carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId


class Part(IntEnum):
    """Where in the mail a dot stands. Both loaded means that the whole body was rendered, not clipped."""

    TOP = 1
    BOTTOM = 2


HONEYPOT_PART = 0xFFFF
"""The position of the hidden link, which only machines use; other links have 1, 2, ... up to one less."""


@dataclass(frozen=True, slots=True)
class Message:
    """One marked mail."""

    id: MessageId
    marked: int
    """Unix seconds of marking: the nearest thing to hand-over that a mail marked by hand has."""
    subject: str | None
    recipients: tuple[Address, ...]
    links: tuple[str, ...]
    """Destinations, in the order of their positions (1, 2, ...)."""
    internet_id: str | None = None
    """The Message-ID header."""
    unnamed: int = 0
    """Further recipients, of whom no name may be kept."""
    by_day: int = 0
    """Of the recipients those of whom only the day of their last open may be kept."""
    list_name: str | None = None
    """The list it went to."""
