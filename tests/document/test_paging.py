"""Dots for pages go by how a program laid the document out, where the file does not tell."""

from __future__ import annotations

import io
from pathlib import Path

import docx
from docx.enum.section import WD_SECTION
from hypothesis import given
from hypothesis import strategies as st

from inkdot.mark.document.marking import mark
from inkdot.mark.document.paging import beginnings
from inkdot.mark.document.spots import Dots
from tests.conftest import BEN, inkdot_json

WORDS = "The offer holds for thirty days and covers transport, assembly and a first inspection on site. " * 3


def letter(lines: int) -> bytes:
    made = docx.Document()
    for line in range(lines):
        made.add_paragraph(f"Point {line}. {WORDS}")
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.booleans())
def test_the_first_whole_paragraph_of_each_page_is_found(counts: list[int], headed: bool) -> None:
    paragraphs = [f"Paragraph number {n} of all, with words." for n in range(sum(counts))]
    pages, expected, at = [], {}, 0
    for page, count in enumerate(counts, 1):
        head = f"Offer, page {page}\n" if headed else ""
        pages.append(head + "\n".join(p.replace(" ", "\n", 1) for p in paragraphs[at : at + count]))
        expected[at] = page
        at += count
    assert beginnings(paragraphs, pages) == expected


def test_a_paragraph_over_two_pages_begins_neither() -> None:
    pages = ["First one here. A long one goes", "on here. Another one.", "The last one of all."]
    paragraphs = ["First one here.", "A long one goes on here.", "Another one.", "", "The last one of all."]
    assert beginnings(paragraphs, pages) == {0: 1, 2: 2, 4: 3}
    assert beginnings(["Nothing of this."], pages) == {}


def test_a_letter_gets_a_dot_on_each_page_as_libreoffice_lays_it_out(tmp_path: Path) -> None:
    (tmp_path / "letter.docx").write_bytes(letter(60))
    made = inkdot_json(
        "doc", "mark", tmp_path / "letter.docx", "--to", BEN, "--dots", "pages", "--out", tmp_path / "marked.docx",
        "--data", tmp_path / "data",
    )  # fmt: skip
    pages = [dot["page"] for dot in made["dots"]]
    assert pages == list(range(1, len(pages) + 1))
    assert len(pages) >= 4


def test_a_section_begins_no_page_where_pages_are_known() -> None:
    made = docx.Document()
    lines = [f"Point {line} of the offer, in its own words." for line in range(6)]
    for number, line in enumerate(lines):
        made.add_paragraph(line)
        if number == 1:
            made.add_section(WD_SECTION.CONTINUOUS)
    out = io.BytesIO()
    made.save(out)
    _, dots = mark(
        out.getvalue(), "https://t.example.com/{}.gif".format, Dots.PAGES, ["\n".join(lines[:3]), "\n".join(lines[3:])]
    )
    assert [(dot.page, dot.url) for dot in dots] == [(n, f"https://t.example.com/{n}.gif") for n in (1, 2)]
