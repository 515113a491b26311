"""Triggers: rules, and what they would have done."""

from __future__ import annotations

from typing import Any

from inkdot.domain.errors import NotFound
from inkdot.show.api.call import Call, Page, page_of


def list_triggers(call: Call) -> Page[Any]:
    """All rules."""
    return page_of(
        map(without_secrets, call.ask("trigger_list")), call.query.limit, call.query.cursor, lambda t: str(t["trigger"])
    )


def keep_trigger(call: Call) -> dict[str, Any]:
    """A new rule, or the next version of the one of that name."""
    return without_secrets(call.one("trigger_add", rule=call.body.rule))


def show_trigger(call: Call) -> dict[str, Any]:
    """One rule."""
    for item in call.ask("trigger_list"):
        if item["trigger"] == call.path["trigger"]:
            return without_secrets(item)
    raise NotFound("There is no such trigger.")


def switch_trigger(call: Call) -> dict[str, Any]:
    """On or off."""
    return without_secrets(call.one("trigger_switch", trigger=_known(call), on=call.body.active))


def delete_trigger(call: Call) -> None:
    """What it did stays on record."""
    call.one("trigger_rm", trigger=_known(call))


def test_rule(call: Call) -> dict[str, Any]:
    """On the past; nothing is kept or sent."""
    return call.one("trigger_test", rule=call.body.rule, since=call.body.since)


def test_trigger(call: Call) -> dict[str, Any]:
    """On the past; nothing is kept or sent."""
    return call.one("trigger_test", trigger=_known(call), since=call.body.since)


def _known(call: Call) -> str:
    """Addresses name rules by their ids alone."""
    return str(show_trigger(call)["trigger"])


def without_secrets(item: dict[str, Any]) -> dict[str, Any]:
    """A rule without what its actions sign and sign in with: who may read is not who may send."""
    actions = [{k: v for k, v in a.items() if k not in ("secret", "token")} for a in item["rule"].get("actions", [])]
    return item | {"rule": item["rule"] | {"actions": actions}}
