"""What a handler gets, and what an address of the API is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from inkdot.domain.account import Scope
from inkdot.domain.errors import NotFound
from inkdot.domain.ids import WorkspaceId
from inkdot.show.api.problems import Place, Problem

Ask = Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]
T = TypeVar("T")


class Principal(NamedTuple):
    """Who asks: a key or somebody signed in."""

    workspace: WorkspaceId
    by: str
    """For the audit log."""
    scopes: frozenset[Scope]
    asker: int
    """The key's number, or minus the user's."""
    still: Callable[[], bool]
    """Whether it would be let in now; for what stays open."""


class Page(msgspec.Struct, Generic[T]):
    """A page of a list; `next_cursor` goes into `cursor` for the next one."""

    data: list[T]
    has_more: bool
    next_cursor: str | None


class Call(NamedTuple):
    """One request, read and judged."""

    principal: Principal
    path: Mapping[str, str]
    query: Any
    """As the endpoint's `query` type."""
    body: Any
    """As the endpoint's `body` type, or bytes."""
    asks: Mapping[str, Ask]

    def ask(self, question: str, **what: Any) -> Iterator[dict[str, Any]]:
        """Ask the house, always for this workspace and in this name."""
        wanted = {name: value for name, value in what.items() if value is not None}
        return self.asks[question](
            wanted | {"workspace": int(self.principal.workspace), "by": self.principal.by, "api": True}
        )

    def one(self, question: str, **what: Any) -> dict[str, Any]:
        """The one object of an answer. Raises NotFound where there is none."""
        for item in self.ask(question, **what):
            return item
        raise NotFound("There is no such thing.")


Handler = Callable[[Call], Any]


class Endpoint(NamedTuple):
    """An address of the API."""

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    """None: for everybody who is let in."""
    summary: str
    answer: Any = None
    """The type of what is answered; None for nothing (204)."""
    query: type[msgspec.Struct] | None = None
    body: Any = None
    """A type of JSON, or `bytes` for a file."""
    status: int = 200
    most: int = 1_000_000
    """Bytes of a body."""
    detail: str = ""
    or_scope: Scope | None = None
    """Another scope that is enough."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """One of these lets in; none: everybody may ask."""
        return tuple(scope for scope in (self.scope, self.or_scope) if scope)

    @property
    def name(self) -> str:
        """What clients call it."""
        return self.handler.__name__

    @property
    def tag(self) -> str:
        """The noun: the module that it stands in."""
        return self.handler.__module__.rpartition(".")[2]


def page_of(
    items: Iterable[dict[str, Any]], limit: int, cursor: str | None, place: Callable[[dict[str, Any]], str]
) -> Page[Any]:
    """A page of a whole list, sorted by `place`, a word that no two items share."""
    ordered = sorted(items, key=place)
    if cursor is not None:
        ordered = [item for item in ordered if place(item) > cursor]
    return Page(ordered[:limit], len(ordered) > limit, place(ordered[limit - 1]) if len(ordered) > limit else None)


def page_in_order(items: Iterable[dict[str, Any]], query: Any, place: Callable[[dict[str, Any]], str]) -> Page[Any]:
    """A page of a whole list in the order it has; behind a place that is gone there is nothing."""
    found = list(items)
    if query.cursor is not None:
        begin = next((n for n, item in enumerate(found, 1) if place(item) == query.cursor), len(found))
        found = found[begin:]
    more = len(found) > query.limit
    return Page(found[: query.limit], more, place(found[query.limit - 1]) if more else None)


def unfit(field: str, message: str) -> Problem:
    """A value that does not fit."""
    return Problem("unfit", message, [Place(field, message)])
