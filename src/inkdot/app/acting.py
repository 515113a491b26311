"""Acting, wired: the watch, the deliverer, and what the command line and the office may ask of rules and webhooks."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from inkdot.act import payload, rule, signing
from inkdot.act.consent import Consents, NothingOnRecord
from inkdot.act.deliver import Deliverer, Means
from inkdot.act.match import trigger as made
from inkdot.act.reach import Reach
from inkdot.act.rehearse import rehearse
from inkdot.act.rule import Show, Webhook
from inkdot.act.watch import SECOND, Watch
from inkdot.app.audiences import Lists
from inkdot.app.folder import Folder, write_whole
from inkdot.app.outgoing import poster
from inkdot.app.vapid import vapid
from inkdot.app.warmth import warmth
from inkdot.collect.shown import NAME as SHOWN
from inkdot.domain.contact import Address
from inkdot.domain.errors import UsageError
from inkdot.domain.event import Event
from inkdot.domain.ids import (
    DELIVERY,
    ENDPOINT,
    EVENT,
    TRIGGER,
    ContactId,
    DeliveryId,
    EndpointId,
    EventId,
    MessageId,
    TriggerId,
    WorkspaceId,
    from_word,
    to_word,
)
from inkdot.settings import Settings
from inkdot.show.questions import since_of
from inkdot.store.audiences import Audiences
from inkdot.store.contract import iso
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.store.outbox import Attempt, Delivery, Endpoint, NewDelivery, Outbox
from inkdot.store.triggers import KeptTrigger, Triggers

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
HERE = WorkspaceId(1)
ASKS = (
    "trigger_add", "trigger_list", "trigger_test", "trigger_switch", "trigger_rm", "webhook_add", "webhook_list", "webhook_switch", "webhook_rotate", "webhook_rm", "webhook_trigger", "webhook_log", "webhook_replay",
)  # fmt: skip
"""What the command line and the office may ask; each is a method of Acting."""
_DAY = 86_400
_KEEP_DAYS = 30
"""How long the delivery log reaches back."""
_SIGHTING_DAYS = 90


def fresh() -> int:
    """A new id."""
    return int.from_bytes(os.urandom(8), "big") >> 1


class Acting:
    """One folder's rules, endpoints and outbox."""

    def __init__(
        self,
        folder: Folder,
        settings: Settings,
        control: Control,
        now: Callable[[], int],
        told: Callable[[str, str], None],
    ) -> None:
        """`now` gives microseconds since 1970; `told` hears of places that are paused."""
        self._folder, self._control, self._now = folder, control, now
        self.outbox, self.triggers = Outbox(folder.control), Triggers(folder.control)
        self.audiences = Audiences(folder.control)
        self.store: EventStore | None = None
        self.consents: Consents = NothingOnRecord()
        self.watch = Watch(self.outbox, self.triggers, self, now)
        private = [ipaddress.ip_network(n, strict=False) for n in settings.private_networks]
        self._means = Means(
            Reach(private), poster(folder, settings), settings.owner, control, self, self.audiences,
            vapid(folder, settings.owner),
        )  # fmt: skip
        self.lists = Lists(self, now)
        self.deliverer = Deliverer(self.outbox, self._means, told)

    @staticmethod
    def fresh() -> int:
        """A new id."""
        return fresh()

    def close(self) -> None:
        """Let go of everything."""
        self.deliverer.close()
        for store in (self.outbox, self.triggers, self.audiences):
            store.close()

    def tidy(self) -> None:
        """Forget what nobody needs any more."""
        now = self._now()
        self.lists.refresh()
        self.outbox.tidy(now // SECOND - _KEEP_DAYS * _DAY, now - _SIGHTING_DAYS * _DAY * SECOND)

    # -- what rules ask about people

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: Any) -> bool | None:
        """As Consents says."""
        return self.consents.agreed(workspace, contact, purpose)

    def person(self, workspace: WorkspaceId, contact: ContactId) -> Address | None:
        """As Society says."""
        return self._control.address_of(workspace, contact)

    def score(self, event: Event) -> int:
        """As Society says."""
        if not event.contact or self.store is None:
            return 0
        return warmth(self.store.timeline(event.workspace, event.contact), self._now())

    def in_audience(self, workspace: WorkspaceId, contact: ContactId, name: str) -> bool:
        """As Society says."""
        return self.audiences.is_member(workspace, name, contact)

    def subjects(self, messages: Iterable[MessageId]) -> Mapping[MessageId, str | None]:
        """As Society says."""
        return self._control.subjects(messages)

    def opened(self, copies: set[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """As Society says."""
        return self.store.opened(copies) if self.store and copies else set()

    # -- triggers

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """What may be asked, by name."""
        return {name: getattr(self, name) for name in ASKS} | self.lists.asks()

    def trigger_add(self, what: Asked) -> Answer:
        """Keep a rule: `rule` as text."""
        wanted = rule.read(str(what.get("rule", "")))
        known = self._trigger_named(wanted.name)
        wanted = _with_secrets(wanted, rule.kept(known.rule) if known else None)
        number = known.id if known else TriggerId(fresh())
        kept = self.triggers.keep(number, wanted.name, rule.to_json(wanted), self._now() // SECOND, HERE)
        self._changed()
        yield trigger_json(kept)

    def trigger_list(self, _: Asked) -> Answer:
        """All rules."""
        for kept in self.triggers.triggers(HERE):
            yield trigger_json(kept)

    def trigger_test(self, what: Asked) -> Answer:
        """Try a rule (`rule` as text, or `trigger`) on the past since `since`."""
        kept = self._trigger(str(what["trigger"])) if what.get("trigger") else None
        wanted = rule.kept(kept.rule) if kept else rule.read(str(what.get("rule", "")))
        if not rule.kinds(wanted):
            raise UsageError(
                "A rule about silence waits for time to pass, so there is nothing in the past to try it on."
            )
        assert self.store
        since = since_of(what.get("since") or "7d", self._now())
        item = made(kept.id if kept else TriggerId(0), HERE, kept.version if kept else 1, wanted)
        outcome = rehearse(item, self.store.all(since=since), self)
        yield {
            "name": wanted.name, "since": iso(since), "events": outcome.events,
            "would_have_fired": outcome.met, "on_machines": outcome.machines, "fires": outcome.fired,
            "held_back_by_limits": outcome.capped, "people": len(outcome.people - {0}), "evidence": wanted.evidence,
            "examples": [self._example(event) for event in outcome.examples],
        }  # fmt: skip

    def trigger_switch(self, what: Asked) -> Answer:
        """Switch one on or off."""
        kept = self._trigger(str(what.get("trigger", "")))
        self.triggers.switch(kept.id, on=bool(what.get("on")), now=self._now() // SECOND)
        self._changed()
        yield trigger_json(self._trigger(kept.name))

    def trigger_rm(self, what: Asked) -> Answer:
        """Remove one."""
        kept = self._trigger(str(what.get("trigger", "")))
        self.triggers.forget(kept.id)
        self._changed()
        yield {"trigger": to_word(TRIGGER, kept.id), "name": kept.name, "removed": True}

    def _example(self, event: Event) -> dict[str, Any]:
        person = self.person(event.workspace, event.contact) if event.contact else None
        return {
            "event": to_word(EVENT, event.id),
            "time": iso(event.time),
            "person": person,
            "human": event.verdict.human,
        }

    def _trigger(self, word: str) -> KeptTrigger:
        number = from_word(TRIGGER, word) if word.startswith(f"{TRIGGER}_") else None
        found = next((t for t in self.triggers.triggers(HERE) if t.id == number or t.name == word), None)
        if found is None:
            raise UsageError(f"There is no trigger {word!r}; 'inkdot trigger list' shows those there are.")
        return found

    def _trigger_named(self, name: str) -> KeptTrigger | None:
        return next((t for t in self.triggers.triggers(HERE) if t.name == name), None)

    def _changed(self) -> None:
        """Let the watch and the street know."""
        self.watch.reload()
        write_whole(self._folder.root / SHOWN, json.dumps(self._shown()).encode())

    def _shown(self) -> dict[str, list[dict[str, Any]]]:
        """What is drawn on pages, by site; under * for all sites."""
        found: dict[str, list[dict[str, Any]]] = {}
        for number, _, version, text in self.triggers.active():
            known = rule.kept(text)
            when = known.when
            shown = [msgspec.structs.asdict(a) for a in known.actions if isinstance(a, Show)]
            if shown:
                url = rule.texts(when.url)
                found.setdefault(when.site or "*", []).append(
                    {"id": f"{to_word(TRIGGER, number)}.{version}", "url": url, "seconds": when.seconds or 0,
                     "scroll": when.scroll or 0, "leaving": when.leaving, "count": when.count,
                     "show": [a | {"every": rule.span(a["every"]) // 1000 if a.get("every") else 0} for a in shown]}
                )  # fmt: skip
        return found

    # -- webhooks

    def webhook_add(self, what: Asked) -> Answer:
        """Keep an endpoint: `url`, `types`, `machines`; `listening` for a receiver on this machine."""
        url = str(what.get("url", ""))
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not url.isascii():
            raise UsageError(f"{url!r} is no web address; write it like https://example.com/hook.")
        types = _types(what.get("types") or ())
        listening = bool(what.get("listening"))
        known = next((e for e in self.outbox.endpoints() if e.listening), None) if listening else None
        if known:
            self.outbox.change_endpoint(known.id, url, active=True)
        else:
            secret = str(what.get("secret") or signing.fresh_secret(os.urandom))
            signing.secret_bytes(secret)
            self.outbox.keep_endpoint(
                Endpoint(
                    EndpointId(fresh()), HERE, url, secret, None, types, bool(what.get("machines")), listening, True,
                    self._now() // SECOND,
                )
            )  # fmt: skip
        self._changed()
        yield self._endpoint_json(next(e for e in self.outbox.endpoints() if e.url == url), secret=True)

    def webhook_list(self, _: Asked) -> Answer:
        """All endpoints, and how they fare."""
        for endpoint in self.outbox.endpoints():
            yield self._endpoint_json(endpoint)

    def webhook_switch(self, what: Asked) -> Answer:
        """On (which also ends a pause) or off."""
        endpoint = self._endpoint(str(what.get("webhook", "")))
        self.outbox.change_endpoint(endpoint.id, endpoint.url, active=bool(what.get("on")))
        if what.get("on"):
            self.outbox.recovered(endpoint.url, self._now() // SECOND)
        self._changed()
        yield self._endpoint_json(self._endpoint(to_word(ENDPOINT, endpoint.id)))

    def webhook_rotate(self, what: Asked) -> Answer:
        """A new secret; the old one signs too until the next rotation."""
        endpoint = self._endpoint(str(what.get("webhook", "")))
        self.outbox.rotate(endpoint.id, signing.fresh_secret(os.urandom))
        yield self._endpoint_json(self._endpoint(to_word(ENDPOINT, endpoint.id)), secret=True)

    def webhook_rm(self, what: Asked) -> Answer:
        """Remove one."""
        endpoint = self._endpoint(str(what.get("webhook", "")))
        self.outbox.forget_endpoint(endpoint.id, self._now() // SECOND)
        self._changed()
        yield {"webhook": to_word(ENDPOINT, endpoint.id), "url": endpoint.url, "removed": True}

    def webhook_trigger(self, what: Asked) -> Answer:
        """Send a test message of a `type` to all endpoints that want it, or to one, and wait for what they say."""
        (kind,) = _types([what.get("type")])
        chosen = [self._endpoint(str(what["webhook"]))] if what.get("webhook") else self.outbox.endpoints()
        wanted = [e for e in chosen if e.active and (not e.types or kind in e.types)]
        if not wanted:
            raise UsageError(f"No endpoint wants {kind}; 'inkdot webhook add URL --type {kind}' makes one.")
        now, event = self._now(), EventId(fresh())
        body = msgspec.json.encode(payload.envelope(kind, now, payload.sample(kind, event, now))).decode()
        rows = [
            NewDelivery(
                payload.delivery_id(int(e.id), event, 0), int(e.id), event, 0, HERE, 0, e.url,
                json.dumps({"do": "endpoint", "id": int(e.id)}), body, True, now // SECOND, now // SECOND + 3600,
            )
            for e in wanted
        ]  # fmt: skip
        self.outbox.add(rows)
        yield from self._tried([row.id for row in rows])

    def webhook_log(self, what: Asked) -> Answer:
        """The delivery log, newest first; with `delivery`, one of them with every try and its body."""
        if what.get("delivery"):
            found = self._delivery(str(what["delivery"]))
            tries = [a._asdict() | {"time": iso(a.time * SECOND)} for a in self.outbox.attempts(found.id)]
            yield delivery_json(found) | {"attempts": tries, "body": json.loads(found.body)}
            return
        source = self._endpoint(str(what["webhook"])).id if what.get("webhook") else None
        most = int(what.get("last") or 100)
        for found in reversed(self.outbox.deliveries(what.get("state"), source, 0, most)):
            yield delivery_json(found)

    def webhook_replay(self, what: Asked) -> Answer:
        """Deliver again, under the same id: a `delivery`, or all of a `state` since `since`."""
        if what.get("delivery"):
            chosen = [self._delivery(str(what["delivery"])).id]
        else:
            source = self._endpoint(str(what["webhook"])).id if what.get("webhook") else None
            found = self.outbox.deliveries(
                what.get("state") or "failed",
                source,
                since_of(what.get("since") or "7d", self._now()) // SECOND,
                10_000,
            )
            chosen = [d.id for d in reversed(found)]
        self.outbox.replay(chosen, self._now() // SECOND + 3600)  # not by the thread that delivers: we do it here
        yield from self._tried(chosen)

    def _tried(self, chosen: list[DeliveryId]) -> Answer:
        for number in chosen:
            found = self.outbox.delivery(number)
            if found is not None:
                attempt: Attempt = self.deliverer.deliver(found)
                yield delivery_json(self._delivery(to_word(DELIVERY, number))) | {"milliseconds": attempt.milliseconds}

    def _delivery(self, word: str) -> Delivery:
        found = self.outbox.delivery(DeliveryId(from_word(DELIVERY, word)))
        if found is None:
            raise UsageError(
                f"There is no delivery {word}; 'inkdot webhook log' shows those of the last {_KEEP_DAYS} days."
            )
        return found

    def _endpoint(self, word: str) -> Endpoint:
        number = from_word(ENDPOINT, word) if word.startswith(f"{ENDPOINT}_") else None
        found = next((e for e in self.outbox.endpoints() if e.id == number or e.url == word), None)
        if found is None:
            raise UsageError(f"There is no webhook {word!r}; 'inkdot webhook list' shows those there are.")
        return found

    def _endpoint_json(self, endpoint: Endpoint, *, secret: bool = False) -> dict[str, Any]:
        stands = self.outbox.target(endpoint.url)
        state = "paused" if stands.paused else "on" if endpoint.active else "off"
        told: dict[str, Any] = {"webhook": to_word(ENDPOINT, endpoint.id), "url": endpoint.url}
        if secret:
            told["secret"] = endpoint.secret
        return told | {
            "types": list(endpoint.types or payload.TYPES), "machines": endpoint.machines, "state": state,
            "reason": stands.paused, "failures": stands.failures, "added": iso(endpoint.added * SECOND),
        }  # fmt: skip


def trigger_json(kept: KeptTrigger) -> dict[str, Any]:
    """A rule as it is shown."""
    return {
        "trigger": to_word(TRIGGER, kept.id), "name": kept.name, "version": kept.version, "active": kept.active,
        "fired": kept.fired, "last": None if kept.last is None else iso(kept.last), "held_back_by_limits": kept.capped,
        "added": iso(kept.added * SECOND), "changed": iso(kept.changed * SECOND), "rule": json.loads(kept.rule),
    }  # fmt: skip


def delivery_json(found: Delivery) -> dict[str, Any]:
    """A delivery as it is shown."""
    body = json.loads(found.body)
    return {
        "delivery": to_word(DELIVERY, found.id), "type": body["type"], "do": json.loads(found.action)["do"], "to": found.target,
        "event": to_word(EVENT, found.event), "state": found.state, "made": iso(found.made * SECOND),
        "due": iso(found.due * SECOND) if found.state == "waiting" else None, "tries": found.tries, "said": found.said,
    }  # fmt: skip


def _types(words: Iterable[Any]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(str(w) for w in words))
    for word in found:
        if word not in payload.TYPES:
            raise UsageError(f"{word!r} is no type of message; the types are {', '.join(payload.TYPES)}.")
    return found


def _with_secrets(wanted: rule.Rule, known: rule.Rule | None) -> rule.Rule:
    """Every webhook of a rule signs with a secret: the one given, the one it had, or a new one."""
    had = {a.url: a.secret for a in known.actions if isinstance(a, Webhook)} if known else {}
    actions: list[rule.Action] = []
    for action in wanted.actions:
        if isinstance(action, Webhook):
            secret = action.secret or had.get(action.url) or signing.fresh_secret(os.urandom)
            signing.secret_bytes(secret)
            actions.append(msgspec.structs.replace(action, secret=secret))
        else:
            actions.append(action)
    return msgspec.structs.replace(wanted, actions=actions)
