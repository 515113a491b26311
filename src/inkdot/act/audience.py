"""Lists for others: each platform's own way to write an address, hashed, and a CSV that no spreadsheet runs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from inkdot.act.rule import Rule, made
from inkdot.domain.contact import Address
from inkdot.domain.details import NAMES
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
    details: Mapping[str, str] = MappingProxyType({})
    """What else is known, by the names of domain/details.py."""


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
    return _hashed(_NORMAL[target](address))


def _hashed(normal: str) -> str:
    return normal if _HASHED.fullmatch(normal) else hashlib.sha256(normal.encode()).hexdigest()


_COLUMNS = {
    Target.META: ("phone", "fn", "ln", "country", "zip"),
    Target.GOOGLE: ("Phone", "First Name", "Last Name", "Country", "Zip"),
    Target.CSV: NAMES,
}
"""How uploads call what is known beside the address, in the order of NAMES."""


def meta_detail(name: str, value: str, country: str | None) -> str:
    """Hashed as Meta wants it: digits alone, names without space and punctuation, a postcode's part before its dash."""
    value = value.lower()
    if name == "phone":
        value = re.sub(r"\D", "", value)
    elif name == "postcode":
        value = re.sub(r"\s", "", value).partition("-")[0]
        value = value[:5] if country == "US" else value
    elif name != "country":
        value = "".join(c for c in value if not c.isspace() and unicodedata.category(c)[0] not in "PS")
    return _hashed(value)


def google_detail(name: str, value: str) -> str:
    """As Google's Customer Match wants it: phone (with its +) and names hashed, country and postcode as they are."""
    return value if name in ("country", "postcode") else _hashed(value.lower())


def _detail(target: Target, name: str, person: Person) -> str:
    value = person.details.get(name, "")
    if not value or target is Target.CSV:
        return value
    return (
        google_detail(name, value)
        if target is Target.GOOGLE
        else meta_detail(name, value, person.details.get("country"))
    )


def _known(target: Target, people: Sequence[Person]) -> list[str]:
    """What is known of anybody; Google takes a file only with all four columns of a mailing address or none of them."""
    known = {name for person in people for name in person.details}
    if target is Target.GOOGLE and known - {"phone"}:
        known |= {*NAMES} - {"phone"}
    return [name for name in NAMES if name in known]


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
    known = _known(target, people)
    more = [_COLUMNS[target][NAMES.index(name)] for name in known]
    details = [[_detail(target, name, p) for name in known] for p in people]
    if target is Target.CSV:
        rows = [(p.address, _day(p.joined), p.because, *d) for p, d in zip(people, details, strict=True)]
        return written(("email", "joined", "because", *more), rows)
    head = "Email" if target is Target.GOOGLE else "email"
    return written((head, *more), [(digest(target, p.address), *d) for p, d in zip(people, details, strict=True)])


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
