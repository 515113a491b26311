"""Uploads on disk: one file per content, named by its hash. What a file is, is judged by its first bytes, not its name."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.errors import Failure, UsageError, unreadable
from inkdot.journal.segment import sync_folder
from inkdot.mark.document.mapped import mapped

_BLOCK = 1 << 20
PDF = "application/pdf"
OFFICE = {
    r"word/document\d*\.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    r"xl/workbook\d*\.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    r"ppt/presentation\d*\.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
"""Office documents by the member that makes them one; Word for the web calls it word/document2.xml."""
OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_RTF = "application/rtf"
_OF_1997 = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
"""Files of Word, Excel and PowerPoint 97 by the stream that makes them one."""
ENDINGS = {
    **dict(zip(OFFICE.values(), ("docx", "xlsx", "pptx"), strict=True)), **dict(zip(_OF_1997.values(), ("doc", "xls", "ppt"), strict=True)),
    **{OPEN_DOCUMENT + kind: ending for kind, ending in {
        "text": "odt", "spreadsheet": "ods", "presentation": "odp", "graphics": "odg", "text-template": "ott",
        "spreadsheet-template": "ots", "presentation-template": "otp",
    }.items()},
    _RTF: "rtf",
}  # fmt: skip
"""What must become a PDF before it can be shown -> how LibreOffice knows it."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"{\\rtf", _RTF),
)


class Upload(NamedTuple):
    """A content that was taken in."""

    digest: str
    bytes: int
    media: str


class Uploads:
    """The folder of uploads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        """Where a content lies."""
        return self._folder / digest[:2] / digest

    def take(self, source: Path, room: int) -> Upload:
        """Copy a file in, durably; the same content is kept once. `room` is what the quota leaves, in bytes.

        Raises UsageError where the file cannot be shared, Failure where it cannot be kept.
        """
        media = media_of(source)
        size = source.stat().st_size
        if size > room:
            raise UsageError(
                f"{source.name} has {size / 1e6:.1f} MB, and the documents' quota leaves {max(0, room) / 1e6:.1f}; "
                "erase what is no longer needed ('inkdot doc list'), or raise documents_quota."
            )
        try:
            digest = _digest(source)
            target = self.path(digest)
            if target.exists():
                os.utime(target)  # it is wanted again: tidy() may not take it for left behind
            else:
                self._copy(source, target)
        except OSError as error:
            raise Failure(f"{source.name} could not be kept: {error.strerror or error}.") from error
        return Upload(digest, size, media)

    def forget(self, digest: str, is_known: Callable[[str], bool]) -> None:
        """Delete a content, unless it became known meanwhile; a missing one is no error.

        It is put aside before that is asked: who made it known looks afterwards whether it lies there, and one of the two sees the other.
        """
        path = self.path(digest)
        aside = path.with_name(f".{secrets.token_hex(6)}.half")
        with contextlib.suppress(FileNotFoundError):
            path.rename(aside)
            if is_known(digest):
                aside.rename(path)
            else:
                aside.unlink()

    def tidy(self, is_known: Callable[[str], bool], before: float) -> list[str]:
        """Delete what lies there since `before` (unix seconds) and is not known: whoever took it in was killed. Returns the names."""
        strays = [p for p in self._folder.glob("??/*") if p.stat().st_mtime < before and not is_known(p.name)]
        for path in strays:
            path.unlink(missing_ok=True)
        return [path.name for path in strays]

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = target.with_name(f".{secrets.token_hex(6)}.half")
        try:
            with source.open("rb") as file, half.open("wb") as out:
                half.chmod(0o600)
                while block := file.read(_BLOCK):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
            half.rename(target)
        finally:
            half.unlink(missing_ok=True)
        for folder in (target.parent, self._folder):
            sync_folder(folder)


def media_of(source: Path) -> str:
    """What a file is. Raises UsageError where it can neither be shown nor read."""
    try:
        with source.open("rb") as file:
            head = file.read(1_024)
    except OSError as error:
        raise unreadable(source, error) from error
    if not head:
        raise UsageError(f"{source.name} is empty.")
    if b"%PDF-" in head:
        return PDF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    found = next((media for sign, media in _SIGNS if head.startswith(sign)), None)
    if found is None and head.startswith(b"PK"):
        found = _packed(source)
    elif head.startswith(_OLE):
        found = _of_1997(source)
    if found is None:
        raise UsageError(
            f"{source.name} is of a kind that cannot be shown; share a PDF, a picture, or a document of Word, Excel, "
            "PowerPoint (.docx, .xlsx, .pptx, .doc, .xls, .ppt, .rtf) or LibreOffice (.odt, .ods, .odp)."
        )
    return found


def needs_conversion(media: str) -> bool:
    """True for documents of which a PDF must be made before they can be shown."""
    return media in ENDINGS


def _packed(source: Path) -> str | None:
    """What kind of office document a zip is; nothing is unpacked but a few bytes."""
    try:
        with zipfile.ZipFile(source) as packed:
            names = set(packed.namelist())
            if "mimetype" in names and packed.getinfo("mimetype").file_size < 200:
                media = packed.read("mimetype").decode("ascii", "replace").strip()
                return media if media in ENDINGS else None
            return next((media for part, media in OFFICE.items() if any(re.fullmatch(part, n) for n in names)), None)
    except (OSError, zipfile.BadZipFile, RuntimeError, zlib.error):
        return None


def _of_1997(source: Path) -> str | None:
    """What kind of an old office file it is, by the names in its directory. Raises UsageError for a protected one."""
    content = mapped(source)
    if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
        raise UsageError(f"{source.name} is protected by a password; share a copy without one.")
    return next((media for stream, media in _OF_1997.items() if content.find(stream.encode("utf-16-le")) >= 0), None)


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        digest = hashlib.blake2b(digest_size=32)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
