"""Odd documents that coverage-guided search found: each is refused with a sentence, and nothing is written."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import BEN, inkdot
from tests.document.test_dots_in_documents import letter, odt, sheets

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


def lying(megabytes: int) -> bytes:
    """A document whose directory says that its text has 1,000 bytes, while so much is packed there."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(letter())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != "word/document.xml":
                new.writestr(name, old.read(name))
        with new.open("word/document.xml", "w") as part:
            for _ in range(megabytes):
                part.write(bytes(1 << 20))
    packed = bytearray(out.getvalue())
    entry = packed.rfind(b"word/document.xml") - 46
    packed[entry + 24 : entry + 28] = (1_000).to_bytes(4, "little")
    return bytes(packed)


def taken_by(file: Path, data: Path) -> tuple[int, str, float]:
    """Exit code, words and megabytes of memory of marking a file; asked of a small process, as a child begins with its parent's size."""
    ask = (
        "import os, subprocess, sys; child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE); said = child.stderr.read(); "
        "_, status, used = os.wait4(child.pid, 0); child.returncode = 0; print(os.waitstatus_to_exitcode(status), used.ru_maxrss); "
        "sys.stdout.flush(); sys.stdout.buffer.write(said)"
    )
    command = [sys.executable, "-m", "inkdot", "doc", "mark", file, "--to", BEN, "--data", data]
    told = subprocess.run([sys.executable, "-c", ask, *map(str, command)], capture_output=True, text=True, check=True)
    head, _, words = told.stdout.partition("\n")
    code, kilobytes = head.split()
    return int(code), words, int(kilobytes) / 1_000


def test_a_part_is_never_unpacked_beyond_what_its_directory_says(tmp_path: Path) -> None:
    (tmp_path / "plain.docx").write_bytes(letter())
    (tmp_path / "lying.docx").write_bytes(lying(400))
    code, _, usual = taken_by(tmp_path / "plain.docx", tmp_path / "data")
    assert code == 0
    code, words, most = taken_by(tmp_path / "lying.docx", tmp_path / "data")
    assert (code, "word/document.xml cannot be read" in words) == (1, True), words
    assert most < usual + 100


def long(megabytes: int) -> bytes:
    """A document with so much text, not packed, which takes the most memory."""
    lines = b"<w:p><w:r><w:t>The offer holds for thirty days and covers transport.</w:t></w:r></w:p>" * 10_000
    source, out = letter(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/document.xml":
                head, body, rest = content.partition(b"<w:body>")
                content = head + body + lines * (-(-(megabytes << 20) // len(lines))) + rest
            new.writestr(name, content)
    return out.getvalue()


def test_the_largest_part_that_is_marked_takes_less_than_200_mb_more_than_a_letter(tmp_path: Path) -> None:
    (tmp_path / "plain.docx").write_bytes(letter())
    (tmp_path / "long.docx").write_bytes(long(26))
    (tmp_path / "longer.docx").write_bytes(long(29))
    _, _, usual = taken_by(tmp_path / "plain.docx", tmp_path / "data")
    code, words, most = taken_by(tmp_path / "long.docx", tmp_path / "data")
    assert code == 0, words
    assert most < usual + 200
    code, words, most = taken_by(tmp_path / "longer.docx", tmp_path / "data")
    assert (code, "too large to be read" in words) == (1, True), words
    assert most < usual + 100


@pytest.mark.parametrize(
    ("name", "code"),
    [("customXml/item9.xml", "utf-8"), ("customXml/item9.xml", "utf-16"), ("docProps/custom.xml", "utf-8")],
)
def test_a_dtd_is_refused_wherever_it_stands(tmp_path: Path, name: str, code: str) -> None:
    out = io.BytesIO(letter())
    with zipfile.ZipFile(out, "a") as file:
        file.writestr(name, '<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>'.encode(code))
    (tmp_path / "a.docx").write_bytes(out.getvalue())
    done = inkdot("doc", "mark", tmp_path / "a.docx", "--to", BEN, "--data", tmp_path / "data", check=False)
    assert (done.returncode, "holds a DTD" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(("more", "code"), [(b"", 0), (b' [<!ENTITY e SYSTEM "file:///etc/passwd">]', 1)])
def test_documents_of_openoffice_name_a_dtd_in_their_list_of_parts_and_are_marked(
    tmp_path: Path, more: bytes, code: int
) -> None:
    named = (
        b'?>\n<!DOCTYPE manifest:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"' + more + b">"
    )
    source, out = tmp_path / "old.odt", tmp_path / "out.odt"
    source.write_bytes(changed(odt(), "META-INF/manifest.xml", lambda c: c.replace(b"?>", named, 1)))
    done = inkdot("doc", "mark", source, "--to", BEN, "--out", out, "--data", tmp_path / "data", check=False)
    assert (done.returncode, out.exists()) == (code, code == 0), done.stderr
    if code:
        assert "holds a DTD" in done.stderr
