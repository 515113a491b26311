"""What the mail door learned later: a reply came, a mail bounced. The record says it itself; nothing is to be guessed."""

from __future__ import annotations

import json

from inkdot.domain.consent import Mode
from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import Actor, Evidence, Field, Fields, Human, Raw, Reason, Status, Verdict
from inkdot.domain.ids import EventId, MessageId
from inkdot.domain.ping import BOUNCE, REPLY, Ping
from inkdot.domain.token import Token
from inkdot.understand.agent import clean
from inkdot.understand.client import NO_RAW

_KINDS = {REPLY: Kind.REPLY, BOUNCE: Kind.BOUNCE}
_MOST = 300


def answered(ping: Ping, token: Token, rules: str) -> Event | None:
    """The event; None for a target that is not the mail door's."""
    kind = _KINDS.get(ping.target)
    if kind is None:
        return None
    facts = _facts(ping.body)
    agent = facts.get("agent")
    client = Field(agent, Status.KNOWN) if agent else _unknown(_why(token.mode, Reason.NO_AGENT))
    fields = Fields(_time(token.mode), *(_unknown(_why(token.mode, Reason.NO_ADDRESS)),) * 4, client)
    if kind is Kind.REPLY:
        judged = Verdict(
            Actor.HUMAN, Human.YES, fields, (Evidence("R1", "a reply names this mail and no program wrote it"),)
        )
    else:
        judged = Verdict(Actor.UNKNOWN, Human.NO, fields, (Evidence("R2", "a mail server did not deliver this copy"),))
    said = " ".join(facts[name] for name in ("code", "text") if name in facts)
    return Event(
        EventId(ping.id), ping.time, kind, token.workspace, token.contact, None, MessageId(token.object), None, 0, None,
        judged, Raw(agent, ping.method, (), None, ()) if agent else NO_RAW,
        (Evidence("answer", said),) if said else (), None, rules,
    )  # fmt: skip


def _facts(body: bytes) -> dict[str, str]:
    try:
        given = json.loads(body)
    except ValueError:
        return {}
    return {name: clean(value)[:_MOST] for name, value in given.items() if isinstance(value, str)}


def _time(mode: Mode) -> Field:
    return Field(None, Status.DEGRADED, Reason.DAY_ONLY) if mode is Mode.HYGIENE else Field(None, Status.KNOWN)


def _why(mode: Mode, otherwise: Reason) -> Reason:
    return otherwise if mode is Mode.INDIVIDUAL else Reason.CONSENT


def _unknown(reason: Reason) -> Field:
    return Field(None, Status.UNKNOWN, reason)
