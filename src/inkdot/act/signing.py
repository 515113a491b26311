"""Standard Webhooks: how a message is signed, so that its receiver can tell that it is ours, unchanged and new."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable

from inkdot.domain.errors import UsageError

PREFIX = "whsec_"
_BYTES = 32


def fresh_secret(random: Callable[[int], bytes]) -> str:
    """A new `whsec_...`; `random(n)` gives n unpredictable bytes (os.urandom)."""
    return PREFIX + base64.b64encode(random(_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key inside; raises UsageError."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise UsageError(
            "The secret is no webhook secret: whsec_ and 24 to 64 bytes in base64; leave it out to get one."
        )
    return key


def sign(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """`v1,...` over id, time (unix seconds) and body."""
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()


def headers(secrets: Iterable[str], message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three header lines; several secrets while one is being replaced."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message, timestamp, body) for secret in secrets),
    }
