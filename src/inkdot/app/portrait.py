"""Everything that is kept about a person, for that person: as data, and as a page to read."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inkdot.domain.consent import Choice
from inkdot.domain.contact import normal_address
from inkdot.domain.ids import MESSAGE, PERSON, ContactId, to_word
from inkdot.show.questions import here
from inkdot.store.contract import iso
from inkdot.store.forget import Forgetting

if TYPE_CHECKING:
    from inkdot.app.house import House

_IDS = {"message": MESSAGE}
_STYLE = "body{font:15px system-ui;max-width:60em;margin:2em auto;padding:0 1em}td,th{text-align:left;padding:.2em .8em .2em 0;vertical-align:top}"


def export(house: House, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One object with all that is kept about the person in `what`."""
    address = normal_address(str(what.get("person", "")))
    workspace = here(what)
    contact = house.register.contact(address, workspace)
    book = Forgetting(house.folder.control)
    try:
        tables = book.rows_about(contact)
        whose = [contact, *(ContactId(visitor) for visitor in book.visitors_of(contact))]
        choices = [choice_json(choice) for who in whose for choice in book.choices_of(workspace, who)]
        audit = [a._asdict() | {"time": iso(a.time * 1_000_000), "about": address} for a in book.audited(contact)]
    finally:
        book.close()
    timeline = next(house.questions.timeline({"person": address, "workspace": workspace}))
    yield {
        "person": address, "id": to_word(PERSON, contact), "exported": iso(time.time_ns() // 1000), "mode": house.register.mode_for(address, workspace=workspace).sentence,
        "events": timeline["events"], "learned": timeline["learned"], "choices": choices, "audit": audit,
        "records": {table: [_plain(row) for row in rows] for table, rows in tables.items() if rows},
        "mails": [
            {"message": to_word(MESSAGE, m[0]), "marked": iso(m[1] * 1_000_000), "subject": m[2], "internet_id": m[3]}
            for m in house.register.book.mails_of(workspace, contact)
        ],
    }  # fmt: skip


def _plain(row: Mapping[str, object]) -> dict[str, object]:
    return {
        name: to_word(_IDS[name], value) if name in _IDS and isinstance(value, int)
        else value.hex() if isinstance(value, bytes) else value
        for name, value in row.items()
    }  # fmt: skip


def choice_json(choice: Choice) -> dict[str, Any]:
    """A row of the ledger for users."""
    return {
        "number": choice.number, "time": iso(choice.time * 1_000_000), "person": choice.address, "act": choice.act,
        "mode": None if choice.mode is None else choice.mode.name.lower(), "scope": choice.scope or "workspace",
        "text": choice.wording, "version": choice.version, "language": choice.language, "method": choice.method,
        "form": choice.form,
    }  # fmt: skip


def readable(portrait: Mapping[str, Any]) -> str:
    """The same as a page; nothing in it is live."""
    parts = [
        f"<h1>What is kept about {html.escape(str(portrait['person']))}</h1>",
        f"<p>Made {html.escape(str(portrait['exported']))}. How much may be kept: {html.escape(str(portrait['mode']))}.</p>",
    ]
    for title, rows in (
        ("Choices", portrait["choices"]), ("Mails", portrait["mails"]),
        ("Events", [_line(event) for event in portrait["events"]]),
        *(portrait["records"].items()), ("Who looked at this", portrait["audit"]),
    ):  # fmt: skip
        parts.append(f"<h2>{html.escape(str(title))}</h2>" + _table(list(rows)))
    return f"<!doctype html><meta charset=utf-8><title>Data export</title><style>{_STYLE}</style>" + "\n".join(parts)


def _line(event: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: field.get("value") or field["status"] for name, field in event["fields"].items()}
    return {
        "time": event["time"],
        "what": event["says"],
        "url": event["url"] or "",
        **fields,
        "agent": event["raw"]["agent"],
    }


def _table(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    names = list(rows[0])
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape('' if row.get(n) is None else str(row[n]))}</td>" for n in names) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
