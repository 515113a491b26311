"""The folder's own keys for web push, made on first use by whichever process is first."""

from __future__ import annotations

import contextlib
import json
import os
import secrets

from inkdot.act.channels.push import Vapid
from inkdot.app.folder import Folder, write_whole
from inkdot.domain.errors import BadSetting

NAME = "vapid.json"


def vapid(folder: Folder, owner: str) -> Vapid:
    """The keys. Raises BadSetting where the file is damaged."""
    path = folder.root / NAME
    subject = f"mailto:{owner}" if owner else "https://example.invalid/"
    if not path.exists():
        fresh = folder.run / f"{NAME}.{secrets.token_hex(4)}"
        write_whole(fresh, json.dumps({"secret": f"{Vapid.fresh(subject).secret:064x}"}).encode())
        with contextlib.suppress(FileExistsError):  # another process was quicker; its keys count for all
            os.link(fresh, path)
        fresh.unlink()
    try:
        return Vapid(int(json.loads(path.read_text())["secret"], 16), subject)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSetting(
            f"{NAME} is damaged; put it back from a backup, or delete it and allow browsers again."
        ) from error
