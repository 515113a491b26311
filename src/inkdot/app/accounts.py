"""Accounts of one folder, for the command line: opened beside a running server, which sees every change at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from inkdot.app.folder import Folder
from inkdot.domain.account import User
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotFound
from inkdot.domain.ids import WorkspaceId
from inkdot.show.auth import IDLE, LONGEST, Auth
from inkdot.store.accounts import Accounts
from inkdot.store.consents import Consents

ANSWERED_SECONDS, BEGUN_SECONDS = 86_400, 3_600
"""How long answers are told again, and after what time one that was begun will not come."""


@contextmanager
def opened(folder: Folder) -> Iterator[Accounts]:
    """The folder's accounts."""
    folder.keyring()  # before the store: keys are made only for a folder without data
    accounts = Accounts(folder.control)
    try:
        yield accounts
    finally:
        accounts.close()


def note(folder: Folder, who: str, what: str, workspace: WorkspaceId, **detail: object) -> None:
    """A line in the audit log of what `who` changed of who may come in."""
    book = Consents(folder.control)
    book.audit(who, what, None, workspace=int(workspace), **detail)
    book.close()


def setup_address(folder: Folder, office_url: str) -> str | None:
    """Where the first account is made, for half an hour from now; None where there is one already."""
    with opened(folder) as accounts:
        token = Auth(accounts, office_url).setup_link()
    return f"{office_url.rstrip('/')}/setup/{token}" if token else None


def tidy(folder: Folder) -> None:
    """Forget sessions that are over, and answers that are not told again any more."""
    now = int(time.time())
    with opened(folder) as accounts:
        accounts.tidy(now - ANSWERED_SECONDS, now - BEGUN_SECONDS, now - LONGEST, now - IDLE)


def workspace_named(accounts: Accounts, name: str | None) -> WorkspaceId:
    """A workspace by its name; the first one if none is named. Raises NotFound."""
    known = accounts.workspaces()
    if name is None:
        return known[0][0]
    for number, called in known:
        if called == name.strip():
            return number
    raise NotFound(f"There is no workspace {name!r}; 'inkdot workspace list' shows those there are.")


def user_at(accounts: Accounts, address: str) -> User:
    """Who signs in with an address. Raises NotFound, BadAddress."""
    user = accounts.user_of(normal_address(address))
    if user is None:
        raise NotFound(f"There is no account {address}; 'inkdot account list' shows those there are.")
    return user
