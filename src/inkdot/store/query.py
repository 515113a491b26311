"""Named questions: read from `.sql` files at start, so that a missing name fails there and a slow one can be found."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def questions(noun: str) -> dict[str, str]:
    """The questions in `queries/<noun>.sql`; each carries its name as a comment into the database's logs."""
    text = files("inkdot.store").joinpath("queries", f"{noun}.sql").read_text()
    parts = _NAME.split(text)[1:]
    return {name: f"/* {noun}.{name} */ {_body(body)}" for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _body(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")


def migrations(store: str) -> list[tuple[int, str, str]]:
    """(number, name, SQL) of `migrations/<store>/NNNN-name.sql`, in order."""
    folder = files("inkdot.store").joinpath("migrations", store)
    found = sorted((f.name, f.read_text()) for f in folder.iterdir() if f.name.endswith(".sql"))
    return [(int(name[:4]), name, text) for name, text in found]
