"""Webhooks, wired: endpoints, test messages, the delivery log and replay, as the command line and the office ask for them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from inkdot.act import payload, signing
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import (
    DELIVERY,
    ENDPOINT,
    EVENT,
    DeliveryId,
    EndpointId,
    EventId,
    WorkspaceId,
    from_word,
    to_word,
)
from inkdot.show.questions import here, since_of
from inkdot.store.contract import iso
from inkdot.store.outbox import Attempt, Delivery, Endpoint, NewDelivery

if TYPE_CHECKING:
    from inkdot.app.acting import Acting

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = (
    "webhook_add", "webhook_list", "webhook_paused", "webhook_resume", "webhook_switch", "webhook_rotate", "webhook_rm", "webhook_trigger", "webhook_log", "webhook_replay",
)  # fmt: skip
"""What may be asked; each is a method of Webhooks."""
KEEP_DAYS = 30
"""How long the delivery log reaches back."""
SECOND = 1_000_000


class Webhooks:
    """One folder's endpoints and its delivery log."""

    def __init__(self, acting: Acting, now: Callable[[], int]) -> None:
        """`now` gives microseconds since 1970."""
        self._acting, self._outbox, self._now = acting, acting.outbox, now

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    def webhook_add(self, what: Asked) -> Answer:
        """Keep an endpoint: `url`, `types`, `machines`; `listening` for a receiver on this machine."""
        url = str(what.get("url", ""))
        if not _is_web_address(url):
            raise UsageError(f"{url!r} is no web address; write it like https://example.com/hook.")
        types = _types(what.get("types") or ())
        listening = bool(what.get("listening"))
        known = next((e for e in self._endpoints(here(what)) if e.listening), None) if listening else None
        if known:
            self._outbox.change_endpoint(known.id, url, active=True)
        else:
            secret = str(what.get("secret") or signing.fresh_secret(os.urandom))
            signing.secret_bytes(secret)
            self._outbox.keep_endpoint(
                Endpoint(
                    EndpointId(self._acting.fresh()), here(what), url, secret, None, types, bool(what.get("machines")), listening, True,
                    self._now() // SECOND,
                )
            )  # fmt: skip
        self._acting.changed()
        yield self._endpoint_json([e for e in self._endpoints(here(what)) if e.url == url][-1], secret=True)

    def webhook_list(self, what: Asked) -> Answer:
        """All endpoints, and how they fare."""
        for endpoint in self._endpoints(here(what)):
            yield self._endpoint_json(endpoint)

    def webhook_switch(self, what: Asked) -> Answer:
        """On (which also ends a pause) or off."""
        endpoint = self._endpoint(what)
        self._outbox.change_endpoint(endpoint.id, endpoint.url, active=bool(what.get("on")))
        if what.get("on"):
            self._outbox.recovered(endpoint.url, self._now() // SECOND)
        self._acting.changed()
        yield self._endpoint_json(self._endpoint({**what, "webhook": to_word(ENDPOINT, endpoint.id)}))

    def webhook_paused(self, what: Asked) -> Answer:
        """The places of rules and endpoints that are paused: nothing goes there until somebody resumes them."""
        for stands, waiting in self._outbox.paused(here(what)):
            yield {"to": stands.target, "reason": stands.paused, "failures": stands.failures, "waiting": waiting}

    def webhook_resume(self, what: Asked) -> Answer:
        """End the pause of a place `to`: an endpoint, an address that a rule names, or `email` and `push`."""
        word = str(what.get("to", ""))
        if any(word in (e.url, to_word(ENDPOINT, e.id)) for e in self._endpoints(here(what))):
            yield from self.webhook_switch({**what, "webhook": word, "on": True})
        elif any(stands.target == word for stands, _ in self._outbox.paused(here(what))):
            self._outbox.recovered(word, self._now() // SECOND)
            yield {"url": word, "state": "on"}
        else:
            raise NotFound(f"{word!r} is not paused; 'inkdot webhook list' shows what is.")

    def webhook_rotate(self, what: Asked) -> Answer:
        """A new secret; the old one signs too until the next rotation."""
        endpoint = self._endpoint(what)
        self._outbox.rotate(endpoint.id, signing.fresh_secret(os.urandom))
        yield self._endpoint_json(self._endpoint({**what, "webhook": to_word(ENDPOINT, endpoint.id)}), secret=True)

    def webhook_rm(self, what: Asked) -> Answer:
        """Remove one."""
        endpoint = self._endpoint(what)
        self._outbox.forget_endpoint(endpoint.id, self._now() // SECOND)
        self._acting.changed()
        yield {"webhook": to_word(ENDPOINT, endpoint.id), "url": endpoint.url, "removed": True}

    def webhook_trigger(self, what: Asked) -> Answer:
        """Send a test message of a `type` to all endpoints that want it, or to one, and wait for what they say."""
        (kind,) = _types([what.get("type")])
        chosen = [self._endpoint(what)] if what.get("webhook") else self._endpoints(here(what))
        wanted = [e for e in chosen if e.active and (not e.types or kind in e.types)]
        if not wanted:
            raise UsageError(f"No endpoint wants {kind}; 'inkdot webhook add URL --type {kind}' makes one.")
        now, event = self._now(), EventId(self._acting.fresh())
        body = msgspec.json.encode(payload.envelope(kind, now, payload.sample(kind, event, now))).decode()
        rows = [
            NewDelivery(
                payload.delivery_id(int(e.id), event, 0), int(e.id), event, 0, e.workspace, 0, e.url,
                json.dumps({"do": "endpoint", "id": int(e.id)}), body, True, now // SECOND, now // SECOND + 3600,
            )
            for e in wanted
        ]  # fmt: skip
        self._outbox.add(rows)
        yield from self._tried([row.id for row in rows])

    def webhook_log(self, what: Asked) -> Answer:
        """The delivery log, newest first; with `delivery`, one of them with every try and its body."""
        if what.get("delivery"):
            found = self._delivery(what)
            tries = [a._asdict() | {"time": iso(a.time * SECOND)} for a in self._outbox.attempts(found.id)]
            yield delivery_json(found) | {"attempts": tries, "body": json.loads(found.body)}
            return
        source = self._endpoint(what).id if what.get("webhook") else None
        most = int(what.get("last") or 100)
        for found in reversed(self._outbox.deliveries(here(what), what.get("state"), source, 0, most)):
            yield delivery_json(found)

    def webhook_replay(self, what: Asked) -> Answer:
        """Deliver again, under the same id: a `delivery`, or all of a `state` since `since`."""
        if what.get("delivery"):
            chosen = [self._delivery(what).id]
        else:
            source = self._endpoint(what).id if what.get("webhook") else None
            found = self._outbox.deliveries(
                here(what),
                what.get("state") or "failed",
                source,
                since_of(what.get("since") or "7d", self._now()) // SECOND,
                10_000,
            )
            chosen = [d.id for d in reversed(found)]
        self._outbox.replay(chosen, self._now() // SECOND + 3600)  # not by the thread that delivers: we do it here
        yield from self._tried(chosen)

    def _tried(self, chosen: list[DeliveryId]) -> Answer:
        for number in chosen:
            found = self._outbox.delivery(number)
            if found is not None:
                attempt: Attempt = self._acting.deliverer.deliver(found)
                again = self._outbox.delivery(number) or found
                yield delivery_json(again) | {"milliseconds": attempt.milliseconds}

    def _delivery(self, what: Asked) -> Delivery:
        word = str(what.get("delivery", ""))
        found = self._outbox.delivery(DeliveryId(from_word(DELIVERY, word)))
        if found is None or found.workspace != here(what):
            raise NotFound(
                f"There is no delivery {word}; 'inkdot webhook log' shows those of the last {KEEP_DAYS} days."
            )
        return found

    def _endpoints(self, workspace: WorkspaceId) -> list[Endpoint]:
        return [e for e in self._outbox.endpoints() if e.workspace == workspace]

    def _endpoint(self, what: Asked) -> Endpoint:
        word = str(what.get("webhook", ""))
        number = from_word(ENDPOINT, word) if word.startswith(f"{ENDPOINT}_") else None
        found = next((e for e in self._endpoints(here(what)) if e.id == number or e.url == word), None)
        if found is None:
            raise NotFound(f"There is no webhook {word!r}; 'inkdot webhook list' shows those there are.")
        return found

    def _endpoint_json(self, endpoint: Endpoint, *, secret: bool = False) -> dict[str, Any]:
        stands = self._outbox.target(endpoint.url)
        state = "paused" if stands.paused else "on" if endpoint.active else "off"
        told: dict[str, Any] = {"webhook": to_word(ENDPOINT, endpoint.id), "url": endpoint.url}
        if secret:
            told["secret"] = endpoint.secret
        return told | {
            "types": list(endpoint.types or payload.TYPES), "machines": endpoint.machines, "state": state,
            "reason": stands.paused, "failures": stands.failures, "added": iso(endpoint.added * SECOND),
        }  # fmt: skip


def delivery_json(found: Delivery) -> dict[str, Any]:
    """A delivery as it is shown."""
    body = json.loads(found.body)
    return {
        "delivery": to_word(DELIVERY, found.id), "type": body["type"], "do": json.loads(found.action)["do"], "to": found.target,
        "event": to_word(EVENT, found.event), "state": found.state, "made": iso(found.made * SECOND),
        "due": iso(found.due * SECOND) if found.state == "waiting" else None, "tries": found.tries, "said": found.said,
    }  # fmt: skip


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.scheme in ("http", "https") and parts.hostname and not parts.username and url.isascii())
    except ValueError:  # an address of IPv6 that is none
        return False


def _types(words: Iterable[Any]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(str(w) for w in words))
    for word in found:
        if word not in payload.TYPES:
            raise UsageError(f"{word!r} is no type of message; the types are {', '.join(payload.TYPES)}.")
    return found
