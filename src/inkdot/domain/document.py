"""A shared document: its versions, the links that lead to it, and what a reader must show at the door."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, DocumentId, ShareId, WorkspaceId


class Document(NamedTuple):
    """A document with one of its versions, the newest unless another was asked for."""

    id: DocumentId
    name: str
    made: int
    """Unix seconds."""
    version: int
    """From 1 on; a replaced file is the next one."""
    upload: str
    """The hash of the file's content."""
    bytes: int
    media: str
    words: tuple[int, ...]
    """Words on each page."""

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return len(self.words)


class Gate(IntEnum):
    """What a reader tells of himself before he reads."""

    OPEN = 0
    EMAIL = 1
    """His address, believed."""
    PROVED = 2
    """His address, proved by a code sent to it."""


class Share(NamedTuple):
    """A link to a document for one person."""

    id: ShareId
    workspace: WorkspaceId
    document: DocumentId
    contact: ContactId
    made: int
    expires: int | None
    """Unix seconds."""
    passcode: bytes | None
    """Salt and digest."""
    gate: Gate
    download: bool
    watermark: bool
    allow: tuple[str, ...]
    """Addresses and domains; empty lets everybody in."""
    block: tuple[str, ...]
    revoked: int | None = None
    unmeasured: int | None = None
    """When the reader asked not to be measured."""

    @property
    def private(self) -> bool:
        """True if its name is told only to whom the gate lets in."""
        return bool(self.gate or self.passcode)

    def ended(self, now: float) -> bool:
        """True if it leads nowhere any more."""
        return self.revoked is not None or (self.expires is not None and self.expires <= now)

    def admits(self, address: Address) -> bool:
        """True if the lists let this address in; a block beats a permission."""
        if _listed(address, self.block):
            return False
        return not self.allow or _listed(address, self.allow)


def _listed(address: Address, names: tuple[str, ...]) -> bool:
    domain = address.rpartition("@")[2]
    return any(address == name or domain == name.removeprefix("@") for name in names)
