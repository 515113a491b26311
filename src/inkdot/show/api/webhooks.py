"""Webhooks: endpoints, the delivery log, tests and replay."""

from __future__ import annotations

from typing import Any

from inkdot.domain.errors import NotFound
from inkdot.show.api.call import Call, Page, page_of

_MOST_LOGGED = 10_000


def list_webhooks(call: Call) -> Page[Any]:
    """And how they fare."""
    return page_of(call.ask("webhook_list"), call.query.limit, call.query.cursor, lambda w: str(w["webhook"]))


def add_webhook(call: Call) -> dict[str, Any]:
    """With its secret, shown this once."""
    return call.one("webhook_add", url=call.body.url, types=call.body.types, machines=call.body.machines)


def show_webhook(call: Call) -> dict[str, Any]:
    """And how it fares."""
    for item in call.ask("webhook_list"):
        if item["webhook"] == call.path["webhook"]:
            return item
    raise NotFound("There is no such webhook.")


def switch_webhook(call: Call) -> dict[str, Any]:
    """On, which also ends a pause, or off."""
    return call.one("webhook_switch", webhook=_known(call), on=call.body.active)


def rotate_webhook(call: Call) -> dict[str, Any]:
    """A new secret; the old one signs too until the next rotation."""
    return call.one("webhook_rotate", webhook=_known(call))


def delete_webhook(call: Call) -> None:
    """What it was still to get is withdrawn."""
    call.one("webhook_rm", webhook=_known(call))


def test_webhook(call: Call) -> Page[Any]:
    """A test message, and what the endpoint says."""
    found = list(call.ask("webhook_trigger", webhook=_known(call), type=call.body.type))
    return Page(found, False, None)


def replay_webhook(call: Call) -> Page[Any]:
    """Deliver again, under the same ids."""
    found = call.ask("webhook_replay", webhook=_known(call), state=call.body.state, since=call.body.since)
    return Page(list(found), False, None)


def list_deliveries(call: Call) -> Page[Any]:
    """Newest first, of the last 30 days."""
    q = call.query
    found = list(call.ask("webhook_log", webhook=q.webhook, state=q.state, last=_MOST_LOGGED))[::-1]
    if q.cursor is not None:
        # By when it was made: its state may be another one by now, as where what failed is delivered again.
        place = _place(call.one("webhook_log", delivery=q.cursor))
        found = [one for one in found if _place(one) < place]
    more = len(found) > q.limit
    return Page(found[: q.limit], more, found[q.limit - 1]["delivery"] if more else None)


def _place(delivery: dict[str, Any]) -> tuple[str, str]:
    """By which the log is in order."""
    return delivery["made"], delivery["delivery"]


def show_delivery(call: Call) -> dict[str, Any]:
    """With every try and its body."""
    return call.one("webhook_log", delivery=call.path["delivery"])


def replay_delivery(call: Call) -> dict[str, Any]:
    """Under the same id."""
    return call.one("webhook_replay", delivery=call.path["delivery"])


def _known(call: Call) -> str:
    """Addresses name endpoints by their ids alone."""
    return str(show_webhook(call)["webhook"])
