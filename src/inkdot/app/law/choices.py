"""Choices in files of others: read row by row, and where a row is not clear it is refused, never taken as consent."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from inkdot.app.consent import choice, is_browser, scope_named
from inkdot.domain.consent import Choice, Mode, mode_named
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import UsageError

_NAMES = ("person", "email", "address")
_KNOWN = {*_NAMES, "mode", "act", "scope", "text", "version", "language", "method", "form", "time", "number", "line"}


class Found(NamedTuple):
    """What a file says."""

    good: list[tuple[int, Choice]]
    """By line, as they are to be kept; time 0 where the row tells none."""
    bad: list[tuple[int, str]]
    """Line and reason."""
    stricter: list[str]
    """A sentence for each contradiction, where the stricter row counts."""
    erased: int
    """Rows of our own export whose people were erased: nobody knows any more whose they are."""


def read_choices(text: str) -> Found:
    """The choices of a file. Our own export is a history, where the later row counts; in other files the stricter one does."""
    good: list[tuple[int, Choice]] = []
    bad: list[tuple[int, str]] = []
    erased, ours = 0, _is_ours(text)
    for line, row in _rows(text, bad):
        if ours and row.get("person", "") is None:
            erased += 1
            continue
        try:
            good.append((line, _choice(row, ours=ours)))
        except UsageError as error:
            bad.append((line, str(error)))
    if ours:
        return Found(good, sorted(bad), [], erased)
    return Found(_settled(good), sorted(bad), _contradictions(made for _, made in good), erased)


def _is_ours(text: str) -> bool:
    """Whether it ends with the seal of a ledger."""
    try:
        last = json.loads(text.rstrip().rpartition("\n")[2])
    except ValueError:
        return False
    return _is_seal(last)


def _is_seal(row: object) -> bool:
    return isinstance(row, dict) and set(row) == {"rows", "seal"}


def _rows(text: str, bad: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.lstrip().startswith("{"):
        yield from _json_rows(text, bad)
        return
    reader = csv.DictReader(io.StringIO(text), strict=True)
    heading = [str(name).strip().lower() for name in reader.fieldnames or ()]
    if not set(heading) & set(_NAMES) or "mode" not in heading:
        raise UsageError("The first line must name the columns, among them person and mode, with commas between them.")
    if twice := sorted({name for name in heading if heading.count(name) > 1}):
        raise UsageError(f"The column {twice[0]!r} is there twice; which one counts is not clear.")
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
            row = json.loads(line, object_pairs_hook=_once)
        except _Twice as error:
            bad.append((number, str(error)))
            continue
        except (ValueError, RecursionError):
            bad.append((number, "The line is no JSON object."))
            continue
        if _is_seal(row):
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            bad.append((number, "The line is no JSON object."))


class _Twice(UsageError):
    """One name with two values in one row."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise _Twice("The row has one name twice; which one counts is not clear.")
    return row


def _choice(row: dict[str, Any], *, ours: bool) -> Choice:
    if strange := sorted(set(row) - _KNOWN):
        raise UsageError(f"The column {strange[0]!r} is not known.")
    fields = {name: "" if value is None else str(value).strip() for name, value in row.items()}
    named = {fields[name] for name in _NAMES if fields.get(name)}
    if len({one.lower() for one in named}) > 1:
        raise UsageError("The row names several people.")
    who = min(named, default="")
    act = fields.get("act") or "set"
    # What a browser agreed to on a site stays as proof; it allows nothing here, where browsers are asked anew.
    browser = ours and is_browser(who) and act == "set" and fields.get("scope", "").startswith("site:")
    address = Address(who) if browser else normal_address(who)
    if act not in ("set", "withdraw", "unsubscribe"):
        raise UsageError(f"{act!r} is no act; use set, withdraw or unsubscribe.")
    mode = None if act == "unsubscribe" else Mode.OFF if act == "withdraw" else mode_named(fields.get("mode", ""))
    return choice(
        address, act, mode, scope_named(fields.get("scope", "")), fields.get("method") or "import",
        wording=fields.get("text", ""), version=fields.get("version", ""), language=fields.get("language", ""),
        form=fields.get("form", ""), at=_time(fields.get("time", "")),
    )  # fmt: skip


def _time(text: str) -> int:
    if not text:
        return 0
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


def _settled(good: list[tuple[int, Choice]]) -> list[tuple[int, Choice]]:
    """Where rows contradict each other, the stricter one comes last and so counts; both stay in the ledger."""
    return sorted(good, key=lambda row: -(Mode.INDIVIDUAL if row[1].mode is None else row[1].mode))


def _contradictions(good: Iterable[Choice]) -> list[str]:
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
