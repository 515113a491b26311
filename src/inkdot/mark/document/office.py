"""Word and PowerPoint: where their dots stand."""

from __future__ import annotations

from collections.abc import Sequence

from inkdot.mark.document.outline import shown_parts
from inkdot.mark.document.package import Package
from inkdot.mark.document.paging import beginnings, paragraphs_of
from inkdot.mark.document.places import Element, walk
from inkdot.mark.document.splice import slide_picture, word_run
from inkdot.mark.document.spots import Dots, Spot, flavour_of, inserting, last_in


def word_spots(package: Package, main: str, dots: Dots, pages: Sequence[str] = ()) -> list[Spot]:
    """The end of the first paragraph outside a field; likewise after each section or page break.

    Where Word left no page breaks of its own in the file, `pages` are the words of its pages as another program laid them out.
    """
    content = package.read(main)
    flavour = flavour_of(content)
    laid_out = dots is Dots.PAGES and pages and b"lastRenderedPageBreak" not in content
    page_at = beginnings(paragraphs_of(content, main, _is_in_body, within="t"), pages) if laid_out else {}
    found: list[tuple[Element, int, bool, int | None]] = []
    open_fields = 0
    number = -1
    wanted = not page_at

    def began(stack: list[Element], attributes: dict[str, str]) -> None:
        nonlocal open_fields, wanted
        local = stack[-1].name.rpartition(" ")[2]
        if local == "fldChar":
            kind = next((v for k, v in attributes.items() if k.endswith("fldCharType")), "")
            open_fields += {"begin": 1, "end": -1}.get(kind, 0)
        breaks = local == "lastRenderedPageBreak" or (local == "br" and "page" in attributes.values())
        if not page_at and ((dots is Dots.PAGES and breaks) or (dots is not Dots.ONE and local == "sectPr")):
            wanted = True

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> bool:
        nonlocal wanted, number
        if _is_in_body(stack, element):
            number += 1
            page = page_at.get(number)
            if (wanted or page) and not open_fields:
                found.append((element, at, empty, page))
                wanted = False
        return dots is Dots.ONE and not wanted

    walk(content, main, ended, began)
    return [Spot(main, inserting(content, e, at, flavour, word_run, empty=empty), page) for e, at, empty, page in found]


def _is_in_body(stack: Sequence[Element], element: Element) -> bool:
    return element.name.endswith(" p") and bool(stack) and stack[-1].name.rpartition(" ")[2] in ("body", "tc")


def slide_spots(package: Package, main: str, dots: Dots) -> list[Spot]:
    """The end of each slide's shapes, or of the first one's."""
    slides = shown_parts(package, "slide", main)
    if dots is Dots.ONE:
        slides = slides[:1]
    found = []
    for page, part in enumerate(slides, 1):
        content = package.read(part)
        spot = last_in(content, part, "spTree", before="extLst")
        if spot:
            element, at, empty = spot
            splice = inserting(content, element, at, flavour_of(content), slide_picture, empty=empty)
            found.append(Spot(part, splice, page))
    return found
