"""One row of somebody else's data: a view, an event or active seconds."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from inkdot.domain.errors import UsageError, unreadable


class Row(NamedTuple):
    """What was read."""

    time: int
    """Microseconds since 1970."""
    url: str
    """A path or a whole address."""
    visitor: str
    """Whatever tells visitors apart in the source; visits are made anew from times."""
    kind: str = "view"
    """view, goal or engage"""
    referrer: str = ""
    name: str = ""
    """A goal's."""
    seconds: float = 0.0
    """Active ones, for engage."""
    address: str = ""
    agent: str = ""


class Tally:
    """Counts what a reader met."""

    def __init__(self) -> None:
        self.rows = 0
        """Rows of the source, good or bad."""
        self.skipped: Counter[str] = Counter()
        """Rows left out, by why."""
        self.totals: dict[str, int] = {}
        """What the source itself says its totals are."""
        self.left: Callable[[], int] = lambda: 0
        """Bytes of the source that are still to be read."""


def when(text: str) -> int | None:
    """`2026-11-23T10:00:00Z`, `2026-11-23 10:00:00`, unix seconds -> microseconds since 1970; None for anything else."""
    text = text.strip()
    try:
        if text.replace(".", "", 1).isdigit() and len(text) >= 10:
            return int(float(text) * 1_000_000)
        time = dt.datetime.fromisoformat(text.replace(" UTC", "Z"))
    except ValueError:
        return None
    return int(time.replace(tzinfo=time.tzinfo or dt.UTC).timestamp() * 1_000_000)


@contextlib.contextmanager
def opened(path: Path, tally: Tally) -> Iterator[IO[str]]:
    """A text file, whatever bytes it holds, as it is or compressed by gzip; raises UsageError."""
    try:
        with path.open("rb") as raw:
            size = path.stat().st_size
            tally.left = lambda: 0 if raw.closed else size - raw.tell()
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            plain = gzip.GzipFile(fileobj=raw) if packed else raw
            yield io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{path.name} is damaged: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error


def table(path: Path, tally: Tally, *needed: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by their column names in lower case; raises UsageError where `needed` ones are missing."""
    with opened(path, tally) as file:
        yield from table_in(file, path.name, tally, *needed)


def table_in(file: IO[str], name: str, tally: Tally, *needed: str) -> Iterator[dict[str, str]]:
    """The same of an open file."""
    reader = csv.reader(file)
    try:
        titles = [title.strip().lower() for title in next(reader, [])]
        missing = [n for n in needed if n not in titles]
        if missing:
            raise UsageError(f"{name} has no column {', '.join(missing)}; is it an export of that program?")
        for cells in reader:
            tally.rows += 1
            if len(cells) != len(titles):
                tally.skipped["wrong number of columns"] += 1
                continue
            yield dict(zip(titles, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"{name} is no CSV file: {error}.") from error


def text_of(content: bytes) -> IO[str]:
    """A file inside an archive."""
    return io.StringIO(content.decode("utf-8-sig", "replace"), newline="")
