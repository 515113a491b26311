"""`push`: messages to browsers, the owner's own and those of people who allowed it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inkdot.cli.mail import open_mint
from inkdot.cli.options import DATA, Data, Json, answers, put, talk
from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import Failure, UsageError
from inkdot.domain.ids import ContactId, WorkspaceId

if TYPE_CHECKING:
    from inkdot.store.subscriptions import Subscriptions

_WORKSPACE = WorkspaceId(1)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Messages to browsers (web push).", no_args_is_help=True)
    group.command()(link)
    group.command("list")(list_browsers)
    group.command("test")(try_out)
    group.command()(rm)
    app.add_typer(group, name="push")


def link(
    to: Annotated[str | None, typer.Option("--to", help="A person's address; without it the link is yours.")] = None,
    data: Data = DATA,
    public_url: Annotated[str | None, typer.Option(help="How browsers reach the street door.")] = None,
    as_json: Json = False,
) -> None:
    """Print the link to the page where a browser is allowed to get messages: yours for a week, or a person's.

    Nothing is asked before the button on the page is pressed. Browsers want https for it, except on this machine.

    Examples:
      inkdot push link

      inkdot push link --to ben@example.com
    """
    from inkdot.mark.mint import Person

    folder, mint = open_mint(data, public_url)
    who = Person.known(mint, normal_address(to)) if to else Person(ContactId(0), None, Mode.OFF)
    if who.address:
        from inkdot.store.control import Control

        control = Control(folder.control)
        control.remember_contacts({(_WORKSPACE, who.contact): who.address})
        control.close()
    url = mint.push(who, int(time.time()))
    if as_json:
        put({"url": url, "person": who.address})
    else:
        typer.echo(url)
    if url.startswith("http://") and "//127." not in url and "//localhost" not in url:
        talk("Browsers allow messages only over https: set public_url to an https address.")


def list_browsers(data: Data = DATA, as_json: Json = False) -> None:
    """List the browsers that may be pushed to.

    Example:
      inkdot push list
    """
    from inkdot.store.contract import iso

    kept = _open(data)
    for browser in kept.of(_WORKSPACE):
        person = kept.address_of(_WORKSPACE, browser.contact) if browser.contact else None
        added, whose = iso(browser.added * 1_000_000), "owner" if not browser.contact else "person"
        if as_json:
            put({"name": browser.name, "whose": whose, "person": person, "added": added, "endpoint": browser.endpoint})
        else:
            typer.echo(f"{added}  {person or whose}  {browser.name}  {browser.endpoint}")
    kept.close()


def try_out(data: Data = DATA, as_json: Json = False) -> None:
    """Push a message to each of your browsers now; exit 1 if one did not take it.

    Example:
      inkdot push test
    """
    items = list(answers(data, "push_test", {}))
    for item in items:
        put(item) if as_json else typer.echo(f"{item['name']}: {item['said']}")
    if not items:
        raise UsageError("No browser of yours may be pushed to; open what 'inkdot push link' prints in it first.")
    if not all(item["done"] for item in items):
        raise Failure("Not every browser was reached; the reasons are above.")


def rm(
    endpoint: Annotated[str, typer.Argument(help="The endpoint, or the beginning of it, as 'push list' shows it.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Push no more to a browser.

    Example:
      inkdot push rm https://push.example.net/send/abc
    """
    kept = _open(data)
    found = [b.endpoint for b in kept.of(_WORKSPACE) if b.endpoint.startswith(endpoint)]
    if len(found) == 1:
        kept.forget(found[0])
    kept.close()
    if len(found) != 1:
        raise UsageError(f"{len(found)} browsers begin with {endpoint!r}; 'inkdot push list' shows them.")
    put({"endpoint": found[0], "removed": True}) if as_json else typer.echo("Removed.")


def _open(data: Path) -> Subscriptions:
    from inkdot.app.folder import Folder
    from inkdot.store.subscriptions import Subscriptions

    folder = Folder(data)
    folder.keyring()
    return Subscriptions(folder.control)
