"""A contact: a person, known by a mail address."""

from __future__ import annotations

import re
from typing import NewType
from unicodedata import normalize
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
    """`' Ada@Example.COM '` -> `ada@example.com`, `ben@xn--mller-kva.de` -> `ben@müller.de`; raises BadAddress.

    Local parts are folded to lower case: in theory they may differ by case (RFC 5321 2.4), at every large provider they
    do not, and one person must not become two.
    """
    address = normalize("NFC", text.strip().lower())
    local, at, domain = address.rpartition("@")
    if "xn--" in domain:
        domain = ".".join(map(_as_read, domain.split(".")))
        address = f"{local}{at}{domain}"
    fits = len(address.encode("utf-8", "replace")) <= MAX_BYTES and len(local) <= 64
    if not fits or not _SHAPE.fullmatch(address) or ".." in domain or domain[0] in ".-" or domain[-1] in ".-":
        msg = f"{text!r} is not a mail address; write it like name@example.com."
        raise BadAddress(msg)
    return Address(address)


def wire_address(address: str) -> str:
    """As every mail server takes it: `ben@müller.de` -> `ben@xn--mller-kva.de`; where the local part needs more, as it is."""
    local, at, domain = address.rpartition("@")
    if domain.isascii() or not local.isascii():
        return address
    return f"{local}{at}{'.'.join(map(_as_sent, normalize('NFC', domain.lower()).split('.')))}"


def _as_sent(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def _as_read(label: str) -> str:
    """An encoded label of a domain in its own letters, if it is one (RFC 5890). By hand: Python's codec takes ß for ss."""
    if not label.startswith("xn--") or not label.isascii():
        return label
    try:
        read = normalize("NFC", label[4:].encode().decode("punycode").lower())
        return read if _as_sent(read) == label and read.isprintable() else label
    except UnicodeError:
        return label


def without_addresses(text: str) -> str:
    """The text with `(address)` in the place of each mail address, also of one that is percent-encoded in a link."""
    return _WRITTEN.sub("(address)", text)


def mention_of(address: str) -> str:
    """A pattern that finds an address in text, also percent-encoded, and not inside a longer one; to be used without case.

    `address` is in lower case.

    Group 1 is what stands before it, the last group what stands behind. Plain enough for Python, DuckDB and bytes.
    """
    local, _, domain = address.rpartition("@")
    domains = "|".join(_encoded(d) for d in dict.fromkeys((domain, wire_address(f"@{domain}")[1:])))
    before, behind = r"(^|[^\w.+%-]|%[0-9a-fA-F]{2})", rf"($|[^\w.-]|\.$|\.\W|\.(?:{_FILES})\b)"
    return f"{before}{_encoded(local)}(?:@|%40)(?:{domains}){behind}"


def _encoded(text: str) -> str:
    """A pattern for a text in which any character that addresses of pages escape may be escaped."""
    return "".join(
        re.escape(char) if (escaped := quote(char, safe="").lower()) == char else f"(?:{re.escape(char)}|{escaped})"
        for char in text
    )
