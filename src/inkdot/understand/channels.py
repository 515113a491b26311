"""An operator's own channels, asked before the usual ones: `channels.toml` in the data folder.

    [[channel]]
    name = "Partners"
    source = "Acme"
    referrer = "*.acme.example"
    utm_source = "acme*"
    page = "/from-acme*"

Every line of a channel must fit; a * stands for anything. The first channel that fits decides.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from inkdot.domain.beacon import host_of
from inkdot.domain.errors import BadSetting
from inkdot.understand.source import Came, trace

FILE = "channels.toml"
_FIELDS = ("referrer", "utm_source", "utm_medium", "utm_campaign", "page")
_MOST_CHANNELS = 200


class _Channel(NamedTuple):
    name: str
    source: str | None
    tests: tuple[tuple[str, re.Pattern[str]], ...]


class Channels:
    """How visits began, by the operator's rules and then by the usual ones."""

    def __init__(self, text: str = "", *, ga4_strict: bool = False) -> None:
        """`text`: the file's; raises BadSetting with everything that is wrong with it. `ga4_strict`: as in `trace`."""
        self._own = _read(text)
        self._ga4_strict = ga4_strict
        self.trace = lru_cache(20_000)(self._trace)
        """Channel, source and search term of a visit by its referrer and its page's address; never raises."""

    def _trace(self, referrer: str, page_url: str) -> Came:
        came = trace(referrer, page_url, ga4_strict=self._ga4_strict)
        if not self._own or came.spam:
            return came
        facts = _facts(referrer, page_url)
        for channel in self._own:
            if all(pattern.fullmatch(facts.get(field, "")) for field, pattern in channel.tests):
                return came._replace(channel=channel.name, source=channel.source or came.source)
        return came


def _facts(referrer: str, page_url: str) -> dict[str, str]:
    try:
        page = urlsplit(page_url)
    except ValueError:
        return {"referrer": host_of(referrer)}
    query = {name.lower(): value.strip().lower() for name, value in parse_qsl(page.query)[:200]}
    return query | {"referrer": host_of(referrer), "page": page.path or "/"}


def _read(text: str) -> tuple[_Channel, ...]:
    try:
        entries = tomllib.loads(text).get("channel", [])
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{FILE} cannot be read: {error}.") from error
    if not isinstance(entries, list) or len(entries) > _MOST_CHANNELS:
        raise BadSetting(f"{FILE} holds up to {_MOST_CHANNELS} entries, each under [[channel]].")
    faults: list[str] = []
    found = [_channel(entry, number, faults) for number, entry in enumerate(entries, 1)]
    if faults:
        raise BadSetting("\n".join(faults))
    return tuple(found)


def _channel(entry: object, number: int, faults: list[str]) -> _Channel:
    facts = entry if isinstance(entry, dict) else {}
    unknown = sorted(set(facts) - {"name", "source", *_FIELDS})
    where = f"{FILE}, channel {number}"
    if not isinstance(facts.get("name"), str) or not facts["name"].strip():
        faults.append(f"{where} has no name.")
    if unknown:
        faults.append(f"{where} has the unknown line {unknown[0]!r}; there are {', '.join(_FIELDS)}, name and source.")
    tests = tuple((field, _pattern(str(facts[field]))) for field in _FIELDS if field in facts)
    if not tests:
        faults.append(f"{where} tests nothing; give one of {', '.join(_FIELDS)}.")
    return _Channel(str(facts.get("name", "")).strip(), facts.get("source"), tests)


def _pattern(text: str) -> re.Pattern[str]:
    """`*.acme.example` also stands for acme.example itself."""
    word = text.strip().lower()
    body = ".*".join(map(re.escape, word.split("*")))
    return re.compile(rf"(?i:{re.escape(word[2:])}|{body})" if word.startswith("*.") else rf"(?i:{body})")
