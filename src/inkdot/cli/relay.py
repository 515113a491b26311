"""`relay`: accounts for mail programs, and how to set the programs up."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, put, talk
from inkdot.domain.errors import UsageError

if TYPE_CHECKING:
    from inkdot.store.post import Post

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name: a mail address, or any word.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    relay = typer.Typer(
        help="The mail door: send from any mail program, and every recipient gets an own marked copy.",
        no_args_is_help=True,
    )
    account = typer.Typer(help="Accounts that mail programs log in with.", no_args_is_help=True)
    account.command("add")(add)
    account.command("list")(listed)
    account.command("rm")(remove)
    relay.add_typer(account, name="account")
    app.add_typer(relay, name="relay")


def add(
    name: _Name,
    sender: Annotated[
        list[str] | None, typer.Option("--sender", help="An address or @domain it may send as; repeat for several.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Make an account for a mail program, or give one a new password. The password is shown this once.

    Without --sender an account named by an address sends as that address; any other is bound to the domain of its first mail.

    Example:
      inkdot relay account add ada@example.com

      inkdot relay account add laptop --sender ada@example.com --sender @example.org
    """
    from inkdot.relay.accounts import fresh_account

    fresh = fresh_account(name, sender or [], int(time.time()), os.urandom)
    post = _post(data)
    post.keep_account(fresh.account)
    post.close()
    if as_json:
        put({"user": fresh.account.name, "password": fresh.password})
        return
    typer.echo(f"user      {fresh.account.name}\npassword  {fresh.password}")
    talk(f"It sends as {', '.join(fresh.account.senders) or 'the domain of its first mail'}.")
    talk(f"'inkdot relay setup {fresh.account.name}' says what to enter in your mail program.")


def listed(data: Data = DATA, as_json: Json = False) -> None:
    """List the accounts.

    Example:
      inkdot relay account list --json
    """
    post = _post(data)
    for account in post.accounts():
        if as_json:
            put({"user": account.name, "senders": list(account.senders), "made": account.made})
        else:
            typer.echo(f"{account.name}: sends as {', '.join(account.senders) or 'the domain of its first mail'}")
    post.close()


def remove(name: _Name, data: Data = DATA) -> None:
    """Remove an account; what it handed in is delivered all the same.

    Example:
      inkdot relay account rm laptop
    """
    post = _post(data)
    known = post.account(name.strip().lower())
    if known:
        post.forget_account(known.name)
    post.close()
    if known is None:
        raise UsageError(f"There is no account {name!r}; 'inkdot relay account list' shows those there are.")
    talk(f"{known.name} can send no more.")


def _post(data: Path) -> Post:
    from inkdot.app.folder import Folder
    from inkdot.store.post import Post

    folder = Folder(data)
    folder.keyring()  # before the store: keys are made only for a folder without data
    return Post(folder.control)
