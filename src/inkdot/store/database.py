"""The DuckDB file: how it is opened, what it may touch, and what its troubles are called."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import nanoarrow as na
from nanoarrow.c_array import c_array_from_buffers

from inkdot.domain.errors import Failure, FolderInUse, NewerData, StoreDamaged
from inkdot.store.query import questions, statements

_DAMAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_PATIENCE_SECONDS = 30.0
_WORLD = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "Too many open files": errno.EMFILE,
    "Permission denied": errno.EACCES,
}
"""Troubles that pass, or that another file would have too: the store is sound and must not be set aside."""


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Say what DuckDB's errors mean: StoreDamaged, FolderInUse, NewerData, Failure, or OSError for a full or closed disk."""
    try:
        yield
    except duckdb.Error as error:
        meaning = _meaning(error, path)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: duckdb.Error, path: Path) -> Exception | None:
    text = str(error)
    for words, number in _WORLD.items():
        if words in text:
            return OSError(number, words, str(path))
    if "lock on file" in text:
        return FolderInUse("Another Inkdot process has the event store open; stop it or ask that one.")
    if "read a database file with version number" in text:
        return NewerData(f"{path.name} was written by a newer DuckDB; install the newer Inkdot, or restore a backup.")
    if isinstance(error, duckdb.ConnectionException):
        return Failure("The event store is just being replaced; ask again in a moment.")
    # Broken blocks come as the bare duckdb.Error.
    if isinstance(error, _DAMAGE) or "corrupt" in text.lower() or "checksum" in text.lower():
        return StoreDamaged(f"{path.name} cannot be read: {text.splitlines()[0][:200]}")
    return None


def opened(path: Path, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """The database, with a place to spill what does not fit into memory; no extensions."""
    spill = path.parent / "run" / f"spill-{path.stem}"
    spill.parent.mkdir(exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit, "threads": str(threads), "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "temp_directory": str(spill),
    }  # fmt: skip
    database = duckdb.connect(str(path), config=config)
    for left_behind in spill.glob("*"):  # by a process that was killed; the lock says that nobody uses them now
        left_behind.unlink(missing_ok=True)
    path.chmod(0o600)
    return database


def shut_in(database: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let SQL reach this folder only, and fix the settings."""
    for statement in statements(questions("events")["settle"].format(folder=quoted(folder))):
        database.execute(statement)


def in_a_free_moment(database: duckdb.DuckDBPyConnection, query: str) -> None:
    """What DuckDB refuses while a question is just being answered: again and again, until none is or patience ends.

    By force it would wait by itself, and for ever where the question asks another one.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            database.execute(query)
        except duckdb.TransactionException as error:
            if time.monotonic() > deadline:
                raise Failure("The event store is being asked without a pause; try again in a moment.") from error
            time.sleep(0.005)
        else:
            return


def arrow_table(kinds: Mapping[str, na.Schema], columns: Iterable[Iterable[object]]) -> na.Array:
    """Columns of equal length as DuckDB takes them fastest."""
    arrays = [na.c_array(list(values), kind) for kind, values in zip(kinds.values(), columns, strict=True)]
    return na.Array(c_array_from_buffers(na.struct(kinds), arrays[0].length, [None], children=arrays))


def quoted(path: Path) -> str:
    """For use between single quotes."""
    return str(path.resolve()).replace("'", "''")
