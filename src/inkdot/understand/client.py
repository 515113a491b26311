"""One client: what is the same for all pings with the same header lines, method and network. Worked out once, then shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from inkdot.domain.evidence import Raw, Verdict
from inkdot.understand.address import Network
from inkdot.understand.agent import clean, name
from inkdot.understand.rules import RuleBook, Seen
from inkdot.understand.verdict import CONSENT, HYGIENE, verdict

_TELLING = frozenset(
    {"accept", "accept-language", "accept-encoding", "referer", "purpose", "x-moz", "x-purpose", "dnt", "via",
     "next-router-prefetch", "x-fb-http-engine", "x-requested-with", "from"}
)  # fmt: skip
NO_RAW = Raw(None, "GET", (), None, ())
_ALONE: Mapping[str, Any] = {}


class Client(NamedTuple):
    """A client and what its pings prove by themselves, whatever happened around them."""

    kind: str
    """open, click or visit."""
    raw: Raw
    verdict: Verdict
    number: int
    """Equal raws have equal numbers: cheaper to compare than the raws themselves."""
    old_data: bool


NOBODY = Client("", NO_RAW, CONSENT, 0, old_data=False)
SOMEDAY = Client("", NO_RAW, HYGIENE, 0, old_data=False)
"""Clients of which the consent mode keeps nothing, or only the day."""


def raw_of(method: str, headers: bytes, network: Network) -> Raw:
    """What may be kept of a request's verbatim header lines."""
    lines = [line.partition(b":") for line in headers.split(b"\r\n") if line]
    named = [(n.decode("latin-1").strip().lower(), clean(v.decode("latin-1").strip())) for n, _, v in lines]
    agent = next((v for n, v in named if n == "user-agent"), None) or None
    told = tuple((n, v) for n, v in named if n in _TELLING or n.startswith("sec-"))
    return Raw(agent, method, told, network.asn, network.tags, network.country, network.city)


def judge(
    book: RuleBook, kind: str, raw: Raw, context: Mapping[str, Any] = _ALONE, *, old_data: bool = False
) -> Verdict:
    """What a ping with these raw facts proves; `context` tells what happened around it."""
    headers = dict(reversed(raw.headers))
    seen = Seen(kind, raw.method, raw.agent or "", headers, raw.network, raw.asn, name(raw.agent, headers), context)
    return verdict(book, seen, Network(raw.network, raw.asn, raw.country, raw.city), old_data=old_data)
