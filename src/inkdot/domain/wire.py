"""The JSON that leaves the house, as types: what the API answers and what its clients read. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Actor = Literal["human", "privacy_proxy", "image_proxy", "scanner", "bot", "preview", "sender", "unknown"]
Human = Literal["yes", "likely", "unknown", "no"]
Kind = Literal["open", "click", "view", "engage", "read", "download", "reply", "bounce", "goal"]
Mode = Literal["off", "aggregate", "hygiene", "individual"]


class Field(TypedDict):
    """A value, what it is worth, and why it is not simply known."""

    value: str | None
    status: Literal["known", "degraded", "unknown"]
    reason: NotRequired[str | None]


class Evidence(TypedDict):
    """A rule that fired and the fact it saw."""

    rule: str
    fact: str


class Raw(TypedDict):
    """What re-judging needs; no address."""

    agent: str | None
    method: str
    headers: dict[str, str]
    asn: int | None
    network: list[str]


class Event(TypedDict):
    """What Inkdot believes a ping to be."""

    id: str
    time: str
    kind: Kind
    actor: Actor
    human: Human
    person: str | None
    message: str | None
    link: str | None
    url: str | None
    part: int | None
    document: str | None
    page: int | None
    site: str | None
    visit: str | None
    referrer: str | None
    channel: str | None
    source: str | None
    seconds: float | None
    name: str | None
    fields: dict[str, Field]
    evidence: list[Evidence]
    rules: str
    final: bool
    """Ten minutes old: no late evidence is expected any more."""
    repeat_of: str | None
    raw: Raw


class LiveEvent(Event):
    """An event as the live feed tells it."""

    subject: str | None
    says: str


class Explanation(Event):
    """An event with a sentence for each field."""

    says: str
    explained: dict[str, str]
    repeats: int


class Told(TypedDict):
    """What somebody said of an event."""

    says: Literal["human", "machine", "me"]
    because: str
    time: str


class Corrected(Event):
    """An event and what somebody said of it."""

    correction: Told


class TimelineEvent(Event):
    """An event of a person."""

    subject: str | None
    says: str


class Timeline(TypedDict):
    """One person across mail, documents and websites."""

    person: str
    known: bool
    counts: dict[str, int]
    learned: list[str]
    possible_forwards: list[dict[str, Any]]
    events: list[TimelineEvent]


class Opened(TypedDict):
    """People by what is proven of them."""

    sure: int
    likely: int
    unknown: int
    machine_only: int


class Untreated(TypedDict):
    """A document attached to a mail that got neither dot nor link; `reason` is of a closed list."""

    name: str
    reason: str
    text: str


class MailReport(TypedDict):
    """One mail: people with their interval, and machine fetches apart."""

    message: str
    subject: str | None
    marked: str | None
    recipients: int | None
    unnamed: int
    """Recipients of whom no name is kept: they may have done what is counted for nobody, once each or one of them all of it."""
    unmarked: dict[str, int]
    """Copies that left without marks, by reason."""
    untreated: list[Untreated]
    opened: Opened
    opened_between: list[int]
    clicked: int
    clicked_between: list[int]
    replied: int
    bounced: int
    opens: int
    clicks: int
    machine_fetches: int
    first: str | None
    last: str | None
    opens_for_nobody: int
    """Of the opens those that name nobody, of all the mail's time; 0 where they, or the recipients without a name, are too few."""
    clicks_for_nobody: int
    hidden_below: int


class Message(TypedDict):
    """A marked mail and what became of it."""

    message: str
    subject: str | None
    marked: str
    internet_id: str | None
    recipients: list[str]
    links: list[str]
    report: MailReport


class MarkedLink(TypedDict):
    """A link before and after."""

    href: str
    url: str


class LeftAlone(TypedDict):
    """Why a mail was not marked."""

    reason: str
    text: str


class Copy(TypedDict):
    """The mail for one recipient; `mail` is base64."""

    to: str
    mail: str
    dots: list[str]
    links: list[MarkedLink]
    privacy: str | None
    mode: Mode
    left_alone: LeftAlone | None
    warnings: list[str]


class Marked(TypedDict):
    """A mail marked for its recipients."""

    message: str
    copies: list[Copy]


class Link(TypedDict):
    """A tracked link for one person."""

    link: str
    url: str
    to: str


class Person(TypedDict):
    """Somebody known by a mail address."""

    person: str
    id: str


class KnownPerson(Person):
    """And how much may be kept."""

    mode: Mode
    because: str
    tags: list[str]
    details: dict[str, str]


class Consent(TypedDict):
    """How much may be kept about a person now."""

    person: str
    mode: Mode
    because: str


class Limit(TypedDict):
    """The widest mode of a workspace, a list or a site."""

    scope: str
    mode: Mode


class Choice(TypedDict):
    """A row of the consent ledger."""

    number: int
    time: str
    person: str | None
    act: str
    mode: str | None
    scope: str
    text: str
    version: str
    language: str
    method: str
    form: str


class Share(TypedDict):
    """A link to a document, as it stands."""

    link: str
    to: str | None
    open: bool
    expires: str | None
    gate: Literal["open", "email", "proved"]
    passcode: bool
    download: bool
    measured: bool


class Document(TypedDict):
    """A shared document."""

    document: str
    name: str
    made: str
    version: int
    pages: int
    bytes: int
    links: list[Share]


class Shared(TypedDict):
    """A new link to a document."""

    document: str
    link: str
    url: str
    to: str
    mode: Mode
    warnings: list[str]


class DocumentReport(TypedDict):
    """Which pages were read, by whom, how often and for how long."""

    document: str
    name: str
    version: int
    pages: list[dict[str, Any]]
    said: str
    visits: list[dict[str, Any]]
    people: list[dict[str, Any]]
    links: list[dict[str, Any]]
    suggestions: list[Any]
    visits_for_nobody: int
    """Readings that name nobody; 0 where they are fewer than `hidden_below`."""
    hidden_below: int
    grade: str


class Goal(TypedDict):
    """What counts as reached on a site."""

    name: str
    kind: Literal["page", "event", "seconds"]
    target: str


class Site(TypedDict):
    """A website with its key and the lines for its pages."""

    site: str
    domain: str
    key: str
    snippet: str
    goals: list[Goal]


class ServerKey(TypedDict):
    """The key with which a site's servers tell of visitors."""

    site: str
    server_key: str
    revoked: int
    """How many were revoked before it."""


class Search(TypedDict):
    """What was searched on a site."""

    site: str
    domain: str
    term: str
    times: int
    visits: int


class Lead(TypedDict):
    """A person or visitor with a score and its reasons."""

    person: str | None
    visitor: str | None
    score: float
    grade: str
    reasons: list[dict[str, Any]]
    last: str


class Me(TypedDict):
    """Who asks."""

    workspace: str
    by: str
    scopes: list[Literal["read", "send", "manage", "privacy"]]
