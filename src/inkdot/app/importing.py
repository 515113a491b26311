"""Take over what another program wrote about visits.

Rows go through the journal like anything that was heard, so that they are judged, kept and rebuilt like anything else. An
import that was cut off goes on behind the last row that is in the journal.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from inkdot.app.folder import Folder
from inkdot.app.foreign import access_log, exports
from inkdot.app.foreign.row import Row, Tally, opened
from inkdot.domain.errors import Failure, UsageError, unreadable
from inkdot.domain.ids import SITE, VisitorId, to_word
from inkdot.domain.ping import IMPORT_STREAM, ping_id
from inkdot.journal.reader import Reader
from inkdot.journal.record import NOBODY, encode_with_body
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.store.sites import Site, Sites
from inkdot.understand.address import packed

FORMATS: dict[str, Callable[[Path, Tally], Iterator[Row]]] = {
    "access-log": access_log.read, "goatcounter": exports.goatcounter, "umami": exports.umami,
    "plausible": exports.plausible, "matomo": exports.matomo,
}  # fmt: skip
TARGET = b"/i"
_CHUNK = 2_000
_DAY = 86_400_000_000
_SORTED = {"access-log"}
"""Formats that are read row by row; the others are sorted by time first, because visits are made from it."""

Progress = Callable[[int, int], None]


class Imported(NamedTuple):
    """What came of an import."""

    rows: int
    """Rows read from the file."""
    written: int
    """Events written into the journal, those of an earlier try included."""
    resumed: int
    """Of these, already there when this try began."""
    skipped: dict[str, int]
    totals: dict[str, int]
    """What the source says its totals are."""
    first: int
    """The smallest id that an event of this import can have."""
    last: int
    """No event of it has this id or a larger one."""


def check(path: Path, form: str) -> None:
    """Raises UsageError for a file that cannot be read and a format that is none: before anything is made for it."""
    if form not in FORMATS:
        raise UsageError(f"{form!r} is no format; the formats are {', '.join(FORMATS)}.")
    with opened(path, Tally()):
        pass


def take(folder: Folder, site: Site, path: Path, form: str, progress: Progress) -> Imported:
    """Write a file's rows into the journal. Raises what `check` raises, Failure while another import runs."""
    token = folder.keyring().check(site.key.encode())
    if token is None:
        raise Failure(f"The key of {site.domain} is not of this folder's keys.json; restore the right one.")
    name = _digest(path, site, form)
    sites = Sites(folder.control)
    try:
        with _alone(folder):
            return _taken(folder, sites, token, site, path, form, name, progress)
    finally:
        sites.close()


def _taken(
    folder: Folder, sites: Sites, token: bytes, site: Site, path: Path, form: str, name: str, progress: Progress
) -> Imported:
    first, behind = sites.import_of(name) or (None, None)
    if first is not None and behind is not None:  # nothing is left to write: count the rows, and that is all
        tally = Tally()
        known = written = sum(1 for _ in FORMATS[form](path, tally))
    else:
        writer = Writer(street_folder(folder.journal, IMPORT_STREAM))
        try:
            if first is None:
                first = writer.number
                sites.begin_import(name, site.id, int(time.time()), first)
            known = _known_rows(folder, first, name)
            tally, written = _write(writer, token, site, path, form, name, known, progress)
            behind = writer.number + 1
        finally:
            writer.close()
        sites.end_import(name, behind)
    ids = ping_id(IMPORT_STREAM, first, 0), ping_id(IMPORT_STREAM, behind, 0)
    return Imported(tally.rows, written, known, dict(tally.skipped), tally.totals, *ids)


def _write(
    writer: Writer, token: bytes, site: Site, path: Path, form: str, name: str, known: int, progress: Progress
) -> tuple[Tally, int]:
    tally = Tally()
    rows: Iterable[Row] = _read(FORMATS[form](path, tally), tally, progress)
    if form not in _SORTED:
        rows = sorted(rows, key=lambda row: row.time)
    # The same when an import goes on, another for every file: visitors of two imports are never the same.
    salt = hashlib.blake2b(name.encode(), digest_size=16, person=b"inkdot-import").digest()
    chunk: list[bytes] = []
    count = last = later = 0
    for row in rows:
        count += 1
        # Sources know whole seconds; rows of one second stay in their order.
        later = later + 1 if row.time == last else 0
        last = row.time
        if count <= known:
            continue
        chunk.append(_record(row._replace(time=row.time + later), token, site, name, count, salt))
        if len(chunk) >= _CHUNK:
            writer.commit(b"".join(chunk))
            chunk.clear()
    if chunk:
        writer.commit(b"".join(chunk))
    return tally, count


def _read(rows: Iterator[Row], tally: Tally, progress: Progress) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if number % _CHUNK == 0:
            progress(number, tally.left())
        yield row


def _record(row: Row, token: bytes, site: Site, name: str, number: int, salt: bytes) -> bytes:
    # An address and a program are the same visitor for a day, as for the street; exports have names of their own.
    whom = f"{row.time // _DAY} {row.visitor}" if row.address else row.visitor
    who = hashlib.blake2b(whom.encode("utf-8", "replace"), key=salt, digest_size=8).digest()
    sent: dict[str, Any] = {
        "k": row.kind, "p": f"{name[:8]}-{number}", "q": 0, "u": _address(row.url, site.domain)[:2_000],
        "v": VisitorId(int.from_bytes(who, "big") >> 1 | 1 << 62), "i": [name, number],
    }  # fmt: skip
    if row.referrer:
        sent["r"] = row.referrer if "//" in row.referrer else f"https://{row.referrer}"
    if row.name:
        sent["n"] = row.name[:200]
    if row.kind == "engage":
        sent["e"] = row.seconds * 1_000
    agent = row.agent.translate({13: None, 10: None})[:1_000]
    headers = f"User-Agent: {agent}\r\n".encode("utf-8", "replace") if agent else b""
    address = packed(row.address) or NOBODY
    return encode_with_body(b"POST", row.time, address, token, headers, TARGET, json.dumps(sent).encode())


def _address(url: str, domain: str) -> str:
    if url.startswith(("http://", "https://")) and urlsplit(url).hostname:
        return url
    return f"https://{domain}/{url.lstrip('/')}"


def _known_rows(folder: Folder, first: int, name: str) -> int:
    """How many rows of this import the journal holds already."""
    reader = Reader(folder.journal, {IMPORT_STREAM: (first, 0)})
    known = 0
    while (batch := reader.read(20_000)).end:
        for ping in batch.pings:
            if ping.target == TARGET:
                mark = json.loads(ping.body).get("i")
                if mark and mark[0] == name:
                    known = max(known, int(mark[1]))
    reader.close()
    return known


def _digest(path: Path, site: Site, form: str) -> str:
    digest = hashlib.blake2b(f"{to_word(SITE, site.id)} {form}".encode(), digest_size=16)
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    fd = os.open(folder.run / "import.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Failure("Another import is running; wait for its end.") from None
    finally:
        os.close(fd)
