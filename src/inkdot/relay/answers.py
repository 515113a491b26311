"""What a mail in the mailbox tells about one of ours: a person's reply, a mail server's report, or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import NamedTuple

_ID = re.compile(r"<[^<>\s]{3,990}>")
_AUTOMATIC = re.compile(
    r"(?i)^\s*(auto(matic)?[ -]?(reply|response|matische antwort)|automatisch|out of (the )?office|abwesen|r[eé]ponse automatique"
    r"|absence|risposta automatica|respuesta autom|fuera de la oficina|ooo\b|undeliver|delivery status|mail delivery|read:|gelesen:)"
)
_AGENTS = ("user-agent", "x-mailer", "x-newsreader")
_ROBOTS = re.compile(r"(?i)^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)[@+-]")


class Reply(NamedTuple):
    """A person wrote this, and it names other mails."""

    sender: str
    """The address in From, lower case."""
    answered: str | None
    """The Message-ID it answers."""
    named: tuple[str, ...]
    """Those of the thread before, nearest first."""
    id: str | None
    agent: str | None
    date: float | None
    """Unix seconds, as the mail claims."""


class Failed(NamedTuple):
    """One recipient that a mail server could not deliver to."""

    recipient: str
    code: str
    text: str


class Bounce(NamedTuple):
    """A report about a mail of ours."""

    original: str
    """Its Message-ID."""
    failed: tuple[Failed, ...]


def reply_in(heads: Message) -> Reply | None:
    """A reply, told by its header lines; None for machines' answers and for mails that answer nothing."""
    answered = _ID.findall(_text(heads, "in-reply-to"))
    named = _ID.findall(_text(heads, "references"))
    senders = [address.lower() for _, address in getaddresses([_text(heads, "from")]) if "@" in address]
    if not (answered or named) or not senders or _automatic(heads, senders[0]):
        return None
    own = _ID.search(_text(heads, "message-id"))
    agent = next((_text(heads, name) for name in _AGENTS if heads.get(name)), None)
    first = answered[0] if answered else named[-1]
    earlier = tuple(dict.fromkeys(i for i in reversed(named) if i != first))
    return Reply(senders[0], first, earlier, own[0] if own else None, agent and agent.strip()[:200], _date(heads))


def may_report(heads: Message) -> bool:
    """The whole mail is worth a look: it may be a report about a mail that was not delivered."""
    return heads.get_content_type() == "multipart/report" or heads.get("x-failed-recipients") is not None


def bounce_in(mail: Message) -> Bounce | None:
    """The report in a whole mail (RFC 3464, or Exim's X-Failed-Recipients); None if it reports no failure."""
    original = _original(mail)
    failed = tuple(dict.fromkeys(_failures(mail)))
    if not failed and (listed := _text(mail, "x-failed-recipients")):
        failed = tuple(
            Failed(a.lower(), "5.0.0", "the mail server's report says no more") for _, a in getaddresses([listed])
        )
    return Bounce(original, failed) if original and failed else None


def _automatic(heads: Message, sender: str) -> bool:
    """RFC 3834's signs of a machine, and what programs did before it."""
    if _text(heads, "auto-submitted").strip().lower() not in ("", "no"):
        return True
    if _text(heads, "precedence").strip().lower() in ("bulk", "junk", "auto_reply", "list"):
        return True
    named = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-auto-reply", "list-id", "feedback-id")
    if any(heads.get(name) is not None for name in named) or _text(heads, "return-path").strip() == "<>":
        return True
    report = heads.get_content_type() == "multipart/report"
    return report or bool(_ROBOTS.match(sender)) or bool(_AUTOMATIC.match(_text(heads, "subject")))


def _failures(mail: Message) -> Iterator[Failed]:
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        groups = part.get_payload()
        for group in groups if isinstance(groups, list) else []:
            if not isinstance(group, Message) or _text(group, "action").strip().lower() != "failed":
                continue
            recipient = _text(group, "original-recipient") or _text(group, "final-recipient")
            diagnostic = re.sub(r"\s+", " ", _text(group, "diagnostic-code").partition(";")[2]).strip()
            yield Failed(
                recipient.partition(";")[2].strip().strip("<>").lower(),
                _text(group, "status").strip(),
                diagnostic[:500],
            )


def _original(mail: Message) -> str | None:
    """The Message-ID of the mail that a report is about."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            found = (
                _ID.search(_text(inner[0], "message-id"))
                if isinstance(inner, list) and isinstance(inner[0], Message)
                else None
            )
        elif kind == "text/rfc822-headers" or (kind == "text/plain" and mail.get("x-failed-recipients")):
            payload = part.get_payload(decode=True)
            text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
            line = re.search(r"(?im)^message-id:\s*(<[^<>\s]+>)", text)
            found = _ID.search(line[1]) if line else None
        else:
            continue
        if found:
            return found[0]
    return None


def _date(heads: Message) -> float | None:
    try:
        return parsedate_to_datetime(_text(heads, "date")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _text(heads: Message, name: str) -> str:
    value = heads.get(name)
    return "" if value is None else str(value)
