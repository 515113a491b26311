"""Places for dots: what the formats have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from inkdot.mark.document.places import Element, inside_end, walk
from inkdot.mark.document.splice import Splice, opened

_STRICT = b"http://purl.oclc.org/ooxml/"
_NUMBERS = re.compile(rb"<[\w.-]*:?(?:docPr|cNvPr)\b[^>]*?\bid\s*=\s*[\"'](\d{1,9})[\"']")


class Dots(StrEnum):
    """How many dots a document gets."""

    ONE = "one"
    SECTIONS = "sections"
    """One per section, sheet or slide."""
    PAGES = "pages"
    """One per page, as far as the file tells where pages end, or a program that lays it out."""


class Spot(NamedTuple):
    """A place for a dot in one part."""

    part: str
    splice: Callable[[str, int], Splice]
    """Of relationship id (or address, for OpenDocument) and drawing number."""
    page: int | None = None
    """Where a program that lays out said so; else dots are counted."""


def flavour_of(content: bytes) -> str:
    """`strict` or `transitional`: which namespaces an Office part speaks."""
    return "strict" if _STRICT in content[:20_000] else "transitional"


def next_number(content: bytes) -> int:
    """A drawing number that no drawing of the part has."""
    return max((int(n) for n in _NUMBERS.findall(content)), default=0) + 1


def inserting(
    content: bytes, element: Element, at: int, flavour: str, piece: Callable[[str, int, str], bytes], *, empty: bool
) -> Callable[[str, int], Splice]:
    """Puts a piece in as the last child of an element."""
    place, before, after = inside_end(content, element, at, empty=empty)

    def splice(relation: str, number: int) -> Splice:
        made = piece(flavour, number, relation)
        return Splice(place, before + (opened(made) if empty else made) + after, drop=2 if empty else 0)

    return splice


def starting(
    content: bytes, element: Element, at: int | None, flavour: str, piece: Callable[[str, int, str], bytes]
) -> Callable[[str, int], Splice]:
    """Puts a piece in at an offset within an element; None: into an element that is empty."""
    if at is None:
        return inserting(content, element, element.start, flavour, piece, empty=True)
    return lambda relation, number: Splice(at, piece(flavour, number, relation))


def last_in(content: bytes, part: str, parent: str, before: str) -> tuple[Element, int, bool] | None:
    """The end of the first element `parent`, or the start of its child `before` where it has one."""
    found: list[tuple[Element, int, bool]] = []
    extension: list[int] = []

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> None:
        local = element.name.rpartition(" ")[2]
        if local == before and len(stack) and stack[-1].name.rpartition(" ")[2] == parent and not found:
            extension.append(element.start)
        if local == parent and not found and (not stack or stack[-1].name.rpartition(" ")[2] != "grpSp"):
            found.append((element, extension[-1] if extension else at, empty))

    walk(content, part, ended)
    return found[0] if found else None
