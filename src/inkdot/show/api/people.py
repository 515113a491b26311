"""People: what they did, who they are, what they chose, and their rights."""

from __future__ import annotations

from typing import Any

import msgspec

from inkdot.show.api.call import Call, Page, page_in_order


def list_people(call: Call) -> Page[Any]:
    """By address."""
    q = call.query
    found = list(call.ask("people", search=q.search, after=q.cursor, limit=q.limit + 1))
    return Page(found[: q.limit], len(found) > q.limit, found[q.limit - 1]["person"] if len(found) > q.limit else None)


def show_person(call: Call) -> dict[str, Any]:
    """And how much may be kept."""
    return call.one("person_show", person=call.path["person"])


def set_details(call: Call) -> dict[str, Any]:
    """Phone, names, country and postcode, which audiences hand to platforms hashed beside the address."""
    show_person(call)
    call.one("people_know", people={call.path["person"]: msgspec.structs.asdict(call.body)}, anew=True)
    return show_person(call)


def show_timeline(call: Call) -> dict[str, Any]:
    """Over mail, documents and websites, oldest first."""
    show_person(call)
    return call.one("timeline", person=call.path["person"])


def show_identities(call: Call) -> dict[str, Any]:
    """What ties a person to browsers and further addresses."""
    return call.one("person_identities", person=call.path["person"])


def merge_person(call: Call) -> dict[str, Any]:
    """It can be taken back."""
    return call.one("person_merge", person=call.path["person"], other=call.body.other)


def unmerge_person(call: Call) -> dict[str, Any]:
    """The way back."""
    return call.one("person_unmerge", person=call.path["person"], other=call.body.other)


def list_choices(call: Call) -> Page[Any]:
    """Oldest first; rows are added, never changed."""
    return page_in_order(call.ask("consent_log", person=call.path["person"]), call.query, lambda x: str(x["number"]))


def set_consent(call: Call) -> dict[str, Any]:
    """Into the ledger."""
    return call.one("consent_set", person=call.path["person"], **msgspec.structs.asdict(call.body))


def withdraw_consent(call: Call) -> dict[str, Any]:
    """Keep nothing more, of mails already sent as of those to come."""
    return call.one("consent_withdraw", person=call.path["person"], method=call.body.method)


def list_limits(call: Call) -> Page[Any]:
    """By scope. What people chose counts within them."""
    return page_in_order(call.ask("consent_limits"), call.query, lambda x: str(x["scope"]))


def set_limit(call: Call) -> dict[str, Any]:
    """For what is marked from now on."""
    return call.one("consent_limit", **msgspec.structs.asdict(call.body))


def export_person(call: Call) -> dict[str, Any]:
    """Everything that is kept, for that person."""
    show_person(call)
    return call.one("person_export", person=call.path["person"])


def erase_person(call: Call) -> dict[str, Any]:
    """For good: journal, stores and backups; answers with the certificate."""
    show_person(call)
    return call.one("person_erase", person=call.path["person"])
