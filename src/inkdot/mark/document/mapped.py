"""A file's content without reading it: mapped, so that a large one is in memory only as far as somebody looks at it."""

from __future__ import annotations

import mmap
from pathlib import Path

Content = bytes | mmap.mmap
"""What can be cut, searched and measured alike."""


def mapped(file: Path) -> Content:
    """The content of a file that nobody changes meanwhile. Raises OSError."""
    with file.open("rb") as opened:
        if file.stat().st_size == 0:  # nothing can be mapped of nothing
            return b""
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
