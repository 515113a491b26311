"""Judge a case that somebody describes, by the same rules as a ping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

from inkdot.domain.errors import UsageError
from inkdot.domain.evidence import Status
from inkdot.understand.address import Network, Networks, packed
from inkdot.understand.agent import agent_text, clean, name
from inkdot.understand.client import OWN
from inkdot.understand.rules import Seen, shipped
from inkdot.understand.source import trace
from inkdot.understand.verdict import Decision, location

_LONGEST_URL = 8_000


@cache
def _networks() -> Networks:
    return Networks()


def judge_case(case: object) -> dict[str, Any]:
    """The verdict on a described ping or the channel of a described visit. Odd values are judged as unknown."""
    if not isinstance(case, Mapping):
        raise UsageError("A case is a JSON object with ua, headers, ip and context, or with referrer and page_url.")
    if "referrer" in case or "page_url" in case:
        came = trace(clean(_text(case.get("referrer")), _LONGEST_URL), clean(_text(case.get("page_url")), _LONGEST_URL))
        return {"id": case.get("id"), **came._asdict()}
    seen, network = _seen(case)
    decision = Decision(*shipped().judge(seen), seen.program)
    judged = decision.verdict(location(network, old_data=_is_old(network)))
    fields = judged.fields._asdict()
    return {
        "id": case.get("id"),
        "class": judged.actor,
        "human_evidence": judged.human,
        "os": fields["os"].value,
        "device": fields["device"].value,
        "client": fields["client"].value,
        "country": None if judged.fields.location.status is Status.UNKNOWN else network.country,
        "status": {key: field.status for key, field in fields.items()},
        "evidence": [e._asdict() for e in judged.evidence],
    }


def _seen(case: Mapping[str, Any]) -> tuple[Seen, Network]:
    context = case.get("context") if isinstance(case.get("context"), Mapping) else {}
    given = case.get("headers") if isinstance(case.get("headers"), Mapping) else {}
    assert context is not None
    assert given is not None
    headers = {_text(k).lower(): clean(_text(v)) for k, v in given.items() if _text(k).lower() != OWN}
    agent = agent_text(_text(case.get("ua") or headers.get("user-agent")))
    network = _networks().of(packed(case.get("ip")))
    kind = _text(context.get("kind")) or "open"
    method = (_text(context.get("method")) or "GET").upper()
    program = name(agent, headers, in_document=kind == "page")
    return Seen(kind, method, agent, headers, network.tags, network.asn, program, context), network


def _is_old(network: Network) -> bool:
    """True if the country table is more than 90 days old today."""
    if network.country is None:
        return False
    return (dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(_networks().date)).days > 90


def _text(value: object) -> str:
    return "" if value is None else str(value)
