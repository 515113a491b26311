"""From what a reader's page measured to events of reading.

Pages count from the start of a visit on; an event tells what came on top. So a lost beat is made good by the next one, and
a repeated or an overtaken one adds nothing. A visit cannot have been used for longer than it has lasted by the server's
clock: what goes beyond is cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from inkdot.domain.event import Dropped, DropReason, Event, Kind, Scene
from inkdot.domain.evidence import Actor, Evidence, Human, Raw, Verdict
from inkdot.domain.ids import ContactId, DocumentId, EventId, VisitId
from inkdot.domain.ping import Ping
from inkdot.domain.reading import COMPLETED, Scribble
from inkdot.domain.token import Token

_SLACK = 1.0
"""Seconds that a visit may seem longer than it was: clocks are read at slightly different moments."""
_MOST_VISITS = 50_000
_LEAST = 0.01
_HEADLESS = "HeadlessChrome"
_OWN = Evidence("S1", "the reader's browser is marked as the sender's own, or the reader as a colleague")
_DRIVEN = Evidence("D5", "a browser without a window, but its pages were turned: by whom cannot be known")
_GATES = {
    "claimed": Evidence("D2", "the reader named this address at the gate"),
    "proved": Evidence("D3", "the reader proved this address by a mailed code"),
}


SoFar = Callable[[VisitId], Iterable[tuple[int | None, float, int]]]
"""Recalls what is kept of a visit: (page, seconds, visits); page None tells that it began."""
Completions = Callable[[DocumentId, ContactId, VisitId], Collection[int]]
"""Recalls the versions of a document that a reader completed; in this visit, if it is nobody's."""


@dataclass(slots=True)
class _Visit:
    """What is counted of a visit."""

    pages: dict[int, tuple[float, int]] = field(default_factory=dict)
    seconds: float = 0.0
    visits: int = 0
    viewed: bool = False


class Readings:
    """Understands the records of the reading room."""

    def __init__(self, since: int, so_far: SoFar, completions: Completions = lambda *_: ()) -> None:
        """`so_far` recalls a visit that began before `since` (microseconds); later ones cannot be known yet."""
        self._since, self._so_far, self._completions = since, so_far, completions
        self._visits: dict[int, _Visit] = {}
        self._told: set[tuple[int, int, int, int]] = set()
        """Completions: document, version, contact, visit if it is nobody's. The room tells them again after a restart."""

    def understand(self, ping: Ping, token: Token, raw: Raw, verdict: Verdict, rules: str) -> Event | Dropped:
        """The event in a record of the room."""
        scribble = Scribble.from_json(ping.body)
        if scribble is None:
            return Dropped(ping.id, ping.time, DropReason.UNKNOWN)
        visit = self._visit(scribble, ping.time)
        scene = Scene(document=DocumentId(scribble.document), visit=VisitId(scribble.visit))
        if scribble.do == "view":
            if visit.viewed:
                return Dropped(ping.id, ping.time, DropReason.REPLAY)
            visit.viewed = True
            fact = Evidence("D0", "the page's script ran and the page was in sight and in use")
            made = Kind.VIEW, scene._replace(detail=_detail(scribble)), fact
        elif scribble.do == "download":
            made = Kind.DOWNLOAD, scene._replace(detail=_detail(scribble)), Evidence("D4", "the file was handed out")
        elif scribble.do == COMPLETED:
            fact = Evidence("D6", f"each of the {scribble.of} pages had most of the window for a second or more")
            if not _is_complete(visit, scribble) or self._is_told(token, scribble):
                return Dropped(ping.id, ping.time, DropReason.REPLAY)
            made = Kind.GOAL, scene._replace(name=COMPLETED, detail=_detail(scribble)), fact
        else:
            read = self._read(ping, scribble, visit, scene)
            if read is None:
                return Dropped(ping.id, ping.time, DropReason.REPLAY)
            made = Kind.READ, *read
        kind, scene, fact = made
        because = (fact, *([_GATES[scribble.gate]] if scribble.gate in _GATES else []))
        return Event(
            EventId(ping.id), ping.time, kind, token.workspace, token.contact, None, None, None, 0, None,
            _in_the_room(verdict, raw, scribble), raw, because, None, rules, scene,
        )  # fmt: skip

    def _is_told(self, token: Token, scribble: Scribble) -> bool:
        whose = 0 if token.contact else scribble.visit
        key = (scribble.document, scribble.version, int(token.contact), whose)
        if key in self._told:
            return True
        if len(self._told) >= _MOST_VISITS:
            self._told.clear()
        self._told.add(key)
        known = self._completions(DocumentId(scribble.document), token.contact, VisitId(scribble.visit))
        return scribble.version in known

    def _read(self, ping: Ping, scribble: Scribble, visit: _Visit, scene: Scene) -> tuple[Scene, Evidence] | None:
        """What a record adds to a page; None if nothing."""
        if scribble.page is None:
            return None
        before_seconds, before_visits = visit.pages.get(scribble.page, (0.0, 0))
        lasted = max(0.0, (ping.time - scribble.started) / 1_000_000) + _SLACK
        claimed = max(0.0, scribble.seconds - before_seconds)
        seconds = max(0.0, min(claimed, lasted - visit.seconds))
        # A page becomes visited after a second in sight, so there cannot be more visits than seconds.
        visits = max(0, min(scribble.visits - before_visits, int(lasted) - visit.visits))
        if seconds < _LEAST and not visits:
            return None
        visit.pages[scribble.page] = before_seconds + seconds, before_visits + visits
        visit.seconds += seconds
        visit.visits += visits
        said = f"page {scribble.page} was in sight and in use for {seconds:.2f} s more"
        if claimed - seconds > _LEAST:
            said += f", cut from {claimed:.2f} s: the visit has lasted {lasted - _SLACK:.1f} s"
        scene = scene._replace(page=scribble.page, seconds=round(seconds, 2), detail=_detail(scribble, visits))
        return scene, Evidence("D1", said)

    def _visit(self, scribble: Scribble, now: int) -> _Visit:
        known = self._visits.pop(scribble.visit, None)
        if known is None:
            known = _Visit()
            if scribble.started <= self._since:
                self._recall(known, VisitId(scribble.visit))
        self._visits[scribble.visit] = known  # the one used last stands last
        if len(self._visits) > _MOST_VISITS:
            self._visits = dict(list(self._visits.items())[_MOST_VISITS // 2 :])
            self._since = max(self._since, now)
        return known

    def _recall(self, visit: _Visit, number: VisitId) -> None:
        for page, seconds, visits in self._so_far(number):
            if page is None:
                visit.viewed = True
            else:
                visit.pages[page] = seconds, visits
                visit.seconds += seconds
                visit.visits += visits


def _is_complete(visit: _Visit, scribble: Scribble) -> bool:
    """Every page was seen, by what is counted here: a page of forged counters is not."""
    seen = {page for page, (_, visits) in visit.pages.items() if visits}
    for first, last in scribble.earlier:
        seen.update(range(first, min(last, scribble.of) + 1))
    return 0 < scribble.of <= len(seen)


def _detail(scribble: Scribble, visits: int = 0) -> str:
    detail: dict[str, object] = {"version": scribble.version}
    if visits:
        detail |= {"visits": visits, "at": scribble.at[-visits:]}
    return json.dumps(detail)


def _in_the_room(verdict: Verdict, raw: Raw, scribble: Scribble) -> Verdict:
    """What the client's verdict becomes by what happened in the room."""
    if scribble.own:
        return verdict._replace(actor=Actor.SENDER, human=Human.NO, evidence=(_OWN,))
    if verdict.actor is Actor.BOT and scribble.moved and _HEADLESS in (raw.agent or ""):
        return verdict._replace(actor=Actor.UNKNOWN, human=Human.UNKNOWN, evidence=(*verdict.evidence, _DRIVEN))
    return verdict
