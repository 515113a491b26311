"""Word and PowerPoint: where their dots stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from inkdot.mark.document.outline import shown_parts
from inkdot.mark.document.package import Package
from inkdot.mark.document.paging import beginnings, paragraphs_of
from inkdot.mark.document.places import Element, tag_end, walk
from inkdot.mark.document.splice import slide_picture, word_run
from inkdot.mark.document.spots import Dots, Spot, flavour_of, inserting, last_in, starting

NOTED = b"lastRenderedPageBreak"
"""Where a page ended when Word saved the file."""
_HOLDERS = ("body", "tc", "sdtContent", "customXml")
_PLAIN = re.compile(rb"<[\w.-]*:?(text|date|comboBox|dropDownList|picture|citation|dataBinding|showingPlcHdr)\b")
"""Said of a content control that holds plain text, or whose text is written anew from elsewhere."""


def word_spots(package: Package, main: str, dots: Dots, pages: Sequence[str] = ()) -> list[Spot]:
    """The end of the first paragraph outside a field; or the start of the first paragraph that begins in each section or page.

    Pages end where Word noted it when it saved the file. Where it did not, `pages` are the words of its pages as another program
    laid them out; without these, pages end at page and section breaks.
    """
    content = package.read(main)
    flavour = flavour_of(content)
    if dots is Dots.ONE:
        ends = _first_end(content, main)
        return [Spot(main, inserting(content, e, at, flavour, word_run, empty=empty)) for e, at, empty in ends]
    if dots is Dots.PAGES and pages and NOTED not in content:
        page_at = beginnings(paragraphs_of(content, main, _is_in_body, within="t"), pages)
    else:
        page_at = {}
    found: dict[int, _Start] = {}
    for start in _starts(content, main, by_page=dots is Dots.PAGES):
        page = page_at.get(start.number) if page_at else start.page
        known = found.get(page) if page else None
        if page and (known is None or (known.in_table and not start.in_table and not page_at)):
            found[page] = start
    return [
        Spot(main, starting(content, start.element, start.at, flavour, word_run), page if dots is Dots.PAGES else None)
        for page, start in sorted(found.items())
    ]


def _first_end(content: bytes, main: str) -> list[tuple[Element, int, bool]]:
    """Where the first paragraph outside fields and content controls ends; in a control, if all text stands in those."""
    free: list[tuple[Element, int, bool]] = []
    controlled: list[tuple[Element, int, bool]] = []
    fields = _Fields()

    def ended(stack: list[Element], element: Element, at: int, _after: int, empty: bool) -> bool:
        if not free and not fields.open and _is_in_body(stack, element):
            if not any(above.name.endswith(" sdt") for above in stack):
                free.append((element, at, empty))
            elif not controlled and not _is_plain(content, stack):
                controlled.append((element, at, empty))
        return bool(free)

    walk(content, main, ended, lambda stack, attributes: fields.began(stack[-1], attributes))
    return free or controlled


class _Fields:
    """How many fields are open; nothing is put into one."""

    def __init__(self) -> None:
        self.open = 0

    def began(self, element: Element, attributes: dict[str, str]) -> None:
        if element.name.endswith(" fldChar"):
            kind = next((v for k, v in attributes.items() if k.endswith("fldCharType")), "")
            self.open += {"begin": 1, "end": -1}.get(kind, 0)


class _Start(NamedTuple):
    """A paragraph of the body, outside fields."""

    number: int
    """Among all of the body, from 0."""
    element: Element
    at: int | None
    """Behind its properties and a page break before its text; None where it is empty."""
    page: int
    """On which it begins; or its section."""
    in_table: bool


class _Layout:
    """Goes through a Word file's main part: which paragraphs there are, and how many breaks stand before each begins."""

    def __init__(self, content: bytes, *, by_page: bool) -> None:
        self._content, self._by_page, self._noted = content, by_page, NOTED in content
        self._fields = _Fields()
        self._breaks, self._number = 0, -1
        self._sections: list[bool] = []
        """Of each: whether it begins on a new page."""
        self._open: Element | None = None
        """The paragraph that is gone through; what is nested in its boxes is part of it."""
        self._said = self._free = self._turned = False
        self._before, self._at, self._behind = (0, 0), 0, 0
        self._found: list[tuple[int, Element, int | None, tuple[int, int], bool]] = []

    def began(self, stack: list[Element], attributes: dict[str, str]) -> None:
        element, parent = stack[-1], stack[-2].name if len(stack) > 1 else ""
        local = element.name.rpartition(" ")[2]
        self._fields.began(element, attributes)
        if local == "p" and self._open is None and _is_in_body(stack[:-1], element):
            self._open, self._at = element, 0
            self._free = not self._fields.open and not _is_plain(self._content, stack)
            self._said, self._turned, self._behind = False, False, 0
            self._before = self._breaks, len(self._sections)
        elif local == "t" and not self._said:
            self._said = True
            if self._behind:  # in a paragraph of a break alone a picture would become a line of its own
                self._begin(self._behind)
        elif local == "sectPr" and parent.endswith((" pPr", " body")):
            self._sections.append(True)
        elif local == "type" and parent.endswith(" sectPr") and self._sections:
            self._sections[-1] = "continuous" not in attributes.values()
        elif local == "lastRenderedPageBreak":
            self._breaks += 1
            if not self._said:  # it stands at the beginning, so all of the paragraph is on the new page
                self._before = self._breaks, self._before[1]
        elif local == "br" and "page" in attributes.values():
            self._breaks += not self._noted
            self._turned |= not self._said

    def ended(self, stack: list[Element], element: Element, _at: int, after: int, empty: bool) -> None:
        self._number += _is_in_body(stack, element)
        if element is self._open:
            self._open = None
            if self._free:
                at = None if empty else self._at or tag_end(self._content, element.start)
                self._found.append((self._number, element, at, self._before, stack[-1].name.endswith(" tc")))
        elif element.name.endswith(" pPr") and stack and stack[-1] is self._open:
            self._at = after
        elif self._turned and element.name.endswith(" r") and stack and stack[-1] is self._open:
            self._behind, self._turned = after, False
            if self._said:
                self._begin(after)

    def _begin(self, at: int) -> None:
        """What is to be read of the paragraph begins only here, behind a page break."""
        self._at, self._before = at, (self._breaks, self._before[1])

    def starts(self) -> Iterator[_Start]:
        """Of all that was gone through."""
        new_pages = [0, *accumulate(self._sections[1:])]  # how a section begins is said at its own end
        for number, element, at, (breaks, sections), in_table in self._found:
            if not self._by_page:
                page = sections + 1
            elif self._noted:
                page = breaks + 1
            else:
                page = breaks + new_pages[min(sections, len(new_pages) - 1)] + 1
            yield _Start(number, element, at, page, in_table)


def _starts(content: bytes, main: str, *, by_page: bool) -> Iterator[_Start]:
    layout = _Layout(content, by_page=by_page)
    walk(content, main, layout.ended, layout.began)
    return layout.starts()


def _is_in_body(stack: Sequence[Element], element: Element) -> bool:
    """A paragraph of the text, in tables and content controls too, but in no text box."""
    inside = bool(stack) and stack[-1].name.rpartition(" ")[2] in _HOLDERS
    return inside and element.name.endswith(" p") and not any(e.name.endswith(" txbxContent") for e in stack)


def _is_plain(content: bytes, stack: Sequence[Element]) -> bool:
    """Whether a content control around this takes no picture, or would lose it."""
    return any(
        inner.name.endswith(" sdtContent") and _PLAIN.search(content, outer.start, inner.start)
        for outer, inner in pairwise(stack)
    )


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
