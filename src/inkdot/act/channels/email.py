"""A mail through the outgoing server: to the owner, or to the person whom an event is about, if that person agreed."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from inkdot.act.channels import Undelivered

_SECONDS = 30


class Server(NamedTuple):
    """The outgoing server."""

    url: str
    """smtp://user@host:587 or smtps://..."""
    password: str
    sender: str
    """From."""


def deliver(server: Server, to: str, subject: str, text: str, message: str, time: float, unsubscribe: str | None = None) -> str:
    """Send it; the same delivery has the same Message-ID, so that a mail program shows one that came twice once."""
    if not server.url or not server.sender:
        raise Undelivered("No outgoing mail server is set; set upstream and owner in inkdot.toml.")
    mail = EmailMessage()
    mail["From"] = server.sender
    mail["To"] = to
    mail["Subject"] = " ".join(subject.split())[:300]
    mail["Date"] = formatdate(time)
    mail["Message-ID"] = f"<{message}@{server.sender.rpartition('@')[2].strip('>') or 'inkdot.invalid'}>"
    mail["Auto-Submitted"] = "auto-generated"
    if unsubscribe:
        mail["List-Unsubscribe"] = f"<{unsubscribe}>"
        text = f"{text}\n\nNo more of these: {unsubscribe}"
    mail.set_content(text)
    try:
        with _connected(server) as connection:
            connection.send_message(mail, parseaddr(server.sender)[1], [to])
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise Undelivered(f"Refused: {code} {said.decode('utf-8', 'replace')}", permanent=code >= 500) from error
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"The mail server said {error.smtp_code}.", permanent=False) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(f"The mail server cannot be used: {error}") from error
    return "sent"


def _connected(server: Server) -> smtplib.SMTP:
    parts = urlsplit(server.url)
    host = parts.hostname or ""
    connection: smtplib.SMTP
    if parts.scheme == "smtps":
        connection = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=ssl.create_default_context())
    else:
        connection = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
    if parts.username:
        connection.login(unquote(parts.username), server.password or unquote(parts.password or ""))
    return connection
