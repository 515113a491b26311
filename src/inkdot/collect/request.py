"""From a request's head to what may be written down: whose address, which header lines, whether privacy was asked for."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import NamedTuple

from inkdot.domain.own_browser import line_for
from inkdot.domain.token import Keyring

_LEFT_OUT = re.compile(
    rb"(?im)^(?:cookie|authorization|proxy-authorization|x-forwarded-for|forwarded|x-real-ip|inkdot-self|content-length)[ \t]*:[^\n]*\n"
)
"""Lines that are private, our own, or say nothing of the client."""
_SIGNAL = re.compile(rb"(?im)^(?:sec-gpc|dnt)[ \t]*:[ \t]*1[ \t]*\r?$")
_BODY = re.compile(rb"(?im)^(?:content-length[ \t]*:(?![ \t]*0+[ \t]*\r?$)|transfer-encoding[ \t]*:)")
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$")
_MOST_JUDGED = 2_000  # blocks of up to 16 kB: at worst 32 MB, typically 1 MB
_FORWARDED_FOR = re.compile(rb"(?im)^x-forwarded-for[ \t]*:([^\r\n]*)")
_FORWARDED = re.compile(rb"(?im)^forwarded[ \t]*:([^\r\n]*)")
_FOR = re.compile(rb"(?i)for=\"?([^\";,\s]+)")
_MAPPED = bytes(10) + b"\xff\xff"
_UNKNOWN = bytes(16)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def packed(text: str) -> bytes | None:
    """An address as 16 bytes, IPv4 mapped into IPv6; None if it is none."""
    try:
        return _MAPPED + socket.inet_pton(socket.AF_INET, text)
    except OSError:
        pass
    try:
        return socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except OSError:
        return None


class Lines(NamedTuple):
    """What a block of header lines says about itself."""

    kept: bytes
    """The lines that may be written down: no credentials, no addresses, no more than the limit."""
    privacy: bool
    """Global Privacy Control or Do Not Track is on."""
    body: bool
    """A body is announced."""
    length: int | None
    """How long it is; None if it does not say (chunked). The parser has refused contradictions."""
    hops: tuple[bytes, ...]
    """Addresses that proxies put in, leftmost first, unchecked."""


def _body_length(head: bytes) -> int | None:
    found = _LENGTH.search(head)
    return int(found[1]) if found else None


class Judge:
    """Judges header lines, each distinct block once: programs send the same ones again and again."""

    def __init__(self, most_bytes: int, keyring: Keyring) -> None:
        self._most, self._keyring = most_bytes, keyring
        self._judged: dict[bytes, Lines] = {}

    def __call__(self, lines: bytes) -> Lines:
        """What `lines`, verbatim from the request, say about themselves."""
        known = self._judged.get(lines)
        if known is None:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            known = self._judged[lines] = self._judge(lines)
        return known

    def _judge(self, lines: bytes) -> Lines:
        kept = _LEFT_OUT.sub(b"", lines)
        if len(kept) > self._most:
            kept = kept[: kept.rfind(b"\n", 0, self._most) + 1]
        kept += line_for(self._keyring, lines)
        hops = [h.strip() for m in _FORWARDED_FOR.findall(lines) for h in m.split(b",")]
        if not hops:
            hops = [f for m in _FORWARDED.findall(lines) for f in _FOR.findall(m)]
        return Lines(
            kept, _SIGNAL.search(lines) is not None, _BODY.search(lines) is not None, _body_length(lines), tuple(hops)
        )


class Proxies:
    """The reverse proxies whose word about the client's address is believed."""

    def __init__(self, trusted: Sequence[str] = (), keep: str = "full") -> None:
        """`trusted`: networks like 10.0.0.0/8, raises ValueError; `keep`: how much of addresses may be: full, cut, none."""
        self._keep = keep
        self._networks = [ipaddress.ip_network(t, strict=False) for t in trusted]
        self._judged: dict[bytes, bool] = {}

    def trusts(self, address: bytes) -> bool:
        """True if `address` (16 bytes) is one of ours."""
        if not self._networks:
            return False
        known = self._judged.get(address)
        if known is None:
            if len(self._judged) > 10_000:
                self._judged.clear()
            known = self._judged[address] = self._inside(address)
        return known

    def _inside(self, address: bytes) -> bool:
        ip = ipaddress.IPv6Address(address)
        return any((ip.ipv4_mapped or ip) in n for n in self._networks)

    def client(self, peer: bytes, hops: Sequence[bytes]) -> bytes:
        """The client's address: walking right to left, the first hop that is no proxy of ours; garbage ends the walk."""
        client = peer
        for hop in reversed(hops) if hops else ():
            if not self.trusts(client):
                break
            address = _hop_address(hop)
            if address is None:
                break
            client = address
        return self.kept(client)

    def kept(self, client: bytes) -> bytes:
        """What may be written down of an address."""
        return client if self._keep == "full" else cut(client) if self._keep == "cut" else _UNKNOWN


def is_this_machine(address: bytes) -> bool:
    """True for loopback addresses."""
    return address[:13] == _MAPPED + b"\x7f" or address == bytes(15) + b"\x01"


def cut(address: bytes) -> bytes:
    """The network alone: /24 of IPv4, /48 of IPv6."""
    return address[:15] + b"\0" if address.startswith(_MAPPED) else address[:6] + bytes(10)


def _hop_address(hop: bytes) -> bytes | None:
    """`1.2.3.4`, `1.2.3.4:5`, `[2001:db8::1]:5`, `2001:db8::1` -> 16 bytes."""
    text = hop.decode("latin-1")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return packed(text)
