"""A new key that signs marks, in two steps: known to every process first and signing only then, so that no mark is refused in between."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkdot.app.folder import Folder, write_whole
from inkdot.domain.errors import Failure
from inkdot.domain.token import Keyring

_PATIENCE = 60.0


def rotate(folder: Folder) -> Keyring:
    """The folder's keyring with a new key in front; what older keys signed stays good. A running server goes on with it.

    Raises BadSetting where all numbers are used up, Failure where a server does not take it.
    """
    with _alone(folder):
        old = folder.keyring()
        new = old.rotated(os.urandom)
        running = folder.running()
        if running:
            known = (old.keys[0], new.keys[0], *old.keys[1:])
            write_whole(folder.keys, Keyring(old.identity, known).to_json().encode())
            started_anew(running.pid)
        write_whole(folder.keys, new.to_json().encode())
        if running:
            started_anew(running.pid)
    return new


@contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    with (folder.run / "keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def started_anew(supervisor: int) -> None:
    """Let a server start its processes anew, and wait until none of the old ones is left: whoever answers then has read keys and settings."""
    processes = Path(f"/proc/{supervisor}/task/{supervisor}/children")
    before = processes.read_text().split()
    os.kill(supervisor, signal.SIGHUP)
    deadline = time.monotonic() + _PATIENCE
    while any(pid in processes.read_text().split() for pid in before):
        if time.monotonic() > deadline:
            raise Failure("The server does not start its processes anew; look at what it says, then try again.")
        time.sleep(0.1)
