"""Hands what is due to its channel, and keeps what was said: at least once, under an id that never changes.

A delivery stays `waiting` until its channel says that it arrived, so a crash can only repeat it. A place that fails rests for
longer and longer, over days; what waits for it waits without holding up others. After too many failures in a row it is
paused until somebody resumes it, and nothing that waits is lost.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import msgspec

from inkdot.act import payload
from inkdot.act.channels import Gone, Undelivered, email, ntfy, people, push, slack, webhook
from inkdot.act.consent import Consents, Purpose
from inkdot.act.reach import Reach
from inkdot.act.rule import Action, Audience, Email, Ntfy, Push, Show, Slack, Tag, Webhook
from inkdot.domain.contact import Address
from inkdot.domain.ids import DELIVERY, ContactId, DeliveryId, WorkspaceId, to_word
from inkdot.store.audiences import Audiences
from inkdot.store.outbox import Attempt, Delivery, Endpoint, Outbox, Target
from inkdot.store.subscriptions import OWNER, Subscriptions

RETRIES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400)
"""Seconds after the first, second ... failure: four days in all. Each is varied by a fifth, so that not all come at once."""
PAUSE_AFTER = 12
"""Failures in a row after which a place is paused."""
_THREADS = 16
_SET_BACK_SECONDS = 60
_AT_ONCE = 50
"""Deliveries to one place before others get its thread."""


class People(Protocol):
    """Who knows addresses."""

    def address_of(self, workspace: WorkspaceId, contact: ContactId) -> Address | None:
        """The address of a person."""


class Means(NamedTuple):
    """What channels work with."""

    reach: Reach
    post: email.Post | None
    owner: str
    """The owner's mail address."""
    people: People
    consents: Consents
    audiences: Audiences
    vapid: push.Vapid | None
    browsers: Subscriptions | None = None
    unsubscribe: Callable[[WorkspaceId, Address], str | None] = lambda _workspace, _address: None
    """The page where a person says no more: by hand, or at once by RFC 8058."""


class Deliverer:
    """Delivers for one folder. `told` hears of places that were paused."""

    def __init__(
        self,
        outbox: Outbox,
        means: Means,
        told: Callable[[str, str], None],
        pause_after: int = PAUSE_AFTER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox, self._means, self._told, self._pause_after = outbox, means, told, pause_after
        self._clock = clock
        self._chance = random.Random()  # noqa: S311 - spreads retries, hides nothing
        self._seen = 0
        """The latest time on the clock."""
        self._busy: set[str] = set()
        self._served: dict[str, float] = {}
        self._unsettled: dict[DeliveryId, tuple[Attempt, Undelivered | None]] = {}
        """What was tried and could not be written down: it is written down later, and not tried again for that."""
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, "deliver")

    def close(self) -> None:
        """Start nothing more, wait for what is on its way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start_due(self) -> int:
        """Start what is due, a thread per place, whoever was served longest ago first; returns for how many places."""
        now, started = self._now(), 0
        for target in sorted(self._outbox.places(now), key=lambda place: self._served.get(place, 0.0)):
            with self._turn:
                if target in self._busy:
                    continue
                if len(self._busy) >= _THREADS:
                    break
                deliveries = self._outbox.due_at(target, now, _AT_ONCE)
                if not deliveries:
                    continue
                self._busy.add(target)
            self._served[target] = time.monotonic()
            self._pool.submit(self._all_to, target, deliveries)
            started += 1
        return started

    def _now(self) -> int:
        """Unix seconds. Where the clock was set back, what waits goes on to wait for as long, and not for the old time to come again."""
        now = int(self._clock())
        if now < self._seen - _SET_BACK_SECONDS:
            self._outbox.set_back(self._seen - now)
            self._seen = now
        self._seen = max(self._seen, now)
        return now

    def deliver(self, delivery: Delivery) -> Attempt:
        """Try one now, and keep what came of it."""
        tried = self._unsettled.pop(delivery.id, None) or self._tried(delivery)
        attempt, trouble = tried
        spent = trouble and (trouble.permanent or delivery.tries >= len(RETRIES))
        wait = max(self._wait(delivery.tries), trouble.wait or 0) if trouble else 0
        state, due = ("failed" if spent else "waiting", attempt.time + wait) if trouble else ("done", delivery.due)
        try:
            self._outbox.settle(delivery.id, attempt, state, due)
        except BaseException:
            self._unsettled[delivery.id] = tried
            raise
        if trouble:
            self._failed(delivery, attempt, trouble)
        elif self._outbox.target(delivery.target).failures:
            self._outbox.recovered(delivery.target, attempt.time)
        return attempt

    def _tried(self, delivery: Delivery) -> tuple[Attempt, Undelivered | None]:
        begun, at = time.monotonic(), int(self._clock())
        trouble: Undelivered | None = None
        try:
            said = self._channel(delivery, at)
        except Undelivered as error:
            said, trouble = str(error), error
        except Exception as error:  # noqa: BLE001 - one message that cannot be made must not stop all others
            said = f"It could not be made: {error!r}"
            trouble = Undelivered(said, permanent=True)
        return Attempt(0, at, int((time.monotonic() - begun) * 1000), trouble is None, said), trouble

    def _all_to(self, target: str, deliveries: Sequence[Delivery]) -> None:
        try:
            for listed in deliveries:
                delivery = self._outbox.delivery(listed.id)
                if delivery is None or delivery.state != "waiting" or delivery.due > self._clock():
                    continue  # erased, withdrawn or put off while those before it were sent
                if not self.deliver(delivery).done and self._resting(target):
                    return
        finally:
            with self._turn:
                self._busy.discard(target)

    def _resting(self, target: str) -> bool:
        stands = self._outbox.target(target)
        return stands.paused is not None or stands.not_before > self._clock()

    def _failed(self, delivery: Delivery, attempt: Attempt, trouble: Undelivered) -> None:
        if trouble.permanent and not isinstance(trouble, Gone):
            return  # this one cannot arrive, which says nothing about the place
        stands = self._outbox.target(delivery.target)
        failures = stands.failures + 1
        paused = stands.paused
        if paused is None and (isinstance(trouble, Gone) or failures >= self._pause_after):
            paused = f"{failures} failures in a row, the last: {attempt.said}"
            self._told(delivery.target, paused)
        rest = max(self._wait(min(failures, len(RETRIES)) - 1), trouble.wait or 0)
        self._outbox.keep_target(Target(delivery.target, failures, attempt.time + rest, paused))

    def _wait(self, tries: int) -> int:
        return round(RETRIES[min(tries, len(RETRIES) - 1)] * self._chance.uniform(0.8, 1.2))

    # -- channels

    def _channel(self, delivery: Delivery, at: int) -> str:
        wish = json.loads(delivery.action)
        if wish["do"] == "endpoint":
            return self._to_endpoint(delivery, wish["id"], at)
        if wish["do"] == "digest":
            post, owner, number = self._means.post, self._means.owner, to_word(DELIVERY, delivery.id)
            return email.deliver(post, owner, wish["to"], wish["subject"], wish["text"], number, self._clock())
        action: Action = msgspec.convert(wish, Action)
        reach, message = self._means.reach, to_word(DELIVERY, delivery.id)
        if isinstance(action, Webhook):
            return webhook.deliver(reach, action.url, [action.secret or ""], message, at, delivery.body.encode())
        data: dict[str, Any] = json.loads(delivery.body)["data"]
        if isinstance(action, Slack):
            return slack.deliver(reach, action.url, payload.filled(action.text, data), message)
        if isinstance(action, Ntfy):
            text = payload.filled(action.text, data)
            return ntfy.deliver(reach, action.url, data["name"], text, action.token, action.priority, message)
        if isinstance(action, Email):
            return self._mail(action, delivery, data, message)
        if isinstance(action, Push):
            return self._push(action, delivery, data)
        if isinstance(action, Tag | Audience):
            because = f"rule {data['name']}"
            return people.deliver(self._means.audiences, action, delivery.workspace, delivery.who, because, at)
        assert isinstance(action, Show)
        raise Undelivered("This is drawn by the website tag, not sent.", permanent=True)

    def _to_endpoint(self, delivery: Delivery, number: int, at: int) -> str:
        endpoint = next((e for e in self._outbox.endpoints() if e.id == number), None)
        if endpoint is None:
            raise Undelivered("The endpoint was removed.", permanent=True)
        if not endpoint.active:
            raise Undelivered("The endpoint is switched off.")
        reach = self._means.reach.allowing_loopback() if endpoint.listening else self._means.reach
        message = to_word(DELIVERY, delivery.id)
        return webhook.deliver(reach, endpoint.url, secrets_of(endpoint), message, at, delivery.body.encode())

    def _mail(self, action: Email, delivery: Delivery, data: dict[str, Any], message: str) -> str:
        to, unsubscribe = self._means.owner if action.to == "owner" else action.to, None
        if action.to == "person":
            to, unsubscribe = self._agreeing(delivery)
        if not to:
            raise Undelivered("The owner's address is not set; set owner in inkdot.toml.")
        subject = payload.filled(action.subject or "{sentence}", data)
        text = payload.filled(action.text, data)
        if action.to != "person":
            text = f"{text}\n\nRule: {data['name']}\n{_why(data)}"
        return email.deliver(
            self._means.post, self._means.owner, to, subject, text, message, self._clock(), unsubscribe
        )

    def _agreeing(self, delivery: Delivery) -> tuple[str, str | None]:
        """The person's address, if they agreed to be written to."""
        contact = ContactId(max(delivery.who, 0))
        address = self._means.people.address_of(delivery.workspace, contact) if contact else None
        if address is None:
            raise Undelivered("Nobody is known by address here.", permanent=True)
        if self._means.consents.agreed(delivery.workspace, contact, Purpose.MAIL) is not True:
            raise Undelivered("The person has not agreed to be written to.", permanent=True)
        return address, self._means.unsubscribe(delivery.workspace, address)

    def _push(self, action: Push, delivery: Delivery, data: dict[str, Any]) -> str:
        vapid, kept = self._means.vapid, self._means.browsers
        whose = OWNER
        if action.to == "person":
            whose = ContactId(max(delivery.who, 0))
            if self._means.consents.agreed(delivery.workspace, whose, Purpose.PUSH) is not True or not whose:
                raise Undelivered("The person has not allowed messages to a browser.", permanent=True)
        browsers = kept.of(delivery.workspace, whose) if kept else []
        if vapid is None or kept is None or not browsers:
            raise Undelivered("No browser has been allowed to be pushed to.", permanent=True)
        title = payload.filled(action.title, data) if action.title else str(data["name"])
        message = {"title": title, "text": payload.filled(action.text, data), "link": action.link or ""}
        said, trouble = 0, None
        for browser in browsers:
            try:
                push.deliver(self._means.reach, vapid, browser.endpoint, json.loads(browser.keys), message)
                said += 1
            except Gone:
                kept.forget(browser.endpoint)
            except Undelivered as error:
                trouble = error
        if trouble and not said:
            raise trouble
        return f"pushed to {said} of {len(browsers)}"


def secrets_of(endpoint: Endpoint) -> list[str]:
    """The secrets that sign for it."""
    return [endpoint.secret, *([endpoint.retiring] if endpoint.retiring else [])]


def _why(data: Mapping[str, Any]) -> str:
    return "\n".join(f"{e['rule']}: {e['fact']}" for e in data.get("evidence") or ())


def later(outbox: Outbox, deliveries: Sequence[DeliveryId], deliverer: Deliverer) -> list[tuple[Delivery, Attempt]]:
    """Try these now, one after the other."""
    found = [d for d in map(outbox.delivery, deliveries) if d is not None]
    return [(delivery, deliverer.deliver(delivery)) for delivery in found]
