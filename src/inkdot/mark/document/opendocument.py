"""OpenDocument: a frame with a linked picture in content.xml."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inkdot.mark.document.package import Package
from inkdot.mark.document.paging import beginnings, paragraphs_of
from inkdot.mark.document.places import Element, inside_end, walk
from inkdot.mark.document.splice import Splice, odf_frame, opened
from inkdot.mark.document.spots import Dots, Spot

TEXT = b"application/vnd.oasis.opendocument.text"
_BODY = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 text"
_TEXT = ("text", "section", "list-item", "table-cell")
_DRAWN = {("page", "presentation"), ("shapes", "table")}
"""Elements at whose end a picture stands, with their parents."""
_MOST_ANCESTORS = 8
"""Of a style, that hand down to it that it begins a page."""
_IN_LINE = 'ikt:anchor-type="as-char"'


def spots(package: Package, dots: Dots, pages: Sequence[str] = ()) -> list[Spot]:
    """The first paragraph, page or sheet; with more dots, those after section and page breaks too.

    A text gets a dot on each of its `pages` (their words, as a program laid them out) where these are known.
    """
    content = package.read("content.xml")
    if dots is Dots.PAGES and pages and (found := _texts(content, beginnings(_paragraphs(content), pages))):
        return found
    if dots is not Dots.ONE and (found := _texts(content, _parted(package, content, dots))):
        return found
    found = []

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> None:
        local = element.name.rpartition(" ")[2]
        parent = stack[-1].name.rpartition(" ")[2] if stack else ""
        if local == "p" and parent in ("text", "section") and not found:
            found.append(Spot("content.xml", _framing(content, element, at, _IN_LINE, empty=empty)))
        if (local, parent) in _DRAWN and (dots is not Dots.ONE or not found):
            found.append(Spot("content.xml", _framing(content, element, at, "", empty=empty)))

    walk(content, "content.xml", ended)
    return found or _texts(content, {0: 1}) or _ods_spots(content, dots)  # a text of nothing but lists or tables


def _paragraphs(content: bytes) -> list[str]:
    return paragraphs_of(content, "content.xml", _is_in_text)


def _parted(package: Package, content: bytes, dots: Dots) -> dict[int, int]:
    """Paragraph (from 0) -> page or section (from 1): the first that ends in each, as far as the file tells."""
    breaks = "soft-page-break" if dots is Dots.PAGES else "section"
    turning = _turning(package, content) if dots is Dots.PAGES else set()
    parts, number, fresh = 1, -1, True
    found: dict[int, int] = {}

    def began(stack: list[Element], attributes: dict[str, str]) -> None:
        nonlocal parts, fresh
        style = next((value for name, value in attributes.items() if name.endswith(" style-name")), "")
        broken = stack[-1].name.endswith(f" {breaks}")
        if broken or (style in turning and not fresh and _is_in_text(stack[:-1], stack[-1])):
            parts, fresh = parts + 1, True

    def ended(stack: list[Element], element: Element, _at: int, _after: int, _empty: bool) -> None:
        nonlocal number, fresh
        if _is_in_text(stack, element):
            number, fresh = number + 1, False
            found.setdefault(parts, number)

    walk(content, "content.xml", ended, began)
    return {number: part for part, number in (found.items() if dots is Dots.PAGES else enumerate(found.values(), 1))}


def _turning(package: Package, content: bytes) -> set[str]:
    """The styles whose paragraphs begin a page."""
    parents: dict[str, str] = {}
    turning: set[str] = set()
    name = ""

    def began(stack: list[Element], attributes: dict[str, str]) -> None:
        nonlocal name
        local = stack[-1].name.rpartition(" ")[2]
        known = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        if local == "style":
            name = known.get("name", "")
            parents[name] = known.get("parent-style-name", "")
        if known.get("break-before") == "page" or (local == "style" and known.get("master-page-name")):
            turning.add(name)

    for part in ("styles.xml", "content.xml"):
        if part in package.names:
            walk(content if part == "content.xml" else package.read(part), part, lambda *_: None, began)
    for _ in range(_MOST_ANCESTORS):
        turning |= {child for child, parent in parents.items() if parent in turning}
    return turning - {""}


def _texts(content: bytes, page_at: dict[int, int]) -> list[Spot]:
    """The ends of some paragraphs of a text."""
    found: list[Spot] = []
    number = -1

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> None:
        nonlocal number
        if _is_in_text(stack, element):
            number += 1
            if page := page_at.get(number):
                found.append(Spot("content.xml", _framing(content, element, at, _IN_LINE, empty=empty), page))

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
