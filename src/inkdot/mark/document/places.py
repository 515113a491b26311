"""Where in a part something may be put, as byte offsets that expat tells; the part itself is never written anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from xml.parsers import expat

from inkdot.domain.errors import DocumentRefused
from inkdot.domain.untreated import Untreated

_DEEPEST = 2_000
_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?\bencoding\s*=\s*[\"']([^\"'>]*)")
_TAG = re.compile(rb"[^>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^>\"']*)*>")
_READABLE = frozenset({b"utf-8", b"us-ascii", b"iso-8859-1"})
"""Encodings in which our own pieces, all ASCII, are right as they are; programs write UTF-8."""


class Element(NamedTuple):
    """An element on the way down."""

    name: str
    """Namespace and local name, with a space between."""
    start: int
    """Offset of its `<`."""


Ended = Callable[[list[Element], Element, int, int, bool], bool | None]
"""Told of each element's end: its ancestors, itself, the offset of its end tag, the offset after it, whether it is empty
(`<w:p/>`, where both offsets are after the tag). True for enough: the rest is only checked to be XML."""


def walk(
    content: bytes,
    part: str,
    ended: Ended,
    began: Callable[[list[Element], dict[str, str]], None] | None = None,
    said: Callable[[str], None] | None = None,
) -> str:
    """Go through a part; returns the root's name. Raises DocumentRefused for what is no XML or too deep."""
    declared = _ENCODING.match(content)
    if b"\0" in content or (declared and declared[1].lower() not in _READABLE):
        raise DocumentRefused(
            f"The document's text is not in UTF-8 ({part}); save it anew first.", Untreated.OTHER_FORMAT
        )
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack: list[Element] = []
    root: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not root:
            root.append(name)
        stack.append(Element(name, parser.CurrentByteIndex))
        if len(stack) > _DEEPEST:
            raise DocumentRefused(
                f"The document nests more than {_DEEPEST} levels deep; it was not marked.", Untreated.UNSAFE
            )
        if began:
            began(stack, attributes)

    def end(_name: str) -> None:
        element = stack.pop()
        at = parser.CurrentByteIndex
        # For `<w:p/>` expat gives the offset behind the tag or that of the tag itself, depending on its version.
        empty = content[at : at + 2] != b"</"
        after = tag_end(content, element.start) if empty else (content.find(b">", at) + 1 or len(content))
        if ended(stack, element, after if empty else at, after, empty):
            parser.StartElementHandler = parser.EndElementHandler = None

    parser.StartElementHandler, parser.EndElementHandler = start, end
    if said:
        parser.CharacterDataHandler = said
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise DocumentRefused(f"The document is damaged: {part} is no XML ({error}).") from error
    return root[0]


def tag_end(content: bytes, start: int) -> int:
    """The offset behind the `>` of the tag at `start`; `>` may stand in quotes."""
    found = _TAG.match(content, start)
    return found.end() if found else len(content)


def inside_end(content: bytes, element: Element, at: int, *, empty: bool) -> tuple[int, bytes, bytes]:
    """Where to put something as the last child: offset, what to write before it, what after it.

    An empty element is opened: its `/>` is to be replaced, so the offset is that of the slash, with 2 bytes to be dropped.
    """
    if not empty:
        return at, b"", b""
    end = tag_end(content, element.start)
    name = content[element.start + 1 : end].split(b"/")[0].split(None, 1)[0]
    return end - 2, b">", b"</" + name + b">"
