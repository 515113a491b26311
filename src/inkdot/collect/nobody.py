"""What may be written down of a website's event where nothing may lead to a person: what was seen, not what its address told of whom.

Addresses lose their login, their query and what stands behind #; of a query the campaign's words stay, and of the marks that
advertisers put on each click the name alone, because both say how somebody came and not who. A part of a path that looks like a mail
address goes, too.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

NEEDS_SOMEBODY = frozenset({"engage", "identify"})
"""Kinds that say nothing without a person."""
_KEPT = ("k", "u", "r", "n", "l")
_ADDRESSES = ("u", "l")
_CAMPAIGN = frozenset({"utm_source", "utm_medium", "utm_campaign"})
_CLICK_MARKS = frozenset({
    "gclid", "wbraid", "gbraid", "msclkid", "yclid", "dclid", "ttclid", "twclid", "li_fat_id", "rdt_cid", "sccid", "epik", "fbclid",
    "igshid", "mc_eid",
})  # fmt: skip
_MAIL = re.compile(r"(?i)[^/]*(?:@|%40)[^/]*")


def for_nobody(found: dict[str, Any]) -> dict[str, Any]:
    """The part of an event under short names that names nobody."""
    kept = {name: found[name] for name in _KEPT if name in found}
    for name in _ADDRESSES:
        if name in kept:
            kept[name] = _place(kept[name], ask=True)
    if "r" in kept:
        kept["r"] = _place(kept["r"], ask=False)
    if "@" in kept.get("n", ""):
        kept["n"] = "*"
    return kept


def _place(url: str, *, ask: bool) -> str:
    """`https://ben:pw@shop.example/a?mail=ben@example.com&utm_source=News#x` -> `https://shop.example/a?utm_source=News`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if not parts.netloc:  # mailto:, tel: and the like name a person themselves
        return f"{parts.scheme}:" if parts.scheme else ""
    words = "&".join(filter(None, map(_word, parts.query.split("&")))) if ask else ""
    path = _MAIL.sub("*", parts.path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}" + (f"?{words}" if words else "")


def _word(word: str) -> str:
    name, _, value = word.partition("=")
    if name.lower() in _CLICK_MARKS:
        return f"{name}=1"
    return word if name.lower() in _CAMPAIGN and "@" not in value and "%40" not in value else ""
