"""`consent ask` and `consent form`: double opt-in, by mail and by a form."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, put
from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import ContactId

_Scope = Annotated[
    str,
    typer.Option(
        "--scope", help="workspace, list:NAME, site:DOMAIN, purpose:mail, purpose:advertising or purpose:push."
    ),
]
_Wording = Annotated[str, typer.Option("--text", help="What is asked; Inkdot has words of its own.")]
_Version = Annotated[str, typer.Option("--version", help="The text's version, for the ledger.")]
_Language = Annotated[str | None, typer.Option("--language", help="en, de, fr, it or es.")]
_Url = Annotated[str | None, typer.Option(help="How people reach the street door; the server's own if not given.")]


def add_to(group: typer.Typer) -> None:
    """Register the commands in the group `consent`."""
    group.command()(ask)
    group.command()(form)


def ask(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A mail address.")],
    scope: _Scope = "workspace",
    text: _Wording = "",
    version: _Version = "",
    language: _Language = None,
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Ask a person for consent by a mail without any mark; only what they confirm on the page behind its link counts.

    Nobody is asked twice, or after a refusal, within half a year. The mail needs an upstream and owner, or mail_server.

    Example:
      inkdot consent ask ben@example.com --scope list:news
    """
    from inkdot.app.confirming import Asking, question
    from inkdot.app.folder import Folder
    from inkdot.cli.consent import audit, open_register
    from inkdot.settings import load

    address, folder = normal_address(person), Folder(data)
    settings = load(folder.root, {})
    asked = question(scope, text, version, language or settings.language)
    with open_register(data) as register:
        url = Asking(folder, settings, register, public_url or "").ask_once(address, asked)
        audit(register, "consent ask", address, scope=scope)
    if as_json:
        put({"person": address, "scope": scope, "text": asked.text, "url": url})
    else:
        typer.echo(f"{address} was asked; 'inkdot consent log {address}' shows the answer.")


def form(
    scope: _Scope = "workspace",
    text: _Wording = "",
    version: _Version = "",
    language: _Language = None,
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Print the address of a page where anybody can ask to be asked, and the same form for a page of your own.

    Its box is not ticked, and whoever fills it in gets the mail that 'consent ask' sends.

    Example:
      inkdot consent form --scope purpose:mail --language de
    """
    from inkdot.app.confirming import pointless, question
    from inkdot.app.consent import WORKSPACE
    from inkdot.cli.consent import open_register
    from inkdot.cli.mail import open_mint
    from inkdot.mark.mint import Person
    from inkdot.room.confirm import form as form_html
    from inkdot.room.confirm_words import WORDS
    from inkdot.settings import load

    folder, mint = open_mint(data, public_url)
    asked = question(scope, text, version, language or load(folder.root, {}).language)
    with open_register(data) as register:
        if why := pointless(register, asked, None, WORKSPACE):
            raise UsageError(f"There is nothing to ask for: {why}.")
    url = mint.confirmation(Person(ContactId(0), None, Mode.OFF), int(time.time()), asked.packed())
    lines = form_html(url, asked.text, WORDS[asked.language])
    put({"url": url, "html": lines}) if as_json else typer.echo(f"{url}\n\n{lines}")
