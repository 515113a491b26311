"""The JSON form of an event, as the contract promises it to users. Absent is null."""

from __future__ import annotations

import datetime as dt
from typing import Any

from inkdot.domain.event import FINAL_AFTER, Event, Scene
from inkdot.domain.evidence import Evidence, Field, Fields, Raw, Status, Verdict
from inkdot.domain.ids import DOCUMENT, EVENT, LINK, MESSAGE, SITE, VISIT, to_word
from inkdot.store.veil import blurred

_NOWHERE = Scene()


def iso(microseconds: int) -> str:
    """`2026-11-23T15:04:05.123Z`."""
    time = dt.datetime.fromtimestamp(microseconds // 1_000_000, dt.UTC)
    return f"{time.isoformat()[:19]}.{microseconds // 1000 % 1000:03d}Z"  # strftime takes ten times as long


def event_json(event: Event, person: str | None, now: int, *, in_crowd: bool = False) -> dict[str, Any]:
    """An event for users; `now` in microseconds decides whether it is final.

    One that names nobody is blurred, unless store/veil.py was asked about it (`in_crowd`).
    """
    if not in_crowd:
        event = blurred(event)
    return told_json(event, person, now) | {"raw": _raw(event.raw)}


def fields_json(verdict: Verdict) -> dict[str, dict[str, str | None]]:
    """What is known of each field."""
    return {name: _field(field) for name, field in zip(Fields._fields, verdict.fields, strict=True)}


def told_json(event: Event, person: str | None, now: int, fields: object = None) -> dict[str, Any]:
    """The same for others: without the raw facts. Nothing is blurred. `fields`: those of its verdict, if they are at hand."""
    verdict = event.verdict
    return {
        "id": to_word(EVENT, event.id),
        "time": iso(event.time),
        "kind": event.kind,
        "actor": verdict.actor,
        "human": verdict.human,
        "person": person,
        "message": _word(MESSAGE, event.message),
        "link": _word(LINK, event.link),
        "url": event.url,
        "part": event.part or None,
        **_scene(event.scene or _NOWHERE),
        "fields": fields_json(verdict) if fields is None else fields,
        "evidence": [_evidence(e) for e in (*verdict.evidence, *event.because)],
        "rules": event.rules,
        "final": now - event.time >= FINAL_AFTER * 1_000_000,
        "repeat_of": _word(EVENT, event.repeat_of),
    }


def _word(prefix: str, number: int | None) -> str | None:
    return None if number is None else to_word(prefix, number)


def _scene(scene: Scene) -> dict[str, str | int | float | None]:
    return {
        "document": _word(DOCUMENT, scene.document),
        "page": scene.page,
        "site": _word(SITE, scene.site),
        "visit": _word(VISIT, scene.visit),
        "referrer": scene.referrer,
        "channel": scene.channel,
        "source": scene.source,
        "seconds": scene.seconds,
        "name": scene.name,
    }


def _field(field: Field) -> dict[str, str | None]:
    shown: dict[str, str | None] = {"value": field.value, "status": field.status}
    if field.status is not Status.KNOWN:
        shown["reason"] = field.reason
    return shown


def _evidence(evidence: Evidence) -> dict[str, str]:
    return {"rule": evidence.rule, "fact": evidence.fact}


def _raw(raw: Raw) -> dict[str, Any]:
    return {
        "agent": raw.agent,
        "method": raw.method,
        "headers": dict(raw.headers),
        "asn": raw.asn,
        "network": list(raw.network),
    }
