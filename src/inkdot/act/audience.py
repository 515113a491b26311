"""Lists for others: each platform's own way to write an address, hashed, and a CSV that no spreadsheet runs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from inkdot.act.rule import Rule, made
from inkdot.domain.contact import Address
from inkdot.domain.errors import BadRule
from inkdot.store.spreadsheet import written

_HASHED = re.compile(r"[0-9a-f]{64}")
LOOK_BACK = "30d"
"""How far back a list looks, if its rule does not say."""


class Target(StrEnum):
    """Who gets a list."""

    META = "meta"
    GOOGLE = "google"
    CSV = "csv"


class Person(NamedTuple):
    """Somebody on a list, as far as an export needs."""

    address: Address
    joined: int
    """Unix seconds."""
    because: str
    clicks: tuple[tuple[str, str, int], ...] = ()
    """(parameter, click id, microseconds since 1970) of the landings, oldest first."""


CLICK_IDS = {
    Target.META: ("fbclid",),
    Target.GOOGLE: ("gclid", "gbraid", "wbraid"),
    Target.CSV: ("gclid", "fbclid", "msclkid"),
}
"""The parameters that platforms put into addresses to know their clicks again."""


def meta_address(address: str) -> str:
    """As Meta wants it before hashing: trimmed, lower case."""
    return address.strip().lower()


def google_address(address: str) -> str:
    """As Google's Customer Match wants it before hashing: no white space anywhere, lower case."""
    return re.sub(r"\s", "", address).lower()


_NORMAL: dict[Target, Callable[[str], str]] = {
    Target.META: meta_address, Target.GOOGLE: google_address, Target.CSV: meta_address,
}  # fmt: skip


def digest(target: Target, address: str) -> str:
    """SHA-256 in lower-case hex; what is a hash already stays as it is."""
    normal = _NORMAL[target](address)
    return normal if _HASHED.fullmatch(normal) else hashlib.sha256(normal.encode()).hexdigest()


def read_rule(name: str, text: str) -> Rule:
    """A list's rule: `when` and `evidence` as in a trigger's, TOML or JSON. Raises BadRule."""
    try:
        data: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadRule(f"The rule is neither TOML nor JSON: {error}.") from error
    if not isinstance(data, dict) or set(data) - {"name", "when", "evidence", "repeats"}:
        raise BadRule("The rule of a list has `when`, `evidence` and `repeats`, nothing else; who meets it joins.")
    when = data.get("when")
    if isinstance(when, dict):
        when.setdefault("within", LOOK_BACK)
        if "not_opened_for" in when:
            raise BadRule("A list cannot wait for silence; give it when.kind.")
    return made(data | {"name": name, "actions": [{"do": "audience", "join": name}]})


def click_of(url: str | None, names: Iterable[str]) -> tuple[str, str] | None:
    """The click id in a landing's address, with its parameter."""
    if not url or "?" not in url:
        return None
    try:
        given = dict(parse_qsl(urlsplit(url).query))
    except ValueError:
        return None
    return next(((name, given[name]) for name in names if re.fullmatch(r"[\w.-]{4,500}", given.get(name, ""))), None)


def members_csv(target: Target, people: Sequence[Person]) -> str:
    """The list as the platform's upload takes it."""
    if target is Target.CSV:
        rows = [(p.address, _day(p.joined), p.because) for p in people]
        return written(("email", "joined", "because"), rows)
    head = "Email" if target is Target.GOOGLE else "email"
    return written((head,), [(digest(target, p.address),) for p in people])


def removals_csv(target: Target, digests: Sequence[str]) -> str:
    """Whom the platform must remove."""
    head = {Target.GOOGLE: "Email", Target.META: "email", Target.CSV: "email_sha256"}[target]
    return written((head,), [(d,) for d in digests])


def conversions_csv(target: Target, name: str, people: Sequence[Person]) -> str:
    """Offline conversions: joining the list, credited to the last click that led here."""
    clicked = [(p, *p.clicks[-1]) for p in people if p.clicks]
    if target is Target.GOOGLE:
        head = ("Google Click ID", "GBRAID", "WBRAID", "Conversion Name", "Conversion Time")
        rows = [
            (*(click if word == parameter else "" for word in CLICK_IDS[target]), name, _time(person.joined))
            for person, parameter, click, _ in clicked
        ]
        return written(head, rows)
    if target is Target.META:
        rows = [
            (name, str(person.joined), f"fb.1.{landed // 1000}.{click}", digest(target, person.address))
            for person, _, click, landed in clicked
        ]
        return written(("event_name", "event_time", "fbc", "email"), rows)
    return written(
        ("email", "parameter", "click", "landed", "joined"),
        [
            (p.address, parameter, click, _time(landed // 1_000_000), _time(p.joined))
            for p, parameter, click, landed in clicked
        ],
    )


def _day(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()


def _time(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")
