"""Unmarked, a document is the very file that was marked, whoever packed it; and what somebody changed since is not undone."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import openpyxl
import pptx
import pytest

from inkdot.mark.document.marking import mark, unmark
from inkdot.mark.document.spots import Dots
from tests.conftest import BEN, inkdot, inkdot_json
from tests.document.test_dots_in_documents import FILES, kept, letter, parts, rewritten, url


class _Pipe(io.RawIOBase):
    """Cannot be wound back, so that zip members are followed by their sizes."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.written += data
        return len(data)


def by_level(source: bytes, level: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as file:
        for name, content in parts(source).items():
            file.writestr(name, content)
        file.comment = b"said by hand"
    return out.getvalue()


def stored(source: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in parts(source).items():
            file.writestr(name, content)
    return out.getvalue()


def piped(source: bytes) -> bytes:
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as file:
        for name, content in parts(source).items():
            file.writestr(name, content)
    return bytes(out.written)


def with_more_fields(source: bytes) -> bytes:
    """As Word and zip programs do: growth hints, times."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, content in parts(source).items():
            member = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            member.extra = b"\x20\xa2\x08\x00\x28\xa0" + bytes(6)
            member.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(member, content)
    return out.getvalue()


def behind_a_stub(source: bytes) -> bytes:
    return b"#!/bin/false\n" + by_level(source, 2)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "quickly": lambda s: by_level(s, 1), "tightly": lambda s: by_level(s, 9), "stored": stored, "piped": piped,
    "with more fields": with_more_fields, "behind a stub": behind_a_stub,
}  # fmt: skip


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("kind", FILES)
def test_unmarked_it_is_byte_for_byte_the_file_that_was_marked(kind: str, how: str) -> None:
    source = PACKED[how](FILES[kind]())
    for dots in Dots:
        content, _ = mark(source, url, dots)
        assert unmark(content) == source
        again, _ = mark(content, lambda page: url(page + 7), dots)
        assert unmark(again) == source


def test_the_command_brings_the_file_back(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(piped(letter()))
    inkdot_json("doc", "mark", tmp_path / "a.docx", "--to", BEN, "--out", tmp_path / "b.docx", "--data", tmp_path / "d")
    inkdot("doc", "unmark", tmp_path / "b.docx", "--out", tmp_path / "c.docx")
    assert (tmp_path / "c.docx").read_bytes() == (tmp_path / "a.docx").read_bytes()


def test_a_large_part_is_brought_back_from_the_fields_of_several_members_each_small_enough_for_libreoffice() -> None:
    noise = Random(6).randbytes(90_000).hex().encode()
    source = by_level(
        rewritten(letter(), lambda n, c: c.replace(b"Page two", noise) if n.endswith("document.xml") else c), 1
    )
    copy, _ = mark(source, url)
    assert unmark(copy) == source
    with zipfile.ZipFile(io.BytesIO(copy)) as package:
        starts = [member.header_offset + 28 for member in package.infolist()]
    assert 0 < max(int.from_bytes(copy[at : at + 2], "little") for at in starts) < 1 << 15


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [("word/document.xml", b"Page two", b"Page ten"), ("docProps/core.xml", b"python-docx", b"Ben Example")],
)
def test_what_was_changed_since_stays_changed(part: str, old: bytes, new: bytes) -> None:
    """Somebody edits the marked file with a program that keeps extra fields which it does not know."""
    source = stored(letter())
    marked, _ = mark(source, url)
    content = parts(marked)[part]
    edited = content.replace(old, new)
    assert len(edited) == len(content)
    assert edited != content
    before, after = (zlib.crc32(c).to_bytes(4, "little") for c in (content, edited))
    changed = marked.replace(content, edited).replace(before, after)
    assert parts(unmark(changed)) == parts(source) | {part: parts(source)[part].replace(old, new)}


def test_a_program_that_writes_the_file_anew_leaves_the_parts_as_they_were() -> None:
    marked, _ = mark(by_level(letter(), 9), url)
    assert parts(unmark(rewritten(marked, kept))) == parts(letter())


def test_slides_and_sheets_have_the_numbers_in_which_they_are_shown(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for n in range(3):
        deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = f"Slide {n}"
    order = deck.slides._sldIdLst
    last = order[2]
    order.remove(last)
    order.insert(0, last)
    deck.save(str(tmp_path / "turned.pptx"))
    book = openpyxl.Workbook()
    book.active["A1"] = "hidden"
    book.active.sheet_state = "hidden"
    for n in range(3):
        book.create_sheet(f"S{n}")["A1"] = n
    book.active = 1
    book.save(tmp_path / "tables.xlsx")
    asked = ("--to", BEN, "--dots", "sections", "--data", tmp_path / "d", "--out")
    turned = inkdot_json("doc", "mark", tmp_path / "turned.pptx", *asked, tmp_path / "a.pptx")["dots"]
    assert [(d["part"], d["page"]) for d in turned] == [
        (f"ppt/slides/slide{n}.xml", p) for n, p in ((3, 1), (1, 2), (2, 3))
    ]
    tables = inkdot_json("doc", "mark", tmp_path / "tables.xlsx", *asked, tmp_path / "b.xlsx")["dots"]
    assert [(d["part"], d["page"]) for d in tables] == [(f"xl/worksheets/sheet{n}.xml", n - 1) for n in (2, 3, 4)]
    shown = openpyxl.load_workbook(tmp_path / "b.xlsx")
    assert [sheet["A1"].value for sheet in shown] == ["hidden", 0, 1, 2]
    inkdot("doc", "unmark", tmp_path / "b.xlsx", "--out", tmp_path / "c.xlsx")
    assert (tmp_path / "c.xlsx").read_bytes() == (tmp_path / "tables.xlsx").read_bytes()


def test_parts_may_have_other_names_than_usual(tmp_path: Path) -> None:
    """Word for the web writes word/document2.xml."""
    for source, old, new in (
        (letter(), "document.xml", "document2.xml"),
        (FILES["sheets"](), "worksheets/sheet1", "worksheets/Main"),
    ):
        renamed = io.BytesIO()
        with zipfile.ZipFile(renamed, "w") as file:
            for name, content in parts(source).items():
                file.writestr(name.replace(old, new), content.replace(old.encode(), new.encode()))
        content, (dot,) = mark(renamed.getvalue(), url)
        assert new in dot.part
        assert unmark(content) == renamed.getvalue()
