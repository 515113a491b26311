"""A file's content without reading it: mapped, so that a large one is in memory only as far as somebody looks at it."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

Content = bytes | mmap.mmap
"""What can be cut, searched and measured alike."""
_BLOCK = 1 << 20


def mapped(file: Path) -> Content:
    """The content of a file that nobody changes meanwhile. Raises OSError."""
    with file.open("rb") as opened:
        if file.stat().st_size == 0:  # nothing can be mapped of nothing
            return b""
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def blocks(content: Content, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """A span piece by piece; what of a mapped file was gone through is let out of memory again."""
    end = len(content) if end is None else end
    for at in range(start, end, _BLOCK):
        yield content[at : min(at + _BLOCK, end)]
        if isinstance(content, mmap.mmap):
            page = at - at % mmap.PAGESIZE
            content.madvise(mmap.MADV_DONTNEED, page, min(at + _BLOCK, end) - page)


def written_so_far(out: BinaryIO) -> Content:
    """What stands in a file that is open for both, or in memory."""
    if isinstance(out, io.BytesIO):
        return out.getvalue()
    out.flush()
    return mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ)
