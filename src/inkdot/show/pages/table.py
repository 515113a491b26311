"""Tables of pages: searched, sorted and exported as the address of the page says, so that an address is a view."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from starlette.responses import Response

from inkdot.domain.errors import UsageError
from inkdot.show.pages.desk import HEADERS, Visit, local
from inkdot.store.parquet import write_parquet
from inkdot.store.spreadsheet import written

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}
_PAGE = 100
_PERSONAL = ("person", "lead")
"""Kinds of columns that name people."""
_RANKS: dict[str, tuple[str, ...]] = {
    "proof": ("unknown", "likely", "yes"),
    "grade": ("cold", "warm", "hot"),
    "status": (
        "refused", "bounced", "nothing heard", "fetched by a machine", "perhaps opened", "probably opened", "opened", "clicked", "replied",
    ),
}  # fmt: skip
"""Words that are sorted by what they are worth, the least first."""
_PROOFS = {"yes": "surely", "likely": "probably", "unknown": "perhaps"}


class Column(NamedTuple):
    """One column: what a row calls it, its heading, and how it is shown: text, number, time, person, mail, proof ..."""

    key: str
    label: str
    kind: str = "text"


class Table(NamedTuple):
    """Rows as they are to be shown, in a page of them, with what the address said."""

    columns: tuple[Column, ...]
    """Those that are wanted; the first one always is."""
    every: tuple[Column, ...]
    name: str
    """What the choice of columns is remembered by."""
    rows: list[dict[str, Any]]
    """All that were searched for, sorted."""
    total: int
    sort: str
    down: bool
    search: str
    page: int

    @property
    def shown(self) -> list[dict[str, Any]]:
        """Those of this page."""
        return self.rows[(self.page - 1) * _PAGE : self.page * _PAGE]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-len(self.rows) // _PAGE))


def table(visit: Visit, columns: tuple[Column, ...], rows: Iterable[dict[str, Any]], usual: str) -> Table:
    """A table by the address's `sort`, `q`, `columns` and `page`; `usual` is the sorting where it says none, as `-last`."""
    every = list(rows)
    wanted = visit.query("sort", usual)
    key, down = wanted.lstrip("-"), wanted.startswith("-")
    if key not in {column.key for column in columns}:
        raise UsageError(f"This table has no column {key!r}; sort by {', '.join(c.key for c in columns)}.")
    page = visit.query("page", "1")
    if not page.isdecimal() or not 1 <= int(page) <= 1_000_000:
        raise UsageError(f"{page!r} is no page of a table; write a whole number from 1.")
    search = visit.query("q").lower()
    found = [row for row in every if not search or any(search in _words(visit, c, row.get(c.key)) for c in columns)]
    ranks = next((_RANKS.get(column.kind, ()) for column in columns if column.key == key), ())
    known = sorted((r for r in found if r.get(key) is not None), key=lambda r: _order(r[key], ranks), reverse=down)
    sorted_rows = known + [r for r in found if r.get(key) is None]
    parts = visit.request.url.path.strip("/").split("/")
    name = f"{parts[0]}-one" if len(parts) > 1 and not visit.guest else parts[0]
    shown = Table(
        _chosen(visit, columns, name), columns, name, sorted_rows, len(every), key, down, visit.query("q"), int(page)
    )
    if shown.page > shown.pages:
        raise UsageError(f"There is no page {page} of this table; the last one is {shown.pages}.")
    return shown


def _chosen(visit: Visit, columns: tuple[Column, ...], name: str) -> tuple[Column, ...]:
    """The columns that the address names, else those that this browser chose before, else all."""
    named = visit.query("columns")
    remembered = "" if visit.guest else visit.desk.held(visit.request, f"columns-{name}")
    wanted = set((named or remembered).replace("-", ",").split(","))
    if strange := sorted(wanted - {column.key for column in columns} - {""}):
        if named:
            raise UsageError(f"This table has no column {strange[0]!r}; there are {', '.join(c.key for c in columns)}.")
        return columns  # an older choice
    return tuple(c for n, c in enumerate(columns) if n == 0 or not wanted - {""} or c.key in wanted)


def _words(visit: Visit, column: Column, value: Any) -> str:
    """A value as it is kept and as the reader sees it, in lower case: both are found."""
    if value is None:
        return ""
    told, text = visit.words, str(value)
    match column.kind:
        case "status" | "grade" | "word":
            seen = told(text)
        case "proof":
            seen = told(_PROOFS.get(text, text))
        case "deed":
            seen = told.deed(text)
        case "yes":
            seen = told("yes" if value else "no")
        case "said":
            seen = "; ".join(told.sentence(piece) for piece in text.split("; "))
        case "came":
            seen = " · ".join(told(piece) for piece in text.split(" · "))
        case "time":
            seen = local(text, visit.zone, "%Y-%m-%d %H:%M")
        case _:
            seen = ""
    return f"{text}\n{seen}".lower()


def _order(value: Any, ranks: tuple[str, ...] = ()) -> tuple[int, float, str]:
    if value in ranks:
        return 0, float(ranks.index(value)), ""
    if isinstance(value, bool | int | float):
        return 0, float(value), ""
    if isinstance(value, list):
        return 0, float(value[0]) if value and isinstance(value[0], int | float) else 0.0, str(value)
    return 1, 0.0, str(value).lower()


def exported(visit: Visit, shown: Table, name: str) -> Response | None:
    """Exactly the rows searched for, in the address's `format`; None where the address asks for the page."""
    wanted = visit.query("format")
    if not wanted:
        return None
    if wanted not in FORMATS:
        raise UsageError(f"{wanted!r} is no format; write csv, jsonl or parquet.")
    keys = [column.key for column in shown.columns]
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}.{wanted}"', "Cache-Control": "no-store"}
    rows = [{key: row.get(key) for key in keys} for row in shown.rows]
    content = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[wanted](keys, rows)
    if any(column.kind in _PERSONAL for column in shown.columns):  # whoever is erased later may be in this file
        visit.one("table_download", table=name, format=wanted, rows=len(rows))
    return Response(content, 200, headers, FORMATS[wanted])


def saved(
    visit: Visit, keys: tuple[str, ...], rows: Callable[[], Iterable[dict[str, Any]]], usual: str, name: str
) -> Response | None:
    """The same for a page that shows what it has in another way than as a table; `keys` are the columns of the file."""
    if not visit.query("format"):
        return None
    columns = tuple(Column(key, key, "person" if key == "person" else "text") for key in keys)
    return exported(visit, table(visit, columns, rows(), usual), name)


def _csv(keys: list[str], rows: list[dict[str, Any]]) -> bytes:
    return written(keys, ([_cell(row[key]) for key in keys] for row in rows)).encode()


def _cell(value: Any) -> str | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _jsonl(_: list[str], rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(keys: list[str], rows: list[dict[str, Any]]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="inkdot-") as folder:
        path = Path(folder) / "rows.parquet"
        write_parquet({key: [_text(row[key]) for row in rows] for key in keys}, path)
        return path.read_bytes()
