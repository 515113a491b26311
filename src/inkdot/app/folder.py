"""The data folder: what lies where, its keys, who owns it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.errors import Failure, FolderInUse, KeysMissing
from inkdot.domain.token import Keyring
from inkdot.journal.segment import sync_folder

_PATIENCE = 10.0


class Server(NamedTuple):
    """A running server, as it tells the command line of its own folder."""

    public: str
    office: str
    secret: str
    pid: int
    relay: str = "off"
    """HOST:PORT of the mail door."""
    relay_tls: str = "off"
    """The same where TLS comes first."""


class Folder:
    """Paths inside one data folder, made on first use."""

    def __init__(self, root: Path) -> None:
        """Raises Failure where the folder cannot be made or written."""
        self.root = root.absolute()
        try:
            for folder in (self.root, self.journal, self.run, self.backups):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.run / f"probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise Failure(
                f"The folder {root} cannot be written ({error.strerror}); choose another with --data."
            ) from error

    @property
    def journal(self) -> Path:
        """Segments of all streets."""
        return self.root / "journal"

    @property
    def run(self) -> Path:
        """What lives only as long as the processes."""
        return self.root / "run"

    @property
    def backups(self) -> Path:
        """Backups made by hand and before expiry."""
        return self.root / "backups"

    @property
    def sample(self) -> Path:
        """There if all that the folder holds is sample data."""
        return self.root / "sample"

    @property
    def uploads(self) -> Path:
        """Documents as they were given."""
        return self.root / "uploads"

    @property
    def drawn(self) -> Path:
        """Their pages as pictures, which can be drawn anew."""
        return self.root / "drawn"

    @property
    def spool(self) -> Path:
        """Mails that wait for their delivery."""
        return self.root / "spool"

    @property
    def events(self) -> Path:
        """The event store."""
        return self.root / "events.duckdb"

    @property
    def control(self) -> Path:
        """The control store."""
        return self.root / "control.db"

    @property
    def keys(self) -> Path:
        """The keyring."""
        return self.root / "keys.json"

    @property
    def server(self) -> Path:
        """Where a running server says how to reach it."""
        return self.run / "server.json"

    def keyring(self) -> Keyring:
        """The folder's keys, made on first use.

        Raises KeysMissing where data is there but its keys are not: new ones would make every token sent so far a
        forgery.
        """
        if self.keys.exists():
            return Keyring.from_json(self.keys.read_text())
        if self.control.exists() or self.events.exists():
            raise KeysMissing(
                f"{self.root} holds data but no keys.json; put it back from a backup, or every mark sent so far is lost."
            )
        keyring = Keyring.fresh(os.urandom)
        write_whole(self.keys, keyring.to_json().encode())
        return keyring

    def running(self) -> Server | None:
        """The server that owns this folder, if one does."""
        try:
            server = Server(**json.loads(self.server.read_text()))
            os.kill(server.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return server if self._owned() else None

    def _owned(self) -> bool:
        try:
            with _lock_file(self.root) as fd:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

    @contextlib.contextmanager
    def owned(self, patience: float = _PATIENCE) -> Iterator[None]:
        """Own the folder for a while; raises FolderInUse if another process does for longer than `patience` seconds."""
        deadline = time.monotonic() + patience
        with _lock_file(self.root) as fd:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise FolderInUse(
                            f"Another Inkdot process works on {self.root}; stop it, or choose another folder with --data."
                        ) from None
                    time.sleep(0.05)
            yield


@contextlib.contextmanager
def _lock_file(root: Path) -> Iterator[int]:
    fd = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that a crash leaves the old one or the new one, readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_folder(path.parent)
