"""Acting, wired: the watch, the deliverer, and what the command line and the office may ask of rules."""

from __future__ import annotations

import ipaddress
import json
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from inkdot.act import payload, rule, signing
from inkdot.act.channels import Gone, Undelivered, push
from inkdot.act.consent import Ledger, NothingOnRecord
from inkdot.act.deliver import Deliverer, Means
from inkdot.act.match import trigger as made
from inkdot.act.reach import Reach
from inkdot.act.rehearse import Example, as_tried, rehearse, rehearse_silence
from inkdot.act.rule import Ntfy, Push, Show, Webhook
from inkdot.act.silence import endings
from inkdot.act.watch import EMAIL, SECOND, Watch
from inkdot.app.audiences import Lists
from inkdot.app.folder import Folder, write_whole
from inkdot.app.guests import must_be_asked, shown_id
from inkdot.app.marking import mint_of, public_url_of
from inkdot.app.outgoing import poster
from inkdot.app.vapid import vapid
from inkdot.app.warmth import ForPages, warmth
from inkdot.app.webhooks import KEEP_DAYS, Webhooks
from inkdot.collect.shown import NAME as SHOWN
from inkdot.domain.contact import Address
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import (
    EVENT,
    MESSAGE,
    SITE,
    TRIGGER,
    ContactId,
    EventId,
    MessageId,
    SiteId,
    TriggerId,
    WorkspaceId,
    from_word,
    to_word,
)
from inkdot.domain.token import UNSUBSCRIBE
from inkdot.mark.mint import Person
from inkdot.settings import Settings
from inkdot.show.questions import here, since_of
from inkdot.store.audiences import Audiences
from inkdot.store.contract import iso
from inkdot.store.control import Control
from inkdot.store.crowd import first_heard
from inkdot.store.events import EventStore
from inkdot.store.outbox import NewDelivery, Outbox
from inkdot.store.subscriptions import OWNER, Subscriptions
from inkdot.store.triggers import KeptTrigger, Triggers

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = ("trigger_add", "trigger_list", "trigger_versions", "trigger_test", "trigger_switch", "trigger_rm", "push_test")
"""What the command line and the office may ask; each is a method of Acting."""
_DAY = 86_400
_SIGHTING_DAYS = 90


def fresh() -> int:
    """A new id."""
    return int.from_bytes(os.urandom(8), "big") >> 1


def reach_of(private_networks: Sequence[str]) -> Reach:
    """What reaches out to addresses that a user named, and to networks of one's own."""
    return Reach([ipaddress.ip_network(n, strict=False) for n in private_networks])


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
        self._folder, self._settings, self._control, self._now = folder, settings, control, now
        self.outbox, self.triggers = Outbox(folder.control), Triggers(folder.control)
        self.audiences, self.browsers = Audiences(folder.control), Subscriptions(folder.control)
        self.store: EventStore | None = None
        self._changing = threading.Lock()
        self.consents: Ledger = NothingOnRecord()
        self.watch = Watch(self.outbox, self.triggers, self, now)
        self._means = Means(
            reach_of(settings.private_networks), poster(folder, settings), settings.owner, control, self, self.audiences,
            vapid(folder, settings.owner), self.browsers, self._privacy_page,
        )  # fmt: skip
        self.lists, self.webhooks = Lists(self, now), Webhooks(self, now)
        self._told = told
        self.warm = ForPages(self.triggers, self.audiences, now)
        self.deliverer = Deliverer(self.outbox, self._means, self._paused, clock=lambda: now() / SECOND)
        self.show()  # a restored folder has no such file yet

    def _privacy_page(self, workspace: WorkspaceId, address: Address) -> str:
        url = public_url_of(self._folder, self._settings)
        mint = mint_of(self._settings, self._folder.keyring(), url, workspace)
        return mint.privacy(Person.known(mint, address), 0, self._now() // SECOND, UNSUBSCRIBE)

    def _paused(self, target: str, why: str) -> None:
        """Nothing goes to a place any more: the log says so, and the owner is written to where mail can be sent."""
        self._told(target, why)
        if self._means.post and self._means.owner and target != EMAIL:
            now = self._now()
            text = (
                f"Nothing is sent to {target} any more, after {why}\n\nWhat was to go there waits and is not lost. "
                f"When it works again:\n\n    inkdot webhook resume {target}\n"
            )
            action = {"do": "digest", "to": self._means.owner, "subject": f"Inkdot: {target} is paused", "text": text}
            body = payload.envelope("place.paused", now, {"name": target, "reason": why})
            event, at = EventId(now), now // SECOND
            number = payload.delivery_id(0, event, 0)
            row = NewDelivery(
                number, 0, event, 0, WorkspaceId(1), 0, EMAIL, json.dumps(action), json.dumps(body), True, at, at
            )
            self.outbox.add([row])

    @staticmethod
    def fresh() -> int:
        """A new id."""
        return fresh()

    def close(self) -> None:
        """Let go of everything."""
        self.deliverer.close()
        for store in (self.outbox, self.triggers, self.audiences, self.browsers):
            store.close()

    def tidy(self) -> None:
        """Forget what nobody needs any more."""
        now = self._now()
        self.lists.refresh()
        self.warm.reload()
        conditions, needed = self.watch.counting()
        self.outbox.tidy(
            now // SECOND - KEEP_DAYS * _DAY, now - min(needed, _SIGHTING_DAYS * _DAY * SECOND), conditions
        )

    # -- what rules ask about people

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: Any) -> bool | None:
        """As Consents says."""
        return self.consents.agreed(workspace, contact, purpose)

    def person(self, workspace: WorkspaceId, contact: ContactId) -> Address | None:
        """As Society says."""
        return self._control.address_of(workspace, contact)

    def scores(self, workspace: WorkspaceId, people: Collection[ContactId] | None) -> Mapping[ContactId, int]:
        """As Society says."""
        return warmth(self.store, workspace, people, self._now()) if self.store else {}

    def in_audience(self, workspace: WorkspaceId, contact: ContactId, name: str) -> bool:
        """As Society says."""
        return self.audiences.is_member(workspace, name, contact)

    def subjects(self, messages: Iterable[MessageId]) -> Mapping[MessageId, str | None]:
        """As Society says."""
        return self._control.subjects(messages)

    def first_heard(self, workspace: WorkspaceId, messages: Iterable[MessageId]) -> Mapping[tuple[int, MessageId], int]:
        """As Society says."""
        return first_heard(self.store, workspace, messages) if self.store else {}

    # -- triggers

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """What may be asked, by name."""
        return {name: getattr(self, name) for name in ASKS} | self.webhooks.asks() | self.lists.asks()

    def trigger_add(self, what: Asked) -> Answer:
        """Keep a rule: `rule` as text."""
        wanted = rule.read(str(what.get("rule", "")))
        to_owner = any(isinstance(a, Push) and a.to == "owner" for a in wanted.actions)
        if to_owner and not self.browsers.of(here(what), OWNER):
            raise UsageError("No browser of yours may be pushed to; open what 'inkdot push link' prints in it first.")
        known = next((t for t in self.triggers.triggers(here(what)) if t.name == wanted.name), None)
        wanted = _with_secrets(wanted, rule.kept(known.rule) if known else None)
        number = known.id if known else TriggerId(fresh())
        kept = self.triggers.keep(number, wanted.name, rule.to_json(wanted), self._now(), here(what))
        self.changed()
        yield trigger_json(kept)

    def trigger_list(self, what: Asked) -> Answer:
        """All rules."""
        for kept in self.triggers.triggers(here(what)):
            yield trigger_json(kept)

    def trigger_versions(self, what: Asked) -> Answer:
        """What a `trigger` said, version by version, the one in use last."""
        kept = self._trigger(what)
        for version, text, time in self.triggers.versions(kept.id):
            told = {
                "trigger": to_word(TRIGGER, kept.id),
                "name": kept.name,
                "version": version,
                "since": iso(time * SECOND),
            }
            yield told | {"in_use": version == kept.version and kept.active, "rule": json.loads(text)}

    def trigger_test(self, what: Asked) -> Answer:
        """Try a rule (`rule` as text, or `trigger`) on the past since `since`."""
        kept = self._trigger(what) if what.get("trigger") else None
        wanted = rule.kept(kept.rule) if kept else rule.read(str(what.get("rule", "")))
        assert self.store
        since, now, workspace = since_of(what.get("since") or "7d", self._now()), self._now(), here(what)
        item = made(kept.id if kept else TriggerId(0), workspace, kept.version if kept else 1, wanted)
        item, left_aside = as_tried(item)
        if wanted.when.not_opened_for:
            outcome = rehearse_silence(item, endings(item, self.outbox, self, since, now), self)
        else:
            outcome = rehearse(item, (e for e in self.store.all(since=since) if e.workspace == workspace), self)
        yield {
            "name": wanted.name, "since": iso(since), "events": outcome.events,
            "would_have_fired": outcome.met, "on_machines": outcome.machines, "fires": outcome.fired,
            "held_back_by_limits": outcome.capped, "people": len(outcome.people - {0}), "evidence": wanted.evidence,
            "left_aside": left_aside,
            "examples": [self._example(workspace, example) for example in outcome.examples],
        }  # fmt: skip

    def trigger_switch(self, what: Asked) -> Answer:
        """Switch one on or off."""
        kept = self._trigger(what)
        self.triggers.switch(kept.id, on=bool(what.get("on")), now=self._now() // SECOND)
        self.changed()
        yield trigger_json(self._trigger(what))

    def trigger_rm(self, what: Asked) -> Answer:
        """Remove one."""
        kept = self._trigger(what)
        self.triggers.forget(kept.id)
        self.changed()
        yield {"trigger": to_word(TRIGGER, kept.id), "name": kept.name, "removed": True}

    def push_test(self, what: Asked) -> Answer:
        """Push a message to each of the owner's browsers now, and what their services said."""
        message = {"title": "Inkdot", "text": "Messages arrive in this browser.", "link": ""}
        key = self._means.vapid
        for browser in self.browsers.of(here(what), OWNER) if key else []:
            try:
                assert key
                said, done = (
                    push.deliver(self._means.reach, key, browser.endpoint, json.loads(browser.keys), message),
                    True,
                )
            except Undelivered as error:
                said, done = str(error), False
                if isinstance(error, Gone):
                    self.browsers.forget(browser.endpoint)
            yield {"name": browser.name, "added": iso(browser.added * SECOND), "done": done, "said": said}

    def _example(self, workspace: WorkspaceId, example: Example) -> dict[str, Any]:
        return {
            "event": None if example.event is None else to_word(EVENT, example.event),
            "message": None if example.message is None else to_word(MESSAGE, example.message),
            "time": iso(example.time),
            "person": self.person(workspace, example.contact) if example.contact else None,
            "human": example.human,
        }

    def _trigger(self, what: Asked) -> KeptTrigger:
        word = str(what.get("trigger", ""))
        number = from_word(TRIGGER, word) if word.startswith(f"{TRIGGER}_") else None
        found = next((t for t in self.triggers.triggers(here(what)) if t.id == number or t.name == word), None)
        if found is None:
            raise NotFound(f"There is no trigger {word!r}; 'inkdot trigger list' shows those there are.")
        return found

    def changed(self) -> None:
        """Let the watch and the street know. One after the other: who reads the rules last has read the latest."""
        with self._changing:
            self.watch.reload()
            self.warm.reload()
            self.show()

    def show(self) -> None:
        """Write down for the street what is drawn on pages, if it is something else than before."""
        path, content = self._folder.root / SHOWN, json.dumps(self._shown()).encode()
        if (path.read_bytes() if path.exists() else b"{}") != content:
            write_whole(path, content)

    def _shown(self) -> dict[str, list[dict[str, Any]]]:
        """What is drawn on pages, by site; under * for all sites."""
        found: dict[str, list[dict[str, Any]]] = {}
        sites = self._control.sites_by_workspace()
        for number, workspace, version, text, _ in self.triggers.active():
            known = rule.kept(text)
            when = known.when
            shown = [msgspec.structs.asdict(a) for a in known.actions if isinstance(a, Show)]
            for site in _shown_on(when.site, workspace, sites) if shown else ():
                url = rule.texts(when.url)
                found.setdefault(site, []).append(
                    {"id": shown_id(number, version), "url": url, "seconds": when.seconds or 0,
                     "scroll": when.scroll or 0, "leaving": when.leaving, "count": when.count,
                     "within": rule.span(when.within) // 1000 if when.within else 0, "ask": must_be_asked(known), "show": [a | {"every": rule.span(a["every"]) // 1000 if a.get("every") else 0} for a in shown]}
                )  # fmt: skip
        return found


def _shown_on(site: str | None, workspace: WorkspaceId, sites: Mapping[WorkspaceId, list[SiteId]]) -> list[str]:
    """The sites that a rule may show something on: its workspace's own, `*` where no other workspace has any."""
    own = [to_word(SITE, number) for number in sites.get(workspace, ())]
    if site is not None:
        return [word for word in own if word == site]
    return ["*"] if not sites.keys() - {workspace} else own


def trigger_json(kept: KeptTrigger) -> dict[str, Any]:
    """A rule as it is shown."""
    return {
        "trigger": to_word(TRIGGER, kept.id), "name": kept.name, "version": kept.version, "active": kept.active,
        "fired": kept.fired, "last": None if kept.last is None else iso(kept.last), "held_back_by_limits": kept.capped,
        "added": iso(kept.added * SECOND), "changed": iso(kept.changed * SECOND), "rule": json.loads(kept.rule),
    }  # fmt: skip


def _with_secrets(wanted: rule.Rule, known: rule.Rule | None) -> rule.Rule:
    """What actions sign and sign in with: what is given, what the rule had for that place, or a new secret."""
    before = {a.url: a for a in known.actions if isinstance(a, Webhook | Ntfy)} if known else {}
    actions: list[rule.Action] = []
    for action in wanted.actions:
        had = before.get(action.url) if isinstance(action, Webhook | Ntfy) else None
        if isinstance(action, Webhook):
            kept = had.secret if isinstance(had, Webhook) else None
            secret = action.secret or kept or signing.fresh_secret(os.urandom)
            signing.secret_bytes(secret)
            actions.append(msgspec.structs.replace(action, secret=secret))
        elif isinstance(action, Ntfy) and action.token is None and isinstance(had, Ntfy):
            actions.append(msgspec.structs.replace(action, token=had.token))
        else:
            actions.append(action)
    return msgspec.structs.replace(wanted, actions=actions)
