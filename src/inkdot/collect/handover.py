"""Hands requests over to another process behind the street, and its answers back, without looking into either.

The street has judged the head already. Here the lines that belong to one hop are left out, the client's address is put in,
and one request goes over a unix socket; the answer comes back as it is made, as fast as the client takes it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Protocol, cast

_HEAD_END = b"\r\n\r\n"
_MOST_HEAD_BYTES = 65_536
_MOST_AT_ONCE, _MOST_PER_ADDRESS = 256, 64
_FIRST_BYTE_SECONDS, _STALLED_SECONDS = 60.0, 30.0
_HOP = re.compile(
    rb"(?im)^(?:connection|keep-alive|proxy-[\w-]+|te|trailer|transfer-encoding|upgrade|expect|content-length|x-inkdot-[\w-]+)"
    rb"[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*"
)
_HOP_BACK = re.compile(rb"(?im)^(?:connection|keep-alive)[ \t]*:[^\n]*\n")
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?$")
_BODILESS = re.compile(rb"HTTP/1\.1 (?:1\d\d|204|304) ")
_STATUS = re.compile(rb"HTTP/1\.1 [2-5]\d\d ")


class Client(Protocol):
    """Who asked: a connection of the street."""

    peer: bytes

    @property
    def last(self) -> bool:
        """Nothing more is wanted after this answer."""

    def pass_on(self, data: bytes) -> bool:
        """Send part of an answer; False if the client takes no more just now."""

    def passed_on(self) -> None:
        """The whole answer was passed on."""

    def fall(self) -> None:
        """The answer broke off: close."""

    def refuse(self, status: int, text: str) -> None:
        """Answer with a sentence instead."""


class Handover:
    """Hands over what begins with one of the prefixes."""

    def __init__(
        self, path: str, prefixes: tuple[bytes, ...], client: Callable[[bytes, Sequence[bytes]], bytes]
    ) -> None:
        """`path` of the unix socket; `client` gives the client's address from the peer's and what proxies put in."""
        self._path, self._prefixes, self._address_of = path, prefixes, client
        self._errands: set[Errand] = set()
        self._by_address: dict[bytes, int] = {}

    def takes(self, target: bytes) -> bool:
        """True if requests for this target go elsewhere."""
        return target.startswith(self._prefixes)

    def begin(self, client: Client, head: bytes, hops: Sequence[bytes], body: bytes) -> Errand | None:
        """Hand over one request; the client gets exactly one answer, and not at once. None if it is refused."""
        address = self._address_of(client.peer, hops)
        if len(self._errands) >= _MOST_AT_ONCE or self._by_address.get(address, 0) >= _MOST_PER_ADDRESS:
            text = "Too much is being read at once; try again in a moment."
            asyncio.get_running_loop().call_soon(client.refuse, 503, text)
            return None
        request, bodiless = request_for(head, body, address), head.startswith(b"HEAD ")
        errand = Errand(client, request, bodiless, lambda: self._ended(errand, address))
        self._errands.add(errand)
        self._by_address[address] = self._by_address.get(address, 0) + 1
        errand.go(self._path)
        return errand

    def sweep(self, now: float) -> None:
        """Give up on what has stalled; `now` by the loop's clock."""
        for errand in [e for e in self._errands if e.stalled(now)]:
            errand.give_up(504, "This takes too long; try again in a moment.")

    def _ended(self, errand: Errand, address: bytes) -> None:
        self._errands.discard(errand)
        left = self._by_address.get(address, 1) - 1
        if left:
            self._by_address[address] = left
        else:
            self._by_address.pop(address, None)


def request_for(head: bytes, body: bytes, address: bytes) -> bytes:
    """The request as it is handed over."""
    end = head.index(b"\n") + 1
    lines = _HOP.sub(b"", head[end:-2])
    own = b"Connection: close\r\nX-Inkdot-Client: %s\r\n" % address.hex().encode()
    if body or not head.startswith((b"GET ", b"HEAD ")):
        own += b"Content-Length: %d\r\n" % len(body)
    return head[:end].replace(b" HTTP/1.0", b" HTTP/1.1") + lines + own + b"\r\n" + body


class Errand(asyncio.Protocol):
    """One request on its way there and back."""

    def __init__(self, client: Client, request: bytes, bodiless: bool, ended: Callable[[], None]) -> None:
        self._client, self._request, self._bodiless, self._ended = client, request, bodiless, ended
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = -1
        """Bytes of the body still to come; -1 before the head is whole."""
        self._since = self._loop.time()
        self._over = False

    def go(self, path: str) -> None:
        """Set out."""
        self._task = self._loop.create_task(self._connect(path))

    async def _connect(self, path: str) -> None:
        try:
            await self._loop.create_unix_connection(lambda: self, path)
        except OSError:
            self.give_up(503, "The reading room is being opened; try again in a moment.")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast(asyncio.Transport, transport)
        if self._over:
            self._transport.abort()
        else:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Pass the answer on."""
        if self._over:
            return
        self._since = self._loop.time()
        head = b""
        if self._left < 0:
            self._head += data
            end = self._head.find(_HEAD_END) + 4
            if end < 4 and len(self._head) <= _MOST_HEAD_BYTES:
                return
            length = self._length(self._head[:end])
            if length is None:
                self.give_up(502, "The reading room gave no proper answer.")
                return
            head, data, self._left = self._for_client(self._head[:end]), self._head[end:], length
        data = data[: self._left]
        self._left -= len(data)
        if not self._client.pass_on(head + data) and self._transport:
            self._transport.pause_reading()
        if not self._left:
            self._finish()
            self._client.passed_on()

    def _length(self, head: bytes) -> int | None:
        """How long the body is; None if this is no proper head of an answer."""
        if not _STATUS.match(head):
            return None
        if self._bodiless or _BODILESS.match(head):
            return 0
        found = _LENGTH.findall(head)
        return int(found[0]) if len(found) == 1 else None

    def _for_client(self, head: bytes) -> bytes:
        first = head.index(b"\n") + 1
        close = b"Connection: close\r\n" if self._client.last else b""
        return head[:first] + close + _HOP_BACK.sub(b"", head[first:])

    def go_on(self) -> None:
        """The client takes more."""
        self._since = self._loop.time()
        if self._transport and not self._over:
            self._transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        """The other side went away; before the end of an answer that is its fault."""
        if not self._over:
            self.give_up(502, "The reading room broke off; try again in a moment.")

    def stalled(self, now: float) -> bool:
        """True if nothing has moved for too long."""
        return now - self._since > (_FIRST_BYTE_SECONDS if self._left < 0 else _STALLED_SECONDS)

    def give_up(self, status: int, text: str) -> None:
        """End without the answer: a sentence if nothing was sent yet, else the connection falls."""
        begun = self._left >= 0
        self._finish()
        if begun:
            self._client.fall()
        else:
            self._client.refuse(status, text)

    def abandon(self) -> None:
        """The client has gone."""
        self._finish()

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._ended()
            if self._transport:
                self._transport.abort()
