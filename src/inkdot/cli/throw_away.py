"""A folder that goes with the last process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def throw_away(prefix: str) -> Iterator[tuple[Path, int]]:
    """A fresh folder and the descriptor that holds it, to be handed to processes that work in it; deleted at the end.

    Folders of the same prefix that nobody holds any more are deleted, too: whoever had them was killed.
    """
    for left_behind in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with _held(left_behind) as fd:
            if fd is not None:
                shutil.rmtree(left_behind, ignore_errors=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        with _held(folder) as fd:
            if fd is None:
                continue  # another one is clearing up, and was faster
            try:
                yield folder, fd
            finally:
                shutil.rmtree(folder)
            return


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[int | None]:
    """A descriptor that holds the folder; None if it is gone, another's, or held already."""
    with contextlib.ExitStack() as stack:
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            stack.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(fd)
        except OSError:
            yield None
        else:
            mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and found.st_nlink > 0
            yield fd if mine else None
