"""The rule book: `data/rules.toml` and, before it, an operator's own rules, made into one ordered list.

An operator's file has the same form; `off = ["X9"]` switches rules off by their id. A condition is one line of CONDITIONS:
it says whether a ping fits, by the fact that it saw.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from inkdot.domain.errors import BadSetting
from inkdot.domain.evidence import Actor, Evidence, Human, Reason, Status
from inkdot.understand.agent import Agent
from inkdot.understand.crawlers import crawler, listed_preview, preview

_GRADES = ("A", "B", "C", "D")
_CONFIDENCES = ("very high", "high", "medium", "low")
_PREFETCH_HEADERS = (
    ("sec-purpose", "prefetch"), ("purpose", "prefetch"), ("x-moz", "prefetch"), ("x-purpose", "preview"),
)  # fmt: skip
_A_BROWSER = re.compile(r"(?i)mozilla/5\.0 |opera/|ucweb/")
_KEYS = frozenset({"id", "when", "actor", "human", "client", "hides", "time", "confidence", "grade", "source", "date"})
_NEEDED = ("id", "actor", "human", "grade", "source")


class Seen(NamedTuple):
    """What a rule may look at."""

    kind: str
    """open, page (an open by a dot in a document), click or visit."""
    method: str
    agent: str
    """Empty if none was sent."""
    headers: Mapping[str, str]
    """Lower-case names."""
    network: tuple[str, ...]
    asn: int | None
    program: Agent
    context: Mapping[str, Any]
    """Behaviour over time, where it is known: seconds_since_send, prior_open, burst, recipients_at_once, honeypot, sender_cookie."""


Test = Callable[[Seen], str | None]
"""The fact that was seen, or None where the condition does not hold."""


class Rule(NamedTuple):
    """One entry of the rule book."""

    id: str
    tests: tuple[Test, ...]
    actor: Actor
    human: Human
    client: str | None
    hides: Reason | None
    time: Status
    confidence: str
    grade: str
    source: str
    date: str
    asns: frozenset[int]
    """Networks that it asks about by their number."""

    def fires(self, seen: Seen) -> str | None:
        """What it saw, or None."""
        facts = []
        for test in self.tests:
            fact = test(seen)
            if fact is None:
                return None
            if fact:
                facts.append(fact)
        return ", ".join(facts) or "no other rule fits"


class RuleBook(NamedTuple):
    """Rules in their order. `version` stands on every event."""

    version: str
    rules: tuple[Rule, ...]

    def judge(self, seen: Seen) -> tuple[Rule, Evidence]:
        """The deciding rule and its evidence. The last rule always fires."""
        for rule in self.rules:
            fact = rule.fires(seen)
            if fact is not None:
                return rule, Evidence(rule.id, fact)
        raise AssertionError


# -- conditions


def _agent_contains(tokens: Sequence[str]) -> Test:
    def test(seen: Seen) -> str | None:
        token = next((t for t in tokens if t in seen.agent), None)
        return f"agent contains {token}" if token else None

    return test


def _agent_is(agents: Sequence[str]) -> Test:
    known = {a: f"agent is exactly {a if len(a) < 20 else a[:17] + '...'}" for a in agents}
    return lambda seen: known.get(seen.agent)


def _agent_matches(pattern: str) -> Test:
    compiled = re.compile(pattern)

    def test(seen: Seen) -> str | None:
        found = compiled.search(seen.agent)
        return f"agent has {found[0][:60]}" if found else None

    return test


def _network(tags: Sequence[str]) -> Test:
    def test(seen: Seen) -> str | None:
        tag = next((t for t in tags if t in seen.network), None)
        return f"network {tag}" if tag else None

    return test


def _not_network(tags: Sequence[str]) -> Test:
    return lambda seen: None if any(t in seen.network for t in tags) else ""


def _asn(numbers: Sequence[int]) -> Test:
    return lambda seen: f"AS{seen.asn}" if seen.asn in numbers else None


def _not_asn(numbers: Sequence[int]) -> Test:
    return lambda seen: None if seen.asn in numbers else ""


def _kind(kinds: Sequence[str]) -> Test:
    wanted = {*kinds, "page"} if "open" in kinds else set(kinds)
    return lambda seen: "" if seen.kind in wanted else None


def _not_method(methods: Sequence[str]) -> Test:
    return lambda seen: None if seen.method in methods else f"method {seen.method}"


def _header(wanted: Mapping[str, str]) -> Test:
    def test(seen: Seen) -> str | None:
        for name, word in wanted.items():
            if word.lower() not in seen.headers.get(name.lower(), "").lower():
                return None
        return "header " + ", ".join(f"{name} says {word}" for name, word in wanted.items())

    return test


def _no_header(names: Sequence[str]) -> Test:
    return lambda seen: None if any(n in seen.headers for n in names) else ""


def _within_seconds(seconds: float) -> Test:
    def test(seen: Seen) -> str | None:
        after = seen.context.get("seconds_since_send")
        known = isinstance(after, int | float) and not isinstance(after, bool)
        return f"less than {seconds:g} s after hand-over" if known and after <= seconds else None  # type: ignore[operator]

    return test


def _prefetch(_: bool) -> Test:
    def test(seen: Seen) -> str | None:
        for header, word in _PREFETCH_HEADERS:
            if word in seen.headers.get(header, "").lower():
                return f"header {header} says {word}"
        return "header next-router-prefetch" if "next-router-prefetch" in seen.headers else None

    return test


def _burst(size: str) -> Test:
    def test(seen: Seen) -> str | None:
        burst = seen.context.get("burst")
        if not isinstance(burst, Mapping):
            return None
        links, window, total = (burst.get(k) for k in ("distinct_links", "window_s", "links_total"))
        if not isinstance(links, int) or not isinstance(window, int | float):
            return None
        every = isinstance(total, int) and total >= 3 and links >= total and window <= 3
        many = (links >= 4 and window <= 1) or (links >= 5 and window <= 10) or every
        few = links >= 2 and window <= 5
        return f"{links} links in {window:g} s" if (many if size == "many" else few) else None

    return test


def _recipients_at_once(least: int) -> Test:
    def test(seen: Seen) -> str | None:
        count = seen.context.get("recipients_at_once")
        fits = isinstance(count, int) and not isinstance(count, bool) and count >= least
        return f"{least} recipients or more in the same second from one program and network" if fits else None

    return test


def _context(key: str, fact: str, wanted: bool) -> Test:
    return lambda seen: fact if seen.context.get(key) is wanted else None


def _sender(wanted: bool) -> Test:
    def test(seen: Seen) -> str | None:
        own = seen.headers.get("inkdot-self") == "yes" or seen.context.get("sender_cookie") is True
        return "a browser that the sender called his own" if own is wanted else None

    return test


def _sender_alike(_: bool) -> Test:
    fact = "from where the sender worked in the office within a day, with the same program"
    return lambda seen: fact if seen.headers.get("inkdot-self") == "alike" else None


def _names_itself(how: str) -> Test:
    find = {"link_preview": preview, "listed_preview": listed_preview, "crawler": crawler}[how]

    def test(seen: Seen) -> str | None:
        token = find(seen.agent)
        return f"agent contains {token}" if token else None

    return test


def _no_agent(_: bool) -> Test:
    return lambda seen: None if seen.agent else "no agent"


def _mail_program(_: bool) -> Test:
    return lambda seen: f"{seen.program.client.value} fetched it directly" if seen.program.mail else None


def _document_program(_: bool) -> Test:
    return lambda seen: f"{seen.program.client.value} fetched it directly" if seen.program.documents else None


def _not_mail_program(_: bool) -> Test:
    return lambda seen: None if seen.program.mail else ""


def _browser(_: bool) -> Test:
    def test(seen: Seen) -> str | None:
        program = seen.program
        known = program.client.value or program.os.value
        fits = (known and _A_BROWSER.match(seen.agent)) or program.mail
        return f"a browser or app: {seen.program.client.value or 'unnamed'}" if fits else None

    return test


CONDITIONS: dict[str, Callable[[Any], Test]] = {
    "agent_contains": _agent_contains,
    "agent_is": _agent_is,
    "agent_matches": _agent_matches,
    "no_agent": _no_agent,
    "names_itself": _names_itself,
    "mail_program": _mail_program,
    "not_mail_program": _not_mail_program,
    "document_program": _document_program,
    "browser": _browser,
    "network": _network,
    "not_network": _not_network,
    "asn": _asn,
    "not_asn": _not_asn,
    "kind": _kind,
    "not_method": _not_method,
    "header": _header,
    "no_header": _no_header,
    "prefetch": _prefetch,
    "within_seconds": _within_seconds,
    "prior_open": lambda wanted: _context("prior_open", "nothing opened before", wanted),
    "honeypot": lambda wanted: _context("honeypot", "fetched the link that no person can see", wanted),
    "sender": _sender,
    "sender_alike": _sender_alike,
    "burst": _burst,
    "recipients_at_once": _recipients_at_once,
}
_LISTS = frozenset({"agent_contains", "agent_is", "network", "not_network", "kind", "not_method", "no_header"})
_NUMBERS = frozenset({"asn", "not_asn"})


# -- reading


@cache
def shipped() -> RuleBook:
    """The rules that come with Inkdot."""
    return _read(files("inkdot.understand").joinpath("data", "rules.toml").read_text(), "rules.toml")[0]


def with_own(text: str, name: str = "rules.toml") -> RuleBook:
    """An operator's rules before the shipped ones; raises BadSetting that names the line and what is wrong with it."""
    base = shipped()
    own, off = _read(text, name)
    known = {rule.id for rule in base.rules}
    for rule in off:
        if rule not in known or rule == base.rules[-1].id:
            raise BadSetting(f"{name}{_line(text, rule)}: there is no rule {rule!r} that could be switched off.")
    for rule_id in (r.id for r in own.rules):
        if rule_id in known:
            raise BadSetting(
                f"{name}{_line(text, rule_id)}: {rule_id!r} is a rule of Inkdot's; give yours another id, and switch that one off."
            )
    mark = hashlib.blake2b(text.encode(), digest_size=3).hexdigest()
    return RuleBook(f"{base.version}+{mark}", (*own.rules, *(r for r in base.rules if r.id not in off)))


def _read(text: str, name: str) -> tuple[RuleBook, frozenset[str]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{name}: {error}.") from error
    for key in data.keys() - {"version", "rule", "off"}:
        raise BadSetting(f"{name}{_line(text, key)}: {key!r} is nothing that a rule file has; it has 'rule' and 'off'.")
    entries, off = data.get("rule", []), data.get("off", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise BadSetting(f"{name}{_line(text, 'rule')}: write each rule under a [[rule]] of its own.")
    if not isinstance(off, list) or not all(isinstance(o, str) for o in off):
        raise BadSetting(f"{name}{_line(text, 'off')}: 'off' is a list of rule ids, like [\"X9\"].")
    rules = []
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(_rule(entry))
        except (ValueError, re.error) as error:
            where = _line(text, str(entry.get("id", ""))) or f", rule {number}"
            raise BadSetting(f"{name}{where}: {error}.") from error
    if len({r.id for r in rules}) != len(rules):
        raise BadSetting(f"{name}: two rules have the same id.")
    return RuleBook(str(data.get("version", "")), tuple(rules)), frozenset(off)


def _line(text: str, word: str) -> str:
    """`, line 12` for where a word stands first."""
    found = next((n for n, line in enumerate(text.splitlines(), 1) if word and word in line), None)
    return f", line {found}" if found else ""


def _rule(entry: Mapping[str, Any]) -> Rule:
    missing = [key for key in _NEEDED if not isinstance(entry.get(key), str) or not entry[key]]
    if missing:
        raise ValueError(f"the rule lacks {' and '.join(missing)}, as text")
    strange = sorted(entry.keys() - _KEYS)
    if strange:
        raise ValueError(f"{strange[0]!r} is nothing that a rule has; it has {', '.join(sorted(_KEYS))}")
    when = entry.get("when", {})
    if not isinstance(when, dict):
        raise ValueError("'when' is a table of conditions")  # noqa: TRY004 - all faults of a file are told alike
    hides = entry.get("hides")
    return Rule(
        entry["id"],
        tuple(_test(key, value) for key, value in when.items()),
        Actor(_one_of(entry["actor"], Actor, "actor")),
        Human(_one_of(entry["human"], Human, "human")),
        entry.get("client"),
        Reason(_one_of(hides, Reason, "hides")) if hides else None,
        Status(_one_of(entry.get("time", "known"), Status, "time")),
        _one_of(entry.get("confidence", "medium"), _CONFIDENCES, "confidence"),
        _one_of(entry["grade"], _GRADES, "grade"),
        entry["source"],
        str(entry.get("date", "")),
        frozenset((*when.get("asn", ()), *when.get("not_asn", ()))),
    )


def _one_of(value: Any, choices: Any, key: str) -> str:
    if value not in list(choices):
        raise ValueError(f"{key} is {value!r}; it can be {', '.join(choices)}")
    return str(value)


def _test(key: str, value: Any) -> Test:
    if key not in CONDITIONS:
        raise ValueError(f"there is no condition {key!r}; there are {', '.join(CONDITIONS)}")
    wrong = (
        (key in _LISTS and not (isinstance(value, list) and all(isinstance(v, str) for v in value)))
        or (key in _NUMBERS and not (isinstance(value, list) and all(isinstance(v, int) for v in value)))
        or (key == "header" and not (isinstance(value, dict) and all(isinstance(v, str) for v in value.values())))
        or (key in ("within_seconds", "recipients_at_once") and not isinstance(value, int | float))
        or (key in ("agent_matches", "names_itself", "burst") and not isinstance(value, str))
    )
    if wrong:
        raise ValueError(f"the condition {key!r} cannot be {value!r}")
    try:
        return CONDITIONS[key](value)
    except KeyError:
        raise ValueError(f"the condition {key!r} cannot be {value!r}") from None
