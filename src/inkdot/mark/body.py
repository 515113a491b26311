"""The HTML part of a mail, read: which links it has, which marks of ours from before, and where dots may stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from inkdot.domain.message import HONEYPOT_PART
from inkdot.domain.token import Token, TokenKind
from inkdot.mark import html, lines, mime, older
from inkdot.mark.mint import MAX_DESTINATION_BYTES, Mint
from inkdot.mark.transfer import Splice, Transfer

_UNSUBSCRIBE = re.compile(
    rb"(?i)unsubscri|(?<![a-z])opt[-_]?out(?![a-z])|abmeld|abbestell|desinscri|d%C3%A9sinscri|disiscri|cancelar-suscri|afmeld"
)
_HEADISH = frozenset(
    {b"html", b"head", b"/head", b"meta", b"title", b"/title", b"link", b"style", b"/style", b"script", b"/script", b"base"}
)  # fmt: skip
_NO_TEXT = re.compile(rb"(?is)<!--.*?-->|<[!?][^>]*>|\s")
_NOTHING = re.compile(rb"(?is)<(title|style|script)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|&nbsp;|\s")
_MOST_HEADISH, _MOST_WORDS = 200, 200
_NOTRACK = frozenset({b"data-notrack", b"data-no-track"})


class Link(NamedTuple):
    """A link that leads to the web."""

    place: html.Value
    destination: bytes
    own: bool = False
    """It is a mark of ours from before."""
    untracked: bool = False


@dataclass(slots=True)
class Body:
    """One HTML part, read: what may be changed and where."""

    part: mime.Part
    transfer: Transfer
    removals: list[Splice]
    links: list[Link]
    led_back: list[Link]
    """Older marks of ours that are to be links again, and not to be tracked."""
    top: int
    bottom: int


def read_body(part: mime.Part, transfer: Transfer, mint: Mint, unsubscribe: set[bytes]) -> Body:
    """Find the links, our older marks, and the places for dots; raises html.Unclosed."""
    text = html.for_scanning(transfer.text, part.charset)
    removals: list[Splice] = []
    links: list[Link] = []
    led_back: list[Link] = []
    seen: list[html.Tag] = []
    places: dict[bytes, html.Tag] = {}
    last: dict[bytes, html.Tag] = {}
    in_honeypot = False
    for tag in html.tags(text):
        places.setdefault(tag.name, tag)
        last[tag.name] = tag
        if len(seen) < _MOST_HEADISH:
            seen.append(tag)
        if tag.name == b"img":
            source = tag.attributes.get(b"src")
            token = _token(_attribute(transfer.text, source), mint) if source else None
            if token and token.kind is TokenKind.DOT:
                removals.append(Splice(tag.start, tag.end, b""))
        elif tag.name == b"/a" and in_honeypot:
            removals.append(Splice(tag.start, tag.end, b""))
            in_honeypot = False
        elif tag.name == b"a" and _is_honeypot(transfer.text, tag, mint):
            removals.append(Splice(tag.start, tag.end, b""))
            in_honeypot = True
        elif tag.name in (b"a", b"area") and (link := _link(transfer.text, tag, mint, unsubscribe)):
            (led_back if link.untracked else links).append(link)
            if link.own and (broken := lines.broken_before(transfer.text, link.place.start)):
                removals.append(Splice(*broken, b""))
    found = {link.place.start for link in (*links, *led_back)}
    removals += [*older.notices(transfer.text, mint)]
    removals += [s for s in older.in_html(transfer.text, mint, part.charset, found) if not _inside(s, removals)]
    _must_be_closed(text, removals, places)
    top = _top(text, seen)
    return Body(part, transfer, removals, links, led_back, top, _bottom(text, last) if top else len(text.rstrip()))


def _inside(change: Splice, removals: list[Splice]) -> bool:
    return any(r.start <= change.start < r.end for r in removals)


def _must_be_closed(text: bytes, removals: list[Splice], places: dict[bytes, html.Tag]) -> None:
    unclosed_body = b"body" in places and b"/body" not in places
    unclosed_html = b"html" in places and b"/html" not in places and b"/body" not in places
    bare = _NOTHING.sub(b"", text) if len(text) < 2_000 else b"full"
    if unclosed_body or unclosed_html or (not bare and not removals and b"img" not in places):
        raise html.Unclosed


def _top(text: bytes, seen: list[html.Tag]) -> int:
    """Behind <body>, else behind what belongs to a head. Where text comes first - an answer above a quoted page - at 0."""
    top, before, raw = 0, 0, False
    for tag in seen:
        if not raw and _NO_TEXT.sub(b"", text[before : tag.start]):
            break
        if tag.name == b"body":
            return tag.end
        if tag.name not in _HEADISH:
            break
        top = before = tag.end
        raw = tag.name in (b"title", b"style", b"script")
    if top:
        return top
    doctype = re.match(rb"(?i)\s*(?:<!--.*?-->\s*)*<!doctype[^>]*>", text)
    return doctype.end() if doctype else 0


def _bottom(text: bytes, last: dict[bytes, html.Tag]) -> int:
    """Before the last </body>, else before </html>, else at the end of the text (before its last line end)."""
    for name in (b"/body", b"/html"):
        if name in last:
            return last[name].start
    return len(text.rstrip())


def end_of(text: bytes, charset: str) -> int:
    """Where more may be put at the end of an HTML text."""
    return _bottom(text, {tag.name: tag for tag in html.tags(html.for_scanning(text, charset))})


def _attribute(text: bytes, value: html.Value) -> bytes:
    return html.unescape(text[value.start : value.end]).strip()


def _token(address: bytes, mint: Mint) -> Token | None:
    """The mark that an address is, or leads on to where another mail had it."""
    token = mint.own(address)
    return token if token or not older.of_mail(wrapped := mint.within(address)) else wrapped


def _is_honeypot(text: bytes, tag: html.Tag, mint: Mint) -> bool:
    """A hidden link of ours from before."""
    value = tag.attributes.get(b"href")
    token = _token(re.sub(rb"[\t\r\n]", b"", _attribute(text, value)), mint) if value else None
    return token is not None and token.kind is TokenKind.CLICK and token.part == HONEYPOT_PART


def _link(text: bytes, tag: html.Tag, mint: Mint, unsubscribe: set[bytes]) -> Link | None:
    """The link of a tag, if it is one that is tracked; an older mark of ours leads where it led."""
    value = tag.attributes.get(b"href")
    if value is None:
        return None
    destination = re.sub(rb"[\t\r\n]", b"", _attribute(text, value))
    token = _token(destination, mint)
    if token is not None:
        if token.kind is not TokenKind.CLICK:
            return None
        destination = token.destination
    if not _NOTRACK.isdisjoint(tag.attributes):
        return Link(value, destination, own=True, untracked=True) if token else None
    if not re.match(rb"(?i)https?://[^/?#\s]", destination) or len(destination) > MAX_DESTINATION_BYTES:
        return None
    leaves = destination in unsubscribe or _UNSUBSCRIBE.search(destination) or _says_leave(text, tag)
    if leaves or mint.wanted.leads_to_never(destination):
        return Link(value, destination, own=True, untracked=True) if token else None
    return Link(value, destination, token is not None)


def _says_leave(text: bytes, tag: html.Tag) -> bool:
    """The link's own words or class say that it is there to unsubscribe."""
    end = text.find(b"</", tag.end, tag.end + _MOST_WORDS)
    words = re.sub(rb"<[^>]*>", b"", text[tag.end : end if end >= 0 else tag.end + _MOST_WORDS])
    named = b" ".join(text[v.start : v.end] for k, v in tag.attributes.items() if k in (b"class", b"id"))
    return _UNSUBSCRIBE.search(words) is not None or _UNSUBSCRIBE.search(named) is not None
