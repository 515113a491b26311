"""`key`: the secret that marks mails elsewhere, and what programs show at the API."""

from __future__ import annotations

from typing import Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, leave_line, put, talk, tell_if_new
from inkdot.domain.account import Key, Scope
from inkdot.domain.errors import NotFound
from inkdot.domain.ids import KEY, KeyId, from_word, to_word

_Place = Annotated[str | None, typer.Option("--workspace", help="The workspace; the first one if not given.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    key = typer.Typer(invoke_without_command=True)
    key.callback()(marking)
    key.command("add")(add)
    key.command("list")(listed)
    key.command("rm")(remove)
    key.command("rotate")(rotate)
    app.add_typer(key, name="key")


def marking(context: typer.Context, data: Data = DATA, as_json: Json = False) -> None:
    """Print the key with which your own programs can mark mails for this server; with a command, keys for the API.

    Keep it secret.

    Example:
      inkdot key > inkdot.key
    """
    if context.invoked_subcommand:
        return
    from inkdot.app.folder import Folder
    from inkdot.domain.token import keyring_to_text

    word = keyring_to_text(Folder(data).keyring())
    put({"key": word}) if as_json else typer.echo(word)


def add(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may do: {', '.join(Scope)}; repeat for more. Only read if not given."),
    ] = None,
    days: Annotated[int | None, typer.Option(help="For how many days it works; for good if not given.")] = None,
    workspace: _Place = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown this once and kept as a hash.

    Examples:
      inkdot key add "reports"

      inkdot key add "shop" --scope read --scope send --days 365 --json
    """
    from inkdot.app.accounts import note, opened, workspace_named
    from inkdot.app.ask import asker
    from inkdot.app.folder import Folder
    from inkdot.show.keys import fresh_key

    with opened(Folder(data)) as accounts:
        place = workspace_named(accounts, workspace)
        key, secret = fresh_key(accounts, place, name, scope or (), days)
        note(Folder(data), asker(), "key add", place, key=key.name, may=sorted(key.scopes))
    if as_json:
        put({"key": to_word(KEY, key.id), "secret": secret, "name": key.name, "scopes": sorted(key.scopes)})
        return
    typer.echo(secret)
    talk(f"{to_word(KEY, key.id)} may {', '.join(sorted(key.scopes))}. Send it as 'Authorization: Bearer ...'.")


def listed(workspace: _Place = None, data: Data = DATA, as_json: Json = False) -> None:
    """List the keys of a workspace.

    Example:
      inkdot key list
    """
    from inkdot.app.accounts import opened, workspace_named
    from inkdot.app.folder import Folder

    with opened(Folder(data)) as accounts:
        found = accounts.keys(workspace_named(accounts, workspace))
    for key in found:
        item = _json(key)
        if as_json:
            put(item)
        else:
            used = f"used {item['used']}" if item["used"] else "never used"
            typer.echo(f"{item['key']}  {item['begins']}...  {', '.join(sorted(key.scopes))}  {used}  {key.name}")


def remove(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, key_...")],
    workspace: _Place = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Let a key open nothing any more.

    Example:
      inkdot key rm key_0123456789abc
    """
    from inkdot.app.accounts import note, opened, workspace_named
    from inkdot.app.ask import asker
    from inkdot.app.folder import Folder

    with opened(Folder(data)) as accounts:
        place = workspace_named(accounts, workspace)
        if not accounts.forget_key(place, KeyId(from_word(KEY, key))):
            raise NotFound(f"There is no key {key}; 'inkdot key list' shows those there are.")
        note(Folder(data), asker(), "key rm", place, key=key)
    if as_json:
        put({"key": key, "removed": True})
    else:
        typer.echo(f"{key} opens nothing any more.")


def rotate(data: Data = DATA, as_json: Json = False) -> None:
    """Sign marks with a new key from now on; what was signed before stays good. A running server goes on with it.

    Programs that mark with the word of 'inkdot key' may go on with theirs. Backups of before do not know the new key.

    Example:
      inkdot key rotate
    """
    from inkdot.app.folder import Folder
    from inkdot.app.keys import rotate as rotated

    tell_if_new(data)
    keyring = rotated(Folder(data))
    leave_line(data, "key rotate")
    if as_json:
        put({"signs": keyring.keys[0].number, "keys": len(keyring.keys)})
    else:
        typer.echo(f"Key {keyring.keys[0].number} signs now; marks of {len(keyring.keys)} keys are good.")
        talk("Make a backup: those of before do not know the new key.")


def _json(key: Key) -> dict[str, object]:
    from inkdot.store.contract import iso

    times = {"made": key.made, "used": key.used, "until": key.until}
    return {"key": to_word(KEY, key.id), "name": key.name, "begins": key.shown, "scopes": sorted(key.scopes)} | {
        name: iso(time * 1_000_000) if time else None for name, time in times.items()
    }
