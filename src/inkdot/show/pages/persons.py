"""Home, people, and what one person did."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from inkdot.domain.errors import UsageError
from inkdot.show.pages.desk import HEADERS, Visit
from inkdot.show.pages.table import Column, exported, table

_PEOPLE = (
    Column("person", "Person", "person"),
    Column("last", "Last sign of life", "time"),
    Column("count", "Signs of life", "number"),
)
_SILENT = (Column("person", "Person", "person"), Column("subject", "Mail", "mail"), Column("marked", "Sent", "time"))
_SPANS = ("1d", "7d", "30d", "90d", "all")


def span(visit: Visit, usual: str = "30d") -> str:
    """How far back the page looks."""
    return visit.query("since", usual)


def home(visit: Visit) -> Response:
    """Who needs me now."""
    since = span(visit)
    active = list(visit.ask("active", since=since, most=12))
    leads = visit.one("report_leads", since=since)["leads"]
    hot = [lead for lead in leads if lead["grade"] in ("hot", "warm")][:6]
    silent = list(visit.ask("silent", since="30d"))
    return visit.page(
        "home.html", active=active, hot=hot, silent=silent[:6], silent_count=len(silent), since=since, spans=_SPANS,
        feed=list(visit.ask("latest", most=25)), sample=bool(visit.desk.facts()["sample"]),
        paused=[place["to"] for place in visit.ask("webhook_paused")],
    )  # fmt: skip


def sample_remove(visit: Visit) -> Response:
    """Begin with an empty house."""
    visit.one("sample_remove")
    return visit.back("/", visit.words("The sample data is gone. What you send from now on is your own."))


def feed(visit: Visit) -> Response:
    """The events that came after the one in the address, as they stand in the live feed."""
    return visit.page("feed.html", feed=list(visit.ask("latest", most=25, after=visit.query("after"))))


def people(visit: Visit) -> Response:
    """Everybody who showed a sign of life."""
    since = span(visit)
    shown = table(visit, _PEOPLE, visit.ask("alive", since=since, most=5_000), "-last")
    return exported(visit, shown, "people") or visit.page("people.html", table=shown, since=since, spans=_SPANS)


def silent(visit: Visit) -> Response:
    """Copies of mails of which nothing was heard."""
    shown = table(visit, _SILENT, visit.ask("silent", since=span(visit)), "marked")
    facts = {"since": span(visit), "spans": _SPANS}
    return exported(visit, shown, "unopened") or visit.page("silent.html", table=shown, **facts)


def person(visit: Visit) -> Response:
    """One person's timeline, choices and rights."""
    address = visit.request.path_params["person"]
    found = visit.one("timeline", person=address)
    kind = visit.query("kind")
    events = [e for e in reversed(found["events"]) if not kind or e["kind"] == kind]
    if visit.query("machines") == "no":
        events = [e for e in events if e["human"] != "no"]
    consent = visit.one("person_show", person=address) if found["known"] else None
    return visit.page(
        "person.html", found=found, events=events[:500], more=len(events) > 500, consent=consent,
        choices=list(visit.ask("consent_log", person=address)),
        kinds=sorted({e["kind"] for e in found["events"]}), days=by_day(events[:500]),
    )  # fmt: skip


def by_day(events: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Events grouped by day of UTC, in the order given."""
    days: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        days.setdefault(event["time"][:10], []).append(event)
    return list(days.items())


def person_export(visit: Visit) -> Response:
    """All that is kept about somebody, as a file."""
    found = visit.one("person_export", person=visit.request.path_params["person"])
    headers = HEADERS | {"Content-Disposition": 'attachment; filename="person.json"', "Cache-Control": "no-store"}
    return Response(json.dumps(found, indent=1, ensure_ascii=False), 200, headers, "application/json")


def person_change(visit: Visit) -> Response:
    """Withdraw or set consent, merge, or erase."""
    address, form = visit.request.path_params["person"], visit.form
    here = f"/people/{address}"
    match form.get("do"):
        case "withdraw":
            visit.one("consent_withdraw", person=address, method="office")
            return visit.back(here, visit.words("Nothing more is kept about {person}.", person=address))
        case "mode":
            visit.one("consent_set", person=address, mode=form.get("mode"), method="office")
            return visit.back(here, visit.words("The choice is written down."))
        case "merge":
            visit.one("person_merge", person=address, other=form.get("other"))
            return visit.back(here, visit.words("They are shown as one person now."))
        case "unmerge":
            visit.one("person_unmerge", person=address, other=form.get("other"))
            return visit.back(here, visit.words("They are two people again."))
    raise UsageError("Say what is to be done: withdraw, mode, merge or unmerge.")


def person_erase(visit: Visit) -> Response:
    """Erase somebody for good."""
    address = visit.request.path_params["person"]
    if visit.form.get("sure", "").strip().lower() != address.lower():
        raise UsageError("Write the address once more to erase all that is kept about it; it cannot be brought back.")
    visit.one("person_erase", person=address)
    return visit.back("/people", visit.words("All that was kept about {person} is erased.", person=address))


def event(visit: Visit) -> Response:
    """Why an event is believed."""
    number = visit.request.path_params["event"]
    found = visit.one("explain", event=number)
    corrections = [c["correction"] for c in visit.ask("corrections") if c["id"] == found["id"]]
    return visit.page("event.html", event=found, corrections=corrections)


def correct(visit: Visit) -> Response:
    """What somebody knows better about an event."""
    number = visit.request.path_params["event"]
    because = visit.form.get("because", "").strip() or "said in the office"
    visit.one("correct", event=number, says=visit.form.get("says"), because=because)
    return visit.back(f"/events/{number}", visit.words("Your word counts from now on."))
