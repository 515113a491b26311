"""From the deciding rule to the whole verdict: what each field is worth, given who acted."""

from __future__ import annotations

import re
from typing import NamedTuple

from inkdot.domain.evidence import Actor, Evidence, Field, Fields, Human, Reason, Status, Verdict
from inkdot.understand.address import Network
from inkdot.understand.agent import Agent
from inkdot.understand.rules import Rule

_DIRECT = Field(None, Status.KNOWN)


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


class Decision(NamedTuple):
    """The deciding rule, what it saw, and the program that the client says it is."""

    rule: Rule
    evidence: Evidence
    program: Agent

    def verdict(self, place: Field) -> Verdict:
        """Who acted, whether a human is proven, and what each field is worth; `place` if it may be told."""
        return Verdict(self.rule.actor, self.rule.human, self.fields_at(place), (self.evidence,))

    def fields_at(self, place: Field) -> Fields:
        """What each field is worth."""
        rule, program = self.rule, self.program
        if rule.hides is None:
            return Fields(_time(rule), place, program.os, program.os_version, program.device, program.client)
        hidden = _unknown(rule.hides)
        client = Field(rule.client, Status.KNOWN) if rule.client else hidden
        return Fields(_time(rule), hidden, hidden, hidden, hidden, client)


def _time(rule: Rule) -> Field:
    if rule.time is Status.KNOWN:
        return _DIRECT
    return Field(None, rule.time, rule.hides or Reason.MACHINE)


_WEAK = (
    ("tor", Reason.TOR), ("vpn", Reason.VPN), ("apple_egress", Reason.PRIVATE_RELAY), ("hosting", Reason.HOSTING),
    ("mobile", Reason.MOBILE_NETWORK),
)  # fmt: skip
_NO_CITY = frozenset({Reason.TOR, Reason.VPN, Reason.PRIVATE_RELAY, Reason.HOSTING, Reason.MOBILE_NETWORK})
_DEFAULT_RADIUS = 50
_COUNTRY = re.compile(r"([A-Z]{2})|about .*, ([A-Z]{2}) \(within \d+ km\)")


def location(network: Network, *, old_data: bool) -> Field:
    """Where an address is: a country as two letters, a city only as "about", and never on networks that lead elsewhere."""
    if "no_address" in network.tags:
        return _unknown(Reason.NO_ADDRESS)
    if "private" in network.tags:
        return _unknown(Reason.PRIVATE_ADDRESS)
    reason = next((reason for tag, reason in _WEAK if tag in network.tags), None)
    if reason is Reason.TOR:
        return _unknown(reason)
    if network.country is None:
        return _unknown(reason or Reason.NO_GEO_DATA)
    if reason is None and old_data:
        reason = Reason.GEO_DATA_OLD
    city = network.city
    if city and city.city and reason not in _NO_CITY:
        names = ", ".join(filter(None, (city.city, city.region, city.country)))
        radius = max(city.radius or 0, _DEFAULT_RADIUS)
        return Field(f"about {names} (within {radius} km)", Status.DEGRADED, reason or Reason.CITY_ESTIMATE)
    return Field(network.country, Status.DEGRADED if reason else Status.KNOWN, reason)


def country_of(place: str | None) -> str | None:
    """The country, as two letters, of what `location` tells; None where it tells none."""
    found = _COUNTRY.fullmatch(place or "")
    return found and (found[1] or found[2])
