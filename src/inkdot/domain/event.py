"""An event: what Inkdot believes a ping to be. Events can be recomputed from pings; pings cannot from events."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.evidence import Evidence, Raw, Verdict
from inkdot.domain.ids import (
    ContactId,
    DocumentId,
    EventId,
    LinkId,
    MessageId,
    PingId,
    SiteId,
    VisitId,
    VisitorId,
    WorkspaceId,
)


class Kind(StrEnum):
    """What happened."""

    OPEN = "open"
    """A dot was loaded."""
    CLICK = "click"
    VIEW = "view"
    """A web page was shown."""
    ENGAGE = "engage"
    """Active seconds on a web page."""
    READ = "read"
    """Seconds on a page of a document."""
    DOWNLOAD = "download"
    REPLY = "reply"
    BOUNCE = "bounce"
    GOAL = "goal"
    """An event that a site sent under a name of its own, or a goal that was met."""
    OPTOUT = "optout"


class Scene(NamedTuple):
    """Where a web or document event took place. Mail events have none; None is what is not known or does not apply."""

    document: DocumentId | None = None
    page: int | None = None
    """The page of the document, from 1 on."""
    site: SiteId | None = None
    visitor: VisitorId | None = None
    visit: VisitId | None = None
    referrer: str | None = None
    channel: str | None = None
    source: str | None = None
    seconds: float | None = None
    """Active seconds."""
    name: str | None = None
    """The name of a goal, a search term, a file's name."""
    detail: str | None = None
    """What else was sent, as a JSON object."""


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
    scene: Scene | None = None


class DropReason(StrEnum):
    """Why a ping became no event. A refused ping stays in the journal and is counted under its reason."""

    FORGED = "forged"
    TRACKING_OFF = "tracking_off"
    UNREADABLE = "unreadable"
    ERASED = "erased"
    """Overwritten, because the person asked for it."""
    REPLAY = "replay"
    """It was sent before."""
    INNER_LINK = "inner_link"
    """A click that led to another page of the same site, which tells of itself."""
    SPAM = "spam"
    """The referrer is known to be made up for advertising."""
    UNKNOWN = "unknown"
    """Written down by a door that this program does not know."""


class Dropped(NamedTuple):
    """A ping that became no event."""

    ping: PingId
    time: int
    reason: DropReason


FINAL_AFTER = 600
"""Seconds after which an event is final: late evidence (bursts, honeypots) has come by then."""
