"""Shared facts by number: equal raws, verdicts and destinations are kept once, and events point to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import duckdb
import msgspec
from arro3.core import Array, DataType, Table

from inkdot.domain.errors import StoreDamaged
from inkdot.store.query import questions

T = TypeVar("T")
_MOST_REMEMBERED = 200_000


def _digest(content: str) -> int:
    return int.from_bytes(hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Interned(Generic[T]):
    """One table of shared facts. Numbers are given here, because there is one writer."""

    def __init__(self, db: duckdb.DuckDBPyConnection, table: str, kind: Any) -> None:
        ask = questions("events")
        self._db = db
        self._find, self._add, self._content = (ask[f"{verb}_{table}"] for verb in ("find", "add", "content"))
        self._next: int = db.execute(ask[f"count_{table}"]).fetchall()[0][0]
        self._kind = kind
        self._numbers: dict[int, int] = {}
        self._contents: dict[int, T] = {}
        self._before: tuple[int, dict[int, int]] | None = None

    def numbers(self, things: Iterable[T]) -> dict[int, int]:
        """`id()` of each thing -> its number, inside the caller's transaction. Things must outlive the answer."""
        distinct = {id(thing): thing for thing in things}
        texts = {key: msgspec.json.encode(thing).decode() for key, thing in distinct.items()}
        digests = {key: _digest(text) for key, text in texts.items()}
        self._learn({digest: texts[key] for key, digest in digests.items() if digest not in self._numbers})
        return {key: self._numbers[digest] for key, digest in digests.items()}

    def _learn(self, unknown: dict[int, str]) -> None:
        if not unknown:
            return
        self._before = self._before or (self._next, dict(self._numbers))
        self._db.register("batch", _table(list(unknown), list(unknown), list(unknown.values())))
        self._numbers.update(self._db.execute(self._find).fetchall())
        new = [(digest, text) for digest, text in unknown.items() if digest not in self._numbers]
        if new:
            numbers = range(self._next, self._next + len(new))
            self._db.register("batch", _table(list(numbers), [d for d, _ in new], [t for _, t in new]))
            self._db.execute(self._add)
            self._numbers.update(zip((d for d, _ in new), numbers, strict=True))
            self._next += len(new)

    def committed(self) -> None:
        """The transaction held."""
        self._before = None
        if len(self._numbers) > _MOST_REMEMBERED:
            self._numbers.clear()

    def rolled_back(self) -> None:
        """The transaction did not hold: forget what it gave."""
        if self._before:
            self._next, self._numbers = self._before
            self._before = None

    def contents(self, numbers: Iterable[int], ask: Callable[[str, Any], Any]) -> dict[int, T]:
        """The things behind numbers; `ask` runs a query with parameters on the reader's own cursor."""
        wanted = set(numbers)
        missing = [n for n in wanted if n not in self._contents]
        if missing:
            if len(self._contents) > _MOST_REMEMBERED:
                self._contents.clear()
            for number, content in ask(self._content, [missing]).fetchall():
                self._contents[number] = msgspec.json.decode(content, type=self._kind)
        try:
            return {n: self._contents[n] for n in wanted}
        except KeyError as lost:
            raise StoreDamaged(f"Events point to shared facts that are missing (number {lost}).") from lost


def _table(numbers: list[int], digests: list[int], contents: list[str]) -> Table:
    return Table.from_pydict(
        {
            "number": Array(numbers, DataType.uint64()),
            "digest": Array(digests, DataType.uint64()),
            "content": Array(contents, DataType.utf8()),
        }
    )
