"""Accounts for mail programs, wired: what the office and the command line ask for. The mail door is of the first workspace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

from inkdot.app.folder import Folder
from inkdot.domain.errors import NotFound, UsageError
from inkdot.relay import programs
from inkdot.relay.accounts import fresh_account
from inkdot.settings import load
from inkdot.show.questions import here
from inkdot.store.contract import iso
from inkdot.store.post import Account, Post

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = ("mailer_door", "mailer_list", "mailer_add", "mailer_rm", "mailer_file")
_FIRST, _SECOND = 1, 1_000_000
_NOWHERE = "example.com"


class Door(NamedTuple):
    """Where mail programs reach the mail door."""

    host: str
    port: int
    tls_first: bool
    """TLS begins with the connection."""
    open: bool
    """It is running; else this is what it will be."""


def door_of(folder: Folder) -> Door:
    """The mail door, running or configured."""
    settings, running = load(folder.root, {}), folder.running()
    tls_first = running.relay_tls != "off" if running else settings.relay_tls_port > 0
    said = (running.relay_tls if tls_first else running.relay) if running else "off"
    host, _, port = said.rpartition(":") if said != "off" else ("", "", "")
    configured = settings.relay_tls_port if tls_first else settings.relay_port
    name = settings.relay_name or host.strip("[]") or settings.relay_host
    return Door(name, int(port or configured), tls_first, said != "off")


def setup_of(account: Account, door: Door, address: str | None = None) -> programs.Setup:
    """What a mail program must know; `address`: the sender's, where the account is not named by it."""
    known = (a for a in (account.name, *account.senders) if "@" in a[1:])
    sender = address or next(known, f"{account.name}@{_NOWHERE}")
    return programs.Setup(account.name, sender, door.host, door.port, door.tls_first)


class Mailers:
    """The accounts of one folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    def mailer_door(self, _: Asked) -> Answer:
        """Where mail programs reach the mail door, and whether it is open."""
        door = door_of(self._folder)
        security = programs.Setup("", "", *door[:3]).security
        yield {"open": door.open, "host": door.host, "port": door.port, "security": security}

    def mailer_list(self, what: Asked) -> Answer:
        """All accounts."""
        if here(what) != _FIRST:
            return
        with closing(Post(self._folder.control)) as post:
            accounts = post.accounts()
        for account in accounts:
            yield {"user": account.name, "senders": list(account.senders), "made": iso(account.made * _SECOND)}

    def mailer_add(self, what: Asked) -> Answer:
        """Make the account `name`, which sends as `senders`, or give it a new password; shown this once."""
        if here(what) != _FIRST:
            raise UsageError("The mail door sends for the first workspace alone; make the account there.")
        fresh = fresh_account(str(what.get("name", "")), what.get("senders") or (), int(time.time()), os.urandom)
        with closing(Post(self._folder.control)) as post:
            post.keep_account(fresh.account)
        yield {"user": fresh.account.name, "password": fresh.password, "senders": list(fresh.account.senders)}

    def mailer_rm(self, what: Asked) -> Answer:
        """Remove the account `name`; what it handed in is delivered all the same."""
        account = self._account(what)
        with closing(Post(self._folder.control)) as post:
            post.forget_account(account.name)
        yield {"user": account.name, "removed": True}

    def mailer_file(self, what: Asked) -> Answer:
        """Apple's profile for the account `name`; `incoming` is the server where its mail comes in."""
        made = setup_of(self._account(what), door_of(self._folder))
        incoming = str(what.get("incoming") or f"imap.{made.domain}")
        yield {"file": f"{made.user}.mobileconfig", "content": programs.mobileconfig(made, incoming)}

    def _account(self, what: Asked) -> Account:
        name = str(what.get("name", "")).strip().lower()
        with closing(Post(self._folder.control)) as post:
            account = post.account(name) if here(what) == _FIRST else None
        if account is None:
            raise NotFound(f"There is no account {name!r}; 'inkdot relay account list' shows those there are.")
        return account
