"""A rule as a user writes it: TOML or JSON in, a checked `Rule` out, or sentences that name every place to mend."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress, BadId, BadRule
from inkdot.domain.event import Kind
from inkdot.domain.evidence import Human
from inkdot.domain.ids import DOCUMENT, LINK, MESSAGE, SITE, from_word

NAME_SHAPE = r"^\S(.{0,98}\S)?$"
_SPAN = re.compile(r"(\d{1,5})(s|m|h|d|w)")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_CAP = re.compile(r"(\d{1,6})\s*/\s*(.+)")
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
_MOST_BYTES = 64_000
_MICRO = 1_000_000

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=NAME_SHAPE)]
Style = Literal["popup", "bar", "corner", "slot"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a rule."""


class When(_Part, frozen=True):
    """What must happen. Everything that is said must hold."""

    kind: list[Kind] | Kind | None = None
    url: list[Text] | Text | None = None
    """A page or destination: an address or a path, `*` for anything; `re:` before a regular expression."""
    channel: list[Text] | Text | None = None
    source: Text | None = None
    name: Text | None = None
    person: Text | None = None
    """A mail address, `*` for anything: `*@example.com`."""
    message: str | None = None
    link: str | None = None
    document: str | None = None
    site: str | None = None
    page: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    """The page of a document."""
    seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None
    """Active seconds, added up over `within`."""
    scroll: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    """Percent of the page; only for what is shown on a page."""
    leaving: bool = False
    """The pointer leaves the page; only for what is shown on a page."""
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    within: str | None = None
    score: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    audience: Text | None = None
    not_opened_for: str | None = None


class Limits(_Part, frozen=True):
    """How often at the most, and when not."""

    per_person: str | None = None
    total: str | None = None
    quiet: str | None = None
    zone: str = "UTC"


class Webhook(_Part, frozen=True, tag_field="do", tag="webhook"):
    """POST the event, signed as Standard Webhooks say."""

    url: Text
    secret: str | None = None
    """whsec_...; made when the rule is added."""


class Slack(_Part, frozen=True, tag_field="do", tag="slack"):
    """A message to an incoming webhook of Slack, Mattermost or another that takes `{"text"}`."""

    url: Text
    text: Text | None = None


class Ntfy(_Part, frozen=True, tag_field="do", tag="ntfy"):
    """A push message through an ntfy server: the topic's whole address."""

    url: Text
    text: Text | None = None
    token: str | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3


class Email(_Part, frozen=True, tag_field="do", tag="email"):
    """A mail to the owner, or to the person whom the event is about, if that person agreed."""

    to: Text = "owner"
    subject: Text | None = None
    text: Text | None = None


class Push(_Part, frozen=True, tag_field="do", tag="push"):
    """A message to browsers: the owner's, or those in which the person whom the event is about allowed it."""

    to: Literal["owner", "person"] = "owner"
    text: Text | None = None
    title: Text | None = None
    """The rule's name if not given."""
    link: Text | None = None
    """Opened by a click on the message."""


class Tag(_Part, frozen=True, tag_field="do", tag="tag"):
    """Put a word on the person, or take it off."""

    add: Name | None = None
    remove: Name | None = None


class Audience(_Part, frozen=True, tag_field="do", tag="audience"):
    """Put the person on a list, or take them off."""

    join: Name | None = None
    leave: Name | None = None


class Show(_Part, frozen=True, tag_field="do", tag="show"):
    """Something on the page itself, drawn by the website tag."""

    style: Style = "corner"
    title: Text | None = None
    text: Text | None = None
    link: Text | None = None
    label: Text | None = None
    """What the link says."""
    slot: Text | None = None
    """The CSS selector of the element that is replaced; for the style `slot`."""
    every: str | None = None
    """The least time between two showings in one browser: `1d`. Without it: once."""
    most: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    """Showings in one browser altogether, unless `every` is given."""


Action = Webhook | Slack | Ntfy | Email | Push | Tag | Audience | Show


class Rule(_Part, frozen=True):
    """A whole rule."""

    name: Name
    when: When
    actions: Annotated[list[Action], msgspec.Meta(min_length=1, max_length=20)]
    evidence: Human = Human.LIKELY
    """The least proof that a person acted. With `no`, machines fire the rule too."""
    hold: str | None = None
    """How long what follows waits for late evidence that a machine acted: 2s if nothing is said, 0s for not at all."""
    repeats: bool = False
    """Whether the same client's same act within minutes counts again."""
    limits: Limits = Limits()


def read(text: str) -> Rule:
    """A rule from TOML, or from JSON if it begins with a brace. Raises BadRule with all that is wrong."""
    if len(text.encode()) > _MOST_BYTES:
        raise BadRule("The rule is longer than 64 kB; a rule is a page at the most.")
    try:
        data: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadRule(f"The rule is neither TOML nor JSON: {error}.") from error
    return made(data)


def made(data: Any) -> Rule:
    """A rule from plain data. Raises BadRule."""
    try:
        rule: Rule = msgspec.convert(data, Rule)
    except msgspec.ValidationError as error:
        raise BadRule(f"The rule does not work: {_plainer(str(error))}") from error
    faults = [*_faults(rule), *_action_faults(rule)]
    if faults:
        raise BadRule("\n".join(faults))
    return rule


def kept(text: str) -> Rule:
    """A rule as the store keeps it."""
    return msgspec.json.decode(text, type=Rule)


def to_json(rule: Rule) -> str:
    """For the store; equal rules are equal texts."""
    return msgspec.json.encode(rule, order="sorted").decode()


def kinds(rule: Rule) -> tuple[Kind, ...]:
    """The kinds of event it waits for; none for a rule about silence."""
    kind = rule.when.kind
    return () if kind is None else tuple(kind) if isinstance(kind, list) else (kind,)


def texts(value: list[str] | str | None) -> tuple[str, ...]:
    """One or several as a tuple."""
    return () if value is None else tuple(value) if isinstance(value, list) else (value,)


def span(text: str) -> int:
    """`30s`, `15m`, `12h`, `7d`, `2w` in microseconds; raises BadRule."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise BadRule(f"{text!r} is no length of time; write 30s, 15m, 12h, 7d or 2w.")
    return int(found[1]) * _UNITS[found[2]] * _MICRO


def cap(text: str) -> tuple[int, int]:
    """`3/24h` as (3, microseconds); raises BadRule."""
    found = _CAP.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise BadRule(f"{text!r} is no limit; write it like 1/24h.")
    return int(found[1]), span(found[2])


def hours(text: str) -> tuple[int, int]:
    """`22:00-07:00` as minutes of the day; raises BadRule."""
    found = _HOURS.fullmatch(text.strip())
    if not found:
        raise BadRule(f"{text!r} are no hours; write them like 22:00-07:00.")
    return int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])


def after_quiet(quiet: str | None, zone: str, time: int) -> int:
    """The time itself (unix seconds), or the end of the quiet hours if it lies in them; both by the zone's clocks.

    When clocks are put back, an hour that comes twice is quiet twice; an end that is skipped in spring comes within the hour.
    """
    if quiet is None:
        return time
    begin, end = hours(quiet)
    there = dt.datetime.fromtimestamp(time, ZoneInfo(zone))
    minute = there.hour * 60 + there.minute
    if not (begin <= minute < end if begin <= end else minute >= begin or minute < end):
        return time
    wake = there.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0)
    return int((wake if wake > there else wake + dt.timedelta(days=1)).timestamp())


def _plainer(error: str) -> str:
    """Msgspec's sentence with the place in front, and the words that would do."""
    text, _, place = error.partition(" - at ")
    place = place.strip("`").replace("$.", "").replace("$", "the rule") or "the rule"
    if "enum value" in text:
        text += f"; kinds are {', '.join(Kind)}, evidence is {', '.join(Human)}"
    if "field `do`" in text or "Invalid value" in text:
        text += "; `do` is webhook, slack, ntfy, email, push, tag, audience or show"
    return f"{place}: {text}."


def _faults(rule: Rule) -> list[str]:
    when = rule.when
    shown = [a for a in rule.actions if isinstance(a, Show)]
    only_shown = len(shown) == len(rule.actions)
    silent, waits = when.not_opened_for is not None, bool(kinds(rule))
    wrong = {
        f"when.kind is missing: say what must happen, one of {', '.join(Kind)}, or when.not_opened_for.": not (
            waits or silent
        ),
        "when.kind and when.not_opened_for cannot stand together: one waits for an event, one for its absence.": waits
        and silent,
        "when.within is missing: how long may the counted events be apart, like 24h?": when.count > 1
        and when.within is None
        and not shown,
        "when.scroll and when.leaving work only for actions that are shown on the page.": not only_shown
        and bool(when.scroll or when.leaving),
        "when.seconds are told by the kinds engage and read, and by no other: name one of them.": when.seconds
        is not None
        and waits
        and not shown
        and not {Kind.ENGAGE, Kind.READ} & set(kinds(rule)),
        'What is shown on a page needs a rule of its own with when.kind = "view".': bool(shown)
        and not (only_shown and set(kinds(rule)) == {Kind.VIEW}),
    }
    found = [sentence for sentence, is_so in wrong.items() if is_so]
    if only_shown and waits:
        found += _beside(when, _ON_PAGES, "What is shown on a page")
        if rule.limits != Limits() or rule.hold is not None or rule.repeats:
            found.append("limits, hold and repeats do not work for what is shown on a page; use `most` and `every`.")
    if silent and not waits:
        found += _beside(when, _IN_SILENCE, "A rule about silence")
    return found + _word_faults(rule, shown)


_ON_PAGES = frozenset(
    {
        "kind",
        "url",
        "site",
        "channel",
        "source",
        "person",
        "audience",
        "score",
        "seconds",
        "scroll",
        "leaving",
        "count",
        "within",
    }
)
_IN_SILENCE = frozenset({"not_opened_for", "message", "person", "audience", "score"})


def _beside(when: When, understood: frozenset[str], what: str) -> list[str]:
    """Conditions that would be passed over, and so must not stand there."""
    said = msgspec.structs.asdict(When())
    beside = [name for name in said if getattr(when, name) != said[name] and name not in understood]
    return [f"{what} cannot wait for when.{name}; it knows {', '.join(sorted(understood))}." for name in beside]


def _word_faults(rule: Rule, shown: list[Show]) -> list[str]:
    """Ids, lengths of time, limits and patterns that cannot be read."""
    when, limits = rule.when, rule.limits
    ids = ((when.message, MESSAGE), (when.link, LINK), (when.document, DOCUMENT), (when.site, SITE))
    spans = (when.within, when.not_opened_for, rule.hold, *(a.every for a in shown))
    found = [_tried(lambda w=word, p=prefix: from_word(p, w)) for word, prefix in ids if word is not None]
    found += [_tried(lambda t=text: span(t)) for text in spans if text is not None]
    found += [_tried(lambda p=p: re.compile(p[3:])) for p in texts(when.url) if p.startswith("re:")]
    found += [_tried(lambda t=text: cap(t)) for text in (limits.per_person, limits.total) if text is not None]
    found += [_tried(lambda t=text: hours(t)) for text in (limits.quiet,) if text is not None]
    found.append(_tried(lambda: ZoneInfo(limits.zone)))
    return [sentence for sentences in found for sentence in sentences]


def _action_faults(rule: Rule) -> list[str]:
    found = []
    for place, action in enumerate(rule.actions, 1):
        if isinstance(action, Webhook | Slack | Ntfy) and not re.match(r"https?://[^\s/@]+(/\S*)?$", action.url):
            found.append(
                f"actions[{place}].url: {action.url!r} is no web address; write it like https://example.com/hook."
            )
        if isinstance(action, Email) and action.to not in ("owner", "person"):
            found += _tried(lambda a=action: normal_address(a.to))
        if isinstance(action, Push) and action.link and not re.match(r"https?://[^\s/@]+(/\S*)?$", action.link):
            found.append(
                f"actions[{place}].link: {action.link!r} is no web address; write it like https://example.com."
            )
        if isinstance(action, Tag) and (action.add is None) == (action.remove is None):
            found.append(f"actions[{place}]: a tag needs either `add` or `remove`.")
        if isinstance(action, Audience) and (action.join is None) == (action.leave is None):
            found.append(f"actions[{place}]: an audience needs either `join` or `leave`.")
        if isinstance(action, Show):
            found += _show_faults(place, action)
    return found


def _show_faults(place: int, action: Show) -> list[str]:
    found = []
    if not (action.text or action.title):
        found.append(f"actions[{place}]: there is nothing to show; give `title` or `text`.")
    if (action.style == "slot") != (action.slot is not None):
        found.append(f"actions[{place}]: `slot` names the element for the style slot, and only for that.")
    if action.link and not re.match(r"(https?://|/(?!/)|mailto:)\S+$", action.link):
        found.append(f"actions[{place}].link: {action.link!r} is no web address, path or mailto: address.")
    return found


def _tried(act: Any) -> list[str]:
    try:
        act()
    except (BadRule, BadAddress, BadId) as error:
        return [str(error)]
    except re.error as error:
        return [f"when.url: {error.pattern!r} is no regular expression: {error.msg}."]
    except (KeyError, ValueError, OSError):
        return ["limits.zone is no time zone that this system knows; write it like Europe/Berlin."]
    return []
