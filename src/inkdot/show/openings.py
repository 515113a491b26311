"""What dots in documents tell: opens, and with some programs which page was first shown when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from inkdot.domain.contact import Address
from inkdot.domain.evidence import MACHINES
from inkdot.domain.ids import EVENT, ContactId, WorkspaceId, to_word
from inkdot.store.contract import iso
from inkdot.store.reading import Opening
from inkdot.understand.loading import Load, Loading, Programs, first_seen, judge, opens

_BEST_FIRST = "ABCDE"


def opened(
    found: Iterable[Opening], name: str, dots: int, programs: Programs, names: Mapping[tuple[WorkspaceId, ContactId], Address],
    workspace: WorkspaceId,
) -> list[dict[str, Any]]:  # fmt: skip
    """One visit per open, oldest first: who, with what, and what it proves. Of eager programs no page is claimed."""
    by_client: dict[tuple[object, ...], list[Opening]] = defaultdict(list)
    for opening in found:
        fields = opening.verdict.fields
        by_client[opening.contact, opening.verdict.actor, fields.client.value, fields.os.value].append(opening)
    visits = []
    for theirs in by_client.values():
        at = 0
        for loads in opens(Load(o.page or 0, o.time / 1e6) for o in theirs):
            part, at = theirs[at : at + len(loads)], at + len(loads)
            person = names.get((workspace, part[0].contact))
            visits.append(_visit(part, loads, dots, programs, PurePath(name).suffix.lower().lstrip("."), person))
    return sorted(visits, key=lambda visit: str(visit["started"]))


def best_grade(visits: Iterable[Mapping[str, Any]], otherwise: str) -> str:
    """The best grade that any of them has."""
    return min((v["grade"] for v in visits), key=_BEST_FIRST.index, default=otherwise)


def _visit(
    part: list[Opening], loads: list[Load], dots: int, programs: Programs, kind: str, person: Address | None
) -> dict[str, Any]:
    verdict = part[0].verdict
    client = verdict.fields.client.value
    machine = verdict.actor in MACHINES
    known = programs.get((str(client), kind), Loading.UNKNOWN)
    judged = judge(loads, dots, known, machine=machine)
    lazy = judged.loading is Loading.LAZY
    seen = [
        {"page": page, "at": iso(round(when * 1e6)), "at_most_seconds": most and round(most, 1)}
        for page, when, most in (first_seen(loads) if lazy else ())
    ]
    return {
        "visit": None, "person": person, "event": to_word(EVENT, part[0].event), "started": iso(part[0].time),
        "ended": iso(part[-1].time), "seconds": None, "pages": [], "page": part[0].page if len(part) == 1 else None,
        "loads": judged.loading, "loaded": [{"page": o.page, "at": iso(o.time)} for o in part],
        "first_seen": seen, "grade": judged.grade, "reason": judged.reason,
        "actor": verdict.actor, "human": verdict.human, "counted": not machine, "client": client,
        "os": verdict.fields.os.value, "device": verdict.fields.device.value,
        "location": verdict.fields.location.value,
    }  # fmt: skip
