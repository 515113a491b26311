"""Marked documents in LibreOffice itself: they open as before, ask once for their dot, and the house's own copy of it never asks."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.text import WD_BREAK

from tests.conftest import BEN, Server, inkdot, inkdot_json
from tests.document.libreoffice import opened, printed, turned
from tests.document.test_dots_in_documents import (
    letter,
    odp,
    ods,
    odt,
    sheets,
    slides,
    strict,
    table_only,
)

CLEO = "cleo-at-a-window@example.com"
READING = 3.5  # seconds on a page: who turns pages faster than 3 s is taken for a program that loads them in a row

FILES = {
    "letter.docx": letter, "strict.docx": strict, "table.docx": table_only, "slides.pptx": slides, "sheets.xlsx": sheets,
    "text.odt": odt, "deck.odp": odp, "table.ods": ods,
}  # fmt: skip


def marked(server: Server, file: Path, person: str, *options: str) -> Path:
    out = file.parent / f"marked-{file.name}"
    words = ("--out", out, "--data", server.data, "--public-url", server.public)
    inkdot("doc", "mark", file, "--to", person, *options, *words)
    return out


def fetches(server: Server, person: str) -> list[dict[str, Any]]:
    return list(inkdot_json("timeline", person, "--data", server.data)["events"])


@pytest.mark.parametrize("name", FILES)
def test_a_marked_document_looks_as_before_and_asks_once_for_its_dot(server: Server, tmp_path: Path, name: str) -> None:
    (file := tmp_path / name).write_bytes(FILES[name]())
    person = f"{name}@example.com"
    copy = marked(server, file, person)
    before = printed(file, tmp_path)
    assert fetches(server, person) == []
    assert printed(copy, tmp_path) == before
    events = server.timeline(person, at_least=1)
    assert [e["kind"] for e in events] == ["open"]
    inkdot("doc", "unmark", copy, "--out", tmp_path / f"clean-{name}")
    assert printed(tmp_path / f"clean-{name}", tmp_path) == before
    assert len(fetches(server, person)) == 1


def test_the_reader_s_own_conversion_asks_nobody(server: Server, tmp_path: Path) -> None:
    (file := tmp_path / "letter.docx").write_bytes(letter())
    copy = marked(server, file, "jail@example.com")
    words = ("--to", BEN, "--data", server.data, "--public-url", server.public)
    shared = inkdot_json("doc", "share", copy, *words)
    assert server.get(shared["url"])[0] == 200
    every = map(json.loads, inkdot("doc", "list", "--data", server.data, "--json").stdout.splitlines())
    found = next(document for document in every if document["document"] == shared["document"])
    assert found["pages"] == printed(file, tmp_path)[0]
    assert fetches(server, "jail@example.com") == []


def pages(count: int) -> bytes:
    made = docx.Document()
    for number in range(1, count + 1):
        made.add_paragraph(f"This is page {number}.").add_run().add_break(WD_BREAK.PAGE)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_in_a_real_window_a_word_file_asks_for_all_its_dots_at_once_and_no_page_is_claimed(
    server: Server, tmp_path: Path
) -> None:
    (file := tmp_path / "window.docx").write_bytes(pages(4))
    copy = marked(server, file, "window@example.com", "--dots", "pages")
    with opened(copy, tmp_path) as window:
        events = server.timeline("window@example.com", at_least=4)
        assert window.title.startswith(copy.name)
        window.press("Next", 8)
    assert fetches(server, "window@example.com") == events


def test_in_a_real_window_an_opendocument_text_tells_which_pages_were_seen_first_when(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "pages.docx").write_bytes(pages(6))
    text = turned(tmp_path / "pages.docx", "odt", tmp_path)
    words = ("--dots", "pages", "--out", tmp_path / "marked.odt", "--data", server.data, "--public-url", server.public)
    made = inkdot_json("doc", "mark", text, "--to", CLEO, *words)
    assert [dot["page"] for dot in made["dots"]] == [1, 2, 3, 4, 5, 6]
    with opened(tmp_path / "marked.odt", tmp_path) as window:
        server.timeline(CLEO, at_least=1)
        for page in (2, 3, 4):
            time.sleep(READING)
            while not any(event["part"] == page for event in fetches(server, CLEO)):
                window.press("Next")
                window.rest()
                time.sleep(1)  # what was asked for is understood
    assert [event["part"] for event in fetches(server, CLEO)] == [1, 2, 3, 4]
    visit = inkdot_json("doc", "report", made["document"], "--data", server.data)["visits"][0]
    assert (visit["loads"], visit["grade"]) == ("lazy", "C")
    assert [seen["page"] for seen in visit["first_seen"]] == [1, 2, 3, 4]
