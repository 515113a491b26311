"""The spool: mails we answered for, each a file of its own until every recipient is served or reported.

    NAME.mail    the envelope (one line of JSON), then the mail as it came; never changed
    NAME.log     one line of JSON per thing learned: a recipient served or refused, a try put off
    NAME.part    a mail that is still coming in; nobody was told 250
    NAME.now     somebody asked to try it at once

A file gets its name only after its bytes are on disk, and the folder is synced before anybody is told. What was done for a
recipient is synced before the next one is tried: a kill in between repeats at most that one copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from inkdot.domain.errors import UsageError
from inkdot.journal.segment import sync_folder
from inkdot.relay.envelope import Envelope

_MAIL, _LOG, _PART, _NOW = ".mail", ".log", ".part", ".now"


class Answer(NamedTuple):
    """What an upstream said about one recipient's copy."""

    code: int
    """An SMTP code; 0 where no server was reached."""
    text: str

    @property
    def accepted(self) -> bool:
        """It is the upstream's now."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """For good."""
        return 500 <= self.code < 600


@dataclass(slots=True)
class Waiting:
    """One mail in the spool, as far as it got."""

    name: str
    envelope: Envelope
    content: int
    """Where the mail begins in its file."""
    size: int
    done: dict[str, Answer] = field(default_factory=dict)
    """Recipients that need no further try."""
    tries: int = 0
    due: float = 0.0
    """Unix seconds of the next try."""
    last: Answer | None = None
    begun: bool = False
    """What is kept of the mail was kept when it was put off."""

    @property
    def pending(self) -> list[str]:
        """Recipients still to be served."""
        return [r for r in self.envelope.recipients if r not in self.done]


class Incoming:
    """A mail that is coming in."""

    def __init__(self, spool: Spool, name: str, envelope: Envelope) -> None:
        """Raises OSError."""
        self._spool, self.name = spool, name
        self._path = spool.folder / f"{name}{_PART}"
        self._file: BinaryIO = self._path.open("xb", buffering=1 << 16)
        self._path.chmod(0o600)
        self._file.write(envelope.to_line())

    def write(self, chunk: bytes) -> None:
        """Raises OSError, as on a full disk."""
        self._file.write(chunk)

    def keep(self) -> None:
        """Make it last: when this returns, the mail is ours. Raises OSError, and then nothing is kept."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            target = self._path.with_suffix(_MAIL)
            self._path.rename(target)
            try:
                sync_folder(self._spool.folder)
            except OSError:
                target.unlink(missing_ok=True)
                raise
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        """As if it had never come."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


class Spool:
    """One folder of waiting mails. The relay process fills and empties it; the command line looks, hurries and drops."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def tidy(self) -> None:
        """Remove what a killed process left half-written; only for the one process that fills the spool."""
        for path in self.folder.glob(f"*{_PART}"):
            path.unlink(missing_ok=True)
        for path in self.folder.glob(f"*{_LOG}"):
            if not path.with_suffix(_MAIL).exists():
                path.unlink(missing_ok=True)

    def begin(self, envelope: Envelope, name: str | None = None) -> Incoming:
        """A new mail; a `name` given twice replaces the first. Raises OSError."""
        if name:
            (self.folder / f"{name}{_PART}").unlink(missing_ok=True)
        return Incoming(self, name or f"{time.time_ns() // 1000:014x}{secrets.token_hex(4)}", envelope)

    def names(self) -> list[str]:
        """What waits, oldest first."""
        return sorted(path.stem for path in self.folder.glob(f"*{_MAIL}"))

    def look(self, name: str) -> Waiting | None:
        """One mail and how far it got; None if it is gone or damaged."""
        path = self._mail(name)
        try:
            with path.open("rb") as file:
                line = file.readline()
                size = os.fstat(file.fileno()).st_size - len(line)
            mail = Waiting(name, Envelope.from_line(line), len(line), size)
        except (FileNotFoundError, ValueError):
            return None
        self._read_log(mail)
        return mail

    def damaged(self, name: str) -> bool:
        """The file is there, and its envelope cannot be read."""
        return self.look(name) is None and self._mail(name).exists()

    def _read_log(self, mail: Waiting) -> None:
        with contextlib.suppress(FileNotFoundError):
            for line in self._log(mail.name).read_bytes().splitlines():
                try:
                    note = json.loads(line)
                except ValueError:  # torn by a crash: it was not synced, so nobody relied on it
                    continue
                answer = Answer(note["code"], note["text"])
                if "to" in note:
                    mail.done[note["to"]] = answer
                else:
                    mail.tries, mail.due, mail.last = note["tries"], note["due"], answer
                    mail.begun = note.get("begun", True)

    @contextlib.contextmanager
    def taken(self, name: str) -> Iterator[Waiting | None]:
        """The mail, for this one process and thread; None if it is gone or another has it."""
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(self._mail(name).open("rb"))
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (FileNotFoundError, BlockingIOError):
                yield None
                return
            yield self.look(name)

    def content(self, mail: Waiting) -> bytes:
        """The mail as it came."""
        with self._mail(mail.name).open("rb") as file:
            file.seek(mail.content)
            return file.read()

    def note_done(self, mail: Waiting, recipient: str, answer: Answer) -> None:
        """One recipient needs no further try. Durable when it returns."""
        mail.done[recipient] = answer
        self._append(mail, {"to": recipient, **answer._asdict(), "at": round(time.time())})

    def put_off(self, mail: Waiting, due: float, answer: Answer) -> None:
        """Try again at `due` (unix seconds), because of `answer`."""
        mail.tries, mail.due, mail.last = mail.tries + 1, due, answer
        note = {"tries": mail.tries, "due": due, "begun": mail.begun, **answer._asdict()}
        self._append(mail, note | {"at": round(time.time())})

    def hurry(self, name: str) -> None:
        """Ask for a try at once. Raises UsageError if the mail is gone."""
        self._known(name)
        (self.folder / f"{name}{_NOW}").touch(mode=0o600)

    def hurried(self) -> list[str]:
        """What was asked for since the last look."""
        found = list(self.folder.glob(f"*{_NOW}"))
        for path in found:
            path.unlink(missing_ok=True)
        return [path.stem for path in found]

    def drop(self, name: str) -> Waiting:
        """Forget a mail unserved. Raises UsageError if it is gone or just being delivered."""
        known = self._known(name)
        with self.taken(name) as mail:
            if mail is None:
                raise UsageError(f"{name} is just being delivered; ask 'inkdot mail queue list' in a moment.")
            self.remove(mail)
        return known

    def remove(self, mail: Waiting) -> None:
        """Every recipient is served or reported."""
        self._mail(mail.name).unlink(missing_ok=True)
        sync_folder(self.folder)
        self._log(mail.name).unlink(missing_ok=True)

    def _known(self, name: str) -> Waiting:
        mail = self.look(name) if name.isalnum() or ("-" in name and "/" not in name) else None
        if mail is None:
            raise UsageError(f"No mail {name!r} waits; 'inkdot mail queue list' shows those that do.")
        return mail

    def _append(self, mail: Waiting, note: dict[str, object]) -> None:
        path = self._log(mail.name)
        fresh = not path.exists()
        # A line end first: it ends what a crash may have left of the line before.
        with path.open("ab") as file:
            file.write(b"\n" + json.dumps(note).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            path.chmod(0o600)
            sync_folder(self.folder)

    def _mail(self, name: str) -> Path:
        return self.folder / f"{name}{_MAIL}"

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}{_LOG}"
