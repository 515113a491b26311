"""How often something may be tried: a bucket that fills again, for each asker. Kept in memory, bounded."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections.abc import Callable
from typing import NamedTuple

_MOST_ASKERS = 50_000


class Left(NamedTuple):
    """What an asker has left."""

    allowed: bool
    remaining: int
    reset: int
    """Seconds until the bucket is full again; if nothing is left, until the next try."""


class Tries:
    """`most` tries at once, as many again in `seconds`."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self.most, self.seconds, self._clock = most, seconds, clock
        self._full_at: dict[str, float] = {}
        self._turn = threading.Lock()

    def take(self, asker: str, cost: float = 1) -> Left:
        """Take from somebody's bucket; nothing is taken where nothing is left."""
        now, each = self._clock(), self.seconds / self.most
        with self._turn:
            full_at = max(self._full_at.get(asker, now), now)
            wanted = full_at + each * cost
            if wanted > now + self.seconds + 1e-9:
                return Left(False, 0, max(1, math.ceil(wanted - now - self.seconds)))
            if len(self._full_at) >= _MOST_ASKERS:
                self._full_at = {a: t for a, t in self._full_at.items() if t > now}
                if len(self._full_at) >= _MOST_ASKERS:  # a flood of askers: the oldest debts are forgotten
                    self._full_at = dict(sorted(self._full_at.items(), key=lambda x: x[1])[_MOST_ASKERS // 2 :])
            self._full_at[asker] = wanted
        return Left(True, int((now + self.seconds - wanted) / each + 1e-6), math.ceil(wanted - now))

    def left(self, asker: str) -> Left:
        """What somebody has left, with nothing taken."""
        now, each = self._clock(), self.seconds / self.most
        with self._turn:
            full_at = max(self._full_at.get(asker, now), now)
        remaining = int((now + self.seconds - full_at) / each + 1e-6)
        wait = full_at - now if remaining else full_at + each - now - self.seconds
        return Left(remaining > 0, remaining, max(0, math.ceil(wait)))

    def forgive(self, asker: str) -> None:
        """A full bucket again."""
        with self._turn:
            self._full_at.pop(asker, None)


def public_address(address: str | None) -> bytes:
    """16 bytes of an address that others on the internet see; empty for none and for private ones."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return b""
    ip = (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
    if ip.is_private or ip.is_loopback or ip.is_link_local:
        return b""
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def network_of(address: str | None) -> str:
    """The /24 or /64 that an address lies in: people with many addresses share one."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 64 if ip.version == 6 else 24), strict=False))


def is_loopback(host: str | None) -> bool:
    """Whether a host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_plain_host(host: str | None) -> bool:
    """Whether it is a number or this machine: nothing that a name server could turn elsewhere."""
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host or ""))
    except ValueError:
        return False
