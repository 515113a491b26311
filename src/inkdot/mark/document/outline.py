"""How an Office package hangs together: its main part by whatever name, its slides and sheets in the order they are shown."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from inkdot.mark.document.package import Package
from inkdot.mark.document.places import Element, walk

_KINDS = {"document": "docx", "presentation": "pptx", "workbook": "xlsx"}
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(document|presentation|workbook)[\s>]")
_USUAL = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_HIDDEN = ("hidden", "veryHidden")


class Relation(NamedTuple):
    """What a part refers to."""

    kind: str
    """The last word of its type, like `slide`."""
    part: str


def relations_of(part: str) -> str:
    """The part with the relationships of a part."""
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels".removeprefix("/")


def relations(package: Package, part: str) -> dict[str, Relation]:
    """What a part of the package refers to within it, by id."""
    listed = relations_of(part)
    if listed not in package.names:
        return {}
    names = {name.lower(): name for name in package.names}
    found: dict[str, Relation] = {}

    def began(stack: list[Element], attributes: dict[str, str]) -> None:
        if stack[-1].name.endswith(" Relationship") and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", posixpath.dirname(part), attributes.get("Target", ""))
            name = names.get(posixpath.normpath(target).lstrip("/").lower())
            if name is not None:
                found[attributes.get("Id", "")] = Relation(attributes.get("Type", "").rpartition("/")[2], name)

    walk(package.read(listed), listed, lambda *_: None, began)
    return found


def main_part(package: Package) -> tuple[str, str] | None:
    """Kind of the package (docx, pptx, xlsx) and the part that makes it one; None if it is none of these."""
    told = [relation.part for relation in relations(package, "").values() if relation.kind == "officeDocument"]
    for part in (*told, *(name for name in _USUAL if name in package.names)):
        root = _ROOT.search(package.read(part)[:8_192])
        kind = _KINDS[root[1].decode()] if root else _USUAL.get(part)
        if kind:
            return kind, part
    return None


def shown_parts(package: Package, kind: str, main: str) -> list[str]:
    """The slides of a presentation (`kind` slide) or the sheets of a workbook (worksheet) as they follow each other; no hidden sheets."""
    order: list[str] = []

    def began(stack: list[Element], attributes: dict[str, str]) -> None:
        local = stack[-1].name.rpartition(" ")[2]
        if local in ("sldId", "sheet") and attributes.get("state") not in _HIDDEN:
            order.extend(value for name, value in attributes.items() if name.endswith("relationships id"))

    walk(package.read(main), main, lambda *_: None, began)
    related = relations(package, main)
    return list(dict.fromkeys(related[n].part for n in order if n in related and related[n].kind == kind))
