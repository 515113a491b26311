"""Consent is a storage mode: what may be written down about a ping."""

from __future__ import annotations

from enum import IntEnum


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
