"""Pairs: a raw request beside what it must be understood as. Every bug about a real client becomes one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "pings"


class Pair(NamedTuple):
    name: str
    method: str
    mark: str
    """DOT, PAGE (a dot in a document) or CLICK."""
    lines: bytes
    """Header lines, verbatim."""
    address: str
    actor: str
    human: str
    rule: str
    values: dict[str, str | None]
    """client, os, device."""
    fields: dict[str, str]
    """Field -> status or status:reason."""


def load(path: Path) -> Pair:
    head, _, lines = path.read_bytes().partition(b"\r\n")
    method, mark, _ = head.decode().split()
    expected = tomllib.loads(path.with_suffix(".toml").read_text())
    values = {key: expected[key] or None for key in ("client", "os", "device")}
    return Pair(
        path.stem, method, mark.strip("{}"), lines.removesuffix(b"\r\n"), expected["address"], expected["actor"],
        expected["human"], expected["rule"], values, expected["fields"],
    )  # fmt: skip


PAIRS = [load(path) for path in sorted(FOLDER.glob("*.http"))]
