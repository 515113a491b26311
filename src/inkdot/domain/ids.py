"""Identifiers: 64-bit numbers inside, short prefixed words outside (`evt_0000000000abc`).

Words use Crockford's base 32 (no i, l, o, u), lower case, always 13 characters, so that they sort like the numbers.
"""

from __future__ import annotations

from typing import NewType

from inkdot.domain.errors import BadId

EventId = NewType("EventId", int)
PingId = NewType("PingId", int)
MessageId = NewType("MessageId", int)
LinkId = NewType("LinkId", int)
ContactId = NewType("ContactId", int)
WorkspaceId = NewType("WorkspaceId", int)
DocumentId = NewType("DocumentId", int)
ShareId = NewType("ShareId", int)
SiteId = NewType("SiteId", int)
VisitId = NewType("VisitId", int)
VisitorId = NewType("VisitorId", int)
TriggerId = NewType("TriggerId", int)
EndpointId = NewType("EndpointId", int)
DeliveryId = NewType("DeliveryId", int)
AudienceId = NewType("AudienceId", int)
UserId = NewType("UserId", int)
KeyId = NewType("KeyId", int)

EVENT, MESSAGE, LINK = "evt", "msg", "lnk"
PERSON = "per"
DOCUMENT, SHARE, SITE, VISIT, VISITOR = "doc", "shr", "site", "vis", "vtr"
TRIGGER, ENDPOINT, DELIVERY, AUDIENCE = "trg", "whk", "dlv", "aud"
WORKSPACE, USER, KEY = "wks", "usr", "key"

_WHOLE = frozenset({EVENT, VISIT})
"""Kinds whose numbers have 64 bits; all others are ours to give and fit into the signed ones of SQLite."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {c: i for i, c in enumerate(_ALPHABET)} | {"i": 1, "l": 1, "o": 0}
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_LENGTH = 13


def agreed(visitor: VisitorId) -> bool:
    """True for the number of a browser that keeps a name, which it does after consent alone; see collect/salt.py."""
    return visitor < 1 << 62


def to_word(prefix: str, number: int) -> str:
    """`('evt', 5)` -> `evt_0000000000005`."""
    n, two = number, _PAIRS
    return (
        f"{prefix}_{_ALPHABET[n >> 60 & 31]}{two[n >> 50 & 1023]}{two[n >> 40 & 1023]}{two[n >> 30 & 1023]}"
        f"{two[n >> 20 & 1023]}{two[n >> 10 & 1023]}{two[n & 1023]}"
    )


def from_word(prefix: str, word: str) -> int:
    """The number behind a word; raises BadId with a sentence that names what was expected."""
    head, _, tail = word.strip().lower().partition("_")
    if head != prefix or len(tail) != _LENGTH or any(c not in _VALUE for c in tail):
        msg = f"{word!r} is not an identifier of the kind {prefix}_...; copy it from the command that printed it."
        raise BadId(msg)
    number = 0
    for c in tail:
        number = number << 5 | _VALUE[c]
    if number >= 1 << (64 if prefix in _WHOLE else 63):
        msg = f"{word!r} is not an identifier of the kind {prefix}_...: it is too large."
        raise BadId(msg)
    return number
