"""Django: every mail that your site sends goes out marked, and templates can track links.

    EMAIL_BACKEND = "inkdot.django.EmailBackend"
    INKDOT_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # what really sends; this is the default
    INKDOT_URL = "https://t.example.com"
    INKDOT_KEY = "inkdot-key-1..."  # what `inkdot key` prints
    INKDOT_OPTIONS = {"clicks": False}  # if you like: what Marker takes besides

Each recipient (to, cc, bcc) gets an own copy with the same visible headers. A mail with the header `X-Inkdot: off` goes out as
it is, and so does one that cannot be marked: rather unmarked than lost.

With `"libraries": {"inkdot": "inkdot.django"}` among the OPTIONS of TEMPLATES a template says
`{% load inkdot %}<a href="{{ offer_url|tracked:person.email }}">`.
"""

from __future__ import annotations

import copy
import email
import email.message
import logging
from collections.abc import Sequence
from email.generator import BytesGenerator
from email.policy import Policy
from email.utils import parseaddr
from io import BytesIO
from typing import Any

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress
from inkdot.library import Marker

_REAL = "django.core.mail.backends.smtp.EmailBackend"
_log = logging.getLogger("inkdot")
register = template.Library()


def marker() -> Marker:
    """The one of your settings. Raises ImproperlyConfigured."""
    url, key = getattr(settings, "INKDOT_URL", None), getattr(settings, "INKDOT_KEY", None)
    if not url or not key:
        raise ImproperlyConfigured("Inkdot needs INKDOT_URL and INKDOT_KEY; 'inkdot key' prints the key.")
    return Marker(url, key, **getattr(settings, "INKDOT_OPTIONS", {}))


@register.filter  # type: ignore[untyped-decorator]
def tracked(url: str, person: str) -> str:
    """A tracked link for one person, for templates."""
    return marker().link(url, to=person)


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]
    """Marks, then hands over to the backend named in INKDOT_BACKEND."""

    def __init__(self, fail_silently: bool = False, **options: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self._real = get_connection(getattr(settings, "INKDOT_BACKEND", _REAL), fail_silently=fail_silently, **options)
        self._marker = marker()

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
        whole = message.message()
        people = {parseaddr(recipient)[1].lower(): recipient for recipient in reversed(recipients)}
        copies = self._copies(whole, [address for address in reversed(people) if _can_be_marked(address)])
        ready = [_ready(message, copies.get(address, whole), people[address]) for address in reversed(people)]
        return self._real.send_messages(ready) or 0

    def _copies(self, whole: email.message.Message, people: list[str]) -> dict[str, email.message.Message]:
        try:
            copies = self._marker.mails(whole.as_bytes(), people)
            return {address: _built(whole, content) for address, content in copies.items()}
        except Exception:  # noqa: BLE001 - a fault of ours must not keep a mail from leaving
            _log.exception("A mail could not be marked and leaves unmarked.")
            return {}


class _Built(email.message.Message):
    """As Django's own messages before version 6, which are asked for their line ends."""

    def as_bytes(self, unixfrom: bool = False, policy: Policy | None = None, linesep: str = "\n") -> bytes:
        file = BytesIO()
        BytesGenerator(file, mangle_from_=False, policy=policy).flatten(self, unixfrom=unixfrom, linesep=linesep)
        return file.getvalue()


def _built(whole: email.message.Message, content: bytes) -> email.message.Message:
    kind = email.message.EmailMessage if isinstance(whole, email.message.EmailMessage) else _Built
    return email.message_from_bytes(content, _class=kind, policy=whole.policy)


def _can_be_marked(address: str) -> bool:
    try:
        normal_address(address)
    except BadAddress:
        _log.warning("A recipient's address cannot be marked; that copy leaves unmarked.")
        return False
    return True


def _ready(original: EmailMessage, marked: email.message.Message, recipient: str) -> EmailMessage:
    """The message for one recipient: built already, and marked too for backends that build a mail of its parts."""
    ready = copy.copy(original)
    ready.to, ready.cc, ready.bcc = [recipient], [], []
    pages = [part for part in marked.walk() if part.get_content_type() == "text/html" and not part.get_filename()]
    texts = [page.get_payload(decode=True).decode(page.get_content_charset("utf-8"), "replace") for page in pages]  # type: ignore[union-attr]
    if texts and original.content_subtype == "html":
        ready.body = texts.pop(0)
    if getattr(original, "alternatives", None):
        ready.alternatives = [_with(alternative, texts) for alternative in original.alternatives]
    ready.message = lambda *_, **__: marked
    ready.recipients = lambda: [recipient]
    return ready


def _with(alternative: Any, texts: list[str]) -> Any:
    if alternative[1] != "text/html" or not texts:
        return alternative
    return getattr(type(alternative), "_make", tuple)([texts.pop(0), *alternative[1:]])
