"""An upstream's side of a connection: smtplib, with a deadline for each whole answer."""

from __future__ import annotations

import io
import smtplib
import time
from typing import Any

from inkdot.patience import Patient

_MOST_BYTES = 1 << 16


class Server(smtplib.SMTP):
    """Answers wholly within some seconds, or is given up."""

    def __init__(self, host: str, port: int, name: str, seconds: float, **more: Any) -> None:
        """Connected and greeted. `seconds` are for each answer, `name` is what we call ourselves."""
        self.seconds = seconds
        self._patient: Patient | None = None
        super().__init__(host, port, name, timeout=seconds, **more)

    def getreply(self, times: int = 1) -> tuple[int, bytes]:
        """As smtplib's; `times` as long where much is to be done first."""
        deadline = time.monotonic() + times * self.seconds
        if self.file is None or self._patient is None:  # a new connection, or TLS from here on
            assert self.sock
            self._patient = Patient(self.sock, deadline, _MOST_BYTES)
            self.file = io.BufferedReader(self._patient)
        self._patient.renew(deadline, _MOST_BYTES)
        return super().getreply()


class TlsServer(Server, smtplib.SMTP_SSL):
    """The same, in TLS from the first byte on."""
