"""Events that are kept for nobody: until enough of a kind came to one thing, what and when it was is not told.

Nobody is known in them, so it is acts that are counted, not people. Where it is known how many people could have done it, as with a
mail, they must be enough, too: five opens of a mail that went to two people are two people's. Who knows to whom a mail went, and sees it opened at two past ten, has a person again, whatever is left out beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from inkdot.domain.consent import SMALL
from inkdot.domain.event import Event, Scene
from inkdot.domain.evidence import Field, Reason, Status, Verdict
from inkdot.domain.ids import ContactId, MessageId

_DAY = 86_400_000_000  # microseconds
_DAY_ALONE = Field(None, Status.DEGRADED, Reason.FEW)
_NOWHERE = Scene()
_MOST_REMEMBERED = 100_000


class Asking(Protocol):
    """What is asked of the store."""

    def rows(self, noun: str, name: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """A question's rows."""


def is_nobodys(event: Event) -> bool:
    """True if a mode or a privacy signal allows no person in this event."""
    return is_nobodys_verdict(event.contact, event.verdict)


def is_nobodys_verdict(contact: ContactId, verdict: Verdict) -> bool:
    """The same of what is left of an event in a report."""
    return contact == 0 and verdict.fields.client.reason is Reason.CONSENT


def blurred(event: Event) -> Event:
    """What may be told of an event of nobody's that stands alone: that there was one of its kind that day. Others stay."""
    if not is_nobodys(event):
        return event
    fields = event.verdict.fields._replace(time=_DAY_ALONE)
    return event._replace(
        time=event.time - event.time % _DAY, message=None, link=None, part=0, url=None, because=(), repeat_of=None, scene=None,
        verdict=event.verdict._replace(fields=fields),
    )  # fmt: skip


class Veil:
    """Knows to which mails, links, pages and documents enough came for nobody; once enough, always enough."""

    def __init__(self, store: Asking, sent_to_few: Callable[[Iterable[MessageId]], Collection[MessageId]]) -> None:
        """`sent_to_few`: those of some mails that too few people got without a name."""
        self._store, self._sent_to_few = store, sent_to_few
        self._enough: set[tuple[object, ...]] = set()

    def over(self, events: Iterable[Event]) -> list[Event]:
        """The events as they may be told, those of nobody blurred where they are few."""
        listed = list(events)
        unsure = {
            thing: event for event in listed if is_nobodys(event) and (thing := _thing(event)) not in self._enough
        }
        few = self._sent_to_few(e.message for e in unsure.values() if e.message is not None)
        unsure = {thing: event for thing, event in unsure.items() if event.message not in few}
        if unsure:
            self._ask(unsure)
        return [self._shown(event) for event in listed]

    def _ask(self, unsure: Mapping[tuple[object, ...], Event]) -> None:
        if len(self._enough) > _MOST_REMEMBERED:
            self._enough.clear()
        asked = {"ids": [event.id for event in unsure.values()], "enough": SMALL}
        met = {row[0] for row in self._store.rows("events", "in_a_crowd", asked)}
        self._enough |= {thing for thing, event in unsure.items() if event.id in met}

    def _shown(self, event: Event) -> Event:
        if not is_nobodys(event):
            return event
        if _thing(event) not in self._enough:
            return blurred(event)
        return event._replace(
            scene=event.scene and event.scene._replace(visit=None)
        )  # which of the visits is nobody's business


def _thing(event: Event) -> tuple[object, ...]:
    scene = event.scene or _NOWHERE
    what = event.message, event.link, event.url, scene.document, scene.page, scene.site
    return event.workspace, event.kind, *what
