"""What the processes say of themselves: one JSON line for each event, on stderr. Facts are ours: nothing a stranger sent goes in."""

from __future__ import annotations

import contextlib
import json
import sys
import time


class Talk:
    """One process's voice."""

    def __init__(self, part: str) -> None:
        """`part` names the process."""
        self._part = part

    def __call__(self, event: str, **facts: object) -> None:
        """Say what happened. Where nothing can be said, as when stderr is a file on a full disk, the work goes on."""
        line = {"time": round(time.time(), 3), "part": self._part, "event": event} | facts
        with contextlib.suppress(OSError):
            sys.stderr.write(json.dumps(line) + "\n")
            sys.stderr.flush()
