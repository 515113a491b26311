"""Which network an address belongs to, from our own table of the few that decide who acted."""

from __future__ import annotations

import ipaddress
from importlib.resources import files
from typing import NamedTuple

_MAPPED = bytes(10) + b"\xff\xff"
_MOST_REMEMBERED = 100_000


class Network(NamedTuple):
    """What is known of an address; equal networks are one object."""

    tags: tuple[str, ...] = ()
    asn: int | None = None


NOWHERE = Network(("no_address",))
ELSEWHERE = Network()


class Networks:
    """Longest prefix first; each distinct address is looked up once."""

    def __init__(self, text: str | None = None) -> None:
        """`text`: lines of prefix, tag, ASN; the table that comes with Inkdot if not given."""
        if text is None:
            text = files("inkdot.understand").joinpath("data", "networks.txt").read_text()
        self._by_length: dict[int, dict[int, Network]] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self._add(*line.split())
        self._lengths = sorted(self._by_length, reverse=True)
        self._remembered: dict[bytes, Network] = {}

    def _add(self, prefix: str, tag: str, asn: str) -> None:
        network = ipaddress.ip_network(prefix)
        start, length = network.network_address.packed, network.prefixlen
        if network.version == 4:
            start, length = _MAPPED + start, length + 96
        known = Network((tag,), None if asn == "-" else int(asn))
        self._by_length.setdefault(length, {})[int.from_bytes(start, "big") >> (128 - length)] = known

    def of(self, address: bytes) -> Network:
        """The network of 16 address bytes; NOWHERE for none, ELSEWHERE for the rest of the world."""
        known = self._remembered.get(address)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[address] = self._find(address)
        return known

    def _find(self, address: bytes) -> Network:
        if len(address) != 16:
            return NOWHERE
        number = int.from_bytes(address, "big")
        for length in self._lengths:
            found = self._by_length[length].get(number >> (128 - length))
            if found is not None:
                return found
        return ELSEWHERE


def packed(text: object) -> bytes:
    """An address in text as 16 bytes; empty for anything that is none."""
    try:
        ip = ipaddress.ip_address(str(text).strip())
    except ValueError:
        return b""
    return _MAPPED + ip.packed if ip.version == 4 else ip.packed
