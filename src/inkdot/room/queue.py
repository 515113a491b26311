"""Documents whose pages are to be made, oldest first, one at a time. They wait on disk: a room that was killed goes on with them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

FOLDER = ".waiting"
"""Beside what was drawn; of each its media type and name, in a file called by its hash."""
_AGAIN_SECONDS = 60.0
"""For so long what failed is not tried again, and whoever asks is told why."""
_PATIENCE_SECONDS = 1.5
"""How long a reader's browser waits before it is shown that pages are being made."""


class Wanted(NamedTuple):
    """A document that somebody wants to read."""

    digest: str
    media: str
    name: str


class Queue:
    """What waits."""

    def __init__(self, folder: Path, make: Callable[[Wanted], object]) -> None:
        """`make` makes the pages of one. Raises InkdotError."""
        self._folder, self._make = folder, make
        self._changed = threading.Condition()
        self._waiting: dict[str, Wanted] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}
        self._working = False

    def resume(self) -> None:
        """Go on with what waited when the room ended."""
        for place in sorted(self._folder.glob("*"), key=lambda p: p.stat().st_mtime_ns):
            try:
                media, name = json.loads(place.read_bytes())
            except (OSError, ValueError, TypeError):
                place.unlink(missing_ok=True)  # half written
                continue
            with self._changed:
                self._add(Wanted(place.name, media, name))

    def ahead(self, wanted: Wanted) -> int | None:
        """How many are made before a document that is in the queue from now on; None if it is made. Raises as `make` did."""
        with self._changed:
            if wanted.digest not in self._waiting:
                self._tell_failure(wanted.digest)
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                (self._folder / wanted.digest).write_text(json.dumps([wanted.media, wanted.name]), encoding="utf-8")
                self._add(wanted)
            if self._changed.wait_for(lambda: wanted.digest not in self._waiting, _PATIENCE_SECONDS):
                self._tell_failure(wanted.digest)
                return None
            return list(self._waiting).index(wanted.digest)

    def _tell_failure(self, digest: str) -> None:
        when, error = self._failed.get(digest, (0.0, None))
        if error is not None and time.monotonic() - when < _AGAIN_SECONDS:
            raise error.with_traceback(None)

    def _add(self, wanted: Wanted) -> None:
        self._failed.pop(wanted.digest, None)
        if not self._working:
            threading.Thread(target=self._work, name="prepare", daemon=True).start()  # it waits for our turn to end
            self._working = True
        self._waiting[wanted.digest] = wanted

    def _work(self) -> None:
        while True:
            with self._changed:
                wanted = next(iter(self._waiting.values()), None)
                if wanted is None:
                    self._working = False
                    return
            failure: Exception | None = None
            try:
                self._make(wanted)
            except Exception as error:  # noqa: BLE001 - whoever asks is told
                failure = error
            with self._changed:
                with contextlib.suppress(
                    OSError
                ):  # it is made once more after the next start, and the others are made now
                    (self._folder / wanted.digest).unlink(missing_ok=True)
                del self._waiting[wanted.digest]
                if failure is not None:
                    self._failed[wanted.digest] = time.monotonic(), failure
                self._changed.notify_all()
