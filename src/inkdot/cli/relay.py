"""`relay`: accounts for mail programs, and how to set the programs up."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, put, talk
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import Failure, UsageError

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
    relay.command()(setup)
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
    from inkdot.store.contract import iso

    post = _post(data)
    for account in post.accounts():
        if as_json:
            put({"user": account.name, "senders": list(account.senders), "made": iso(account.made * 1_000_000)})
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


def setup(
    name: _Name,
    address: Annotated[str | None, typer.Option(help="Your mail address, if the account is not named by it.")] = None,
    imap_host: Annotated[
        str | None, typer.Option(help="Where your mail comes in (imap.DOMAIN), for the files.")
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out-dir", help="Where the files for mail programs go.")] = Path(),
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Say what to enter in a mail program, and write files that Thunderbird and Apple's Mail read by themselves.

    Example:
      inkdot relay setup ada@example.com --out-dir setup
    """
    from inkdot.app.folder import Folder
    from inkdot.app.mailers import door_of, setup_of
    from inkdot.relay import programs

    post = _post(data)
    account = post.account(name.strip().lower())
    post.close()
    if account is None:
        raise UsageError(f"There is no account {name!r}; make it with 'inkdot relay account add {name}'.")
    made = setup_of(account, door_of(Folder(data)), address and normal_address(address))
    incoming = imap_host or f"imap.{made.domain}"
    files = {
        f"{account.name}-thunderbird.xml": programs.autoconfig(made, incoming).encode(),
        f"{account.name}.mobileconfig": programs.mobileconfig(made, incoming),
        f"{account.name}-outlook.txt": programs.outlook(made).encode(),
    }
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (out_dir / file).write_bytes(content)
    except OSError as error:
        raise Failure(f"{out_dir} cannot be written: {error.strerror}; choose another with --out-dir.") from error
    if as_json:
        paths = [str(out_dir / file) for file in files]
        put({"user": made.user, "host": made.host, "port": made.port, "security": made.security, "files": paths})
        return
    typer.echo(programs.text(made))
    talk(f"Written: {', '.join(str(out_dir / file) for file in files)}")
    talk(
        f"Thunderbird looks for its file at https://autoconfig.{made.domain}/mail/config-v1.1.xml when an account is made."
    )
    talk("Open the .mobileconfig on the Mac or iPhone; Settings then asks whether to install it.")


def _post(data: Path) -> Post:
    from inkdot.app.folder import Folder
    from inkdot.store.post import Post

    folder = Folder(data)
    folder.keyring()  # before the store: keys are made only for a folder without data
    return Post(folder.control)
