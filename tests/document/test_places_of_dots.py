"""Where dots of pages and sections stand: in what begins there, under the page's own number, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from inkdot.domain.errors import DocumentRefused
from inkdot.mark.document.marking import mark, unmark
from inkdot.mark.document.spots import Dots
from tests.conftest import inkdot, inkdot_json
from tests.document.test_dots_in_documents import WORD_ML, letter, opendocument, parts, rewritten, url

W = f"{{{WORD_ML.decode()}}}"
NOTED = "<w:r><w:lastRenderedPageBreak/></w:r>"
BREAK = '<w:r><w:br w:type="page"/></w:r>'


def word(*paragraphs: str, last: str = "<w:sectPr/>") -> bytes:
    """A Word file with these in its body: text, or what begins with `<`."""
    body = "".join(
        p if p.startswith(("<w:p>", "<w:p/>", "<w:tbl>", "<w:sdt>")) else f"<w:p>{p if '<' in p else text(p)}</w:p>"
        for p in paragraphs
    )
    main = f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{WORD_ML.decode()}"><w:body>{body}{last}</w:body></w:document>'
    return rewritten(letter(), lambda name, part: main.encode() if name == "word/document.xml" else part)


def text(words: str) -> str:
    return f"<w:r><w:t>{words}</w:t></w:r>"


def section(kind: str) -> str:
    return f'<w:p><w:pPr><w:sectPr><w:type w:val="{kind}"/></w:sectPr></w:pPr></w:p>'


def placed(source: bytes, dots: Dots, *pages: str) -> list[tuple[int | None, str, str]]:
    """Of each dot: its number, the words before it in its paragraph, and those behind it."""
    content, made = mark(source, url, dots, pages)
    assert unmark(content) == source
    found = []
    for paragraph in ET.fromstring(parts(content)["word/document.xml"]).iter(f"{W}p"):
        children = list(paragraph)
        for at, child in enumerate(children):
            if child.find(f"{W}drawing") is not None:
                assert all(c.tag != f"{W}pPr" for c in children[at:])
                before, behind = (
                    "".join(t.text or "" for c in some for t in c.iter(f"{W}t"))
                    for some in (children[:at], children[at:])
                )
                found.append((before, behind))
    assert len(found) == len(made)
    return [(dot.page, *words) for dot, words in zip(made, found, strict=True)]


def test_pages_are_numbered_as_word_noted_their_ends() -> None:
    over_two = text("Over two") + NOTED + text("pages") + NOTED + text("and on.")
    source = word("One", over_two, "Three", BREAK, NOTED + text("Four"), "Four too")
    assert placed(source, Dots.PAGES) == [(1, "", "One"), (3, "", "Three"), (4, "", "Four")]


def test_pages_on_which_no_paragraph_begins_are_told(tmp_path: Path) -> None:
    over_three = text("Over") + NOTED + text("three") + NOTED + text("pages.")
    (tmp_path / "long.docx").write_bytes(word("One", over_three, NOTED + text("Four")))
    words = ("doc", "mark", tmp_path / "long.docx", "--to", "ben@example.com", "--dots", "pages", "--data", tmp_path)
    made = inkdot_json(*words)
    assert [dot["page"] for dot in made["dots"]] == [1, 4]
    assert made["undotted"] == [2, 3]
    assert "no dot, for nothing begins on them that could carry one: 2, 3." in inkdot(*words).stderr


def test_a_page_break_in_a_paragraph_leaves_its_beginning_on_the_page_before() -> None:
    source = word(text("One") + BREAK, BREAK + text("Three"), text("Still three") + BREAK + text("four"), "Four")
    assert placed(source, Dots.PAGES) == [(1, "", "One"), (3, "", "Three"), (4, "", "Four")]


def test_a_paragraph_of_a_break_alone_has_no_dot_for_it_would_become_a_line() -> None:
    assert placed(word("One", BREAK, "Two"), Dots.PAGES) == [(1, "", "One"), (2, "", "Two")]
    together = '<w:r><w:br w:type="page"/><w:t>Two</w:t></w:r><w:r><w:t>and on</w:t></w:r>'
    assert placed(word("One", together), Dots.PAGES) == [(1, "", "One"), (2, "Two", "and on")]


def test_where_another_program_laid_it_out_a_dot_stands_before_the_words_and_behind_a_break_before_them() -> None:
    source = word(
        BREAK + text("The second page begins here."), text("And its end.") + BREAK, "The third page is short."
    )
    pages = ("", "The second page begins here. And its end.", "The third page is short.")
    assert placed(source, Dots.PAGES, *pages) == [
        (2, "", "The second page begins here."),
        (3, "", "The third page is short."),
    ]


def test_a_section_has_its_dot_where_it_begins_and_is_a_page_only_if_it_begins_one() -> None:
    source = word("One", section("nextPage"), "Two", section("continuous"), "Three")
    assert placed(source, Dots.SECTIONS) == [(1, "", "One"), (2, "", "Two"), (3, "", "Three")]
    # How a section begins is said at its own end: the second is continuous, the third begins a page.
    assert placed(source, Dots.PAGES) == [(1, "", "One"), (2, "", "Three")]


def test_a_paragraph_of_the_body_is_taken_before_one_in_a_table_and_none_within_a_field() -> None:
    table = f"<w:tbl><w:tr><w:tc><w:p>{NOTED}{text('Cell')}</w:p></w:tc></w:tr></w:tbl>"
    assert placed(word("One", table, "Two"), Dots.PAGES) == [(1, "", "One"), (2, "", "Two")]
    assert placed(word("One", table, "<w:p/>"), Dots.PAGES) == [(1, "", "One"), (2, "", "")]
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    source = word("One", text("Contents") + begin, NOTED + text("within"), text("still") + end, "Two")
    assert placed(source, Dots.PAGES) == [(1, "", "One"), (2, "", "Two")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<text:p>One</text:p><text:soft-page-break/><text:p>Two</text:p>", ["One", "Two"]),
        ('<text:p>One</text:p><text:p text:style-name="turns">Two</text:p>', ["One", "Two"]),
        ('<text:p>One</text:p><text:soft-page-break/><text:p text:style-name="turns">Two</text:p>', ["One", "Two"]),
        ('<text:p>One</text:p><text:p>over<text:soft-page-break/>two<text:soft-page-break/>pages</text:p><text:h text:style-name="by parent">Four</text:h>', ["One", None, "overtwopages", "Four"]),
        ("<text:p>One</text:p><text:section><text:p>One too</text:p></text:section>", ["One"]),
    ],
)  # fmt: skip
def test_pages_of_an_opendocument_text_are_counted_by_all_their_breaks(body: str, expected: list[str | None]) -> None:
    styles = (
        '<style:style xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" style:name="turns" style:family="paragraph">'
        '<style:paragraph-properties xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" fo:break-before="page"/></style:style>'
        '<style:style xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" style:name="by parent" style:parent-style-name="turns"/>'
    )
    source = opendocument("text", f"<office:text>{body}</office:text>")
    source = rewritten(
        source, lambda name, part: part.replace(b"<office:body>", f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>".encode()) if name == "content.xml" else part
    )  # fmt: skip
    content, made = mark(source, url, Dots.PAGES)
    marked = re.findall(rb"<text:([ph])\b(.*?)</text:\1>", parts(content)["content.xml"])
    words = [re.sub(rb"<[^>]*>", b"", b"<" + inside).decode() for _, inside in marked if b"ikd:frame" in inside]
    assert {dot.page: said for dot, said in zip(made, words, strict=True)} == {
        n: said for n, said in enumerate(expected, 1) if said
    }


def test_sections_of_an_opendocument_text_are_no_pages() -> None:
    body = "<text:p>One</text:p><text:soft-page-break/><text:section><text:p>Two</text:p></text:section>"
    _, made = mark(opendocument("text", f"<office:text>{body}</office:text>"), url, Dots.SECTIONS)
    assert [dot.page for dot in made] == [1, 2]


def control(properties: str, *paragraphs: str) -> str:
    inside = "".join(f"<w:p>{text(p)}</w:p>" for p in paragraphs)
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{inside}</w:sdtContent></w:sdt>"


def test_a_form_of_content_controls_gets_its_dot_where_a_picture_may_stand() -> None:
    plain, rich = control("<w:text/>", "Plain"), control('<w:id w:val="7"/>', "Rich", "Rich too")
    assert placed(word(plain, rich), Dots.ONE) == [(None, "Rich", "")]
    assert placed(word(plain, rich, "Outside"), Dots.ONE) == [(None, "Outside", "")]
    assert placed(word(plain, rich, BREAK, control("", "Next page")), Dots.PAGES) == [
        (1, "", "Rich"),
        (2, "", "Next page"),
    ]
    with pytest.raises(DocumentRefused):
        mark(word(plain), url)


def test_no_dot_stands_in_a_text_box_though_it_holds_a_table() -> None:
    table = f"<w:tbl><w:tr><w:tc><w:p>{text('In the box')}</w:p></w:tc></w:tr></w:tbl>"
    box = f"<w:r><w:pict><w:txbxContent>{table}</w:txbxContent></w:pict></w:r>"
    source = word(box + text("Beside the box"))
    assert placed(source, Dots.ONE) == [(None, "In the boxBeside the box", "")]


@pytest.mark.parametrize(
    "body",
    [
        "<text:list><text:list-item><text:p>One</text:p></text:list-item></text:list>",
        "<text:h>One</text:h>",
    ],
)
def test_a_text_without_a_paragraph_of_its_own_is_marked_where_its_words_are(body: str) -> None:
    source = opendocument("text", f"<office:text>{body}</office:text>")
    content, dots = mark(source, url)
    assert [dot.page for dot in dots] == [None]
    assert b"One<ikd:frame" in parts(content)["content.xml"]
    assert unmark(content) == source
