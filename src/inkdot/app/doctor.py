"""What can be checked from outside the rooms: versions, disk, clock, ports, keys, the way of a dot."""

from __future__ import annotations

import datetime as dt
import http.client
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from inkdot import __version__
from inkdot.app.care import BACKED_UP
from inkdot.app.folder import Folder
from inkdot.app.knowledge import knowledge
from inkdot.domain.errors import InkdotError
from inkdot.journal.segment import numbers, path_of, streams, street_folder
from inkdot.relay.spool import Spool
from inkdot.settings import load
from inkdot.store.outbox import Outbox

_LITTLE_ROOM, _NO_ROOM = 2_000_000_000, 200_000_000
_OLD_DAYS = 90
_LATE_SECONDS = 3_600
_EPOCH_OF_RELEASE = 1_790_000_000


class Finding(NamedTuple):
    """One line of the doctor's report."""

    level: str
    what: str
    says: str


def examine(data: Path) -> list[Finding]:
    """All checks; none raises."""
    found = [
        Finding(
            "OK", "versions", f"Inkdot {__version__}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
        )
    ]
    try:
        folder = Folder(data)
        settings = load(folder.root, {})
        folder.keyring()
    except InkdotError as error:
        return [*found, Finding("FAIL", "folder", str(error))]
    found.append(Finding("OK", "folder", f"{folder.root} can be written and has its keys"))
    known = list(_known(folder, settings.city_file))
    return [
        *found,
        *_room(folder),
        *_clock(),
        *_journal(folder),
        *_backups(folder),
        *_mail_door(folder),
        *_outbox(folder),
        *known,
        *_server(folder),
    ]


def _outbox(folder: Folder) -> Iterator[Finding]:
    """Places that get nothing more until somebody looks."""
    if not folder.control.exists():
        return
    try:
        outbox = Outbox(folder.control)
        paused = [t for t in outbox.targets() if t.paused]
        waiting = outbox.counts().get("waiting", 0)
        outbox.close()
    except InkdotError as error:
        yield Finding("FAIL", "outbox", str(error))
        return
    for target in paused:
        hint = f"when it works again: inkdot webhook resume {target.target}"
        yield Finding("WARN", "outbox", f"{target.target} is paused after {target.paused} - {hint}")
    if not paused:
        yield Finding("OK", "outbox", f"no place is paused, {waiting} deliveries wait")


def _known(folder: Folder, city_file: str) -> Iterator[Finding]:
    found = knowledge(folder, city_file)
    for trouble in found.troubles:
        yield Finding("WARN", "knowledge", trouble)
    age = (dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(found.networks.date)).days
    says = f"rules {found.book.version}; places of {found.networks.date}"
    if age > _OLD_DAYS:
        says += f", {age} days old, so places are told with reserve: 'inkdot geo update' fetches newer ones"
    yield Finding("WARN" if age > _OLD_DAYS else "OK", "knowledge", says)


def _room(folder: Folder) -> Iterator[Finding]:
    free = shutil.disk_usage(folder.root).free
    says = f"{free / 1e9:.1f} GB free"
    if free < _NO_ROOM:
        yield Finding("FAIL", "disk", f"{says}; free some space, or pings cannot be recorded")
    else:
        yield Finding("WARN" if free < _LITTLE_ROOM else "OK", "disk", says)


def _clock() -> Iterator[Finding]:
    right = time.time() > _EPOCH_OF_RELEASE
    yield Finding("OK" if right else "FAIL", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _journal(folder: Folder) -> Iterator[Finding]:
    found = [
        path_of(street_folder(folder.journal, s), n)
        for s in streams(folder.journal)
        for n in numbers(street_folder(folder.journal, s))
    ]
    size = sum(p.stat().st_size for p in found)
    yield Finding("OK", "journal", f"{len(found)} segments, {size / 1e6:.0f} MB")


def _backups(folder: Folder) -> Iterator[Finding]:
    """The folder's own copies are for repairs: what is lost with the disk is in those that somebody asked for."""
    last = folder.root / BACKED_UP
    if last.exists():
        days = (time.time() - last.stat().st_mtime) / 86_400
        yield Finding("OK", "backup", f"the last was made {days:.1f} days ago, to {last.read_text().strip()}")
    else:
        yield Finding("WARN", "backup", "none was made yet; 'inkdot backup FILE' makes one")


def _mail_door(folder: Folder) -> Iterator[Finding]:
    spool = Spool(folder.spool)
    waiting = [mail for mail in map(spool.look, spool.names()) if mail]
    late = [mail for mail in waiting if time.time() - mail.envelope.accepted > _LATE_SECONDS]
    says = f"{len(waiting)} mails wait"
    if late:
        last = next((mail.last.text for mail in late if mail.last), "no try was made")
        yield Finding("WARN", "mail door", f"{says}, {len(late)} of them for over an hour: {last}")
    elif waiting:
        yield Finding("OK", "mail door", says)


def _server(folder: Folder) -> Iterator[Finding]:
    server = folder.running()
    if server is None:
        yield Finding("WARN", "server", "not running; start it with 'inkdot serve'")
        return
    for name, url in (("street", server.public), ("office", server.office)):
        yield _asked(name, url)
    if os.geteuid() == 0:
        yield Finding("WARN", "user", "running as root; an own user is safer")


def _asked(name: str, url: str) -> Finding:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=5)
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace").strip()
    except OSError as error:
        return Finding("FAIL", name, f"{url} does not answer ({error}); is the address right and reachable?")
    return Finding("OK" if response.status == 200 else "FAIL", name, f"{url} says {text}")
