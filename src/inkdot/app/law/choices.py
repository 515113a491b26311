"""Choices in files of others: read row by row, and where a row is not clear it is refused, never taken as consent."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from typing import Any

from inkdot.app.consent import choice, scope_named
from inkdot.domain.consent import Choice, Mode, mode_named
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import UsageError

_NAMES = ("person", "email", "address")
_KNOWN = {*_NAMES, "mode", "act", "scope", "text", "version", "language", "method", "form", "time", "number", "line"}


def read_choices(text: str) -> tuple[list[Choice], list[tuple[int, str]], list[str]]:
    """Good rows, (line, reason) of the others, and a sentence for each contradiction, where the stricter row counts."""
    good: list[Choice] = []
    bad: list[tuple[int, str]] = []
    for line, row in _rows(text, bad):
        try:
            good.append(_choice(row))
        except UsageError as error:
            bad.append((line, str(error)))
    return _settled(good), sorted(bad), _contradictions(good)


def _rows(text: str, bad: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.lstrip().startswith("{"):
        yield from _json_rows(text, bad)
        return
    reader = csv.DictReader(io.StringIO(text), strict=True)
    heading = {str(name).strip().lower() for name in reader.fieldnames or ()}
    if not heading & set(_NAMES) or "mode" not in heading:
        raise UsageError("The first line must name the columns, among them person and mode.")
    try:
        for row in reader:
            if None in row or None in row.values():
                bad.append((reader.line_num, "The row has another number of columns than the heading."))
                continue
            yield reader.line_num, {str(key).strip().lower(): value for key, value in row.items()}
    except csv.Error as error:
        bad.append((reader.line_num, f"The rest cannot be read as CSV: {error}."))


def _json_rows(text: str, bad: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            bad.append((number, "The line is no JSON object."))
            continue
        if isinstance(row, dict) and set(row) == {"rows", "seal"}:
            continue  # the end of our own export
        if isinstance(row, dict):
            yield number, row
        else:
            bad.append((number, "The line is no JSON object."))


def _choice(row: dict[str, Any]) -> Choice:
    if strange := sorted(set(row) - _KNOWN):
        raise UsageError(f"The column {strange[0]!r} is not known.")
    fields = {name: "" if value is None else str(value).strip() for name, value in row.items()}
    address = normal_address(next((fields[name] for name in _NAMES if fields.get(name)), ""))
    act = fields.get("act") or "set"
    if act not in ("set", "withdraw", "unsubscribe"):
        raise UsageError(f"{act!r} is no act; use set, withdraw or unsubscribe.")
    mode = None if act == "unsubscribe" else Mode.OFF if act == "withdraw" else mode_named(fields.get("mode", ""))
    return choice(
        address, act, mode, scope_named(fields.get("scope", "")), fields.get("method") or "import",
        wording=fields.get("text", ""), version=fields.get("version", ""), language=fields.get("language", ""),
        form=fields.get("form", ""), at=_time(fields.get("time", "")),
    )  # fmt: skip


def _time(text: str) -> int | None:
    if not text:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
        seconds = int((time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time; write it like 2026-11-23T15:04:05Z.") from None
    if seconds > dt.datetime.now(dt.UTC).timestamp() + 86_400:
        raise UsageError(f"{text!r} lies in the future.")
    return seconds


def _key(made: Choice) -> tuple[Address | None, str]:
    return made.address, made.scope


def _settled(good: list[Choice]) -> list[Choice]:
    """Where rows contradict each other, the stricter one comes last and so counts; both stay in the ledger."""
    return sorted(good, key=lambda c: -(Mode.INDIVIDUAL if c.mode is None else c.mode))


def _contradictions(good: list[Choice]) -> list[str]:
    modes: dict[tuple[Address | None, str], set[Mode]] = {}
    for made in good:
        if made.mode is not None:
            modes.setdefault(_key(made), set()).add(made.mode)
    return [
        f"{address}: rows contradict each other ({', '.join(m.name.lower() for m in sorted(found))}); "
        f"the stricter one counts: {min(found).name.lower()}."
        for (address, _), found in modes.items()
        if len(found) > 1
    ]
