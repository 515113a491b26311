"""A contact: a person, known by a mail address."""

from __future__ import annotations

import re
from typing import NewType
from urllib.parse import quote

from inkdot.domain.errors import BadAddress

Address = NewType("Address", str)
"""A mail address, lower case, no display name."""

_SHAPE = re.compile(r"[^\s@<>(),;:\"\\\[\]\x00-\x1f\x7f]+@[^\s@<>(),;:\"\\\[\]\x00-\x1f\x7f]+")
_FILES = "aspx?|csv|docx?|eml|gif|gz|html?|ics|jpe?g|jsonl?|msg|od[pst]|parquet|pdf|php|png|pptx?|tar|tgz|txt|vcf|xlsx?|xml|zip"
"""Ends of file names, where an address is not inside a longer one: `ben@example.com.pdf`."""
_SIGN = r"[^\s@<>(),;:\"\\\[\]/?&=#\x00-\x1f\x7f]"
_WRITTEN = re.compile(rf"(?i){_SIGN}+(?:@|%40){_SIGN}+")
MAX_BYTES = 254  # RFC 5321 4.5.3.1.3, less the angle brackets


def normal_address(text: str) -> Address:
    """`' Ada@Example.COM '` -> `ada@example.com`; raises BadAddress.

    Local parts are folded to lower case: in theory they may differ by case (RFC 5321 2.4), at every large provider they
    do not, and one person must not become two.
    """
    address = text.strip().lower()
    local, _, domain = address.rpartition("@")
    fits = len(address.encode("utf-8", "replace")) <= MAX_BYTES and len(local) <= 64
    if not fits or not _SHAPE.fullmatch(address) or ".." in domain or domain[0] in ".-" or domain[-1] in ".-":
        msg = f"{text!r} is not a mail address; write it like name@example.com."
        raise BadAddress(msg)
    return Address(address)


def without_addresses(text: str) -> str:
    """The text with `(address)` in the place of each mail address, also of one that is percent-encoded in a link."""
    return _WRITTEN.sub("(address)", text)


def mention_of(address: str) -> str:
    """A pattern that finds an address in text, also percent-encoded, and not inside a longer one; to be used without case.

    `address` is in lower case.

    Group 1 is what stands before it, the last group what stands behind. Plain enough for Python, DuckDB and bytes.
    """
    local, _, domain = address.rpartition("@")
    before, behind = r"(^|[^\w.+%-]|%[0-9a-fA-F]{2})", rf"($|[^\w.-]|\.$|\.\W|\.(?:{_FILES})\b)"
    return f"{before}{_encoded(local)}(?:@|%40){_encoded(domain)}{behind}"


def _encoded(text: str) -> str:
    """A pattern for a text in which any character that addresses of pages escape may be escaped."""
    return "".join(
        re.escape(char) if (escaped := quote(char, safe="").lower()) == char else f"(?:{re.escape(char)}|{escaped})"
        for char in text
    )
