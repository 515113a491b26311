"""One client: what is the same for all pings with the same header lines, method and network. Worked out once, then shared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from inkdot.domain.evidence import Actor, Field, Raw, Verdict
from inkdot.domain.own_browser import LINE, without_line
from inkdot.understand.address import Network
from inkdot.understand.agent import agent_text, clean, name
from inkdot.understand.rules import RuleBook, Seen
from inkdot.understand.verdict import CONSENT, HYGIENE, Decision, location

OWN = LINE.decode().lower()
"""Header that stands on pings from browsers of the sender's own; no stranger can send it."""
_TELLING = frozenset(
    {"accept", "accept-language", "accept-encoding", "referer", "purpose", "x-moz", "x-purpose", "dnt", "via",
     "next-router-prefetch", OWN, "x-fb-http-engine", "x-requested-with", "from"}
)  # fmt: skip
NO_RAW = Raw(None, "GET", (), None, ())
_MOST_DECISIONS = 50_000
_CAN_BE_OVERRULED = frozenset({Actor.HUMAN, Actor.UNKNOWN})
_HIDDEN = frozenset({"private", "no_address"})


class Client(NamedTuple):
    """A client and what its pings prove by themselves, whatever happened around them."""

    kind: str
    """open, click or visit."""
    raw: Raw
    verdict: Verdict
    number: int
    """Equal raws have equal numbers: cheaper to compare than the raws themselves."""
    old_data: bool
    in_crowds: bool
    """True if others of its kind in the same second say something about it.

    Not from private addresses: behind a reverse proxy that is not declared everybody seems to come from one.
    """


def client_of(kind: str, raw: Raw, verdict: Verdict, number: int, *, old_data: bool) -> Client:
    """The client behind these raw facts."""
    alone = not raw.agent or verdict.actor not in _CAN_BE_OVERRULED or not _HIDDEN.isdisjoint(raw.network)
    return Client(kind, raw, verdict, number, old_data, not alone)


NOBODY = client_of("", NO_RAW, CONSENT, 0, old_data=False)
SOMEDAY = client_of("", NO_RAW, HYGIENE, 0, old_data=False)
"""Clients of which the consent mode keeps nothing, or only the day."""


def raw_of(method: str, headers: bytes, network: Network, own: str = "") -> Raw:
    """What may be kept of a request's header lines, as the street wrote them down; `own` as Own says."""
    if LINE in headers:
        headers = without_line(headers)
    if own:
        headers += b"%s: %s\r\n" % (LINE, own.encode())
    return Raw(*_told(method, headers), network.asn, network.tags, network.country, network.city)


def agent_of(headers: bytes) -> str:
    """The agent in verbatim header lines; empty if there is none."""
    return _told("GET", headers)[0] or ""


@lru_cache(20_000)
def _told(method: str, headers: bytes) -> tuple[str | None, str, tuple[tuple[str, str], ...]]:
    lines = [line.partition(b":") for line in headers.split(b"\r\n") if line]
    named = [(n.decode("latin-1").strip().lower(), v.decode("latin-1").strip()) for n, _, v in lines]
    agent = next((agent_text(v) for n, v in named if n == "user-agent"), None) or None
    return agent, method, tuple((n, clean(v)) for n, v in named if n in _TELLING or n.startswith("sec-"))


class Judge:
    """Says what pings prove by one rule book. Clients that differ only in what no rule asks about share the decision."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self._asked = frozenset().union(*(rule.asns for rule in book.rules))
        self._decisions: dict[tuple[object, ...], tuple[Decision, dict[tuple[object, ...], Verdict]]] = {}
        """For each the verdicts by what else may differ: the place."""

    def verdict(
        self, kind: str, raw: Raw, context: Mapping[str, Any] | None = None, *, old_data: bool = False
    ) -> Verdict:
        """The verdict on these raw facts; `context` tells what happened around the ping.

        `old_data`: the geographic data were more than 90 days old when the ping came.
        """
        if context:
            return self._decide(kind, raw, context).verdict(place_of(raw, old_data=old_data))
        asn = raw.asn if raw.asn in self._asked else None
        key = (kind, raw.agent, raw.method, raw.headers, asn, raw.network)
        known = self._decisions.get(key)
        if known is None:
            if len(self._decisions) > _MOST_DECISIONS:
                self._decisions.clear()
            known = self._decisions[key] = (self._decide(kind, raw, {}), {})
        decision, verdicts = known
        where = (raw.country, raw.city, old_data)
        found = verdicts.get(where)
        if found is None:
            found = verdicts[where] = decision.verdict(place_of(raw, old_data=old_data))
        return found

    def _decide(self, kind: str, raw: Raw, context: Mapping[str, Any]) -> Decision:
        headers = dict(reversed(raw.headers))
        program = name(raw.agent, headers)
        seen = Seen(kind, raw.method, raw.agent or "", headers, raw.network, raw.asn, program, context)
        return Decision(*self.book.judge(seen), program)


def place_of(raw: Raw, *, old_data: bool) -> Field:
    """Where a client is, as far as its address tells."""
    return location(Network(raw.network, raw.asn, raw.country, raw.city), old_data=old_data)
