"""`account` and `workspace`: who may sign in at the office, and where they belong."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, put, talk
from inkdot.domain.account import Role, User
from inkdot.domain.errors import Failure, UsageError

if TYPE_CHECKING:
    from inkdot.app.folder import Folder
    from inkdot.store.accounts import Accounts

_Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address that signs in.")]
_Place = Annotated[str | None, typer.Option("--workspace", help="The workspace; the first one if not given.")]
_Ask = Annotated[
    bool, typer.Option("--ask", help="Ask for the password, or read it from standard input, instead of making one.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    account = typer.Typer(help="Who may sign in at the office.", no_args_is_help=True)
    for command in (add, passwd, role, totp, link):
        account.command()(command)
    account.command("list")(listed)
    account.command("rm")(remove)
    app.add_typer(account, name="account")
    workspace = typer.Typer(help="Workspaces: what is in one is hidden from all others.", no_args_is_help=True)
    workspace.command("add")(add_workspace)
    workspace.command("list")(list_workspaces)
    workspace.command("rename")(rename_workspace)
    app.add_typer(workspace, name="workspace")


def add(
    address: _Address,
    name: Annotated[str, typer.Option(help="How the person is called.")] = "",
    role: Annotated[str, typer.Option(help="owner, member or viewer.")] = Role.MEMBER.value,
    workspace: _Place = None,
    ask: _Ask = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Make an account, or let one that exists into a further workspace. The first account is an owner.

    The password that is made is shown this once.

    Examples:
      inkdot account add ada@example.com --role owner

      inkdot account add ben@example.com --role viewer --workspace acme
    """
    from inkdot.app.accounts import note, opened, workspace_named
    from inkdot.app.ask import asker
    from inkdot.app.folder import Folder
    from inkdot.domain.contact import normal_address
    from inkdot.show.auth import fresh_user

    with opened(Folder(data)) as accounts:
        place = workspace_named(accounts, workspace)
        wanted = _role(role) if accounts.any_users() else Role.OWNER
        known = accounts.user_of(normal_address(address))
        now = int(time.time())
        if known:
            accounts.keep_member(place, known.id, wanted, now)
            note(Folder(data), asker(), "account role", place, account=known.name, role=wanted)
            _told({"account": known.address, "role": wanted}, f"{known.address} is {wanted} now.", as_json)
            return
        password = _asked() if ask else _made()
        user = fresh_user(address, name, password, now)
        accounts.keep_user(user, place, wanted)
        note(Folder(data), asker(), "account add", place, account=user.name, role=wanted)
    if as_json:
        put({"account": user.address, "role": wanted} | ({} if ask else {"password": password}))
        return
    typer.echo(f"account   {user.address}" + ("" if ask else f"\npassword  {password}"))
    talk(f"{user.name} signs in as {wanted}.")


def listed(workspace: _Place = None, data: Data = DATA, as_json: Json = False) -> None:
    """List who belongs to a workspace.

    Example:
      inkdot account list --json
    """
    from inkdot.app.accounts import opened, workspace_named
    from inkdot.app.folder import Folder

    with opened(Folder(data)) as accounts:
        found = accounts.members(workspace_named(accounts, workspace))
    for m in found:
        if as_json:
            put({"account": m.address, "name": m.name, "role": m.role, "second_factor": m.second_factor})
        else:
            typer.echo(f"{m.address}  {m.role}  {m.name}{'  second factor' if m.second_factor else ''}")


def passwd(address: _Address, ask: _Ask = False, data: Data = DATA, as_json: Json = False) -> None:
    """Give an account a new password; every session of it ends, and its passkeys open nothing any more.

    Example:
      inkdot account passwd ada@example.com
    """
    from inkdot.app.accounts import opened, user_at
    from inkdot.app.folder import Folder
    from inkdot.show.passwords import hashed

    with opened(Folder(data)) as accounts:
        user = user_at(accounts, address)
        password = _asked() if ask else _made()
        accounts.change_password(user.id, hashed(password))
        accounts.forget_passkeys(user.id)
        _note(Folder(data), accounts, user, "password change")
    if as_json:
        put({"account": user.address} | ({} if ask else {"password": password}))
    else:
        typer.echo(f"account   {user.address}" + ("" if ask else f"\npassword  {password}"))


def role(
    address: _Address,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="owner, member, viewer, or none to take it out.")],
    workspace: _Place = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Change what somebody may do in a workspace; every session of the account ends.

    Example:
      inkdot account role ben@example.com member
    """
    from inkdot.app.accounts import note, opened, user_at, workspace_named
    from inkdot.app.ask import asker
    from inkdot.app.folder import Folder

    wanted = None if role == "none" else _role(role)
    with opened(Folder(data)) as accounts:
        user = user_at(accounts, address)
        place = workspace_named(accounts, workspace)
        accounts.keep_member(place, user.id, wanted, int(time.time()))
        note(Folder(data), asker(), "account role", place, account=user.name, role=wanted or "none")
    _told({"account": user.address, "role": wanted}, f"{user.address}: {wanted or 'no role any more'}.", as_json)


def totp(
    address: _Address,
    off: Annotated[bool, typer.Option("--off", help="Ask for no code any more, as when a telephone was lost.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Tell whether an account has a second factor, or take it away.

    Example:
      inkdot account totp ada@example.com --off
    """
    from inkdot.app.accounts import opened, user_at
    from inkdot.app.folder import Folder

    with opened(Folder(data)) as accounts:
        user = user_at(accounts, address)
        if off:
            accounts.forget_totp(user.id)
            _note(Folder(data), accounts, user, "second factor off")
    has = bool(user.totp) and not off
    words = "asks for a code" if has else "asks for no code"
    _told({"account": user.address, "second_factor": has}, f"{user.address} {words}.", as_json)


def remove(address: _Address, data: Data = DATA, as_json: Json = False) -> None:
    """Delete an account; its sessions end.

    Example:
      inkdot account rm ben@example.com
    """
    from inkdot.app.accounts import opened, user_at
    from inkdot.app.folder import Folder

    with opened(Folder(data)) as accounts:
        user = user_at(accounts, address)
        _note(Folder(data), accounts, user, "account rm")
        for place in accounts.workspaces_of(user.id):
            accounts.keep_member(place.workspace, user.id, None, int(time.time()))
        accounts.forget_user(user.id)
    _told({"account": user.address, "removed": True}, f"{user.address} signs in no more.", as_json)


def link(data: Data = DATA, as_json: Json = False) -> None:
    """Make a new set-up link for the first account; it works once and for half an hour.

    Example:
      inkdot account link
    """
    from inkdot.app.accounts import setup_address
    from inkdot.app.folder import Folder

    folder = Folder(data)
    running = folder.running()
    if running is None:
        raise Failure("The server does not run; start it with 'inkdot serve', which prints the link.")
    url = setup_address(folder, running.office)
    if url is None:
        raise UsageError("There is an account already; 'inkdot account passwd' gives it a new password.")
    _told({"url": url}, url, as_json)


def add_workspace(
    name: Annotated[str, typer.Argument(help="Its name.")], data: Data = DATA, as_json: Json = False
) -> None:
    """Make a workspace. Let people in with `account add --workspace`, programs with `key add --workspace`.

    Example:
      inkdot workspace add acme
    """
    from inkdot.app.accounts import opened
    from inkdot.app.folder import Folder
    from inkdot.domain.ids import WORKSPACE, to_word
    from inkdot.show.keys import named

    with opened(Folder(data)) as accounts:
        number = accounts.keep_workspace(named(name, "workspace"))
    _told({"workspace": to_word(WORKSPACE, number), "name": name}, f"Workspace {name} is made.", as_json)


def list_workspaces(data: Data = DATA, as_json: Json = False) -> None:
    """List the workspaces.

    Example:
      inkdot workspace list
    """
    from inkdot.app.accounts import opened
    from inkdot.app.folder import Folder
    from inkdot.domain.ids import WORKSPACE, to_word

    with opened(Folder(data)) as accounts:
        found = [(number, name, len(accounts.members(number))) for number, name in accounts.workspaces()]
    for number, name, people in found:
        if as_json:
            put({"workspace": to_word(WORKSPACE, number), "name": name, "members": people})
        else:
            typer.echo(f"{name}  members: {people}")


def rename_workspace(
    name: Annotated[str, typer.Argument(help="Its name.")],
    to: Annotated[str, typer.Argument(help="Its new name.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Give a workspace another name.

    Example:
      inkdot workspace rename default "Ada's office"
    """
    from inkdot.app.accounts import opened, workspace_named
    from inkdot.app.folder import Folder
    from inkdot.show.keys import named

    with opened(Folder(data)) as accounts:
        accounts.rename_workspace(workspace_named(accounts, name), named(to, "workspace"))
    _told({"name": to}, f"{name} is called {to} now.", as_json)


def _note(folder: Folder, accounts: Accounts, user: User, what: str) -> None:
    """A line for each workspace the account belongs to."""
    from inkdot.app.accounts import note
    from inkdot.app.ask import asker

    for place in accounts.workspaces_of(user.id):
        note(folder, asker(), what, place.workspace, account=user.name)


def _told(item: dict[str, object], text: str, as_json: bool) -> None:
    if as_json:
        put(item)
    else:
        typer.echo(text)


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise UsageError(f"{word!r} is no role; the roles are {', '.join(Role)}.") from None


def _made() -> str:
    from inkdot.show.passwords import recovery_code

    return recovery_code(os.urandom(10))


def _asked() -> str:
    """Never from the command line, where every user of the machine could read it."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
