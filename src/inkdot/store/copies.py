"""Copies of an event store: one made while events come in, and the other way round, events taken over from one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import nanoarrow as na

from inkdot.domain.ping import ping_id
from inkdot.store.database import arrow_table, quoted
from inkdot.store.query import questions

_BOUNDS = {
    "stream": na.uint64(), "before": na.uint64(), "segment": na.uint64(), "place": na.uint64(),
}  # fmt: skip


def copy_to(session: duckdb.DuckDBPyConnection, source: Path, target: Path) -> None:
    """Everything `source` holds at one moment, into a new file."""
    ask = questions("events")
    session.execute(ask["attach_backup"].format(path=quoted(target)))
    try:
        session.execute(ask["copy_all"].format(name=source.stem.replace('"', '""')))
    finally:
        session.execute(ask["detach_backup"])


def take_older(session: duckdb.DuckDBPyConnection, base: Path, before: Mapping[int, tuple[int, int]]) -> None:
    """Everything of `base` from before the given journal positions, in one transaction."""
    ask = questions("events")
    session.execute(ask["attach_base"].format(path=quoted(base)))
    try:
        session.begin()
        try:
            _take(session, before)
            session.commit()
        except BaseException:
            session.rollback()
            raise
    finally:
        session.execute(ask["detach_base"])


def _take(session: duckdb.DuckDBPyConnection, before: Mapping[int, tuple[int, int]]) -> None:
    ask = questions("events")
    for table in ("raws", "verdicts", "urls"):  # with their numbers, which the events carry
        session.execute(ask[f"take_{table}"])
    rows = [(stream, ping_id(stream, *place), *place) for stream, place in before.items()]
    columns = zip(*rows, strict=True) if rows else ((),) * len(_BOUNDS)
    session.register("batch", arrow_table(_BOUNDS, columns))
    for table in ("closed", "recent", "dropped", "checkpoints"):
        session.execute(ask[f"take_{table}"])
