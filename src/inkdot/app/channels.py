"""An operator's own channels, read from the folder. Apart from what else is known: the reading room needs no more than this."""

from __future__ import annotations

from inkdot.app.folder import Folder
from inkdot.domain.errors import BadSetting
from inkdot.understand.channels import FILE, Channels


def own_channels(folder: Folder, troubles: list[str], *, ga4_strict: bool) -> Channels:
    """The operator's channels before the usual ones; what cannot be read is told in `troubles` and left out."""
    own = folder.root / FILE
    try:
        return Channels(own.read_text() if own.exists() else "", ga4_strict=ga4_strict)
    except (BadSetting, OSError, UnicodeDecodeError) as error:
        troubles.append(f"{error} Only the usual channels are in force.")
        return Channels(ga4_strict=ga4_strict)
