"""Pages of uploads: asks the press, and keeps what it drew by the hash of the file, so that nothing is drawn twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.errors import DocumentUnreadable, Failure
from inkdot.room.queue import FOLDER as WAITING
from inkdot.room.queue import Queue, Wanted
from inkdot.room.uploads import PDF, Uploads, needs_conversion

Convert = Callable[[Path, str, Path, str], None]
"""Makes a PDF: (source, its media type, where the PDF goes, what the file is called). Raises DocumentUnreadable."""
WIDTHS = (440, 880, 1320, 1760, 2400)
"""Widths in which pages are drawn, in pixels."""
_JOB_SECONDS = 20.0
_FACTS_SECONDS = 120.0
_JOBS_PER_CHILD = 400
_MOST_CACHE_BYTES = 1_000_000_000
_SENTENCES = {
    "password": "{name} is protected by a password; share a copy without one.",
    "broken": "{name} cannot be read: it is damaged or not what its name says. Open it in its program and save it anew.",
    "empty": "{name} has no pages.",
    "too_many": "{name} has more than 3000 pages; share it in parts.",
    "full": "{name} cannot be drawn: the disk is full.",
    "encrypted": "{name} may be read, but not changed: its owner has protected it. Share it by a link: 'inkdot doc share'.",
    "signed": "{name} is signed; a line more would break the signature. Share it by a link: 'inkdot doc share'.",
    "slow": "{name} takes too long to draw; save it anew as a simpler PDF.",
}


class Facts(NamedTuple):
    """What is known of a file."""

    sizes: tuple[tuple[float, float], ...]
    """Width and height of each page, in points or pixels."""
    words: tuple[int, ...]


class Press:
    """The parent's side of the press: one child, started when needed, one job at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._jobs = 0

    def ask(self, job: Mapping[str, Any], seconds: float = _JOB_SECONDS) -> dict[str, Any]:
        """The press's answer; {"error": "slow"} after `seconds`, {"error": "broken"} if the child died over it."""
        with self._turn:
            child = self._running()
            assert child.stdin
            assert child.stdout
            try:
                child.stdin.write(json.dumps(job).encode() + b"\n")
                child.stdin.flush()
                line = _line(child.stdout.fileno(), seconds)
            except (BrokenPipeError, EOFError):
                self._end()
                return {"error": "broken"}
            except TimeoutError:
                self._end()
                return {"error": "slow"}
            self._jobs += 1
            if self._jobs >= _JOBS_PER_CHILD:
                self._end()  # whatever it leaked goes with it
            answer: dict[str, Any] = json.loads(line)
            return answer

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "inkdot.room.press"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
                env={k: v for k, v in os.environ.items() if not k.startswith("INKDOT_")},
            )  # fmt: skip
            self._jobs = 0
        return self._child

    def _end(self) -> None:
        if self._child:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            self._child = None


def _line(fd: int, seconds: float) -> bytes:
    """One line from a pipe. Raises TimeoutError, EOFError."""
    deadline, data = time.monotonic() + seconds, b""
    while not data.endswith(b"\n"):
        readable, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise TimeoutError
        part = os.read(fd, 1 << 20)
        if not part:
            raise EOFError
        data += part
    return data


class Pages:
    """Pages of the uploads of one data folder, drawn on demand."""

    def __init__(self, uploads: Uploads, cache: Path, press: Press, convert: Convert | None = None) -> None:
        self._uploads, self._cache, self._press, self._convert = uploads, cache, press, convert
        self._converting = threading.Lock()
        self._queue = Queue(cache / WAITING, lambda wanted: self.facts(*wanted))

    def ahead(self, digest: str, media: str, name: str) -> int | None:
        """None if a document's pages can be shown at once; else how many documents are made ready before it. Raises as facts()."""
        if not needs_conversion(media) or (self._cache / digest / "facts.json").exists():
            return None
        return self._queue.ahead(Wanted(digest, media, name))

    def resume(self) -> None:
        """Go on with the documents for which readers were waiting when the room ended."""
        self._queue.resume()

    def facts(self, digest: str, media: str, name: str) -> Facts:
        """Sizes and words of all pages. Raises DocumentUnreadable with a sentence about `name`."""
        folder = self._folder(digest)
        kept = folder / "facts.json"
        if not kept.exists():
            half = folder / f"texts.{os.getpid()}-{threading.get_ident()}.half"
            job = {"do": "facts", **self._shown(digest, media, name), "texts": str(half)}
            answer = self._asked(job, name, _FACTS_SECONDS)
            half.replace(folder / "texts.jsonl")
            _write(kept, json.dumps(answer["pages"]).encode())
        pages = json.loads(kept.read_bytes())
        return Facts(tuple((p[0], p[1]) for p in pages), tuple(p[2] for p in pages))

    def image(self, digest: str, media: str, page: int, width: int, mark: str | None = None) -> Path:
        """A WebP of a page (from 1 on), at the next of WIDTHS; `mark` is written across it. Raises DocumentUnreadable."""
        width = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
        folder = self._folder(digest)
        whose = f"-{hashlib.blake2b(mark.encode(), digest_size=8).hexdigest()}" if mark else ""
        path = folder / f"{page}-{width}{whose}.webp"
        if not path.exists():
            half = folder / f"{path.name}.{os.getpid()}-{threading.get_ident()}.half"
            job = {"do": "image", **self._shown(digest, media), "page": page, "width": width}
            self._asked(job | {"mark": mark, "to": str(half)}, "The document")
            half.replace(path)
        return path

    def lines(self, digest: str, media: str, page: int) -> bytes:
        """The text of a page with its places: JSON {"lines": [[x, y, width, height, text], ...]} in thousandths."""
        path = self._folder(digest) / f"{page}.json"
        if not path.exists():
            job = {"do": "lines", **self._shown(digest, media), "page": page}
            _write(path, json.dumps(self._asked(job, "The document"), ensure_ascii=False).encode())
        return path.read_bytes()

    def pointing(self, digest: str, url: str, link: str, more: str, name: str) -> bytes:
        """A PDF with a line at the foot of its first page: `link` leads to `url`. Raises DocumentUnreadable with a sentence about `name`."""
        half = self._folder(digest) / f"pointing.{os.getpid()}-{threading.get_ident()}.half"
        job = {"do": "point", **self._shown(digest, PDF), "to": str(half), "url": url, "link": link, "more": more}
        try:
            self._asked(job, name)
            return self._uploads.path(digest).read_bytes() + half.read_bytes()
        finally:
            half.unlink(missing_ok=True)

    def search(self, digest: str, media: str, words: str, most: int = 200) -> list[dict[str, Any]]:
        """Pages on which `words` stand: [{"page", "count", "text"}], text being the place of the first."""
        self.facts(digest, media, "The document")
        wanted = " ".join(words.casefold().split())
        found: list[dict[str, Any]] = []
        with (self._folder(digest) / "texts.jsonl").open(encoding="utf-8") as texts:
            for page, line in enumerate(texts, 1):
                text = " ".join(json.loads(line).split())
                place = text.casefold().find(wanted) if wanted else -1
                if place >= 0 and len(found) < most:
                    around = text[max(0, place - 40) : place + len(wanted) + 60]
                    found.append({"page": page, "count": text.casefold().count(wanted), "text": around})
        return found

    def forget(self, digest: str) -> None:
        """Delete everything drawn of an upload."""
        (self._cache / WAITING / digest).unlink(missing_ok=True)
        shutil.rmtree(self._cache / digest, ignore_errors=True)

    def trim(self, most: int = _MOST_CACHE_BYTES) -> int:
        """Delete what was drawn longest ago beyond `most` bytes; returns how many files. They are drawn again on demand."""
        drawn = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in self._cache.glob("*/*.webp"))
        total = sum(size for _, size, _ in drawn)
        deleted = 0
        for _, size, path in drawn:
            if total <= most:
                break
            path.unlink(missing_ok=True)
            total -= size
            deleted += 1
        return deleted

    def _asked(self, job: Mapping[str, Any], name: str, seconds: float = _JOB_SECONDS) -> dict[str, Any]:
        answer = self._press.ask(job, seconds)
        if error := answer.get("error"):
            raise DocumentUnreadable(_SENTENCES.get(error, _SENTENCES["broken"]).format(name=name))
        return answer

    def _shown(self, digest: str, media: str, name: str = "The document") -> dict[str, str]:
        """The file that the press opens: the upload itself, or the PDF that was made of it."""
        path = self._uploads.path(digest)
        if not path.exists():
            raise Failure("The file of this document is missing; restore it from a backup, or replace it.")
        if not needs_conversion(media):
            return {"path": str(path), "media": media}
        converted = self._folder(digest) / "converted.pdf"
        with self._converting:
            if not converted.exists():
                self._make(path, media, converted, name)
        return {"path": str(converted), "media": PDF}

    def _make(self, source: Path, media: str, converted: Path, name: str) -> None:
        if self._convert is None:
            raise DocumentUnreadable(f"{name} cannot be shown here without LibreOffice; share it as a PDF.")
        half = converted.with_name(f"{converted.name}.{os.getpid()}.half")
        try:
            self._convert(source, media, half, name)
            half.replace(converted)
        finally:
            half.unlink(missing_ok=True)

    def _folder(self, digest: str) -> Path:
        folder = self._cache / digest
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def _write(path: Path, content: bytes) -> None:
    half = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.half")
    half.write_bytes(content)
    half.replace(path)
