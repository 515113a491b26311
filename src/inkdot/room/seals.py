"""Seals: small signed notes that a reader's browser keeps for us, so that the room remembers nothing about strangers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.ids import ShareId, VisitId
from inkdot.domain.token import Keyring

_MAC_BYTES = 16
_MOST = 1_500


class Session(NamedTuple):
    """One reading of one document in one browser window."""

    share: ShareId
    visit: VisitId
    started: int
    """Microseconds since 1970, by the server's clock."""
    version: int
    viewer: Address | None = None
    """What the reader said at the gate."""
    proved: bool = False
    """The address was proved by a mailed code."""
    own: bool = False
    """The browser is the sender's own, or the viewer a colleague."""


class Seals:
    """Signs and opens notes. A note of one kind is no note of another."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = hashlib.blake2b(key=keyring.identity, digest_size=32, person=b"inkdot-room").digest()

    def seal(self, kind: str, note: object) -> str:
        """A note as URL-safe text."""
        body = json.dumps(note, separators=(",", ":"), ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(self._mac(kind, body) + body).rstrip(b"=").decode()

    def open(self, kind: str, text: str) -> Any:
        """The note, None for anything that we did not sign."""
        if not text or len(text) > _MOST:
            return None
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        body = raw[_MAC_BYTES:]
        return json.loads(body) if hmac.compare_digest(raw[:_MAC_BYTES], self._mac(kind, body)) else None

    def session(self, text: str) -> Session | None:
        """A sealed session."""
        note = self.open("session", text)
        return Session(*note) if note else None

    def _mac(self, kind: str, body: bytes) -> bytes:
        return hashlib.blake2b(kind.encode() + b"\0" + body, key=self._key, digest_size=_MAC_BYTES).digest()
