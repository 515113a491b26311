"""Country and network of any address, from the table in `data/geo.xz` (made by tools/geodata.py).

The file, xz-compressed: one line of JSON (date, number of points for IPv4 and IPv6, pairs, networks), then little-endian columns:
for IPv4 u32 gaps between points and u32 pair numbers, for IPv6 (upper 64 bits) u64 gaps and u32 pair numbers; then per pair
u32 network number (0 for none) and two letters of country (-- for none); then per network u32 number; then their names, a line
each. A point is an address from which on a pair holds. About 13 MB in memory.
"""

from __future__ import annotations

import json
import lzma
import sys
from array import array
from bisect import bisect_left, bisect_right
from importlib.resources import files
from itertools import accumulate

_V4 = bytes(10) + b"\xff\xff"


class Geo:
    """The table. Looking up takes about a microsecond."""

    def __init__(self, packed: bytes | None = None) -> None:
        """`packed`: the file's bytes; what comes with Inkdot if not given."""
        if packed is None:
            packed = files("inkdot.understand").joinpath("data", "geo.xz").read_bytes()
        head, _, self._rest = lzma.decompress(packed).partition(b"\n")
        told = json.loads(head)
        self.date: str = told["date"]
        """The day of the data, as 2026-06-17."""
        self._tables = [self._table(code, count) for code, count in zip("IQ", told["points"], strict=True)]
        self._asns = self._column("I", told["pairs"])
        self._countries = self._taken(2 * told["pairs"]).decode()
        self._numbers = self._column("I", told["networks"])
        self._names = self._rest
        self._sizes: dict[int, int] | None = None
        del self._rest

    def _taken(self, count: int) -> bytes:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _column(self, code: str, count: int) -> array[int]:
        column = array(code)
        column.frombytes(self._taken(count * column.itemsize))
        if sys.byteorder == "big":
            column.byteswap()
        return column

    def _table(self, code: str, count: int) -> tuple[array[int], array[int]]:
        points = array(code, accumulate(self._column(code, count)))
        return points, self._column("I", count)

    def of(self, address: bytes) -> tuple[str | None, int | None]:
        """(country, network number) of 16 bytes of address, None each where unknown."""
        if address.startswith(_V4):
            (points, pairs), number = self._tables[0], int.from_bytes(address[12:], "big")
        else:
            (points, pairs), number = self._tables[1], int.from_bytes(address[:8], "big")
        pair = pairs[bisect_right(points, number) - 1]
        country = self._countries[2 * pair : 2 * pair + 2]
        return (None if country == "--" else country), (self._asns[pair] or None)

    def size(self, asn: int) -> int:
        """How many IPv4 addresses a network has."""
        if self._sizes is None:
            points, pairs = self._tables[0]
            self._sizes = {}
            for at in range(len(points) - 1):
                number = self._asns[pairs[at]]
                self._sizes[number] = self._sizes.get(number, 0) + points[at + 1] - points[at]
        return self._sizes.get(asn, 0)

    def name(self, asn: int) -> str | None:
        """What a network calls itself."""
        at = bisect_left(self._numbers, asn)
        if at == len(self._numbers) or self._numbers[at] != asn:
            return None
        return self._names.split(b"\n", at + 1)[at].decode()
