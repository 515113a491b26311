"""Parquet files, written by DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
from arro3.core import Array, DataType, Table

from inkdot.domain.errors import Failure
from inkdot.store.query import questions


def write_parquet(columns: Mapping[str, Sequence[str | None]], path: Path) -> None:
    """Write text columns of equal length; raises Failure."""
    batch = Table.from_pydict({name: Array(list(values), DataType.utf8()) for name, values in columns.items()})
    try:
        with duckdb.connect() as db:
            db.register("batch", batch)
            db.execute(questions("export")["parquet"].format(path=str(path).replace("'", "''")))
    except duckdb.IOException as error:
        raise Failure(f"{path} cannot be written: {str(error).splitlines()[0]}") from error
