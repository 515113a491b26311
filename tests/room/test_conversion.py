"""Office documents become pages: by a program in a jail, which here is a small one of our own. LibreOffice's own: proofs."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inkdot.domain.errors import DocumentUnreadable, UsageError
from inkdot.room.convert import Converter
from inkdot.room.jail import NO_JAIL
from inkdot.room.uploads import ENDINGS, media_of
from tests.conftest import BEN, Server, eventually, inkdot
from tests.document.test_dots_in_documents import letter, parts, rewritten, slides
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


GO = "until [ -e go ] || [ $((n=n+1)) -gt 1200 ]; do sleep 0.1; done; "
"""Plays a slow LibreOffice: it waits until a file is there."""


def let_go(data: Path) -> list[Path]:
    """The slow LibreOffice goes on; where it works."""
    found = [*(data / "drawn/.converting").glob("making-*")]
    for work in found:
        (work / "go").touch()
    return found


def macros() -> bytes:
    return rewritten(letter(), lambda _, part: part, {"word/vbaProject.bin": b"x"})


def lost(data: Path) -> None:
    """Pages that were made once are gone, as on a new machine."""
    for drawn in (data / "drawn").glob("[0-9a-f]*/*"):
        drawn.unlink()


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
    data = tmp_path / "data"
    data.mkdir()
    made = program(office)
    (data / "inkdot.toml").write_text(f'libreoffice = "{made}"\n')
    (tmp_path / "letter.docx").write_bytes(letter())
    server = Server(data)
    try:
        browser = Browser(share(server, tmp_path / "letter.docx")["url"])
        lost(data)
        made.write_text(OFFICE % (GO + PAGES))
        assert "being prepared" in browser.open()
        assert browser.ask()[0] == 202
        eventually(lambda: let_go(data))
        eventually(lambda: "of 3</span>" in browser.open())
    finally:
        server.stop()


def test_a_killed_room_goes_on_with_what_readers_were_waiting_for(tmp_path: Path, office: Path) -> None:
    data, made = tmp_path / "data", program(office)
    data.mkdir()
    (data / "inkdot.toml").write_text(f'libreoffice = "{made}"\n')
    server = Server(data)
    try:
        browsers = []
        for number in range(3):
            file = tmp_path / f"letter-{number}.docx"
            file.write_bytes(rewritten(letter(), lambda _, part: part, {"number": b"%d" % number}))
            browsers.append(Browser(share(server, file)["url"]))
        lost(data)
        made.write_text(OFFICE % (GO + PAGES))
        told = [browser.open() for browser in browsers]
        assert "3 pages are being prepared" in told[0]
        assert "prepared after another document" in told[1]
        assert "prepared after 2 other documents" in told[2]
        (before,) = eventually(lambda: [*(data / "drawn/.converting").glob("making-*")])
        os.kill(server.children()["room"], signal.SIGKILL)
        made.write_text(OFFICE % PAGES)
        # Nobody asks: the queue itself goes on.
        assert eventually(lambda: len([*(data / "drawn").glob("[0-9a-f]*/facts.json")]) == 3)
        assert not before.exists()
        assert all("of 3</span>" in browser.open() for browser in browsers)
        eventually(lambda: not [*(data / "drawn/.waiting").iterdir()])
    finally:
        server.stop()


def test_a_reader_who_waits_is_told_that_it_failed_and_it_is_not_tried_at_each_look(
    tmp_path: Path, office: Path
) -> None:
    data, made = tmp_path / "data", program(office)
    data.mkdir()
    (data / "inkdot.toml").write_text(f'libreoffice = "{made}"\n')
    (tmp_path / "letter.docx").write_bytes(letter())
    server = Server(data)
    try:
        browser = Browser(share(server, tmp_path / "letter.docx")["url"])
        lost(data)
        made.write_text(OFFICE % (GO + "exit 1"))
        assert browser.ask()[0] == 202
        (_work,) = eventually(lambda: let_go(data))
        eventually(lambda: browser.ask()[0] == 503)
        made.write_text(OFFICE % (GO + PAGES))
        status, _, page = browser.ask()
        assert (status, b"LibreOffice cannot make pages of letter.docx" in page) == (503, True), page
        assert not [*(data / "drawn/.converting").glob("making-*")]
    finally:
        server.stop()


def test_what_a_killed_share_left_behind_goes_after_a_day(tmp_path: Path, office: Path) -> None:
    data, made = tmp_path / "data", program(office, GO + PAGES)
    data.mkdir()
    (data / "inkdot.toml").write_text(f'libreoffice = "{made}"\n')
    (tmp_path / "letter.docx").write_bytes(letter())
    words = (
        "doc",
        "share",
        tmp_path / "letter.docx",
        "--to",
        BEN,
        "--data",
        data,
        "--public-url",
        "https://t.example.com",
    )
    sharing = subprocess.Popen([sys.executable, "-m", "inkdot", *map(str, words)], stderr=subprocess.DEVNULL)
    eventually(lambda: [*(data / "drawn/.converting").glob("making-*/out")])
    sharing.kill()
    sharing.wait()
    (left,) = (p for p in (data / "uploads").rglob("*") if p.is_file())
    inkdot("tidy", "--data", data)
    assert left.exists()  # somebody may just be taking it in
    os.utime(left, times=(time.time() - 90_000,) * 2)
    inkdot("tidy", "--data", data)
    assert not left.exists()
    assert not (data / "drawn" / left.name).exists()


@pytest.mark.parametrize(("name", "make"), [("letter.docx", letter), ("deck.pptx", slides), ("macros.docx", macros)])
def test_pages_are_laid_out_only_where_that_tells_something_and_the_terminal_shows_it(
    tmp_path: Path, office: Path, name: str, make: Callable[[], bytes]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/inkdot.toml").write_text(f'libreoffice = "{program(office, "sleep 4; exit 1")}"\n')
    (tmp_path / name).write_bytes(make())
    words = ("doc", "mark", tmp_path / name, "--to", BEN, "--dots", "pages", "--data", tmp_path / "data")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "inkdot", *map(str, words)], stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    )  # fmt: skip
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while piece := os.read(ours, 4_096):
            said += piece
    os.close(ours)
    assert process.wait() == (1 if make is macros else 0)
    laid_out = name == "letter.docx"
    assert (b"LibreOffice lays out letter.docx" in said) is laid_out, said
    assert (
        b"cannot make pages of letter.docx" in said and b"The dots go by the breaks in the file." in said
    ) is laid_out
    assert (tmp_path / name).with_suffix(f".marked{(tmp_path / name).suffix}").exists() is (make is not macros)


def test_pictures_are_not_laid_out_only_their_places(tmp_path: Path, office: Path) -> None:
    (tmp_path / "data").mkdir()
    light = f'[ "$(wc -c < document.docx)" -lt 100000 ] && {PAGES}'
    (tmp_path / "data/inkdot.toml").write_text(f'libreoffice = "{program(office, light)}"\n')
    pictures = {"word/media/photo.jpg": os.urandom(2 << 20)}
    (tmp_path / "photos.docx").write_bytes(rewritten(letter(), lambda _, part: part, pictures))
    done = inkdot("doc", "mark", tmp_path / "photos.docx", "--to", BEN, "--dots", "pages", "--data", tmp_path / "data")
    assert "cannot make pages" not in done.stderr
    assert pictures.items() <= parts((tmp_path / "photos.marked.docx").read_bytes()).items()


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
        lines = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                lines.append(path.read_bytes())
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
            "command": [os.path.realpath(sys.executable), "-c", tries], "work": str(work), "memory": 3_000_000_000, "seconds": 60,
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
