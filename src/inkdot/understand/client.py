"""One client: what is the same for all pings with the same header lines, method and network. Worked out once, then shared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from inkdot.domain.evidence import Actor, Field, Raw, Verdict
from inkdot.domain.own_browser import LINE, without_line
from inkdot.understand.address import Network, Networks
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
_MOST_DECISIONS, _MOST_BLOCKS, _MOST_CLIENTS, _MOST_NUMBERS = 50_000, 50_000, 50_000, 300_000
_MOST_TOLD = 100_000
"""Who makes up an agent for each ping costs 2.5 kB for each of them, 0.25 GB in all."""
_CAN_BE_OVERRULED = frozenset({Actor.HUMAN, Actor.UNKNOWN})
_HIDDEN = frozenset({"private", "no_address"})


Told = tuple[str | None, str, tuple[tuple[str, str], ...]]
"""Agent, method and telling headers: what a client says of itself, wherever it is."""


class Block(NamedTuple):
    """Header lines as they came, understood."""

    told: int
    """The number of what they tell."""
    method: str
    headers: bytes
    marked: bool
    """They have the line by which a browser of the sender's own is known."""


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
    return Client("open" if kind == "page" else kind, raw, verdict, number, old_data, not alone)


NOBODY = client_of("", NO_RAW, CONSENT, 0, old_data=False)
SOMEDAY = client_of("", NO_RAW, HYGIENE, 0, old_data=False)
"""Clients of which the consent mode keeps nothing, or only the day."""


def raw_of(method: str, headers: bytes, network: Network, own: str = "") -> Raw:
    """What may be kept of a request's header lines, as the street wrote them down; `own` as Own says."""
    return _raw(_told_with(method, headers, own), network)


def _raw(told: Told, network: Network) -> Raw:
    return Raw(*told, network.asn, network.tags, network.country, network.city)


def _told_with(method: str, headers: bytes, own: str) -> Told:
    if LINE in headers:
        headers = without_line(headers)
    if own:
        headers += b"%s: %s\r\n" % (LINE, own.encode())
    return _told(method, headers)


def agent_of(headers: bytes) -> str:
    """The agent in verbatim header lines; empty if there is none."""
    return _told("GET", headers)[0] or ""


@lru_cache(20_000)
def _told(method: str, headers: bytes) -> Told:
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
        return self.alone(kind, raw, (raw.agent, raw.method, raw.headers), old_data=old_data)

    def alone(self, kind: str, raw: Raw, told: object, *, old_data: bool) -> Verdict:
        """The verdict without a context; `told` stands for agent, method and headers, equal for equal ones."""
        asn = raw.asn if raw.asn in self._asked else None
        key = (kind, told, asn, raw.network)
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

    def forget(self) -> None:
        """What was decided by numbers that are given anew."""
        self._decisions.clear()

    def _decide(self, kind: str, raw: Raw, context: Mapping[str, Any]) -> Decision:
        headers = dict(reversed(raw.headers))
        program = name(raw.agent, headers, in_document=kind == "page")
        seen = Seen(kind, raw.method, raw.agent or "", headers, raw.network, raw.asn, program, context)
        return Decision(*self.book.judge(seen), program)


class Clients:
    """Equal clients are one object. Header lines, of which there are few, are compared first; then only small numbers are."""

    def __init__(self, networks: Networks, judge: Judge) -> None:
        self._networks, self._judge = networks, judge
        self._blocks: dict[tuple[str, bytes], Block] = {}
        self._told: dict[Told, int] = {}
        self._saying: list[Told] = []
        """What has which number."""
        self._numbers: dict[tuple[int, int], int] = {}
        self._known: dict[tuple[str, int, int, bool], Client] = {}
        self.forget()

    def block(self, method: str, headers: bytes) -> Block:
        """What header lines tell."""
        known = self._blocks.get((method, headers))
        if known is None:
            if len(self._blocks) >= _MOST_BLOCKS:
                self._blocks.clear()
            told = self._number_of(_told(method, without_line(headers)))
            known = self._blocks[method, headers] = Block(told, method, headers, LINE in headers)
        return known

    def of(self, kind: str, block: Block, network: Network, own: str, *, old: bool) -> Client:
        """The client behind a ping; `network` as Networks gave it, `own` as Own says."""
        told = self._number_of(_told_with(block.method, block.headers, own)) if own else block.told
        return self._known.get((kind, told, id(network), old)) or self._client(kind, told, network, old=old)

    def again(self, kind: str, raw: Raw, *, old: bool) -> Client:
        """The client of an event that was kept."""
        return self._client(kind, *self._place(raw), old=old)

    def number(self, raw: Raw) -> int:
        """The number of an event's client."""
        return self._number(*self._place(raw))

    def _place(self, raw: Raw) -> tuple[int, Network]:
        network = self._networks.same(Network(raw.network, raw.asn, raw.country, raw.city))
        return self._number_of((raw.agent, raw.method, raw.headers)), network

    def _number_of(self, told: Told) -> int:
        number = self._told.setdefault(told, len(self._saying))
        if number == len(self._saying):
            self._saying.append(told)
        return number

    def _number(self, told: int, network: Network) -> int:
        return self._numbers.setdefault((told, id(network)), len(self._numbers))

    def _client(self, kind: str, told: int, network: Network, *, old: bool) -> Client:
        key = (kind, told, id(network), old)  # networks are few and live as long as their table
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_CLIENTS:
                self._known.clear()
            raw = _raw(self._saying[told], network)
            judged = self._judge.alone(kind, raw, told, old_data=old)
            known = self._known[key] = client_of(kind, raw, judged, self._number(told, network), old_data=old)
        return known

    def outgrown(self) -> bool:
        """True if numbers became so many that they should be given anew."""
        return len(self._numbers) > _MOST_NUMBERS or len(self._saying) > _MOST_TOLD

    def forget(self) -> None:
        """Give numbers anew; whoever keeps some must forget them."""
        for known in (self._blocks, self._told, self._saying, self._numbers, self._known):
            known.clear()
        self._judge.forget()
        self.number(NO_RAW)  # nobody's is 0


def place_of(raw: Raw, *, old_data: bool) -> Field:
    """Where a client is, as far as its address tells."""
    return location(Network(raw.network, raw.asn, raw.country, raw.city), old_data=old_data)
