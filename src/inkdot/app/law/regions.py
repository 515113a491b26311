"""The region table: what the rules of a place allow of people whose choice is not known."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.consent import Mode, Wish, mode_named, strictest
from inkdot.domain.errors import BadSetting, UsageError

FILE = "regions.toml"
ANSWERS = {"us": ("US",), "eu": ("FR", "IT", "DE", "EU"), "uk": ("UK",), "mixed": ()}
"""Rows that an answer to 'where are your recipients?' stands for; `mixed` for all."""


class Region(NamedTuple):
    """One row."""

    code: str
    name: str
    mode: Mode
    """The widest mode without consent."""
    consent: str
    """separate, bundled or notice"""
    date: str
    source: str
    note: str


def regions(root: Path) -> list[Region]:
    """The table, rows of the data folder's own `regions.toml` before those that come with Inkdot. Raises BadSetting."""
    own = root / FILE
    try:
        rows = tomllib.loads(files("inkdot.app.law").joinpath(FILE).read_text())
        if own.exists():
            rows |= tomllib.loads(own.read_text())
        return [_region(code, row) for code, row in rows.items()]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise BadSetting(f"{own} cannot be used ({error}); each row needs name, mode, date and source.") from error


def _region(code: str, row: dict[str, str]) -> Region:
    return Region(
        code, row["name"], mode_named(row["mode"]), row.get("consent", "separate"), str(row["date"]), row["source"],
        row.get("note", ""),
    )  # fmt: skip


def strictest_of(answer: str, table: list[Region]) -> Wish:
    """The strictest mode that the regions behind an answer allow without consent."""
    meant = ANSWERS[answer]
    rows = [row for row in table if not meant or row.code in meant]
    decision = strictest([Wish(row.mode, f"the rules of {row.name}") for row in rows])
    return Wish(decision.mode, decision.because)
