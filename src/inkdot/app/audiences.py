"""Audiences, wired: lists that people join and leave, and what leaves the house of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from inkdot.act import audience, rule
from inkdot.act.audience import Person, Target
from inkdot.act.consent import Purpose
from inkdot.act.match import matching, page_test, trigger
from inkdot.act.match import wanted as facts_of
from inkdot.act.rule import Rule
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import AUDIENCE, AudienceId, ContactId, TriggerId, WorkspaceId, to_word
from inkdot.show.questions import here
from inkdot.store.audiences import KeptAudience
from inkdot.store.contract import iso
from inkdot.store.crowd import Doing, crowd, landings
from inkdot.store.events import EventStore

if TYPE_CHECKING:
    from inkdot.app.acting import Acting

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = ("audience_add", "audience_list", "audience_show", "audience_change", "audience_rm", "audience_export")
"""What may be asked; each is a method of Lists."""
_SECOND = 1_000_000
_RESTS = 20
"""How many times as long as it took a list is not refreshed again because somebody looks at it."""
_CLICKS_LAST = 90 * 86_400 * _SECOND
"""Microseconds for which platforms take a click as the cause."""


class Lists:
    """One folder's audiences."""

    def __init__(self, acting: Acting, now: Callable[[], int]) -> None:
        """`now` gives microseconds since 1970."""
        self._acting, self._store, self._now = acting, acting.audiences, now
        self._rests: dict[AudienceId, float] = {}

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    def refresh(self) -> int:
        """Let people join and leave by the rules; returns how many did."""
        return sum(
            self._refreshed(kept, workspace)
            for workspace in self._store.workspaces()
            for kept in self._store.audiences(workspace)
        )

    def audience_add(self, what: Asked) -> Answer:
        """Keep a list: `name`, `rule` as text, or no rule for one kept by hand and by triggers."""
        name = str(what.get("name", "")).strip()
        if not 1 <= len(name) <= 100:
            raise UsageError("The list needs a name of at most 100 characters.")
        text = rule.to_json(audience.read_rule(name, str(what["rule"]))) if what.get("rule") else None
        fresh = AudienceId(self._acting.fresh())
        kept = self._store.keep(fresh, name, text, self._now() // _SECOND, here(what))
        self._refreshed(kept, here(what))
        yield self._json(self._named(what))

    def audience_list(self, what: Asked) -> Answer:
        """All lists."""
        for kept in self._store.audiences(here(what)):
            yield self._json(kept)

    def audience_show(self, what: Asked) -> Answer:
        """Who is on a list."""
        kept = self._named(what)
        self._fresh_enough(kept, here(what))
        for member in self._store.members(kept.id):
            person = self._acting.person(here(what), member.contact)
            yield {"person": person, "joined": iso(member.time * _SECOND), "because": member.because}

    def audience_change(self, what: Asked) -> Answer:
        """Let a `person` `join` or leave by hand."""
        kept = self._named(what)
        if kept.rule:
            raise UsageError(f"{kept.name} has a rule, which decides who is on it.")
        address = normal_address(str(what.get("person", "")))
        contact = self._store.contact_of(address, here(what))
        if contact is None:
            raise NotFound(f"Nobody is known as {address}; mark something for that address first.")
        joining, leaving = ([contact], []) if what.get("join") else ([], [contact])
        self._store.change(kept.id, joining, leaving, "by hand", self._now() // _SECOND)
        yield self._json(self._named(what))

    def audience_rm(self, what: Asked) -> Answer:
        """Remove a list."""
        kept = self._named(what)
        self._store.forget(kept.id)
        yield {"audience": to_word(AUDIENCE, kept.id), "name": kept.name, "removed": True}

    def audience_export(self, what: Asked) -> Answer:
        """A list for `target`; `what_for`: members, removals or conversions. Counts what is left out, and why."""
        kept, target = self._named(what), _target(what.get("target"))
        self._refreshed(kept, here(what))
        people, left_out = self._exportable(kept, here(what))
        told: dict[str, Any] = {"audience": kept.name, "target": target}
        wanted, now = what.get("what_for") or "members", self._now() // _SECOND
        digests = {audience.digest(target, p.address) for p in people}
        if wanted == "removals":
            gone = sorted(self._store.exported(kept.id, target) - digests)
            text, rows = audience.removals_csv(target, gone), len(gone)
            if not what.get("dry_run"):
                self._store.note_export(kept.id, target, [], gone, now)
        elif wanted == "conversions":
            people = self._with_clicks(target, people, here(what))
            text = audience.conversions_csv(target, str(what.get("conversion") or kept.name), people)
            rows = sum(bool(p.clicks) for p in people)
            left_out["no_click_id"] += len(people) - rows
        else:
            text, rows = audience.members_csv(target, people), len(people)
            if not what.get("dry_run"):
                self._store.note_export(kept.id, target, digests, [], now)
        reasons = {reason: count for reason, count in left_out.items() if count}
        yield told | {"rows": rows, "left_out": sum(reasons.values()), "reasons": reasons, "csv": text}

    def _exportable(self, kept: KeptAudience, workspace: WorkspaceId) -> tuple[list[Person], Counter[str]]:
        """Who may be handed over, and why others may not."""
        found, left_out = [], Counter[str]()
        members = self._store.members(kept.id)
        addresses = dict(self._store.people(workspace))
        consents = self._acting.consents
        details = self._store.details(workspace)
        answers, asks_first = consents.answers(workspace, Purpose.ADVERTISING), consents.asks_first(workspace)
        for member in members:
            address, answer = addresses.get(member.contact), answers.get(member.contact)
            if address is None:
                left_out["no_address"] += 1
            elif answer is False:
                left_out["withdrawn"] += 1
            elif answer is None and asks_first:
                left_out["no_consent"] += 1
            else:
                known = details.get(member.contact, {})
                found.append(Person(address, member.time, member.because, details=known))
        return found, left_out

    def _with_clicks(self, target: Target, people: list[Person], workspace: WorkspaceId) -> list[Person]:
        assert self._acting.store
        clicks: dict[ContactId, list[tuple[str, str, int]]] = {}
        names = audience.CLICK_IDS[target]
        since = max(0, self._now() - _CLICKS_LAST)
        for contact, url, time in landings(self._acting.store, workspace, since, names):
            if click := audience.click_of(url, names):
                clicks.setdefault(contact, []).append((*click, time))
        by_address = {self._acting.person(workspace, contact): tuple(found) for contact, found in clicks.items()}
        return [p._replace(clicks=by_address.get(p.address, ())) for p in people]

    def _fresh_enough(self, kept: KeptAudience, workspace: WorkspaceId) -> None:
        """Refresh a list that is looked at; one that takes long rests twenty times as long."""
        begun = monotonic()
        if begun >= self._rests.get(kept.id, 0.0):
            self._refreshed(kept, workspace)
            done = monotonic()
            self._rests[kept.id] = done + _RESTS * (done - begun)

    def _refreshed(self, kept: KeptAudience, workspace: WorkspaceId) -> int:
        store = self._acting.store
        if kept.rule is None or store is None:
            return 0
        there = self._meeting(rule.kept(kept.rule), workspace, store)
        present = {m.contact for m in self._store.members(kept.id)}
        now = self._now() // _SECOND
        if there != present:
            self._store.change(kept.id, sorted(there - present), sorted(present - there), "rule", now)
        return len(there ^ present)

    def _meeting(self, wanted: Rule, workspace: WorkspaceId, store: EventStore) -> set[ContactId]:
        """Who meets a list's rule; what can be told of many people at once goes first."""
        when, item = wanted.when, trigger(TriggerId(0), workspace, 1, wanted)
        since = self._now() - rule.span(when.within or audience.LOOK_BACK)
        doing = Doing(
            rule.kinds(wanted), since, item.minimum, item.machines, wanted.repeats, when.count, when.seconds or 0,
            *facts_of(wanted)[1:],
        )  # fmt: skip
        found = crowd(store, workspace, doing, page_test(wanted))
        if when.person is not None:
            known, fits = dict(self._store.people(workspace)), matching(when.person)
            found = {contact for contact in found if contact in known and fits(known[contact])}
        if when.audience is not None:
            other = self._store.named(when.audience, workspace)
            found &= {m.contact for m in self._store.members(other.id)} if other else set()
        if when.score is not None:
            scores = self._acting.scores(workspace, found)
            found = {contact for contact in found if scores.get(contact, 0) >= when.score}
        return found

    def _named(self, what: Asked) -> KeptAudience:
        name = str(what.get("name", "")).strip()
        found = self._store.named(name, here(what))
        if found is None:
            raise NotFound(f"There is no audience {name!r}; 'inkdot audience list' shows those there are.")
        return found

    def _json(self, kept: KeptAudience) -> dict[str, Any]:
        known = json.loads(kept.rule) if kept.rule else None
        return {
            "audience": to_word(AUDIENCE, kept.id), "name": kept.name, "members": kept.members,
            "added": iso(kept.added * _SECOND),
            "rule": known and {k: v for k, v in known.items() if k not in ("name", "actions")},
        }  # fmt: skip


def _target(word: Any) -> Target:
    try:
        return Target(str(word))
    except ValueError:
        raise UsageError(f"{word!r} is no target; the targets are {', '.join(Target)}.") from None
