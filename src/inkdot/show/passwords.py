"""Passwords and second factors: argon2id, and codes of six digits by the clock (RFC 6238)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import threading
from urllib.parse import quote

import argon2

from inkdot.domain.errors import UsageError

LEAST, MOST = 10, 1_000
"""Signs of a password."""
_STEP = 30
_SECRET_BYTES = 20
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's values: 19 MiB, about 30 ms."""
_NOBODY = _HASHER.hash("nobody has this password")
_ONE_AT_A_TIME = threading.Semaphore(2)
"""A crowd at the door must not take the memory of the rest."""


def hashed(password: str) -> str:
    """The hash to keep. Raises UsageError for a password that is too short or too long."""
    if not LEAST <= len(password) <= MOST:
        raise UsageError(f"A password has {LEAST} to {MOST} signs; four words from a book do well.")
    with _ONE_AT_A_TIME:
        return _HASHER.hash(password)


def right(kept: str | None, password: str) -> bool:
    """Whether it is the password; costs the same where there is no account (`kept` is None)."""
    with _ONE_AT_A_TIME:
        try:
            return _HASHER.verify(kept or _NOBODY, password[:MOST]) and kept is not None
        except argon2.exceptions.VerificationError:
            return False


def is_old(kept: str) -> bool:
    """Whether it was hashed with other parameters than new ones are."""
    return _HASHER.check_needs_rehash(kept)


def totp_secret(random: bytes) -> str:
    """A secret for a second factor, from 20 random bytes."""
    return base64.b32encode(random[:_SECRET_BYTES]).decode()


def totp_address(secret: str, user: str, issuer: str = "Inkdot") -> str:
    """What authenticator programs read, as text or as a picture."""
    return f"otpauth://totp/{quote(issuer)}:{quote(user)}?secret={secret}&issuer={quote(issuer)}"


def totp_code(secret: str, step: int) -> str:
    """The code of a step of 30 seconds since 1970."""
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1)
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFF_FFFF) % 1_000_000:06}"


def recovery_code(random: bytes) -> str:
    """A code for whoever lost the second factor, from 10 random bytes: 80 bits that can be typed."""
    letters = base64.b32encode(random[:10]).decode().lower()
    return "-".join(letters[i : i + 4] for i in range(0, 16, 4))


def plain_code(code: str) -> str:
    """A code however it was typed."""
    return "".join(code.lower().replace("-", " ").split())


def totp_step(secret: str, code: str, now: float) -> int | None:
    """The step that a code belongs to, one before and one after included; None if it is wrong."""
    plain = "".join(code.split())
    current = int(now) // _STEP
    for step in (current, current - 1, current + 1):
        if hmac.compare_digest(totp_code(secret, step).encode(), plain.encode("utf-8", "replace")):
            return step
    return None
