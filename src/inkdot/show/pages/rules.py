"""What follows by itself: triggers, audiences, webhooks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from inkdot.domain.errors import InkdotError, NotFound, UsageError
from inkdot.show.api.triggers import without_secrets
from inkdot.show.pages.composing import STYLES, THEN, WHEN, composed, shown_by
from inkdot.show.pages.desk import HEADERS, Visit
from inkdot.show.pages.persons import choice
from inkdot.show.pages.table import Column, Table, exported, table

_TRIGGERS = (
    Column("name", "Rule", "trigger"), Column("active", "On", "yes"), Column("fired", "Fired", "number"), Column("last", "Last", "time"),
    Column("version", "Version", "number"),
)  # fmt: skip
_AUDIENCES = (
    Column("name", "List", "audience"),
    Column("members", "People", "number"),
    Column("added", "Added", "time"),
)
_MEMBERS = (Column("person", "Person", "person"), Column("joined", "Joined", "time"), Column("because", "Why"))
_LOG = (
    Column("made", "Made", "time"), Column("type", "Message"), Column("to", "To"), Column("state", "State", "word"),
    Column("tries", "Tries", "number"), Column("said", "Answer", "said"), Column("delivery", "Id", "delivery"),
)  # fmt: skip
_STATES = ("waiting", "done", "failed", "withdrawn")
_MOST_DIGITS, _MOST_DAYS = 3, 365
_EXAMPLE = json.dumps(
    {"name": "Quote clicked", "when": {"kind": "click", "count": 2, "within": "7d"}, "actions": [{"do": "email"}]},
    indent=2,
)


def triggers(visit: Visit) -> Response:
    """All rules, and an editor for one."""
    rows = list(visit.ask("trigger_list"))
    shown = table(visit, _TRIGGERS, rows, "name")
    chosen = next((row for row in rows if row["trigger"] == visit.query("edit")), None)
    if visit.query("edit") and not chosen:
        raise NotFound("There is no such rule; somebody may have removed it meanwhile.")
    rule = without_secrets(chosen)["rule"] if chosen else None
    text = json.dumps(rule, indent=2, ensure_ascii=False) if rule else _EXAMPLE
    return exported(visit, shown, "triggers") or _editor(visit, shown, text, chosen)


def _editor(
    visit: Visit, shown: Table, text: str, chosen: dict[str, Any] | None, tried: dict[str, Any] | None = None, trouble: str = ""
) -> Response:  # fmt: skip
    """All rules, and one to be written, with what it would show."""
    return visit.page(
        "triggers.html", table=shown, text=text, chosen=chosen, tried=tried, trouble=trouble, previews=shown_by(text),
        when=WHEN, then=THEN, styles=STYLES, form=visit.form,
    )  # fmt: skip


def trigger_change(visit: Visit) -> Response:
    """Try a rule on the past, keep it, switch it, or remove it."""
    form = visit.form
    text = form.get("rule", "")
    match form.get("do"):
        case "try" | "keep" | "compose":
            return _tried_or_kept(visit, text)
        case "on" | "off":
            visit.one("trigger_switch", trigger=form.get("trigger"), on=form["do"] == "on" or None)
            return visit.back("/triggers")
        case "remove":
            visit.one("trigger_rm", trigger=form.get("trigger"))
            return visit.back("/triggers", visit.words("The rule is removed."))
    raise UsageError("Say what is to be done with the rule: compose, try, keep, on, off or remove.")


def remind(visit: Visit) -> Response:
    """A rule that tells the owner of copies of which nothing was heard for some days."""
    days = visit.form.get("days", "")
    if not (days.isdecimal() and days.isascii() and 1 <= len(days) <= _MOST_DIGITS and 1 <= int(days) <= _MOST_DAYS):
        raise UsageError(f"{days!r} is no number of days; write a whole number from 1 to {_MOST_DAYS}.")
    rule = {
        "name": f"Nothing heard for {int(days)} days", "when": {"not_opened_for": f"{int(days)}d"},
        "actions": [{"do": "email", "subject": "Follow up? {person}: {subject}", "text": "{sentence}"}],
    }  # fmt: skip
    kept = visit.one("trigger_add", rule=json.dumps(rule))
    return visit.back("/triggers", visit.words("The rule {name} is kept and watches from now on.", name=kept["name"]))


def _tried_or_kept(visit: Visit, text: str) -> Response:
    rows = list(visit.ask("trigger_list"))
    chosen = next((row for row in rows if row["trigger"] == visit.form.get("trigger")), None)
    tried, trouble = None, ""
    try:
        if visit.form["do"] == "compose":
            text = composed(visit.form, visit.words)
        elif visit.form["do"] == "keep":
            _unchanged(visit, chosen)
            kept = visit.one("trigger_add", rule=text)
            return visit.back(
                "/triggers", visit.words("The rule {name} is kept and watches from now on.", name=kept["name"])
            )
        else:
            tried = visit.one("trigger_test", rule=text, since=visit.form.get("since") or "30d")
    except InkdotError as error:
        trouble = str(error)
    return _editor(visit, table(visit, _TRIGGERS, rows, "name"), text, chosen, tried, trouble)


def _unchanged(visit: Visit, chosen: dict[str, Any] | None) -> None:
    """Raises UsageError where somebody else changed or removed the rule since its page was loaded."""
    if visit.form.get("trigger") and chosen is None:
        raise UsageError("Somebody removed this rule meanwhile. Keep it once more, and it is a new one.")
    if chosen and visit.form.get("version") != str(chosen["version"]):
        raise UsageError(
            f"Somebody changed this rule meanwhile: it is version {chosen['version']} now. Copy your text, open the rule again and change that one."
        )


def audiences(visit: Visit) -> Response:
    """All lists."""
    shown = table(visit, _AUDIENCES, visit.ask("audience_list"), "name")
    return exported(visit, shown, "audiences") or visit.page("audiences.html", table=shown)


def audience(visit: Visit) -> Response:
    """Who is on a list; or its file for a platform."""
    name = visit.request.path_params["name"]
    known = next((found for found in visit.ask("audience_list") if found["name"] == name), None)
    if known is None:
        raise NotFound(f"There is no list {name!r}.")
    shown = table(visit, _MEMBERS, visit.ask("audience_show", name=name), "-joined")
    return exported(visit, shown, "audience") or visit.page("audience.html", known=known, table=shown)


def audience_file(visit: Visit) -> Response:
    """A list as a platform takes it, or whom it must remove: hashed, without those who said no."""
    name, target, what_for = (
        visit.request.path_params["name"],
        visit.query("target", "csv"),
        visit.query("for", "members"),
    )
    found = visit.one("audience_export", name=name, target=target, what_for=what_for)
    file = quote(f"{name}-{target}-{what_for}.csv", safe="")
    headers = HEADERS | {"Content-Disposition": f"attachment; filename*=UTF-8''{file}", "Cache-Control": "no-store"}
    return Response(found["csv"], 200, headers, "text/csv; charset=utf-8")


def audience_change(visit: Visit) -> Response:
    """A new list, somebody on or off it, or no list any more."""
    form = visit.form
    match form.get("do"):
        case "add":
            rule = form.get("rule", "").strip()
            made = visit.one("audience_add", name=form.get("name"), rule=rule or None)
            return visit.back(f"/audiences/{quote(made['name'], safe='')}")
        case "join" | "leave":
            visit.one(
                "audience_change", name=form.get("name"), person=form.get("person"), join=form["do"] == "join" or None
            )
            return visit.back(f"/audiences/{quote(form.get('name', ''), safe='')}")
        case "remove":
            visit.one("audience_rm", name=form.get("name"))
            return visit.back("/audiences", visit.words("The list is removed."))
    raise UsageError("Say what is to be done with the list: add, join, leave or remove.")


def webhooks(visit: Visit, secret: str = "") -> Response:
    """Where messages go, and what became of each; `secret` is one that was made right now."""
    places = [found | {"types": ", ".join(found["types"]) or "all"} for found in visit.ask("webhook_list")]
    shown = {place["url"] for place in places}
    paused = [found for found in visit.ask("webhook_paused") if found["to"] not in shown]
    log = table(visit, _LOG, visit.ask("webhook_log", last=1_000, state=choice(visit, "state", *_STATES)), "-made")
    return exported(visit, log, "deliveries") or visit.page(
        "webhooks.html", places=places, paused=paused, table=log, states=_STATES,
        secret=secret,
    )  # fmt: skip


def webhook_change(visit: Visit) -> Response:
    """A new place, another secret, on or off, no place any more, or a delivery once more."""
    form = visit.form
    match form.get("do"):
        case "add":
            return webhooks(visit, visit.one("webhook_add", url=form.get("url"))["secret"])
        case "rotate":
            return webhooks(visit, visit.one("webhook_rotate", webhook=form.get("webhook"))["secret"])
        case "on" | "off":
            visit.one("webhook_switch", webhook=form.get("webhook"), on=form["do"] == "on" or None)
            return visit.back("/webhooks")
        case "resume":
            visit.one("webhook_resume", to=form.get("to"))
            return visit.back("/webhooks", visit.words("What waited there is delivered now."))
        case "remove":
            visit.one("webhook_rm", webhook=form.get("webhook"))
            return visit.back("/webhooks", visit.words("Nothing is sent there any more."))
        case "again":
            list(visit.ask("webhook_replay", delivery=form.get("delivery")))
            return visit.back("/webhooks", visit.words("It is delivered again."))
    raise UsageError("Say what is to be done: add, rotate, on, off, resume, remove or again.")


def delivery(visit: Visit) -> Response:
    """One delivery with every try."""
    return visit.page(
        "delivery.html", delivery=visit.one("webhook_log", delivery=visit.request.path_params["delivery"])
    )
