"""What is known of an address: the country, the network, and tags of what kind of network it is.

Tags of prefixes (data/networks.txt) come before tags of whole networks (data/asns.txt) and before lists that an operator
loads, because VPN and hosting lists also hold the proxies of Apple, Google and Microsoft.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from inkdot.domain.evidence import City
from inkdot.understand.geo import Geo

_MAPPED = bytes(10) + b"\xff\xff"
_MOST_REMEMBERED = 100_000


class Network(NamedTuple):
    """What is known of an address; equal networks are one object."""

    tags: tuple[str, ...] = ()
    asn: int | None = None
    country: str | None = None
    city: City | None = None


NOWHERE = Network(("no_address",))
Cities = Callable[[bytes], City | None]
"""Looks an address of 16 bytes up in a city database."""


@cache
def shipped_geo() -> Geo:
    """The table that comes with Inkdot, read when the first address is looked up (0.3 s)."""
    return Geo()


def _lines(name: str) -> Iterable[str]:
    text = files("inkdot.understand").joinpath("data", name).read_text()
    return (line for line in text.splitlines() if line and not line.startswith("#"))


class Networks:
    """Each distinct address is looked up once."""

    def __init__(
        self, geo: Geo | None = None, cities: Cities | None = None, lists: Iterable[str] = (), date: str | None = None
    ) -> None:
        """`lists`: further lines of prefix and tag, ValueError if one cannot be read; `date`: the day of the city data."""
        self._geo, self._cities, self._date = geo, cities, date
        self._decisive = _Prefixes(_lines("networks.txt"))
        self._listed = _Prefixes(lists)
        self._by_asn: dict[int, str] = {}
        for line in _lines("asns.txt"):
            tag, _, numbers = line.partition(":")
            for number in map(int, numbers.split()):
                self._by_asn[number] = f"{self._by_asn[number]} {tag}" if number in self._by_asn else tag
        self._shared: dict[Network, Network] = {NOWHERE: NOWHERE}
        self._remembered: dict[bytes, Network] = {}

    @property
    def geo(self) -> Geo:
        """The table of countries and networks."""
        return self._geo or shipped_geo()

    @property
    def date(self) -> str:
        """The day of the geographic data, as 2026-06-17."""
        return self._date or self.geo.date

    def tags_of(self, asn: int) -> tuple[str, ...]:
        """What kind of network a whole network is."""
        return tuple(self._by_asn.get(asn, "").split())

    def of(self, address: bytes) -> Network:
        """What is known of 16 bytes of address; NOWHERE for none."""
        known = self._remembered.get(address)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[address] = self.same(self._find(address))
        return known

    def same(self, network: Network) -> Network:
        """The one object for all that is equal to this."""
        return self._shared.setdefault(network, network)

    def _find(self, address: bytes) -> Network:
        if len(address) != 16:
            return NOWHERE
        tag, stated_asn = self._decisive.of(address)
        if tag == "private":
            return Network((tag,))
        country, asn = self.geo.of(address)
        tags = [tag] if tag else [*self._listed.of(address)[0].split(), *self._by_asn.get(asn or 0, "").split()]
        city = self._cities(address) if self._cities else None
        return Network(tuple(dict.fromkeys(tags)), asn or stated_asn, country or (city.country if city else None), city)


class _Prefixes:
    """Longest prefix first."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._by_length: dict[int, dict[int, tuple[str, int | None]]] = {}
        for line in lines:
            prefix, tag, *asn = line.split()
            network = ipaddress.ip_network(prefix, strict=False)
            start, length = network.network_address.packed, network.prefixlen
            if network.version == 4:
                start, length = _MAPPED + start, length + 96
            known = (tag, int(asn[0]) if asn and asn[0] != "-" else None)
            self._by_length.setdefault(length, {})[int.from_bytes(start, "big") >> (128 - length)] = known
        self._lengths = sorted(self._by_length, reverse=True)

    def of(self, address: bytes) -> tuple[str, int | None]:
        """Tag and stated network of an address, empty and None for most."""
        number = int.from_bytes(address, "big")
        for length in self._lengths:
            found = self._by_length[length].get(number >> (128 - length))
            if found is not None:
                return found
        return "", None


def packed(text: object) -> bytes:
    """An address in text as 16 bytes; empty for anything that is none."""
    try:
        ip = ipaddress.ip_address(str(text).strip().partition("%")[0])
    except ValueError:
        return b""
    return _MAPPED + ip.packed if ip.version == 4 else ip.packed
