"""The words of an office document's pages, as LibreOffice lays it out; where it is not installed, nothing."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from pathlib import Path

from inkdot.app.folder import Folder
from inkdot.domain.errors import DocumentUnreadable
from inkdot.mark.document.mapped import mapped
from inkdot.mark.document.package import Package
from inkdot.room.convert import WORKSHOP, Converter, office
from inkdot.room.pages import Press
from inkdot.room.uploads import PDF, media_of, needs_conversion
from inkdot.settings import Settings

_SECONDS = 120
_PICTURE = re.compile(r"(word/media|Pictures)/.")
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG in the place of each picture: the text says how large they are, and 17 MB of them took LibreOffice two thirds of its time."""


def page_words(folder: Folder, settings: Settings, file: Path) -> list[str]:
    """The words of each page; empty without LibreOffice. Raises Failure where it cannot lay the document out, or not in time."""
    media = media_of(file)
    if not needs_conversion(media) or office(settings.libreoffice) is None:
        return []
    convert, press = Converter(folder.drawn / WORKSHOP, settings.libreoffice), Press()
    with tempfile.TemporaryDirectory(prefix="inkdot-") as work:
        light, made, texts = (Path(work) / name for name in ("light", "pages.pdf", "texts.jsonl"))
        package = Package(mapped(file))
        with light.open("wb") as out:
            package.write(out, {name: _PIXEL for name in package.names if _PICTURE.match(name)})
        try:
            convert(light, media, made, file.name)
            answer = press.ask({"do": "facts", "path": str(made), "media": PDF, "texts": str(texts)}, _SECONDS)
        finally:
            press.close()
        if "error" in answer:
            raise DocumentUnreadable(f"The pages that LibreOffice made of {file.name} cannot be read.")
        return [json.loads(line) for line in texts.read_text("utf-8").splitlines()]
