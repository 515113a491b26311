"""A document as a zip package: checked before it is believed, and written again with every untouched member's very bytes.

What must not be touched is refused with one sentence, before anything large is unpacked.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import IO, BinaryIO, NamedTuple, cast

from inkdot.domain.errors import DocumentRefused
from inkdot.domain.untreated import Untreated
from inkdot.mark.document.mapped import Content, blocks, written_so_far
from inkdot.mark.document.original import Shared, fields, gone, gone_back, told, way_back

MOST_BYTES = 512 << 20
"""Of a package."""
_MOST_PART_BYTES = 28 << 20
"""Of a part that is read: with a dot for each section, the part not packed, it took seven times as much memory (31 MB: 206 MB)."""
_MOST_UNPACKED = 2 << 30
_MOST_MEMBERS = 10_000
_MOST_RATIO = 300
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s4B4H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_ZIP64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_DESCRIPTOR_FOLLOWS, _UTF8, _ENCRYPTED = 0x0008, 0x0800, 0x0001


class _Packed(NamedTuple):
    """What a member holds."""

    content: Iterable[bytes]
    """Packed."""
    packed_size: int
    crc: int
    size: int


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LARGE = 0xFFFFFFFF
_BLOCK = 1 << 16
_CODES = ("ascii", "utf-16-le", "utf-16-be")
_OPEN_OFFICES = re.compile(
    rb'<!DOCTYPE\s+manifest:manifest\s+PUBLIC\s+"-//OpenOffice\.org//DTD Manifest 1\.0//EN"\s+"Manifest\.dtd"\s*>'
)
_LOCKED = "The document is password-protected; take the password off first."
_DTD = "The document holds a DTD, which no honest document needs; it was not marked."
_MACROS = re.compile(r"(?i)(^|/)vba\w*\.bin$|^Basic/|^Scripts/")
_SIGNED = re.compile(r"(?i)^_xmlsignatures/|^META-INF/(document|macro)signatures\.xml$")


class Package:
    """One zip file, its members checked."""

    def __init__(self, source: Content, *, to_mark: bool = True) -> None:
        """Raises DocumentRefused. What is not `to_mark`, only to be shown, may be signed and hold macros."""
        self._source = source
        if source[: len(_OLE)] == _OLE:
            if source.find("EncryptedPackage".encode("utf-16-le")) >= 0:
                raise DocumentRefused(_LOCKED, Untreated.PROTECTED)
            raise DocumentRefused(
                "This is a file of Word, Excel or PowerPoint 97; save it as docx, xlsx or pptx first.",
                Untreated.OLD_FORMAT,
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else cast("IO[bytes]", source))
            self._members = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise DocumentRefused("This is no document that can be read: it is no whole zip package.") from error
        self._named = {member.filename: member for member in self._members}
        self.names = frozenset(self._named)
        """The members' names."""
        self._check(to_mark=to_mark)

    def _check(self, *, to_mark: bool) -> None:
        if len(self._members) > _MOST_MEMBERS or sum(m.file_size for m in self._members) > _MOST_UNPACKED:
            raise DocumentRefused(
                "The document unpacks to far more than a document should; it was not opened.", Untreated.UNSAFE
            )
        names = [m.filename for m in self._members]
        if len({n.lower() for n in names}) != len(names):
            raise DocumentRefused(
                "The document holds two parts of one name, which programs read differently.", Untreated.UNSAFE
            )
        for member in self._members:
            self._check_member(member)
        if to_mark and any(_MACROS.search(n) for n in names):
            raise DocumentRefused("The document holds macros; save it without them first.", Untreated.MACROS)
        if to_mark and any(_SIGNED.search(n) for n in names):
            raise DocumentRefused("The document is signed; a mark would break the signature.", Untreated.SIGNED)

    def _check_member(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        unsafe = name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name or "\0" in name
        if unsafe or not name or (member.external_attr >> 16) & 0xF000 == 0xA000:
            raise DocumentRefused("The document holds a part with an unsafe name; it was not opened.", Untreated.UNSAFE)
        if member.flag_bits & _ENCRYPTED:
            raise DocumentRefused(_LOCKED, Untreated.PROTECTED)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DocumentRefused(
                "The document is packed in a way that programs do not expect; save it anew first.",
                Untreated.OTHER_FORMAT,
            )
        if member.file_size > 1 << 20 and member.file_size > _MOST_RATIO * max(member.compress_size, 1):
            raise DocumentRefused(
                "The document unpacks to far more than a document should; it was not opened.", Untreated.UNSAFE
            )

    def read(self, name: str) -> bytes:
        """A part's content; raises DocumentRefused where it is missing, damaged, too large, no UTF-8 or has a DTD."""
        content = self._unpacked(name)
        _refuse_dtd(name, content)
        if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:200]:
            raise DocumentRefused("The document's text is not in UTF-8; save it anew first.", Untreated.OTHER_FORMAT)
        return content

    def refuse_dtds(self, names: Iterable[str]) -> None:
        """Of parts that are not looked into otherwise; in UTF-16 too. Raises DocumentRefused."""
        for name in names:
            _refuse_dtd(name, self._unpacked(name))

    def refuse_lies(self) -> None:
        """Nothing unpacks to more than the directory says; for programs that would find out too late. Raises DocumentRefused."""
        for member in self._members:
            start, end, _ = self._span(member)
            unpacker, size = zlib.decompressobj(-15), 0
            for at in range(start, end if member.compress_type == zipfile.ZIP_DEFLATED else start, _BLOCK):
                rest = self._source[at : min(at + _BLOCK, end)]
                while rest and not unpacker.eof and size <= member.file_size:
                    try:
                        size += len(unpacker.decompress(rest, _BLOCK))
                    except zlib.error as error:
                        raise DocumentRefused(f"The document is damaged: {member.filename} cannot be read.") from error
                    rest = unpacker.unconsumed_tail
            if size > member.file_size:
                raise DocumentRefused("The document unpacks to more than it says; it was not opened.", Untreated.UNSAFE)

    def _unpacked(self, name: str) -> bytes:
        """A part's content: never more than its directory says that it has, whatever is packed there."""
        member = self._named.get(name)
        if member is None:
            raise DocumentRefused(f"The document is damaged: {name} is missing.")
        if member.file_size > _MOST_PART_BYTES:
            raise DocumentRefused(
                "The document holds a part that is too large to be read; share it by a link: 'inkdot doc share'.",
                Untreated.TOO_LARGE,
            )
        start, end, _ = self._span(member)
        content = self._source[start:end]
        try:
            if member.compress_type == zipfile.ZIP_DEFLATED:
                content = zlib.decompressobj(-15).decompress(content, member.file_size + 1)
        except zlib.error:
            content = b""
        if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
            raise DocumentRefused(f"The document is damaged: {name} cannot be read.")
        return content

    def write(
        self,
        out: BinaryIO,
        changed: Mapping[str, bytes],
        removed: frozenset[str] = frozenset(),
        *,
        and_back: bool = False,
    ) -> None:
        """The package with some parts changed, added or removed; all other members keep their packed bytes.

        With `and_back` original() finds the way back to the very bytes of this file.
        """
        kept = [member for member in self._members if member.filename not in removed]
        names = [member.filename for member in kept]
        added = [_added(name) for name in changed if name not in names]
        way: Mapping[str, bytes] = {}
        if and_back:
            shared = [Shared(*self._span(m)[:2], n) for n, m in enumerate(kept) if m.filename not in changed]
            way = fields(way_back(self._source, shared), names)
        directory: list[bytes] = []
        for member in (*kept, *added):
            content = changed.get(member.filename)
            packed = self._packed(member) if content is None else _deflated(content, member)
            directory.append(_write(out, member, packed, way.get(member.filename, b"")))
        _finish(out, directory, self._zip.comment)

    def write_original(self, out: BinaryIO, changed: Mapping[str, bytes], removed: frozenset[str]) -> None:
        """The file of which this one was made, if its way back is whole and leads to the parts that these changes give; else as `write`."""
        spans = [self._span(member) for member in self._members]
        way = b"".join(told(extra) for *_, extra in spans)
        plain = {name: size for name, size in self.contents.items() if name not in removed}
        plain |= {name: (zlib.crc32(content), len(content)) for name, content in changed.items()}
        if way and (steps := gone_back(way, self._source, [(start, end) for start, end, _ in spans])):
            out.writelines(gone(steps, self._source))
            with contextlib.suppress(DocumentRefused):
                if Package(written_so_far(out)).contents == plain:
                    return
            out.seek(0)
            out.truncate()
        self.write(out, changed, removed)

    @property
    def contents(self) -> dict[str, tuple[int, int]]:
        """Every part's checksum and size."""
        return {member.filename: (member.CRC, member.file_size) for member in self._members}

    def _span(self, member: zipfile.ZipInfo) -> tuple[int, int, bytes]:
        """Where a member's packed bytes begin and end, and the extra fields before them."""
        try:
            sign, *_, named, extra = _LOCAL.unpack_from(self._source, member.header_offset)
        except struct.error as error:
            raise DocumentRefused("This is no document that can be read: it is no whole zip package.") from error
        more = member.header_offset + _LOCAL.size + named
        start = more + extra
        end = start + member.compress_size
        if sign != b"PK\x03\x04" or end > len(self._source):
            raise DocumentRefused("This is no document that can be read: it is no whole zip package.")
        return start, end, self._source[more:start]

    def _packed(self, member: zipfile.ZipInfo) -> _Packed:
        """As it is."""
        start, end, _ = self._span(member)
        return _Packed(blocks(self._source, start, end), end - start, member.CRC, member.file_size)


def _refuse_dtd(name: str, content: bytes) -> None:
    """Raises DocumentRefused; OpenOffice's list of parts named a DTD that nobody fetches, and those documents are about still."""
    if name == "META-INF/manifest.xml":
        content = _OPEN_OFFICES.sub(b"", content, count=1)
    codes = _CODES if b"\0" in content else _CODES[:1]  # each ASCII sign of UTF-16 has a zero beside it
    if any(sign.encode(code) in content for sign in ("<!DOCTYPE", "<!ENTITY") for code in codes):
        raise DocumentRefused(_DTD, Untreated.UNSAFE)


def _added(name: str) -> zipfile.ZipInfo:
    """A member that was not there."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def _deflated(content: bytes, member: zipfile.ZipInfo) -> _Packed:
    packed = content
    if member.compress_type != zipfile.ZIP_STORED:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush()
    return _Packed([packed], len(packed), zlib.crc32(content), len(content))


def _write(out: BinaryIO, member: zipfile.ZipInfo, packed: _Packed, extra: bytes) -> bytes:
    """One local record with `extra` fields; returns its entry of the central directory."""
    offset, (content, length, crc, size) = out.tell(), packed
    if max(offset, length, size) >= _LARGE:
        raise DocumentRefused("The document is larger than 4 GB.", Untreated.TOO_LARGE)
    flags = member.flag_bits & ~_DESCRIPTOR_FOLLOWS
    try:
        name = member.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeEncodeError:
        name, flags = member.orig_filename.encode(), flags | _UTF8
    year, month, day, hour, minute, second = member.date_time
    time, date = hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
    version = max(member.extract_version, 20)
    out.write(
        _LOCAL.pack(
            b"PK\x03\x04", version, flags, member.compress_type, time, date, crc, length, size, len(name), len(extra)
        )
    )
    out.write(name + extra)
    out.writelines(content)
    return (
        _CENTRAL.pack(
            b"PK\x01\x02", member.create_version, member.create_system, version & 0xFF, 0, flags, member.compress_type, time,
            date, crc, length, size, len(name), 0, len(member.comment), 0, member.internal_attr, member.external_attr, offset,
        ) + name + member.comment
    )  # fmt: skip


def _finish(out: BinaryIO, directory: list[bytes], comment: bytes) -> None:
    start, size, count = out.tell(), sum(map(len, directory)), len(directory)
    out.write(b"".join(directory))
    if count >= 0xFFFF:
        out.write(_ZIP64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
        out.write(_LOCATOR.pack(b"PK\x06\x07", 0, start + size, 1))
    few = min(count, 0xFFFF)
    out.write(_END.pack(b"PK\x05\x06", 0, 0, few, few, size, start, len(comment)) + comment)
