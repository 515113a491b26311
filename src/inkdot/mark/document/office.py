"""Word and PowerPoint: where their dots stand."""

from __future__ import annotations

import re

from inkdot.mark.document.package import Package
from inkdot.mark.document.places import Element, walk
from inkdot.mark.document.splice import slide_picture, word_run
from inkdot.mark.document.spots import Dots, Spot, flavour_of, inserting, last_in


def word_spots(package: Package, dots: Dots) -> list[Spot]:
    """The end of the first paragraph outside a field; likewise after each section or page break."""
    content = package.read("word/document.xml")
    flavour = flavour_of(content)
    found: list[tuple[Element, int, bool]] = []
    open_fields = 0
    wanted = True

    def began(stack: list[Element], attributes: dict[str, str]) -> None:
        nonlocal open_fields, wanted
        local = stack[-1].name.rpartition(" ")[2]
        if local == "fldChar":
            kind = next((v for k, v in attributes.items() if k.endswith("fldCharType")), "")
            open_fields += {"begin": 1, "end": -1}.get(kind, 0)
        breaks = local == "lastRenderedPageBreak" or (local == "br" and "page" in attributes.values())
        if (dots is Dots.PAGES and breaks) or (dots is not Dots.ONE and local == "sectPr"):
            wanted = True

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> bool:
        nonlocal wanted
        local = element.name.rpartition(" ")[2]
        in_body = bool(stack) and stack[-1].name.rpartition(" ")[2] in ("body", "tc")
        if wanted and local == "p" and in_body and not open_fields:
            found.append((element, at, empty))
            wanted = False
        return dots is Dots.ONE and not wanted

    walk(content, "word/document.xml", ended, began)
    return [
        Spot("word/document.xml", inserting(content, e, at, flavour, word_run, empty=empty)) for e, at, empty in found
    ]


def slide_spots(package: Package, dots: Dots) -> list[Spot]:
    """The end of each slide's shapes, or of the first one's."""
    slides = sorted(
        (n for n in package.names if re.fullmatch(r"ppt/slides/slide\d+\.xml", n)),
        key=lambda n: int(re.findall(r"\d+", n)[-1]),
    )
    if dots is Dots.ONE:
        slides = slides[:1]
    found = []
    for part in slides:
        content = package.read(part)
        spot = last_in(content, part, "spTree", before="extLst")
        if spot:
            element, at, empty = spot
            found.append(Spot(part, inserting(content, element, at, flavour_of(content), slide_picture, empty=empty)))
    return found
