"""An event: what Inkdot believes a ping to be. Events can be recomputed from pings; pings cannot from events."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.evidence import Evidence, Raw, Verdict
from inkdot.domain.ids import ContactId, EventId, LinkId, MessageId, PingId, WorkspaceId


class Kind(StrEnum):
    """What happened."""

    OPEN = "open"
    CLICK = "click"


class Event(NamedTuple):
    """One event. `verdict` and `raw` are shared between equal clients, so batches stay small."""

    id: EventId
    """The ping's id; an event inferred from another one adds an ordinal."""
    time: int
    """Microseconds since 1970; only the day where the consent mode is hygiene."""
    kind: Kind
    workspace: WorkspaceId
    contact: ContactId
    """0 for nobody."""
    person: Address | None
    message: MessageId | None
    link: LinkId | None
    part: int
    """The dot's place or the link's position in the mail, 0 if neither."""
    url: str | None
    """The destination of a click."""
    verdict: Verdict
    raw: Raw
    because: tuple[Evidence, ...]
    """Evidence of this event alone, beside the verdict's."""
    repeat_of: EventId | None
    """The counted event that this one repeats."""
    rules: str
    """Version of the rule set that judged."""


class DropReason(StrEnum):
    """Why a ping became no event. A refused ping stays in the journal and is counted under its reason."""

    FORGED = "forged"
    TRACKING_OFF = "tracking_off"
    UNREADABLE = "unreadable"


class Dropped(NamedTuple):
    """A ping that became no event."""

    ping: PingId
    time: int
    reason: DropReason


FINAL_AFTER = 600
"""Seconds after which an event is final: late evidence (bursts, honeypots) has come by then."""
