"""Where a visit came from: Google Analytics' default channels in their order, plus AI assistants; webmail is Email."""

from __future__ import annotations

import lzma
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from inkdot.domain.beacon import is_listed

_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_SHOPPING_CAMPAIGN = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_CHANNEL = {"search": "Organic Search", "social": "Organic Social", "video": "Organic Video", "shopping": "Organic Shopping",
            "mail": "Email", "ai": "AI Assistant", "ads": "Display", "paid": "Paid Search"}  # fmt: skip
_CLICK_IDS = {
    "gclid": ("Paid Search", "Google"), "wbraid": ("Paid Search", "Google"), "gbraid": ("Paid Search", "Google"),
    "msclkid": ("Paid Search", "Bing"), "yclid": ("Paid Search", "Yandex"), "dclid": ("Display", "Google"),
    "ttclid": ("Paid Social", "TikTok"), "twclid": ("Paid Social", "Twitter"), "li_fat_id": ("Paid Social", "LinkedIn"),
    "rdt_cid": ("Paid Social", "Reddit"), "sccid": ("Paid Social", "Snapchat"), "epik": ("Paid Social", "Pinterest"),
    "fbclid": ("Organic Social", "Facebook"), "igshid": ("Organic Social", "Instagram"), "mc_eid": ("Email", "Mailchimp"),
}  # fmt: skip
"""What advertising systems put on links by themselves. Facebook marks free links too, so fbclid alone is not paid."""
_SHORT = {"fb": "facebook.com", "fcb": "facebook.com", "ig": "instagram.com", "insta": "instagram.com", "yt": "youtube.com",
          "adwords": "google.com", "gads": "google.com", "google+": "plus.google.com", "googleplus": "plus.google.com", "tik.tok": "tiktok.com",
          "tw": "twitter.com", "x": "x.com", "li": "linkedin.com", "vk": "vk.com", "meta": "facebook.com",
          "chatgpt": "chatgpt.com", "openai": "chatgpt.com"}  # fmt: skip
"""Names that people give to sources in utm_source."""
_EMAIL = {"email", "e-mail", "e_mail", "e mail"}
_SOCIAL = {"social", "social-network", "social-media", "sm", "social network", "social media"}
_WEBMAIL = re.compile(
    r"(?:(?:e|w|web|my|light|x)?-?mail(?:s|er|box|in|pro|business)?|zimbra|roundcube|squirrelmail|horde|owa|messagerie(?:pro)?|courriel|correo"
    r"|poczta|posta|poste|pochta)(?:-?[a-z]?\d{1,3}[a-z]?|-(?:bs|bap|lxa))?|3c(?:-\w+)?"
)
"""What a label of a host that serves people their mail looks like, with the number of the machine that it was."""
_ADVERTISED = re.compile(r"[-_ ]*(?:feed[-_ ]?)?ads?$")
"""What campaigns append to the name of a site on which they bought a place."""
_ITS_OWN_WORD = frozenset({"direct", "email", "sms", "newsletter", "firebase"})


SPAM = str(files("inkdot.understand").joinpath("data", "spam.xz"))
"""The file of domains that send visits which nobody made."""


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
    """Host, host and path, or the tail of a host -> site. What a later file says counts; a site without a name has its host's."""
    found: dict[str, _Site] = {}
    for name in ("engines.txt", "google.txt", "sources.txt"):
        for line in files("inkdot.understand").joinpath("data", name).read_text().splitlines():
            if line and not line.startswith("#"):
                kind, label, terms, hosts = (part.strip() for part in line.split("|"))
                for host in hosts.split():
                    known = (
                        _Site(kind, label, tuple(terms.split())) if label else found.get(host, _Site(kind, host, ()))
                    )
                    found[host] = known._replace(kind=kind)
    return found


@cache
def spam_domains() -> frozenset[str]:
    """Domains that send visits which nobody made."""
    return frozenset(lzma.decompress(Path(SPAM).read_bytes()).decode().split())


@cache
def _paths() -> dict[str, list[str]]:
    """Host -> the paths under it that are sites of their own."""
    found: dict[str, list[str]] = {}
    for key in _sites():
        host, slash, path = key.partition("/")
        if slash:
            found.setdefault(host, []).append(path)
    return found


def _keys(host: str) -> list[str]:
    """What a host may stand under, most specific first: `www.google.de` -> google.de google.*; never a last label alone."""
    labels = host.removeprefix("www.").split(".")
    found = []
    for start in range(min(max(len(labels) - 1, 1), 8)):
        tail = labels[start:]
        found += [".".join(tail), *(".".join(tail[:-cut]) + ".*" for cut in (1, 2) if len(tail) > cut)]
    return found


def _site(host: str, path: str = "") -> _Site | None:
    """The most specific entry for an address."""
    sites = _sites()
    for key in _keys(host):
        for under in _paths().get(key, ()):
            if path.startswith(under):
                return sites[f"{key}/{under}"]
        if key in sites:
            return sites[key]
    return None


def trace(referrer: str, page_url: str, *, ga4_strict: bool = False) -> Came:
    """Channel, source and search term of a visit; never raises, whatever the texts are.

    `ga4_strict` gives webmail the channel that Google Analytics gives it: Referral.
    """
    page, _, query = _split(page_url)
    came, path, came_query = _split(referrer)
    site, term = _searched(_site(came, path), came, came_query) if came else (None, None)
    spam = bool(came) and is_listed(came, spam_domains())
    tagged = {k: query[f"utm_{k}"][0].strip().lower() for k in ("source", "medium", "campaign") if f"utm_{k}" in query}
    if tagged:
        channel, source = _tagged(tagged, site, query)
        return Came(channel, source, _first(query, "utm_term") or term, spam)
    clicked = next((_CLICK_IDS[key.lower()] for key in query if key.lower() in _CLICK_IDS), None)
    if clicked and not (clicked[0].startswith("Organic") and site):
        return Came(*clicked, term, spam)
    if not came or came.removeprefix("www.") == page.removeprefix("www."):
        return Came("Direct", None, None, spam=False)
    if site and site.kind in _CHANNEL:
        channel = "Referral" if ga4_strict and site.kind == "mail" else _CHANNEL[site.kind]
        return Came(channel, site.name, term, spam)
    return Came("Referral", site.name if site else came.removeprefix("www."), None, spam)


def is_way_through(host: str) -> bool:
    """True for places to which people are sent to sign in or to pay, and from which they come back."""
    site = _site(host)
    return site is not None and site.kind == "pass"


def _searched(site: _Site | None, host: str, query: Mapping[str, list[str]]) -> tuple[_Site | None, str | None]:
    """The site for good, and the term searched for. `asked` sites are engines only where a term came along."""
    if site is None:
        return (_Site("mail", _mail_names().get(_owner(host), host), ()) if _reads_mail(host) else None), None
    term = next((found for found in (_first(query, t) for t in site.terms) if found), None)
    if site.kind == "asked":
        return (site._replace(kind="search") if term else None), term
    return site, term


def _reads_mail(host: str) -> bool:
    """Whether people read their mail at such a host: by its name in a domain, or as what mail programs lead links through."""
    return host.startswith("deref-") or any(_WEBMAIL.fullmatch(label) for label in host.split(".")[:-2])


@cache
def _mail_names() -> dict[str, str]:
    """Whose mail it is, by the owner of the host: orange.fr -> Orange Webmail."""
    return {_owner(host): site.name for host, site in _sites().items() if site.kind == "mail"}


def _owner(host: str) -> str:
    """What is registered of a host: the last two labels, or three under co.uk and its like."""
    labels = host.partition("/")[0].split(".")
    return ".".join(labels[-3 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else -2 :])


def _first(query: Mapping[str, list[str]], key: str) -> str | None:
    return query[key][0].strip() or None if key in query else None


def _split(url: str) -> tuple[str, str, dict[str, list[str]]]:
    """Host, path without its first slash, query."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").rstrip(".").lower()
        return host, parts.path.lstrip("/"), parse_qs(parts.query, errors="replace", max_num_fields=200)
    except ValueError:
        return "", "", {}


def _tagged(
    tagged: Mapping[str, str], referred: _Site | None, query: Mapping[str, list[str]]
) -> tuple[str, str | None]:
    source, medium, campaign = (tagged.get(k, "") for k in ("source", "medium", "campaign"))
    site = None if source in _ITS_OWN_WORD else _named(source) or (None if source else referred)
    kind = site.kind if site else ""
    name = site.name if site else _first(query, "utm_source")
    return _channel("search" if kind == "asked" else kind, source, medium, campaign), name


def _named(source: str) -> _Site | None:
    """The site that a tag names: `google`, `linkedin.com`, `fb`."""
    sites = _sites()
    bought = _ADVERTISED.sub("", source)
    for name in (source, bought) if bought not in ("", source) else (source,):
        for key in (name, _SHORT.get(name), f"{name}.com", f"{name}.*", f"{name}.org", f"{name}.net"):
            if key and (found := sites.get(key) or (_site(key) if "." in key and not key.endswith("*") else None)):
                return found
        if found := next(iter(_by_name().get(name, ())), None):
            return found
    return None


@cache
def _by_name() -> dict[str, list[_Site]]:
    found: dict[str, list[_Site]] = {}
    for site in _sites().values():
        found.setdefault(site.name.lower(), []).append(site)
    return found


def _channel(kind: str, source: str, medium: str, campaign: str) -> str:  # noqa: C901, PLR0912 - the published order, rule by rule
    paid = _PAID.match(medium) is not None
    if source in ("direct", "(direct)") and medium in ("", "(not set)", "(none)"):
        return "Direct"
    if "cross-network" in campaign:
        return "Cross-network"
    shopping = kind == "shopping" or _SHOPPING_CAMPAIGN.match(campaign) is not None
    if paid and (shopping or kind in ("search", "social", "video")):
        return "Paid Shopping" if shopping else f"Paid {kind.capitalize()}"
    if medium in ("display", "banner", "expandable", "interstitial", "cpm"):
        return "Display"
    if paid:
        return "Paid Other"
    if shopping:
        return "Organic Shopping"
    if kind == "ai" or medium == "ai-assistant":
        return "AI Assistant"
    if kind == "social" or medium in _SOCIAL:
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
