"""Dots in documents: put in without touching anything else, taken out without a trace, refused where they would do harm."""

from __future__ import annotations

import filecmp
import io
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import docx
import openpyxl
import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.errors import DocumentRefused
from inkdot.mark.document.marking import mark, unmark
from inkdot.mark.document.package import Package
from inkdot.mark.document.spots import Dots
from tests.conftest import BEN, Server, inkdot, inkdot_json

WORD_ML = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGED = b"http://schemas.openxmlformats.org/package/2006/relationships"
URL = "https://t.example.com/o/"
LARGE_MB = 200
WORD = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"


def url(page: int) -> str:
    return f"{URL}{page}&x.gif"


def letter() -> bytes:
    document = docx.Document()
    document.add_heading("The quote", 0)
    document.add_paragraph("Dear Ben, é < & >")
    document.add_page_break()  # type: ignore[no-untyped-call]
    document.add_paragraph("Page two")
    document.add_section()
    document.add_paragraph("Another section")
    return _saved(document)


def table_only() -> bytes:
    document = docx.Document()
    document.add_table(1, 1).cell(0, 0).text = "only this"
    body = document.element.body
    for paragraph in list(body.findall("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}p")):
        body.remove(paragraph)
    return _saved(document)


def slides() -> bytes:
    deck = pptx.Presentation()
    for n in range(3):
        deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = f"Slide {n}"
    return _saved(deck)


def sheets() -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"] = "Total"
    book.create_sheet("empty")
    return _saved(book)


def strict() -> bytes:
    pairs = [
        (WORD_ML, b"http://purl.oclc.org/ooxml/wordprocessingml/main"),
        (b"http://schemas.openxmlformats.org/officeDocument/2006/relationships", b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
        (b"http://schemas.openxmlformats.org/drawingml/2006/main", b"http://purl.oclc.org/ooxml/drawingml/main"),
    ]  # fmt: skip

    def change(_: str, content: bytes) -> bytes:
        for old, new in pairs:
            content = content.replace(old, new)
        return content

    return rewritten(letter(), change)


CONTENT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" office:version="1.3">
<office:body>%s</office:body></office:document-content>"""
MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">
<manifest:file-entry manifest:full-path="/" manifest:media-type="%s"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"""


def opendocument(kind: str, body: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        media = f"application/vnd.oasis.opendocument.{kind}"
        file.writestr(zipfile.ZipInfo("mimetype"), media)
        file.writestr("content.xml", CONTENT % body)
        file.writestr("META-INF/manifest.xml", MANIFEST % media)
    return out.getvalue()


def odt() -> bytes:
    return opendocument("text", "<office:text><text:p>One</text:p><text:p/></office:text>")


def odp() -> bytes:
    return opendocument(
        "presentation", '<office:presentation><draw:page draw:name="1"></draw:page></office:presentation>'
    )


def ods() -> bytes:
    cell = '<table:table-cell office:value-type="string"><text:p>Total</text:p></table:table-cell>'
    row = f"<table:table-column/><table:table-row>{cell}</table:table-row>"
    return opendocument(
        "spreadsheet", f'<office:spreadsheet><table:table table:name="A">{row}</table:table></office:spreadsheet>'
    )


def _saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def rewritten(content: bytes, change: Callable[[str, bytes], bytes], more: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts(content).items():
            file.writestr(name, change(name, data))
        for name, data in (more or {}).items():
            file.writestr(name, data)
    return out.getvalue()


def kept(_: str, content: bytes) -> bytes:
    return content


FILES = {f.__name__: f for f in (letter, table_only, strict, slides, sheets, odt, odp, ods)}
EVERY = pytest.mark.parametrize("kind", FILES)


@EVERY
def test_only_what_must_change_changes_and_taking_the_dot_out_brings_every_part_back(kind: str) -> None:
    source = FILES[kind]()
    content, (dot,) = mark(source, url)
    before, after = parts(source), parts(content)
    changed = {name for name in after if before.get(name) != after[name]}
    assert len(changed) <= 5
    assert all(name in changed or before[name] == after[name] for name in before)
    assert (dot.url, dot.page) == (url(0), None)
    assert sum(content.count(b"&amp;x.gif") for content in after.values()) == 1
    for name in changed:
        ET.fromstring(after[name])
    assert parts(unmark(content)) == before


@EVERY
def test_marking_twice_replaces(kind: str) -> None:
    source = FILES[kind]()
    once, _ = mark(source, url)
    twice, _ = mark(once, lambda page: url(page + 7))
    assert twice == mark(source, lambda page: url(page + 7))[0]


@EVERY
def test_a_document_without_dots_stays_as_it_is(kind: str) -> None:
    source = FILES[kind]()
    assert unmark(source) == source


def test_the_programs_libraries_open_what_was_marked() -> None:
    assert [p.text for p in docx.Document(io.BytesIO(mark(letter(), url)[0])).paragraphs][1] == "Dear Ben, é < & >"
    deck = pptx.Presentation(io.BytesIO(mark(slides(), url, Dots.SECTIONS)[0]))
    assert [s.shapes.title.text for s in deck.slides] == ["Slide 0", "Slide 1", "Slide 2"]
    assert openpyxl.load_workbook(io.BytesIO(mark(sheets(), url)[0])).active["A1"].value == "Total"


def packed_at(package: bytes, member: zipfile.ZipInfo) -> int:
    """Where a member's packed bytes begin: behind its header, name and extra fields."""
    named, extra = struct.unpack_from("<HH", package, member.header_offset + 26)
    return member.header_offset + 30 + int(named) + int(extra)


def test_untouched_members_keep_their_packed_bytes() -> None:
    source = letter()
    content, _ = mark(source, url)
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(io.BytesIO(content)) as new:
        for name in set(old.namelist()) - {"word/document.xml", "word/_rels/document.xml.rels"}:
            a, b = old.getinfo(name), new.getinfo(name)
            start, to = packed_at(source, a), packed_at(content, b)
            assert content[to : to + b.compress_size] == source[start : start + a.compress_size]


def test_dots_by_section_and_by_page_have_places_of_their_own() -> None:
    _, by_slide = mark(slides(), url, Dots.SECTIONS)
    assert [(d.part, d.page) for d in by_slide] == [(f"ppt/slides/slide{n}.xml", n) for n in (1, 2, 3)]
    _, by_section = mark(letter(), url, Dots.SECTIONS)
    assert [d.page for d in by_section] == [1, 2]
    _, by_page = mark(letter(), url, Dots.PAGES)
    assert [d.page for d in by_page] == [1, 2, 3]


BOMB = rewritten(letter(), kept, {"word/media/x.bin": bytes(40 << 20)})
NASTY = {
    "pdf": (b"%PDF-1.7\n", "A PDF gets no dot"),
    "doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Word, Excel or PowerPoint 97"),
    "encrypted": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password-protected"),
    "empty": (b"", "no whole zip package"),
    "cut": (letter()[:2_000], "no whole zip package"),
    "other zip": (b"PK\x05\x06" + bytes(18), "This is no docx"),
    "macros": (rewritten(letter(), kept, {"word/vbaProject.bin": b"x"}), "macros"),
    "renamed macros": (
        rewritten(letter(), lambda n, c: c.replace(b"document.main+xml", b"document.macroEnabled.main+xml") if "Types" in n else c),
        "macros",
    ),
    "signed": (rewritten(letter(), kept, {"_xmlsignatures/sig1.xml": b"<x/>"}), "signed"),
    "dtd": (rewritten(letter(), lambda n, c: c.replace(b"?>", b"?><!DOCTYPE x>", 1) if n == "word/document.xml" else c), "DTD"),
    "utf-16": (
        rewritten(letter(), lambda n, c: c.decode().replace("UTF-8", "UTF-16").encode("utf-16") if n == "word/document.xml" else c),
        "not in UTF-8",
    ),
    "unsafe name": (rewritten(letter(), kept, {"../../etc/passwd": b"x"}), "unsafe name"),
    "absolute name": (rewritten(letter(), kept, {"/etc/passwd": b"x"}), "unsafe name"),
    "two of a name": (rewritten(letter(), kept, {"WORD/document.xml": b"<x/>"}), "two parts of one name"),
    "bomb": (BOMB, "far more than a document should"),
    "many members": (rewritten(letter(), kept, {f"x/{n}": b"" for n in range(10_100)}), "far more than a document should"),
    "no xml": (rewritten(letter(), lambda n, c: c[:-40] if n == "word/document.xml" else c), "is no XML"),
    "deep": (
        rewritten(letter(), lambda n, c: b"<a>" * 60_000 + b"</a>" * 60_000 if n == "word/document.xml" else c), "levels deep",
    ),
    "encrypted odt": (
        rewritten(odt(), lambda n, c: c.replace(b"</manifest:manifest>", b"<manifest:encryption-data/></manifest:manifest>")),
        "password-protected",
    ),
    "nothing in it": (opendocument("text", "<office:text/>"), "nothing on it"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NASTY)
def test_what_must_not_be_marked_is_refused_in_one_sentence(kind: str) -> None:
    source, why = NASTY[kind]
    with pytest.raises(DocumentRefused, match=re.escape(why)) as refused:
        mark(source, url)
    assert str(refused.value).endswith((".", "'."))


@given(st.sampled_from(sorted(FILES)), st.integers(0, 1 << 20), st.binary(max_size=6))
@settings(max_examples=300, deadline=None)
def test_damage_is_refused_or_survived_and_never_worse(kind: str, at: int, noise: bytes) -> None:
    damaged = bytearray(FILES[kind]())
    at %= len(damaged)
    damaged[at : at + len(noise)] = noise
    try:
        content, dots = mark(bytes(damaged), url)
    except DocumentRefused as refused:
        assert str(refused).endswith((".", "'."))
        return
    assert dots
    zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_a_marked_document_tells_when_it_is_opened(server: Server, tmp_path: Path) -> None:
    source, target = tmp_path / "offer.docx", tmp_path / "out.docx"
    source.write_bytes(letter())
    person = "docs@example.com"
    made = inkdot_json(
        "doc", "mark", source, "--to", person, "--out", target, "--data", server.data, "--public-url", server.public
    )
    assert [(d["part"], d["page"]) for d in made["dots"]] == [("word/document.xml", None)]
    assert made["dots"][0]["url"].encode() in parts(target.read_bytes())["word/_rels/document.xml.rels"]
    server.get(made["dots"][0]["url"], User_Agent=WORD)
    (event,) = server.timeline(person, at_least=1)
    assert (event["kind"], event["document"], event["message"], event["page"]) == ("open", made["document"], None, None)
    report = inkdot_json("doc", "report", made["document"], "--data", server.data)
    assert (report["document"], report["pages"], [v["person"] for v in report["visits"]]) == (
        made["document"],
        [],
        [person],
    )
    inkdot("doc", "unmark", target, "--out", tmp_path / "clean.docx")
    assert parts((tmp_path / "clean.docx").read_bytes()) == parts(source.read_bytes())


def test_a_refused_document_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    (tmp_path / "old.doc").write_bytes(NASTY["doc"][0])
    target = tmp_path / "out.docx"
    done = inkdot("doc", "mark", tmp_path / "old.doc", "--to", BEN, "--out", target, "--data", server.data, check=False)
    assert (done.returncode, target.exists()) == (1, False)
    assert "Word, Excel or PowerPoint 97; save it as docx, xlsx or pptx first." in done.stderr


@pytest.mark.parametrize("paragraph", [b"<w:p/>", b"<w:p />", b'<w:p w:rsidR="00A>1"/>', b"<w:p></w:p>"])
@pytest.mark.parametrize("relations", [b"<Relationships xmlns='%s'/>", b"<r:Relationships xmlns:r='%s' />", None])
def test_an_empty_element_that_was_opened_for_a_dot_is_empty_again(paragraph: bytes, relations: bytes | None) -> None:
    body = b"<w:body>" + paragraph * 2 + b"<w:sectPr/></w:body>"
    parts = {"word/document.xml": b'<w:document xmlns:w="%s">%s</w:document>' % (WORD_ML, body)}
    if relations:
        parts["word/_rels/document.xml.rels"] = relations % PACKAGED
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in ({"[Content_Types].xml": b"<Types/>"} | parts).items():
            file.writestr(name, content)
    source = out.getvalue()
    marked, dots = mark(source, lambda page: f"https://t.example.com/o/{page}.gif")
    assert len(dots) == 1
    before, after = Package(source), Package(unmark(marked))
    assert before.names == after.names
    assert {n: before.read(n) for n in before.names} == {n: after.read(n) for n in after.names}


def test_a_large_document_is_marked_without_being_held_in_memory(tmp_path: Path) -> None:
    source, marked, again = (tmp_path / name for name in ("film.docx", "marked.docx", "again.docx"))
    source.write_bytes(letter())
    with zipfile.ZipFile(source, "a") as package:
        package.writestr("word/media/film.bin", bytes(LARGE_MB << 20))
    words = ("doc", "mark", source, "--to", BEN, "--out", marked, "--data", tmp_path / "data")
    within = ["bash", "-c", f'ulimit -d {LARGE_MB << 10}; exec "$@"', "bash", sys.executable, "-m", "inkdot"]
    subprocess.run([*within, *words], check=True)
    subprocess.run([*within, "doc", "unmark", marked, "--out", again], check=True)
    assert filecmp.cmp(source, again, shallow=False)
