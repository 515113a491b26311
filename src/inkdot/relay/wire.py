"""The wire: a mail program's bytes as whole lines and a body. It knows no SMTP beyond where things end.

Only CRLF ends a line and only CRLF.CRLF a body. A bare CR, a bare LF or a NUL anywhere is `Malformed`: what two servers
read differently is how a second mail is smuggled behind a first one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

MAX_COMMAND = 2_048
"""Bytes of a command; RFC 5321 asks for 512, AUTH and SMTPUTF8 for more."""
MAX_TEXT_LINE = 1 << 20
_HIGH = 1 << 17
_LINGER_SECONDS = 30.0
"""How long a client has for what was written when we hang up."""
_END = b"\r\n.\r\n"


class Gone(Exception):
    """The client has hung up."""


class TooSlow(Exception):
    """The client was silent for too long."""


class TooLong(Exception):
    """A line has no end."""


class Malformed(Exception):
    """A bare CR, a bare LF or a NUL."""


class Wire(asyncio.Protocol):
    """One connection. A session awaits lines and bodies; flow control keeps what is unread small."""

    transport: asyncio.Transport

    def __init__(self, connected: Callable[[Wire], None]) -> None:
        """`connected` is called once the connection stands."""
        self._connected = connected
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._gone = self._paused = False
        self._room = asyncio.Event()
        self._room.set()
        self._linger: asyncio.TimerHandle | None = None
        self.peer = ""
        """The client's address."""
        self.secure = False
        """TLS is on."""

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = transport  # type: ignore[assignment]
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else ""
        self._connected(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came; a full buffer stops the flow until a session has read some."""
        self._buffer += data
        if len(self._buffer) > _HIGH and not self._paused and not self._gone:
            self._paused = True
            self.transport.pause_reading()
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client is gone, or we are."""
        self._gone = True
        self._arrived.set()
        self._room.set()
        if self._linger:
            self._linger.cancel()

    def pause_writing(self) -> None:
        """The client does not read what we answer."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It has read some."""
        self._room.set()

    # -- what a session awaits

    async def line(self, seconds: float) -> bytes:
        """The next command without its CRLF. Raises Gone, TooSlow, TooLong, Malformed."""
        try:
            async with asyncio.timeout(seconds):
                while (end := self._buffer.find(b"\n")) < 0:
                    if len(self._buffer) > MAX_COMMAND:
                        raise TooLong
                    await self._more()
        except TimeoutError:
            raise TooSlow from None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if _broken(line):
            raise Malformed
        if len(line) > MAX_COMMAND:
            raise TooLong
        return line[:-2]

    async def body(self, take: Callable[[bytes], None], seconds: float) -> None:
        """Hand the body over in pieces of whole lines, dots unstuffed; `seconds` of silence are too many.

        Raises Gone, TooSlow, TooLong; Malformed once the end has come.
        """
        malformed = False
        # The buffer always begins with the line end before what is not yet handed over; before the first line, a made-up one.
        self._buffer[:0] = b"\r\n"
        while True:
            found = self._buffer.find(_END)
            end = found if found >= 0 else self._buffer.rfind(b"\r\n")
            if end > 0:
                lines = bytes(self._buffer[:end])
                malformed = malformed or _broken(lines)
                if not malformed:
                    take(lines.replace(b"\r\n.", b"\r\n")[2:] + b"\r\n")
                del self._buffer[:end]
            if found >= 0:
                del self._buffer[: len(_END)]
                break
            if len(self._buffer) > MAX_TEXT_LINE:
                raise TooLong
            try:
                async with asyncio.timeout(seconds):
                    await self._more()
            except TimeoutError:
                raise TooSlow from None
        if malformed:
            raise Malformed

    async def _more(self) -> None:
        if self._gone:
            raise Gone
        self._arrived.clear()
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        await self._arrived.wait()

    def write(self, reply: bytes) -> None:
        """Send an answer."""
        if not self._gone:
            self.transport.write(reply)

    async def drained(self, seconds: float) -> None:
        """Wait until the client has read most answers, and let others have their turn. Raises Gone, TooSlow."""
        if self._buffer:  # else the session waits for more in a moment
            await asyncio.sleep(0)
        if not self._room.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._room.wait()
            except TimeoutError:
                raise TooSlow from None
        if self._gone:
            raise Gone

    async def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Go on in TLS. What was sent before is forgotten: it could have been put there by anybody. Raises Gone."""
        self._buffer.clear()
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                self.transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except (OSError, ssl.SSLError):
            raise Gone from None
        if secured is None:
            raise Gone
        self.transport = secured
        self.secure = True

    def close(self) -> None:
        """Hang up after what was written, or soon if nobody reads it; at once if nobody has for a while."""
        if self._gone:
            return
        if not self._room.is_set():
            self.transport.abort()
            return
        self.transport.close()
        self._linger = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.transport.abort)


def _broken(lines: bytes) -> bool:
    """A CR or LF without the other, or a NUL."""
    pairs = lines.count(b"\r\n")
    return lines.count(b"\r") != pairs or lines.count(b"\n") != pairs or b"\0" in lines
