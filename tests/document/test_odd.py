"""Odd documents that coverage-guided search found: each is refused with a sentence, and nothing is written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import BEN, inkdot
from tests.document.test_dots_in_documents import letter, sheets

TYPES = "[Content_Types].xml"


def changed(document: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        ("a.xlsx", changed(sheets(), TYPES, lambda c: c[:200]), "[Content_Types].xml is no XML"),
        ("b.xlsx", changed(sheets(), TYPES, lambda _: b"<Types/>"), "[Content_Types].xml lists nothing"),
        (
            "c.docx",
            changed(letter(), "word/document.xml", lambda c: c.replace(b"UTF-8", b"UTFl-8", 1)),
            "text is not in UTF-8",
        ),
        (
            "d.docx",
            changed(letter(), "word/document.xml", lambda c: c.decode().replace("UTF-8", "UTF-16", 1).encode("utf-16")),
            "text is not in UTF-8",
        ),
    ],
)
def test_odd_parts_are_refused_with_a_sentence(name: str, document: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(document)
    done = inkdot("doc", "mark", tmp_path / name, "--to", BEN, "--data", tmp_path / "data", check=False)
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix) == [name]
