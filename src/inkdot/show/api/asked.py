"""What requests say, as types: they decode, judge and describe it at once."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from inkdot.domain import wire

Since = Annotated[
    str,
    Meta(
        pattern=r"^(all|[0-9]{1,6}[mhdw]|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2})?)?)$",
        description="`7d`, `12h`, `2026-11-23`, a time, or `all`",
    ),
]
Limit = Annotated[int, Meta(ge=1, le=1_000, description="How many")]
Cursor = Annotated[str, Meta(max_length=500, description="`next_cursor` of the page before")]
Address = Annotated[str, Meta(min_length=3, max_length=320, description="A mail address", examples=["ben@example.com"])]
MessageName = Annotated[
    str, Meta(pattern=r"^<[^<>\s]{3,990}>$", description="A Message-ID", examples=["<quote@example.com>"])
]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=10_000)]
Short = Annotated[str, Meta(max_length=500)]


class Listed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of a list."""

    limit: Limit = 100
    cursor: Cursor | None = None


class Events(Listed, forbid_unknown_fields=True, kw_only=True):
    """Which events, oldest first; or the newest ones with `last`."""

    person: Address | None = None
    kind: wire.Kind | None = None
    since: Since | None = None
    last: Limit | None = None


class People(Listed, forbid_unknown_fields=True, kw_only=True):
    """Which people."""

    search: Short | None = None


class Mails(Listed, forbid_unknown_fields=True, kw_only=True):
    """Which mails, the latest first; or those that left under one Message-ID."""

    since: Since | None = None
    internet_id: MessageName | None = None


class Reading(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whose reading, of which version."""

    person: Address | None = None
    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Visits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Of which days, how many rows of each list; a funnel like `/pricing > /order*`."""

    since: Since | None = None
    until: Since | None = None
    last: Limit = 10
    funnel: Short | None = None


class Searches(Listed, forbid_unknown_fields=True, kw_only=True):
    """Of which days."""

    since: Since | None = None
    until: Since | None = None


class Leads(Listed, forbid_unknown_fields=True, kw_only=True):
    """Which leads, the warmest first."""

    since: Since | None = None
    grade: Literal["hot", "warm", "cold"] | None = None
    known: bool = False


class Log(Listed, forbid_unknown_fields=True, kw_only=True):
    """Which deliveries, newest first."""

    webhook: Short | None = None
    state: Literal["waiting", "done", "failed", "withdrawn"] | None = None


class File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the file is called."""

    name: Annotated[str, Meta(min_length=1, max_length=150, pattern=r"^[^/\x00-\x1f\x7f]+$")]


class Correction(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What somebody knows better."""

    says: Literal["human", "machine", "me"]
    because: Annotated[str, Meta(min_length=1, max_length=500)]


class Mark(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A mail to be marked."""

    mail: bytes
    """Base64 of the mail as any program saves it."""
    to: Annotated[list[Address], Meta(min_length=1, max_length=100)]
    list_name: Word | None = msgspec.field(name="list", default=None)
    """The list it goes to, whose consent counts too."""


class Left(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Under which Message-ID a mail left."""

    internet_id: MessageName


class NewLink(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A link to be tracked."""

    url: Annotated[str, Meta(min_length=8, max_length=8_000, pattern="^https?://")]
    to: Address


class Other(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An address or a visitor (`vtr_...`)."""

    other: Address


class NewConsent(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a person chose, with the proof of it."""

    mode: wire.Mode
    scope: Short = "workspace"
    """workspace, list:NAME, site:DOMAIN, purpose:mail or purpose:advertising"""
    text: Text = ""
    version: Short = ""
    language: Annotated[str, Meta(max_length=35)] = ""
    method: Short = "api"
    form: Short = ""


class NewLimit(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How much may be kept in a workspace, of a list or on a site, whatever people chose."""

    mode: wire.Mode
    scope: Short = "workspace"
    """workspace, list:NAME or site:DOMAIN"""


class Withdrawal(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How somebody withdrew."""

    method: Short = "api"


class NewShare(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """For whom a link is, and on which terms."""

    to: Address
    password: Annotated[str, Meta(min_length=4, max_length=200)] | None = None
    expires: Annotated[str, Meta(max_length=40)] | None = None
    email_gate: bool = False
    verify_email: bool = False
    download: bool = True
    watermark: bool = False
    allow: Annotated[list[Address], Meta(max_length=100)] = []
    block: Annotated[list[Address], Meta(max_length=100)] = []


class NewSite(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A website; with `wait` its tag does nothing before the page says that the visitor agreed."""

    domain: Annotated[str, Meta(min_length=1, max_length=253)]
    wait: bool = False


class ServerKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The key of a site's servers; `agreed`: they tell only of visitors who agreed; `revoke`: a new one, older ones are refused."""

    agreed: bool = False
    revoke: bool = False


class NewGoal(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What counts as reached: exactly one of page, event and seconds."""

    name: Word
    page: Short | None = None
    event: Word | None = None
    seconds: Annotated[int, Meta(ge=1, le=86_400)] | None = None


class NewTrigger(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A rule as text, in TOML or JSON; one of its name becomes its next version."""

    rule: Annotated[str, Meta(min_length=1, max_length=50_000)]


class Trial(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A rule to be tried on the past."""

    rule: Annotated[str, Meta(min_length=1, max_length=50_000)]
    since: Since = "7d"


class Span(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Since when."""

    since: Since = "7d"


class Switch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """On or off."""

    active: bool


class NewAudience(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A list: with a rule, or kept by hand and by triggers."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    rule: Annotated[str, Meta(min_length=1, max_length=50_000)] | None = None


class Joining(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who joins."""

    person: Address


Detail = Annotated[str, Meta(max_length=100)]


class Details(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What you know of a person, for audiences on platforms; what is not named is forgotten."""

    phone: Detail | None = None
    first_name: Detail | None = None
    last_name: Detail | None = None
    country: Detail | None = None
    postcode: Detail | None = None


class Export(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """For whom a list is; what leaves is remembered unless it is a dry run."""

    target: Literal["meta", "google", "csv"]
    what_for: Literal["members", "removals", "conversions"] = "members"
    conversion: Word | None = None
    dry_run: bool = False


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where webhooks go, of which types (all if none is named), and whether machines' acts are wanted."""

    url: Annotated[str, Meta(min_length=10, max_length=2_000, pattern="^https?://")]
    types: Annotated[list[Short], Meta(max_length=20)] = []
    machines: bool = False


class TestOf(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which type a test message has."""

    type: Short


class Again(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which deliveries are made again."""

    state: Literal["done", "failed", "withdrawn"] = "failed"
    since: Since = "7d"
