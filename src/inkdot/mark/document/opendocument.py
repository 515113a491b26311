"""OpenDocument: a frame with a linked picture in content.xml."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inkdot.mark.document.package import Package
from inkdot.mark.document.paging import beginnings, paragraphs_of
from inkdot.mark.document.places import Element, inside_end, walk
from inkdot.mark.document.splice import Splice, odf_frame, opened
from inkdot.mark.document.spots import Dots, Spot

_BODY = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 text"
_TEXT = ("text", "section", "list-item", "table-cell")


def spots(package: Package, dots: Dots, pages: Sequence[str] = ()) -> list[Spot]:
    """The first paragraph, page or sheet; with more dots, those after section and page breaks too.

    A text gets a dot on each of its `pages` (their words, as a program laid them out) where these are known.
    """
    content = package.read("content.xml")
    if dots is Dots.PAGES and pages and (found := _paged(content, pages)):
        return found
    found = []
    wanted = True

    def began(stack: list[Element], _attributes: dict[str, str]) -> None:
        nonlocal wanted
        name = stack[-1].name.rpartition(" ")[2]
        if dots is not Dots.ONE and name in ("soft-page-break", "section"):
            wanted = True

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> None:
        nonlocal wanted
        local = element.name.rpartition(" ")[2]
        parent = stack[-1].name.rpartition(" ")[2] if stack else ""
        if local == "p" and parent in ("text", "section") and wanted:
            found.append(Spot("content.xml", _framing(content, element, at, 'ikt:anchor-type="as-char"', empty=empty)))
            wanted = False
        if local == "page" and parent == "presentation" and (dots is not Dots.ONE or not found):
            found.append(Spot("content.xml", _framing(content, element, at, "", empty=empty)))
        if local == "shapes" and parent == "table" and (dots is not Dots.ONE or not found):
            found.append(Spot("content.xml", _framing(content, element, at, "", empty=empty)))

    walk(content, "content.xml", ended, began)
    return found or _ods_spots(content, dots)


def _paged(content: bytes, pages: Sequence[str]) -> list[Spot]:
    """The first paragraph of each page."""
    page_at = beginnings(paragraphs_of(content, "content.xml", _is_in_text), pages)
    found: list[Spot] = []
    number = -1

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> None:
        nonlocal number
        if _is_in_text(stack, element):
            number += 1
            if page := page_at.get(number):
                splice = _framing(content, element, at, 'ikt:anchor-type="as-char"', empty=empty)
                found.append(Spot("content.xml", splice, page))

    walk(content, "content.xml", ended)
    return found


def _is_in_text(stack: Sequence[Element], element: Element) -> bool:
    local = element.name.rpartition(" ")[2]
    inside = bool(stack) and stack[-1].name.rpartition(" ")[2] in _TEXT
    return inside and local in ("p", "h") and any(above.name == _BODY for above in stack)


def _ods_spots(content: bytes, dots: Dots) -> list[Spot]:
    """A sheet without drawings gets a `table:shapes` before its columns."""
    found: list[Spot] = []

    def began(stack: list[Element], _attributes: dict[str, str]) -> None:
        local = stack[-1].name.rpartition(" ")[2]
        parents = [e.name.rpartition(" ")[2] for e in stack[:-1]]
        first = local in ("table-column", "table-columns", "table-column-group", "table-header-columns", "table-row")
        if first and parents[-2:] == ["spreadsheet", "table"] and stack[-2].start not in started:
            started.add(stack[-2].start)
            if dots is not Dots.ONE or not found:
                found.append(Spot("content.xml", _shaping(stack[-1].start)))

    started: set[int] = set()
    walk(content, "content.xml", lambda *_: None, began)
    return found


def _framing(content: bytes, element: Element, at: int, anchor: str, *, empty: bool) -> Callable[[str, int], Splice]:
    place, before, after = inside_end(content, element, at, empty=empty)

    def splice(url: str, _number: int) -> Splice:
        frame = odf_frame(url, anchor)
        return Splice(place, before + (opened(frame) if empty else frame) + after, drop=2 if empty else 0)

    return splice


def _shaping(place: int) -> Callable[[str, int], Splice]:
    start = b'<ikt:shapes xmlns:ikt="urn:oasis:names:tc:opendocument:xmlns:table:1.0">'
    return lambda url, _number: Splice(place, start + odf_frame(url, "") + b"</ikt:shapes>")
