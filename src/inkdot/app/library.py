"""Documents of one folder, as the command line works on them: taken in, replaced, revoked, erased."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any, Self

from inkdot.app.folder import Folder
from inkdot.domain.document import Document
from inkdot.domain.errors import DocumentUnreadable, NotFound, UsageError
from inkdot.domain.ids import DOCUMENT, SHARE, ContactId, DocumentId, ShareId, WorkspaceId, from_word, to_word
from inkdot.mark.document.pdf import Line, signed
from inkdot.room.convert import WORKSHOP, Converter
from inkdot.room.pages import Pages, Press
from inkdot.room.uploads import Uploads
from inkdot.settings import load
from inkdot.store.contract import iso
from inkdot.store.documents import Documents

_WORKSPACE = WorkspaceId(1)
_FIRST_WIDTH = 880
_MOST_NAME = 200
_LEFT_SECONDS = 86_400
"""After a day nobody is taking a file in any more."""
TAKEN = "taken-"
"""How folders begin in which a file lies while it is taken in."""


class Library:
    """The documents of one folder; works beside a running server."""

    def __init__(self, folder: Folder) -> None:
        settings = load(folder.root, {})
        self._folder = folder
        self.documents = Documents(folder.control)
        self.can_mail = bool(settings.mail_server)
        self._quota = settings.documents_quota
        self._uploads = Uploads(folder.uploads)
        self._press = Press()
        self._pages = Pages(
            self._uploads, folder.drawn, self._press, Converter(folder.drawn / WORKSHOP, settings.libreoffice)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything."""
        self._press.close()
        self.documents.close()

    def document(self, document: DocumentId, workspace: WorkspaceId = _WORKSPACE) -> Document:
        """A document of a workspace. Raises NotFound."""
        found = self.documents.document(document)
        if found is None or self.documents.workspace_of(document) != workspace:
            raise NotFound(
                f"There is no document {to_word(DOCUMENT, document)}; 'inkdot doc list' lists those there are."
            )
        return found

    def take(self, file: Path, workspace: WorkspaceId = _WORKSPACE) -> Document:
        """Take a file in, or find the document that it is already. Raises UsageError, DocumentUnreadable."""
        fresh = self._read(file, DocumentId(int.from_bytes(os.urandom(8), "big") >> 1))
        kept = self.documents.keep_document(fresh, workspace)
        self._hold(file, fresh)
        return fresh if kept == fresh.id else self.document(kept, workspace)

    def pointing(self, document: Document, url: str, words: Line) -> bytes:
        """The PDF that a document is, with a line on its first page that leads to the reader. Raises DocumentUnreadable."""
        made = self._pages.pointing(document.upload, url, words.link, words.more, document.name)
        return signed(made, self._uploads.path(document.upload).read_bytes())

    def replace(self, document: DocumentId, file: Path) -> Document:
        """Put a new file behind a document's links."""
        old = self._any(document)
        fresh = self._read(file, document)
        if fresh.upload == old.upload:
            raise UsageError(f"{file.name} is the file that the links lead to already.")
        self.documents.replace(fresh)
        self._hold(file, fresh)
        return self._any(document)

    def _hold(self, file: Path, kept: Document) -> None:
        """Take it in once more where somebody erased the same content before it was known to be wanted again."""
        if not self._uploads.path(kept.upload).exists():
            self._uploads.take(file, kept.bytes)

    def revoke(self, word: str, workspace: WorkspaceId = _WORKSPACE) -> list[ShareId]:
        """End a link, or all links of a document; returns those that were open."""
        now = int(time.time())
        if word.startswith(f"{DOCUMENT}_"):
            document = self.document(DocumentId(from_word(DOCUMENT, word)), workspace)
            shares = self.documents.shares_of(document.id)
        else:
            share = self.documents.share(ShareId(from_word(SHARE, word)))
            if share is None or share.workspace != workspace:
                raise NotFound(f"There is no link {word}; 'inkdot doc list' lists those there are.")
            shares = [share]
        open_ones = [s.id for s in shares if s.revoked is None]
        for share_id in open_ones:
            self.documents.revoke(share_id, now)
        return open_ones

    def take_back(self, document: DocumentId, link: ShareId) -> None:
        """End a link that nobody got, and erase its document if it has no other."""
        if [share.id for share in self.documents.shares_of(document)] == [link]:
            self.erase(document)
        else:
            self.revoke(to_word(SHARE, link))

    def erase(self, document: DocumentId) -> int:
        """Delete a document, its links, and its files where no other document needs them; returns how many files."""
        self._any(document)
        self.documents.forget_documents([document])
        return self.sweep()

    def erase_for(self, contact: ContactId) -> int:
        """The same with every document that this person alone has a link to."""
        self.documents.forget_documents(self.documents.documents_for(contact))
        return self.sweep()

    def erase_of(self, workspace: WorkspaceId) -> int:
        """The same with every document of a workspace."""
        self.documents.forget_documents([document.id for document in self.documents.documents(workspace)])
        return self.sweep()

    def expire(self, days: int) -> int:
        """Delete documents that nobody could read for so many days, and files that none needs; returns how many files."""
        if days:
            self.documents.forget_documents(self.documents.finished(int(time.time()) - days * 86_400))
        return self.sweep()

    def sweep(self) -> int:
        """Delete files that no document needs, and what killed processes left; returns how many files."""
        long_ago = time.time() - _LEFT_SECONDS
        for left in self._folder.run.glob(f"{TAKEN}*"):
            if left.stat().st_mtime < long_ago:
                shutil.rmtree(left, ignore_errors=True)
        unused = self.documents.forget_unused()
        for digest in unused:
            self._uploads.forget(digest, self.documents.has_upload)
        unused += self._uploads.tidy(self.documents.has_upload, long_ago)
        for digest in unused:
            self._pages.forget(digest)
        return len(unused)

    def listed(self, workspace: WorkspaceId = _WORKSPACE) -> list[dict[str, Any]]:
        """Every document with its links, oldest first."""
        return [self.describe(document) for document in self.documents.documents(workspace)]

    def dotted(self, workspace: WorkspaceId = _WORKSPACE) -> list[dict[str, Any]]:
        """Every document that left with dots in it, oldest first."""
        found = self.documents.dotted(workspace)
        names = self.documents.addresses_of((workspace, one.contact) for one in found)
        return [
            {
                "document": to_word(DOCUMENT, one.id), "name": one.name, "made": iso(one.made * 1_000_000), "version": 1,
                "pages": None, "bytes": None, "links": [], "dots": one.dots, "to": names.get((workspace, one.contact)),
            }
            for one in found
        ]  # fmt: skip

    def _any(self, document: DocumentId) -> Document:
        return self.document(document, self.documents.workspace_of(document) or _WORKSPACE)

    def describe(self, document: Document) -> dict[str, Any]:
        """A document with its links."""
        shares = self.documents.shares_of(document.id)
        names = self.documents.addresses_of((s.workspace, s.contact) for s in shares)
        now = time.time()
        return {
            "document": to_word(DOCUMENT, document.id),
            "name": document.name,
            "made": iso(document.made * 1_000_000),
            "version": document.version,
            "pages": document.pages,
            "bytes": document.bytes,
            "links": [
                {
                    "link": to_word(SHARE, s.id), "to": names.get((s.workspace, s.contact)), "open": not s.ended(now),
                    "expires": s.expires and iso(s.expires * 1_000_000), "gate": s.gate.name.lower(),
                    "passcode": s.passcode is not None, "download": s.download, "measured": s.unmeasured is None,
                }
                for s in shares
            ],
        }  # fmt: skip

    def _read(self, file: Path, document: DocumentId) -> Document:
        """Take a file in and look through it; one that cannot be shown leaves nothing behind."""
        upload = self._uploads.take(file, self._quota - self.documents.uploads_bytes())
        try:
            facts = self._pages.facts(upload.digest, upload.media, file.name)
            self._pages.image(upload.digest, upload.media, 1, _FIRST_WIDTH)
        except DocumentUnreadable:
            if not self.documents.has_upload(upload.digest):
                self._uploads.forget(upload.digest, self.documents.has_upload)
                self._pages.forget(upload.digest)
            raise
        name = file.name[-_MOST_NAME:]
        return Document(document, name, int(time.time()), 1, upload.digest, upload.bytes, upload.media, facts.words)
