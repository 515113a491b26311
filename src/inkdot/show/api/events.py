"""Events, why they are judged as they are, and what people know better."""

from __future__ import annotations

from typing import Any

from inkdot.domain.errors import BadId
from inkdot.domain.ids import EVENT, from_word
from inkdot.show.api.call import Call, Page, page_in_order, unfit


def list_events(call: Call) -> Page[Any]:
    """Oldest first."""
    q = call.query
    if q.last:
        if q.cursor or q.person or q.since:
            raise unfit("last", "goes with kind alone")
        return Page(list(call.ask("events", last=q.last, kind=q.kind)), False, None)
    if q.cursor:
        try:
            from_word(EVENT, q.cursor)
        except BadId:
            raise unfit("cursor", "is none that was given out") from None
    found = list(call.ask("events", person=q.person, kind=q.kind, since=q.since, after=q.cursor, limit=q.limit + 1))
    shown = found[: q.limit]
    return Page(shown, len(found) > q.limit, shown[-1]["id"] if len(found) > q.limit else None)


def explain_event(call: Call) -> dict[str, Any]:
    """With the rules that fired and a sentence for each field."""
    return call.one("explain", event=call.path["event"])


def correct_event(call: Call) -> dict[str, Any]:
    """From now on before what rules say, also when it is understood again."""
    return call.one("correct", event=call.path["event"], says=call.body.says, because=call.body.because)


def forget_correction(call: Call) -> dict[str, Any]:
    """It is judged by the rules again, as before anybody knew better."""
    return call.one("correct", event=call.path["event"], says="rules")


def list_corrections(call: Call) -> Page[Any]:
    """Each a test case."""
    return page_in_order(call.ask("corrections"), call.query, lambda item: str(item["id"]))
