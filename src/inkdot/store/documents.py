"""Documents in control.db: uploads, versions, and the links that lead to them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.document import Document, Gate, Share
from inkdot.domain.ids import ContactId, DocumentId, ShareId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class Dotted(NamedTuple):
    """A document that left with dots in it."""

    id: DocumentId
    name: str
    made: int
    """Unix seconds."""
    contact: ContactId
    dots: int


class Documents(Control):
    """`control.db` as the reading room uses it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("documents")

    # -- uploads

    def uploads_bytes(self) -> int:
        """What all uploads weigh."""
        return int(self._rows("uploads_bytes")[0][0])

    def has_upload(self, digest: str) -> bool:
        """True if this content is kept."""
        return bool(self._rows("has_upload", (digest,))[0][0])

    def forget_unused(self) -> list[str]:
        """Forget contents that no version needs; returns them, for their files to be deleted."""
        with self._transaction():
            unused = [row[0] for row in self._rows("unused_uploads")]
            self._keep("forget_upload", [(digest,) for digest in unused])
        return unused

    def keep_marked(
        self, document: DocumentId, workspace: WorkspaceId, name: str, marked: int, contact: ContactId, dots: int
    ) -> None:
        """Keep what a document with dots in it is; `marked` in unix seconds."""
        with self._transaction():
            self._keep("keep_marked", [(document, workspace, name, marked, contact, dots)])

    def marked(self, document: DocumentId) -> tuple[str, int, int] | None:
        """Name, unix seconds of marking and number of dots of a document that left with dots in it."""
        rows = self._rows("marked", (document,))
        return rows[0] if rows else None

    def dotted(self, workspace: WorkspaceId) -> list[Dotted]:
        """Documents that left with dots in them, oldest first."""
        return [Dotted(*row) for row in self._rows("dotted_documents", (workspace,))]

    # -- documents

    def keep_document(self, document: Document, workspace: WorkspaceId) -> DocumentId:
        """Keep a new document with its first version; returns its id, or that of the document which is this content under this name already."""
        with self._transaction():
            known = self.document_of(document.upload, document.name, workspace)
            if known is None:
                self._keep("keep_document", [(document.id, workspace, document.name, document.made)])
                self._keep_version(document)
        return document.id if known is None else known

    def replace(self, document: Document) -> None:
        """Keep a further version under the same links; its number is given here."""
        with self._transaction():
            self._keep("rename_document", [(document.name, document.id)])
            self._keep_version(document)

    def _keep_version(self, d: Document) -> None:
        self._keep("keep_upload", [(d.upload, d.bytes, d.media, d.made)])
        self._keep("keep_version", [(d.id, d.upload, d.made, json.dumps(d.words))])

    def document(self, document: DocumentId, version: int | None = None) -> Document | None:
        """A document with its newest version, or with a certain one."""
        if version is None:
            rows = self._rows("document", (document,))
        else:
            rows = self._rows("document_version", (document, version))
        return _document(rows[0]) if rows else None

    def workspace_of(self, document: DocumentId) -> WorkspaceId | None:
        """Where a shared document or one with dots in it belongs."""
        return next((WorkspaceId(row[0]) for row in self._rows("document_workspace", (document, document))), None)

    def documents(self, workspace: WorkspaceId) -> list[Document]:
        """All documents, oldest first."""
        return [_document(row) for row in self._rows("documents", (workspace,))]

    def document_of(self, upload: str, name: str, workspace: WorkspaceId) -> DocumentId | None:
        """The document whose newest version is this content under this name."""
        rows = self._rows("document_of", (workspace, upload, name))
        return DocumentId(rows[0][0]) if rows else None

    def forget_documents(self, documents: Iterable[DocumentId]) -> None:
        """Forget documents with their versions and links."""
        with self._transaction():
            self._keep("forget_document", [(document,) for document in documents])

    def finished(self, before: int) -> list[DocumentId]:
        """Documents that nobody could read since `before` (unix seconds)."""
        return [DocumentId(row[0]) for row in self._rows("finished_documents", (before,))]

    def documents_for(self, contact: ContactId) -> list[DocumentId]:
        """Documents that this person alone has a link to."""
        return [DocumentId(row[0]) for row in self._rows("documents_for", (contact,))]

    # -- links

    def keep_share(self, share: Share, address: Address) -> None:
        """Keep a link for one person."""
        row = (*share[:9], share.watermark, json.dumps(share.allow), json.dumps(share.block))
        with self._transaction():
            self._keep("keep_contact", [(share.workspace, share.contact, address)])
            self._keep("keep_share", [row])

    def share(self, share: ShareId) -> Share | None:
        """A link."""
        rows = self._rows("share", (share,))
        return _share(rows[0]) if rows else None

    def shares_of(self, document: DocumentId) -> list[Share]:
        """The links to a document, oldest first."""
        return [_share(row) for row in self._rows("shares_of", (document,))]

    def has_one_reader(self, document: DocumentId, now: int) -> bool:
        """True if links to a document are out to one person alone at `now` (unix seconds)."""
        readers = {share.contact for share in self.shares_of(document) if not share.ended(now)}
        return len(readers) <= 1 and 0 not in readers

    def revoke(self, share: ShareId, now: int) -> None:
        """Let a link lead nowhere from now on (unix seconds)."""
        with self._transaction():
            self._keep("revoke_share", [(now, share)])

    def leave_unmeasured(self, share: ShareId, now: int) -> None:
        """Keep that the reader asked not to be measured."""
        with self._transaction():
            self._keep("leave_unmeasured", [(now, share)])

    def forget_shares(self, workspace: WorkspaceId, contact: ContactId) -> None:
        """Forget all links of a person."""
        with self._transaction():
            self._keep("forget_shares", [(workspace, contact)])


def _document(row: tuple[Any, ...]) -> Document:
    *facts, words = row
    return Document._make((*facts, tuple(json.loads(words))))


def _share(row: tuple[Any, ...]) -> Share:
    *facts, gate, download, watermark, allow, block, revoked, unmeasured = row
    lists = tuple(json.loads(allow)), tuple(json.loads(block))
    return Share._make((*facts, Gate(gate), bool(download), bool(watermark), *lists, revoked, unmeasured))
