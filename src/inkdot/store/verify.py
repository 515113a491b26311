"""Whether what is kept can be believed: every value read once, every reference followed."""

from __future__ import annotations

from inkdot.domain.errors import StoreDamaged
from inkdot.store.events import EventStore
from inkdot.store.query import questions

_MEANING = {
    "double_ids": "{} event ids stand twice.",
    "lost_raws": "{} events point to raw facts that are missing.",
    "lost_verdicts": "{} events point to a verdict that is missing.",
    "lost_urls": "{} events point to a destination that is missing.",
    "lost_originals": "{} repeats point to an event that is missing.",
    "beyond_checkpoint": "{} events lie beyond the checkpoint.",
    "double_pings": "{} refused pings stand twice.",
    "double_numbers": "{} numbers of shared facts stand twice.",
    "double_streams": "{} streams have two checkpoints.",
}


def findings(store: EventStore) -> list[str]:
    """What is wrong with the event store, in sentences; empty if nothing."""
    found: list[str] = []
    for name in questions("verify"):
        try:
            rows = store.rows("verify", name)
        except StoreDamaged as error:
            return [*found, str(error)]
        if name in _MEANING and rows[0][0]:
            found.append(_MEANING[name].format(rows[0][0]))
    return found
