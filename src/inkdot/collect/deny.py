"""The deny file: people who withdrew and links that were revoked. Their pings are answered, and nothing of them is kept.

The office writes `deny` in the data folder, whole, under another name and renamed: ids of 8 bytes, big-endian, of contacts,
shares and whatever else a token names, and of browsers that are known to be a denied person's. Ids are 64 random bits, so one set
serves all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from inkdot.collect.renewed import Renewed
from inkdot.domain.token import ids_of

NAME = "deny"
_ID_BYTES = 8


class Deny:
    """What the file said last."""

    def __init__(self, path: Path) -> None:
        self._file = Renewed(path)
        self._ids: frozenset[bytes] = frozenset()
        self.renew()

    def renew(self) -> None:
        """Read the file again if it is another one; the street asks once a second. A missing file denies nobody."""
        data = self._file.changed()
        if data is not None:
            self._ids = frozenset(data[at : at + _ID_BYTES] for at in range(0, len(data), _ID_BYTES))

    def blocks(self, token: bytes) -> bool:
        """True if nothing may be kept of what this raw token marks."""
        return bool(self._ids) and not self._ids.isdisjoint(ids_of(token))

    def names(self, number: int) -> bool:
        """True if it names this id."""
        return bool(self._ids) and number.to_bytes(_ID_BYTES, "big") in self._ids


def deny_file(ids: Iterable[int]) -> bytes:
    """The file's contents."""
    return b"".join(sorted(i.to_bytes(_ID_BYTES, "big") for i in set(ids) if i))
