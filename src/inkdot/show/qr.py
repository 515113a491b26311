"""A QR code (ISO/IEC 18004) of a short text: what an authenticator reads from the screen instead of 32 typed letters.

Bytes, correction L, always mask 0, which every reader takes: on a screen nothing is smudged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

_DATA = (19, 34, 55, 80, 108, 136, 156, 194, 232)
"""Codewords of data of versions 1 to 9."""
_CHECK = (7, 10, 15, 20, 26, 18, 20, 24, 30)
"""Codewords of correction for each block."""
_BLOCKS = (1, 1, 1, 1, 1, 2, 2, 2, 2)
_ALIGNED = ((), (6, 18), (6, 22), (6, 26), (6, 30), (6, 34), (6, 22, 38), (6, 24, 42), (6, 26, 46))
_FORMAT = 0b111011111000100
"""Level L and mask 0 with their own correction."""
_FIRST_TOLD, _VERSION_POLYNOMIAL = 7, 0x1F25
_FIELD = 0x11D
_HEAD_BITS = 12
MOST_BYTES = _DATA[-1] - 2


def drawn(text: str) -> tuple[int, str]:
    """Width in modules with the quiet edge, and the dark ones as the path of an SVG. Raises ValueError where it is too long."""
    rows = modules(text)
    runs = [f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return len(rows) + 8, "".join(runs)


def modules(text: str) -> list[list[bool]]:
    """Rows of modules, true where dark. Raises ValueError where the text has more than MOST_BYTES bytes."""
    content = text.encode()
    version = next((n for n, room in enumerate(_DATA, 1) if len(content) * 8 + _HEAD_BITS <= room * 8), None)
    if version is None:
        raise ValueError(f"A QR code of ours holds {MOST_BYTES} bytes.")
    fixed = _fixed(version)
    size = 17 + 4 * version
    places = ((x, y) for x, y in _snake(size) if (x, y) not in fixed)
    bits = _bits(_codewords(content, version))
    dark = fixed | {(x, y): (next(bits, 0) == 1) != ((x + y) % 2 == 0) for x, y in places}
    return [[dark[x, y] for x in range(size)] for y in range(size)]


def _codewords(content: bytes, version: int) -> list[int]:
    """Data and correction, the blocks dealt out in turn."""
    room, blocks = _DATA[version - 1], _BLOCKS[version - 1]
    number = int.from_bytes(bytes([len(content)]) + content) | 0b0100 << 8 * (len(content) + 1)
    data = list((number << 4).to_bytes(len(content) + 2))
    data += [(0xEC, 0x11)[n % 2] for n in range(room - len(data))]
    each = room // blocks
    parts = [data[n * each : (n + 1) * each] for n in range(blocks)]
    checks = [_check(part, _CHECK[version - 1]) for part in parts]
    return [word for found in (parts, checks) for turn in zip(*found, strict=True) for word in turn]


def _check(data: list[int], count: int) -> list[int]:
    """Reed-Solomon: what is left of the data divided by a polynomial with `count` roots."""
    divisor, root = [1], 1
    for _ in range(count):
        divisor = [a ^ _times(b, root) for a, b in zip([*divisor, 0], [0, *divisor], strict=True)]
        root = _times(root, 2)
    rest = [0] * count
    for word in data:
        factor = word ^ rest[0]
        rest = [a ^ _times(b, factor) for a, b in zip([*rest[1:], 0], divisor[1:], strict=True)]
    return rest


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (_FIELD if a & 0x80 else 0)
        b >>= 1
    return product


def _bits(words: list[int]) -> Iterator[int]:
    return (word >> shift & 1 for word in words for shift in range(7, -1, -1))


def _snake(size: int) -> Iterator[tuple[int, int]]:
    """The way of the bits: two columns at a time from the right, up and down by turns, past the column of the clock."""
    for n, right in enumerate([*range(size - 1, 6, -2), 5, 3, 1]):
        for y in range(size) if n % 2 else range(size - 1, -1, -1):
            yield from ((right, y), (right - 1, y))


def _fixed(version: int) -> dict[tuple[int, int], bool]:
    """What does not depend on the text: finders, clocks, alignment, format and version."""
    size = 17 + 4 * version
    dark: dict[tuple[int, int], bool] = {}
    for n in range(size):
        dark[6, n] = dark[n, 6] = n % 2 == 0
    for cx, cy in ((3, 3), (size - 4, 3), (3, size - 4)):
        dark |= {(x, y): far not in (2, 4) for x, y, far in _square(cx, cy, 4) if 0 <= x < size and 0 <= y < size}
    places = _ALIGNED[version - 1]
    for cx, cy in itertools.product(places, places):
        if (cx, cy) not in ((6, 6), (6, size - 7), (size - 7, 6)):
            dark |= {(x, y): far != 1 for x, y, far in _square(cx, cy, 2)}
    dark |= {place: _FORMAT >> n & 1 == 1 for n, both in enumerate(_format_places(size)) for place in both}
    dark[8, size - 8] = True
    if version >= _FIRST_TOLD:
        rest = version
        for _ in range(12):
            rest = rest << 1 ^ (rest >> 11) * _VERSION_POLYNOMIAL
        for n in range(18):
            a, b = size - 11 + n % 3, n // 3
            dark[a, b] = dark[b, a] = (version << 12 | rest) >> n & 1 == 1
    return dark


def _square(cx: int, cy: int, radius: int) -> Iterator[tuple[int, int, int]]:
    """Each place of a square, and in which ring around its middle it lies."""
    around = range(-radius, radius + 1)
    return ((cx + dx, cy + dy, max(abs(dx), abs(dy))) for dx, dy in itertools.product(around, around))


def _format_places(size: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each bit of the format stands twice, the least first."""
    near = [(8, n) for n in (0, 1, 2, 3, 4, 5, 7, 8)] + [(n, 8) for n in (7, 5, 4, 3, 2, 1, 0)]
    far = [(size - 1 - n, 8) for n in range(8)] + [(8, size - 15 + n) for n in range(8, 15)]
    return list(zip(near, far, strict=True))
