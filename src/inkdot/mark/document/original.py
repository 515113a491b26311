"""The way back: what a marked package needs to be the file again that it was made of, byte for byte.

It rides in extra fields of the members' own headers, which programs pass over: the original's bytes where the marked file has
others, and where it has the same. If a program has written the package anew, the fields are gone or do not fit; then parts
alone are brought back.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from inkdot.mark.document.mapped import Content, blocks

FIELD = 0x6B49
"""Our extra field's number."""
MOST_IN_FIELD = 30_000
"""LibreOffice takes the size of a member's extra fields for a signed number of 16 bits, and does not open a file with more."""
_HEAD, _STEP = struct.Struct("<HH"), struct.Struct("<BI")
_LITERAL, _MEMBER = 0, 1
_DIGEST_BYTES = 32
_MOST_UNPACKED = 64 << 20
Step = bytes | tuple[int, int]
"""Bytes of the original, or a span of the marked file that holds them."""


class Shared(NamedTuple):
    """Packed bytes that the original and the marked file have in common."""

    start: int
    """In the original."""
    end: int
    member: int
    """Of the marked file, counted in its directory."""


def way_back(source: Content, shared: Sequence[Shared]) -> bytes:
    """What turns a marked file into `source` again."""
    steps, at = [], 0
    for start, end, member in sorted(shared):
        if start >= at:  # members that overlap are told as they are
            steps += [_STEP.pack(_LITERAL, start - at), source[at:start], _STEP.pack(_MEMBER, member)]
            at = end
    steps += [_STEP.pack(_LITERAL, len(source) - at), source[at:]]
    return zlib.compress(_digest(blocks(source)) + b"".join(steps), 1)


def fields(way: bytes, members: Sequence[str]) -> Mapping[str, bytes]:
    """The way in extra fields of as many members as it takes; of none if they are too few.

    An OpenDocument's `mimetype` may have none: programs know the file by the bytes that stand there.
    """
    pieces = [way[at : at + MOST_IN_FIELD] for at in range(0, len(way), MOST_IN_FIELD)]
    bearers = [name for name in members if name != "mimetype"]
    if len(pieces) > len(bearers):
        return {}
    return {
        name: _HEAD.pack(FIELD, len(piece)) + piece for name, piece in zip(bearers[: len(pieces)], pieces, strict=True)
    }


def told(extra: bytes) -> bytes:
    """Our piece of an extra field; empty if there is none."""
    while len(extra) >= _HEAD.size:
        number, size = _HEAD.unpack_from(extra)
        if number == FIELD:
            return extra[_HEAD.size : _HEAD.size + size]
        extra = extra[_HEAD.size + size :]
    return b""


def gone_back(way: bytes, source: Content, spans: Sequence[tuple[int, int]]) -> list[Step] | None:
    """What the original is made of, by the spans of the marked file's members; None if the way does not lead there."""
    try:
        content = zlib.decompressobj().decompress(way, _MOST_UNPACKED)
        steps = list(_steps(content[_DIGEST_BYTES:], spans))
    except (zlib.error, struct.error, IndexError):
        return None
    return steps if _digest(gone(steps, source)) == content[:_DIGEST_BYTES] else None


def gone(steps: Iterable[Step], source: Content) -> Iterator[bytes]:
    """The original, piece by piece."""
    for step in steps:
        if isinstance(step, bytes):
            yield step
        else:
            yield from blocks(source, *step)


def _steps(steps: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[Step]:
    at = 0
    while at < len(steps):
        kind, number = _STEP.unpack_from(steps, at)
        at += _STEP.size
        if kind == _MEMBER:
            yield spans[number]
        else:
            yield steps[at : at + number]
            at += number


def _digest(content: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for block in content:
        digest.update(block)
    return digest.digest()
