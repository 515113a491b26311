"""CSV as spreadsheets take it: RFC 4180, every cell quoted, and no cell a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|")


def safe(cell: str | None) -> str:
    """A cell that no spreadsheet takes for a formula: strangers write into names, agents and addresses."""
    text = cell or ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def written(head: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """A heading and rows; numbers stay numbers, below zero too."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([cell if isinstance(cell, int | float) else safe(cell) for cell in row] for row in rows)
    return out.getvalue()
