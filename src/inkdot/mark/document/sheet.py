"""Excel: a picture in a sheet's drawing, or in a new one."""

from __future__ import annotations

import re

from inkdot.domain.errors import DocumentRefused
from inkdot.mark.document.package import Package
from inkdot.mark.document.places import Element, walk
from inkdot.mark.document.splice import (
    Splice,
    free_relation,
    sheet_anchor,
    sheet_namespace,
    spliced,
    with_relationships,
)
from inkdot.mark.document.spots import Dots, Spot, flavour_of, inserting, last_in, next_number, relations_of

DRAWING_PART = "xl/drawings/drawingInkdot.xml"
_DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"


def sheet_spots(package: Package, dots: Dots) -> list[Spot]:
    """Sheets with something on them: a picture on an empty sheet would make it print."""
    sheets = sorted(
        (n for n in package.names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", n)),
        key=lambda n: int(re.findall(r"\d+", n)[-1]),
    )
    filled = [n for n in sheets if re.search(rb"<(?:\w+:)?(c|drawing)[\s>]", package.read(n))]
    drawn_apart = [n for n in filled if _drawing_of(package, n)]
    if dots is Dots.ONE or not drawn_apart:
        filled = filled[:1]  # one new drawing part serves one sheet
    else:
        filled = [n for n in filled if n in drawn_apart] or filled[:1]
    return [Spot(n, lambda _r, _n: Splice(0, b"")) for n in filled]


def _drawing_of(package: Package, sheet: str) -> str | None:
    """The sheet's drawing part, if it has one."""
    used = re.search(rb"<(?:\w+:)?drawing\s[^>]*?\w+:id\s*=\s*[\"']([^\"']+)[\"']", package.read(sheet))
    if not used or relations_of(sheet) not in package.names:
        return None
    for relation in re.findall(rb"<(?:\w+:)?Relationship\s[^>]*>", package.read(relations_of(sheet))):
        target = re.search(rb"Target\s*=\s*[\"']([^\"']+)", relation)
        if re.search(rb"\bId\s*=\s*[\"']" + re.escape(used[1]) + rb"[\"']", relation) and target:
            name = target[1].decode().removeprefix("/")
            name = name if name.startswith("xl/") else "xl/" + name.removeprefix("../")
            return name if name in package.names else None
    return None


_AFTER_DRAWING = (
    "legacyDrawing", "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst",
)  # fmt: skip


def mark_sheet(package: Package, part: str, url: str, changed: dict[str, bytes]) -> dict[str, bytes]:
    """The changed parts of a sheet that gets a dot; `changed` holds what other sheets changed before."""
    content = package.read(part)
    flavour = flavour_of(content)
    drawing = _drawing_of(package, part)
    if drawing:
        drawn = changed.get(drawing) or package.read(drawing)
        relations = package.read(relations_of(drawing)) if relations_of(drawing) in package.names else None
        spot = last_in(drawn, drawing, "wsDr", before="extLst")
        if spot is None:
            raise DocumentRefused(f"The document is damaged: {drawing} is no drawing.")
        element, at, empty = spot
        (relation,) = free_relation(relations, 1)
        splice = inserting(drawn, element, at, flavour, sheet_anchor, empty=empty)(relation, next_number(drawn))
        return {
            drawing: spliced(drawn, [splice]),
            relations_of(drawing): with_relationships(relations, flavour, {relation: url}),
        }
    return _new_drawing(package, part, content, flavour, url)


def _new_drawing(package: Package, part: str, content: bytes, flavour: str, url: str) -> dict[str, bytes]:
    x = sheet_namespace(flavour)
    namespace = "http://purl.oclc.org/ooxml/officeDocument/relationships" if flavour == "strict" else (
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    )  # fmt: skip
    drawn = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<xdr:wsDr xmlns:xdr="{x}">'.encode()
    drawn += sheet_anchor(flavour, 2, "rIdInkdot1") + b"</xdr:wsDr>"
    relations = package.read(relations_of(part)) if relations_of(part) in package.names else None
    link = f'<Relationship Id="rIdInkdotDrawing" Type="{namespace}/drawing" Target="/{DRAWING_PART}"/>'
    place, prefix = _drawing_place(content, part)
    tag = f'<{prefix}drawing xmlns:ikr="{namespace}" ikr:id="rIdInkdotDrawing"/>'.encode()
    types = package.read("[Content_Types].xml")
    override = f'<Override PartName="/{DRAWING_PART}" ContentType="{_DRAWING_TYPE}"/>'.encode()
    at = types.rfind(b"</")
    if at < 0:
        raise DocumentRefused("The document is damaged: [Content_Types].xml lists nothing.")
    return {
        part: spliced(content, [Splice(place, tag)]),
        relations_of(part): with_relationships(relations, flavour, {}, others=link),
        DRAWING_PART: drawn,
        relations_of(DRAWING_PART): with_relationships(None, flavour, {"rIdInkdot1": url}),
        "[Content_Types].xml": types[:at] + override + types[at:],
    }


def _drawing_place(content: bytes, part: str) -> tuple[int, str]:
    """Where `<drawing>` belongs by the schema, and the prefix that the sheet's elements have."""
    found: list[int] = []
    prefix: list[str] = []

    def ended(stack: list[Element], element: Element, at: int, _after: int, _empty: bool) -> None:
        local = element.name.rpartition(" ")[2]
        if len(stack) == 1 and local in _AFTER_DRAWING:
            found.append(element.start)
        if not stack:
            found.append(at)
            named = re.match(rb"<([\w.-]+:)?", content[element.start :])
            prefix.append((named[1] or b"").decode() if named else "")

    walk(content, part, ended)
    return min(found), prefix[0]
