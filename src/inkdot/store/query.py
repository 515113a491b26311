"""Named questions: read from `.sql` files at start, so that a missing name fails there and a slow one can be found."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Migration(NamedTuple):
    """One numbered step of a store's shape."""

    number: int
    name: str
    statements: list[str]


@cache
def questions(noun: str) -> dict[str, str]:
    """The questions in `queries/<noun>.sql`; each carries its name as a comment into the database's logs."""
    text = files("inkdot.store").joinpath("queries", f"{noun}.sql").read_text()
    parts = _NAME.split(text)[1:]
    return {name: f"/* {noun}.{name} */ {_body(body)}" for name, body in zip(parts[::2], parts[1::2], strict=True)}


def statements(text: str) -> list[str]:
    """The single statements of a text, without its comment lines."""
    return [part.strip() for part in _body(text).split(";") if part.strip()]


@cache
def migrations(store: str) -> list[Migration]:
    """What is in `migrations/<store>/NNNN-name.sql`, in order."""
    folder = files("inkdot.store").joinpath("migrations", store)
    found = sorted((f.name, f.read_text()) for f in folder.iterdir() if f.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, statements(text)) for name, text in found]


def _body(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
