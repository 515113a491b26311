"""Django: every mail that your site sends goes out marked.

    EMAIL_BACKEND = "inkdot.django.EmailBackend"
    INKDOT_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # what really sends; this is the default
    INKDOT_URL = "https://t.example.com"
    INKDOT_KEY = "inkdot-key-1..."  # what `inkdot key` prints

Each recipient (to, cc, bcc) gets an own copy with the same visible headers. A mail with the header `X-Inkdot: off` goes out as
it is.
"""

from __future__ import annotations

import email.message
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from inkdot.library import Marker

_REAL = "django.core.mail.backends.smtp.EmailBackend"


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]
    """Marks, then hands over to the backend named in INKDOT_BACKEND."""

    def __init__(self, fail_silently: bool = False, **options: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self._real = get_connection(getattr(settings, "INKDOT_BACKEND", _REAL), fail_silently=fail_silently, **options)
        self._marker = Marker(settings.INKDOT_URL, settings.INKDOT_KEY)

    def open(self) -> bool | None:
        """Open the real backend's connection."""
        opened: bool | None = self._real.open()
        return opened

    def close(self) -> None:
        """Close it."""
        self._real.close()

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        """Send each message to each of its recipients with marks of their own; returns how many messages were sent."""
        return sum(bool(self._send(message)) for message in messages)

    def _send(self, message: EmailMessage) -> int:
        recipients = message.recipients()
        if not recipients:
            return 0
        if str(message.extra_headers.get("X-Inkdot", "")).strip().lower() == "off":
            message.extra_headers = {k: v for k, v in message.extra_headers.items() if k != "X-Inkdot"}
            return self._real.send_messages([message]) or 0
        copies = self._marker.mails(message.message(), list(dict.fromkeys(recipients)))
        ready = [_Ready(message, copy, address) for address, copy in copies.items()]
        return self._real.send_messages(ready) or 0


class _Ready(EmailMessage):  # type: ignore[misc]
    """A copy that is not to be built again."""

    def __init__(self, original: EmailMessage, copy: email.message.Message, address: str) -> None:
        super().__init__(
            subject=original.subject, body=original.body, from_email=original.from_email, to=[address],
            headers=original.extra_headers,
        )  # fmt: skip
        self._copy = copy

    def message(self, *_: Any, **__: Any) -> email.message.Message:
        return self._copy
