"""Sample data: a folder filled by a demonstration says so, and all that it holds goes at once when somebody asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inkdot.app.accounts import opened
from inkdot.app.folder import Folder
from inkdot.app.retention import drop_side_copies
from inkdot.domain.errors import UsageError
from inkdot.journal.eraser import blank_all
from inkdot.show.questions import here
from inkdot.store.forget import Forgetting
from inkdot.store.oblivion import forget_before

if TYPE_CHECKING:
    from inkdot.app.house import House

_NAME = "Inkdot"


def declare(folder: Folder, name: str) -> None:
    """Say that everything in a folder is sample data; its workspace gets a name that says so, too."""
    folder.sample.touch()
    with opened(folder) as accounts:
        accounts.rename_workspace(accounts.workspaces()[0][0], name)


def remove(house: House, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Delete all that was marked and heard so far, physically; accounts, keys and settings stay. Raises UsageError.

    The mark goes last, so that a removal that was cut off can be asked for again.
    """
    if not house.folder.sample.exists():
        raise UsageError(
            "This folder holds no sample data; 'inkdot person erase' and the days of retention delete real data."
        )
    while house.pipeline.step():
        pass
    before = int(time.time()) + 1
    blank_all(house.folder.journal)
    events = forget_before(house.store, before * 1_000_000)
    book = Forgetting(house.folder.control)
    try:
        mails = book.forget_before(before)
    finally:
        book.close()
    for site in house.sites.sites(here(what)):
        house.sites.forget_site(site.id)
    house.rewrite_store()
    drop_side_copies(house)
    with opened(house.folder) as accounts:
        accounts.rename_workspace(here(what), _NAME)
    house.folder.sample.unlink()
    yield {"events": events, "mails": mails}
