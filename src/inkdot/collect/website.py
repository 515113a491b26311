"""What websites send: `POST /e` from the tag and from servers, `GET /e.gif` where there is no JavaScript.

Each event is judged by itself: good ones of a request are kept, the others are answered with their reason. One event is one
record of the journal. Pages speak for whoever looks at them; servers, with a key of their own, say whose an event is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from inkdot.collect.batch import GroupCommit
from inkdot.collect.counters import Counters
from inkdot.collect.deny import Deny
from inkdot.collect.modes import Modes
from inkdot.collect.nobody import NEEDS_SOMEBODY, for_nobody
from inkdot.collect.pieces import events
from inkdot.collect.plain import plain
from inkdot.collect.replies import Replies
from inkdot.collect.request import Lines, Proxies, is_this_machine, packed
from inkdot.collect.routes import Caller, Street
from inkdot.collect.salt import Salt, lasting
from inkdot.collect.speakers import Sender, Site, Taken, Voice
from inkdot.domain.beacon import (
    MOST_EVENTS,
    MOST_VISITOR,
    REFUSALS,
    Refusal,
    Refused,
    belongs,
    checked,
    host_of,
    is_listed,
    is_loopback,
)
from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress
from inkdot.domain.lately import Lately, mark_of, numbered
from inkdot.domain.token import Keyring, TokenKind, kind_of, read_bare
from inkdot.journal.record import NOBODY, encode_with_body

TARGET, PIXEL = b"/e", b"/e.gif"
_SITE = int(TokenKind.SITE)
_INDIVIDUAL = int(Mode.INDIVIDUAL)
_OBJECT = slice(12, 20)
_MOST_SITES, _MOST_SENDERS, _MOST_BEGINNINGS, _MOST_REFERRERS = 10_000, 2_000, 50, 10_000
_ORIGIN = re.compile(rb"(?im)^origin[ \t]*:[ \t]*([^\r\n]*)")
_REFERRER = re.compile(rb"(?im)^referer[ \t]*:[ \t]*([^\r\n]*)")
_AGENT = re.compile(rb"(?im)^user-agent[ \t]*:[ \t]*([^\r\n]*)")
_REDUNDANT = re.compile(rb"(?im)^(?:content-type|origin|referer|host|connection)[ \t]*:[^\n]*\n")
"""Lines that say nothing about who sent it, or only what the event says itself; without them equal clients are equal."""
_MOST_AGENT = 1_000
_CORS = "Access-Control-Allow-Origin: *\r\nCross-Origin-Resource-Policy: cross-origin\r\n"
_encode = msgspec.json.Encoder().encode
_JSON = f"Content-Type: application/json\r\n{_CORS}"


class Website:
    """Hears websites for one street."""

    def __init__(
        self,
        street: Street,
        keyring: Keyring,
        commit: GroupCommit,
        replies: Replies,
        counters: Counters,
        proxies: Proxies,
        salt: Salt,
        modes: Modes,
        deny: Deny,
        spam: frozenset[str] = frozenset(),
    ) -> None:
        """`spam`: domains whose visits nobody made."""
        self._record, self._check, self._commit = street.record_body, keyring.check, commit
        self._contact_id, self._widest, self._withdrew = keyring.contact_id, modes.widest, deny.names
        self._widest_of = modes.widest_of
        self._replies, self._counters, self._proxies, self._salt = replies, counters, proxies, salt
        self._spam, self._denies = spam, street.denies
        self._referrers: dict[str, bool] = {}
        self._sites: dict[str, Site] = {}
        self._seen = Lately()
        """Those on disk, and those that are being written: nobody is answered before that is done."""
        commit.not_kept = self._seen.forget
        self._senders: dict[bytes, Sender] = {}
        self._voices: dict[tuple[str, str, bytes, int], Voice] = {}
        self.actions_for: Callable[[bytes, bytes], list[Any]] | None = None
        """What the page may do after an event: given the site's id (8 bytes) and the event as it is kept (JSON)."""
        self._second = self._usual = self._unrecorded = b""
        street.posts[TARGET] = self.sent
        street.gets[PIXEL] = self.loaded

    def sent(self, caller: Caller, target: bytes, lines: Lines, body: bytes) -> None:  # noqa: ARG002
        """A request with events."""
        if self._kept_plainly(caller, lines, body):
            return
        records, marks, dropped, actions = [], [], [], []
        sender = self._sender(caller, lines)
        sent = events(body)
        if isinstance(sent, Refused):
            dropped.append(_told(0, sent))
            sent = []
        for number, (key, visitor, event) in enumerate(sent):
            taken = Refused(Refusal.TOO_MANY) if number >= MOST_EVENTS else event
            if not isinstance(taken, Refused):
                taken = self._taken(key, visitor, event, sender)
            if isinstance(taken, Refused):
                dropped.append(_told(number, taken))
                if taken.reason is Refusal.TOO_MANY:
                    break
                continue
            if taken.mark and taken.mark in marks:
                dropped.append(_told(number, Refused(Refusal.REPLAY)))
                continue
            records.append(self._written(taken, TARGET))
            marks.append(taken.mark)
            if self.actions_for is not None:
                actions += self.actions_for(taken.site.id, taken.content)
        self._seen.add(filter(None, marks))
        self._counters.web_events += len(records)
        self._counters.web_refused += len(dropped)
        reply, unrecorded = self._answers(len(records), dropped, actions)
        self._commit.add(caller, reply, unrecorded, b"".join(records))

    def _kept_plainly(self, caller: Caller, lines: Lines, body: bytes) -> bool:
        """True if this was one plain event of a known site, in order in every way."""
        found = plain(body)
        if found is None:
            return False
        if self._second is not self._replies.gif:
            self._renew()
        key, visitor, event = found
        voice = self._voices.get((key, visitor, caller.peer, id(lines)))
        if voice is None or voice.of is not lines:
            voice = self._voice(key, visitor, caller, lines)
        site = voice.site
        if site is None or (self.actions_for is not None and event.k == "view") or (event.r and self._is_spam(event.r)):
            return False
        if not self._is_page_of(site, event.u, voice.sender.address):
            return False
        if not self._seen.is_new(numbered(voice.who, event.k, event.p, event.q)):
            return False
        content = b'{"v":%d,' % voice.who + body[body.index(b"{") + 1 : -1]
        sender, now = voice.sender, time.time_ns() // 1000
        record = encode_with_body(b"POST", now, sender.address, site.token, sender.lines.kept, TARGET, content)
        self._counters.web_events += 1
        self._commit.add(caller, self._usual, self._unrecorded, record)
        return True

    def _voice(self, key: str, visitor: str, caller: Caller, lines: Lines) -> Voice:
        """Whose plain events come under these; nobody's where anything but them decides what is kept."""
        site, sender = self._site(key), self._sender(caller, lines)
        who = self._visitor(site, visitor, sender) if site else 0
        if site is not None and not self._is_plainly(site, visitor, sender, who):
            site = None
        if len(self._voices) >= _MOST_SENDERS:
            self._voices.clear()
        voice = self._voices[key, visitor, caller.peer, id(lines)] = Voice(lines, site, sender, who)
        return voice

    def _is_plainly(self, site: Site, visitor: str, sender: Sender, who: int) -> bool:
        """True for whoever may be kept as he comes."""
        if site.servers or sender.privacy or self._mode(site) != _INDIVIDUAL or self._denies(site.token):
            return False
        if not (sender.said in site.beginnings or sender.origin is None or _own(sender.origin, site, sender.address)):
            return False
        if self._withdrew(who) or self._widest_of(who) != _INDIVIDUAL:
            return False
        return bool(visitor) or not self._salt.yesterday(site.id, sender.address, sender.agent)

    def loaded(self, caller: Caller, method: bytes, target: bytes, lines: Lines) -> None:
        """The image for browsers without JavaScript: the page is what the query or the referrer says."""
        replies = self._replies
        reply = replies.gif if method == b"GET" else replies.gif_head
        asked = dict(parse_qsl(target.partition(b"?")[2].decode("latin-1"), max_num_fields=50))
        page = _REFERRER.search(lines.kept)
        event = {"k": "goal" if "n" in asked else "view", "u": page[1].decode("latin-1").strip() if page else None}
        event |= {name: asked[name] for name in ("u", "r", "n", "k") if name in asked}
        taken = self._taken(asked.get("s"), None, event, self._sender(caller, lines)) if method == b"GET" else None
        if taken is None or isinstance(taken, Refused):
            self._counters.web_refused += 1
            self._commit.add(caller, reply, reply, b"")
            return
        self._counters.web_events += 1
        self._commit.add(caller, reply, replies.gif_unrecorded, self._written(taken, PIXEL))

    def _written(self, taken: Taken, target: bytes) -> bytes:
        site, content, _, sender, nobodys = taken
        return self._record(sender.address, site.token, sender.lines, target, content, nobodys=nobodys)

    # -- one event

    def _taken(self, key: Any, visitor: Any, event: Any, sender: Sender) -> Taken | Refused:
        """Whose event it is, what may be written down of it, and how to know it again."""
        site = self._site(key)
        if site is None:
            return Refused(Refusal.UNKNOWN_SITE)
        mode = self._mode(site)
        if mode == Mode.OFF or (site.servers and self._denies(site.token)):
            return Refused(Refusal.TRACKING_OFF if mode == Mode.OFF else Refusal.REVOKED_KEY)
        spoken = self._for_whom(visitor, event, sender) if site.servers else sender
        if isinstance(spoken, Refused):
            return spoken
        sender, found = spoken, self._sound(site, visitor, event, spoken)
        if isinstance(found, Refused):
            return found
        if sender.privacy or mode != Mode.INDIVIDUAL:
            return _of_nobody(site, found, sender)
        people = [who := self._visitor(site, visitor, sender), *self._named(site, found.get("w"))]
        if any(map(self._withdrew, people)):
            return Refused(Refusal.WITHDRAWN)
        if (chosen := min(map(self._widest_of, people))) != _INDIVIDUAL:
            return _of_nobody(site, found, sender) if chosen != Mode.OFF else Refused(Refusal.TRACKING_OFF)
        found["v"] = who
        if not visitor and (before := self._salt.yesterday(site.id, sender.address, sender.agent)):
            found["y"] = before
        mark = mark_of(who, found["k"], found) if "p" in found else 0
        if mark and mark in self._seen:
            return Refused(Refusal.REPLAY)
        return Taken(site, _encode(found), mark, sender, nobodys=False)

    def _sound(self, site: Site, visitor: Any, event: Any, sender: Sender) -> dict[str, Any] | Refused:
        """The event under short names, if it may be this site's and this sender's."""
        if sender.origin is not None and not _own(sender.origin, site, sender.address):
            return Refused(Refusal.FOREIGN_ORIGIN)
        found = checked(event)
        if isinstance(found, Refused):
            return found
        if "u" in found and not self._is_page_of(site, found["u"], sender.address):
            return Refused(Refusal.FOREIGN_PAGE, "u")
        if visitor and not isinstance(visitor, str):
            return Refused(Refusal.WRONG_TYPE, "v")
        if visitor and len(visitor) > MOST_VISITOR:
            return Refused(Refusal.TOO_LONG, "v")
        return Refused(Refusal.SPAM, "r") if self._is_spam(found.get("r", "")) else found

    def _for_whom(self, visitor: Any, event: Any, sender: Sender) -> Sender | Refused:
        """Whose event it is by a server's word; its own address and program say nothing."""
        if sender.origin is not None:
            return Refused(Refusal.SERVERS_KEY)
        said = event if isinstance(event, dict) else {}
        agent, text, private = said.get("agent") or "", said.get("address") or "", said.get("privacy") or False
        address = packed(text) if isinstance(text, str) else None
        wrong = {
            "agent": not isinstance(agent, str),
            "address": text and not address,
            "privacy": private not in (True, False),
        }
        if field := next((name for name, is_wrong in wrong.items() if is_wrong), None):
            return Refused(Refusal.WRONG_TYPE, field)
        if address is None and not visitor:
            return Refused(Refusal.NO_VISITOR, "address")
        name = " ".join(agent[:_MOST_AGENT].split()).encode("utf-8", "replace")
        lines = Lines(b"User-Agent: %b\r\n" % name if name else b"", sender.privacy or private, False, None, ())
        return Sender("", None, name, lines.privacy, lines, self._proxies.kept(address or NOBODY))

    def _mode(self, site: Site) -> int:
        """What the key allows, or what is allowed by now if that is stricter."""
        return min(site.mode, self._widest(site.id, asked=site.asked))

    def _named(self, site: Site, person: str | None) -> list[int]:
        """The person whose address is told; nobody where it is none."""
        try:
            return [self._contact_id(site.workspace, normal_address(person))] if person else []
        except BadAddress:
            return []

    def _visitor(self, site: Site, visitor: str, sender: Sender) -> int:
        return lasting(site.id, visitor) if visitor else self._salt.passing(site.id, sender.address, sender.agent)

    def _is_spam(self, referrer: str) -> bool:
        """True if a referrer's host is listed; the beginnings of most are met again and again."""
        end = referrer.find("/", 8)
        beginning = referrer if end < 0 else referrer[:end]
        known = self._referrers.get(beginning)
        if known is None:
            if len(self._referrers) >= _MOST_REFERRERS:
                self._referrers.clear()
            known = self._referrers[beginning] = is_listed(host_of(beginning), self._spam)
        return known

    def _site(self, key: Any) -> Site | None:
        if not isinstance(key, str):
            return None
        known = self._sites.get(key)
        if known is None:
            token = self._check(key.encode("latin-1", "replace"))
            if token is None or kind_of(token) != _SITE:
                return None
            if len(self._sites) >= _MOST_SITES:
                self._sites.clear()
            said = read_bare(token)
            domain, asked, servers = said.destination.decode("latin-1"), said.part & 2 > 0, said.part & 1 > 0
            known = Site(token, token[_OBJECT], said.workspace, domain, int(said.mode), asked, servers, set())
            self._sites[key] = known
        return known

    def _is_page_of(self, site: Site, url: str, address: bytes) -> bool:
        beginning = url[: url.find("/", 8)]
        if beginning in site.beginnings:
            return True
        host = host_of(url)
        if belongs(host, site.domain):
            if len(site.beginnings) < _MOST_BEGINNINGS and host_of(beginning) == host:
                site.beginnings.add(beginning)
            return True
        return _own(host, site, address)

    def _sender(self, caller: Caller, lines: Lines) -> Sender:
        """Equal lines are worked out once."""
        address = self._proxies.client(caller.peer, lines.hops)
        known = self._senders.get(lines.kept)
        if known is None or known.privacy != lines.privacy:
            if len(self._senders) >= _MOST_SENDERS:
                self._senders.clear()
            origin, agent = _ORIGIN.search(lines.kept), _AGENT.search(lines.kept)
            said = origin[1].decode("latin-1").strip() if origin else ""
            # A page that sends no referrers sends `null`; its address is still judged.
            from_page = host_of(said) if said and said != "null" else None
            stripped = lines._replace(kept=_REDUNDANT.sub(b"", lines.kept))
            known = Sender(said, from_page, agent[1] if agent else b"", lines.privacy, stripped, address)
            self._senders[lines.kept] = known
        return known if known.address == address else Sender(*known[:-1], address)

    # -- answers

    def _answers(self, accepted: int, dropped: list[dict[str, Any]], actions: list[Any]) -> tuple[bytes, bytes]:
        """The answer if the events are on disk, and the one if they are not."""
        if self._second is not self._replies.gif:
            self._renew()
        if accepted == 1 and not dropped and not actions:
            return self._usual, self._unrecorded
        told = {"accepted": accepted, "dropped": dropped} | ({"actions": actions} if actions else {})
        return self._answer(told), self._unrecorded

    def _renew(self) -> None:
        """Answers carry the second, and what the street reads anew it reads once a second."""
        self._second = self._replies.gif
        self._voices.clear()
        self._usual = self._answer({"accepted": 1, "dropped": []})
        self._unrecorded = self._replies.text(503, REFUSALS[Refusal.NOT_RECORDED], _CORS)

    def _answer(self, told: dict[str, Any]) -> bytes:
        return self._replies.make(202, msgspec.json.encode(told), _JSON)


def _of_nobody(site: Site, found: dict[str, Any], sender: Sender) -> Taken | Refused:
    """What may be kept of an event that may name nobody."""
    if found["k"] in NEEDS_SOMEBODY:
        return Refused(Refusal.PRIVACY if sender.privacy else Refusal.NAMES_NOBODY)
    return Taken(site, _encode(for_nobody(found)), 0, sender, nobodys=True)


def _told(number: int, refused: Refused) -> dict[str, Any]:
    told = {"event": number, "reason": refused.reason, "says": REFUSALS[refused.reason]}
    return told if refused.field is None else told | {"field": refused.field[:40]}


def _own(host: str, site: Site, address: bytes) -> bool:
    """True for a site's own pages. Whoever builds a site looks at it on his own machine first."""
    return belongs(host, site.domain) or (is_loopback(host) and is_this_machine(address))
