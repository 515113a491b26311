"""A line at the foot of a PDF's first page that leads to its reader and says what is seen there. Runs in the press.

It is appended as PDF allows it, behind the file's own bytes; no page but the first is touched.
"""

from __future__ import annotations

import ctypes
import io
import re
from pathlib import Path
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

_PER_LINE = 80
"""The page's width in letters' sizes, so that the line can be read on a poster as on a card."""
_MOST_OF_WIDTH = 0.94
_PLACES = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_END = re.compile(rb"endstream\s+startxref")
_BLUE, _GREY = (0x1A, 0x56, 0xC4), (0x66, 0x66, 0x66)


class Locked(Exception):
    """The file must not be written to; its one argument says why: encrypted, signed."""


class _Foot(NamedTuple):
    """The lower left corner of a page as it is shown, and where right and up lie on the page itself."""

    corner: tuple[float, float]
    right: tuple[int, int]
    up: tuple[int, int]
    width: float

    def matrix(self, across: float, above: float) -> tuple[float, ...]:
        """Moves what stands at 0/0 to a place on the page, turned as it is shown."""
        x, y = (self.corner[n] + self.right[n] * across + self.up[n] * above for n in (0, 1))
        return (*self.right, *self.up, x, y)


def point(path: str, to: str, url: str, link: str, more: str) -> None:
    """Write to `to` what is to be appended to the PDF at `path`: `link` leading to `url`, and `more` beside it.

    Raises Locked, PdfiumError, and ValueError for what cannot be appended to.
    """
    source = Path(path).read_bytes()
    document = pypdfium2.PdfDocument(source)
    if pdfium.FPDF_GetSecurityHandlerRevision(document) != -1:
        raise Locked("encrypted")
    if pdfium.FPDF_GetSignatureCount(document) > 0:
        raise Locked("signed")
    page = document[0]
    foot = _foot(page)
    size = foot.width / _PER_LINE
    length = sum(_right_end(_text(document, text, size, _GREY)) for text in (link, more)) + 2 * size
    size *= min(1.0, foot.width * _MOST_OF_WIDTH / length)
    across = size
    for text, colour in ((link, _BLUE), (more, _GREY)):
        said = _text(document, text, size, colour)
        wide = _right_end(said)
        pdfium.FPDFPageObj_Transform(said, *foot.matrix(across, size))
        if colour is _BLUE:
            _lead(page, _bounds(said), url)
        pdfium.FPDFPage_InsertObject(page, said)
        across += wide + size / 2
    pdfium.FPDFPage_GenerateContent(page)
    out = io.BytesIO()
    document.save(out, flags=pdfium.FPDF_INCREMENTAL)
    made = out.getvalue()
    if not made.startswith(source):
        raise ValueError("it cannot be appended to")
    Path(to).write_bytes(_mended(made, len(source)))


def _mended(made: bytes, start: int) -> bytes:
    """What was appended; PDFium leaves a list of places that is a stream without its type and its end."""
    told = _PLACES.search(made, start)
    if told is None:
        raise ValueError("it cannot be appended to")
    at = int(told[1])
    places = made[at:]
    if not places.startswith(b"xref"):
        places = places.replace(b"<<", b"<</Type/XRef", 1)
        places = _END.sub(rb"endstream\nendobj\nstartxref", places)
    return made[start:at] + places


def _foot(page: pypdfium2.PdfPage) -> _Foot:
    left, bottom, right, top = page.get_cropbox()
    wide, high = right - left, top - bottom
    return {
        0: _Foot((left, bottom), (1, 0), (0, 1), wide),
        90: _Foot((right, bottom), (0, 1), (-1, 0), high),
        180: _Foot((right, top), (-1, 0), (0, -1), wide),
        270: _Foot((left, top), (0, -1), (1, 0), high),
    }[page.get_rotation()]


def _text(document: pypdfium2.PdfDocument, text: str, size: float, colour: tuple[int, int, int]) -> object:
    made = pdfium.FPDFPageObj_NewTextObj(document, b"Helvetica", size)
    wide = ctypes.create_string_buffer((text + "\0").encode("utf-16-le"))
    pdfium.FPDFText_SetText(made, ctypes.cast(wide, pdfium.FPDF_WIDESTRING))
    pdfium.FPDFPageObj_SetFillColor(made, *colour, 255)
    return made


def _bounds(said: object) -> tuple[float, float, float, float]:
    """Left, bottom, right, top."""
    sides = [ctypes.c_float() for _ in range(4)]
    pdfium.FPDFPageObj_GetBounds(said, *map(ctypes.byref, sides))
    left, bottom, right, top = (side.value for side in sides)
    return left, bottom, right, top


def _right_end(said: object) -> float:
    return _bounds(said)[2]


def _lead(page: pypdfium2.PdfPage, place: tuple[float, float, float, float], url: str) -> None:
    """A link over a place on the page."""
    left, bottom, right, top = place
    made = pdfium.FPDFPage_CreateAnnot(page, pdfium.FPDF_ANNOT_LINK)
    pdfium.FPDFAnnot_SetRect(made, pdfium.FS_RECTF(left=left, top=top, right=right, bottom=bottom))
    pdfium.FPDFAnnot_SetBorder(made, 0, 0, 0)
    pdfium.FPDFAnnot_SetURI(made, url.encode())
    pdfium.FPDFPage_CloseAnnot(made)
