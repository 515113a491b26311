"""`geo`, `regrade`, `mail check`: what Inkdot knows, and judging again when it knows better."""

from __future__ import annotations

from typing import Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put, talk

_File = typer.Option(help="A file or a web address.", metavar="FILE|URL")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    geo = typer.Typer(help="Where addresses are: country, network, city.", no_args_is_help=True)
    geo.command()(update)
    geo.command()(status)
    app.add_typer(geo, name="geo")
    app.command()(regrade)


def update(
    data: Data = DATA,
    city: Annotated[str | None, _File] = None,
    vpn: Annotated[str | None, _File] = None,
    hosting: Annotated[str | None, _File] = None,
    tor: Annotated[str | None, _File] = None,
    mobile: Annotated[str | None, _File] = None,
    as_json: Json = False,
) -> None:
    """Fetch newer geographic data; without options, DB-IP's free city database.

    A running server takes them up when it is started again.

    Examples:
      inkdot geo update

      inkdot geo update --city GeoLite2-City.mmdb --tor https://check.torproject.org/torbulkexitlist
    """
    from inkdot.app.folder import Folder
    from inkdot.app.geo import update as fetch

    named = {"city": city, "vpn": vpn, "hosting": hosting, "tor": tor, "mobile": mobile}
    for done in fetch(Folder(data), {tag: source for tag, source in named.items() if source}):
        if as_json:
            put(done)
        elif done["what"] == "city":
            typer.echo(f"cities of {done['date']} ({done['bytes'] / 1e6:.0f} MB). {done['credit']}")
        else:
            typer.echo(f"{done['what']}: {done['networks']} networks")


def status(data: Data = DATA, as_json: Json = False) -> None:
    """Say which geographic data there are, and from which day.

    Example:
      inkdot geo status
    """
    from inkdot.app.folder import Folder
    from inkdot.app.geo import status as look
    from inkdot.settings import load

    folder = Folder(data)
    found = look(folder, load(folder.root, {}).city_file)
    if as_json:
        put(found)
        return
    typer.echo(f"countries and networks: {found['countries']}")
    typer.echo(f"cities: {found['cities'] or 'none; inkdot geo update fetches them'}")
    for tag, listed in found["lists"].items():
        typer.echo(f"{tag}: {listed['networks']} networks, {listed['date']}")
    typer.echo(found["credit"])


def regrade(
    data: Data = DATA,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Judge all kept events again by the rules of today, and say what changed. Corrections stay.

    Example:
      inkdot regrade --dry-run
    """
    answer = next(answers(data, "regrade", {"dry_run": dry_run or None}))
    if as_json:
        put(answer)
        return
    for change in answer["changes"]:
        typer.echo(f"{change['events']:>8}  {change['from']}  ->  {change['to']}   ({', '.join(change['examples'])})")
    would = "would change" if dry_run else "changed"
    typer.echo(f"{answer['changed']} of {answer['events']} events {would}, by rules {answer['rules']}.")
    if answer["corrections_kept"]:
        talk(f"{answer['corrections_kept']} corrections by people stay as they are.")


def check(
    people: Annotated[list[str], typer.Argument(metavar="PERSON...", help="Mail addresses.")],
    nameserver: Annotated[str | None, typer.Option(help="Ask this one: ADDRESS or ADDRESS:PORT.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Say, before you send, who keeps a person's mailbox and so what can be learned there.

    Example:
      inkdot mail check ben@example.com cleo@example.com
    """
    from inkdot.app.mailbox import check as look

    has_past = (data / "events.duckdb").exists()
    for found in look(people, nameserver):
        found["learned"] = []
        if has_past and found["can_tell"] is not None:
            found["learned"] = next(answers(data, "learned", {"person": found["person"]}))["learned"]
        if as_json:
            put(found)
            continue
        keeps = found["gateway"] or found["mailbox"] or "unknown"
        can = found["can_tell"]
        tells = ", ".join(f"{what} {word}" for what, word in can.items()) if can else "nothing foretold"
        typer.echo("\n  ".join([f"{found['person']}: {keeps} ({tells})", found["says"], *found["learned"]]))
