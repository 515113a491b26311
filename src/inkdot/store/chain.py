"""Chains of sealed rows: a row changed, put in or taken out from between others breaks the seals from there on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

START = bytes(32)


def seal(before: bytes, row: Sequence[object]) -> bytes:
    """The seal of a row behind one whose seal is `before`. Bytes in the row count as hexadecimal."""
    plain = [item.hex() if isinstance(item, bytes) else item for item in row]
    return hashlib.blake2b(before + json.dumps(plain).encode(), digest_size=32, person=b"inkdot-chain").digest()


def broken(rows: Iterable[tuple[int, bytes, Sequence[object]]]) -> int | None:
    """The number of the first row of (number, seal, content) that does not follow from those before it; None if all do."""
    before = START
    for expected, (number, found, content) in enumerate(rows, 1):
        if number != expected or seal(before, content) != found:
            return number if number == expected else expected
        before = found
    return None


def commitment(address: str, nonce: bytes) -> bytes:
    """What stands for an address in a chain, so that the address can go while the chain stays whole."""
    return hashlib.blake2b(address.encode(), key=nonce, digest_size=32, person=b"inkdot-who").digest()
