"""Accounts of one folder, for the command line: opened beside a running server, which sees every change at once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from inkdot.app.folder import Folder
from inkdot.domain.account import Key, Scope, User
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import KeyId, WorkspaceId
from inkdot.show.auth import IDLE, LONGEST, Auth, digest, fresh_secret
from inkdot.store.accounts import Accounts

KEY_PREFIX = "ik_"
ANSWERED_SECONDS, BEGUN_SECONDS = 86_400, 3_600
"""How long answers are told again, and after what time one that was begun will not come."""
_SHOWN = 9
_MOST_NAME = 100


@contextmanager
def opened(folder: Folder) -> Iterator[Accounts]:
    """The folder's accounts."""
    folder.keyring()  # before the store: keys are made only for a folder without data
    accounts = Accounts(folder.control)
    try:
        yield accounts
    finally:
        accounts.close()


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


def named(word: str, what: str) -> str:
    """A name as it is kept. Raises UsageError."""
    name = " ".join(word.split())
    if not 1 <= len(name) <= _MOST_NAME or not name.isprintable():
        raise UsageError(f"The {what} needs a name of at most {_MOST_NAME} signs.")
    return name


def fresh_key(
    accounts: Accounts, workspace: WorkspaceId, name: str, scopes: Iterable[str], days: int | None
) -> tuple[Key, str]:
    """A new API key and, this one time, what it is. Raises UsageError."""
    if days is not None and days < 1:
        raise UsageError("A key lasts at least a day.")
    try:
        wanted = frozenset(Scope(word) for word in scopes) or frozenset({Scope.READ})
    except ValueError as error:
        raise UsageError(
            f"{error}; the scopes are {', '.join(Scope)}.".replace(" is not a valid Scope", " is no scope")
        ) from None
    secret, now = fresh_secret(KEY_PREFIX), int(time.time())
    number = KeyId(int.from_bytes(os.urandom(8), "big") >> 1)
    until = now + days * 86_400 if days else None
    key = Key(number, workspace, named(name, "key"), secret[:_SHOWN], wanted, now, None, until)
    accounts.keep_key(key, digest(secret))
    return key, secret
