"""A mail's header lines while they come in: who it says it is from, and whether it goes round in circles."""

from __future__ import annotations

import re
from email.utils import getaddresses

_MOST_BYTES = 1 << 18
_MOST_HOPS = 50
_NAMED = re.compile(rb"(?im)^(?:from|sender)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)")


class Heads:
    """Collects the header lines of one mail."""

    def __init__(self) -> None:
        self._lines = bytearray()
        self._complete = self._too_long = False

    def take(self, piece: bytes) -> None:
        """The next piece of the mail, whole lines."""
        if self._complete:
            return
        before = max(0, len(self._lines) - 3)
        self._lines += piece
        end = 0 if self._lines.startswith(b"\r\n") else self._lines.find(b"\r\n\r\n", before)
        if end >= 0:
            self._complete = True
            del self._lines[end:]
        elif len(self._lines) > _MOST_BYTES:
            self._complete = self._too_long = True
            self._lines.clear()

    def problem(self) -> str | None:
        """A reply that refuses the mail."""
        if self._too_long:
            return f"554 5.6.0 The mail's headers have more than {_MOST_BYTES // 1024} kB."
        lines = bytes(self._lines).lower()
        if lines.count(b"\r\nreceived:") + lines.startswith(b"received:") > _MOST_HOPS:
            return "554 5.4.6 The mail has gone through too many servers; it seems to go round in circles."
        return None

    def senders(self) -> list[str]:
        """The addresses in From and Sender, in lower case; what names nobody as it stands.

        Read as the most forgiving mail programs do: `From :` is a From, too, and so is one behind a line that is no header.
        """
        values = [b" ".join(found[1].split()).decode("utf-8", "replace") for found in _NAMED.finditer(self._lines)]
        named = {value: [a.lower() for _, a in getaddresses([value]) if "@" in a] for value in values if value}
        return list(dict.fromkeys(address for value, addresses in named.items() for address in addresses or [value]))
