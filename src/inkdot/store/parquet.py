"""Parquet files, written by DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import nanoarrow as na

from inkdot.domain.errors import Failure
from inkdot.store.database import arrow_table
from inkdot.store.query import questions


def write_parquet(columns: Mapping[str, Sequence[str | None]], path: Path) -> None:
    """Write text columns of equal length; raises Failure."""
    batch = arrow_table(dict.fromkeys(columns, na.string()), columns.values())
    try:
        with duckdb.connect() as db:
            db.register("batch", batch)
            db.execute(questions("export")["parquet"].format(path=str(path).replace("'", "''")))
    except duckdb.IOException as error:
        raise Failure(f"{path} cannot be written: {str(error).splitlines()[0]}") from error
