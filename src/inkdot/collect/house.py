"""What all connections of one street share: limits, clocks, and what heads were seen to say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple, Protocol

from inkdot.collect.counters import Counters
from inkdot.collect.handover import Handover
from inkdot.collect.limits import Crowd, Limits, most_connections
from inkdot.collect.replies import Replies
from inkdot.collect.request import Judge, Lines
from inkdot.collect.routes import Post, Street
from inkdot.domain.token import Keyring


class Guest(Protocol):
    """A connection."""

    def overdue(self, now: float) -> bool:
        """True if the client was silent for too long."""

    def give_up(self) -> None:
        """Close for silence."""

    def is_waiting(self) -> bool:
        """True while no answer is owed."""

    def let_go(self) -> None:
        """Close without a word."""


_MOST_USUAL, _LONGEST_USUAL = 2_000, 4_096


class Usual(NamedTuple):
    """What the parser made of the end of a head, from `.gif HTTP/1.1` on."""

    lines: Lines
    last: bool
    """The connection is to be closed after the answer."""


class UsualPost(NamedTuple):
    """What the parser made of a whole head that announces a body."""

    hear: Post
    target: bytes
    lines: Lines
    last: bool


_LENGTH = b"\r\nContent-Length: "


def without_length(head: bytes, end: int, length: int) -> bytes | None:
    """The head `head[:end]` without the number that says how long its body is; None if it does not say exactly `length`."""
    at = head.find(_LENGTH, 0, end) + len(_LENGTH)
    said = b"%d\r" % length
    if at < len(_LENGTH) or not head.startswith(said, at):
        return None
    return head[:at] + head[at + len(said) : end]


class House:
    """What all connections of one street share."""

    def __init__(
        self,
        street: Street,
        replies: Replies,
        counters: Counters,
        limits: Limits,
        crowd_exempt: Callable[[bytes], bool],
        keyring: Keyring,
        handover: Handover | None = None,
    ) -> None:
        self.street, self.replies, self.counters, self.limits = street, replies, counters, limits
        self.crowd: Crowd[Guest] = Crowd(limits.connections_per_address)
        self.crowd_exempt, self.handover = crowd_exempt, handover
        self.judge = Judge(limits.kept_header_bytes, keyring)
        self.connections: dict[Guest, None] = {}
        """The oldest first."""
        self.most_connections = most_connections()
        self.usual: dict[bytes, Usual] = {}
        """Ends of heads that the parser took, word for word."""
        self.usual_posts: dict[bytes, UsualPost] = {}
        """Whole heads that the parser took, but for the length of their body."""
        self.now = time.monotonic()
        """A coarse clock, renewed by `sweep`."""
        self.draining = False

    def admit(self, guest: Guest) -> None:
        """Take one more connection; where no more can be open, the oldest ones that send nothing make room."""
        self.connections[guest] = None
        if len(self.connections) > self.most_connections:
            self._make_room()

    def _make_room(self) -> None:
        silent = (g for g in self.connections if g.is_waiting())
        for guest in list(islice(silent, len(self.connections) - self.most_connections)):
            self.counters.refused += 1
            self.connections.pop(guest)
            guest.let_go()

    def remember(self, end: bytes, lines: Lines, *, last: bool) -> None:
        """The parser took a head that asks for a dot and ends so; programs send the same ones again and again."""
        if len(self.usual) >= _MOST_USUAL:
            self.usual.clear()
        if len(end) <= _LONGEST_USUAL:
            self.usual[end] = Usual(lines, last)

    def remember_post(self, head: bytes, target: bytes, lines: Lines, *, last: bool) -> None:
        """The parser took such a head and its body."""
        if len(self.usual_posts) >= _MOST_USUAL:
            self.usual_posts.clear()
        known = without_length(head, len(head), lines.length or 0)
        if known is not None and len(known) <= _LONGEST_USUAL:
            self.usual_posts[known] = UsualPost(self.street.post_at(target), target, lines, last)

    def sweep(self) -> None:
        """Once a second: renew the clocks, publish the counters, close who was silent too long."""
        self.now = time.monotonic()
        self.most_connections = most_connections()
        if len(self.connections) > self.most_connections:
            self._make_room()
        self.replies.tick(time.time())
        self.counters.publish()
        for connection in [c for c in self.connections if c.overdue(self.now)]:
            self.counters.timed_out += 1
            connection.give_up()
        if self.handover:
            self.handover.sweep(asyncio.get_running_loop().time())

    def drain(self) -> None:
        """Take no further requests; let what is owed be answered."""
        self.draining = True
        for connection in list(self.connections):
            if connection.is_waiting():
                connection.let_go()
