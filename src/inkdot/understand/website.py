"""From what a website sent to events: whose visit it belongs to, how that began, and what of it is new.

    W1  the page of a tracked link, seconds after its click, in the same browser      proves who the visitor is
    W2  the site itself said who the visitor is (inkdot.identify)                      proves who the visitor is
    W3  several known people use this browser                                          names nobody

What is proven holds for the rest of the visit, and for later ones as long as it is the only person known in this browser.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from inkdot.domain.beacon import belongs, host_of
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import BadAddress
from inkdot.domain.event import Dropped, DropReason, Event, Kind, Scene
from inkdot.domain.evidence import MACHINES, Evidence, Human, Raw, Verdict
from inkdot.domain.ids import ContactId, EventId, PingId, SiteId, VisitId, VisitorId, WorkspaceId, agreed
from inkdot.domain.lately import Lately, mark_of
from inkdot.domain.ping import Ping
from inkdot.domain.token import Keyring, Token
from inkdot.understand.agent import clean
from inkdot.understand.channels import Channels
from inkdot.understand.known import Told
from inkdot.understand.source import Came, is_way_through
from inkdot.understand.visit import Visit, Visits, campaign_of

PROOF_WITHIN = 120_000_000
"""Microseconds after the click of a tracked link in which its page proves who opened it."""
_UNGUESSABLE = 10  # characters of a number that the tag draws
_MOST_CLICKS, _MOST_PEOPLE = 50_000, 100_000
_FILES = frozenset([
    "7z", "apk", "avi", "bz2", "csv", "deb", "dmg", "doc", "docx", "epub", "exe", "gz", "ics", "iso", "jar", "key",
    "mkv", "mobi", "mov", "mp3", "mp4", "mpg", "msi", "numbers", "odp", "ods", "odt", "ogg", "pages", "pdf", "pkg",
    "pps", "ppt", "pptx", "rar", "rpm", "rtf", "tar", "tgz", "txt", "wav", "webm", "wma", "wmv", "xls", "xlsx", "xml",
    "zip",
])  # fmt: skip
_SEARCH_FIELDS = ("q", "query", "search", "s", "keyword", "keywords", "searchterm", "search_query", "suche", "k")
_SECRET = re.compile(
    r"(?i)([?&#](?:[\w-]*token|password|passwd|pwd|secret|auth|code|session(?:id)?|sid|api_?key|e-?mail|mail|phone)=)[^&#]*"
)
_WITH_ADDRESS = re.compile(r"(?i)([?&#][^=&#]*=)[^&#]*(?:@|%40)[^&#]*")
_TELLING = re.compile(r"[?#@]")
_LOGIN = re.compile(r"^([a-zA-Z]+://)[^/?#@]*@")
_ALONE = 1 << 62
"""What numbers of visitors begin with who are known for a day; see collect/salt.py."""
_NOT_BY_LINK = Came("Direct", None, None, spam=False)


class People(Protocol):
    """Memory of who visitors turned out to be."""

    def people_of(self, visitor: VisitorId) -> tuple[ContactId, ...]:
        """Everybody who was proven to use this browser and was not taken back by hand."""

    def taken_back(self, visitor: VisitorId, contact: ContactId) -> bool:
        """True if somebody said that this browser is not this person's."""


class NobodyKnown:
    """No memory."""

    def people_of(self, visitor: VisitorId) -> tuple[ContactId, ...]:  # noqa: ARG002
        """Nobody."""
        return ()

    def taken_back(self, visitor: VisitorId, contact: ContactId) -> bool:  # noqa: ARG002
        """Never."""
        return False


class Proof(NamedTuple):
    """Who a visitor is, and what shows it."""

    visitor: VisitorId
    contact: ContactId
    address: Address | None
    time: int
    rule: str
    event: EventId


class _Click(NamedTuple):
    time: int
    contact: ContactId
    host: str
    in_mail: bool
    workspace: WorkspaceId


class Websites:
    """Understands websites' events, in the order of their times."""

    def __init__(
        self,
        keyring: Keyring,
        people: People,
        recent: Iterable[Event],
        told_before: Callable[[], Iterable[Told]],
        channels: Channels | None = None,
    ) -> None:
        """`recent`: the website events of the last half hour, oldest first; `told_before`: what tells of the last day's, when asked."""
        self._keyring, self._people = keyring, people
        self._trace = (channels or Channels()).trace
        self._visits = Visits()
        self._visits.remember((e, _mark(e.scene)) for e in recent if e.scene)
        self._clicks: dict[tuple[bytes, str | None], deque[_Click]] = {}
        self._known: dict[VisitorId, tuple[ContactId, ...]] = {}
        self._told: Lately | None = None
        self._told_before = told_before

    def clicked(self, ping: Ping, token: Token, event: Event) -> None:
        """Remember the click of a tracked link: the page that opens next in this browser is seen by the same person."""
        if not event.contact or not ping.address or event.verdict.human not in (Human.YES, Human.LIKELY):
            return
        if len(self._clicks) > _MOST_CLICKS:
            self._clicks.clear()
        clicks = self._clicks.setdefault((ping.address, event.raw.agent), deque(maxlen=8))
        host = host_of(token.destination.decode("utf-8", "replace"))
        clicks.append(_Click(ping.time, event.contact, host, event.message is not None, event.workspace))

    def understand(
        self, ping: Ping, token: Token, raw: Raw, verdict: Verdict, rules: str
    ) -> tuple[Event | Dropped, tuple[Proof, ...]]:
        """The event that a website sent, and what it proves about who the visitor is."""
        try:
            sent: dict[str, Any] = json.loads(ping.body)
        except ValueError:
            return Dropped(ping.id, ping.time, DropReason.UNREADABLE), ()
        domain = token.destination.decode("latin-1")
        kind, name = _kind(sent, domain)
        if kind is None:
            return Dropped(ping.id, ping.time, DropReason.INNER_LINK), ()
        came = self._came(sent, domain)
        if came.spam:
            return Dropped(ping.id, ping.time, DropReason.SPAM), ()
        scene = Scene(site=SiteId(token.object), name=name, referrer=_without_query(sent.get("r")))
        event = Event(
            EventId(ping.id), ping.time, kind, token.workspace, ContactId(0), None, None, None, _depth(sent),
            scrubbed(sent.get("l") or sent.get("u")), verdict, raw, (), None, rules, scene,
        )  # fmt: skip
        name = page_name(token.object, sent) if "v" in sent else None
        owner = self._visits.owner(name) if name else None
        if "v" not in sent or (verdict.actor in MACHINES and owner is None):
            found = scene._replace(channel=came.channel, source=came.source) if kind is Kind.VIEW else scene
            return event._replace(scene=found), ()
        said = VisitorId(sent["v"])
        visitor = owner or self._visits.whose(said, sent.get("y"), ping.time)
        heard, proof = self._in_visit(event, visitor, sent, came, ping.address)
        again = self._known_again(said, visitor, heard) if visitor != said and agreed(said) else None
        return heard, tuple(p for p in (proof, again) if p)

    def _known_again(self, said: VisitorId, visitor: VisitorId, heard: Event | Dropped) -> Proof | None:
        """Who opened a page under another name and agreed on it to be known again: his visit goes on, and so does its proof."""
        self._visits.renamed(visitor, said, heard.time)
        visit = self._visits.of(visitor, heard.time)
        if isinstance(heard, Dropped) or visit is None or visit.proven is None:
            return None
        if visit.proven in (known := self._people_of(said)) or self._people.taken_back(said, visit.proven):
            return None
        self._known[said] = (*known, visit.proven)
        return Proof(said, visit.proven, None, heard.time, visit.rule, heard.id)

    def _in_visit(
        self, event: Event, visitor: VisitorId, sent: dict[str, Any], came: Came, address: bytes
    ) -> tuple[Event | Dropped, Proof | None]:
        visit = self._visits.of(visitor, event.time)
        clicked = self._click_before(event, address) if event.kind is Kind.VIEW else None
        if clicked and clicked.in_mail and came.channel == "Direct":
            came = Came("Email", "tracked link", None, spam=False)
        campaign = campaign_of(sent.get("u")) if event.kind is Kind.VIEW else None
        if visit is None or _anew(event, visit, came, campaign):
            visit = self._visits.begin(visitor, VisitId(event.id), event.time, came, campaign)
            visit.verdict = event.verdict
        if event.verdict.actor in MACHINES and visit.verdict:
            # Only the program's name says so, and the page itself was opened by somebody else's.
            event = event._replace(verdict=visit.verdict)
        if name := page_name(event.scene.site if event.scene else None, sent):
            self._visits.opened(name, visitor)
        if "p" in sent and not self._is_new(visitor, event.kind, sent):
            return Dropped(PingId(event.id), event.time, DropReason.REPLAY), None
        visit.last = max(visit.last, event.time)
        seconds = None
        if event.kind is Kind.ENGAGE:
            seconds = round(visit.told(str(sent.get("p", "")), min(float(sent.get("e") or 0), 86_400_000.0)) / 1000, 3)
            if not seconds:
                return Dropped(PingId(event.id), event.time, DropReason.REPLAY), None
        assert event.scene
        scene = event.scene._replace(
            visitor=visitor,
            visit=visit.id,
            channel=visit.channel,
            source=visit.source,
            seconds=seconds,
            detail=_detail(sent),
        )
        self._visits.sweep(event.time)
        return self._named(event._replace(scene=scene), visit, sent, clicked)

    def _is_new(self, visitor: VisitorId, kind: Kind, sent: dict[str, Any]) -> bool:
        """False for an event that was told before, on this page or on another day; imports know their rows themselves."""
        if "i" in sent:
            return True
        if self._told is None:
            self._told = Lately(_marks(self._told_before()))
        mark = mark_of(visitor, kind, sent)
        if mark in self._told:
            return False
        self._told.add((mark,))
        return True

    def _came(self, sent: dict[str, Any], domain: str) -> Came:
        if sent.get("k") != "view":
            return _NOT_BY_LINK
        referrer, page = sent.get("r") or "", sent.get("u") or ""
        host = host_of(referrer)
        own = belongs(host, domain.removeprefix("www.")) or host == host_of(page)
        return self._trace("" if own else referrer, page)

    # -- who it is

    def _named(
        self, event: Event, visit: Visit, sent: dict[str, Any], clicked: _Click | None
    ) -> tuple[Event, Proof | None]:
        assert event.scene
        assert event.scene.visitor is not None
        visitor, proof = event.scene.visitor, None
        if said := self._said(event, sent):
            contact, address = said
            proof = Proof(visitor, contact, address, event.time, "W2", event.id)
            because: tuple[Evidence, ...] = (Evidence("W2", "the site said who this is"),)
        elif clicked:
            proof = Proof(visitor, clicked.contact, None, event.time, "W1", event.id)
            after = max(0, event.time - clicked.time) // 1_000_000
            because = (Evidence("W1", f"a tracked link was clicked in this browser {after} s before"),)
        if proof is None or self._people.taken_back(visitor, proof.contact):
            return event._replace(contact=self._by_memory(visitor, visit)), None
        visit.proven, visit.rule = proof.contact, proof.rule
        known = self._people_of(visitor)
        if proof.contact not in known:
            self._known[visitor] = known = (*known, proof.contact)
        if len(known) > 1:
            because = (*because, Evidence("W3", f"{len(known)} known people use this browser"))
        return event._replace(contact=proof.contact, because=because), proof

    def _by_memory(self, visitor: VisitorId, visit: Visit) -> ContactId:
        if visit.proven:
            return visit.proven
        known = self._people_of(visitor)
        return known[0] if len(known) == 1 else ContactId(0)

    def _people_of(self, visitor: VisitorId) -> tuple[ContactId, ...]:
        known = self._known.get(visitor)
        if known is None:
            if len(self._known) >= _MOST_PEOPLE:
                self._known.clear()
            known = self._known[visitor] = self._people.people_of(visitor)
        return known

    def forget(self, visitors: Collection[VisitorId]) -> None:
        """Ask memory again about these: somebody changed by hand who they are."""
        for visitor in visitors:
            self._known.pop(visitor, None)
            self._visits.doubt(visitor)

    def _said(self, event: Event, sent: dict[str, Any]) -> tuple[ContactId, Address] | None:
        if sent.get("k") != "identify":
            return None
        try:
            address = normal_address(str(sent.get("w", "")))
        except BadAddress:
            return None
        return self._keyring.contact_id(event.workspace, address), address

    def _click_before(self, event: Event, address: bytes) -> _Click | None:
        """The click that led here; None if several people could have made it."""
        clicks = self._clicks.get((address, event.raw.agent), ())
        host = host_of(event.url or "")
        near = [
            c
            for c in clicks
            if c.workspace == event.workspace
            and 0 <= event.time - c.time <= PROOF_WITHIN
            and belongs(host, c.host.removeprefix("www."))
        ]
        return near[-1] if near and len({c.contact for c in near}) == 1 else None


def in_a_visit(event: Event) -> Event:
    """An event that somebody judged anew: machines are on no visit, so where a person was, he gets one of his own, and so back."""
    scene = event.scene
    if scene is None or scene.site is None or event.raw.agent is None:
        return event
    alone = VisitorId(event.id % _ALONE | _ALONE)
    if event.verdict.actor not in MACHINES and scene.visit is None:
        return event._replace(scene=scene._replace(visitor=alone, visit=VisitId(event.id)))
    if event.verdict.actor in MACHINES and scene.visitor == alone:
        return event._replace(scene=scene._replace(visitor=None, visit=None))
    return event


def _kind(sent: dict[str, Any], domain: str) -> tuple[Kind | None, str | None]:
    """What happened, and the name that goes with it: a goal's, a search term, a file's. (None, None): a link within the site."""
    match sent.get("k"):
        case "view":
            return Kind.VIEW, searched(sent.get("u", ""))
        case "engage":
            return Kind.ENGAGE, None
        case "goal":
            return Kind.GOAL, clean(str(sent.get("n")), 200)
        case "identify":
            return Kind.GOAL, "identify"
    path = unquote(urlsplit(_sound(sent.get("l", ""))).path)
    file = path.rpartition("/")[2]
    if sent.get("k") == "download" or file.rpartition(".")[2].lower() in _FILES:
        return Kind.DOWNLOAD, clean(file, 200) or None
    inside = belongs(host_of(sent.get("l", "")), domain)
    return (None, None) if inside else (Kind.CLICK, None)


def searched(url: str) -> str | None:
    """What was looked for on the site itself, by the usual names of search fields."""
    query = _sound(url).partition("?")[2].partition("#")[0]
    if "=" not in query:
        return None
    fields = {name.lower(): value for name, value in parse_qsl(query, max_num_fields=None)[:50]}
    term = next((fields[name] for name in _SEARCH_FIELDS if fields.get(name, "").strip()), None)
    return None if term is None or "@" in term else " ".join(clean(term, 200).lower().split()) or None


def scrubbed(url: str | None) -> str | None:
    """An address without what should not stand in one: a login, secrets and mail addresses in its query or behind its #."""
    if url is None or not _TELLING.search(url):
        return url and clean(url, 2_000)
    return _WITH_ADDRESS.sub(r"\1*", _SECRET.sub(r"\1*", _LOGIN.sub(r"\1", clean(url, 2_000))))


def _anew(event: Event, visit: Visit, came: Came, campaign: str | None) -> bool:
    """True if this view comes from somewhere else than its visit did; who comes back from paying or signing in does not."""
    if event.kind is not Kind.VIEW or came.channel == "Direct":
        return False
    if (came.channel, came.source, campaign) == (visit.channel, visit.source, visit.campaign):
        return False
    return bool(campaign) or not is_way_through(host_of((event.scene and event.scene.referrer) or ""))


def _depth(sent: dict[str, Any]) -> int:
    depth = sent.get("d")
    return round(min(1.0, max(0.0, depth)) * 100) if isinstance(depth, int | float) and sent.get("k") == "engage" else 0


def _detail(sent: dict[str, Any]) -> str | None:
    kept = {name: sent[name] for name in ("p", "q", "e", "x") if name in sent}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False) if kept else None


def _mark(scene: Scene) -> dict[str, object]:
    found = _told_in(scene.detail)
    return found | {"name": page_name(scene.site, found)}


def _marks(told: Iterable[Told]) -> Iterator[int]:
    for visitor, kind, detail in told:
        if "p" in (sent := _told_in(detail)):
            yield mark_of(visitor, kind, sent)


def _told_in(detail: str | None) -> dict[str, Any]:
    """What `_detail` kept."""
    try:
        found = json.loads(detail) if detail else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def page_name(site: int | None, sent: dict[str, Any]) -> str | None:
    """What a page view is known by on all sites; None for names that several pages may have chosen."""
    name = str(sent.get("p", ""))
    return f"{site} {name}" if len(name) >= _UNGUESSABLE else None


def _without_query(url: str | None) -> str | None:
    return (clean(url, 2_000).partition("?")[0].partition("#")[0] or None) if url else None


def _sound(url: str) -> str:
    try:
        urlsplit(url)
    except ValueError:
        return ""
    return url
