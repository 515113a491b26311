"""Limits of the street door: sizes, times, and how many connections one address may hold."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_MOST_DESCRIPTORS, _MOST_RESERVED = 65_536, 320


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stranger may cost."""

    head_bytes: int = 16_384
    """Longest request line and headers."""
    header_seconds: float = 10.0
    """Time to send a whole head, from its first byte or from the connection's opening."""
    idle_seconds: float = 75.0
    """Time a kept-alive connection may be silent between requests."""
    body_bytes: int = 65_536
    """Longest body, where an address takes one."""
    connections_per_address: int = 512
    pipelined: int = 32
    """Requests of one connection that may wait for their answers."""
    kept_header_bytes: int = 8_192
    """Header lines written down per ping; later lines are cut."""


def raise_descriptors() -> None:
    """Let this process open as many files and connections as its user may; shells usually grant 1,024 of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def most_connections() -> int:
    """How many connections may be open now: the rest is for the journal, the logs and the way to the reading room."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return descriptors - min(descriptors // 4, _MOST_RESERVED)


class Guest(Protocol):
    """A connection, as the crowd sees it."""

    def is_waiting(self) -> bool:
        """True while it has sent no whole request and so can be let go without harm."""

    def let_go(self) -> None:
        """Close it."""


G = TypeVar("G", bound=Guest)


class Crowd(Generic[G]):
    """Connections by address, with a cap.

    Beyond the cap the oldest one that sends nothing makes room, so that a flood of silent connections cannot keep out a
    person behind the same address.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_address: dict[bytes, dict[G, None]] = {}

    def enter(self, address: bytes, guest: G) -> bool:
        """False if the address is full of busy connections: refuse the guest."""
        guests = self._by_address.get(address)
        if guests is None:
            self._by_address[address] = {guest: None}
            return True
        if len(guests) >= self._most:
            silent = next((g for g in guests if g.is_waiting()), None)
            if silent is None:
                return False
            silent.let_go()
            guests.pop(silent, None)
        guests[guest] = None
        return True

    def leave(self, address: bytes, guest: G) -> None:
        """Forget a guest; unknown ones are no error."""
        guests = self._by_address.get(address)
        if guests is not None:
            guests.pop(guest, None)
            if not guests:
                del self._by_address[address]
