"""Care for a folder's data: backup, restore, what a rebuild starts from, and the end of old journal segments."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

from inkdot.app.folder import Folder, write_whole
from inkdot.domain.errors import Failure, InkdotError, UsageError, unreadable
from inkdot.journal.reader import Reader
from inkdot.journal.record import SEGMENT_HEAD
from inkdot.journal.segment import (
    SEGMENT_BYTES,
    TURN_SECONDS,
    empty,
    numbers,
    path_of,
    streams,
    street_folder,
    sync_folder,
)
from inkdot.store.control import Control
from inkdot.store.events import EventStore

KEPT_FILES = (
    "keys.json", "vapid.json", "*.toml", "public_url", "relay-tls.pem", "imap.json", "oauth-*.json", "*.pem", "*.key",
)  # fmt: skip
"""Beside the stores, the journal and the uploads, a backup holds these."""
NOT_KEPT = {
    "*.db-wal": "what is in it is in the store's copy",
    "*.db-shm": "as that",
    "*.duckdb.wal": "as that",
    "lock": "held by the processes that live",
    "run": "only while processes live; the salts of visitors must not outlast their day",
    "deny": "written from control.db when a backup is restored, and at the start",
    "modes": "as that",
    "shown.json": "written from control.db at the start",
    "drawn": "pages of documents, drawn anew when they are asked for",
    "spool": "mails on their way; a restored copy would send them a second time",
    "backups": "the base of a rebuild, made anew before the journal's next expiry",
    "backed_up": "where and when the last backup went",
    "geo": "fetched by 'inkdot geo update'",
    "events.*.duckdb*": "set aside before repairs",
    "control.before-*.db*": "set aside before migrations",
}
"""What of a data folder a backup leaves out, and why."""
BACKED_UP = "backed_up"
_STORE_BACKUP = "events.duckdb"
_SLACK = bytes(64)  # a record may end in zeros that rstrip took


def remove(store: Path) -> None:
    """Delete a DuckDB file and its log."""
    store.unlink(missing_ok=True)
    remove_log(store)


def remove_log(store: Path) -> None:
    """Delete the log of a DuckDB file."""
    _wal(store).unlink(missing_ok=True)


def set_aside(store: Path, why: str) -> Path | None:
    """Keep a DuckDB file under another name; None if it is not there."""
    target = _aside(store, why)
    for path, new in ((store, target), (_wal(store), _wal(target))):
        if path.exists():
            path.rename(new)
    return target if target.exists() else None


def keep_aside(store: Path, why: str) -> None:
    """Let a closed DuckDB file have another name, too: it stays in its place until another one is put there."""
    _aside(store, why).hardlink_to(store)


def _aside(store: Path, why: str) -> Path:
    return store.with_name(f"{store.stem}.{why}-{time.time_ns() // 1_000_000}{store.suffix}")


def last_backup(folder: Folder) -> Path | None:
    """The copy of the event store made before journal segments were last deleted."""
    path = folder.backups / _STORE_BACKUP
    return path if path.exists() else None


def oldest_positions(journal: Path) -> dict[int, tuple[int, int]]:
    """Where each stream's journal begins now."""
    found = {}
    for stream in streams(journal):
        present = numbers(street_folder(journal, stream))
        if present:
            found[stream] = (present[0], 0)
    return found


def take_over(store: EventStore, base: Path, folder: Folder) -> None:
    """Take from an older store what the journal no longer has; one that cannot be read is passed over."""
    local = folder.run / f"base{base.suffix}"
    remove(local)
    for path, new in ((base, local), (_wal(base), _wal(local))):
        if path.exists():
            new.write_bytes(path.read_bytes())
    with contextlib.suppress(InkdotError):
        EventStore(local).close()  # brings an older base to today's shape
        store.take_older_from(local, oldest_positions(folder.journal))
    remove(local)


def expire(folder: Folder, store: EventStore, days: int) -> int:
    """Delete segments that are understood, before any record is older than `days`; a copy of the store is made first.

    Returns how many.
    """
    checkpoint, most = store.checkpoint(), days * 86_400 - TURN_SECONDS
    old = [path for path in _understood(folder.journal, checkpoint) if _age(path) > most]
    left = [path for path in _left(folder.journal, checkpoint) if _age(path) > most]
    if not (old or left):
        return 0
    fresh = folder.run / "backup.duckdb"
    remove(fresh)
    store.backup_to(fresh)
    fresh.rename(folder.backups / _STORE_BACKUP)
    sync_folder(folder.backups)
    for path in old:
        path.unlink(missing_ok=True)
    for path in left:
        empty(path)
    return len(old) + len(left)


def _understood(journal: Path, checkpoint: Mapping[int, tuple[int, int]]) -> list[Path]:
    return [
        path_of(street_folder(journal, stream), number)
        for stream, (segment, _) in checkpoint.items()
        for number in numbers(street_folder(journal, stream))
        if number < segment
    ]


def _left(journal: Path, checkpoint: Mapping[int, tuple[int, int]]) -> list[Path]:
    """Last segments of streams that nobody writes now, as after an import: sealed, and understood to their end."""
    found = []
    for stream, (segment, place) in checkpoint.items():
        path, last = path_of(street_folder(journal, stream), segment), numbers(street_folder(journal, stream))[-1:]
        if last == [segment] and len(SEGMENT_HEAD) < path.stat().st_size <= place < SEGMENT_BYTES:
            found.append(path)
    return found


def _age(path: Path) -> float:
    """Seconds since the last record of a segment."""
    return time.time() - path.stat().st_mtime


def journal_findings(journal: Path) -> list[str]:
    """Damaged stretches in the journal, in sentences."""
    reader = Reader(journal, {})
    found = []
    while (batch := reader.read(50_000)).end:
        found += [
            f"street-{d.stream} segment {d.segment}: bytes {d.offset} to {d.end} are damaged." for d in batch.damage
        ]
    reader.close()
    return found


def backup(folder: Folder, control: Control, store: EventStore, target: Path) -> Path:
    """One tar file with keys, settings, both stores, the journal and shared documents.

    The stores are copied first: what was acknowledged before the start is in their copy or in the journal's.
    """
    copies = {"control.db": folder.run / "backup.db", "events.duckdb": folder.run / "backup.duckdb"}
    for path in copies.values():
        remove(path)
    control.backup_to(copies["control.db"])
    store.backup_to(copies["events.duckdb"])
    half = target.with_name(f".{target.name}.half")
    try:
        if target.exists():
            raise UsageError(f"{target} is already there; choose another name.")
        # Keys are inside: nobody else on this machine may read it.
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for name, path in copies.items():
                    tar.add(path, name)
                for path in _kept_files(folder.root):
                    with contextlib.suppress(FileNotFoundError):
                        tar.add(path, path.name)
                _add_journal(tar, folder.journal)
                _add_uploads(tar, folder.uploads)
            file.flush()
            os.fsync(file.fileno())
        half.rename(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        raise Failure(
            f"The backup cannot be written to {target} ({error.strerror or error}); name a file in a folder that exists and has room."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)
        for path in copies.values():
            remove(path)
    with contextlib.suppress(OSError):  # the backup is made; only the doctor does not know of it
        write_whole(folder.root / BACKED_UP, f"{target}\n".encode())
    return target


def _add_uploads(tar: tarfile.TarFile, uploads: Path) -> None:
    for path in sorted(uploads.glob("??/*")):
        with contextlib.suppress(FileNotFoundError):  # erased meanwhile
            tar.add(path, f"uploads/{path.parent.name}/{path.name}")


def _kept_files(root: Path) -> list[Path]:
    """Small files that a backup holds: keys, settings, the mail door's certificate, tokens and place in the mailbox."""
    return sorted(path for pattern in KEPT_FILES for path in root.glob(pattern) if path.is_file())


def _add_journal(tar: tarfile.TarFile, journal: Path) -> None:
    for stream in streams(journal):
        street = street_folder(journal, stream)
        for number in numbers(street):
            with contextlib.suppress(FileNotFoundError):  # expired meanwhile, so understood long ago
                path = path_of(street, number)
                written = int(path.stat().st_mtime)  # also where it is restored its days count from then on
                content = path.read_bytes().rstrip(b"\0") + _SLACK
                content += bytes(-len(content) % 8)
                info = tarfile.TarInfo(f"journal/street-{stream}/{path.name}")
                info.size, info.mode, info.mtime = len(content), 0o600, written
                tar.addfile(info, io.BytesIO(content))


def restore(source: Path, root: Path) -> None:
    """Unpack a backup into an empty or missing folder. Raises UsageError, with nothing changed."""
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root} is not empty; restore into a new folder with --data.")
    try:
        with tarfile.open(source) as tar:
            names = tar.getnames()
            if "keys.json" not in names or "control.db" not in names:
                raise UsageError(f"{source} is not a backup made by 'inkdot backup'.")
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            tar.extractall(root, filter="data")
    except OSError as error:
        raise unreadable(source, error) from error
    except tarfile.TarError as error:
        raise UsageError(f"{source} is not a whole backup; name a file made by 'inkdot backup'.") from error


def _wal(store: Path) -> Path:
    return store.with_name(store.name + ".wal")
