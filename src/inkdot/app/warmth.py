"""How warm a lead a person is right now, for rules that ask."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import MACHINES, Human
from inkdot.understand.lead import INTERESTING, Facts, score


def warmth(events: Iterable[Event], now: int) -> int:
    """Points from 0 to 100 for what one person did; `now` in microseconds."""
    acts = [
        e for e in events if e.repeat_of is None and e.verdict.actor not in MACHINES and e.verdict.human is not Human.NO
    ]
    if not acts:
        return 0
    of_sites = [(e, e.scene) for e in acts if e.scene is not None and e.scene.site is not None]
    facts = Facts(
        last=max(e.time for e in acts),
        visits=len({scene.visit for _, scene in of_sites if scene.visit is not None}),
        seconds=sum(scene.seconds or 0 for e, scene in of_sites if e.kind is Kind.ENGAGE),
        interesting=len({scene.visit for e, scene in of_sites if e.kind is Kind.VIEW and _is_interesting(e.url)}),
        goals=sum(e.kind is Kind.GOAL for e, _ in of_sites),
        downloads=sum(e.kind is Kind.DOWNLOAD for e in acts),
        clicks=sum(e.kind is Kind.CLICK and e.scene is None for e in acts),
        opens=sum(e.kind is Kind.OPEN and e.verdict.human in (Human.YES, Human.LIKELY) for e in acts),
        reading=sum(e.scene.seconds or 0 for e in acts if e.kind is Kind.READ and e.scene),
        replies=sum(e.kind is Kind.REPLY for e in acts),
    )
    return score(facts, now).points


def _is_interesting(url: str | None) -> bool:
    try:
        return urlsplit(url or "").path.startswith(INTERESTING)
    except ValueError:  # a stranger's address
        return False
