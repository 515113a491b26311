"""A beacon: what a website tells about itself. One event is a flat object; the tag writes the short names, people the long.

    k  kind       view, engage, goal, click, download, identify
    p  id         of the page view, chosen by the page; with q it makes an event known again when it is sent twice
    q  number     of the event within its page view
    u  url        the page
    r  referrer   where it was come from
    e  engaged    active milliseconds on this page view so far
    d  depth      the deepest share of the page that was on screen, 0 to 1
    n  name       of a goal
    x  detail     of a goal: a flat object
    l  link       where a click led
    w  person     a mail address, for identify
    v  visitor    an id that the visitor's consent allows

With a server's key, an event also says whose it is: `agent`, `address` and `privacy` (true for GPC or DNT).

A request carries one event with its site's key under `s` (`key`, `site`), a list of such events, or what the tag sends:
a list of the key, the visitor, and events without either.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress

LONG_NAMES = {
    "kind": "k", "type": "k", "event": "k", "id": "p", "number": "q", "url": "u", "page": "u", "referrer": "r", "engaged": "e",
    "depth": "d", "name": "n", "detail": "x", "props": "x", "link": "l", "person": "w", "email": "w", "visitor": "v", "key": "s",
    "site": "s",
}  # fmt: skip
KINDS = frozenset({"view", "engage", "goal", "click", "download", "identify"})
MOST_EVENTS = 200
"""Events in one request."""
MOST_DEPTH = 20
MOST_VISITOR = 64
_MOST_ADDRESS = 2_000
"""Characters; longer addresses are cut."""
_MOST_CHARACTERS = {
    "k": 200, "u": _MOST_ADDRESS, "r": _MOST_ADDRESS, "l": _MOST_ADDRESS, "n": 200, "w": 254, "p": 64, "v": MOST_VISITOR,
}  # fmt: skip
_NUMBERS, _MOST_NUMBER = frozenset("pqed"), 1e12
_MOST_DETAILS, _MOST_DETAIL_CHARACTERS = 30, 500
_ADDRESSES = frozenset("url")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Refusal(StrEnum):
    """Why an event that a website sent is not kept. Each has a sentence in `REFUSALS`."""

    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    TOO_MANY = "too_many"
    WRONG_TYPE = "wrong_type"
    TOO_LONG = "too_long"
    UNKNOWN_KIND = "unknown_kind"
    NO_URL = "no_url"
    NO_ADDRESS = "no_address"
    UNKNOWN_SITE = "unknown_site"
    FOREIGN_ORIGIN = "foreign_origin"
    FOREIGN_PAGE = "foreign_page"
    SERVERS_KEY = "servers_key"
    REVOKED_KEY = "revoked_key"
    NO_VISITOR = "no_visitor"
    SPAM = "spam_referrer"
    REPLAY = "replay"
    PRIVACY = "privacy_signal"
    TRACKING_OFF = "tracking_off"
    NAMES_NOBODY = "names_nobody"
    WITHDRAWN = "withdrawn"
    NOT_RECORDED = "not_recorded"


REFUSALS = {
    Refusal.NOT_JSON: "The body is not JSON; send an object or a list of objects.",
    Refusal.TOO_DEEP: f"The body is nested more than {MOST_DEPTH} deep; send flat objects.",
    Refusal.TOO_MANY: f"One request takes {MOST_EVENTS} events; send the rest in another.",
    Refusal.WRONG_TYPE: "A value has the wrong type; see the fields in docs/site.md.",
    Refusal.TOO_LONG: "A value is too long; names may have 200 characters, ids and visitors 64, a detail 500.",
    Refusal.UNKNOWN_KIND: "The kind must be view, engage, goal, click, download or identify.",
    Refusal.NO_URL: "A view needs the page's address, a click its link, a goal its name, identify its person.",
    Refusal.NO_ADDRESS: "Who somebody is, is said by a mail address; a number or name of your own says nothing here.",
    Refusal.UNKNOWN_SITE: "The key is of no site here; 'inkdot site add' prints one.",
    Refusal.FOREIGN_ORIGIN: "The request comes from a page of another domain than the key's.",
    Refusal.FOREIGN_PAGE: "The page is of another domain than the key's.",
    Refusal.SERVERS_KEY: "This key is for servers, and a page shows it to everybody; pages take the one of 'inkdot site add'.",
    Refusal.REVOKED_KEY: "This key of a server was revoked; 'inkdot site server-key' prints the one that is good.",
    Refusal.NO_VISITOR: "From a server an event says whose it is: the visitor's address and agent, or a visitor.",
    Refusal.SPAM: "The referrer is known for sending visits that nobody made.",
    Refusal.REPLAY: "This event was sent before; it is counted once.",
    Refusal.PRIVACY: "The browser asks for privacy (GPC or DNT): views are counted for nobody, and this is not kept.",
    Refusal.TRACKING_OFF: "This site keeps nothing.",
    Refusal.NAMES_NOBODY: "This site counts without names, and this says nothing without one.",
    Refusal.WITHDRAWN: "Whoever this is wants nothing kept.",
    Refusal.NOT_RECORDED: "It could not be written down; send it again later.",
}


class Refused(NamedTuple):
    """An event that is not kept, and what is wrong with it."""

    reason: Refusal
    field: str | None = None


def depth_exceeds(body: bytes, most: int = MOST_DEPTH) -> bool:
    """True if JSON text nests deeper than `most`; brackets inside strings are not counted."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth, inside, escaped = 0, False, False
    for c in body:
        if inside:
            inside, escaped = escaped or c != 0x22, c == 0x5C and not escaped
        elif c == 0x22:
            inside = True
        elif c in (0x5B, 0x7B):
            depth += 1
            if depth > most:
                return True
        elif c in (0x5D, 0x7D):
            depth -= 1
    return False


def spread(sent: Any) -> list[tuple[Any, Any, Any]]:
    """(key, visitor, event) of everything in a decoded body, whatever its form."""
    if isinstance(sent, list):
        if sent and isinstance(sent[0], str):
            key, visitor = sent[0], sent[1] if len(sent) > 1 else None
            return [(key, visitor, event) for event in sent[2:]]
        return [_spread_one(event) for event in sent]
    return [_spread_one(sent)]


def _spread_one(event: Any) -> tuple[Any, Any, Any]:
    """One event that carries its own key."""
    if not isinstance(event, dict):
        return None, None, event
    return event.get("s") or event.get("key") or event.get("site"), event.get("v") or event.get("visitor"), event


def checked(event: Any) -> dict[str, Any] | Refused:
    """The event under short names, every value of its type and size; or what is wrong with it."""
    found = event if type(event) is dict and _plainly_sound(event) else _checked_with_care(event)
    if not isinstance(found, Refused) and found["k"] == "identify" and not _is_address(found["w"]):
        return Refused(Refusal.NO_ADDRESS, "w")
    return found


def _is_address(text: str) -> bool:
    try:
        normal_address(text)
    except BadAddress:
        return False
    return True


def _plainly_sound(event: dict[str, Any]) -> bool:
    """True for what the tag sends: short names, plain values, nothing missing. Most events end here."""
    for name, value in event.items():
        if type(value) is str:
            if len(value) > _MOST_CHARACTERS.get(name, -1):
                return False
        elif name not in _NUMBERS or not (type(value) is float or type(value) is int) or not 0 <= value < _MOST_NUMBER:
            return False
    needed = _NEEDS.get(event.get("k"))  # type: ignore[arg-type]
    return needed is not None and bool(event.get(needed))


def _checked_with_care(event: Any) -> dict[str, Any] | Refused:
    if not isinstance(event, dict):
        return Refused(Refusal.WRONG_TYPE)
    found: dict[str, Any] = {}
    for name, value in event.items():
        short = LONG_NAMES.get(name, name)
        if value is None or short not in _CHECKS or short in found:
            continue
        wrong = _CHECKS[short](short, value)
        if wrong:
            return Refused(wrong, name)
        found[short] = value[:_MOST_ADDRESS] if short in _ADDRESSES else value
    if found.get("k") not in KINDS:
        return Refused(Refusal.UNKNOWN_KIND, "k")
    needed = _NEEDS[found["k"]]
    return found if found.get(needed) else Refused(Refusal.NO_URL, needed)


_NEEDS = {"view": "u", "engage": "p", "goal": "n", "click": "l", "download": "l", "identify": "w"}


def _text(name: str, value: Any) -> Refusal | None:
    if not isinstance(value, str):
        return Refusal.WRONG_TYPE
    return Refusal.TOO_LONG if len(value) > _MOST_CHARACTERS.get(name, 200) else None


def _address(_name: str, value: Any) -> Refusal | None:
    return None if isinstance(value, str) else Refusal.WRONG_TYPE


def _label(name: str, value: Any) -> Refusal | None:
    return None if isinstance(value, int | float) and not isinstance(value, bool) else _text(name, value)


def _number(_name: str, value: Any) -> Refusal | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST_NUMBER
    return None if fits else Refusal.WRONG_TYPE


def _details(_name: str, value: Any) -> Refusal | None:
    if not isinstance(value, Mapping) or not all(isinstance(v, str | int | float | bool) for v in value.values()):
        return Refusal.WRONG_TYPE
    long = any(len(k) > 100 or len(str(v)) > _MOST_DETAIL_CHARACTERS for k, v in value.items())
    return Refusal.TOO_LONG if long or len(value) > _MOST_DETAILS else None


_CHECKS = {
    "k": _text, "p": _label, "q": _number, "u": _address, "r": _address, "e": _number, "d": _number, "n": _text, "x": _details,
    "l": _address, "w": _text,
}  # fmt: skip


def host_of(url: str) -> str:
    """The host of an address, lower case; empty for what is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def belongs(host: str, domain: str) -> bool:
    """True if a host is a site's domain or below it."""
    return host == domain or host.endswith("." + domain)


def is_listed(host: str, domains: Container[str]) -> bool:
    """True if a host or what it is below is one of `domains`."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in domains for start in range(max(1, len(labels) - 1)))


def is_loopback(host: str) -> bool:
    """True for names of the machine itself: whoever builds a site looks at it there first."""
    return host in _LOOPBACK
