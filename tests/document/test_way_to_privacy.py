"""Marked documents lead to the privacy page: in what programs tell of the dot, and in a last paragraph where mails have a footer."""

from __future__ import annotations

import io
import re
import time
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path

import docx
import pytest

from inkdot.domain.consent import Mode
from inkdot.mark.document.marking import mark, unmark
from inkdot.mark.document.notice import Way
from inkdot.mark.document.spots import Dots
from tests.conftest import BEN, PATIENCE, Server, inkdot, inkdot_json
from tests.document.libreoffice import printed, turned
from tests.document.test_dots_in_documents import EVERY, FILES, letter, odt, parts, slides, url

PROMISED = 2  # seconds after which nothing is kept any more
PAGE = "https://t.example.com/p/AbC-_9?a=1&b=2"


def way(*, visible: bool, language: str = "de", mode: Mode = Mode.INDIVIDUAL) -> Way:
    return Way(PAGE, language, visible, mode)


@EVERY
@pytest.mark.parametrize("visible", [False, True])
def test_every_kind_tells_the_way_and_gives_it_back(kind: str, visible: bool) -> None:
    source = FILES[kind]()
    content, _ = mark(source, url, way=way(visible=visible))
    changed = {name: text for name, text in parts(content).items() if parts(source).get(name) != text}
    assert sum(PAGE.replace("&", "&amp;").encode() in text for text in changed.values()) == 1
    for text in changed.values():
        ET.fromstring(text)
    assert parts(unmark(content)) == parts(source)
    again, _ = mark(content, url, way=way(visible=visible))
    assert parts(again) == parts(content)


def test_a_dot_for_each_slide_tells_it_on_each() -> None:
    content, dots = mark(slides(), url, Dots.SECTIONS, way=way(visible=False))
    told = [text for name, text in parts(content).items() if b"t.example.com/p/" in text and "rels" not in name]
    assert len(told) == len(dots) == 3


def test_the_last_paragraph_says_what_is_kept() -> None:
    content, _ = mark(letter(), url, way=way(visible=True, mode=Mode.AGGREGATE))
    last = docx.Document(io.BytesIO(content)).paragraphs[-1]
    assert last.text.startswith("Der Absender zählt ohne Namen, wie oft dieses Dokument geöffnet wird.")


def test_libreoffice_shows_the_paragraph_and_its_link(tmp_path: Path) -> None:
    for name, make in (("letter.docx", letter), ("text.odt", odt)):
        (tmp_path / name).write_bytes(mark(make(), url, way=way(visible=True))[0])
        _, words = printed(tmp_path / name, tmp_path)
        assert "Der Absender kann sehen, ob und wann dieses Dokument geöffnet wird. Ansehen und abschalten" in " ".join(
            words.split()
        )
        (tmp_path / name).rename(tmp_path / f"read-{name}")
        read = parts(turned(tmp_path / f"read-{name}", "odt", tmp_path / "as-odt").read_bytes())["content.xml"].decode()
        assert re.search(f'<text:a [^>]*href="{re.escape(PAGE.replace("&", "&amp;"))}"', read)


def test_the_address_in_a_document_ends_what_is_kept_of_its_reader(server: Server, tmp_path: Path) -> None:
    (tmp_path / "offer.docx").write_bytes(letter())
    person, out = "stop@example.com", tmp_path / "out.docx"
    words = ("--out", out, "--data", server.data, "--public-url", server.public)
    made = inkdot_json("doc", "mark", tmp_path / "offer.docx", "--to", person, *words)
    found = re.search(rb"See and stop: (http[^&\"]+/p/[\w-]+)", parts(out.read_bytes())["word/document.xml"])
    assert found
    assert server.get(found[1].decode())[0] == 200
    with urllib.request.urlopen(found[1].decode(), data=b"do=stop", timeout=PATIENCE) as answer:
        assert "Nothing more is kept about you" in answer.read().decode()
    time.sleep(PROMISED)
    server.get(made["dots"][0]["url"])
    assert inkdot_json("timeline", person, "--data", server.data)["events"] == []


def test_documents_in_a_region_that_asks_for_it_say_it_to_all(tmp_path: Path) -> None:
    (tmp_path / "offer.docx").write_bytes(letter())
    inkdot("setup", "--region", "us", "--data", tmp_path / "data")
    inkdot_json(
        "doc", "mark", tmp_path / "offer.docx", "--to", BEN, "--out", tmp_path / "out.docx", "--data", tmp_path / "data"
    )
    assert "The sender can see" in docx.Document(str(tmp_path / "out.docx")).paragraphs[-1].text
