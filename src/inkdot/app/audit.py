"""Who read, exported or changed personal data: every question that shows any leaves a line in the audit log."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from inkdot.app.consent import WORKSPACE, Register
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import BadAddress
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.show.questions import here
from inkdot.store.contract import iso
from inkdot.talk import Talk

log = Talk("office")

Ask = Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]

_MOST_LINES = 5_000
_SECOND = 1_000_000
_NO_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""A disk that takes nothing keeps nobody from reading, nor from making room; any other trouble does."""
_WATCHED = frozenset({"latest", "live"})
"""What an open page or feed asks again and again: whoever watches leaves a line an hour, or nothing else would be found in the log."""
_UNTOLD = frozenset({"by", "person", "to", "because", "mail", "file", "password", "secret"})
"""What is in other columns, or no business of a log."""
UNPERSONAL = frozenset(
    {
        "status",
        "site_lately",
        "doctor",
        "verify",
        "rebuild",
        "tidy",
        "regrade",
        "retention",
        "report_mail",
        "person_erase",
        "site_add",
        "site_list",
        "site_goal",
        "site_server_key",
        "notice_show",
        "notice_set",
        "setting_list",
        "mailer_door",
        "mailer_list",
        "mailer_file",
        "public_check",
        "try_ready",
    }
)
"""Questions whose answers name nobody, and erasure, which writes its own line."""


def audited(register: Register, asks: Mapping[str, Ask]) -> dict[str, Ask]:
    """The same questions, each leaving a line before it is answered."""
    known = {**asks, "table_download": _taken, "live": _fed}
    return {name: ask if name in UNPERSONAL else _watched(register, name, ask) for name, ask in known.items()}


def _taken(what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A `table` of the office left it as a file with so many `rows`; the line is all that is wanted."""
    yield {"table": what.get("table"), "rows": what.get("rows")}


def _fed(_: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Somebody opened the live feed; the line is all that is wanted."""
    yield {}


def log_asked(register: Register, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The newest lines of a workspace's log."""
    workspace, book = here(what), register.book
    lines = book.audited_in(workspace, _MOST_LINES)
    names = book.addresses_of({(workspace, line.about) for line in lines if line.about})
    for line in lines:
        detail = {
            k: v
            for k, v in json.loads(line.detail).items()
            if k not in ("workspace", "api") and v not in (None, "", [])
        }
        yield {
            "number": line.number, "time": iso(line.time * _SECOND), "who": line.who, "what": line.what.replace("_", " "),
            "person": names.get((workspace, line.about)) if line.about else None,
            "detail": ", ".join(f"{key}: {value}" for key, value in detail.items()) or None,
        }  # fmt: skip


def _watched(register: Register, name: str, ask: Ask) -> Ask:
    def answer(what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        watcher = str(what.get("by")), here(what)
        if name in _WATCHED and register.goes_on_watching(*watcher):
            yield from ask(what)
            return
        detail = {key: value for key, value in what.items() if key not in _UNTOLD}
        about = _about(register, what)
        try:
            register.book.audit_each(str(what.get("by") or "unknown"), name, about, **detail)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NO_DISK:
                raise
            log("audit_line_lost", what=name, error=str(error))
        else:
            if name in _WATCHED:
                register.watches(*watcher)
        yield from ask(what)

    return answer


def _about(register: Register, what: Mapping[str, Any]) -> list[ContactId]:
    """The person asked about, and those for whom something is marked; nobody of whom no name may be kept."""
    to = what.get("to") or ()
    asked, marked = addresses([what.get("person")]), addresses([to] if isinstance(to, str) else to)
    return [register.contact(a, here(what)) for a in asked] + named(register, marked, what.get("list"), here(what))


def addresses(words: Iterable[object]) -> list[Address]:
    """Those words that are addresses."""
    found = []
    for word in words:
        with contextlib.suppress(BadAddress):
            found.append(normal_address(str(word or "")))
    return found


def named(
    register: Register, people: Iterable[Address], list_name: str | None = None, workspace: WorkspaceId = WORKSPACE
) -> list[ContactId]:
    """Those of whom a log may say that something was marked for them."""
    return [
        register.contact(address, workspace)
        for address in dict.fromkeys(people)
        if register.mode_for(address, list_name, workspace=workspace).mode > Mode.AGGREGATE
    ]
