"""Patience with other people's servers. One that sends a byte now and then holds nobody for ever: a whole answer has a deadline."""

from __future__ import annotations

import io
import socket
import time
from typing import Any

_TOO_LONG = "it took too long"


def left(deadline: float) -> float:
    """Seconds until a monotonic time. Raises TimeoutError when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError(_TOO_LONG)
    return seconds


class Patient(io.RawIOBase):
    """What comes over a channel until a deadline, and not without end."""

    def __init__(self, channel: socket.socket, deadline: float, most: int) -> None:
        """`deadline` is a monotonic time, `most` in bytes."""
        self._channel = channel
        self.renew(deadline, most)

    def renew(self, deadline: float, most: int) -> None:
        """For the next answer."""
        self._deadline, self._room = deadline, most

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As RawIOBase; who set the channel not to wait does not wait here either. Raises OSError where it is too much."""
        usual = self._channel.gettimeout()
        if usual != 0:
            self._channel.settimeout(left(self._deadline))
        try:
            count = self._channel.recv_into(buffer)
        except BlockingIOError:
            return None
        except TimeoutError:
            raise TimeoutError(_TOO_LONG) from None
        finally:
            self._channel.settimeout(usual)
        self._room -= count
        if self._room < 0:
            raise OSError("the answer is too large")
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """As a socket does, for HTTPResponse."""
        return io.BufferedReader(self)
