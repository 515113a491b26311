"""Reading: what the room writes down of it, and what seconds on a page are worth.

A record of a reader's page is a JSON object. It is written by the room, not by the reader's browser:

    {"do": "view" | "read" | "download" | "completed", "document", "visit", "started", "version", "own", "gate", "moved",
     "page", "seconds", "visits", "at", "of", "earlier"}
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, NamedTuple

COMPLETED = "completed"
"""The name of the goal that says that every page of a document was in sight."""
BEAT_TARGET = b"/d/beat"
"""What stands as target on such records."""
WORDS_PER_SECOND = 238 / 60
"""Silent reading of non-fiction by adults: 238 words a minute (Brysbaert, J. Mem. Lang. 109, 2019)."""
_LEAST_EXPECTED = 3.0
_READ_SHARE, _SKIMMED_SHARE = 0.5, 0.15
_SKIMMED_SECONDS = 1.5


class Scribble(NamedTuple):
    """One record."""

    do: str
    document: int
    visit: int
    started: int
    """Microseconds since 1970."""
    version: int
    own: bool
    gate: str | None
    """claimed or proved: how the reader's address is known, None where the link alone tells."""
    moved: bool = False
    """The page was scrolled or touched, and not by a script of its own."""
    page: int | None = None
    seconds: float = 0.0
    """Since the visit began, as the page counts them."""
    visits: int = 0
    at: tuple[float, ...] = ()
    """Seconds from the visit's start to when each of the last visits to the page began."""
    of: int = 0
    """Pages of the document, where all of them were seen."""
    earlier: tuple[tuple[int, int], ...] = ()
    """Runs of pages, first and last, that the reader saw in earlier visits and not in this one."""

    def to_json(self) -> bytes:
        """As it is written down."""
        return json.dumps(self._asdict(), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Scribble | None:
        """As it was written down; None if it was not by this program."""
        try:
            data: dict[str, Any] = json.loads(body)
            return cls(**{name: data[name] for name in cls._fields if name in data})
        except (ValueError, TypeError, RecursionError, KeyError):
            return None


class Reading(StrEnum):
    """What was done with a page."""

    READ = "read"
    SKIMMED = "skimmed"
    PASSED = "passed"


class Judged(NamedTuple):
    """A reading with its reason."""

    reading: Reading
    reason: str


def expected_seconds(words: int) -> float:
    """How long an adult takes for a page of so many words; a page of pictures is looked at for a few seconds."""
    return max(_LEAST_EXPECTED, words / WORDS_PER_SECOND)


def judge_reading(seconds: float, words: int) -> Judged:
    """Dwell is not reading: the time is weighed against the words on the page."""
    expected = expected_seconds(words)
    reading = Reading.PASSED
    if seconds >= _READ_SHARE * expected:
        reading = Reading.READ
    elif seconds >= max(_SKIMMED_SECONDS, _SKIMMED_SHARE * expected):
        reading = Reading.SKIMMED
    text = f"{words} words" if words != 1 else "1 word"
    return Judged(reading, f"{seconds:.1f} s in use; {text} take about {expected:.0f} s to read")
