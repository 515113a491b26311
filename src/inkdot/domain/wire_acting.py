"""The JSON of what follows from events, as types: triggers, audiences, webhooks and their deliveries."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Trigger(TypedDict):
    """A rule in use."""

    trigger: str
    name: str
    version: int
    active: bool
    fired: int
    last: str | None
    held_back_by_limits: int
    added: str
    changed: str
    rule: dict[str, Any]


class Rehearsal(TypedDict):
    """What a rule would have done."""

    name: str
    since: str
    events: int
    would_have_fired: int
    on_machines: int
    fires: int
    held_back_by_limits: int
    people: int
    evidence: str
    left_aside: list[str]
    """Conditions that only a browser can judge: without them it is at most so often."""
    examples: list[dict[str, Any]]


class Audience(TypedDict):
    """A list that people join and leave."""

    audience: str
    name: str
    members: int
    added: str
    rule: dict[str, Any] | None


class MemberOf(TypedDict):
    """Somebody on a list."""

    person: str | None
    joined: str
    because: str


class Exported(TypedDict):
    """A list for a platform, as CSV; who was left out, and why."""

    audience: str
    target: str
    rows: int
    left_out: int
    reasons: dict[str, int]
    csv: str


class Webhook(TypedDict):
    """An endpoint; its secret is shown when it is made and when it changes."""

    webhook: str
    url: str
    secret: NotRequired[str]
    types: list[str]
    machines: bool
    state: Literal["on", "off", "paused"]
    reason: str | None
    failures: int
    added: str


class Delivery(TypedDict):
    """One message to an endpoint, or another thing that was to be done."""

    delivery: str
    type: str
    do: str
    to: str
    event: str
    state: Literal["waiting", "done", "failed", "withdrawn"]
    made: str
    due: str | None
    tries: int
    said: str | None


class TriedDelivery(Delivery):
    """One that was just tried."""

    milliseconds: int


class WholeDelivery(Delivery):
    """With every try and its body."""

    attempts: list[dict[str, Any]]
    body: dict[str, Any]


class Notices(TypedDict):
    """How somebody wants to be told."""

    ntfy: str | None
    token: Literal["set"] | None
    webhook: str | None
    secret: str | None
    digest: str | None
    kinds: list[str]
    sure: bool
    first_only: bool
    quiet: str | None
    zone: str
    muted: list[str]


class Muted(TypedDict):
    """Whether notices about a person come."""

    person: str
    muted: bool
