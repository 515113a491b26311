"""One record's bytes: how a ping looks on disk, and how damage is told from the end.

A segment starts with 16 bytes that name its format. Then records follow, each at a multiple of 8 bytes:

    u32 length of the payload   0 = nothing written here yet
    u32 CRC32C of the payload
    payload                     head, token, header lines; in version 2 then u16 length, target, and the body up to the end
    0-7 zero bytes

Integers are little-endian. The payload's head holds its version, so that old journals stay readable. Dots and links are
of version 1, whatever came with a body of version 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from google_crc32c import value as crc32c

from inkdot.domain.errors import NewerData
from inkdot.domain.ids import PingId
from inkdot.domain.ping import ALIGNMENT, Ping

SEGMENT_HEAD = b"Inkdot journal\x01\n"
_FRAME = struct.Struct("<II")
_HEAD = struct.Struct("<BBHHHQ16s")
_BARE, _WITH_BODY = _VERSIONS = (1, 2)
_TARGET = struct.Struct("<H")
_PADDING = tuple(bytes(-n % ALIGNMENT) for n in range(ALIGNMENT))
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_METHOD_CODES = {m.encode(): i for i, m in enumerate(_METHODS)}

NOBODY = bytes(16)
"""The address of a ping whose address may not be kept."""
MAX_PAYLOAD_BYTES = 1 << 17
"""Longer lengths are damage: the street caps heads, tokens and bodies below."""


def encode(method: bytes, time: int, address: bytes, token: bytes, headers: bytes) -> bytes:
    """A framed record. `time` in microseconds since 1970; `address` 16 bytes or NOBODY; token and headers < 32 KiB each."""
    return _framed(
        _HEAD.pack(_BARE, _METHOD_CODES[method], len(token), len(headers), 0, time, address) + token + headers
    )


def encode_with_body(
    method: bytes, time: int, address: bytes, token: bytes, headers: bytes, target: bytes, body: bytes
) -> bytes:
    """The same for what came with a body of up to 64 KiB; `target` < 8 KiB."""
    head = _HEAD.pack(_WITH_BODY, _METHOD_CODES[method], len(token), len(headers), 0, time, address)
    return _framed(b"".join((head, token, headers, _TARGET.pack(len(target)), target, body)))


def blank(extent: int) -> bytes:
    """A record that says nothing and fills `extent` bytes, a multiple of 8; its token is empty."""
    head = _HEAD.pack(_BARE, 0, 0, 0, 0, 0, NOBODY)
    return _framed(head + bytes(extent - _FRAME.size - len(head)))


def _framed(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), crc32c(payload)) + payload + _PADDING[len(payload) & 7]


def decode(payload: bytes, ping: PingId) -> Ping:
    """The ping in a checked payload; raises NewerData for a version of the future."""
    version, method, token_length, headers_length, _, time, address = _HEAD.unpack_from(payload)
    if version not in _VERSIONS:
        raise NewerData(f"The journal holds records of version {version}; install a newer Inkdot to read them.")
    middle = _HEAD.size + token_length
    end = middle + headers_length
    target, body = _rest(payload, end) if version == _WITH_BODY else (b"", b"")
    return tuple.__new__(Ping, (  # as Ping() would, in half the time
        ping, time, _METHODS[method], b"" if address == NOBODY else address,
        payload[_HEAD.size : middle], payload[middle:end], target, body,
    ))  # fmt: skip


def _rest(payload: bytes, at: int) -> tuple[bytes, bytes]:
    start = at + _TARGET.size
    end = start + _TARGET.unpack_from(payload, at)[0]
    return payload[start:end], payload[end:]


Frame = tuple[int, int, bytes | None]
"""What stands at one place of a segment: its offset, where the next record starts, and the payload; None: damaged."""


def frames(data: bytes, base: int, *, sealed: bool) -> Iterator[Frame]:
    """The records in `data`, which was read at `base` of a segment.

    Stops before a record that `data` holds only in part and, unless the segment is sealed, before unwritten space. After
    damage it goes on at the next place where a whole record checks out; the stretch between is one damaged frame.
    """
    at, size, least = 0, len(data) - _FRAME.size, _HEAD.size
    while at <= size:
        length, crc = _FRAME.unpack_from(data, at)
        start = at + _FRAME.size
        end = start + (length + 7 & -ALIGNMENT)
        payload = data[start : start + length]
        if least <= length <= MAX_PAYLOAD_BYTES and len(payload) == length and crc32c(payload) == crc:
            yield base + at, base + end, payload
            at = end
            continue
        if not length and not sealed:
            return
        resumed = _next_good(data, at + ALIGNMENT)
        if resumed is None:
            return
        yield base + at, base + resumed, None
        at = resumed


def _next_good(data: bytes, at: int) -> int | None:
    """The next offset from `at` on where a whole record checks out."""
    # Unwritten space is zeros, and it may be megabytes: do not walk through it.
    last = min(len(data.rstrip(b"\0")), len(data) - _FRAME.size - _HEAD.size + 1)
    for place in range(at, last, ALIGNMENT):
        length, crc = _FRAME.unpack_from(data, place)
        start = place + _FRAME.size
        plausible = _HEAD.size <= length <= MAX_PAYLOAD_BYTES and start + length <= len(data)
        if plausible and data[start] in _VERSIONS and crc32c(data[start : start + length]) == crc:
            return place
    return None
