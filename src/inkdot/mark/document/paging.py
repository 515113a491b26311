"""Which paragraph begins which page: the words of a document beside the words of its pages, as a program laid them out."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence

from inkdot.mark.document.places import Element, walk

_LEAST = 8
"""Letters of a paragraph that can be found again; shorter ones stand everywhere."""
_PAGES_AHEAD = 3
"""How far on a paragraph is looked for: what is not found there was written otherwise on its page."""


def beginnings(paragraphs: Sequence[str], pages: Sequence[str]) -> dict[int, int]:
    """Paragraph (from 0) -> page (from 1): on each page the first one that stands on it from beginning to end.

    Pages on which none does, or none that is found, are missing.
    """
    starts, whole = [], ""
    for page in pages:
        starts.append(len(whole))
        whole += _letters(page)
    found: dict[int, int] = {}
    at = 0
    for number, paragraph in enumerate(paragraphs):
        words = _letters(paragraph)
        if len(words) < _LEAST:
            continue
        ahead = bisect_right(starts, at) + _PAGES_AHEAD
        place = whole.find(words, at, starts[ahead] if ahead < len(starts) else len(whole))
        if place < 0:
            continue
        at = place + len(words)
        first, last = bisect_right(starts, place), bisect_right(starts, at - 1)
        if first == last and first not in found:
            found[first] = number
    return {number: page for page, number in found.items()}


IsParagraph = Callable[[Sequence[Element], Element], bool]
"""Of an element's ancestors and itself: whether it is a paragraph of the text, not of a box or a note."""


def paragraphs_of(content: bytes, part: str, is_paragraph: IsParagraph, *, within: str = "") -> list[str]:
    """The text of each paragraph, in the order of their ends; only what stands in elements `within`, if that is said."""
    found: list[str] = []
    words: list[str] = []
    inside = not within

    def began(stack: list[Element], _attributes: dict[str, str]) -> None:
        nonlocal inside
        inside = not within or stack[-1].name.endswith(f" {within}")

    def said(text: str) -> None:
        if inside:
            words.append(text)

    def ended(stack: list[Element], element: Element, _at: int, _after: int, _empty: bool) -> None:
        nonlocal inside
        inside = not within
        if is_paragraph(stack, element):
            found.append("".join(words))
            words.clear()

    walk(content, part, ended, began, said)
    return found


def _letters(text: str) -> str:
    """Letters and digits alone: spaces, line ends, hyphens and bullets depend on the layout."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isalnum())
