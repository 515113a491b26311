"""From pings to events: the ordered steps. Reading STEPS is reading what understanding does.

What depends only on the client - its header lines, method and network - is worked out once and shared: a batch of ten
thousand pings has some hundred distinct clients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.event import Dropped, DropReason, Event, Kind, Scene
from inkdot.domain.evidence import MACHINES, Evidence, Field, Human, Raw, Reason, Status, Verdict
from inkdot.domain.ids import ContactId, DocumentId, EventId, LinkId, MessageId, WorkspaceId
from inkdot.domain.ping import Ping
from inkdot.domain.reading import BEAT_TARGET
from inkdot.domain.token import Keyring, Token, TokenKind, read_bare
from inkdot.understand.address import Network, Networks
from inkdot.understand.agent import clean, name
from inkdot.understand.known import Known
from inkdot.understand.machine import VERSION, Seen
from inkdot.understand.reading import Readings
from inkdot.understand.verdict import CONSENT, HYGIENE, verdict

FOLD_WITHIN = 180_000_000
"""Microseconds in which the same client's same act on the same thing is one act (Gmail fetches several times)."""
_MOST_CLIENTS = 50_000
_MOST_PEOPLE = 1_000_000
_MOST_NUMBERS = 500_000
_TELLING = frozenset(
    {"accept", "accept-language", "accept-encoding", "referer", "purpose", "x-moz", "x-purpose", "dnt", "via",
     "next-router-prefetch", "x-fb-http-engine", "x-requested-with", "from"}
)  # fmt: skip
_NO_RAW = Raw(None, "GET", (), None, ())

_DOTS = (TokenKind.DOT, TokenKind.PAGE)
_IN_MESSAGE = (TokenKind.DOT, TokenKind.CLICK)
_FOLDED = (Kind.OPEN, Kind.CLICK)

Person = tuple[int, int, int]
"""Workspace, contact, message or link."""


class Client(NamedTuple):
    """What is the same for all pings of one client."""

    raw: Raw
    verdict: Verdict
    number: int
    """Equal raws have equal numbers: cheaper to compare than the raws themselves."""


@dataclass(slots=True)
class Outcome:
    """What a batch of pings came to."""

    events: list[Event] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    contacts: dict[tuple[WorkspaceId, ContactId], Address] = field(default_factory=dict)
    """People met for the first time."""


class Understanding:
    """Turns pings into events. Remembers clients, and what was counted in the last minutes."""

    def __init__(self, keyring: Keyring, known: Known, networks: Networks | None = None) -> None:
        self._keyring, self._known = keyring, known
        self._networks = networks or Networks()
        self._clients: dict[tuple[str, str, bytes, int], Client] = {}
        self._numbers: dict[Raw, int] = {_NO_RAW: 0}
        self._people: set[tuple[WorkspaceId, ContactId]] = set()
        self._counted: dict[tuple[object, ...], tuple[int, EventId]] = {}
        self._swept = 0
        self._readings = Readings(known.last_time(), known.read_so_far)
        self._remember(known.recent(known.last_time() - FOLD_WITHIN))

    def batch(self, pings: Iterable[Ping]) -> Outcome:
        """Understand pings in the order given; the same pings after the same past give the same outcome."""
        outcome = Outcome()
        for ping in pings:
            self._understand(ping, outcome)
        self._infer_opens(outcome)
        self._sweep(outcome)
        return outcome

    def _understand(self, ping: Ping, outcome: Outcome) -> None:
        # STEPS: refuse what is forged; respect the mode; name the client and weigh it; find the person; fold repeats.
        if not self._keyring.genuine(ping.token):
            outcome.dropped.append(Dropped(ping.id, ping.time, DropReason.FORGED))
            return
        token = read_bare(ping.token)
        if token.mode is Mode.OFF:
            outcome.dropped.append(Dropped(ping.id, ping.time, DropReason.TRACKING_OFF))
            return
        if ping.target:
            self._sent(ping, token, outcome)
            return
        client = self._client(ping, token)
        if token.contact:
            self._meet(ping, token, outcome)
        outcome.events.append(self._fold(ping, token, client))

    def _sent(self, ping: Ping, token: Token, outcome: Outcome) -> None:
        """What came with a body."""
        if ping.target != BEAT_TARGET:
            outcome.dropped.append(Dropped(ping.id, ping.time, DropReason.UNKNOWN))
            return
        client = self._client(ping, token)
        found = self._readings.understand(ping, token, client.raw, client.verdict, VERSION)
        if isinstance(found, Dropped):
            outcome.dropped.append(found)
            return
        outcome.events.append(found)
        if token.contact:
            self._meet(ping, token, outcome)

    # -- the client

    def _client(self, ping: Ping, token: Token) -> Client:
        """Equal clients are one object."""
        if token.mode is not Mode.INDIVIDUAL:
            return _NOBODY if token.mode is Mode.AGGREGATE else _SOMEDAY
        kind = "visit" if ping.target else "open" if token.kind in _DOTS else "click"
        method = "GET" if ping.target else ping.method  # that a script posts says nothing about who it is
        network = self._networks.of(ping.address)
        key = (kind, method, ping.headers, id(network))  # networks are few and live as long as their table
        known = self._clients.get(key)
        if known is None:
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            raw, judged = see(kind, method, ping.headers, network)
            known = self._clients[key] = Client(raw, judged, self._number(raw))
        return known

    def _number(self, raw: Raw) -> int:
        return self._numbers.setdefault(raw, len(self._numbers))

    # -- the person

    def _meet(self, ping: Ping, token: Token, outcome: Outcome) -> None:
        who = (token.workspace, token.contact)
        if who not in self._people:
            self._people.add(who)
            address = self._keyring.address_of(ping.token)
            if address:
                outcome.contacts[who] = address

    # -- repeats

    def _fold(self, ping: Ping, token: Token, client: Client) -> Event:
        """The event, marked as a repeat if the same client did the same within FOLD_WITHIN of a counted one."""
        link = token.link
        if not token.contact:
            return _event(ping, token, client, link, None)
        page = token.part if token.kind is TokenKind.PAGE else None
        act = (token.object, token.contact, link, page, client.number, token.workspace)
        counted = self._counted.get(act)
        if counted is not None and abs(ping.time - counted[0]) <= FOLD_WITHIN:
            return _event(ping, token, client, link, counted[1])
        self._counted[act] = (ping.time, EventId(ping.id))
        return _event(ping, token, client, link, None)

    def _remember(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.kind in _FOLDED and event.repeat_of is None and event.contact and not _inferred(event):
                act = (_thing(event), event.contact, event.link, _page(event), self._number(event.raw), event.workspace)
                self._counted[act] = (event.time, event.id)

    def _sweep(self, outcome: Outcome) -> None:
        if outcome.events and len(self._counted) > 2 * self._swept + 10_000:
            newest = max(e.time for e in outcome.events)
            self._counted = {k: v for k, v in self._counted.items() if newest - v[0] <= 2 * FOLD_WITHIN}
            self._swept = len(self._counted)
        if len(self._people) > _MOST_PEOPLE:
            self._people.clear()
        if len(self._numbers) > _MOST_NUMBERS:
            # Forgets what could be folded across this point: at worst a repeat is counted once more.
            self._numbers = {_NO_RAW: 0}
            self._clients.clear()
            self._counted.clear()

    # -- opens that only a click tells of

    def _infer_opens(self, outcome: Outcome) -> None:
        """A click that no machine made proves that the mail was open, even if its images were blocked."""
        opened: set[Person] = set()
        unopened: dict[Person, Event] = {}
        for event in outcome.events:
            if event.message is None or not event.contact:
                continue
            who = (event.workspace, event.contact, event.message)
            if event.kind is Kind.OPEN:
                if event.verdict.actor not in MACHINES:
                    opened.add(who)
            elif who not in opened and event.repeat_of is None and event.verdict.human in (Human.YES, Human.LIKELY):
                # Only what came before the click counts, so that the outcome does not depend on where batches end.
                unopened.setdefault(who, event)
        known = self._known.opened(unopened)
        outcome.events.extend(_inferred_open(click) for who, click in unopened.items() if who not in known)


def see(kind: str, method: str, headers: bytes, network: Network) -> tuple[Raw, Verdict]:
    """Work out one client from its verbatim header lines."""
    lines = [line.partition(b":") for line in headers.split(b"\r\n") if line]
    named = [(n.decode("latin-1").strip().lower(), clean(v.decode("latin-1").strip())) for n, _, v in lines]
    everything = dict(reversed(named))
    agent = everything.get("user-agent") or None
    told = tuple((n, v) for n, v in named if n in _TELLING or n.startswith("sec-"))
    raw = Raw(agent, method, told, network.asn, network.tags)
    seen = Seen(kind, method, agent or "", dict(told), network.tags, network.asn, name(agent, dict(told)), {})
    return raw, verdict(seen)


_NOBODY = Client(_NO_RAW, CONSENT, 0)
_SOMEDAY = Client(_NO_RAW, HYGIENE, 0)


def _event(ping: Ping, token: Token, client: Client, link: LinkId | None, repeat_of: EventId | None) -> Event:
    kind, destination = Kind.OPEN, None
    if token.kind not in _DOTS:
        kind, destination = Kind.CLICK, token.destination.decode("utf-8", "backslashreplace")
    in_document = token.kind is TokenKind.PAGE
    return Event(
        EventId(ping.id), ping.time, kind, token.workspace, token.contact, None,
        MessageId(token.object) if token.kind in _IN_MESSAGE else None, link, token.part, destination,
        client.verdict, client.raw, (), repeat_of, VERSION,
        Scene(document=DocumentId(token.object), page=token.part or None) if in_document else None,
    )  # fmt: skip


def _inferred_open(click: Event) -> Event:
    fields = click.verdict.fields._replace(time=Field(None, Status.DEGRADED, Reason.INFERRED))
    return click._replace(
        id=EventId(click.id + 1), kind=Kind.OPEN, link=None, part=0, url=None,
        verdict=click.verdict._replace(fields=fields, evidence=(Evidence("C1", "a click shows that the mail was open"),)),
    )  # fmt: skip


def _thing(event: Event) -> int | None:
    """What the token of an event was about."""
    if event.scene is not None and event.scene.document is not None:
        return event.scene.document
    return event.link if event.message is None else event.message


def _page(event: Event) -> int | None:
    in_document = event.scene is not None and event.scene.document is not None
    return event.part if in_document else None


def _inferred(event: Event) -> bool:
    return bool(event.id & 3)
