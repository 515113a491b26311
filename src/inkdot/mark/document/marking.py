"""Mark a document for one person: a linked picture of one pixel, fetched by the program that shows the document.

What the picture proves differs by program; most fetch everything when the document is opened, so a dot proves opening and no
more. Documents that must not be touched are refused with a reason; nothing is guessed.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple, overload

from inkdot.domain.errors import DocumentRefused
from inkdot.domain.untreated import Untreated
from inkdot.mark.document import office, opendocument
from inkdot.mark.document.mapped import Content, blocks, written_so_far
from inkdot.mark.document.notice import Way, described, text_notice, word_notice
from inkdot.mark.document.outline import main_part, relations_of
from inkdot.mark.document.package import MOST_BYTES, Package
from inkdot.mark.document.pdf import is_pdf, size_without_line
from inkdot.mark.document.places import walk
from inkdot.mark.document.sheet import OUR_DRAWING, mark_sheet, sheet_spots
from inkdot.mark.document.splice import MADE, SIGN, Splice, cleaned, free_relation, spliced, with_relationships
from inkdot.mark.document.spots import Dots, Spot, flavour_of, next_number

_NAME, _SIGNS = b"Inkdot", (SIGN.encode(), b"rIdInkdot", b"drawingInkdot")
"""What stands in all that is ours, and in each."""
_MACRO_TYPE = re.compile(rb"(?i)macroEnabled")


class Dot(NamedTuple):
    """One dot in a document."""

    part: str
    page: int | None
    url: str


Address = Callable[[int], str]
"""Makes the address of the dot of a page; 0 stands for the whole document."""


def mark(
    source: Content, address: Address, dots: Dots = Dots.ONE, pages: Sequence[str] = (), way: Way | None = None
) -> tuple[bytes, list[Dot]]:
    """A marked copy and its dots, as `mark_into` makes them."""
    out = io.BytesIO()
    made = mark_into(out, source, address, dots, pages, way)
    return out.getvalue(), made


def mark_into(
    out: BinaryIO,
    source: Content,
    address: Address,
    dots: Dots = Dots.ONE,
    pages: Sequence[str] = (),
    way: Way | None = None,
) -> list[Dot]:
    """Write a marked copy; its dots. Marks of ours that are there already are replaced. Raises DocumentRefused; what was written till then is worth nothing.

    `pages`: the words of each page, for a dot on each, where the file itself does not tell where pages end. `way`: to the privacy page.
    """
    package = _opened(unmark(source))
    kind, main = _kind(package)
    package.refuse_dtds(n for n in sorted(package.names) if n.endswith((".xml", ".rels")) and not _may_be_ours(n))
    if kind != "odf":
        _check_lists(package)
    spots = _SPOTS[kind](package, main, dots, pages)
    if not spots:
        raise DocumentRefused("The document has nothing on it that a dot could stand beside.", Untreated.NO_PLACE)
    whole = len(spots) == 1 and dots is Dots.ONE
    made = [
        Dot(spot.part, None if whole else spot.page or n, address(0 if whole else spot.page or n))
        for n, spot in enumerate(spots, 1)
    ]
    last = _notice(package, kind, main, way) if way and way.visible else []
    changed = _odf(package, spots, made, last) if kind == "odf" else _ooxml(package, kind, spots, made, last)
    if way:
        changed = {part: described(content, way) for part, content in changed.items()}
    package.write(out, changed, and_back=True)
    return made


def wants_layout(source: Content) -> bool:
    """True if only a program that lays a document out can tell where its pages end. Raises DocumentRefused."""
    package = _opened(source)
    kind, main = _kind(package)
    if kind == "odf":
        return package.read("mimetype").startswith(opendocument.TEXT)
    return kind == "docx" and office.NOTED not in package.read(main)


@overload
def unmark(source: bytes) -> bytes: ...


@overload
def unmark(source: Content) -> Content: ...


def unmark(source: Content) -> Content:
    """The document as `unmark_into` makes it; the same object if there are no marks of ours in it."""
    with io.BytesIO() if isinstance(source, bytes) else tempfile.TemporaryFile() as out:
        return written_so_far(out) if unmark_into(out, source) else source


def unmark_into(out: BinaryIO, source: Content) -> bool:
    """Write the document as it was before: byte for byte, or, if a program has written it anew since, without marks of ours.

    False if there are none; then nothing is written. `out` is read, too.
    """
    if is_pdf(source):
        size = size_without_line(source)
        out.writelines(blocks(source, 0, size or 0))
        return size is not None
    package = _opened(source)
    changed: dict[str, bytes] = {}
    removed = {name for name in package.names if OUR_DRAWING.match(name)}
    for name in sorted(package.names):
        if name not in removed and name.endswith((".xml", ".rels")) and _may_be_ours(name):
            content = package.read(name)
            if _NAME in content and any(sign in content for sign in _SIGNS):
                changed[name] = _without_drawing(cleaned(content))
    removed |= {n for n, c in changed.items() if MADE in c and not re.search(rb"<(?:\w+:)?Relationship\s", c)}
    changed = {name: content for name, content in changed.items() if name not in removed}
    if changed or removed:
        package.write_original(out, changed, frozenset(removed))
    return bool(changed or removed)


def _may_be_ours(name: str) -> bool:
    return bool(re.match(r"(word|ppt|xl)/|content\.xml$|\[Content_Types\]\.xml$", name))


def _without_drawing(content: bytes) -> bytes:
    content = re.sub(rb'<(?:\w+:)?drawing xmlns:ikr="[^"]*" ikr:id="rIdInkdotDrawing"/>', b"", content)
    content = re.sub(rb'<(?:\w+:)?Relationship Id="rIdInkdotDrawing"[^>]*/>', b"", content)
    return re.sub(rb'<(?:\w+:)?Override PartName="/xl/drawings/drawingInkdot\d*\.xml"[^>]*/>', b"", content)


def _opened(source: Content) -> Package:
    if is_pdf(source):
        raise DocumentRefused(
            "A PDF gets no dot: programs that show it fetch nothing. Share it: 'inkdot doc share FILE'.",
            Untreated.PDF,
        )
    if len(source) > MOST_BYTES:
        raise DocumentRefused(f"The document is larger than {MOST_BYTES >> 20} MB.", Untreated.TOO_LARGE)
    return Package(source)


def _kind(package: Package) -> tuple[str, str]:
    """docx, pptx, xlsx or odf, and the main part."""
    names = package.names
    if "[Content_Types].xml" in names:
        if _MACRO_TYPE.search(package.read("[Content_Types].xml")):
            raise DocumentRefused("The document holds macros; save it without them first.", Untreated.MACROS)
        if found := main_part(package):
            return found
    if "mimetype" in names and "content.xml" in names:
        if "META-INF/manifest.xml" in names and b"encryption-data" in package.read("META-INF/manifest.xml"):
            raise DocumentRefused(
                "The document is password-protected; take the password off first.", Untreated.PROTECTED
            )
        return "odf", "content.xml"
    raise DocumentRefused(
        "This is no docx, pptx, xlsx, odt, odp or ods; those can be marked, a PDF can be shared.",
        Untreated.OTHER_FORMAT,
    )


def _check_lists(package: Package) -> None:
    """The lists that tie an Office document together are XML. Raises DocumentRefused."""
    for part in ("[Content_Types].xml", *(n for n in sorted(package.names) if n.endswith(".rels"))):
        walk(package.read(part), part, lambda *_: None)


def _notice(package: Package, kind: str, main: str, way: Way) -> list[Splice]:
    """A last paragraph, where there is a text to end."""
    spot = None
    if kind == "docx":
        content = package.read(main)
        spot = word_notice(content, main, flavour_of(content), way)
    elif kind == "odf":
        spot = text_notice(package.read("content.xml"), way)
    return [spot.splice("", 0)] if spot else []


def _ooxml(package: Package, kind: str, spots: list[Spot], made: list[Dot], last: list[Splice]) -> dict[str, bytes]:
    changed: dict[str, bytes] = {}
    by_part: dict[str, list[tuple[Spot, Dot]]] = {}
    for spot, dot in zip(spots, made, strict=True):
        by_part.setdefault(spot.part, []).append((spot, dot))
    for part, pairs in by_part.items():
        if kind == "xlsx":
            changed |= mark_sheet(package, part, pairs[0][1].url, changed)
            continue
        content = package.read(part)
        relations = package.read(relations_of(part)) if relations_of(part) in package.names else None
        ids = free_relation(relations, len(pairs))
        first = next_number(content)
        splices = [spot.splice(ids[n], first + n) for n, (spot, _) in enumerate(pairs)]
        changed[part] = spliced(content, splices + last)
        urls = {ids[n]: dot.url for n, (_, dot) in enumerate(pairs)}
        changed[relations_of(part)] = with_relationships(relations, flavour_of(content), urls)
    return changed


def _odf(package: Package, spots: list[Spot], made: list[Dot], last: list[Splice]) -> dict[str, bytes]:
    splices = [spot.splice(dot.url, n) for n, (spot, dot) in enumerate(zip(spots, made, strict=True), 1)]
    return {"content.xml": spliced(package.read("content.xml"), splices + last)}


_SPOTS: dict[str, Callable[[Package, str, Dots, Sequence[str]], list[Spot]]] = {
    "docx": office.word_spots, "pptx": lambda package, main, dots, _: office.slide_spots(package, main, dots),
    "xlsx": lambda package, main, dots, _: sheet_spots(package, main, dots),
    "odf": lambda package, _main, dots, pages: opendocument.spots(package, dots, pages),
}  # fmt: skip
