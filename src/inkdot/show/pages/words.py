"""Languages of the pages: English stands in the templates, others in a table beside them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

LANGUAGES = {"en": "English", "de": "Deutsch"}
_TAG = re.compile(r"([a-zA-Z]{1,8})(?:-[\w-]+)?(?:\s*;\s*q=([\d.]+))?")


class Words(NamedTuple):
    """One language; called with an English text, it gives that text."""

    language: str
    table: dict[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()
    deeds: Mapping[str, str] = {}
    """What the audit log calls by the names of questions, where `table` has no words for it."""

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language, `{name}` filled in."""
        told = self.table.get(text, text)
        return told.format(**values) if values else told

    def some(self, count: int, one: str, many: str) -> str:
        """What there is so much of, `{count}` filled in: `1 visit`, `2 visits`."""
        return self(one if count == 1 else many, count=count)

    def deed(self, name: str) -> str:
        """What somebody did, by its name in the audit log."""
        return self.deeds.get(name) or self(name)

    def sentence(self, text: str) -> str:
        """A sentence of the house that has names and numbers in it; of several lines, each."""
        return "\n".join(_told(self.language, line) for line in text.split("\n"))

    def fact(self, text: str) -> str:
        """What a rule saw; what several conditions saw is told with commas between."""
        return ", ".join(_told(self.language, piece) for piece in text.split(", "))


@lru_cache(8_192)
def _told(language: str, text: str) -> str:
    told = words_of(language)
    if text in told.table or not told.patterns:
        return told.table.get(text, text)
    for pattern, known in told.patterns:
        if found := pattern.fullmatch(text):
            return known.format(**{name: _told(language, value or "") for name, value in found.groupdict().items()})
    return text


@cache
def words_of(language: str) -> Words:
    """A language's table."""
    folder = files("inkdot.show").joinpath("words")
    table = tomllib.loads(folder.joinpath(f"{language}.toml").read_text("utf-8"))
    if language == "en":
        return Words("en", {}, deeds=table)
    house = table.pop("sentences") | tomllib.loads(folder.joinpath(f"{language}-house.toml").read_text("utf-8"))
    fixed = {english: told for english, told in house.items() if "{" not in english}
    patterns = tuple((_pattern(english), told) for english, told in house.items() if "{" in english)
    return Words(language, fixed | table, patterns)


def _pattern(english: str) -> re.Pattern[str]:
    """`Reached “{name}”.` as what finds it."""
    pieces = re.split(r"\{(\w+)\}", english)
    return re.compile(
        "".join(f"(?P<{piece}>.*?)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces)), re.DOTALL
    )


def words(chosen: str, accepted: str) -> Words:
    """The language that was chosen, else the best that the browser asks for, else English."""
    if chosen in LANGUAGES:
        return words_of(chosen)
    wanted = sorted(
        (
            (float(m[2] or 1) if (m[2] or "1").count(".") < 2 else 0.0, m[1].lower())
            for m in _TAG.finditer(accepted[:200])
        ),
        key=lambda found: -found[0],
    )
    return words_of(next((language for _, language in wanted if language in LANGUAGES), "en"))
