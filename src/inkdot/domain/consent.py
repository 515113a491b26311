"""Consent is a storage mode: what may be written down about a ping, who says so, and which word counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.errors import UsageError


class Mode(IntEnum):
    """Ordered from strictest to widest; the number rides in every token."""

    OFF = 0
    """Nothing is kept."""
    AGGREGATE = 1
    """Counted, with nobody's name, address or agent."""
    HYGIENE = 2
    """The day of the last open of this person, nothing else."""
    INDIVIDUAL = 3
    """All of it."""


def mode_named(word: str) -> Mode:
    """`'Individual'` -> Mode.INDIVIDUAL; raises UsageError."""
    try:
        return Mode[word.strip().upper()]
    except KeyError:
        raise UsageError(f"{word!r} is no consent mode; use {', '.join(m.name.lower() for m in Mode)}.") from None


def is_alone(mode: Mode, modes: Collection[Mode]) -> bool:
    """True if a mark of this mode in a mail to people of these modes would be one person's own, even without a name."""
    alike = sum(m is Mode.AGGREGATE for m in modes) if mode is Mode.AGGREGATE else sum(m > Mode.OFF for m in modes)
    return alike == 1


def by_day(modes: Mapping[Address, Mode]) -> int:
    """Of how many people a mail may keep a day alone."""
    return sum(mode is Mode.HYGIENE for mode in modes.values())


UNANSWERED = (
    "No region was chosen, so people are measured individually, with or without their consent. Say where your recipients "
    "are: inkdot setup --region us|eu|uk|mixed."
)

SMALL = 5
"""Counts of people below this are hidden where nobody may be told apart."""


class Wish(NamedTuple):
    """Somebody's word on how much may be kept."""

    mode: Mode
    source: str
    """Who says so, as part of a sentence: `the list news`."""


class Decision(NamedTuple):
    """What counts of several wishes."""

    mode: Mode
    because: str
    overruled: tuple[Wish, ...]
    """Wishes that asked for more."""

    @property
    def sentence(self) -> str:
        """`aggregate, by the rules of the region eu (the person's own choice would allow individual)`."""
        wider = ", ".join(f"{wish.source} would allow {wish.mode.name.lower()}" for wish in self.overruled)
        return f"{self.mode.name.lower()}, by {self.because}" + (f" ({wider})" if wider else "")


def strictest(wishes: Iterable[Wish]) -> Decision:
    """The strictest wish counts; the others are shown."""
    ordered = sorted(wishes, key=lambda wish: wish.mode)
    first = ordered[0]
    return Decision(first.mode, first.source, tuple(w for w in ordered if w.mode > first.mode))


class Choice(NamedTuple):
    """One row of the ledger: what somebody chose, and the proof of it."""

    number: int
    address: Address | None
    """None once the person is erased."""
    act: str
    """set, withdraw, unsubscribe, erase"""
    mode: Mode | None
    scope: str
    """'' for everything, else `list:NAME` or `site:DOMAIN`."""
    wording: str
    """The text that the person saw."""
    version: str
    language: str
    method: str
    """form, import, privacy_page, one_click, command ..."""
    form: str
    """Address of the form."""
    time: int
    """Unix seconds."""
