"""Who did something: questions about many people at once, answered without looking at one event after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from inkdot.domain.event import Kind
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId
from inkdot.store.events import EventStore, microseconds, timestamp


class Doing(NamedTuple):
    """What makes somebody one of a crowd. None: whatever it is."""

    kinds: tuple[Kind, ...]
    since: int
    """Microseconds since 1970."""
    minimum: int
    """The least rank of proof."""
    machines: bool
    repeats: bool
    times: int
    seconds: float
    message: int | None = None
    link: int | None = None
    document: int | None = None
    site: int | None = None
    page: int | None = None
    channels: Collection[str] | None = None
    """In lower case."""
    source: str | None = None
    """In lower case."""
    name: str | None = None


def crowd(
    store: EventStore, workspace: WorkspaceId, doing: Doing, fits: Callable[[str], bool] | None
) -> set[ContactId]:
    """The people of a workspace who did so much; `fits` says of an address whether it counts."""
    what = doing._asdict() | {
        "workspace": workspace, "since": timestamp(doing.since), "kinds": list(doing.kinds), "urls": None,
        "channels": None if doing.channels is None else list(doing.channels),
    }  # fmt: skip
    if fits is not None:
        span = {name: what[name] for name in ("workspace", "since", "kinds")}
        what["urls"] = [number for number, text in store.rows("crowd", "addresses", span) if fits(json.loads(text))]
    return {ContactId(row[0]) for row in store.rows("crowd", "crowd", what)}


class Done(NamedTuple):
    """What somebody did himself."""

    last: int
    """Microseconds since 1970."""
    visits: int
    seconds: float
    """Active ones on websites."""
    interesting: int
    """Visits that saw a page of interest."""
    goals: int
    downloads: int
    clicks: int
    """Of tracked links."""
    opens: int
    """Proven or likely."""
    reading: float
    """Seconds in documents."""
    replies: int


def done(
    store: EventStore, workspace: WorkspaceId, people: Collection[ContactId] | None, interesting: Iterable[str]
) -> dict[ContactId, Done]:
    """What these people (None: everybody) did; who did nothing is left out. `interesting`: beginnings of paths."""
    paths = '^"[a-zA-Z]+://[^/?#"]*(' + "|".join(map(re.escape, interesting)) + ")"
    what = {"workspace": workspace, "people": None if people is None else sorted(people), "interesting": paths}
    rows = store.rows("crowd", "done", what)
    return {ContactId(contact): Done(microseconds(last), *rest) for contact, last, *rest in rows}


def landings(
    store: EventStore, workspace: WorkspaceId, since: int, parameters: Iterable[str]
) -> list[tuple[ContactId, str, int]]:
    """(who, address, microseconds since 1970) of pages whose address has one of these parameters, oldest first."""
    marks = "[?&](" + "|".join(parameters) + ")="
    rows = store.rows("crowd", "landings", {"workspace": workspace, "since": timestamp(since), "marks": marks})
    return [(ContactId(contact), json.loads(text), microseconds(time)) for contact, text, time in rows]


def first_heard(
    store: EventStore, workspace: WorkspaceId, messages: Iterable[MessageId]
) -> dict[tuple[int, MessageId], int]:
    """When somebody first opened, clicked or answered each of these mails, by no machine (microseconds since 1970)."""
    wanted = sorted(set(messages))
    rows = store.rows("crowd", "first_heard", {"workspace": workspace, "messages": wanted}) if wanted else []
    return {(contact, MessageId(message)): microseconds(first) for contact, message, first in rows}
