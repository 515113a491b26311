"""API keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from inkdot.domain.account import Key, Scope
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import KeyId, WorkspaceId
from inkdot.show.auth import digest, fresh_secret
from inkdot.store.accounts import Accounts

KEY_PREFIX = "ik_"
_SHOWN = 9
_DAY, _MOST_DAYS = 86_400, 36_500
_MOST_NAME = 100


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
    if days is not None and not 1 <= days <= _MOST_DAYS:
        raise UsageError(f"A key lasts from one day to {_MOST_DAYS}; leave the days out for one that does not end.")
    try:
        wanted = frozenset(Scope(word) for word in scopes) or frozenset({Scope.READ})
    except ValueError as error:
        raise UsageError(
            f"{error}; the scopes are {', '.join(Scope)}.".replace(" is not a valid Scope", " is no scope")
        ) from None
    secret, now = fresh_secret(KEY_PREFIX), int(time.time())
    number = KeyId(int.from_bytes(os.urandom(8), "big") >> 1)
    until = now + days * _DAY if days else None
    key = Key(number, workspace, named(name, "key"), secret[:_SHOWN], wanted, now, None, until)
    accounts.keep_key(key, digest(secret))
    return key, secret
