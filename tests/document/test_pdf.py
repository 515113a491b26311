"""PDFs get no dot, for nothing would fetch it: a line at the foot of the first page leads to the reader and says what is seen there."""

from __future__ import annotations

import ctypes
import re
import shutil
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from tests.conftest import BEN, Server, inkdot, inkdot_json
from tests.room.made import Browser, pdf, report

OWNER_PASSWORD = Path(__file__).with_name("owner-password.pdf")
"""May be read by everyone, and changed by whoever knows the owner's password (made by qpdf)."""
SAID = "Read online at 127.0.0.1. There the sender sees which pages you read; this file itself tells nothing."


def marked(server: Server, file: Path, out: Path) -> dict[str, Any]:
    where = ("--data", server.data, "--public-url", server.public)
    return dict(inkdot_json("doc", "mark", file, "--to", BEN, "--out", out, *where))


def shown(file: Path) -> tuple[list[str], list[tuple[str, tuple[float, ...]]]]:
    """The text of each page, and where links lead on the first: address and place."""
    texts: list[str]
    links: list[tuple[str, tuple[float, ...]]] = []
    with pypdfium2.PdfDocument(file) as document:
        texts = [page.get_textpage().get_text_bounded() for page in document]
        page, at, link = document[0], ctypes.c_int(0), pdfium.FPDF_LINK()
        while pdfium.FPDFLink_Enumerate(page, at, link):
            action, uri, place = pdfium.FPDFLink_GetAction(link), ctypes.create_string_buffer(1_000), pdfium.FS_RECTF()
            pdfium.FPDFAction_GetURIPath(document, action, uri, 1_000)
            pdfium.FPDFLink_GetAnnotRect(link, place)
            links.append((uri.value.decode(), (place.left, place.bottom, place.right, place.top)))
        return texts, links


def places_as_a_stream(source: bytes) -> bytes:
    """The same PDF with its list of places as programs write it since 2003."""
    at = source.rindex(b"xref\n0 ", 0, source.rindex(b"startxref"))
    table = [int(row[:10]) for row in re.findall(rb"\d{10} \d{5} [nf]", source[at:])]
    root = re.search(rb"/Root \d+ 0 R", source[at:])
    assert root
    rows = b"\0\0\0\0\0" + b"".join(b"\1" + place.to_bytes(4, "big") for place in (*table[1:], at))
    head = b"%d 0 obj\n<< /Type /XRef /W [1 4 0] /Size %d %s /Length %d >>\nstream\n"
    stream = head % (len(table), len(table) + 1, root[0], len(rows)) + rows + b"\nendstream\nendobj\n"
    return source[:at] + stream + b"startxref\n%d\n%%%%EOF\n" % at


@pytest.mark.parametrize("streamed", [False, True])
def test_a_pdf_gets_a_line_that_leads_to_its_reader_and_nothing_else(
    server: Server, tmp_path: Path, *, streamed: bool
) -> None:
    source, out = pdf(tmp_path / f"lined-{streamed}.pdf", 3, f"lined {streamed}"), tmp_path / "out.pdf"
    if streamed:
        source.write_bytes(places_as_a_stream(source.read_bytes()))
    made = marked(server, source, out)
    assert made["dots"] == []
    assert out.read_bytes().startswith(source.read_bytes())
    (before, no_links), (after, links) = shown(source), shown(out)
    assert (no_links, [url for url, _ in links]) == ([], [made["url"]])
    assert after[1:] == before[1:]
    assert after[0].split() == before[0].split() + SAID.split()
    tail = out.read_bytes()[source.stat().st_size :]
    assert tail.count(b" obj") == tail.count(b"endobj")
    assert (b"/Type/XRef" in tail) == streamed

    reader = Browser(made["url"])
    assert "page-3" in reader.open()
    reader.stay(1.1)
    reader.beat([2, 1.0, 1, [0.0]])
    read = report(server, made["document"], seconds=1)
    assert [(p["page"], p["visits"]) for p in read["pages"]] == [(1, 0), (2, 1), (3, 0)]
    assert [v["person"] for v in read["visits"]] == [BEN]


def test_taken_out_the_file_is_as_it_was_and_marking_again_replaces(server: Server, tmp_path: Path) -> None:
    source, once, twice = pdf(tmp_path / "twice.pdf", 1, "twice"), tmp_path / "once.pdf", tmp_path / "again.pdf"
    marked(server, source, once)
    url = marked(server, once, twice)["url"]
    assert [found for found, _ in shown(twice)[1]] == [url]
    inkdot("doc", "unmark", twice, "--out", tmp_path / "clean.pdf")
    assert (tmp_path / "clean.pdf").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("size", [(595, 842), (160, 90), (3000, 1200)])
def test_the_line_stands_at_the_foot_of_pages_however_they_are_turned(
    server: Server, tmp_path: Path, turn: int, size: tuple[int, int]
) -> None:
    source = pdf(tmp_path / f"turned-{turn}-{size[0]}.pdf", 1, f"turned {turn} {size[0]}", size)
    source.write_bytes(source.read_bytes().replace(b"/Type /Page /Par", b"/Type /Page /Rotate %d /Par" % turn))
    marked(server, source, tmp_path / "out.pdf")
    _, ((_, place),) = shown(tmp_path / "out.pdf")
    wide, high = size
    left, bottom, right, top = place
    assert 0 <= left < right <= wide
    assert 0 <= bottom < top <= high
    from_foot = {0: bottom / high, 90: (wide - right) / wide, 180: (high - top) / high, 270: left / wide}[turn]
    assert from_foot < 0.07
    inside = {0: right / wide, 90: top / high, 180: (wide - left) / wide, 270: (high - bottom) / high}[turn]
    assert inside < 0.5


def signed(path: Path) -> Path:
    source = pdf(path, 1, "signed").read_bytes()
    field = b"<< /Fields [<< /FT /Sig /T (s) /V << /Type /Sig /Filter /Adobe.PPKLite /Contents <00> /ByteRange [0 1 2 3] >> >>] /SigFlags 3 >>"
    path.write_bytes(source.replace(b"/Type /Catalog", b"/Type /Catalog /AcroForm " + field))
    return path


@pytest.mark.parametrize(
    ("what", "why"), [("protected", "its owner has protected it"), ("signed", "would break the signature")]
)
def test_a_pdf_that_must_not_be_changed_is_refused_and_nothing_is_written(
    server: Server, tmp_path: Path, what: str, why: str
) -> None:
    file = tmp_path / f"{what}.pdf"
    if what == "signed":
        signed(file)
    else:
        shutil.copy(OWNER_PASSWORD, file)
    where = ("--to", BEN, "--out", tmp_path / "out.pdf", "--data", server.data)
    done = inkdot("doc", "mark", file, *where, check=False)
    assert (done.returncode, why in done.stderr, (tmp_path / "out.pdf").exists()) == (1, True, False)
    assert file.name not in inkdot("doc", "list", "--data", server.data).stdout
