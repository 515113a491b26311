"""Hand marked copies to an outgoing mail server."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from inkdot.domain.errors import Failure, UsageError
from inkdot.mark.mail import Copy

_SECONDS = 30


class Outgoing:
    """An outgoing server given as smtp://user:password@host:port or smtps://..."""

    def __init__(self, url: str, password: str | None) -> None:
        """Raises UsageError."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == -1:
            raise UsageError("--smtp is no mail server; write it like smtp://user@mail.example.com:587.")
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, port or (465 if self._tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = password or (unquote(parts.password) if parts.password else None)

    def deliver(self, sender: str, copies: Iterable[Copy]) -> list[tuple[str, str | None]]:
        """(address, None or what the server said) per copy. Raises Failure where the server cannot be used at all."""
        try:
            with self._connect() as server:
                return [(copy.to, _send(server, sender, copy)) for copy in copies]
        except (OSError, smtplib.SMTPException) as error:
            raise Failure(f"The mail server {self._host}:{self._port} cannot be used: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        server: smtplib.SMTP
        if self._tls:
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=_SECONDS)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls()
                server.ehlo()
        if self._user:
            server.login(self._user, self._password or "")
        return server


def _send(server: smtplib.SMTP, sender: str, copy: Copy) -> str | None:
    try:
        server.sendmail(sender, [copy.to], copy.content)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients[copy.to]
        return f"refused: {code} {text.decode('utf-8', 'replace')}"
    except smtplib.SMTPResponseException as error:
        return f"refused: {error.smtp_code} {error.smtp_error!r}"
    return None
