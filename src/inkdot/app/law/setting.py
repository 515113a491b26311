"""Write one setting into a folder's `inkdot.toml` and leave the rest of the file as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from inkdot.app.folder import write_whole
from inkdot.settings import FILE


def write_setting(root: Path, name: str, value: object) -> None:
    """Set `name` to a value, written as text; reading turns it into what the setting is."""
    path = root / FILE
    text = path.read_text() if path.exists() else ""
    line = f"{name} = {json.dumps(str(value), ensure_ascii=False)}"
    changed, count = re.subn(rf"(?m)^{name}[ \t]*=.*$", lambda _: line, text)
    # Before everything else: behind a table's heading it would belong to the table.
    write_whole(path, (changed if count else f"{line}\n{text}").encode())
