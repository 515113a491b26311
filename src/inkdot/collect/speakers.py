"""Who speaks for a website, and for whom: what is worked out once for many of its events."""

from __future__ import annotations

from typing import NamedTuple

from inkdot.collect.request import Lines


class Site(NamedTuple):
    """What a key says, and what was met of its site."""

    token: bytes
    id: bytes
    workspace: int
    domain: str
    mode: int
    """Of the key; what is allowed by now may be stricter."""
    asked: bool
    """The key is for people who were asked and agreed."""
    servers: bool
    """The key is one of servers."""
    beginnings: set[str]
    """Beginnings of addresses that are its own, up to the path: most are met again and again."""


class Sender(NamedTuple):
    """What is the same for all events of one request."""

    said: str
    """The page's origin as the browser says it."""
    origin: str | None
    """Its host; None if the browser does not say, or if it is none."""
    agent: bytes
    privacy: bool
    lines: Lines
    """What is written down of its header lines."""
    address: bytes


class Taken(NamedTuple):
    """An event that is kept."""

    site: Site
    content: bytes
    mark: int
    """What it is known again by; 0 without an id."""
    sender: Sender
    nobodys: bool


class Voice(NamedTuple):
    """What is the same for all plain events of one visitor until the next second, when deny file, modes and salt may be others."""

    of: Lines
    site: Site | None
    """None where they have to be looked at one by one."""
    sender: Sender
    who: int
