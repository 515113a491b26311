"""Retention: each class of data has its days, and what is past them is deleted from the files, not only from answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdot.app import care
from inkdot.domain.ids import PingId
from inkdot.domain.ping import IMPORT_STREAM, RELAY_STREAM
from inkdot.journal.record import SEGMENT_HEAD, decode, frames
from inkdot.journal.segment import numbers, path_of, streams, street_folder
from inkdot.store.contract import iso
from inkdot.store.forget import Forgetting
from inkdot.store.oblivion import forget_before, oldest

if TYPE_CHECKING:
    from inkdot.app.house import House

_DAY = 86_400
_ENOUGH = 1 << 17  # bytes; holds any record
_GRACE = 7_200
"""Chores run once an hour: this many seconds late is not yet broken."""


def keep_to_days(house: House) -> None:
    """Delete events, mails, people and backups past their days, physically."""
    settings = house.settings
    if settings.journal_days:  # as long as the pings that they say something about could be understood again
        house.control.forget_own_clients(int(time.time()) - settings.journal_days * _DAY)
    if settings.events_days:
        before = int(time.time()) - settings.events_days * _DAY
        first = oldest(house.store)
        book = Forgetting(house.folder.control)
        mails = book.forget_before(before)
        book.close()
        owed = house.folder.run / "days-over"  # there as long as something deleted may still lie in a file
        if mails or owed.exists() or (first is not None and first < before * 1_000_000):
            owed.touch()
            forget_before(house.store, before * 1_000_000)
            house.rewrite_store()
            drop_side_copies(house)
            owed.unlink()
    if settings.backups_days:
        for path, written in house.register.book.written("backup"):
            if written < time.time() - settings.backups_days * _DAY:
                path.unlink(missing_ok=True)
                house.register.book.forget_written(path)


def drop_side_copies(house: House) -> None:
    """Older copies of the store hold what was just deleted; the base for rebuilding is made anew."""
    for pattern in ("events.*.duckdb", "events.*.duckdb.wal", "control.before-*.db*"):
        for path in house.folder.root.glob(pattern):
            path.unlink(missing_ok=True)
    if (base := care.last_backup(house.folder)) is not None:
        fresh = house.folder.run / "retained.duckdb"
        care.remove(fresh)
        house.store.backup_to(fresh)
        fresh.rename(base)


def retention(house: House) -> dict[str, Any]:
    """By class of data: its days, the oldest that is there, and whether it was kept to."""
    s = house.settings
    first = oldest(house.store)
    marked = house.register.book.oldest_mail()
    backups = [written for path, written in house.register.book.written("backup") if path.exists()]
    rows = [
        _row("pings", s.journal_days, _oldest_ping(house.folder.journal)),
        _row("events", s.events_days, None if first is None else first / 1e6),
        _row("mails", s.events_days, marked),
        _row("backups", s.backups_days, min(backups, default=None)),
        _row("salts", 1, min((int(p.name[5:]) * _DAY for p in house.folder.run.glob("salt-*")), default=None)),
    ]
    return {"ok": all(row["kept"] for row in rows), "classes": rows}


def _row(name: str, days: int, oldest: float | None) -> dict[str, Any]:
    late = days and oldest is not None and time.time() - oldest > days * _DAY + _GRACE
    shown = None if oldest is None else iso(int(oldest * 1e6))
    return {"class": name, "days": days or None, "oldest": shown, "kept": not late}


def _oldest_ping(journal: Path) -> float | None:
    """When the oldest record that is there was written down, in unix seconds."""
    found = [_first_record(street_folder(journal, stream), stream) for stream in streams(journal)]
    return min((time for time in found if time is not None), default=None)


def _first_record(folder: Path, stream: int) -> float | None:
    for path in (path_of(folder, number) for number in numbers(folder)):
        with path.open("rb") as file:
            data = file.read(_ENOUGH)[len(SEGMENT_HEAD) :]
        payloads = [payload for _, _, payload in frames(data, len(SEGMENT_HEAD), sealed=False) if payload]
        if payloads and stream in (IMPORT_STREAM, RELAY_STREAM):  # their records tell of times before they were written
            return path.stat().st_mtime
        times = [decode(payload, PingId(0)).time for payload in payloads]
        if exact := [time / 1e6 for time in times if time % (_DAY * 1_000_000)]:  # the others keep only their day
            return min(exact)
    return None
