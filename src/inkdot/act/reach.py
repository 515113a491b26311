"""Reaches out to addresses that a user named, without being led where he could not go himself.

The name is resolved once, every answer must be a public unicast address (or of a network that the settings allow), and the
connection goes to the address that was judged: a second answer of the name server changes nothing. Redirects are not
followed, answers are not shown (but to a program that fetches one, whole and bounded), and one deadline covers it all.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from inkdot.act.channels import Undelivered
from inkdot.patience import Patient, left

SECONDS = 15.0
"""For everything: connecting, sending, and the head of the answer."""
_HEAD_BYTES = 16_384
_MOST_FETCHED = 1_000_000
_MOST_ADDRESSES = 4
_PORTS = (80, 443)
_FIRST_HIGH_PORT = 1_024
_REFUSED = "The address is not public; inkdot.toml can allow networks of your own with private_networks."
_EMBEDDING = [
    ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "::/96", "fec0::/10")
]
"""IPv6 that carries an IPv4 address somewhere else (NAT64, Teredo, 6to4), and relics."""

Said = TypeVar("Said")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r\n|$)")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


class Answer(NamedTuple):
    """What the other side said."""

    status: int
    retry_after: int | None
    """Seconds."""


def resolved(host: str, port: int) -> Sequence[str]:
    """All addresses of a name; raises Undelivered."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Undelivered("The name has no address.") from error
    return [str(item[4][0]) for item in found]


class Reach:
    """Posts to web addresses. `private`: networks that may be reached though they are not public."""

    def __init__(self, private: Sequence[Network] = (), resolve: Resolve = resolved, seconds: float = SECONDS) -> None:
        self._private, self._resolve, self._seconds = tuple(private), resolve, seconds

    def allowing_loopback(self) -> Reach:
        """The same, for a receiver on this machine that the user himself has just started."""
        loopback = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
        return Reach((*self._private, *loopback), self._resolve, self._seconds)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST; any answer is returned. Raises Undelivered where there is none."""
        return self._ask("POST", url, body, headers, _read)

    def fetch(self, url: str, headers: Mapping[str, str], form: bytes | None = None) -> tuple[int, bytes]:
        """Status and body (1 MB at most) of a GET, or of a POST where there is a form. Raises Undelivered."""
        return self._ask("GET" if form is None else "POST", url, form or b"", headers, _read_whole)

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        read: Callable[[socket.socket, float], Said],
    ) -> Said:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
        except (ValueError, KeyError):
            raise Undelivered("This is no web address that can be reached.", permanent=True) from None
        if not host or parts.username is not None or _UNSAFE.search(url) or not url.isascii():
            raise Undelivered("This is no web address that can be reached.", permanent=True)
        deadline = time.monotonic() + self._seconds
        addresses = self._judged(host, port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", *(f"{n}: {v}" for n, v in headers.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""])
        try:
            request = head.encode("latin-1") + body
            with _connected(addresses, port, deadline) as plain:
                channel: socket.socket = plain
                if parts.scheme == "https":
                    channel = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
                try:
                    channel.settimeout(left(deadline))
                    channel.sendall(request)
                    return read(channel, deadline)
                finally:
                    channel.close()
        except (OSError, ssl.SSLError, ValueError, http.client.HTTPException) as error:
            said = isinstance(error, OSError) and (error.strerror or str(error))
            reason = said or type(error).__name__
            raise Undelivered(f"No answer: {reason}.") from error

    def _judged(self, host: str, port: int) -> Sequence[str]:
        addresses = self._resolve(host, port)
        for text in addresses:
            if not self._may(ipaddress.ip_address(text.partition("%")[0]), port):
                raise Undelivered(_REFUSED, permanent=True)
        if not addresses:
            raise Undelivered("The name has no address.")
        return list(dict.fromkeys(addresses))[:_MOST_ADDRESSES]

    def _may(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in self._private if network.version == address.version):
            return True
        if not address.is_global or address.is_multicast or address.is_reserved:
            return False
        embeds = address.version == 6 and any(address in network for network in _EMBEDDING)
        return not embeds and (port in _PORTS or port >= _FIRST_HIGH_PORT)


def _connected(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first of the judged addresses that takes one: many hosts have an IPv6 address that leads nowhere."""
    for tried, address in enumerate(addresses[:-1]):
        try:
            return socket.create_connection((address, port), timeout=left(deadline) / (len(addresses) - tried))
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=left(deadline))


def _read(channel: socket.socket, deadline: float) -> Answer:
    """The head of the answer; the rest is not wanted."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_BYTES:
        channel.settimeout(left(deadline))
        part = channel.recv(4_096)
        if not part:
            break
        head += part
    found = _STATUS.match(head)
    if not found:
        raise Undelivered("What answers there does not speak HTTP.")
    wait = re.search(rb"(?im)^retry-after:[ \t]*(\d{1,6})[ \t]*\r?$", head)
    return Answer(int(found[1]), int(wait[1]) if wait else None)


def _read_whole(channel: socket.socket, deadline: float) -> tuple[int, bytes]:
    patient = Patient(channel, deadline, _HEAD_BYTES + _MOST_FETCHED)
    response = http.client.HTTPResponse(cast("socket.socket", patient))
    response.begin()
    return response.status, response.read()
