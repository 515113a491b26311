"""The salt of the day: what turns address and agent into a visitor, and is gone the day after, so that nothing leads back.

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


class Salt:
    """Today's salt."""

    def __init__(self, run: Path, now: float) -> None:
        self._run = run
        self._day = -1
        self._salt = b""
        self.renew(now)

    def renew(self, now: float) -> None:
        """Change to the salt of this day (UTC; `now` in unix seconds) and destroy older ones."""
        day = int(now // _DAY)
        if day == self._day:
            return
        path = self._run / f"salt-{day}"
        if not path.exists():
            fresh = self._run / f"fresh-{secrets.token_hex(8)}"
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(fd, os.urandom(_SALT_BYTES))
            os.close(fd)
            with contextlib.suppress(FileExistsError):  # another street was first
                path.hardlink_to(fresh)
            fresh.unlink()
        self._salt, self._day = path.read_bytes(), day
        for old in self._run.glob("salt-*"):
            if old != path:
                old.unlink(missing_ok=True)

    def passing(self, site: bytes, address: bytes, agent: bytes) -> VisitorId:
        """A visitor who is known for today: by address and agent."""
        digest = hashlib.blake2b(site + address + agent, key=self._salt, digest_size=8, person=b"inkdot-today").digest()
        return VisitorId(int.from_bytes(digest, "big") >> 1 | 1 << 62)


def lasting(site: bytes, name: str) -> VisitorId:
    """A visitor who agreed to be known again, by the name that his browser keeps."""
    digest = hashlib.blake2b(site + name.encode("utf-8", "replace"), digest_size=8, person=b"inkdot-lasting").digest()
    return VisitorId(int.from_bytes(digest, "big") >> 2)
