"""A ping: what arrived at the street door, before any belief about it."""

from __future__ import annotations

from typing import NamedTuple

from inkdot.domain.ids import PingId


class Ping(NamedTuple):
    """One request as it was heard and written down."""

    id: PingId
    time: int
    """Microseconds since 1970, by the street's clock, when the request was complete."""
    method: str
    """GET, HEAD ... in upper case."""
    address: bytes
    """16 bytes of IPv6 (IPv4 mapped), or empty where the consent mode forbids it."""
    token: bytes
    """The decoded token with its tag, verified by the street."""
    headers: bytes
    """The request's header lines, verbatim, or empty where the consent mode forbids them."""
    target: bytes = b""
    """What was asked for, where the token does not tell it: `/e`, `/d/beat`. Empty for dots and links."""
    body: bytes = b""
    """What was sent with it: one event of a batch, one beat of a reader."""


# A ping's id is its place in the journal, so it needs no counter and replaying gives the same id:
# stream (16 bits), segment (24), offset in steps of 8 bytes (22), ordinal of the event made from it (2).
_OFFSET_SHIFT, _SEGMENT_SHIFT, _STREAM_SHIFT = 2, 24, 48
ALIGNMENT = 8
MAX_SEGMENT_BYTES = ALIGNMENT << 22

FIRST_INNER_STREAM = 0xF000
"""Streams from here on are no street's: other doors of the house write down there what they heard."""
ROOM_STREAM, RELAY_STREAM, IMPORT_STREAM = 0xF001, 0xF002, 0xF003

REPLY, BOUNCE = b"/relay/reply", b"/relay/bounce"
"""Targets of what the mail door writes down."""


def ping_id(stream: int, segment: int, offset: int) -> PingId:
    """The id of the record at byte `offset` of `segment` of the street's `stream`."""
    return PingId(stream << _STREAM_SHIFT | segment << _SEGMENT_SHIFT | offset // ALIGNMENT << _OFFSET_SHIFT)


def place_of(ping: int) -> tuple[int, int, int]:
    """(stream, segment, offset) of a ping or of an event made from it."""
    return (
        ping >> _STREAM_SHIFT,
        ping >> _SEGMENT_SHIFT & 0xFFFFFF,
        (ping >> _OFFSET_SHIFT & 0x3FFFFF) * ALIGNMENT,
    )
