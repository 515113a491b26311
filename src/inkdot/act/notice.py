"""Notices to users: which events are worth one, when it may come, and what a day comes to. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from inkdot.act.rule import after_quiet, hours
from inkdot.domain.errors import UsageError
from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import MACHINES, Human
from inkdot.domain.ids import DeliveryId

SECOND = 1_000_000
_DAY = 86_400
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_MOST_LINES = 50
Word = Callable[..., str]
Told = Literal["open", "click", "read", "download", "reply", "bounce", "goal"]


class Wish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How somebody wants to be told."""

    ntfy: Annotated[str, msgspec.Meta(max_length=500, pattern="^https?://")] | None = None
    """The address of a topic of an ntfy server; each event comes at once."""
    token: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Of the ntfy server; `set` leaves the one that is kept."""
    webhook: Annotated[str, msgspec.Meta(max_length=500, pattern="^https?://")] | None = None
    """An address that each event is posted to at once, signed."""
    secret: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """What signs it, whsec_...; made if missing, `set` leaves the one that is kept."""
    digest: Annotated[str, msgspec.Meta(max_length=5)] | None = None
    """When a mail with the last day's events comes, like 08:00."""
    kinds: Annotated[list[Told], msgspec.Meta(max_length=10)] = msgspec.field(
        default_factory=lambda: ["open", "click", "read", "download", "reply"]
    )
    sure: bool = False
    """Only what surely a person did; else also what probably one did."""
    first_only: bool = False
    """Only the first of a kind for each person and mail, document or site."""
    quiet: Annotated[str, msgspec.Meta(max_length=11)] | None = None
    """Hours in which nothing comes, like 22:00-07:00; it comes at their end."""
    zone: Annotated[str, msgspec.Meta(max_length=50)] = "UTC"
    language: Literal["en", "de"] = "en"
    """Of mails and of what ntfy shows; webhooks speak as the API does."""


def checked(wish: Wish) -> Wish:
    """The wish, if it can be kept. Raises UsageError."""
    if wish.quiet is not None:
        hours(wish.quiet)
    if wish.digest is not None and not _CLOCK.fullmatch(wish.digest):
        raise UsageError(f"{wish.digest!r} is no time of day; write it like 08:00.")
    try:
        ZoneInfo(wish.zone)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"{wish.zone!r} is no time zone; write it like Europe/Berlin.") from None
    return wish


def is_worth(wish: Wish, event: Event, muted: frozenset[int]) -> bool:
    """Whether somebody is told of an event; never of machines, of himself, or of what came again."""
    if event.kind not in wish.kinds or event.repeat_of is not None or event.contact in muted:
        return False
    if event.verdict.actor in MACHINES:
        return False
    if event.kind in (Kind.REPLY, Kind.BOUNCE):
        return True
    return event.verdict.human is Human.YES or (not wish.sure and event.verdict.human is Human.LIKELY)


def notice_id(user: int, event: Event, *, first_only: bool, way: str = "") -> DeliveryId:
    """The same for what is told once by a way."""
    scene = event.scene
    thing = event.message or (scene and (scene.document or scene.site)) or 0
    who = event.contact or (scene and scene.visitor) or 0
    facts = (user, who, thing, 0) if first_only and who and thing else (user, event.id, 0, 1)
    packed = struct.pack(">QQQQ", *facts) + event.kind.encode() + way.encode()
    return DeliveryId(
        int.from_bytes(hashlib.blake2b(packed, digest_size=8, person=b"inkdot-notice").digest(), "big") >> 1
    )


def not_before(wish: Wish, time: int) -> int:
    """The time itself (unix seconds), or the end of the quiet hours if it lies in them."""
    return after_quiet(wish.quiet, wish.zone, time)


def last_digest(wish: Wish, now: int) -> int | None:
    """When the newest digest was due (unix seconds); None without digests."""
    found = _CLOCK.fullmatch(wish.digest or "")
    if not found:
        return None
    there = dt.datetime.fromtimestamp(now, ZoneInfo(wish.zone))
    # The first of an hour that comes twice; times are compared, not clocks, which skip an hour in spring.
    due = there.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0, fold=0)
    return int((due if due.timestamp() <= now else due - dt.timedelta(days=1)).timestamp())


def digest_span(digested: int, due: int) -> tuple[int, int]:
    """From when to when a digest tells, unix seconds: since the last one, a week at most."""
    return max(digested, due - 7 * _DAY), due


def digest_text(
    told: Iterable[tuple[str, str, str]], office_url: str, zone: str = "UTC", word: Word = str.format
) -> str | None:
    """The mail for (person, time, sentence), grouped by person, whoever did most first; None where nothing happened.

    Times are those of `zone`'s clocks; `word` puts a text of ours into the reader's language and fills it in.
    """
    by_person: defaultdict[str, list[str]] = defaultdict(list)
    there, named = ZoneInfo(zone), " UTC" if zone == "UTC" else ""
    for person, time, sentence in told:
        when = dt.datetime.fromisoformat(time).astimezone(there)
        by_person[person].append(f"  {when:%m-%d %H:%M}{named}  {sentence}")
    if not by_person:
        return None
    lines: list[str] = []
    for person, acts in sorted(by_person.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST_LINES]:
        lines += [
            person,
            *acts[:10],
            *([f"  {word('and {count} more', count=more)}"] if (more := len(acts) - 10) > 0 else []),
            "",
        ]
    if (rest := len(by_person) - _MOST_LINES) > 0:
        lines += [word("And {count} more people.", count=rest), ""]
    return "\n".join([*lines, word("All of it: {url}", url=office_url)])
