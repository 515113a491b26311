"""What a mail in the mailbox tells about one of ours: a person's reply, a mail server's report, or nothing. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import NamedTuple

from inkdot.relay.automatic import automatic

_ID = re.compile(r"<[^<>\s]{3,990}>")
_AGENTS = ("user-agent", "x-mailer", "x-newsreader")


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


def which(heads: Message) -> str:
    """Which mail this is, by its Message-ID and sender, or by all its header lines where it has no id."""
    named = [_text(heads, name) for name in ("message-id", "from")]
    words = named if named[0] else [f"{name}:{value}" for name, value in heads.raw_items()]
    return hashlib.blake2b("\n".join(words).encode("utf-8", "replace"), digest_size=8).hexdigest()


def reply_in(heads: Message) -> Reply | None:
    """A reply, told by its header lines; None for machines' answers and for mails that answer nothing."""
    answered = _ID.findall(_text(heads, "in-reply-to"))
    named = _ID.findall(_text(heads, "references"))
    senders = [address.lower() for _, address in getaddresses([_text(heads, "from")]) if "@" in address]
    if not (answered or named) or not senders or automatic(heads, senders[0]):
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


def _failures(mail: Message) -> Iterator[Failed]:
    for group in _groups(mail):
        if _text(group, "action").strip().lower() != "failed":
            continue
        recipient = _text(group, "original-recipient") or _text(group, "final-recipient")
        diagnostic = re.sub(r"\s+", " ", _text(group, "diagnostic-code").partition(";")[2]).strip()
        yield Failed(
            _unescaped(recipient.partition(";")[2].strip().strip("<>")).lower(),
            _text(group, "status").strip(),
            _unescaped(diagnostic)[:500],
        )


def _groups(mail: Message) -> Iterator[Message]:
    """What the report says of each recipient (RFC 3464, or RFC 6533 in UTF-8); the first group is of the mail."""
    for part in mail.walk():
        kind, inner = part.get_content_type(), part.get_payload()
        if not isinstance(inner, list):
            continue
        if kind == "message/delivery-status":
            yield from (group for group in inner if isinstance(group, Message))
        elif kind == "message/global-delivery-status" and isinstance(inner[0], Message):
            rest = inner[0].get_payload(decode=True)
            text = rest.decode("utf-8", "replace") if isinstance(rest, bytes) else ""
            yield from map(message_from_string, re.split(r"\r?\n[ \t]*\r?\n", text.strip()))


def _unescaped(text: str) -> str:
    return re.sub(r"\\x\{([0-9A-Fa-f]{2,5}|10[0-9A-Fa-f]{4})\}", lambda m: chr(int(m[1], 16)), text)


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
