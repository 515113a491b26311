"""Excel: a picture in a sheet's drawing, or in a new one."""

from __future__ import annotations

import re

from inkdot.domain.errors import DocumentRefused
from inkdot.mark.document.outline import relations, relations_of, shown_parts
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
from inkdot.mark.document.spots import Dots, Spot, flavour_of, inserting, last_in, next_number

_DRAWING = "xl/drawings/drawingInkdot{}.xml"
OUR_DRAWING = re.compile(r"xl/drawings/(_rels/)?drawingInkdot\d*\.xml(\.rels)?$")
_TYPES = "[Content_Types].xml"
_DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"


def sheet_spots(package: Package, main: str, dots: Dots) -> list[Spot]:
    """Sheets with something on them: a picture on an empty sheet would make it print."""
    found = [
        Spot(part, lambda _r, _n: Splice(0, b""), page)
        for page, part in enumerate(shown_parts(package, "worksheet", main), 1)
        if re.search(rb"<(?:\w+:)?(c|drawing)[\s>]", package.read(part))
    ]
    return found[:1] if dots is Dots.ONE else found


def _drawing_of(package: Package, sheet: str) -> str | None:
    """The sheet's drawing part, if it has one."""
    used = re.search(rb"<(?:\w+:)?drawing\s[^>]*?\w+:id\s*=\s*[\"']([^\"']+)[\"']", package.read(sheet))
    relation = relations(package, sheet).get(used[1].decode("utf-8", "replace")) if used else None
    return relation.part if relation else None


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
        listed = relations_of(drawing)
        known = changed.get(listed) or (package.read(listed) if listed in package.names else None)
        spot = last_in(drawn, drawing, "wsDr", before="extLst")
        if spot is None:
            raise DocumentRefused(f"The document is damaged: {drawing} is no drawing.")
        element, at, empty = spot
        (relation,) = free_relation(known, 1)
        splice = inserting(drawn, element, at, flavour, sheet_anchor, empty=empty)(relation, next_number(drawn))
        return {
            drawing: spliced(drawn, [splice]),
            listed: with_relationships(known, flavour, {relation: url}),
        }
    return _new_drawing(package, part, flavour, url, changed)


def _new_drawing(package: Package, part: str, flavour: str, url: str, changed: dict[str, bytes]) -> dict[str, bytes]:
    content, types = package.read(part), changed.get(_TYPES) or package.read(_TYPES)
    new = next(name for name in map(_DRAWING.format, ("", *range(2, len(changed) + 3))) if name not in changed)
    x = sheet_namespace(flavour)
    namespace = "http://purl.oclc.org/ooxml/officeDocument/relationships" if flavour == "strict" else (
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    )  # fmt: skip
    drawn = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<xdr:wsDr xmlns:xdr="{x}">'.encode()
    drawn += sheet_anchor(flavour, 2, "rIdInkdot1") + b"</xdr:wsDr>"
    known = package.read(relations_of(part)) if relations_of(part) in package.names else None
    link = f'<Relationship Id="rIdInkdotDrawing" Type="{namespace}/drawing" Target="/{new}"/>'
    place, prefix = _drawing_place(content, part)
    tag = f'<{prefix}drawing xmlns:ikr="{namespace}" ikr:id="rIdInkdotDrawing"/>'.encode()
    override = f'<Override PartName="/{new}" ContentType="{_DRAWING_TYPE}"/>'.encode()
    at = types.rfind(b"</")
    if at < 0:
        raise DocumentRefused("The document is damaged: [Content_Types].xml lists nothing.")
    return {
        part: spliced(content, [Splice(place, tag)]),
        relations_of(part): with_relationships(known, flavour, {}, others=link),
        new: drawn,
        relations_of(new): with_relationships(None, flavour, {"rIdInkdot1": url}),
        _TYPES: types[:at] + override + types[at:],
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
