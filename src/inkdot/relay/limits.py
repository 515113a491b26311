"""Limits: how many connections, wrong passwords and mails one sender may make. No clock: the time is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_HOUR = 3_600.0
_WRONG_WITHIN = 600.0
MOST_WRONG = 20
"""Wrong passwords from one address within ten minutes, after which it must wait."""
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class Limits:
    """What is counted in memory; a restart forgets it."""

    connections: int = 500
    connections_per_address: int = 100
    copies_per_hour: int = 3_000
    """Recipients per account and hour; 0 for no limit."""
    _open: dict[str, int] = field(default_factory=dict)
    _wrong: dict[str, deque[float]] = field(default_factory=dict)
    _sent: dict[str, deque[float]] = field(default_factory=dict)

    def enter(self, address: str) -> bool:
        """Count a connection; False where there is no room for it."""
        count = self._open.get(address, 0)
        if count >= self.connections_per_address or sum(self._open.values()) >= self.connections:
            return False
        self._open[address] = count + 1
        return True

    def leave(self, address: str) -> None:
        """The connection has ended."""
        count = self._open.get(address, 0) - 1
        if count > 0:
            self._open[address] = count
        else:
            self._open.pop(address, None)

    def wrong_password(self, address: str, now: float) -> None:
        """Count a wrong password."""
        if len(self._wrong) > _MOST_REMEMBERED:
            self._wrong.clear()
        self._wrong.setdefault(address, deque(maxlen=MOST_WRONG)).append(now)

    def locked(self, address: str, now: float) -> bool:
        """Too many wrong passwords came from there."""
        wrong = self._wrong.get(address, deque())
        return len(wrong) == MOST_WRONG and now - wrong[0] < _WRONG_WITHIN

    def may_send(self, account: str, now: float) -> bool:
        """Count one recipient; False where the account has had its share of this hour."""
        if not self.copies_per_hour:
            return True
        sent = self._sent.setdefault(account, deque())
        while sent and now - sent[0] >= _HOUR:
            sent.popleft()
        if len(sent) >= self.copies_per_hour:
            return False
        sent.append(now)
        return True
