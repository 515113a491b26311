"""Who acted: the rules, in the order in which the first one that fires decides.

A rule is one small entry. Its test returns the fact that it saw, or None. Grades: A vendor's own document, B measured on
real traffic, C practice of several trackers, D a logical rule of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from inkdot.domain.evidence import Actor, Evidence, Human
from inkdot.understand.agent import Agent
from inkdot.understand.crawlers import crawler, listed_preview, preview

VERSION = "2026.11"
"""Of the rule set; stands on every event."""


class Seen(NamedTuple):
    """What a rule may look at."""

    kind: str
    """open, click or visit."""
    method: str
    agent: str
    """Empty if none was sent."""
    headers: Mapping[str, str]
    """Lower-case names."""
    network: tuple[str, ...]
    asn: int | None
    program: Agent
    context: Mapping[str, Any]
    """Behaviour over time, where it is known: seconds_since_send, prior_open, burst, honeypot, sender_cookie."""


class Rule(NamedTuple):
    """One entry of the rule book."""

    id: str
    actor: Actor
    human: Human
    grade: str
    source: str
    test: Callable[[Seen], str | None]


_GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
_GATEWAYS = ("proofpoint", "mimecast", "cisco_email")
_PREFETCH_HEADERS = (
    ("sec-purpose", "prefetch"),
    ("purpose", "prefetch"),
    ("x-moz", "prefetch"),
    ("x-purpose", "preview"),
)
_AZURE_ASN = 8075


def _has(*tokens: str) -> Callable[[Seen], str | None]:
    def test(seen: Seen) -> str | None:
        token = next((t for t in tokens if t in seen.agent), None)
        return f"agent contains {token}" if token else None

    return test


def _from(*tags: str) -> Callable[[Seen], str | None]:
    def test(seen: Seen) -> str | None:
        tag = next((t for t in tags if t in seen.network), None)
        return f"network {tag}" if tag else None

    return test


def _sender(seen: Seen) -> str | None:
    return "the sender's own sign-in came with the request" if seen.context.get("sender_cookie") else None


def _prefetch(seen: Seen) -> str | None:
    for header, word in _PREFETCH_HEADERS:
        if word in seen.headers.get(header, "").lower():
            return f"header {header} says {word}"
    return "header next-router-prefetch" if "next-router-prefetch" in seen.headers else None


def _bare_mozilla(seen: Seen) -> bool:
    return seen.agent == "Mozilla/5.0"


def _apple_privacy(seen: Seen) -> str | None:
    fits = seen.kind == "open" and _bare_mozilla(seen) and "apple_egress" in seen.network
    return "agent is exactly Mozilla/5.0, from Apple's exits" if fits else None


def _apple_partner(seen: Seen) -> str | None:
    fits = _bare_mozilla(seen) and seen.asn in (13335, 36183, 20940, 54113) and "referer" not in seen.headers
    return f"agent is exactly Mozilla/5.0, from AS{seen.asn}, a partner of Apple's" if fits else None


def _gmail_prefetch(seen: Seen) -> str | None:
    fits = seen.agent == _GMAIL_PREFETCH and "google_proxy" in seen.network
    return "Gmail's prefetch agent, from Google" if fits else None


def _outlook_web(seen: Seen) -> str | None:
    return "network exchange_online" if seen.kind == "open" and "exchange_online" in seen.network else None


def _after(seen: Seen) -> float | None:
    value = seen.context.get("seconds_since_send")
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _within(seen: Seen, seconds: float) -> bool:
    after = _after(seen)
    return after is not None and after <= seconds


def _gateway(seen: Seen) -> str | None:
    tag = next((t for t in _GATEWAYS if t in seen.network), None)
    return f"network {tag}, {_after(seen):g} s after hand-over" if tag and _within(seen, 600) else None


def _azure_click(seen: Seen) -> str | None:
    azure = seen.asn == _AZURE_ASN or "azure" in seen.network
    return "a click from Microsoft's cloud" if azure and seen.kind == "click" and _within(seen, 600) else None


def _honeypot(seen: Seen) -> str | None:
    return "fetched the link that no person can see" if seen.context.get("honeypot") else None


def _burst(seen: Seen) -> str | None:
    burst = seen.context.get("burst")
    if not isinstance(burst, Mapping):
        return None
    links, window, total = (burst.get(k) for k in ("distinct_links", "window_s", "links_total"))
    if not isinstance(links, int) or not isinstance(window, int | float):
        return None
    every = isinstance(total, int) and total >= 3 and links >= total and window <= 3
    many = (links >= 4 and window <= 1) or (links >= 5 and window <= 10) or every
    few = links >= 2 and window <= 5
    return f"{links} links in {window:g} s" if many or few else None


def _too_early(seen: Seen) -> str | None:
    after = _after(seen)
    return f"{after:g} s after hand-over" if after is not None and after < 2 else None


def _click_unopened(seen: Seen) -> str | None:
    fits = seen.kind == "click" and seen.context.get("prior_open") is False and _within(seen, 30)
    return f"click {_after(seen):g} s after hand-over, nothing opened before" if fits else None


def _cloud_open(seen: Seen) -> str | None:
    fits = seen.kind == "open" and "hosting" in seen.network and _within(seen, 60)
    return "opened within a minute from a hosting network" if fits else None


def _odd_method(seen: Seen) -> str | None:
    return f"method {seen.method}" if seen.method != "GET" else None


def _link_preview(seen: Seen) -> str | None:
    token = preview(seen.agent)
    return f"agent contains {token}" if token else None


def _crawler(seen: Seen) -> str | None:
    token = crawler(seen.agent)
    return f"agent contains {token}" if token else None


def _listed_preview(seen: Seen) -> str | None:
    token = listed_preview(seen.agent)
    return f"agent contains {token}" if token else None


def _no_agent(seen: Seen) -> str | None:
    return "no agent" if not seen.agent else None


def _mail_client(seen: Seen) -> str | None:
    return f"{seen.program.client.value} fetched it directly" if seen.program.mail and seen.kind == "open" else None


def _browser(seen: Seen) -> str | None:
    browser = seen.agent.startswith("Mozilla/5.0 (") or seen.program.mail or seen.agent.startswith("Opera/")
    return f"a browser or app: {seen.program.client.value or 'unnamed'}" if browser else None


_A, _H = Actor, Human
RULES: tuple[Rule, ...] = (
    Rule("S1", _A.SENDER, _H.NO, "D", "definition", _sender),
    Rule("P1", _A.PREVIEW, _H.NO, "A", "MDN Sec-Purpose; Chromium source", _prefetch),
    Rule("I2", _A.IMAGE_PROXY, _H.NO, "B", "SparkPost on Gmail prefetching", _gmail_prefetch),
    Rule(
        "I1",
        _A.IMAGE_PROXY,
        _H.LIKELY,
        "B",
        "Movable Ink 2014; wordtothewise",
        _has("GoogleImageProxy", "via ggpht.com"),
    ),
    Rule("I3", _A.IMAGE_PROXY, _H.LIKELY, "A", "Yahoo help SLN28749", _has("YahooMailProxy")),
    Rule("I4", _A.IMAGE_PROXY, _H.LIKELY, "A", "hey.com/image-proxy", _has("hey.com/imageproxy")),
    Rule("I5", _A.IMAGE_PROXY, _H.LIKELY, "A", "Fastmail help 1500000278102", _has("FastmailUA/")),
    Rule("I6", _A.IMAGE_PROXY, _H.LIKELY, "B", "device-detector fixtures", _has("SeznamEmailProxy")),
    Rule("I7", _A.IMAGE_PROXY, _H.LIKELY, "C", "crawler-user-agents", _has("Shortwave Image Fetcher")),
    Rule("I8", _A.IMAGE_PROXY, _H.UNKNOWN, "B", "device-detector fixtures", _has("GoogleDocs; apps-")),
    Rule("I9", _A.IMAGE_PROXY, _H.UNKNOWN, "C", "practice of trackers", _has("YandexImageResizer", "Mail.RU_Bot/Img")),
    Rule("A1", _A.PRIVACY_PROXY, _H.UNKNOWN, "A", "Apple egress list; wordtothewise 2021", _apple_privacy),
    Rule("A2", _A.PRIVACY_PROXY, _H.UNKNOWN, "C", "practice of trackers", _apple_partner),
    Rule("V1", _A.PREVIEW, _H.NO, "A", "the previewers' own documents", _link_preview),
    Rule(
        "X1",
        _A.SCANNER,
        _H.NO,
        "B",
        "production logs",
        _has("Barracuda Sentinel", "virustotalcloud", "CensysInspect", "Expanse"),
    ),
    Rule("X2", _A.SCANNER, _H.NO, "A", "endpoints.office.com sets 9 and 10", _from("eop")),
    Rule("X3", _A.SCANNER, _H.NO, "A", "Barracuda Email Gateway Defense addresses", _from("barracuda")),
    Rule("X4", _A.SCANNER, _H.NO, "B", "address space of the gateways", _gateway),
    Rule("X2b", _A.SCANNER, _H.NO, "B", "mautic 9400, gophish 2446", _azure_click),
    Rule("X5", _A.SCANNER, _H.NO, "A", "patent US12489787; mautic 9162", _honeypot),
    Rule("X6", _A.SCANNER, _H.NO, "B", "Maestra and Paminga documents", _burst),
    Rule("X8", _A.SCANNER, _H.NO, "B", "gophish 2446", _too_early),
    Rule("X9", _A.SCANNER, _H.NO, "B", "practice of trackers with a 30 s window", _click_unopened),
    Rule("X10", _A.SCANNER, _H.NO, "B", "production log", _cloud_open),
    Rule("X12", _A.SCANNER, _H.NO, "C", "Groundhogg", _odd_method),
    Rule("I10", _A.IMAGE_PROXY, _H.UNKNOWN, "B", "warmbly, Exchange Online addresses", _outlook_web),
    Rule("B5", _A.UNKNOWN, _H.UNKNOWN, "D", "a person's program says what it is", _no_agent),
    Rule("B2", _A.BOT, _H.NO, "B", "crawler-user-agents and generic words", _crawler),
    Rule("V2", _A.PREVIEW, _H.NO, "B", "crawler-user-agents, social previews", _listed_preview),
    Rule("M1", _A.HUMAN, _H.YES, "B", "fixtures of uap-core and device-detector", _mail_client),
    Rule("H1", _A.HUMAN, _H.YES, "D", "what is left and looks like a browser", _browser),
    Rule("U1", _A.UNKNOWN, _H.UNKNOWN, "D", "nothing else fits", lambda _: "no rule fits"),
)


def judge(seen: Seen) -> tuple[Rule, Evidence]:
    """The deciding rule and its evidence. The last rule always fires."""
    for rule in RULES:
        fact = rule.test(seen)
        if fact is not None:
            return rule, Evidence(rule.id, fact)
    raise AssertionError
