"""Mails and links: marked, and what became of them."""

from __future__ import annotations

import base64
import time
from typing import Any

from inkdot.show.api.call import Call, Page
from inkdot.store.contract import iso


def list_messages(call: Call) -> Page[Any]:
    """The latest first, each with its interval; mails of which something is heard meanwhile keep their place for later pages."""
    q = call.query
    after, _, begun = (q.cursor or "").partition(".")
    begun = begun or iso(time.time_ns() // 1_000)
    report = call.one(
        "report_mail", since=q.since, internet_id=q.internet_id, last=q.limit, after=after or None, until=begun
    )
    last = report["messages"][-1]["message"] if report["more"] else None
    return Page(report["messages"], report["more"], last and f"{last}.{begun}")


def mark_message(call: Call) -> dict[str, Any]:
    """One marked copy per recipient, as each one's consent allows."""
    answer = call.one("mail_mark", mail=call.body.mail, to=call.body.to, list=call.body.list_name)
    copies = [copy | {"mail": base64.b64encode(copy["mail"]).decode()} for copy in answer["copies"]]
    return answer | {"copies": copies}


def show_message(call: Call) -> dict[str, Any]:
    """What was kept of a mail, and its counts."""
    kept = call.one("mail_show", message=call.path["message"])
    return kept | {"report": call.one("report_message", message=call.path["message"])}


def name_message(call: Call) -> dict[str, Any]:
    """For programs that give a mail its Message-ID when it leaves."""
    kept = call.one("mail_name", message=call.path["message"], internet_id=call.body.internet_id)
    return kept | {"report": call.one("report_message", message=call.path["message"])}


def make_link(call: Call) -> dict[str, Any]:
    """It works in any mail, chat or letter."""
    return call.one("link_add", url=call.body.url, to=call.body.to)
