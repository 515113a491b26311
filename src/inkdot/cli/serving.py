"""`serve` and `demo`: start everything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inkdot.cli.browser import show_page
from inkdot.cli.options import DATA, Data, talk
from inkdot.domain.consent import UNANSWERED
from inkdot.domain.errors import InkdotError

if TYPE_CHECKING:
    from inkdot.app.folder import Folder, Server
    from inkdot.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(serve)
    app.command()(demo)


def serve(
    data: Data = DATA,
    public_port: Annotated[int | None, typer.Option(help="Port of the street door (8001).")] = None,
    public_host: Annotated[str | None, typer.Option(help="Address it listens on (127.0.0.1).")] = None,
    office_port: Annotated[int | None, typer.Option(help="Port of the office (8000).")] = None,
    relay_port: Annotated[
        int | None, typer.Option(help="Port of the mail door (8025); it opens when there is an upstream.")
    ] = None,
    public_url: Annotated[str | None, typer.Option(help="How recipients reach the street door.")] = None,
    office_url: Annotated[str | None, typer.Option(help="How you reach the office.")] = None,
    streets: Annotated[int | None, typer.Option(help="Street processes (1).")] = None,
    trusted_proxies: Annotated[
        str | None, typer.Option(help="Networks of your reverse proxies, comma-separated.")
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(help="Mail server that the mail door delivers to: smtp://user@mail.example.com:587.")
    ] = None,
    setup_link: Annotated[
        bool, typer.Option(help="Say where the first account is made, as long as there is none.")
    ] = True,
    open_page: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open that link in a browser; if not said, at a terminal with a screen."),
    ] = None,
) -> None:
    """Run Inkdot until Ctrl-C: the street door hears pings, the office understands them, the mail door marks your mails.

    Prints one line when all answers: ready public=URL office=URL relay=HOST:PORT (relay=off without an upstream).
    The upstream's password may stand in the environment: INKDOT_UPSTREAM_PASSWORD.

    Examples:
      inkdot serve

      inkdot serve --public-host 0.0.0.0 --public-url https://t.example.com --streets 2

      inkdot serve --public-url https://t.example.com --upstream smtp://ada@mail.example.com:587
    """
    given = {
        "public_port": public_port, "public_host": public_host, "office_port": office_port, "relay_port": relay_port,
        "public_url": public_url, "office_url": office_url, "streets": streets, "trusted_proxies": trusted_proxies,
        "upstream": upstream,
    }  # fmt: skip
    from inkdot.app.folder import Folder
    from inkdot.app.supervisor import Supervisor
    from inkdot.settings import load

    folder = Folder(data)
    settings = load(folder.root, given)

    def ready(server: Server) -> None:
        sys.stdout.write(f"ready public={server.public} office={server.office} relay={server.relay}\n")
        sys.stdout.flush()
        if setup_link:
            _say_how_to_begin(folder, server, open_page)
            _say_if_unanswered(settings)

    if settings.public_url:
        _remember_public_url(folder.root, settings.public_url)
    said = [name for name, value in given.items() if value is not None]
    sys.exit(Supervisor(folder, settings, lambda: load(folder.root, given), said).run(ready))


def _say_if_unanswered(settings: Settings) -> None:
    if not settings.region and not settings.health:
        talk(f"inkdot: {UNANSWERED}")


def _say_how_to_begin(folder: Folder, server: Server, open_page: bool | None) -> None:
    """Where there is no account yet, the way to the first one; there is no password to begin with."""
    import sqlite3

    from inkdot.app.accounts import setup_address

    try:
        url = setup_address(folder, server.office)
    except (InkdotError, OSError, sqlite3.Error) as error:  # a full disk must not keep the street from hearing
        talk(f"No set-up link could be made: {error}")
        return
    if url:
        talk(f"Make your account within 30 minutes: {url}")
        show_page(url, open_page)


def _remember_public_url(root: Path, url: str) -> None:
    """`mail mark` on the stopped folder must use the address that recipients know."""
    from inkdot.app.folder import write_whole

    write_whole(root / "public_url", url.encode() + b"\n")


def demo(
    port: Annotated[int, typer.Option(help="Port of the street door; 0 takes a free one.")] = 0,
    stay: Annotated[bool, typer.Option(help="Stay up for your own tries.")] = True,
    open_page: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", help="Open the dashboard in a browser; if not said, at a terminal with a screen."
        ),
    ] = None,
) -> None:
    """Show the main job on a throw-away folder with a sample mail and simulated readers, then stay up for your own tries."""
    from inkdot.cli.demonstration import show

    sys.exit(show(port, stay=stay, open_page=open_page))
