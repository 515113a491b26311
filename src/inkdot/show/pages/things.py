"""Mails, documents and websites: what was sent or put up, and what became of it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from inkdot.domain.errors import NotFound, UsageError
from inkdot.mark.reasons import SENTENCES
from inkdot.show.pages.desk import Visit
from inkdot.show.pages.persons import choice, span
from inkdot.show.pages.story import by_country, countries_of, days
from inkdot.show.pages.table import Column, exported, saved, table

_MAILS = (
    Column("subject", "Mail", "mail"), Column("status", "Status", "status"), Column("marked", "Sent", "time"),
    Column("recipients", "People", "number"), Column("opened_between", "Opened", "interval"), Column("clicked_between", "Clicked", "interval"),
    Column("replied", "Replied", "number"), Column("bounced", "Bounced", "number"), Column("last", "Last heard", "time"),
)  # fmt: skip
_COPIES = (
    Column("person", "Person", "person"), Column("status", "Status", "status"), Column("opened", "Opened", "proof"),
    Column("clicked", "Clicked", "proof"), Column("machine_fetches", "Machines", "number"), Column("last", "Last heard", "time"),
)  # fmt: skip
_CAMPAIGNS = (
    Column("campaign", "Campaign", "campaign"), Column("subject", "Mail", "mail"), Column("begun", "Begun", "time"),
    Column("recipients", "People", "number"), Column("opened_between", "Opened", "interval"),
    Column("clicked_between", "Clicked", "interval"), Column("replied", "Replied", "number"), Column("bounced", "Bounced", "number"),
)  # fmt: skip
_SENT = (
    Column("person", "Person", "person"), Column("state", "Copy", "word"), Column("status", "Status", "status"),
    Column("opened", "Opened", "proof"), Column("clicked", "Clicked", "proof"), Column("answer", "Server's answer"),
    Column("last", "Last heard", "time"),
)  # fmt: skip
_DOCUMENTS = (
    Column("name", "Document", "document"), Column("pages", "Pages", "number"), Column("version", "Version", "number"),
    Column("links", "Links", "number"), Column("dots", "Dots", "number"), Column("to", "Person", "person"), Column("made", "Added", "time"),
)  # fmt: skip
_VISITS = (
    "started", "person", "seconds", "pages", "downloads", "version", "human", "actor", "counted", "device", "os", "client", "location",
)  # fmt: skip
_SHORT, _LONG, _WHOLE = 8, 50, 1_000
"""Lines of each list of a website: at first, on wish, in a file."""
_PARTS = ("list", "name", "count")
_SITES = (Column("domain", "Website", "site"), Column("goals", "Goals", "number"))
_SITE_PARTS = (
    ("channels", "Channels"), ("sources", "Sources"), ("campaigns", "Campaigns"), ("referrers", "Referrers"), ("searches", "Searches"),
    ("companies", "Companies"), ("pages", "Pages"), ("paths", "Ways"), ("entries", "Entry pages"), ("exits", "Exit pages"), ("events", "Events"), ("goals", "Goals"),
    ("downloads", "Downloads"), ("outbound", "Links out"), ("countries", "Countries"), ("devices", "Devices"),
    ("systems", "Systems"), ("clients", "Browsers"),
)  # fmt: skip
_FOR_NOBODY = (("pages", "Pages, counted for nobody"), ("channels", "How views for nobody began"))
_SPANS = ("1d", "7d", "30d", "90d", "all")
_GRADES = ("hot", "warm", "cold")
_LEADS = (
    Column("who", "Lead", "lead"), Column("score", "Score", "number"), Column("grade", "Grade", "grade"), Column("why", "Why", "said"),
    Column("came", "First came by", "came"), Column("visits", "Visits", "number"), Column("last", "Last seen", "time"),
)  # fmt: skip


def mails(visit: Visit) -> Response:
    """Every mail with intervals."""
    since = span(visit)
    found = visit.one("report_mail", since=since, last=500)
    for one in found["messages"]:
        one["status"] = status_of_mail(one)
    shown = table(visit, _MAILS, found["messages"], "-marked")
    compared = (
        _compared(visit, found["since"]) if choice(visit, "compare", "yes", "no") == "yes" and since != "all" else None
    )
    facts = {"table": shown, "since": since, "spans": _SPANS, "more": found["more"], "compared": compared}
    return exported(visit, shown, "mails") or visit.page("mails.html", **facts)


def _compared(visit: Visit, since: str) -> list[dict[str, Any]]:
    """Mails sent since then, beside those of as long a time before: what became of them up to now."""
    begun, now = dt.datetime.fromisoformat(since), dt.datetime.now(dt.UTC)
    before = (begun - (now - begun)).isoformat()
    sent = [
        m
        for m in visit.one("report_mail", since=before, last=5_000)["messages"]
        if m["marked"] and m["marked"] >= before
    ]
    spans = [m for m in sent if m["marked"] >= since], [m for m in sent if m["marked"] < since]
    return [
        {
            "mails": len(span), "people": sum(m["recipients"] or 0 for m in span), "replied": sum(m["replied"] for m in span),
            **{
                name: [sum(m[f"{name}_between"][edge] for m in span) for edge in (0, 1)] for name in ("opened", "clicked")
            },
        }
        for span in spans
    ]  # fmt: skip


def mail(visit: Visit) -> Response:
    """One mail: each person's copy, its links, and what was heard."""
    number = visit.request.path_params["message"]
    found = visit.one("heard", message=number)
    sent = list(visit.ask("sent", message=number))
    states = {copy["person"]: copy["state"] for copy in sent}
    for copy in found["people"]:
        copy["status"] = status_of(copy | {"state": states.get(copy["person"])})
    shown = table(visit, _COPIES, found["people"], "-last")
    counts = visit.one("report_message", message=number)
    told = days(found["events"], sent, visit.zone)
    return exported(visit, shown, "mail") or visit.page(
        "mail.html",
        mail=found,
        counts=counts,
        table=shown,
        days=told,
        places=countries_of(found["events"]),
        why=SENTENCES,
    )


def campaigns(visit: Visit) -> Response:
    """Every mail to many."""
    shown = table(visit, _CAMPAIGNS, visit.ask("campaign_list"), "-begun")
    return exported(visit, shown, "campaigns") or visit.page("campaigns.html", table=shown)


def campaign(visit: Visit) -> Response:
    """One campaign: what became of each person's copy, and what each did with it."""
    found = visit.one("report_campaign", campaign=visit.request.path_params["campaign"])
    rows = [
        row | {"status": status_of(row), "answer": row["answer"] or (row["left_alone"] and f"unmarked: {row['left_alone']}")}
        for row in found["people"]
    ]  # fmt: skip
    shown = table(visit, _SENT, rows, "-last")
    return exported(visit, shown, "campaign") or visit.page(
        "campaign.html", campaign=found, counts=found["messages"][0], table=shown
    )


def status_of_mail(mail: dict[str, Any]) -> str:
    """One word for a mail, the strongest that is proven of any copy."""
    opened = mail["opened"]
    proof = next(
        (word for word, name in (("yes", "sure"), ("likely", "likely"), ("unknown", "unknown")) if opened[name]), ""
    )
    clicked = "yes" if mail["clicked"] else ""
    return status_of(
        mail
        | {"opened": proof, "clicked": clicked, "bounced": mail["bounced"] and mail["bounced"] == mail["recipients"]}
    )


def status_of(copy: dict[str, Any]) -> str:
    """One word for a copy, the strongest that is proven."""
    if copy["bounced"]:
        return "bounced"
    if copy["replied"]:
        return "replied"
    if copy["clicked"] in ("yes", "likely"):
        return "clicked"
    if copy["opened"]:
        return {"yes": "opened", "likely": "probably opened", "unknown": "perhaps opened"}[copy["opened"]]
    if copy.get("state") in ("refused", "expired"):  # the mail server did not take it
        return "refused"
    return "fetched by a machine" if copy["machine_fetches"] else "nothing heard"


def documents(visit: Visit) -> Response:
    """Every document."""
    rows = [found | {"links": len(found.get("links") or ())} for found in visit.ask("document_list", dotted=True)]
    shown = table(visit, _DOCUMENTS, rows, "-made")
    return exported(visit, shown, "documents") or visit.page("documents.html", table=shown)


def document(visit: Visit, fresh: dict[str, Any] | None = None) -> Response:
    """One document: which pages were read, by whom, for how long; `fresh` is a link to it that was made right now."""
    number, version = visit.request.path_params["document"], visit.query("version")
    found = visit.one("report_document", document=number, version=version)
    described = next(iter(visit.ask("document_list", document=number)), None) if found["pages"] else None
    if version:  # what was done with another version is told on its page
        found["visits"] = [v for v in found["visits"] if v["version"] == found["version"]]
    if file := saved(visit, _VISITS, lambda: map(_visit_row, found["visits"]), "started", "visits"):
        return file
    longest = max((page["seconds"] for page in found["pages"]), default=0) or 1
    busiest = max((s for row in found["people"] for s in row["seconds"]), default=0) or 1
    return visit.page(
        "document.html", doc=found, fresh=fresh, described=described, longest=longest, busiest=busiest, sums=_sums(found),
        places=by_country(v["location"] for v in found["visits"] if v["counted"]),
    )  # fmt: skip


def _visit_row(one: dict[str, Any]) -> dict[str, Any]:
    return one | {"pages": len(one["pages"]), "downloads": one.get("downloads")}


def _sums(found: dict[str, Any]) -> dict[str, Any]:
    """Who came, who came again, how far they went, and where most of those stop who do not finish."""
    counted = [v for v in found["visits"] if v["counted"]]
    readers = Counter(v["person"] or v["visit"] or v["event"] for v in counted)
    pages, reached = len(found["pages"]), dict[str, set[int]]()
    for v in counted:
        reached.setdefault(v["person"] or v["visit"] or v["event"], set()).update(
            p["page"] for p in v["pages"] if p["visits"]
        )
    ends = Counter(max(seen) for seen in reached.values() if seen and max(seen) < pages)
    shares = [len(seen) / pages for seen in reached.values()] if pages else []
    return {
        "people": len(readers), "visits": len(counted), "again": sum(times > 1 for times in readers.values()),
        "completion": round(100 * sum(shares) / len(shares)) if shares else 0, "complete": sum(len(seen) == pages for seen in reached.values()),
        "stopped": ends.most_common(1)[0][0] if ends else None, "downloads": sum(v.get("downloads") or 0 for v in counted),
        "machines": len(found["visits"]) - len(counted),
    }  # fmt: skip


def document_change(visit: Visit) -> Response:
    """Share it with somebody, or end a link."""
    number, form = visit.request.path_params["document"], visit.form
    if form.get("do") == "revoke":
        visit.one("document_revoke", link=form.get("link"))
        return visit.back(f"/documents/{number}", visit.words("The link works no more."))
    if form.get("do") != "share":
        raise UsageError("Say what is to be done: share or revoke.")
    terms: dict[str, Any] = {name: form[name].strip() for name in ("password", "expires") if form.get(name)}
    terms |= {name: True for name in ("email_gate", "verify_email", "watermark") if form.get(name)}
    terms |= {
        name: re.split(r"[\s,;]+", form[name].strip()) for name in ("allow", "block") if form.get(name, "").strip()
    }
    if form.get("no_download"):
        terms["download"] = False
    return document(visit, visit.one("document_share", document=number, to=form.get("to"), **terms))


def sites(visit: Visit) -> Response:
    """Every website."""
    rows = [found | {"goals": len(found["goals"])} for found in visit.ask("site_list")]
    shown = table(visit, _SITES, rows, "domain")
    return exported(visit, shown, "websites") or visit.page("sites.html", table=shown)


def site_add(visit: Visit) -> Response:
    """A new website."""
    made = visit.one("site_add", domain=visit.form.get("domain"))
    return visit.back(f"/sites/{made['domain']}", visit.words("Put the two lines below into each page of the website."))


def site(visit: Visit) -> Response:
    """One website on one page."""
    domain, since = visit.request.path_params["domain"], span(visit)
    found = visit.one(
        "report_site",
        site=domain,
        since=since,
        last=_WHOLE if visit.query("format") else visit.query("last", str(_SHORT)),
        funnel=visit.query("funnel"),
    )
    report = next((s for s in found["sites"] if s["domain"] == domain), None)
    if report is None:
        raise NotFound(f"There is no website {domain}; add it on the page of websites.")
    every_day = _all_days(report["days"], found["until"])
    known = next(s for s in visit.ask("site_list") if s["domain"] == domain)
    changes = (
        _changes(visit, domain, found, report)
        if choice(visit, "compare", "yes", "no") != "no" and since != "all"
        else {}
    )
    # Goals have a place of their own, where they are made; a guest sees the list alone.
    shown = [part for part in _SITE_PARTS if part[0] != "goals" or visit.guest]
    parts = [(key, label, _bars(report.get(key) or [])) for key, label in shown]
    if file := saved(visit, _PARTS, lambda: _part_rows(report), "list", "website"):
        return file
    parts += [(f"nobody-{key}", label, _bars(report["for_nobody"][key])) for key, label in _FOR_NOBODY]
    return visit.page(
        "site.html", site=report, known=known, parts=[p for p in parts if p[2]], since=since, spans=_SPANS,
        changes=changes, days=every_day, most=max(d["views"] for d in every_day) or 1, heard=bool(report["days"] or report["views_for_nobody"]),
        live=visit.one("site_lately", site=domain), funnel=visit.query("funnel"), goals=report["goals"], compared_by_itself=True, longer=_LONG if not visit.query("last") and any(len(p[2]) == _SHORT for p in parts) else None,
        places={row["name"]: row["visits"] for row in report["countries"] if row["name"]},
    )  # fmt: skip


def _part_rows(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every line of every list of a website."""
    for key, _ in _SITE_PARTS:
        for row in _bars(report.get(key) or []):
            yield {"list": key, "name": row["name"], "count": row["number"]}


def site_change(visit: Visit) -> Response:
    """Another goal of a website, or one goal less."""
    domain, form = visit.request.path_params["domain"], visit.form
    here = f"/sites/{quote(domain)}"
    known = next((s for s in visit.ask("site_list") if s["domain"] == domain), None)
    if known is None:
        raise NotFound(f"There is no website {domain}; add it on the page of websites.")
    match form.get("do"):
        case "goal":
            way, target = form.get("way", ""), form.get("target", "").strip()
            if way not in ("page", "event", "seconds") or not target:
                raise UsageError("Say what reaches the goal: a page, an event, or so many seconds.")
            visit.one("site_goal", site=known["site"], name=form.get("name", "").strip(), **{way: target})
            return visit.back(here, visit.words("The goal counts, also for what was before."))
        case "forget":
            visit.one("site_goal", site=known["site"], name=form.get("name"), remove=True)
            return visit.back(here, visit.words("The goal is counted no more."))
    raise UsageError("Say what is to be done with the website: goal or forget.")


def _changes(visit: Visit, domain: str, found: dict[str, Any], report: dict[str, Any]) -> dict[str, int]:
    """By how many percent visitors, visits and views differ from those of as long a time before; nothing where there were none."""
    begun, ended = (dt.datetime.fromisoformat(found[edge]) for edge in ("since", "until"))
    earlier = (begun - (ended - begun)).date().isoformat()
    past = visit.one("report_site", site=domain, since=earlier, until=begun.date().isoformat(), last=1)
    before: dict[str, Any] = next((s for s in past["sites"] if s["domain"] == domain), {})
    return {
        name: round(100 * (report[name] - before[name]) / before[name])
        for name in ("visitors", "visits", "views")
        if before.get(name)
    }


def _all_days(days: list[dict[str, Any]], until: str) -> list[dict[str, Any]]:
    """Days without visits put in, from the first one on, two weeks at least."""
    last = dt.date.fromisoformat(until[:10]) - dt.timedelta(days=1)
    begun = min([last - dt.timedelta(days=13), *(dt.date.fromisoformat(day["day"]) for day in days)])
    known = {day["day"]: day for day in days}
    every = [(begun + dt.timedelta(days=n)).isoformat() for n in range((last - begun).days + 1)]
    return [known.get(day) or {"day": day, "visitors": 0, "visits": 0, "views": 0} for day in every]


def _bars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A list's rows: a name, a number, and its share of the largest in percent."""
    found = [
        {"name": f"{row['page']} → {row['next']}" if row.get("next") else row.get("name", row.get("page")), "number": next(row[n] for n in ("visits", "times", "views", "reached", "visitors") if n in row)}
        for row in rows
    ]  # fmt: skip
    most = max((row["number"] or 0 for row in found), default=0) or 1
    return [row | {"share": round(100 * (row["number"] or 0) / most)} for row in found]


def leads(visit: Visit) -> Response:
    """Who is warm, and why."""
    since = span(visit)
    rows = [
        lead | {
            "who": lead["person"] or lead["visitor"], "why": "; ".join(r["fact"] for r in lead["reasons"]),
            "came": " · ".join(filter(None, (lead["first_touch"]["channel"], lead["first_touch"]["source"]))) if lead["first_touch"] else None,
        }
        for lead in visit.one("report_leads", since=since, last=1_000, grade=choice(visit, "grade", *_GRADES))["leads"]
    ]  # fmt: skip
    shown = table(visit, _LEADS, rows, "-score")
    return exported(visit, shown, "leads") or visit.page(
        "leads.html", table=shown, since=since, spans=_SPANS, grades=_GRADES
    )
