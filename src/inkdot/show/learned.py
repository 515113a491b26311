"""What was learned of a person or a mail domain from their own past: sentences, never facts about the next event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import Actor, Human

_ENOUGH = 3
"""Counted opens before anything is said."""
_MOSTLY = 0.7
_THROUGH = {
    Actor.PRIVACY_PROXY: "came from Apple's proxy",
    Actor.IMAGE_PROXY: "came through a mail provider's proxy",
    Actor.SCANNER: "were made by a security scanner",
    Actor.BOT: "were made by programs",
    Actor.PREVIEW: "were fetched in advance",
    Actor.UNKNOWN: "cannot be told from machines",
}
_UNRELIABLE = frozenset({Actor.PRIVACY_PROXY, Actor.SCANNER, Actor.BOT, Actor.PREVIEW, Actor.UNKNOWN})


def reliability(who: str, opens: Mapping[Actor, int]) -> str | None:
    """A sentence about how far opens can be trusted; None while there are too few. `who`: this person, example.com."""
    total = sum(opens.values())
    if total < _ENOUGH:
        return None
    actor, most = max(opens.items(), key=lambda item: item[1])
    if actor in _UNRELIABLE and most / total >= _MOSTLY:
        return f"Opens of {who} are unreliable: {most} of {total} {_THROUGH[actor]}."
    sure = opens.get(Actor.HUMAN, 0)
    if sure / total >= _MOSTLY:
        return f"Opens of {who} are reliable: {sure} of {total} came from the reader's own program."
    if actor is Actor.IMAGE_PROXY and most / total >= _MOSTLY:
        return f"Opens of {who} tell the time, but no place and no device: {most} of {total} {_THROUGH[actor]}."
    return f"Opens of {who} are of mixed worth: {sure} of {total} came from the reader's own program."


def opens_by_actor(events: Iterable[Event]) -> Counter[Actor]:
    """Counted opens by who made them."""
    return Counter(e.verdict.actor for e in events if e.kind is Kind.OPEN and e.repeat_of is None and not e.id & 3)


def possible_forwards(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Mails that a second device in a second network opened: perhaps forwarded, perhaps the same person elsewhere."""
    places: dict[int, list[tuple[str | None, int | None, Event]]] = {}
    for event in events:
        sure = event.verdict.human is Human.YES and event.verdict.actor is Actor.HUMAN and not event.id & 3
        if sure and event.message is not None:
            fields = event.verdict.fields
            device = f"{fields.device.value or ''} {fields.os.value or ''}".strip() or None
            places.setdefault(event.message, []).append((device, event.raw.asn, event))
    found = []
    for message, acts in places.items():
        first = acts[0]
        other = next((a for a in acts if a[0] and first[0] and a[0] != first[0] and a[1] != first[1]), None)
        if other:
            found.append({"message": message, "event": other[2].id, "devices": [first[0], other[0]]})
    return found
