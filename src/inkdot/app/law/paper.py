"""Lines of text as a PDF to file away, drawn by pdfium with its built-in typewriter face."""

from __future__ import annotations

import ctypes
import io
import textwrap
from collections.abc import Iterable

import pypdfium2
from pypdfium2 import raw

_WIDTH, _HEIGHT, _MARGIN = 595, 842, 42
_SIZE, _LEADING, _LETTERS = 8, 10.5, 104
"""Points; and letters of a line, at 0.6 of the size each."""


def pdf_of(lines: Iterable[str]) -> bytes:
    """A4 pages, numbered; long lines go on behind an indent. Letters that the face does not have are written as numbers."""
    wrapped = [piece for line in lines for piece in _pieces(line)]
    each = int((_HEIGHT - 2 * _MARGIN) / _LEADING) - 2
    pages = [wrapped[at : at + each] for at in range(0, len(wrapped), each)] or [[]]
    out = io.BytesIO()
    with pypdfium2.PdfDocument.new() as document:
        for number, shown in enumerate(pages, 1):
            page = document.new_page(_WIDTH, _HEIGHT)
            for row, text in enumerate([*shown, *[""] * (each - len(shown)), "", f"{number} / {len(pages)}"]):
                _put(document, page, text, _HEIGHT - _MARGIN - row * _LEADING)
            page.gen_content()
            page.close()
        document.save(out)
    return out.getvalue()


def _pieces(line: str) -> list[str]:
    plain = line.encode("cp1252", "backslashreplace").decode("cp1252")
    return textwrap.wrap(plain, _LETTERS, subsequent_indent="    ", break_on_hyphens=False) or [""]


def _put(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, text: str, y: float) -> None:
    if not text:
        return
    drawn = raw.FPDFPageObj_NewTextObj(document, b"Courier", _SIZE)
    letters = ctypes.create_string_buffer(f"{text}\0".encode("utf-16-le"))
    raw.FPDFText_SetText(drawn, ctypes.cast(letters, raw.FPDF_WIDESTRING))
    raw.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, _MARGIN, y)
    raw.FPDFPage_InsertObject(page, drawn)
