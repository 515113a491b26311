"""What a process lets go of once it has started: memory that only starting needed, so that a small machine has it for others."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path

_MADV_DONTNEED = 4


def settle() -> None:
    """Give back what reading modules and settings left behind. glibc keeps freed pieces; elsewhere nothing happens."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def let_go_of_code(library: str) -> None:
    """Unmap a library's code until it runs again; the kernel has it still, so that running it again costs about a millisecond.

    `library`: a part of its file's name. Opening a database runs through most of DuckDB's 50 MB; a quiet office needs none of it.
    """
    with contextlib.suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, _, _, _, *file = line.split(maxsplit=5)
            if file and library in file[0] and rights == "r-xp":  # never written to, so that nothing can be lost
                start, end = (int(edge, 16) for edge in place.split("-"))
                advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
