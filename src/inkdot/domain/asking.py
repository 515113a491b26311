"""What somebody is asked to agree to, as it travels in a link: scope, text, its version and language."""

from __future__ import annotations

import json
from typing import NamedTuple

MOST_BYTES = 2_000
DAYS_TO_CONFIRM = 30
"""A link to confirm ends after so many days."""
DAYS_BETWEEN = 180
"""Nobody is asked again, nor after a refusal, for so many days."""


class Asked(NamedTuple):
    """One question."""

    scope: str
    text: str
    version: str
    language: str

    def packed(self) -> bytes:
        """For a token."""
        return json.dumps(self._asdict(), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> Asked | None:
        """Out of a token that is genuine; None where a later version wrote it."""
        try:
            said = json.loads(packed)
            return cls(*(str(said[name]) for name in cls._fields))
        except (ValueError, KeyError, TypeError):
            return None
