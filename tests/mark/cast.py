"""The fixed cast of the marking tests: Ada sends, Ben and Cleo read, and one mint with fixed keys."""

from __future__ import annotations

import email
import re

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId
from inkdot.domain.token import Keyring
from inkdot.mark.mail import Copy, read_mail
from inkdot.mark.mint import Mint

BEN, CLEO = Address("ben@example.com"), Address("cleo@example.com")
KEYRING = Keyring.fresh(lambda n: bytes(range(n)))
MINT = Mint("https://t.example.com", KEYRING)
DOT = re.compile(
    rb'<img(?: |\r?\n)src="https://[^"]+/o/[\w-]+\.gif"\r?\nwidth="1" height="1" alt="" style="border:0"(?:\r?\n)?>'
)


def marked(source: bytes, to: Address = BEN, mode: Mode = Mode.INDIVIDUAL, mint: Mint = MINT) -> Copy:
    return read_mail(source, mint).copy_for(to, MessageId(5), 1_700_000_000, mode)


def cleaned(source: bytes, mint: Mint = MINT) -> bytes:
    return read_mail(source, mint).cleaned()


def mail(html: bytes, headers: bytes = b"", charset: bytes = b"utf-8", encoding: bytes = b"8bit") -> bytes:
    return (
        b"From: Ada <ada@example.com>\r\nSubject: The quote\r\n"
        + headers
        + b"Content-Type: text/html; charset="
        + charset
        + b"\r\nContent-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + html
    )


def texts(content: bytes) -> list[bytes]:
    """Every decoded leaf of a mail, by the standard library."""
    found = []
    for part in email.message_from_bytes(content).walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found.append(payload)
    return found
