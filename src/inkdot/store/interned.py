"""Shared facts by number: equal raws, verdicts and destinations are kept once, and events point to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, TypeVar

import duckdb
import msgspec
import nanoarrow as na

from inkdot.domain.errors import StoreDamaged
from inkdot.store.database import arrow_table
from inkdot.store.query import questions

T = TypeVar("T")
_MOST_REMEMBERED = 200_000
_MOST_OBJECTS = 50_000
"""As many as understanding knows clients; it lives as long as its id is known here."""
_encoded = msgspec.json.Encoder().encode
_WANTED = {"digest": na.uint64()}
_COLUMNS = {"number": na.uint32(), "digest": na.uint64(), "content": na.string()}


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


class Interned(Generic[T]):
    """One table of shared facts. Numbers are given here, because there is one writer."""

    def __init__(self, db: duckdb.DuckDBPyConnection, table: str, kind: Any) -> None:
        ask = questions("events")
        self._db = db
        self._table = table
        self._find, self._add, self._content = (ask[f"{verb}_{table}"] for verb in ("find", "add", "content"))
        self._next: int = db.execute(ask[f"count_{table}"]).fetchall()[0][0]
        self._next_if_rolled_back = self._next
        self._kind = kind
        self._numbers: dict[int, int] = {}
        self._pending: dict[int, int] = {}
        self._objects: dict[int, tuple[T, int]] = {}
        """`id()` -> (the thing, so that it lives as long as its id is known here; its number)."""
        self._objects_pending: dict[int, tuple[T, int]] = {}
        self._contents: dict[int, T] = {}

    def numbers(self, things: Collection[T]) -> dict[int, int]:
        """`id()` of each thing -> its number, inside the caller's transaction. Things must outlive the answer."""
        distinct = dict(zip(map(id, things), things, strict=True))
        answer: dict[int, int] = {}
        digests: dict[int, int] = {}
        unknown: dict[int, bytes] = {}
        for key, thing in distinct.items():
            kept = self._objects.get(key)
            if kept is not None:
                answer[key] = kept[1]
                continue
            text = _encoded(thing)
            digest = digests[key] = _digest(text)
            number = self._numbers.get(digest)
            if number is None:
                unknown[digest] = text
            else:
                answer[key] = number
        learned = self._learned(unknown)
        for key, digest in digests.items():
            number = answer.get(key)
            if number is None:
                number = answer[key] = learned[digest]
            if self._kind is not str:  # texts come as new objects each time
                self._objects_pending[key] = (distinct[key], number)
        return answer

    def _learned(self, unknown: dict[int, bytes]) -> dict[int, int]:
        """Numbers of what memory does not know: looked up, or given now."""
        if not unknown:
            return {}
        self._db.register("batch", arrow_table(_WANTED, [unknown]))
        learned = dict(self._db.execute(self._find).fetchall())
        new = [digest for digest in unknown if digest not in learned]
        if new:
            numbers = list(range(self._next, self._next + len(new)))
            self._next += len(new)
            self._db.register(
                "batch", arrow_table(_COLUMNS, (numbers, new, [unknown[digest].decode() for digest in new]))
            )
            self._db.execute(self._add)
            learned |= zip(new, numbers, strict=True)
        self._pending |= learned
        return learned

    def committed(self) -> None:
        """The transaction held."""
        if len(self._numbers) > _MOST_REMEMBERED:
            self._numbers.clear()
        self._numbers |= self._pending
        self._pending.clear()
        if len(self._objects) > _MOST_OBJECTS:
            self._objects.clear()
        self._objects |= self._objects_pending
        self._objects_pending.clear()
        self._next_if_rolled_back = self._next

    def rolled_back(self) -> None:
        """The transaction did not hold: forget what it gave."""
        self._pending.clear()
        self._objects_pending.clear()
        self._next = self._next_if_rolled_back

    def contents(self, numbers: Iterable[int], ask: Callable[[str, Any], Any]) -> dict[int, T]:
        """The things behind numbers; `ask` runs a query with parameters on the reader's own cursor."""
        wanted = set(numbers)
        known = self._contents  # other readers' threads may fill or replace it meanwhile, so the answer is a copy
        found = {n: known[n] for n in wanted if n in known}
        if missing := [n for n in wanted if n not in found]:
            fresh = {n: self._decoded(n, text) for n, text in ask(self._content, [missing]).fetchall()}
            if len(known) > _MOST_REMEMBERED:
                self._contents = known = {}
            known.update(fresh)
            found |= fresh
        if lost := wanted.difference(found):
            raise StoreDamaged(f"Events point to {self._table} that are missing (number {min(lost)}).")
        return found

    def _decoded(self, number: int, content: str) -> T:
        try:
            thing: T = msgspec.json.decode(content, type=self._kind)
        except msgspec.MsgspecError as error:
            raise StoreDamaged(f"Number {number} of {self._table} cannot be read: {error}") from error
        return thing
