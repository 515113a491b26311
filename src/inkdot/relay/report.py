"""The report (RFC 3464) that tells a sender which copies could not be delivered, and why."""

from __future__ import annotations

import re
from email.header import Header
from email.utils import formatdate
from typing import NamedTuple

from inkdot.domain.ids import MESSAGE, to_word
from inkdot.relay.envelope import Envelope
from inkdot.relay.spool import Answer

_STATUS = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")
_MOST_HEADERS, _MOST_SUBJECT = 20_000, 200


class Undelivered(NamedTuple):
    """A recipient without a copy."""

    recipient: str
    answer: Answer
    """The upstream's last."""
    expired: bool
    """We gave up; nobody refused for good."""


def report(
    envelope: Envelope, failed: list[Undelivered], heads: bytes, subject: str | None, now: float, name: str, server: str
) -> bytes:
    """The whole mail. `heads` are the header lines of the mail that could not be delivered; `now` in unix seconds.

    `name` is what we call ourselves, `server` the upstream that was tried.
    """
    subject = _one_line(subject or "")[:_MOST_SUBJECT].strip()
    boundary = f"=_{to_word(MESSAGE, envelope.message)}_report"
    message_id = f"{to_word(MESSAGE, envelope.message)}.{len(failed)}.{round(now)}@{name}"
    charset = None if subject.isascii() else "utf-8"
    title = Header(f"Not delivered: {subject or 'your mail'}", charset, header_name="Subject").encode(linesep="\r\n")
    lines = [
        f"From: Mail delivery <MAILER-DAEMON@{name}>",
        f"To: <{envelope.sender}>",
        f"Subject: {title}",
        f"Date: {formatdate(now)}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *_for_people(failed, subject),
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {name}",
        f"Arrival-Date: {formatdate(envelope.accepted)}",
        "",
    ]
    for one in failed:
        lines += [*_for_programs(one, server), ""]
    lines += [f"--{boundary}", "Content-Type: text/rfc822-headers", "Content-Transfer-Encoding: 8bit", "", ""]
    end = f"\r\n--{boundary}--\r\n".encode()
    if len(heads) > _MOST_HEADERS:
        heads = heads[: heads.rfind(b"\n", 0, _MOST_HEADERS) + 1]
    return "\r\n".join(lines).encode("utf-8", "replace") + heads + end


def _for_people(failed: list[Undelivered], subject: str) -> list[str]:
    about = f'Your mail "{subject}"' if subject else "Your mail"
    lines = [f"{about} could not be delivered to:", ""]
    for recipient, answer, expired in failed:
        why = "given up after trying for days; the last trouble was" if expired else "the mail server said"
        lines += [f"  {recipient}", f"    {why}: {answer.code or ''} {answer.text}".replace(":  ", ": "), ""]
    lines.append("Check the address; the mail itself should still be in your Sent folder.")
    return lines


def _for_programs(one: Undelivered, server: str) -> list[str]:
    """In ASCII, as this part has to be; other characters as RFC 6533 writes them."""
    status = _STATUS.match(one.answer.text)
    fallback = "4.4.7" if one.expired else "5.0.0"
    # Without a code no server said anything, so the words are ours.
    said = [f"Remote-MTA: dns; {server}"] if one.answer.code else []
    by = f"smtp; {one.answer.code}" if one.answer.code else "x-inkdot;"
    return [
        f"Final-Recipient: {'rfc822' if one.recipient.isascii() else 'utf-8'}; {_ascii(one.recipient)}",
        "Action: failed",
        f"Status: {status[1] if status and not one.expired else fallback}",
        *said,
        f"Diagnostic-Code: {by} {_ascii(one.answer.text)}",
    ]


def _ascii(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", lambda m: f"\\x{{{ord(m[0]):X}}}", text)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)
