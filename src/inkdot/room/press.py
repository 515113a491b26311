"""The press: a child process that opens files of strangers and draws their pages. Its limits are the kernel's.

One JSON object a line comes in on stdin, one goes out on stdout:

    {"do": "facts", "path", "media", "texts"}        -> {"pages": [[width, height, words], ...]}   writes texts, a JSON line a page
    {"do": "image", "path", "media", "page", "width", "mark", "to"}  -> {"size": [width, height]}  writes a WebP
    {"do": "point", "path", "media", "to", "url", "link", "more"}    -> {"bytes": n}               writes what gives a PDF a line more
    {"do": "lines", "path", "media", "page"}         -> {"lines": [[x, y, width, height, text], ...]}  in thousandths of the page

or {"error": why}: password, broken, empty, too_many, no_page, full, encrypted, signed. It dies with its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageDraw, ImageFont, ImageSequence

from inkdot.room.pointer import Locked, point

MOST_PAGES = 3_000
_MOST_PIXELS = 8_000_000
_MOST_SIDE = 9_000
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_MEMORY = 1_500_000_000
_FILE_BYTES = 64_000_000
_QUALITY, _FEW_COLOURS = 78, 2_048
_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


class Refused(Exception):
    """The file cannot be shown; its one argument says why."""


def words_in(text: str) -> int:
    """Words of a text; in scripts without spaces two signs count as one, which is about how they are read."""
    signs = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text))
    others = len(_WORD.findall(re.sub(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", " ", text)))
    return others + signs // 2


class _Pdf:
    """A PDF that is open."""

    def __init__(self, path: str) -> None:
        try:
            self._document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise Refused("password" if "password" in str(error).lower() else "broken") from error
        self.pages = len(self._document)

    def size(self, page: int) -> tuple[float, float]:
        with contextlib.suppress(pypdfium2.PdfiumError):
            width, height = self._document.get_page_size(page)
            if width > 0 and height > 0:
                return width, height
        return 595.0, 842.0

    def text(self, page: int) -> str:
        with self._page(page) as opened:
            found: str = opened.get_textpage().get_text_bounded()
            return found

    def lines(self, page: int) -> list[tuple[float, float, float, float, str]]:
        with self._page(page) as opened:
            width, height = opened.get_size()
            text = opened.get_textpage()
            found = []
            for number in range(min(text.count_rects(), 5_000)):
                left, bottom, right, top = text.get_rect(number)
                line = text.get_text_bounded(left, bottom, right, top).replace("\r", " ").replace("\n", " ").strip()
                if line:
                    found.append(
                        (left / width, 1 - top / height, (right - left) / width, (top - bottom) / height, line)
                    )
            return found

    def image(self, page: int, width: int) -> Image.Image:
        with self._page(page) as opened:
            scale = width / max(1.0, self.size(page)[0])
            drawn: Image.Image = opened.render(scale=scale, may_draw_forms=False).to_pil()
            return drawn.convert("RGB")

    @contextlib.contextmanager
    def _page(self, page: int) -> Any:
        try:
            opened = self._document[page]
        except pypdfium2.PdfiumError as error:
            raise Refused("broken") from error
        try:
            yield opened
        finally:
            opened.close()

    def close(self) -> None:
        self._document.close()


class _Picture:
    """An image file; each frame is a page."""

    def __init__(self, path: str) -> None:
        try:
            self._image = Image.open(path)
            self.pages = getattr(self._image, "n_frames", 1)
            if self._image.format == "GIF":
                self.pages = 1
            self._image.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise Refused("broken") from error

    def size(self, page: int) -> tuple[float, float]:
        self._image.seek(page)
        return float(self._image.width), float(self._image.height)

    def text(self, _page: int) -> str:
        return ""

    def lines(self, _page: int) -> list[tuple[float, float, float, float, str]]:
        return []

    def image(self, page: int, width: int) -> Image.Image:
        frame = ImageSequence.Iterator(self._image)[page]
        height = max(1, round(frame.height * width / frame.width))
        flat = Image.new("RGB", frame.size, "white")
        flat.paste(frame.convert("RGBA"), mask=frame.convert("RGBA").getchannel("A"))
        return flat.resize((width, height), Image.Resampling.LANCZOS)

    def close(self) -> None:
        self._image.close()


class Press:
    """Answers jobs; keeps the file it was asked about last open."""

    def __init__(self) -> None:
        self._path = ""
        self._open: _Pdf | _Picture | None = None
        self._does: dict[str, Callable[[_Pdf | _Picture, Mapping[str, Any]], dict[str, Any]]] = {
            "facts": self._facts, "image": self._image, "lines": self._lines, "point": self._point,
        }  # fmt: skip

    def __call__(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one job."""
        try:
            return self._does[job["do"]](self._opened(job["path"], job["media"]), job)
        except Refused as refused:
            return {"error": refused.args[0]}
        except Locked as locked:
            return {"error": locked.args[0]}
        except OSError as error:
            return {"error": "full" if error.errno in _NO_ROOM else "broken"}
        except (pypdfium2.PdfiumError, ValueError, MemoryError):
            return {"error": "broken"}

    def _opened(self, path: str, media: str) -> _Pdf | _Picture:
        if path != self._path or self._open is None:
            if self._open:
                self._open.close()
                self._open = None
            self._open = _Picture(path) if media.startswith("image/") else _Pdf(path)
            self._path = path
        if not self._open.pages:
            raise Refused("empty")
        if self._open.pages > MOST_PAGES:
            raise Refused("too_many")
        return self._open

    def _facts(self, file: _Pdf | _Picture, job: Mapping[str, Any]) -> dict[str, Any]:
        pages = []
        with Path(job["texts"]).open("w", encoding="utf-8") as texts:
            for page in range(file.pages):
                text = file.text(page)
                texts.write(json.dumps(text) + "\n")
                pages.append([*file.size(page), words_in(text)])
        return {"pages": pages}

    def _lines(self, file: _Pdf | _Picture, job: Mapping[str, Any]) -> dict[str, Any]:
        lines = [[*(round(1000 * side, 1) for side in line[:4]), line[4]] for line in file.lines(_number(file, job))]
        return {"lines": lines}

    def _point(self, _file: _Pdf | _Picture, job: Mapping[str, Any]) -> dict[str, Any]:
        point(job["path"], job["to"], job["url"], job["link"], job["more"])
        return {"bytes": Path(job["to"]).stat().st_size}

    def _image(self, file: _Pdf | _Picture, job: Mapping[str, Any]) -> dict[str, Any]:
        page = _number(file, job)
        wide, high = file.size(page)
        width = bounded(int(job["width"]), high / wide)
        image = file.image(page, width)
        if job.get("mark"):
            image = marked(image, job["mark"])
        # A page of text is smaller and sharper without loss, a page with photographs is not.
        plain = image.getcolors(_FEW_COLOURS) is not None
        how = {"lossless": True, "quality": 40, "method": 2} if plain else {"quality": _QUALITY, "method": 2}
        image.save(job["to"], "WEBP", **how)
        return {"size": [image.width, image.height]}


def bounded(width: int, ratio: float) -> int:
    """The width at which a page of this height-to-width ratio stays within the most pixels."""
    width = max(16, min(width, _MOST_SIDE, int(_MOST_SIDE / max(ratio, 1e-6))))
    return max(1, min(width, int((_MOST_PIXELS / max(ratio, 1e-6)) ** 0.5)))


def marked(image: Image.Image, text: str) -> Image.Image:
    """The image with a text across it, again and again, so that no crop is without it."""
    size = max(14, image.width // 32)
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    tile = Image.new("RGBA", (int(right - left) + size * 4, int(bottom - top) + size * 5), (0, 0, 0, 0))
    ImageDraw.Draw(tile).text((size * 2, size * 2), text, font=font, fill=(110, 110, 110, 72))
    side = int((image.width**2 + image.height**2) ** 0.5)
    sheet = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    for row, y in enumerate(range(0, side, tile.height)):
        for x in range(-(row % 2) * tile.width // 2, side, tile.width):
            sheet.paste(tile, (x, y))
    turned = sheet.rotate(30, resample=Image.Resampling.BILINEAR)
    x, y = (side - image.width) // 2, (side - image.height) // 2
    result = image.convert("RGBA")
    result.alpha_composite(turned.crop((x, y, x + image.width, y + image.height)))
    return result.convert("RGB")


def _number(file: _Pdf | _Picture, job: Mapping[str, Any]) -> int:
    page = int(job["page"])
    if not 1 <= page <= file.pages:
        raise Refused("no_page")
    return page - 1


def _shut_in() -> None:
    """Let the kernel keep the limits; a network of its own, without any, where the kernel allows it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)


def main() -> None:
    """Entry point of the child process."""
    _shut_in()
    Image.MAX_IMAGE_PIXELS = 100_000_000
    press = Press()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(press(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
