"""Shared documents, wired: taken in, shared on terms, revoked, deleted, as the API asks for them; the terms for all ways."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.app.consent import Register
from inkdot.app.folder import Folder
from inkdot.app.library import TAKEN, Library
from inkdot.app.marking import fresh_id, mint_of, public_url_of, reader_link
from inkdot.domain.contact import normal_address
from inkdot.domain.document import Document, Gate, Share
from inkdot.domain.errors import DocumentUnreadable, UsageError
from inkdot.domain.ids import (
    DOCUMENT,
    SHARE,
    ContactId,
    DocumentId,
    ShareId,
    WorkspaceId,
    from_word,
    to_word,
)
from inkdot.room.gate import passcode_digest
from inkdot.settings import Settings
from inkdot.show.questions import here

Answer = Iterator[dict[str, Any]]
ASKS = ("document_list", "document_add", "document_share", "document_revoke", "document_rm")
"""What may be asked; each is a method of Sharing."""
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LEAST_PASSCODE = 4


class Asked(NamedTuple):
    """Terms as they are asked for."""

    password: str | None = None
    expires: str | None = None
    """`7d`, `2026-12-24`, a time."""
    email_gate: bool = False
    verify_email: bool = False
    download: bool = True
    watermark: bool = False
    allow: Collection[str] = ()
    block: Collection[str] = ()


def share_terms(asked: Asked, workspace: WorkspaceId, now: int) -> Share:
    """A link on these terms, for nobody and nothing yet. Raises UsageError, BadAddress."""
    lists = tuple(_listed(n) for n in asked.allow), tuple(_listed(n) for n in asked.block)
    if asked.password is not None and len(asked.password) < _LEAST_PASSCODE:
        raise UsageError("A passcode needs at least 4 signs.")
    gate = Gate.PROVED if asked.verify_email else Gate.EMAIL if asked.email_gate or any(lists) else Gate.OPEN
    return Share(
        ShareId(fresh_id()), workspace, DocumentId(0), ContactId(0), now,
        end_of(asked.expires, now) if asked.expires else None,
        passcode_digest(asked.password) if asked.password else None,
        gate, asked.download and not asked.watermark, asked.watermark, *lists,
    )  # fmt: skip


class Sharing:
    """One folder's documents, for programs."""

    def __init__(self, folder: Folder, settings: Settings, register: Register, now: Callable[[], int]) -> None:
        """`now` gives microseconds since 1970."""
        self._folder, self._settings, self._register, self._now = folder, settings, register, now

    def asks(self) -> dict[str, Callable[[Mapping[str, Any]], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    def document_list(self, what: Mapping[str, Any]) -> Answer:
        """All documents with their links, those with dots after them if `dotted`; or one `document`."""
        with Library(self._folder) as library:
            if what.get("document"):
                yield library.describe(self._found(library, what))
            else:
                yield from library.listed(here(what))
                yield from library.dotted(here(what)) if what.get("dotted") else ()

    def document_add(self, what: Mapping[str, Any]) -> Answer:
        """Take in a file: `name` and `file`, its bytes; as a new version of `document` if one is named."""
        name = Path(str(what.get("name", ""))).name or "document"
        with Library(self._folder) as library, _as_file(self._folder, name, bytes(what["file"])) as path:
            try:
                if what.get("document"):
                    document = library.replace(self._found(library, what).id, path)
                else:
                    document = library.take(path, here(what))
            except DocumentUnreadable as error:  # here the file is what was asked, not the world
                raise UsageError(str(error)) from error
            yield library.describe(document)

    def document_share(self, what: Mapping[str, Any]) -> Answer:
        """A link to `document` for the person `to`, on the terms of Asked."""
        workspace, address = here(what), normal_address(str(what.get("to", "")))
        known = {name: what[name] for name in Asked._fields if what.get(name) is not None}
        terms = share_terms(Asked(**known), workspace, self._now() // 1_000_000)
        with Library(self._folder) as library:
            document = self._found(library, what)
            public = public_url_of(self._folder, self._settings)
            mint = mint_of(self._settings, self._folder.keyring(), public, workspace)
            contact = mint.keyring.contact_id(workspace, address)
            terms = terms._replace(document=document.id, contact=contact)
            library.documents.keep_share(terms, address)
            can_mail = library.can_mail
        mode = self._register.mode_for(address, workspace=workspace).mode
        url = reader_link(mint, terms, address, mode)
        warning = "No mail can be sent from here, so nobody can get a code: set mail_server in inkdot.toml."
        warnings = [warning] if terms.gate is Gate.PROVED and not can_mail else []
        yield {
            "document": to_word(DOCUMENT, document.id), "link": to_word(SHARE, terms.id), "url": url, "to": address,
            "mode": mode.name.lower(), "warnings": warnings,
        }  # fmt: skip

    def document_revoke(self, what: Mapping[str, Any]) -> Answer:
        """End a `link`."""
        with Library(self._folder) as library:
            ended = library.revoke(str(what.get("link", "")), here(what))
        yield {"revoked": [to_word(SHARE, number) for number in ended]}

    def document_rm(self, what: Mapping[str, Any]) -> Answer:
        """Delete a document with its links and files; what was read of it stays in the events."""
        with Library(self._folder) as library:
            found = self._found(library, what)
            files = library.erase(found.id)
        yield {"document": to_word(DOCUMENT, found.id), "files_deleted": files}

    def _found(self, library: Library, what: Mapping[str, Any]) -> Document:
        return library.document(DocumentId(from_word(DOCUMENT, str(what.get("document", "")))), here(what))


class _as_file:  # noqa: N801 - a context, read like a word
    """Bytes as a file of a certain name, for as long as the context lasts."""

    def __init__(self, folder: Folder, name: str, content: bytes) -> None:
        self._folder, self._name, self._content = folder, name[-200:], content

    def __enter__(self) -> Path:
        self._place = Path(tempfile.mkdtemp(prefix=TAKEN, dir=self._folder.run))
        path = self._place / self._name
        try:
            path.write_bytes(self._content)
        except (ValueError, OSError) as error:
            shutil.rmtree(self._place, ignore_errors=True)
            if isinstance(error, OSError) and error.errno not in (None, 36, 22):
                raise
            raise UsageError(f"{self._name!r} is no name for a file.") from error
        return path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._place, ignore_errors=True)


def _listed(name: str) -> str:
    """`ben@example.com`, `example.com` or `@example.com`, as it is kept."""
    name = name.strip().lower()
    if "@" in name.removeprefix("@"):
        return normal_address(name)
    normal_address(f"anybody@{name.removeprefix('@')}")
    return name.removeprefix("@")


def end_of(word: str, now: int) -> int:
    """`7d`, `2026-12-24` (its end, UTC) or a time -> unix seconds. Raises UsageError."""
    if span := re.fullmatch(r"(\d{1,6})([mhdw])", word):
        return now + int(span[1]) * _UNITS[span[2]]
    try:
        time = dt.datetime.fromisoformat(word)
        if len(word) == 10:
            time += dt.timedelta(days=1)
        ends = int(time.replace(tzinfo=time.tzinfo or dt.UTC).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(f"{word!r} is no time; write 7d, 12h, 2026-12-24 or 2026-12-24T18:00:00Z.") from None
    if ends <= now:
        raise UsageError(f"{word} is over already; choose a later time.")
    return ends
