"""Audiences: lists that people join and leave."""

from __future__ import annotations

from typing import Any

import msgspec

from inkdot.domain.errors import NotFound
from inkdot.show.api.call import Call, Page, page_of


def list_audiences(call: Call) -> Page[Any]:
    """All lists."""
    return page_of(call.ask("audience_list"), call.query.limit, call.query.cursor, lambda a: str(a["audience"]))


def keep_audience(call: Call) -> dict[str, Any]:
    """A new list, or another rule for the one of that name."""
    return call.one("audience_add", name=call.body.name, rule=call.body.rule)


def show_audience(call: Call) -> dict[str, Any]:
    """One list."""
    for item in call.ask("audience_list"):
        if item["audience"] == call.path["audience"]:
            return item
    raise NotFound("There is no such audience.")


def delete_audience(call: Call) -> None:
    """The people stay who they are."""
    call.one("audience_rm", name=_name(call))


def list_members(call: Call) -> Page[Any]:
    """Who is on it, and why."""
    found = [m for m in call.ask("audience_show", name=_name(call)) if m["person"]]
    return page_of(found, call.query.limit, call.query.cursor, lambda m: str(m["person"]))


def join_audience(call: Call) -> dict[str, Any]:
    """By hand; only where no rule decides."""
    return call.one("audience_change", name=_name(call), person=call.body.person, join=True)


def leave_audience(call: Call) -> dict[str, Any]:
    """Likewise."""
    return call.one("audience_change", name=_name(call), person=call.path["person"], join=False)


def export_audience(call: Call) -> dict[str, Any]:
    """With consent and suppression applied; addresses leave as hashes where the platform takes hashes."""
    return call.one("audience_export", name=_name(call), **msgspec.structs.asdict(call.body))


def _name(call: Call) -> str:
    return str(show_audience(call)["name"])
