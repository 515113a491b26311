"""What the website tag may show on pages, as the office wrote it: `shown.json` in the data folder, read again when it changes.

The street only passes it on, with the answer to a page view; the tag's second file (static/v1/a.js) decides in the browser
whether and when.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from inkdot.collect.renewed import Renewed
from inkdot.domain.errors import BadId
from inkdot.domain.ids import SITE, from_word

NAME = "shown.json"
_EVERYWHERE = b""
_VIEW = b'"k":"view"'


class Shown:
    """What the file said last."""

    def __init__(self, path: Path) -> None:
        self._file = Renewed(path)
        self._by_site: dict[bytes, list[dict[str, Any]]] = {}
        self.renew()

    def __bool__(self) -> bool:
        return bool(self._by_site)

    def renew(self) -> None:
        """Read the file again if it is another one; one that is missing or unreadable shows nothing."""
        data = self._file.changed()
        if data is None:
            return
        try:
            written = msgspec.json.decode(data or b"{}", type=dict[str, list[dict[str, Any]]])
            self._by_site = {_id(word): actions for word, actions in written.items() if actions}
        except (msgspec.DecodeError, BadId):
            self._by_site = {}

    def of(self, site: bytes, event: bytes) -> list[dict[str, Any]]:
        """For an event (JSON) on a site (8 bytes): what may be shown there, if it is a page view."""
        if _VIEW not in event:
            return []
        return [*self._by_site.get(site, ()), *self._by_site.get(_EVERYWHERE, ())]


def _id(word: str) -> bytes:
    return _EVERYWHERE if word == "*" else from_word(SITE, word).to_bytes(8, "big")
