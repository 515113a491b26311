"""Sending from one's own mail program: an account, what to enter, and the file that Apple's programs read."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from inkdot.domain.errors import UsageError
from inkdot.show.pages.desk import HEADERS, Visit

_PROGRAMS = (
    ("Thunderbird", "Account Settings, Outgoing Server (SMTP), Add; then choose it in your identity."),
    ("Outlook", "File, Account Settings, Server Settings, Outgoing mail."),
    ("Apple Mail", "Settings, Accounts, Server Settings, Outgoing Mail Account, Edit SMTP Server List."),
    ("iPhone, iPad", "Settings, Apps, Mail, Mail Accounts, your account, SMTP, Add Server."),
)
"""Where the usual programs ask for an outgoing server."""


def mail_program(visit: Visit, fresh: dict[str, Any] | None = None) -> Response:
    """How to send from a mail program; `fresh` is an account that was made right now."""
    return visit.page(
        "mail-program.html", door=visit.one("mailer_door"), accounts=list(visit.ask("mailer_list")), fresh=fresh,
        programs=_PROGRAMS,
    )  # fmt: skip


def mail_program_change(visit: Visit) -> Response:
    """Make an account, or take one away."""
    form = visit.form
    match form.get("do"):
        case "add":
            senders = form.get("senders", "").replace(",", " ").split()
            return mail_program(visit, visit.one("mailer_add", name=form.get("name", ""), senders=senders))
        case "remove":
            gone = visit.one("mailer_rm", name=form.get("name", ""))
            return visit.back("/mail-program", visit.words("{person} can send no more.", person=gone["user"]))
    raise UsageError("Say what is to be done: add or remove.")


def mail_profile(visit: Visit) -> Response:
    """A file that the Mac and the iPhone read by themselves."""
    made = visit.one("mailer_file", name=visit.request.path_params["name"], incoming=visit.query("incoming"))
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{made["file"]}"'}
    return Response(made["content"], 200, headers, "application/x-apple-aspen-config")
