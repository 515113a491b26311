"""The add-ons for mail programs and browsers, packed as their programs install them. The same sources give the same bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

FILES = {"inkdot-thunderbird.xpi": "thunderbird", "inkdot-webmail.zip": "webmail"}
"""What is packed from which folder of the sources."""
_PACKAGE = Path(__file__).parent.parent
_SOURCES = (_PACKAGE / "clients", _PACKAGE.parents[1] / "clients")
"""Where the sources lie when installed, and in a copy of the repository."""
_EPOCH = (2026, 1, 1, 0, 0, 0)


def packed(name: str) -> bytes:
    """One add-on, with what all share; `name` is one of FILES."""
    sources = next(folder for folder in _SOURCES if folder.is_dir())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([*(sources / "shared").iterdir(), *(sources / FILES[name]).iterdir()]):
            archive.writestr(zipfile.ZipInfo(path.name, _EPOCH), path.read_bytes())
    return content.getvalue()
