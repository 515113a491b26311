"""Office documents become pages: by a program in a jail, which here is a small one of our own. LibreOffice's own: proofs."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkdot.domain.errors import DocumentUnreadable, UsageError
from inkdot.room.convert import Converter
from inkdot.room.jail import NO_JAIL
from inkdot.room.uploads import ENDINGS, media_of
from tests.conftest import BEN, Server, eventually, inkdot
from tests.document.test_dots_in_documents import letter
from tests.document.test_odd import lying
from tests.room.made import Browser, pdf, share

DOCX = next(media for media, ending in ENDINGS.items() if ending == "docx")
OFFICE = """#!/bin/sh
# Plays LibreOffice: copies a PDF to where it is wanted. It cannot read anything but what the jail lets it.
for word in "$@"; do
    case "$word" in
    --outdir) next=out ;;
    *) [ "$next" = out ] && out=$word && next= ; last=$word ;;
    esac
done
[ -n "$out" ] || exit 0
mkdir -p "$out"
%s
"""
PAGES = 'cp "${0%/*}/pages.pdf" "$out/document.pdf"'


@pytest.fixture
def office() -> Iterator[Path]:
    """Where programs may lie: the jail has a /tmp of its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="inkdot-office-") as folder:
        yield Path(folder)


def program(office: Path, does: str = PAGES) -> Path:
    """A program that is called like LibreOffice."""
    place = office / "program"
    place.mkdir(parents=True)
    path = place / "soffice"
    path.write_text(OFFICE % does)
    path.chmod(0o755)
    pdf(place / "pages.pdf", 3, "converted")
    return path


def converted(folder: Path, office: Path, does: str, seconds: int = 20) -> Path:
    """What comes of a letter. Raises DocumentUnreadable."""
    (folder / "letter.docx").write_bytes(letter())
    out = folder / "pages.pdf"
    Converter(folder / "work", str(program(office, does)), seconds)(folder / "letter.docx", DOCX, out, "letter.docx")
    return out


def test_a_letter_is_shared_and_read_as_pages(tmp_path: Path, office: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(f'libreoffice = "{program(office)}"\n')
    (tmp_path / "letter.docx").write_bytes(letter())
    server = Server(data)
    try:
        browser = Browser(share(server, tmp_path / "letter.docx")["url"])
        assert "of 3</span>" in browser.open()
        assert browser.ask("pages/3")[1]["content-type"] == "image/webp"
        assert b"converted page 2" in browser.ask("lines/2")[2]
        status, headers, file = browser.ask("file")
        assert (status, headers["content-type"], file) == (200, DOCX, (tmp_path / "letter.docx").read_bytes())
    finally:
        server.stop()


def test_pages_that_were_lost_are_made_again_while_the_reader_is_told(tmp_path: Path, office: Path) -> None:
    data, gate = tmp_path / "data", "until [ -e go ] || [ $((n=n+1)) -gt 150 ]; do sleep 0.1; done; "
    data.mkdir()
    made = program(office)
    (data / "inkdot.toml").write_text(f'libreoffice = "{made}"\n')
    (tmp_path / "letter.docx").write_bytes(letter())
    server = Server(data)
    try:
        browser = Browser(share(server, tmp_path / "letter.docx")["url"])
        for drawn in (data / "drawn").glob("[0-9a-f]*/*"):
            drawn.unlink()
        made.write_text(OFFICE % (gate + PAGES))
        assert "being prepared" in browser.open()
        assert browser.ask()[0] == 202
        for work in (data / "drawn/.converting").glob("making-*"):
            (work / "go").touch()
        eventually(lambda: "of 3</span>" in browser.open())
    finally:
        server.stop()


def test_without_libreoffice_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "letter.docx").write_bytes(letter())
    (tmp_path / "data").mkdir()
    (tmp_path / "data/inkdot.toml").write_text('libreoffice = "off"\n')
    where = ("--data", tmp_path / "data", "--public-url", "https://t.example.com")
    refused = inkdot("doc", "share", tmp_path / "letter.docx", "--to", "ben@example.com", *where, check=False)
    assert refused.returncode == 1
    assert "without LibreOffice: install it (Debian: apt install libreoffice-writer-nogui" in refused.stderr


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("exit 0", "damaged"),  # soffice says 0 even when it fails
        ('echo nothing > "$out/document.pdf"', "damaged"),
        ("kill -9 $$", "damaged"),
        ("sleep 60 & sleep 60", "too long"),
        ("x=0123456789; while :; do x=$x$x$x$x$x$x$x$x; done", "memory"),
    ],
)
def test_a_conversion_that_fails_leaves_nothing_behind(tmp_path: Path, office: Path, does: str, why: str) -> None:
    with pytest.raises(DocumentUnreadable, match=why):
        converted(tmp_path, office, does, seconds=2 if why == "too long" else 60)
    assert not (tmp_path / "pages.pdf").exists()
    assert not list((tmp_path / "work").glob("making-*"))


def test_a_document_that_unpacks_to_more_than_it_says_never_reaches_libreoffice(tmp_path: Path, office: Path) -> None:
    (tmp_path / "lying.docx").write_bytes(lying(200))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inkdot.toml").write_text(f'libreoffice = "{program(office)}"\n')
    refused = inkdot("doc", "share", tmp_path / "lying.docx", "--to", BEN, "--data", tmp_path / "data", check=False)
    assert (refused.returncode, "unpacks to more than it says" in refused.stderr) == (1, True), refused.stderr
    assert list((tmp_path / "data" / "uploads").rglob("*")) == [
        p for p in (tmp_path / "data" / "uploads").rglob("*") if p.is_dir()
    ]


def test_what_a_slow_program_started_ends_with_it(tmp_path: Path, office: Path) -> None:
    with pytest.raises(DocumentUnreadable, match="too long"):
        converted(tmp_path, office, "sleep 61.25 & setsid sleep 61.25 & sleep 61.25", seconds=2)

    def gone() -> bool:
        lines = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
        return not any(b"sleep\x0061.25" in line for line in lines)

    assert eventually(gone)


@pytest.mark.parametrize("space", [True, False])
def test_the_jail_has_no_network_and_no_files_but_its_own(tmp_path: Path, *, space: bool) -> None:
    secret, work = tmp_path / "secret", tmp_path / "work"
    secret.write_text("secret")
    (work / "tmp").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        tries = (
            f"import socket, pathlib\nfor what in (lambda: socket.create_connection(('127.0.0.1', {port}), 2), "
            f"lambda: open({str(secret)!r}).read(), lambda: open({str(secret)!r}, 'w').write('changed'), "
            f"lambda: open('/etc/shadow').read()):\n"
            "    try:\n        what()\n        print('yes')\n    except OSError as error:\n        print('no')\n"
            "open('mine', 'w').write('mine')\nprint(open('mine').read())"
        )
        wish = {
            "command": [os.path.realpath(sys.executable), "-c", tries], "work": str(work), "memory": 3_000_000_000, "seconds": 10,
            "may_read": ["/usr", "/lib", "/lib64", "/bin", sys.base_prefix], "space": space,
        }  # fmt: skip
        told = subprocess.run(
            [sys.executable, "-m", "inkdot.room.jail", json.dumps(wish)], capture_output=True, text=True, check=False
        )
    if told.returncode == NO_JAIL:
        pytest.skip("this kernel has neither user namespaces nor seccomp")
    answers = told.stdout.split()
    assert answers[0] == "no", told.stderr
    assert answers[-1] == "mine"
    if ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1:  # a kernel with Landlock
        assert answers[1:4] == ["no"] * 3, told.stderr
        assert secret.read_text() == "secret"
    assert (work / "mine").read_text() == "mine"


def test_two_who_want_the_same_at_once_wait_for_one_conversion(tmp_path: Path, office: Path) -> None:
    (tmp_path / "letter.docx").write_bytes(letter())
    convert = Converter(tmp_path / "work", str(program(office, "ls -d .. > /dev/null; " + PAGES)))
    outs = [tmp_path / f"{n}.pdf" for n in range(3)]
    threads = [
        threading.Thread(target=convert, args=(tmp_path / "letter.docx", DOCX, out, "letter.docx")) for out in outs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(out.read_bytes().startswith(b"%PDF-") for out in outs)


def test_a_protected_file_of_1997_is_named_as_such(tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    (tmp_path / "old.doc").write_bytes(ole + "WordDocument".encode("utf-16-le"))
    assert ENDINGS[media_of(tmp_path / "old.doc")] == "doc"
    (tmp_path / "locked.docx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(UsageError, match="protected by a password"):
        media_of(tmp_path / "locked.docx")
