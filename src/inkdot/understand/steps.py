"""From pings to events: the ordered steps. Reading STEPS is reading what understanding does.

What depends only on the client - its header lines, method and network - is worked out once and shared: a batch of ten
thousand pings has some hundred distinct clients.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.event import FINAL_AFTER, Dropped, DropReason, Event, Kind, Scene
from inkdot.domain.evidence import MACHINES, Evidence, Field, Human, Raw, Reason, Status, Verdict
from inkdot.domain.ids import ContactId, DocumentId, EventId, MessageId, VisitorId, WorkspaceId
from inkdot.domain.lately import MOST
from inkdot.domain.ping import Ping
from inkdot.domain.reading import BEAT_TARGET
from inkdot.domain.token import Keyring, Token, TokenKind, read_bare
from inkdot.understand.address import Networks
from inkdot.understand.answered import answered
from inkdot.understand.behaviour import SECOND, Act, Behaviour
from inkdot.understand.channels import Channels
from inkdot.understand.client import NO_RAW, NOBODY, SOMEDAY, Client, Clients, Judge, client_of
from inkdot.understand.counted import Counted
from inkdot.understand.known import Known, Mails, NothingKnown
from inkdot.understand.own import Own
from inkdot.understand.reading import Readings
from inkdot.understand.rules import RuleBook, shipped
from inkdot.understand.visit import PAUSE
from inkdot.understand.website import NobodyKnown, People, Proof, Websites

_MOST_CLIENTS = 100_000
_MOST_PEOPLE = 1_000_000
_NEVER: tuple[int, Mapping[int, float]] = (0, {})
_ASK_AGAIN = 10 * SECOND
_REMEMBER = FINAL_AFTER * SECOND
_OLD_DATA_DAYS = 90
_TOLD_WITHIN = 86_400 * SECOND

# An enum is asked for each name, and a named tuple's own constructor takes twice as long: at every ping that adds up.
_tuple = tuple.__new__
_OPEN, _CLICK = Kind.OPEN, Kind.CLICK
_OFF, _HYGIENE, _INDIVIDUAL = Mode.OFF, Mode.HYGIENE, Mode.INDIVIDUAL
_IN_DOCUMENT, _OF_SITE = TokenKind.PAGE, TokenKind.SITE
_PROVEN = (Human.YES, Human.LIKELY)
_DOTS = (TokenKind.DOT, TokenKind.PAGE)
_IN_MESSAGE = (TokenKind.DOT, TokenKind.CLICK)
_SEEN_AS = {TokenKind.DOT: "open", TokenKind.PAGE: "page"}
"""What rules call it."""

Person = tuple[int, int, int]
"""Workspace, contact, message or link."""


@dataclass(slots=True)
class Outcome:
    """What a batch of pings came to."""

    events: list[Event] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    contacts: dict[tuple[WorkspaceId, ContactId], Address] = field(default_factory=dict)
    """People met for the first time."""
    relabelled: dict[EventId, Verdict] = field(default_factory=dict)
    """Earlier events that are judged otherwise since these pings came."""
    proofs: list[Proof] = field(default_factory=list)
    """Who visitors of websites turned out to be."""


class Understanding:
    """Turns pings into events. Remembers clients, and what was counted in the last minutes."""

    def __init__(
        self,
        keyring: Keyring,
        known: Known,
        networks: Networks | None = None,
        mails: Mails | None = None,
        book: RuleBook | None = None,
        people: People | None = None,
        channels: Channels | None = None,
    ) -> None:
        mails = mails or NothingKnown()
        self._keyring, self._known, self._mails = keyring, known, mails
        self._networks, self._judge = networks or Networks(), Judge(book or shipped())
        self._behaviour = Behaviour(self._judge, mails.links_of)
        self._own = Own(keyring, mails)
        self._handed: dict[int, tuple[int, Mapping[int, float]]] = {}
        self._clients = Clients(self._networks, self._judge)
        self._old_after: int | None = None
        self._people: set[ContactId] = set()
        self._counted = Counted()
        self._readings = Readings(known.last_time(), known.read_so_far, known.completions)
        last = known.last_time()
        told = partial(known.told_web, last - _TOLD_WITHIN, MOST)
        self._websites = Websites(keyring, people or NobodyKnown(), known.recent_web(last - PAUSE), told, channels)
        self._remember(known.recent(known.last_time() - _REMEMBER))

    def batch(self, pings: Iterable[Ping]) -> Outcome:
        """Understand pings in the order given; the same pings after the same past give the same outcome."""
        outcome = Outcome()
        for ping in pings:
            self._understand(ping, outcome)
        self._relabel(outcome)
        self._infer_opens(outcome)
        self._sweep(outcome)
        return outcome

    def forget(self, visitors: Collection[VisitorId]) -> None:
        """Ask memory again who these are."""
        self._websites.forget(visitors)

    def _understand(self, ping: Ping, outcome: Outcome) -> None:
        # STEPS: refuse what is forged; respect the mode; name the client and weigh it; find the person; fold repeats.
        if not ping.token:
            outcome.dropped.append(Dropped(ping.id, ping.time, DropReason.ERASED))
            return
        if not self._keyring.genuine(ping.token):
            outcome.dropped.append(Dropped(ping.id, ping.time, DropReason.FORGED))
            return
        token = read_bare(ping.token)
        if token.mode is _OFF:
            outcome.dropped.append(Dropped(ping.id, ping.time, DropReason.TRACKING_OFF))
            return
        if ping.target:
            self._elsewhere(ping, token, outcome)
            return
        client = self._client(ping, token)
        if token.contact and token.contact not in self._people:
            self._meet(ping, token, outcome)
        event = self._fold(ping, token, client)
        if token.mode is _HYGIENE:
            event = event._replace(message=None, part=0, repeat_of=None)  # the day of an open, not of which mail
        if token.contact and client.kind:
            event = self._weigh(event, token, client, outcome)
        if event.kind is _CLICK:
            self._websites.clicked(ping, token, event)
        outcome.events.append(event)

    def _elsewhere(self, ping: Ping, token: Token, outcome: Outcome) -> None:
        """What another door than that for dots and links wrote down."""
        if token.kind is _OF_SITE:
            self._sent_by_site(ping, token, outcome)
            return
        event = self._told_elsewhere(ping, token)
        if isinstance(event, Dropped):
            outcome.dropped.append(event)
            return
        if token.contact:
            if token.contact not in self._people:
                self._meet(ping, token, outcome)
            # The mail door writes twice what it was killed over.
            act = (ping.target, token.object, token.contact, ping.body, token.workspace)
            if (counted := self._counted.before(act, ping.time, event.id)) is not None:
                event = event._replace(repeat_of=counted)
        outcome.events.append(event)

    def _told_elsewhere(self, ping: Ping, token: Token) -> Event | Dropped:
        version = self._judge.book.version
        if ping.target == BEAT_TARGET:
            client = self._client(ping, token)
            return self._readings.understand(ping, token, client.raw, client.verdict, version)
        return answered(ping, token, version) or Dropped(ping.id, ping.time, DropReason.UNKNOWN)

    def _sent_by_site(self, ping: Ping, token: Token, outcome: Outcome) -> None:
        """What a website sent, and who its visitor turned out to be."""
        client = self._client(ping, token)
        found, proofs = self._websites.understand(ping, token, client.raw, client.verdict, self._judge.book.version)
        if isinstance(found, Dropped):
            outcome.dropped.append(found)
        else:
            outcome.events.append(found)
        outcome.proofs += proofs
        for proof in proofs:
            if proof.address:
                outcome.contacts[token.workspace, proof.contact] = proof.address

    # -- the client

    def _client(self, ping: Ping, token: Token) -> Client:
        """Equal clients are one object."""
        if token.mode is not _INDIVIDUAL:
            return NOBODY if token.mode is Mode.AGGREGATE else SOMEDAY
        kind = "visit" if ping.target else _SEEN_AS.get(token.kind, "click")
        method = "GET" if ping.target else ping.method  # that a tag posts says nothing about who it is
        block, network = self._clients.block(method, ping.headers), self._networks.of(ping.address)
        own = self._own.who(ping, token, marked=block.marked)
        old = ping.time > (self._old_after or self._geo_is_old_after())
        return self._clients.of(kind, block, network, own, old=old)

    def _is_old(self, time: int) -> bool:
        """True if the geographic data were too old at that time; replaying later gives the same answer."""
        return time > (self._old_after or self._geo_is_old_after())

    def _geo_is_old_after(self) -> int:
        day = dt.datetime.fromisoformat(self._networks.date).replace(tzinfo=dt.UTC)
        self._old_after = int((day + dt.timedelta(days=_OLD_DATA_DAYS)).timestamp()) * SECOND
        return self._old_after

    # -- the person

    def _meet(self, ping: Ping, token: Token, outcome: Outcome) -> None:
        self._people.add(token.contact)  # contacts of two workspaces have different ids
        address = self._keyring.address_of(ping.token)
        if address:
            outcome.contacts[token.workspace, token.contact] = address

    # -- what happened around it

    def _weigh(self, event: Event, token: Token, client: Client, outcome: Outcome) -> Event:
        """The event judged together with the others of the last minutes, and those judged anew because of it."""
        whose = (token.workspace, token.object, token.contact)
        handed = self._sent(token, event.time)
        act = _tuple(Act, (event.time, event.id, client.kind, event.link, event.part, client, handed))
        verdict, changes = self._behaviour.take(whose, act)
        for other, changed in changes:
            outcome.relabelled.update(_with_inferred(other.id, other.kind, changed))
        return event if verdict is event.verdict else event._replace(verdict=verdict)

    def _sent(self, token: Token, time: int) -> float | None:
        """When this person's copy was handed over, where somebody knows it."""
        if token.kind not in _IN_MESSAGE:
            return None
        asked, handed = self._handed.get(token.object, _NEVER)
        if token.contact not in handed and not asked <= time < asked + _ASK_AGAIN:
            if len(self._handed) > _MOST_CLIENTS:
                self._handed.clear()
            handed = self._mails.handed_over(token.object)
            self._handed[token.object] = (time, handed)
        return handed.get(token.contact)

    def _relabel(self, outcome: Outcome) -> None:
        """Events of this batch get their changed verdicts here; the others are left for the store."""
        if outcome.relabelled:
            for place, event in enumerate(outcome.events):
                if (changed := outcome.relabelled.pop(event.id, None)) is not None:
                    outcome.events[place] = event._replace(verdict=changed)

    # -- repeats

    def _fold(self, ping: Ping, token: Token, client: Client) -> Event:
        """The event, marked as a repeat if the same client did the same just before."""
        event, link, repeat_of = EventId(ping.id), token.link, None
        in_document = token.kind is _IN_DOCUMENT
        if token.contact:
            page = token.part if in_document else None
            act = (token.object, token.contact, link, page, client.number, token.workspace)
            repeat_of = self._counted.before(act, ping.time, event)
        kind, destination = _OPEN, None
        if token.kind not in _DOTS:
            kind, destination = _CLICK, token.destination.decode("utf-8", "backslashreplace")
        return _tuple(Event, (
            event, ping.time, kind, token.workspace, token.contact, None,
            MessageId(token.object) if token.kind in _IN_MESSAGE else None, link, token.part, destination,
            client.verdict, client.raw, (), repeat_of, self._judge.book.version,
            Scene(document=DocumentId(token.object), page=token.part or None) if in_document else None,
        ))  # fmt: skip

    def _remember(self, events: Iterable[Event]) -> None:
        for event in events:
            if not event.contact or _inferred(event) or event.kind not in (_OPEN, _CLICK):
                continue
            self._recall(event)
            if event.repeat_of is None:
                act = (
                    _thing(event),
                    event.contact,
                    event.link,
                    _page(event),
                    self._clients.number(event.raw),
                    event.workspace,
                )
                self._counted.count(act, event.time, event.id)

    def _recall(self, event: Event) -> None:
        """Let an event from before a restart stand beside those to come."""
        if event.raw != NO_RAW and (thing := _thing(event)) is not None:
            client = self._clients.again(_seen_as(event), event.raw, old=self._is_old(event.time))
            handed = self._mails.handed_over(thing).get(event.contact) if event.message is not None else None
            act = Act(event.time, event.id, client.kind, event.link, event.part, client, handed)
            self._behaviour.take((int(event.workspace), thing, int(event.contact)), act)

    def _sweep(self, outcome: Outcome) -> None:
        if outcome.events:
            self._behaviour.sweep(outcome.events[-1].time)
            self._counted.sweep(outcome.events[-1].time)
        if len(self._people) > _MOST_PEOPLE:
            self._people.clear()
        if self._clients.outgrown():
            # Forgets what could be folded across this point: at worst a repeat is counted once more.
            self._clients.forget()
            self._counted.clear()

    # -- opens that only a click tells of

    def _infer_opens(self, outcome: Outcome) -> None:
        """A click that no machine made proves that the mail was open, even if its images were blocked."""
        opened: set[Person] = set()
        unopened: dict[Person, Event] = {}
        told = {
            (e.workspace, e.contact, e.message)
            for e in outcome.events
            if e.kind is not _OPEN and e.contact and e.message is not None and e.verdict.human in _PROVEN
        }
        for event in outcome.events if told else ():
            who = (event.workspace, event.contact, event.message)
            if who not in told:
                continue
            if event.kind is _OPEN:
                if event.verdict.actor not in MACHINES:
                    opened.add(who)
            elif who not in opened and event.repeat_of is None and event.verdict.human in _PROVEN:
                # Only what came before the click counts, so that the outcome does not depend on where batches end.
                unopened.setdefault(who, event)
        known = self._known.opened(unopened)
        outcome.events.extend(_inferred_open(click) for who, click in unopened.items() if who not in known)


def _inferred_open(click: Event) -> Event:
    verdict = _of_inferred(click.verdict, "click" if click.kind is _CLICK else "reply")
    return click._replace(id=EventId(click.id + 1), kind=_OPEN, link=None, part=0, url=None, verdict=verdict)


def _of_inferred(verdict: Verdict, proof_by: str = "click") -> Verdict:
    """A click's or reply's verdict for the open that it proves, or that it would prove had no machine made it."""
    fields = verdict.fields._replace(time=Field(None, Status.DEGRADED, Reason.INFERRED))
    proof = Evidence("C1", f"a {proof_by} shows that the mail was open")
    return verdict._replace(fields=fields, evidence=verdict.evidence if verdict.actor in MACHINES else (proof,))


def _thing(event: Event) -> int | None:
    """What the token of an event was about."""
    if event.scene is not None and event.scene.document is not None:
        return event.scene.document
    return event.link if event.message is None else event.message


def _page(event: Event) -> int | None:
    in_document = event.scene is not None and event.scene.document is not None
    return event.part if in_document else None


def _seen_as(event: Event) -> str:
    in_document = event.kind is _OPEN and event.scene is not None and event.scene.document is not None
    return "page" if in_document else str(event.kind)


def _inferred(event: Event) -> bool:
    return bool(event.id & 3)


class Again:
    """Judges events that were kept, in the order of their times, by another rule book."""

    def __init__(self, mails: Mails, book: RuleBook) -> None:
        self._mails, self._judge = mails, Judge(book)
        self._behaviour = Behaviour(self._judge, mails.links_of)
        self._numbers: dict[Raw, int] = {}

    def judge(self, event: Event) -> Iterator[tuple[EventId, Verdict]]:
        """The event's verdict, and verdicts of earlier ones that change because of it."""
        thing = _thing(event)
        if event.raw == NO_RAW or not event.contact or thing is None:
            return
        if _inferred(event):
            return  # goes with its click
        old = event.verdict.fields.location.reason is Reason.GEO_DATA_OLD
        kind = _seen_as(event)
        number = self._numbers.setdefault(event.raw, len(self._numbers) + 1)
        alone = self._judge.verdict(kind, event.raw, old_data=old)
        handed = self._mails.handed_over(thing).get(event.contact) if event.message is not None else None
        client = client_of(kind, event.raw, alone, number, old_data=old)
        act = Act(event.time, event.id, client.kind, event.link, event.part, client, handed)
        verdict, changes = self._behaviour.take((int(event.workspace), thing, int(event.contact)), act)
        yield from _with_inferred(event.id, kind, verdict)
        for other, changed in changes:
            yield from _with_inferred(other.id, other.kind, changed)
        self._behaviour.sweep(event.time)


def _with_inferred(event: EventId, kind: str, verdict: Verdict) -> Iterator[tuple[EventId, Verdict]]:
    yield event, verdict
    if kind == _CLICK:
        yield EventId(event + 1), _of_inferred(verdict)
