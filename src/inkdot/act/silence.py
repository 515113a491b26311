"""Mails of which nothing was heard in a rule's time: who they went to, and whom of them the rule means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from inkdot.act import payload
from inkdot.act.match import Trigger, matching
from inkdot.act.rule import span
from inkdot.act.society import Society
from inkdot.domain.ids import MESSAGE, ContactId, EventId, MessageId, to_word
from inkdot.store.outbox import Outbox

_SECOND = 1_000_000


class Silence(NamedTuple):
    """The time in which somebody was to be heard of a mail is over."""

    trigger: Trigger
    message: MessageId
    contact: ContactId
    time: int
    """When it was over, microseconds since 1970."""
    heard: int | None
    """When it was first opened, clicked or answered, by no machine; maybe later than that."""

    @property
    def event(self) -> EventId:
        """Stands for the event that did not come."""
        return payload.silence_id(self.message, self.contact)


def endings(item: Trigger, outbox: Outbox, society: Society, since: int, until: int) -> Iterator[Silence]:
    """The copies whose time was over between two times (microseconds), as far as the rule means their mails."""
    when = item.rule.when
    wait = span(when.not_opened_for or "")
    copies = outbox.unopened(item.workspace, max(0, since - wait) // _SECOND, max(0, until - wait) // _SECOND)
    heard = society.first_heard(item.workspace, (message for message, _, _ in copies))
    for message, contact, marked in copies:
        if when.message is None or when.message == to_word(MESSAGE, message):
            first = heard.get((contact, message))
            yield Silence(item, message, ContactId(contact), marked * _SECOND + wait, first)


def meant(item: Trigger, silences: Iterable[Silence], society: Society) -> list[Silence]:
    """Those of people for whom holds now what the rule says of the person."""
    when, here, found = item.rule.when, item.workspace, list(silences)
    if when.person is not None:
        fits = matching(when.person)
        found = [s for s in found if (address := society.person(here, s.contact)) and fits(address)]
    if when.audience is not None:
        found = [s for s in found if society.in_audience(here, s.contact, when.audience)]
    if when.score is not None and found:
        scores = society.scores(here, {s.contact for s in found})
        found = [s for s in found if scores.get(s.contact, 0) >= when.score]
    return found
