"""HTML read by offsets: where tags, links and images stand. It builds no tree and writes nothing.

It reads like a browser where that decides what is a link: comments, raw text elements, quoted and bare attribute values.
Each byte is looked at once, so hostile input costs no more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import NamedTuple

_RAW_TEXT = {b"script", b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes"}
_NO_PAGE = {b"plaintext", b"frameset"}
"""Behind them nothing is a page any more: text to the end, or frames alone."""
_NAME = re.compile(rb"[A-Za-z][^\s/>\x00]*")
_SPACE = re.compile(rb"[\s/]*")
_COMMENT_END, _TAG_END = re.compile(rb"--!?>"), re.compile(rb">")
_ATTRIBUTE = re.compile(rb"[^\s/>][^\s/>=]*")
_MOST_ATTRIBUTES = 500
_NOT_BARE = re.compile(rb"[\s\"'=<>`]")
_EQUALS = re.compile(rb"\s*=\s*")
_BARE_AS = {b">": b"&gt;", b"<": b"&lt;", b'"': b"&quot;", b"=": b"="}
_BARE = re.compile(rb"[^\s>]*")
_REFERENCE = re.compile(rb"&(?:#([0-9]{1,7});?|#[xX]([0-9a-fA-F]{1,6});?|([A-Za-z][A-Za-z0-9]*)(;?))")
_ESCAPED_JP = re.compile(rb"\x1b\$[@B][^\x1b]*")


class Unclosed(Exception):
    """A tag, comment or quote never ends: there is no safe place for a mark."""


class Value(NamedTuple):
    """An attribute's value."""

    start: int
    end: int
    quote: bytes
    """Empty for a bare value."""


class Tag(NamedTuple):
    """A start or end tag."""

    name: bytes
    """Lower case; end tags begin with a slash."""
    start: int
    end: int
    attributes: dict[bytes, Value]


def for_scanning(text: bytes, charset: str) -> bytes:
    """The same length, with bytes blanked that only look like markup (the two-byte state of ISO-2022-JP)."""
    if charset.startswith("iso-2022-jp"):
        return _ESCAPED_JP.sub(lambda m: b"x" * len(m[0]), text)
    return text


def tags(text: bytes) -> Iterator[Tag]:
    """All tags outside comments and raw text; raises Unclosed."""
    at = 0
    while (at := text.find(b"<", at)) >= 0:
        following = text[at + 1 : at + 2]
        if following in (b"!", b"?"):
            at = _after_comment(text, at)
        elif following == b"/":
            name = _NAME.match(text, at + 2)
            end = text.find(b">", at) + 1
            if not end:
                raise Unclosed
            if name:
                yield Tag(b"/" + name[0].lower(), at, end, {})
            at = end
        elif name := _NAME.match(text, at + 1):
            tag = _start_tag(text, at, name)
            yield tag
            at = tag.end
            if tag.name in _NO_PAGE:
                raise Unclosed
            if tag.name in _RAW_TEXT:
                at = _after_raw_text(text, at, tag.name)
        else:
            at += 1


def _after_comment(text: bytes, at: int) -> int:
    """Comments end at --> or --!>, everything else that begins with <! or <? at the next >."""
    long = text.startswith(b"<!--", at) and not text.startswith((b"<!-->", b"<!--->"), at)
    found = _COMMENT_END.search(text, at + 4) if long else _TAG_END.search(text, at)
    if not found:
        raise Unclosed
    return found.end()


def _after_raw_text(text: bytes, at: int, name: bytes) -> int:
    close = re.compile(rb"(?i)</" + re.escape(name) + rb"(?=[\s/>])").search(text, at)
    if not close:
        raise Unclosed
    return close.start()


def _start_tag(text: bytes, start: int, name: re.Match[bytes]) -> Tag:
    attributes: dict[bytes, Value] = {}
    at = name.end()
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            raise Unclosed
        if text[at : at + 1] == b">":
            return Tag(name[0].lower(), start, at + 1, attributes)
        attribute = _ATTRIBUTE.match(text, at)
        assert attribute
        at = attribute.end()
        value = Value(at, at, b"")
        if equals := _EQUALS.match(text, at):
            value = _value(text, equals.end())
            at = value.end + len(value.quote)
        if len(attributes) < _MOST_ATTRIBUTES:
            attributes.setdefault(attribute[0].lower(), value)


def _value(text: bytes, at: int) -> Value:
    quote = text[at : at + 1]
    if quote in (b'"', b"'"):
        end = text.find(quote, at + 1)
        if end < 0:
            raise Unclosed
        return Value(at + 1, end, quote)
    return Value(at, _BARE.match(text, at).end(), b"")  # type: ignore[union-attr]


def unescape(value: bytes) -> bytes:
    """An attribute's value as a browser reads it, kept as bytes.

    The standard library turns `?a=1&copy=2` into a copyright sign; in attributes a name without a semicolon is a
    reference only if neither `=` nor a letter or digit follows (WHATWG HTML 13.2.5.73).
    """
    return _REFERENCE.sub(lambda m: _referenced(value, m), value) if b"&" in value else value


def _referenced(value: bytes, match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, name, semicolon = match.groups()
    if name is None:
        number = int(decimal) if decimal else int(hexadecimal, 16)
        valid = 0 < number < 0x110000 and not 0xD800 <= number < 0xE000
        return chr(number).encode() if valid else match[0]
    if semicolon:
        return html5[f"{name.decode()};"].encode() if f"{name.decode()};" in html5 else match[0]
    following = value[match.end() : match.end() + 1]
    if following == b"=" or following.isalnum() or name.decode() not in html5:
        return match[0]
    return html5[name.decode()].encode()


def escape(value: bytes, quote: bytes) -> bytes:
    """A value for an attribute with that quote; without one, so that the tag stays whole."""
    value = value.replace(b"&", b"&amp;")
    if quote:
        return value.replace(quote, b"&quot;" if quote == b'"' else b"&#39;")
    return _NOT_BARE.sub(lambda m: _BARE_AS.get(m[0], b"&#%d;" % m[0][0]), value)
