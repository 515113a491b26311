"""The salt of the day: what turns address and agent into a visitor. Half an hour after its day it is gone, and nothing leads back.

It lies under `run/`, which no backup includes. Streets of one machine share it: the first one up makes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from inkdot.domain.ids import VisitorId

_DAY = 86_400
_SALT_BYTES = 32
_OVER_MIDNIGHT = 1_800
_MOST_KNOWN = 10_000


class Salt:
    """Today's salt; and yesterday's for the first half hour of a day, so that a visit can go on over midnight."""

    def __init__(self, run: Path, now: float) -> None:
        self._run = run
        self._state = (-1, False)
        self._salt = self._before = b""
        self._known: dict[tuple[bytes, bytes, bytes], VisitorId] = {}
        self.renew(now)

    def renew(self, now: float) -> None:
        """Change to the salt of this day (UTC; `now` in unix seconds) and destroy older ones."""
        day, second = divmod(int(now), _DAY)
        state = (day, second < _OVER_MIDNIGHT)
        if state == self._state:
            return
        path, before = (self._run / f"salt-{d}" for d in (day, day - 1))
        if not _whole(path):
            _make(path)
        self._salt = path.read_bytes()
        self._before = before.read_bytes() if state[1] and _whole(before) else b""
        self._state = state
        self._known.clear()
        for old in self._run.glob("salt-*"):
            if old != path and not (old == before and state[1]):
                old.unlink(missing_ok=True)

    def passing(self, site: bytes, address: bytes, agent: bytes) -> VisitorId:
        """A visitor who is known for today: by address and agent."""
        whom = (site, address, agent)
        known = self._known.get(whom)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[whom] = _passing(self._salt, site + address + agent)
        return known

    def yesterday(self, site: bytes, address: bytes, agent: bytes) -> VisitorId | None:
        """Who that was yesterday, shortly after midnight; else None."""
        return _passing(self._before, site + address + agent) if self._before else None


def _whole(path: Path) -> bool:
    return path.exists() and path.stat().st_size == _SALT_BYTES


def _make(path: Path) -> None:
    fresh = path.with_name(f"fresh-{secrets.token_hex(8)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, os.urandom(_SALT_BYTES))
    os.fsync(fd)  # an empty salt after a power failure would make visitors out of addresses alone
    os.close(fd)
    with contextlib.suppress(FileExistsError):  # another street was first
        path.hardlink_to(fresh)
    if _whole(path):
        fresh.unlink()
    else:
        fresh.rename(path)


def _passing(salt: bytes, whom: bytes) -> VisitorId:
    digest = hashlib.blake2b(whom, key=salt, digest_size=8, person=b"inkdot-today").digest()
    return VisitorId(int.from_bytes(digest, "big") >> 1 | 1 << 62)


def lasting(site: bytes, name: str) -> VisitorId:
    """A visitor who agreed to be known again, by the name that his browser keeps."""
    digest = hashlib.blake2b(site + name.encode("utf-8", "replace"), digest_size=8, person=b"inkdot-lasting").digest()
    return VisitorId(int.from_bytes(digest, "big") >> 2)
