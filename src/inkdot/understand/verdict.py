"""From the deciding rule to the whole verdict: what each field is worth, given who acted."""

from __future__ import annotations

from inkdot.domain.evidence import Actor, Evidence, Field, Fields, Human, Reason, Status, Verdict
from inkdot.understand.machine import Rule, Seen, judge

_DIRECT = Field(None, Status.KNOWN)
_NAMED = {"I1": "Gmail", "I2": "Gmail", "I3": "Yahoo Mail", "I4": "HEY", "I5": "Fastmail", "I6": "Seznam Email",
          "I7": "Shortwave", "I8": "Google Docs", "A1": "Apple Mail", "A2": "Apple Mail"}  # fmt: skip
"""Proxies that give the mail program away."""


def _unknown(reason: Reason) -> Field:
    return Field(None, Status.UNKNOWN, reason)


_PRIVATE = Fields(*(_unknown(Reason.CONSENT),) * 6)
CONSENT = Verdict(
    Actor.UNKNOWN, Human.UNKNOWN, _PRIVATE._replace(time=_DIRECT), (Evidence("consent", "kept for nobody"),)
)
HYGIENE = Verdict(
    Actor.UNKNOWN, Human.UNKNOWN, _PRIVATE._replace(time=Field(None, Status.DEGRADED, Reason.DAY_ONLY)),
    (Evidence("consent", "only the day is kept"),),
)  # fmt: skip
"""Verdicts on pings of which the consent mode keeps almost nothing."""


def verdict(seen: Seen) -> Verdict:
    """Who acted, whether a human is proven, and what each field is worth."""
    rule, evidence = judge(seen)
    return Verdict(rule.actor, rule.human, _fields(rule, seen), (evidence,))


def _fields(rule: Rule, seen: Seen) -> Fields:
    if rule.actor in (Actor.IMAGE_PROXY, Actor.PRIVACY_PROXY):
        return _behind_proxy(rule)
    if rule.actor in (Actor.SCANNER, Actor.BOT, Actor.PREVIEW):
        reason = Reason.PREFETCH if rule.actor is Actor.PREVIEW else Reason.MACHINE
        return Fields(_time_of_machine(rule), *(_unknown(reason),) * 5)
    program = seen.program
    return Fields(_DIRECT, _place(seen), program.os, program.os_version, program.device, program.client)


def _behind_proxy(rule: Rule) -> Fields:
    reason = Reason.IMAGE_PROXY
    time = _DIRECT
    if rule.actor is Actor.PRIVACY_PROXY:
        reason = Reason.APPLE_PRIVACY_PROXY
        time = Field(None, Status.DEGRADED, reason)
    elif rule.id == "I2":
        reason = Reason.GMAIL_PREFETCH
        time = _unknown(reason)
    elif rule.id == "I1":
        reason = Reason.GOOGLE_IMAGE_PROXY
    client = _NAMED.get(rule.id)
    hidden = _unknown(reason)
    return Fields(time, hidden, hidden, hidden, hidden, Field(client, Status.KNOWN) if client else hidden)


def _time_of_machine(rule: Rule) -> Field:
    if rule.id == "P1":
        return _unknown(Reason.PREFETCH)
    return Field(None, Status.DEGRADED, Reason.MACHINE)


def _place(seen: Seen) -> Field:
    if "no_address" in seen.network:
        return _unknown(Reason.NO_ADDRESS)
    if "private" in seen.network:
        return _unknown(Reason.PRIVATE_ADDRESS)
    if "apple_egress" in seen.network:
        return _unknown(Reason.PRIVATE_RELAY)
    return _unknown(Reason.NO_GEO_DATA)
