"""Timelines as people read them: what was sent and what came of it; a visit stands in one line, and so do repeats."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from inkdot.show.documents import spoken
from inkdot.understand.verdict import country_of

Line = dict[str, Any]
_READING, _LOOKING = ("view", "read"), ("view", "engage")
_MOST_PARTS = 50
_AGAIN = " (again)"


def days(events: Iterable[Line], sent: Iterable[Line], zone: ZoneInfo) -> list[tuple[str, list[Line]]]:
    """Events and what was sent, newest first, by day of `zone`."""
    every = [*events, *(line for copy in sent for line in _sent(copy))]
    found: dict[str, list[Line]] = {}
    for line in sorted(every, key=lambda line: str(line["time"]), reverse=True):
        found.setdefault(day_of(line["time"], zone), []).append(line)
    return [(day, grouped(lines)) for day, lines in found.items()]


def day_of(time: str, zone: ZoneInfo) -> str:
    """The day of a time of the API in `zone`, as 2026-11-23."""
    return dt.datetime.fromisoformat(time).astimezone(zone).date().isoformat()


def grouped(events: Iterable[Line]) -> list[Line]:
    """Lines in the order of their newest event: what belongs to one visit together, and what is the same more than once."""
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for event in events:
        groups.setdefault(_key(event), []).append(event)
    lines: dict[tuple[Any, ...], Line] = {}
    for group in groups.values():
        line = _line(group)
        stranger = (
            line["tally"] and not line["person"]
        )  # visitors whom nobody knows, who came alike, are told as a number
        key = (line["site"], line["says"]) if stranger else _key(group[0])
        lines[key] = _together(lines[key], line) if key in lines else line
    return list(lines.values())


def _together(first: Line, other: Line) -> Line:
    """Two visits by people whom nobody knows as one line, under the newer one's name."""
    tally = {
        "pages": first["tally"]["pages"] + other["tally"]["pages"], "spoken": "", "visitors": first["tally"]["visitors"] + 1,
    }  # fmt: skip
    parts = [*(first["parts"] or [first]), *(other["parts"] or [other])][:_MOST_PARTS]
    return first | {
        "tally": tally,
        "count": first["count"] + other["count"],
        "parts": parts,
        "url": None,
        "fields": None,
    }


def _key(event: Line) -> tuple[Any, ...]:
    kind = event["kind"]
    if event.get("visit") and event.get("document") and kind in _READING:
        return "reading", event["visit"], event["person"]
    if event.get("visit") and event.get("site") and kind in _LOOKING:
        return "looking", event["visit"], event["person"]
    if event["id"] is None and kind != "refused":  # copies of one mail that left together, whoever they are for
        return kind, event["message"], event["says"]
    return kind, event["person"], event.get("subject"), event["says"].removesuffix(_AGAIN), event.get("url")


def _line(group: list[Line]) -> Line:
    newest, what = group[0], _key(group[0])[0]
    line = newest | {"count": len(group), "parts": group[:_MOST_PARTS] if len(group) > 1 else [], "tally": None}
    if what == "reading" and any(part["kind"] == "read" for part in group):
        line["says"] = _read(group)
    elif what == "looking":
        line |= _looked(group)
    elif line["id"] is None and len({part["person"] for part in group}) > 1:
        line["person"] = None
    else:
        line["says"] = newest["says"].removesuffix(_AGAIN) if len(group) > 1 else newest["says"]
    return line


def _read(group: list[Line]) -> str:
    """As `A person had pages 1-3 in sight and in use for 40 s`."""
    reads = [part for part in group if part["kind"] == "read"]
    who = reads[0]["says"].partition(" had ")[0]
    pages = sorted({part["page"] for part in reads if part["page"]})
    seconds = spoken(sum(part["seconds"] or 0 for part in reads))
    if len(pages) < 2:
        return f"{who} had page {pages[0] if pages else '?'} in sight and in use for {seconds}."
    whole = pages == list(range(pages[0], pages[-1] + 1))
    return f"{who} had pages {f'{pages[0]}–{pages[-1]}' if whole else ', '.join(map(str, pages))} in sight and in use for {seconds}."


def _looked(group: list[Line]) -> Line:
    """The view that the visit began with says how it came; beside it, how many pages and how long."""
    views = [part for part in group if part["kind"] == "view"]
    told = views[-1] if views else group[-1]
    pages, seconds = len({part["url"] for part in views}), sum(part["seconds"] or 0 for part in group)
    return {
        "says": told["says"], "url": told["url"],
        "tally": {"pages": pages, "spoken": spoken(seconds) if seconds >= 1 else "", "visitors": 1},
    }  # fmt: skip


def _sent(copy: Line) -> Iterable[Line]:
    """What happened to a copy before anything was heard of it."""
    line = {
        "person": copy["person"], "message": copy["message"], "subject": copy["subject"], "human": "sent", "url": None, "fields": None, "site": None,
    }  # fmt: skip
    if copy["handed_over"]:
        says = "Delivered to the mail server: it took the copy."
        yield line | {"id": None, "kind": "delivered", "time": copy["handed_over"], "says": says}
    elif copy["state"] in ("refused", "expired"):
        says = f"Not delivered; the mail server said: {copy['answer'] or 'nothing'}"
        yield line | {"id": None, "kind": "refused", "time": copy["marked"], "says": says, "human": "no"}
    yield line | {"id": None, "kind": "sent", "time": copy["marked"], "says": "Got its marks, to be sent."}


def countries_of(events: Iterable[Line]) -> dict[str, int]:
    """Where people were, as far as it is known: signs by country, most first; machines are nowhere."""
    return by_country(e["fields"]["location"]["value"] for e in events if e["human"] != "no" and not e["repeat_of"])


def by_country(places: Iterable[str | None]) -> dict[str, int]:
    """How many of these places are in which country, most first; a city counts for its country."""
    return dict(Counter(code for place in places if (code := country_of(place))).most_common())
