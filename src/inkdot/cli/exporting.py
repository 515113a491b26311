"""Events as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from inkdot.domain.errors import Failure, UsageError
from inkdot.store.spreadsheet import safe

Events = Iterator[dict[str, Any]]
_PLAIN = (
    "id",
    "time",
    "kind",
    "actor",
    "human",
    "person",
    "message",
    "link",
    "part",
    "url",
    "final",
    "repeat_of",
    "rules",
)
_FIELDS = ("location", "os", "os_version", "device", "client")


def _row(event: dict[str, Any]) -> dict[str, str | None]:
    row = {name: None if event[name] is None else str(event[name]) for name in _PLAIN}
    for name in ("time", *_FIELDS):
        field = event["fields"][name]
        if name != "time":
            row[name] = field["value"]
        row[f"{name}_status"] = field["status"]
    return row | {"agent": event["raw"]["agent"], "evidence": " ".join(e["rule"] for e in event["evidence"])}


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}.") from error


def to_csv(events: Events, out: Path | None) -> int:
    """RFC 4180, UTF-8, every cell quoted."""
    count = 0
    with _opened(out) as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        for event in events:
            row = _row(event)
            if not count:
                writer.writerow(row)
            writer.writerow([safe(cell) for cell in row.values()])
            count += 1
    return count


def to_jsonl(events: Events, out: Path | None) -> int:
    """Everything, one event a line."""
    count = 0
    with _opened(out) as file:
        for event in events:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
            count += 1
    return count


def to_parquet(events: Events, out: Path | None) -> int:
    """One table of text columns and times."""
    if out is None:
        raise UsageError("Parquet needs a file: name it with --out.")
    from inkdot.store.parquet import write_parquet

    rows = [_row(event) for event in events]
    write_parquet({name: [r[name] for r in rows] for name in (rows[0] if rows else _PLAIN)}, out)
    return len(rows)


FORMATS: dict[str, Callable[[Events, Path | None], int]] = {"csv": to_csv, "jsonl": to_jsonl, "parquet": to_parquet}


def write_pair(folder: Path, event: Mapping[str, Any]) -> None:
    """`ID.http` with the request as it was kept (no address, no token) and `ID.toml` with what it should be understood as."""
    raw, said = event["raw"], event["correction"]
    mark = "DOT" if event["kind"] == "open" else "CLICK"
    lines = [f"{name}: {value}" for name, value in raw["headers"].items() if name != "user-agent"]
    agent = [f"User-Agent: {raw['agent']}"] if raw["agent"] else []
    request = "\r\n".join([f"{raw['method']} {{{mark}}} HTTP/1.1", *agent, *lines, "", ""])
    expected = [
        f"# {said['because']}", f"actor = {json.dumps(event['actor'])}", f"human = {json.dumps(event['human'])}",
        f"asn = {json.dumps(raw['asn'] or 0)}", f"network = {json.dumps(raw['network'])}",
        f"judged = {json.dumps([e['rule'] for e in event['evidence'] if e['rule'] != 'said'])}",
    ]  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{event['id']}.http").write_bytes(request.encode())
        (folder / f"{event['id']}.toml").write_text("\n".join(expected) + "\n")
    except OSError as error:
        raise Failure(f"{folder} cannot be written: {error.strerror}; choose another with --out.") from error
