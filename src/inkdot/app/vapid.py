"""The folder's own keys for web push, made on first use."""

from __future__ import annotations

import json

from inkdot.act.channels.push import Vapid
from inkdot.app.folder import Folder, write_whole
from inkdot.domain.errors import BadSetting

NAME = "vapid.json"


def vapid(folder: Folder, owner: str) -> Vapid:
    """The keys. Raises BadSetting where the file is damaged."""
    path = folder.root / NAME
    subject = f"mailto:{owner}" if owner else "https://example.invalid/"
    if not path.exists():
        write_whole(path, json.dumps({"secret": f"{Vapid.fresh(subject).secret:064x}"}).encode())
    try:
        return Vapid(int(json.loads(path.read_text())["secret"], 16), subject)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSetting(
            f"{NAME} is damaged; put it back from a backup, or delete it and allow browsers again."
        ) from error
