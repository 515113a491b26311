"""Erasing a person: journal, stores, spool, drawn pages and backups, so that no restart, rebuild or restore brings anything back.

Backups are rewritten rather than encrypted with keys to be shredded: a backup must be enough by itself to start anew on an
empty machine, keys included, and a key inside the backup shreds nothing. Records in the journal are overwritten where they
stand, because a ping's id is its place. An erasure is written down before it begins and finished at the next start if
something ends it half-way; every step may be repeated.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdot.act.audience import Target, digest
from inkdot.app import care
from inkdot.app.consent import choice, publish
from inkdot.app.folder import Folder
from inkdot.app.library import Library
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import InkdotError, UsageError
from inkdot.domain.ids import PERSON, ContactId, WorkspaceId, from_word, to_word
from inkdot.journal.eraser import erase as erase_in_journal
from inkdot.journal.segment import sync_folder
from inkdot.show.questions import here
from inkdot.store.consents import Erasure
from inkdot.store.contract import iso
from inkdot.store.forget import Forgetting
from inkdot.store.oblivion import Part, forget

if TYPE_CHECKING:
    from inkdot.app.house import House

STREETS_KNOW_SECONDS = 5.0
"""After so long every street has read a new deny file."""
_TEXTS_LEFT = "addresses in texts and files that belong to no workspace alone, because several share this installation"
_MOST_DOWNLOADS = 100
_SIDE_COPIES = ("events.*.duckdb", "events.*.duckdb.wal", "control.before-*.db*")


def erase_asked(house: House, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Erase the person in `what`: an address or a `per_...` id. Yields the certificate."""
    workspace = here(what)
    contact, address = _whom(house, str(what.get("person", "")), workspace)
    yield _begin(house, Erasure(workspace, contact, address, 0), str(what.get("by") or "unknown"))


def _begin(house: House, asked: Erasure, by: str) -> dict[str, Any]:
    forgetting = Forgetting(house.folder.control)
    try:
        forgetting.begin(asked.workspace, asked.contact, asked.address)
        return _erase(house, forgetting, asked, by)
    finally:
        forgetting.close()


def finish_erasures(house: House) -> None:
    """Finish what was begun before this start."""
    if not house.register.book.has_open_erasures():
        return
    forgetting = Forgetting(house.folder.control)
    try:
        for begun in forgetting.begun():
            _erase(house, forgetting, begun, "finished after a restart")
    finally:
        forgetting.close()


def _whom(house: House, person: str, workspace: WorkspaceId) -> tuple[ContactId, Address | None]:
    if person.startswith(f"{PERSON}_"):
        contact = ContactId(from_word(PERSON, person))
        return contact, house.control.address_of(workspace, contact)
    address = normal_address(person)
    return house.register.contact(address, workspace), address


def _erase(house: House, forgetting: Forgetting, asked: Erasure, by: str) -> dict[str, Any]:
    """Every step may be done twice. Nothing new comes in once the streets know the deny file."""
    workspace, contact, address, _ = asked
    word, begun = to_word(PERSON, contact), time.monotonic()
    if address is None:
        address = next((c.address for c in forgetting.choices_of(workspace, contact) if c.address), None)
    if not forgetting.was_erased(contact):
        row = choice(address or Address(word), "erase", None)
        forgetting.keep_choices(workspace, [(contact, row)])
    digests = {digest(target, address) for target in Target} if address else set()
    shared = forgetting.several_workspaces()
    everywhere = None if shared else address  # in another workspace's texts it may be that one's business
    part = Part(workspace, forgetting.sites_of(workspace)) if shared else None
    publish(house.folder, forgetting)
    told = time.monotonic()
    visitors = forgetting.visitors_of(contact)
    done: dict[str, Any] = {"person": word, "journal_records": 0, "events": 0}
    _forget_pings(house, contact, address, visitors, part, done)
    with Library(house.folder) as library:
        uploads = library.erase_for(contact)
    done["rows"] = forgetting.forget(workspace, contact, address, shared=shared)
    files, left = _forget_files(house.folder, everywhere)
    done["files"] = files + uploads
    if house.folder.running():
        time.sleep(max(0.0, told + STREETS_KNOW_SECONDS - time.monotonic()))
    _forget_pings(house, contact, address, visitors, part, done, again=True)
    done["rows"] += forgetting.forget(workspace, contact, address, shared=shared)
    house.acting.changed()  # what rules show may have named the person
    copied = care.last_backup(house.folder)
    if copied:
        house.store.flush()
        fresh = house.folder.run / "erased-copy.duckdb"
        care.remove(fresh)
        house.store.backup_to(fresh)
        fresh.rename(copied)
        sync_folder(copied.parent)
    rewritten, lost = _forget_in_backups(house, asked._replace(address=address), by)
    exports = [path for path in forgetting.exports_with(contact) if path.exists()]
    certificate = done | {
        "erased": iso(time.time_ns() // 1000), "seconds": round(time.monotonic() - begun, 1), "backups_rewritten": rewritten,
        "not_reached": [
            *left, *([_TEXTS_LEFT] if shared else []), *(f"backup {path}" for path in lost), *(f"export {path}" for path in exports),
            *_taken_out(forgetting, workspace, contact),
            *(f"{target}, which was given the list {name}: remove the person there" for name, target in forgetting.given_out(workspace, digests)),
        ],
    }  # fmt: skip
    forgetting.audit(by, "person erase", contact, **{k: v for k, v in certificate.items() if isinstance(v, int)})
    kept = json.dumps(certificate)
    kept = re.sub(re.escape(address), word, kept, flags=re.IGNORECASE) if address else kept
    forgetting.end(asked._replace(address=everywhere), digests, kept)
    return certificate


def _taken_out(forgetting: Forgetting, workspace: WorkspaceId, contact: ContactId) -> list[str]:
    """What may hold the person and lies where people put it: files that the office or the API gave out, latest first."""
    taken = forgetting.taken_out(workspace, contact)[::-1]
    told = []
    for at, who, what, detail in taken[:_MOST_DOWNLOADS]:
        named = {"person_export": "the export of this person", "audience_export": f"the list {detail.get('name')}"}
        thing = named.get(what) or f"the table {detail.get('table')} with {detail.get('rows')} rows"
        told.append(f"{thing}, taken by {who} on {iso(at * 1_000_000)}")
    more = len(taken) - len(told)
    return [*told, f"{more} earlier downloads; 'inkdot audit' lists them"] if more else told


def _forget_pings(
    house: House, contact: ContactId, address: Address | None, visitors: list[int], part: Part | None, done: dict[str, Any],
    *, again: bool = False,
) -> None:  # fmt: skip
    """In the journal and in the event store; the second time only what came meanwhile."""
    house.pipeline.catch_up()
    whose = part.workspace if part else None
    records = erase_in_journal(house.folder.journal, struct.pack(">Q", contact), address, whose)
    done["journal_records"] += records
    if again and not records:
        return
    done["events"] += forget(house.store, contact, address, visitors, part)
    house.pipeline.forget_person(contact)
    house.rewrite_store()


def _forget_files(folder: Folder, address: Address | None) -> tuple[int, list[str]]:
    """Copies beside the stores, drawn pages, waiting mails. Returns how many were deleted, and what had to be left."""
    doomed = [path for pattern in _SIDE_COPIES for path in folder.root.glob(pattern)]
    for path in doomed:
        path.unlink(missing_ok=True)
    drawn = folder.root / "drawn"
    shutil.rmtree(drawn, ignore_errors=True)
    if address:
        _unname(folder.root / care.BACKED_UP, address)
    left = []
    for mail in sorted(folder.spool.glob("*.mail")) if address else []:
        try:
            with mail.open("rb") as file:
                recipients = [r.lower() for r in json.loads(file.readline()).get("recipients", [])]
        except FileNotFoundError:  # it was just delivered
            continue
        if recipients == [address]:
            mail.unlink(missing_ok=True)
            mail.with_suffix(".log").unlink(missing_ok=True)
            doomed.append(mail)
        elif address in recipients:
            left.append(f"a mail to {len(recipients)} people that waits for delivery; it is deleted once it left")
    return len(doomed), left


def _unname(note: Path, address: Address) -> None:
    """Where the last backup went may name the person; when it was made is the note's own time and stays."""
    if note.exists() and address in note.read_text().lower():
        made = note.stat().st_mtime
        note.write_text(re.sub(re.escape(address), "*", note.read_text(), flags=re.IGNORECASE))
        os.utime(note, (made, made))


def _forget_in_backups(house: House, asked: Erasure, by: str) -> tuple[int, list[str]]:
    """Rewrite backups that are where they were written; returns how many, and those that are not."""
    rewritten, lost = 0, []
    for path, _ in house.register.book.written("backup"):
        if not path.exists():
            lost.append(str(path))
            continue
        scratch = house.folder.run / "erasing-backup"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            _rewrite(house, path, scratch, asked, by)
            rewritten += 1
        except (InkdotError, OSError) as error:
            lost.append(f"{path} ({error})")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return rewritten, lost


def _rewrite(house: House, backup: Path, scratch: Path, asked: Erasure, by: str) -> None:
    care.restore(backup, scratch)
    folder = Folder(scratch)
    inner = type(house)(folder, house.settings)
    try:
        inner.register.book.forget_all_written()
        inner.pipeline.drain()
        _begin(inner, asked, by)
        fresh = backup.with_name(f".{backup.name}.erased")
        fresh.unlink(missing_ok=True)
        care.backup(folder, inner.control, inner.store, fresh)
        fresh.rename(backup)
        sync_folder(backup.absolute().parent)
    finally:
        inner.close()


def erasure_refused(person: str) -> UsageError:
    """For a command that was not told to go on."""
    return UsageError(f"Everything about {person} will be deleted for good; add --yes to do it.")
