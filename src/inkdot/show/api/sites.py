"""Websites: their keys, what was done there, and who is warm."""

from __future__ import annotations

from typing import Any

import msgspec

from inkdot.domain.errors import NotFound
from inkdot.show.api.call import Call, Page, page_in_order, page_of

_MOST_SEARCHES = 100_000


def list_sites(call: Call) -> Page[Any]:
    """With their keys."""
    return page_of(call.ask("site_list"), call.query.limit, call.query.cursor, lambda s: str(s["site"]))


def add_site(call: Call) -> dict[str, Any]:
    """Asked again for the same domain, it gives the same site."""
    return call.one("site_add", domain=call.body.domain, wait=call.body.wait)


def show_site(call: Call) -> dict[str, Any]:
    """With the lines for its pages."""
    return call.one("site_list", site=call.path["site"])


def server_key(call: Call) -> dict[str, Any]:
    """Whoever has it is believed about whose an event is: keep it as you keep a password."""
    return call.one("site_server_key", site=call.path["site"], **msgspec.structs.asdict(call.body))


def set_goal(call: Call) -> dict[str, Any]:
    """Reports count it in the past, too; one of that name is replaced."""
    return call.one("site_goal", site=call.path["site"], **msgspec.structs.asdict(call.body))


def delete_goal(call: Call) -> None:
    """It counts no more."""
    call.one("site_goal", site=call.path["site"], name=call.path["goal"], remove=True)


def report_site(call: Call) -> dict[str, Any]:
    """Visitors with their interval, pages, sources, goals, days."""
    show_site(call)
    q = call.query
    report = call.one("report_site", site=call.path["site"], since=q.since, until=q.until, last=q.last, funnel=q.funnel)
    for site in report["sites"]:
        return {"since": report["since"], "until": report["until"], **site}
    raise NotFound("There is no such site.")


def list_searches(call: Call) -> Page[Any]:
    """Most often first."""
    show_site(call)
    q = call.query
    report = call.one("report_searches", site=call.path["site"], since=q.since, until=q.until, last=_MOST_SEARCHES)
    return page_in_order(report["searches"], q, lambda search: str(search["term"]))


def list_leads(call: Call) -> Page[Any]:
    """The warmest first, with their reasons."""
    q = call.query
    report = call.one("report_leads", since=q.since, last=q.limit, grade=q.grade, known=q.known, after=q.cursor)
    return Page(report["leads"], report["next"] is not None, report["next"])
