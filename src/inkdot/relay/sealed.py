"""A mail program's own upstream login, sealed while its mail waits in the spool. Only the folder's keys open it."""

from __future__ import annotations

import base64
import hashlib
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inkdot.domain.errors import Failure
from inkdot.relay.upstream import Credentials

_NONCE_BYTES = 12


class Sealer:
    """Seals and opens logins."""

    def __init__(self, identity: bytes) -> None:
        """`identity` is the keyring's secret that never rotates."""
        self._cipher = AESGCM(hashlib.blake2b(key=identity, digest_size=32, person=b"inkdot-login").digest())

    def seal(self, credentials: Credentials) -> str:
        """As text, different each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(credentials).encode(), None)
        return base64.b64encode(nonce + sealed).decode()

    def open(self, text: str) -> Credentials:
        """The way back. Raises Failure."""
        try:
            raw = base64.b64decode(text)
            return Credentials(*json.loads(self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)))
        except (InvalidTag, ValueError, TypeError) as error:
            raise Failure(
                "A login in the spool was sealed with other keys; put keys.json back from a backup."
            ) from error
