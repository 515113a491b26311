"""Sample data: a folder filled by a demonstration says so, and all that it holds goes at once when somebody asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inkdot.app.accounts import opened
from inkdot.app.consent import publish
from inkdot.app.erase import STREETS_KNOW_SECONDS
from inkdot.app.folder import Folder
from inkdot.app.library import Library
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

    What carries a mark of the sample is not kept any more, and what came until the streets knew goes, too. The file that
    says so goes last, so that a removal that was cut off can be asked for again.
    """
    if not house.folder.sample.exists():
        raise UsageError(
            "This folder holds no sample data; 'inkdot person erase' and the days of retention delete real data."
        )
    workspace, before, book = here(what), int(time.time()) + 1, Forgetting(house.folder.control)
    try:
        book.retire(workspace, before)
        publish(house.folder, book)
        with Library(house.folder) as library:  # whoever reads a document now is told that it is gone
            library.erase_of(workspace)
        told = time.monotonic()
        events = _forget_heard(house)
        if house.folder.running():
            time.sleep(max(0.0, told + STREETS_KNOW_SECONDS - time.monotonic()))
        events += _forget_heard(house)
        book.forget_campaigns(workspace)
        mails = book.forget_before(before)
    finally:
        book.close()
    for site in house.sites.sites(workspace):
        house.sites.forget_site(site.id)
    house.rewrite_store()
    drop_side_copies(house)
    with opened(house.folder) as accounts:
        accounts.rename_workspace(workspace, _NAME)
    house.folder.sample.unlink()
    yield {"events": events, "mails": mails}


def _forget_heard(house: House) -> int:
    """All events so far, and the pings they came from; returns how many events."""
    house.pipeline.catch_up()
    blank_all(house.folder.journal)
    house.pipeline.latest.clear()
    return forget_before(house.store, time.time_ns() // 1_000 + 1)
