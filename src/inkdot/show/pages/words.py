"""Languages of the pages: English stands in the templates, others in a table beside them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

LANGUAGES = {"en": "English", "de": "Deutsch"}
_TAG = re.compile(r"([a-zA-Z]{1,8})(?:-[\w-]+)?(?:\s*;\s*q=([\d.]+))?")


class Words(NamedTuple):
    """One language; called with an English text, it gives that text."""

    language: str
    table: dict[str, str]

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language, `{name}` filled in."""
        told = self.table.get(text, text)
        return told.format(**values) if values else told


@cache
def words_of(language: str) -> Words:
    """A language's table."""
    if language == "en":
        return Words("en", {})
    text = files("inkdot.show").joinpath(f"words/{language}.toml").read_text("utf-8")
    return Words(language, tomllib.loads(text))


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
