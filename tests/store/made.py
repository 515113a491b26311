"""Events to keep: a small fixed cast, and strategies that mix it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from inkdot.domain.event import Dropped, DropReason, Event, Kind
from inkdot.domain.evidence import KNOWN, Actor, Evidence, Field, Fields, Human, Raw, Reason, Status, Verdict
from inkdot.domain.ids import ContactId, EventId, LinkId, MessageId, WorkspaceId
from inkdot.domain.ping import ping_id
from inkdot.store.events import EventStore

HERE = WorkspaceId(1)
BEN, EVE, NOBODY = ContactId(7), ContactId((1 << 63) - 1), ContactId(0)
SECOND, DAY = 1_000_000, 86_400_000_000
AUTUMN = 1_760_000_000 * SECOND
NOW = AUTUMN + 200 * DAY

UNKNOWN_PLACE = Field(None, Status.UNKNOWN, Reason.GOOGLE_IMAGE_PROXY)
FIELDS = Fields(KNOWN, UNKNOWN_PLACE, KNOWN, KNOWN, KNOWN, Field("Gmail", Status.KNOWN))
PERSON = Verdict(Actor.HUMAN, Human.YES, FIELDS, (Evidence("H1", "a browser"),))
GMAIL = Verdict(Actor.IMAGE_PROXY, Human.LIKELY, FIELDS, (Evidence("I1", "agent contains GoogleImageProxy"),))
PREFETCH = Verdict(Actor.IMAGE_PROXY, Human.NO, FIELDS, (Evidence("I2", "a Gmail prefetch"),))
APPLE = Verdict(Actor.PRIVACY_PROXY, Human.UNKNOWN, FIELDS, (Evidence("A1", "Apple's network"),))
SCANNER = Verdict(Actor.SCANNER, Human.NO, FIELDS, (Evidence("S1", "every link at once"),))
VERDICTS = (PERSON, GMAIL, PREFETCH, APPLE, SCANNER)
RAWS = (
    Raw("Mozilla/5.0 (GoogleImageProxy)", "GET", (("accept", "image/*"), ("via", "ä\n\0")), 15169, ("google_proxy",)),
    Raw(None, "HEAD", (), None, ()),
)


def event(place: int, *, stream: int = 0, **changes: Any) -> Event:
    """The open whose ping lies at step `place` of a stream's first segment."""
    base = Event(
        EventId(ping_id(stream, 1, place * 8)), AUTUMN + place * SECOND, Kind.OPEN, HERE, BEN, None, MessageId(3), None,
        1, None, PERSON, RAWS[0], (), None, "2026.11",
    )  # fmt: skip
    return base._replace(**changes)


def click(place: int, **changes: Any) -> Event:
    """The click in the same place."""
    return event(place, **{"kind": Kind.CLICK, "link": LinkId(9), "url": "https://example.com/ä?b=1", **changes})


def after(place: int) -> tuple[int, int]:
    """The journal's position behind step `place`."""
    return (1, place * 8 + 8)


def keep(store: EventStore, *events: Event, dropped: tuple[Dropped, ...] = ()) -> None:
    """Keep events of any streams with the checkpoint that follows from them."""
    last: dict[int, int] = {}
    for number in [*(e.id for e in events), *(d.ping for d in dropped)]:
        last[number >> 48] = max(last.get(number >> 48, 0), (number >> 2 & 0x3FFFFF))
    store.keep(events, dropped, {stream: after(place) for stream, place in last.items()})


def refused(place: int, *, stream: int = 0) -> Dropped:
    """A refused ping in some place."""
    return Dropped(ping_id(stream, 1, place * 8), AUTUMN + place * SECOND, DropReason.FORGED)


def by_id(events: Any) -> list[Event]:
    """In a comparable order."""
    return sorted(events, key=lambda e: e.id)


@st.composite
def entries(draw: st.DrawFn, place: int, stream: int) -> Event | Dropped:
    """What a ping at a place may have become."""
    if draw(st.integers(0, 9)) == 0:
        return refused(place, stream=stream)
    url = draw(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
    return event(
        place,
        stream=stream,
        time=AUTUMN + draw(st.integers(0, 190 * DAY)),
        kind=draw(st.sampled_from(Kind)),
        contact=draw(st.sampled_from((BEN, EVE, NOBODY))),
        message=draw(st.none() | st.sampled_from((MessageId(3), MessageId((1 << 64) - 1)))),
        link=draw(st.none() | st.just(LinkId(1 << 62))),
        part=draw(st.integers(0, 65_535)),
        url=url,
        verdict=draw(st.sampled_from(VERDICTS)),
        raw=draw(
            st.sampled_from(RAWS)
            | st.builds(Raw, st.text("ab", max_size=2), st.just("GET"), st.just(()), st.none(), st.just(()))
        ),
        because=draw(st.sampled_from(((), (Evidence("B1", 'a "burst"'),)))),
        repeat_of=draw(st.none() | st.just(EventId(ping_id(stream, 1, 0)))),
    )


@st.composite
def journals(draw: st.DrawFn, streams: int = 2, most: int = 12) -> list[list[Event | Dropped]]:
    """What the pings of some streams became, each stream in its order."""
    return [[draw(entries(place, stream)) for place in range(draw(st.integers(0, most)))] for stream in range(streams)]
