"""Where a visit came from: Google Analytics' default channels in their order, plus AI assistants; webmail is Email."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_SHOPPING_CAMPAIGN = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_CHANNEL = {"search": "Organic Search", "social": "Organic Social", "video": "Organic Video", "shopping": "Organic Shopping",
            "mail": "Email", "ai": "AI Assistant"}  # fmt: skip
_CLICK_IDS = {"gclid": "Google", "wbraid": "Google", "gbraid": "Google", "msclkid": "Bing", "yclid": "Yandex"}
_EMAIL = {"email", "e-mail", "e_mail", "e mail"}


class Came(NamedTuple):
    """How a visit began."""

    channel: str
    source: str | None
    term: str | None
    spam: bool


class _Site(NamedTuple):
    kind: str
    name: str
    terms: tuple[str, ...]


@cache
def _sites() -> dict[str, _Site]:
    """Host (or its tail) -> site, from data/sources.txt."""
    found: dict[str, _Site] = {}
    for line in files("inkdot.understand").joinpath("data", "sources.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, name, terms, hosts = (part.strip() for part in line.split("|"))
            site = _Site(kind, name, tuple(terms.split()))
            found.update(dict.fromkeys(hosts.split(), site))
    return found


def _site(host: str) -> _Site | None:
    """The most specific entry for a host; `google.*` stands for all country names."""
    sites = _sites()
    labels = host.removeprefix("www.").split(".")
    for start in range(len(labels)):
        tail = labels[start:]
        for cut in (len(tail), len(tail) - 1, len(tail) - 2):
            key = ".".join(tail) if cut == len(tail) else ".".join(tail[:cut]) + ".*"
            if cut > 0 and key in sites:
                return sites[key]
    return None


def trace(referrer: str, page_url: str) -> Came:
    """Channel, source and search term of a visit; never raises, whatever the texts are."""
    page, query = _split(page_url)
    came, came_query = _split(referrer)
    site = _site(came) if came else None
    term = next((came_query[t][0] for t in site.terms if t in came_query), None) if site else None
    spam = site is not None and site.kind == "spam"
    tagged = {k: query[f"utm_{k}"][0].strip().lower() for k in ("source", "medium", "campaign") if f"utm_{k}" in query}
    if tagged:
        return Came(*_tagged(tagged, site, query), query["utm_term"][0] if "utm_term" in query else term, spam)
    clicked = next((name for key, name in _CLICK_IDS.items() if key in query), None)
    if clicked:
        return Came("Paid Search", clicked, term, spam)
    if not came or came == page:
        return Came("Direct", None, None, spam=False)
    if site and site.kind in _CHANNEL:
        return Came(_CHANNEL[site.kind], site.name, term, spam)
    return Came("Referral", site.name if site else came.removeprefix("www."), None, spam)


def _split(url: str) -> tuple[str, dict[str, list[str]]]:
    try:
        parts = urlsplit(url.strip())
        return (parts.hostname or "").rstrip("."), parse_qs(parts.query, errors="replace", max_num_fields=200)
    except ValueError:
        return "", {}


def _tagged(tagged: dict[str, str], referred: _Site | None, query: dict[str, list[str]]) -> tuple[str, str | None]:
    source, medium, campaign = (tagged.get(k, "") for k in ("source", "medium", "campaign"))
    site = _site(source) or _site(f"{source}.com") or (referred if not source else None)
    kind = site.kind if site else ""
    name = site.name if site else query.get("utm_source", [""])[0] or None
    return _channel(kind, source, medium, campaign), name


def _channel(kind: str, source: str, medium: str, campaign: str) -> str:  # noqa: C901, PLR0912 - the published order, rule by rule
    paid = _PAID.match(medium) is not None
    if source == "direct" and medium in ("", "(not set)", "(none)"):
        return "Direct"
    if "cross-network" in campaign:
        return "Cross-network"
    shopping = kind == "shopping" or _SHOPPING_CAMPAIGN.match(campaign) is not None
    if paid:
        paid_kinds = {"search": "Paid Search", "social": "Paid Social", "video": "Paid Video"}
        return "Paid Shopping" if shopping else paid_kinds.get(kind, "Paid Other")
    if medium in ("display", "banner", "expandable", "interstitial", "cpm"):
        return "Display"
    if shopping:
        return "Organic Shopping"
    if kind == "ai" or medium == "ai-assistant":
        return "AI Assistant"
    if kind == "social" or medium in (
        "social",
        "social-network",
        "social-media",
        "sm",
        "social network",
        "social media",
    ):
        return "Organic Social"
    if kind == "video" or "video" in medium:
        return "Organic Video"
    if kind == "search" or medium == "organic":
        return "Organic Search"
    if source in _EMAIL or medium in _EMAIL or kind == "mail":
        return "Email"
    if medium == "affiliate":
        return "Affiliates"
    if medium in ("referral", "app", "link"):
        return "Referral"
    if medium == "audio":
        return "Audio"
    if source == "sms" or medium == "sms":
        return "SMS"
    if medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase":
        return "Mobile Push Notifications"
    return "Unassigned"
