"""Milliseconds to mark documents; seconds until an office document can be read; what a dot takes meanwhile.

    python -m bench.documents

What needs LibreOffice is left out where it is not installed.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import docx
from tests.conftest import Server, inkdot_json
from tests.room.made import Browser

from inkdot.app.folder import Folder
from inkdot.app.library import Library
from inkdot.mark.document.marking import mark
from inkdot.mark.document.spots import Dots
from inkdot.room.convert import office

WORDS = "The offer holds for thirty days and covers transport, assembly and a first inspection on site. " * 4


def letter(pages: int) -> bytes:
    """A letter of so many pages, by python-docx."""
    made = docx.Document()
    for page in range(pages):
        for line in range(5):
            made.add_paragraph(f"{page}.{line} {WORDS}")
        if page < pages - 1:
            made.add_page_break()
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def spent(turns: int, what: object, *arguments: object) -> float:
    """Median milliseconds."""
    found = []
    for _ in range(turns):
        begun = time.perf_counter()
        what(*arguments)  # type: ignore[operator]
        found.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(found)


def main() -> None:
    letters = {pages: letter(pages) for pages in (20, 500)}
    for pages, source in letters.items():
        for dots in (Dots.ONE, Dots.PAGES):
            taken = spent(15, mark, source, lambda page: f"https://t.example.com/o/{page}.gif", dots)
            print(f"mark a docx of {pages} pages, dots {dots}: {taken:.1f} ms")
    if office() is None:
        print("LibreOffice is not installed: nothing was converted.")
        return
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-") as name:
        server = Server(Path(name) / "data")
        try:
            read(server, Path(name), letters)
        finally:
            server.stop()


def read(server: Server, folder: Path, letters: dict[int, bytes]) -> None:
    """From file to first page, and dots meanwhile."""
    (folder / "warm.docx").write_bytes(letter(1))
    inkdot_json(
        "doc",
        "share",
        folder / "warm.docx",
        "--to",
        "ben@example.com",
        "--data",
        server.data,
        "--public-url",
        server.public,
    )
    dots = inkdot_json(
        "mail",
        "mark",
        sample(folder),
        "--to",
        "ben@example.com",
        "--out-dir",
        folder,
        "--data",
        server.data,
        "--public-url",
        server.public,
    )
    address, waits, done = dots["copies"][0]["dots"][0], list[float](), threading.Event()

    def ask() -> None:
        while not done.wait(0.01):
            begun = time.perf_counter()
            urllib.request.urlopen(address).read()
            waits.append((time.perf_counter() - begun) * 1_000)

    asking = threading.Thread(target=ask)
    asking.start()
    for pages, source in letters.items():
        file = folder / f"letter-{pages}.docx"
        file.write_bytes(source)
        begun = time.perf_counter()
        with Library(Folder(server.data)) as library:
            made = library.take(file)
        ready = time.perf_counter() - begun
        shared = inkdot_json(
            "doc", "share", file, "--to", "ben@example.com", "--data", server.data, "--public-url", server.public
        )
        browser, begun = Browser(shared["url"]), time.perf_counter()
        first = len(browser.open()) + len(browser.ask("pages/1?w=880")[2])
        shown = time.perf_counter() - begun
        print(
            f"a docx of {pages} pages ({made.pages} in LibreOffice): ready in {ready:.2f} s, first page in {shown:.2f} s, {first / 1000:.0f} kB without styles"
        )
    done.set()
    asking.join()
    waits.sort()
    print(
        f"{len(waits)} dots meanwhile: median {statistics.median(waits):.1f} ms, p99 {waits[int(len(waits) * 0.99)]:.1f} ms"
    )


def sample(folder: Path) -> Path:
    """A mail with a dot to ask for."""
    path = folder / "in.eml"
    path.write_bytes(
        b"From: ada@example.com\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n<html><body><p>Hello</p></body></html>\r\n"
    )
    return path


if __name__ == "__main__":
    sys.exit(main())
