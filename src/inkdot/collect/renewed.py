"""A file that the office writes for the streets, whole, under another name and renamed. A street asks once a second."""

from __future__ import annotations

from pathlib import Path


class Renewed:
    """Tells the contents each time the file is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None

    def changed(self) -> bytes | None:
        """What is in it now, nothing once it is gone; None while it is the same as at the last question."""
        try:
            status = self._path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if stamp == self._stamp:
                return None
            content = self._path.read_bytes()
        except FileNotFoundError:
            was_there, self._stamp = self._stamp is not None, None
            return b"" if was_there else None
        self._stamp = stamp
        return content
