"""What is told to others: the JSON of webhooks and the sentences of messages.

Everything that a stranger wrote is data here; each channel escapes it for its own kind of text.
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Any

from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import KNOWN, Actor, Evidence, Fields, Human, Raw, Verdict
from inkdot.domain.ids import TRIGGER, ContactId, DeliveryId, EventId, WorkspaceId, to_word
from inkdot.domain.reading import COMPLETED
from inkdot.store.contract import iso, told_json
from inkdot.store.veil import blurred

MAIL_OPENED, MAIL_CLICKED, MAIL_REPLIED, MAIL_BOUNCED = "mail.opened", "mail.clicked", "mail.replied", "mail.bounced"
PAGE_VIEWED, DOCUMENT_READ, DOCUMENT_COMPLETED = "page.viewed", "document.read", "document.completed"
FIRED = "trigger.fired"
TYPES = (
    MAIL_OPENED, MAIL_CLICKED, MAIL_REPLIED, MAIL_BOUNCED, PAGE_VIEWED, DOCUMENT_READ, DOCUMENT_COMPLETED, FIRED,
)  # fmt: skip

_HOLE = re.compile(r"\{(\w+)\}")
_MAY_FILL = frozenset(
    {"person", "subject", "url", "page", "name", "kind", "human", "actor", "time", "channel", "source", "seconds", "rule", "sentence"}
)  # fmt: skip
_BY_KIND = {
    Kind.OPEN: MAIL_OPENED, Kind.CLICK: MAIL_CLICKED, Kind.REPLY: MAIL_REPLIED, Kind.BOUNCE: MAIL_BOUNCED,
    Kind.VIEW: PAGE_VIEWED, Kind.READ: DOCUMENT_READ,
}  # fmt: skip
_ACTS = {
    Kind.OPEN: "opened", Kind.CLICK: "clicked", Kind.VIEW: "viewed", Kind.ENGAGE: "was active on", Kind.READ: "read",
    Kind.DOWNLOAD: "downloaded", Kind.REPLY: "replied to", Kind.BOUNCE: "could not be reached with",
    Kind.GOAL: "reached", Kind.OPTOUT: "does not want to be tracked any more:",
}  # fmt: skip
_MACHINES = {
    Actor.SCANNER: "A security scanner fetched", Actor.BOT: "A program fetched", Actor.PREVIEW: "Something fetched ahead",
    Actor.SENDER: "You fetched",
}  # fmt: skip


def type_of(event: Event) -> str | None:
    """The webhook type of an event; None for kinds that have none of their own."""
    scene = event.scene
    in_document = scene is not None and scene.document is not None
    if event.kind is Kind.GOAL:
        return DOCUMENT_COMPLETED if in_document and scene is not None and scene.name == COMPLETED else None
    if in_document and event.kind in (Kind.OPEN, Kind.VIEW):
        return DOCUMENT_READ  # its own `kind` says that the page was shown, not for how long it was read
    if event.kind is Kind.CLICK and scene is not None and scene.site is not None:
        return None  # a link on a website: no mail was clicked
    return _BY_KIND.get(event.kind)


def data_of(event: Event, person: str | None, now: int, fields: object = None) -> dict[str, Any]:
    """An event for others: as for users, without the raw facts. `now` in microseconds. `fields`: as told_json."""
    told = blurred(event)
    return told_json(told, person, now, fields if told is event else None)


def fired(
    trigger: int, name: str, version: int, event: dict[str, Any] | None, silence: dict[str, Any] | None
) -> dict[str, Any]:
    """What `trigger.fired` tells: the rule and what met it."""
    told: dict[str, Any] = {"trigger": to_word(TRIGGER, trigger), "name": name, "version": version, "event": event}
    about = event or silence or {}
    told |= {key: about.get(key) for key in ("person", "actor", "human", "evidence")}
    return told | ({"silence": silence} if silence else {})


def envelope(kind: str, microseconds: int, data: dict[str, Any]) -> dict[str, Any]:
    """The body of a webhook."""
    return {"type": kind, "timestamp": iso(microseconds), "data": data}


def delivery_id(source: int, event: int, part: int) -> DeliveryId:
    """The same for the same deed, however often it is come to: receivers know it again."""
    packed = struct.pack(">QQQ", source, event, part)
    return DeliveryId(
        int.from_bytes(hashlib.blake2b(packed, digest_size=8, person=b"inkdot-deed").digest(), "big") >> 1
    )


def silence_id(message: int, contact: int) -> EventId:
    """Stands for the event that did not come: this person has not opened this mail."""
    packed = struct.pack(">QQ", message, contact)
    digest = hashlib.blake2b(packed, digest_size=8, person=b"inkdot-silence").digest()
    return EventId(int.from_bytes(digest, "big") >> 1)


def sentence(data: dict[str, Any]) -> str:
    """What happened in one plain sentence that claims no more than is proven; strangers' words are not escaped."""
    silence, event = data.get("silence"), data.get("event", data)
    if silence:
        return (
            f"{silence['person'] or 'Somebody'} has not opened “{silence['subject'] or 'a mail'}” for {silence['for']}."
        )
    who = event.get("person") or "Somebody"
    what = _thing(event)
    if event["actor"] in _MACHINES:
        return f"{_MACHINES[event['actor']]} {what} of {who}."
    act = _ACTS[event["kind"]]
    if event["human"] == "yes" or event["kind"] in (Kind.REPLY, Kind.BOUNCE, Kind.OPTOUT):
        return f"{who} {act} {what}."
    if event["human"] == "likely":
        return f"{who} probably {act} {what}."
    return f"{who} perhaps {act} {what}; nobody can say whether a person did."


def filled(template: str | None, data: dict[str, Any]) -> str:
    """A text of the user's with `{person}`, `{subject}`, `{url}` ... filled in; nothing else is understood."""
    if template is None:
        return sentence(data)
    about = data.get("event") or data.get("silence") or {}
    known = {**about, "rule": data.get("name"), "sentence": sentence(data)}
    return _HOLE.sub(
        lambda m: str(known.get(m[1]) if known.get(m[1]) is not None else "-") if m[1] in _MAY_FILL else m[0], template
    )


def _thing(event: dict[str, Any]) -> str:
    if event["kind"] in ("click", "view", "engage") and event.get("url"):
        return str(event["url"])
    if event.get("document"):
        return f"page {event['page']} of a document" if event.get("page") else "a document"
    if event["kind"] == "goal" and event.get("name"):
        return f"“{event['name']}”"
    subject = event.get("subject")
    return f"“{subject}”" if subject else "a mail"


def sample(kind: str, event: EventId, now: int) -> dict[str, Any]:
    """A message to try an endpoint with; `test` says that nothing of it happened."""
    acts = {name: act for act, name in _BY_KIND.items()} | {DOCUMENT_COMPLETED: Kind.GOAL}
    fields = Fields(*(KNOWN,) * 6)
    verdict = Verdict(Actor.HUMAN, Human.YES, fields, (Evidence("test", "made by 'inkdot webhook trigger'"),))
    made = Event(
        event, now, acts.get(kind, Kind.OPEN), WorkspaceId(1), ContactId(0), None, None, None, 0, None, verdict,
        Raw(None, "GET", (), None, ()), (), None, "test",
    )  # fmt: skip
    data = data_of(made, "ben@example.com", now) | {"subject": "A test", "test": True}
    return fired(0, "A test", 1, data, None) | {"test": True} if kind == FIRED else data
