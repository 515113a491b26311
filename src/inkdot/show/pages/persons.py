"""Home, people, and what one person did."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

from starlette.responses import Response

from inkdot.domain.account import Scope
from inkdot.domain.consent import Mode
from inkdot.domain.errors import NotAllowed, UsageError
from inkdot.domain.event import FINAL_AFTER, Kind
from inkdot.show.pages.desk import HEADERS, Visit
from inkdot.show.pages.story import countries_of, days, grouped
from inkdot.show.pages.table import Column, exported, saved, table
from inkdot.show.questions import since_of

_PEOPLE = (
    Column("person", "Person", "person"),
    Column("last", "Last sign of life", "time"),
    Column("count", "Signs of life", "number"),
)
_SILENT = (Column("person", "Person", "person"), Column("subject", "Mail", "mail"), Column("marked", "Sent", "time"))
_SIGNS = (
    "time", "person", "kind", "human", "actor", "says", "subject", "url", "seconds", "location", "device", "client", "repeat_of", "final",
    "id",
)  # fmt: skip
_MOST_LINES = 500
_LATEST, _LINES = 80, 25
_MOST_FOUND = 200
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SPANS = ("1d", "7d", "30d", "90d", "all")


def span(visit: Visit, usual: str = "30d") -> str:
    """How far back the page looks. Raises UsageError for what is no time, or one to come."""
    since, now = visit.query("since", usual), time.time_ns() // 1_000
    if since_of(since, now) > now:
        raise UsageError(f"{since!r} is still to come; choose a time that was.")
    return since


def choice(visit: Visit, name: str, *words: str) -> str:
    """A word of the address that is empty or one of these. Raises UsageError."""
    said = visit.query(name)
    if said and said not in words:
        raise UsageError(f"{said!r} cannot be chosen for {name}; there are {', '.join(words)}.")
    return said


def home(visit: Visit) -> Response:
    """Who needs me now."""
    since, seen = span(visit), _seen(visit)
    found = visit.one("home", since=since, seen=seen)
    hot = [lead for lead in found["leads"] if lead["grade"] in ("hot", "warm")]
    return visit.page(
        "home.html", active=found["active"], hot=hot, silent=found["silent"], since=since, spans=_SPANS, seen=seen, away=found["away"],
        feed=_feed(found["latest"]), sample=bool(visit.desk.facts()["sample"]), paused=found["paused"],
    )  # fmt: skip


def _seen(visit: Visit) -> str:
    """When the reader left this page last, as a script of it told; nothing where none did."""
    told = unquote(visit.desk.held(visit.request, "seen"))
    try:
        dt.datetime.fromisoformat(told)
    except ValueError:
        return ""
    return told if _TIME.fullmatch(told) else ""


def sample_remove(visit: Visit) -> Response:
    """Begin with an empty house."""
    visit.one("sample_remove")
    return visit.back("/", visit.words("The sample data is gone. What you send from now on is your own."))


def feed(visit: Visit) -> Response:
    """The live feed alone, for a page that is open."""
    return visit.page("feed.html", feed=_feed(visit.ask("latest", most=_LATEST)))


def _feed(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The latest events, those of one visit in one line."""
    return grouped(events)[:_LINES]


def people(visit: Visit) -> Response:
    """Everybody who showed a sign of life."""
    since = span(visit)
    alive = list(visit.ask("alive", since=since, most=5_000))
    known = {row["person"] for row in alive}
    # Who is looked for is found, too, of whom no sign was seen in this time.
    others = (
        visit.ask("people", search=visit.query("q"), limit=_MOST_FOUND) if visit.query("q") and not visit.guest else ()
    )
    alive += [{"person": o["person"], "last": None, "count": 0} for o in others if o["person"] not in known]
    shown = table(visit, _PEOPLE, alive, "-last")
    return exported(visit, shown, "people") or visit.page("people.html", table=shown, since=since, spans=_SPANS)


def silent(visit: Visit) -> Response:
    """Copies of mails of which nothing was heard."""
    shown = table(visit, _SILENT, visit.one("silent", since=span(visit))["copies"], "marked")
    facts = {"since": span(visit), "spans": _SPANS}
    return exported(visit, shown, "unopened") or visit.page("silent.html", table=shown, **facts)


def person(visit: Visit) -> Response:
    """One person's timeline, choices and rights."""
    address = visit.request.path_params["person"]
    found = visit.one("timeline", person=address)
    kind = choice(visit, "kind", *Kind)
    events = [e for e in reversed(found["events"]) if not kind or e["kind"] == kind]
    if choice(visit, "machines", "no"):
        events = [e for e in events if e["human"] != "no"]
    if file := saved(visit, _SIGNS, lambda: map(_sign_row, events), "-time", "timeline"):
        return file
    sent = visit.ask("sent", person=address) if found["known"] and not kind and len(events) <= _MOST_LINES else ()
    consent = visit.one("person_show", person=address) if found["known"] else None
    ties = visit.one("person_identities", person=address) if found["known"] else {}
    muted = address in visit.one("notice_show", user=int(visit.signed.user))["muted"]
    return visit.page(
        "person.html", places=countries_of(events), modes=[mode.name.lower() for mode in Mode], muted=muted, ties=ties, found=found, events=events[:_MOST_LINES], more=len(events) > _MOST_LINES, consent=consent,
        choices=list(visit.ask("consent_log", person=address)) if visit.signed.may(Scope.PRIVACY) else [],
        kinds=sorted({e["kind"] for e in found["events"]}), days=days(events[:_MOST_LINES], sent, visit.zone),
    )  # fmt: skip


def _sign_row(event: dict[str, Any]) -> dict[str, Any]:
    fields = event["fields"]
    return event | {name: fields[name].get("value") for name in ("location", "device", "client")}


def person_export(visit: Visit) -> Response:
    """All that is kept about somebody, as a file."""
    address = visit.request.path_params["person"]
    visit.one("person_show", person=address)
    found = visit.one("person_export", person=address)
    headers = HEADERS | {"Content-Disposition": 'attachment; filename="person.json"', "Cache-Control": "no-store"}
    return Response(json.dumps(found, indent=1, ensure_ascii=False), 200, headers, "application/json")


def person_change(visit: Visit) -> Response:
    """Withdraw or set consent, hear no more of somebody, merge two addresses or take that back."""
    address, form = visit.request.path_params["person"], visit.form
    here = f"/people/{quote(address, safe='@')}"
    if form.get("do") not in ("mute", "hear") and not visit.signed.may(Scope.MANAGE):
        raise NotAllowed(f"This needs the role member; yours is {visit.signed.role}.")
    match form.get("do"):
        case "withdraw":
            visit.one("consent_withdraw", person=address, method="office")
            return visit.back(here, visit.words("Nothing more is kept about {person}.", person=address))
        case "mode" if not visit.signed.may(Scope.PRIVACY):
            raise NotAllowed("Only an owner writes down what somebody chose; to stop keeping anything is open to you.")
        case "mode":
            visit.one("consent_set", person=address, mode=form.get("mode"), method="office")
            return visit.back(here, visit.words("The choice is written down."))
        case "mute" | "hear":
            visit.one("notice_mute", person=address, user=int(visit.signed.user), quiet=form["do"] == "mute" or None)
            return visit.back(here, visit.words("Kept; it counts for you alone."))
        case "merge":
            visit.one("person_merge", person=address, other=form.get("other"))
            return visit.back(here, visit.words("They are shown as one person now."))
        case "unmerge":
            visit.one("person_unmerge", person=address, other=form.get("other"))
            return visit.back(here, visit.words("They are two people again."))
    raise UsageError("Say what is to be done: withdraw, mode, mute, hear, merge or unmerge.")


def person_erase(visit: Visit) -> Response:
    """Erase somebody for good, and show the certificate."""
    address = visit.request.path_params["person"]
    if visit.form.get("sure", "").strip().lower() != address.lower():
        raise UsageError("Write the address once more to erase all that is kept about it; it cannot be brought back.")
    visit.one("person_show", person=address)  # nobody's here may be somebody's in another workspace
    return visit.page("erased.html", person=address, certificate=visit.one("person_erase", person=address))


def event(visit: Visit) -> Response:
    """Why an event is believed."""
    number = visit.request.path_params["event"]
    found = visit.one("explain", event=number)
    settled = dt.datetime.fromisoformat(found["time"]) + dt.timedelta(seconds=FINAL_AFTER)
    return visit.page(
        "event.html",
        event=found,
        settled=settled.isoformat(),
        corrected=any(proof["rule"] == "said" for proof in found["evidence"]),
    )


def correct(visit: Visit) -> Response:
    """What somebody knows better about an event."""
    number = visit.request.path_params["event"]
    because = visit.form.get("because", "").strip() or "said in the office"
    says = visit.form.get("says")
    visit.one("correct", event=number, says=says, because=because)
    said = "The rules decide again." if says == "rules" else "Your word counts from now on."
    return visit.back(f"/events/{number}", visit.words(said))
