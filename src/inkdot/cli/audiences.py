"""`audience`: lists that people join and leave, and files of them for others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inkdot.cli.acting import rule_text
from inkdot.cli.options import DATA, Data, Json, answers, put, remember_export, talk
from inkdot.domain.errors import Failure, UsageError

_Name = Annotated[str, typer.Argument(help="The list's name.")]
_Person = Annotated[str, typer.Argument(help="A mail address.")]
_WHY = {"withdrawn": "no consent", "no_consent": "no consent", "no_address": "no address", "no_click_id": "no click id"}


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    audience = typer.Typer(help="Lists that people join and leave by rules.", no_args_is_help=True)
    for name, command in (
        ("add", add), ("list", show_all), ("show", show), ("join", join), ("leave", leave), ("export", export), ("rm", remove),
    ):  # fmt: skip
        audience.command(name)(command)
    app.add_typer(audience, name="audience")


def add(
    name: _Name,
    rule: Annotated[
        str | None, typer.Argument(help="As for `trigger add`, with `when` alone; without it people join by hand.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Keep a list; whoever meets its rule is on it, and whoever meets it no more leaves.

    Example:
      inkdot audience add interested '{"when":{"kind":"click","url":"/pricing*","count":2,"within":"14d"}}'
    """
    answer = next(answers(data, "audience_add", {"name": name, "rule": rule_text(rule) if rule else None}))
    put(answer) if as_json else typer.echo(f"{answer['audience']}  {answer['name']}: {answer['members']} people")


def show_all(data: Data = DATA, as_json: Json = False) -> None:
    """Show all lists.

    Example:
      inkdot audience list
    """
    for item in answers(data, "audience_list", {}):
        put(item) if as_json else typer.echo(f"{item['audience']}  {item['name']}: {item['members']} people")


def show(name: _Name, data: Data = DATA, as_json: Json = False) -> None:
    """Show who is on a list, since when and why.

    Example:
      inkdot audience show interested
    """
    for item in answers(data, "audience_show", {"name": name}):
        put(item) if as_json else typer.echo(f"{item['joined']}  {item['person'] or '-'}  ({item['because']})")


def join(name: _Name, person: _Person, data: Data = DATA, as_json: Json = False) -> None:
    """Put somebody on a list without a rule.

    Example:
      inkdot audience join friends ben@example.com
    """
    answer = next(answers(data, "audience_change", {"name": name, "person": person, "join": True}))
    put(answer) if as_json else typer.echo(f"{answer['name']}: {answer['members']} people")


def leave(name: _Name, person: _Person, data: Data = DATA, as_json: Json = False) -> None:
    """Take somebody off a list without a rule.

    Example:
      inkdot audience leave friends ben@example.com
    """
    answer = next(answers(data, "audience_change", {"name": name, "person": person, "join": False}))
    put(answer) if as_json else typer.echo(f"{answer['name']}: {answer['members']} people")


def export(
    name: _Name,
    target: Annotated[str, typer.Option(help="meta, google or csv.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; stdout if not given.")] = None,
    removed: Annotated[bool, typer.Option("--removed", help="Instead: whom the target has and must remove.")] = False,
    conversions: Annotated[
        str | None, typer.Option(help="Instead: offline conversions of this name, by the click ids of landings.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Write a list as the target's upload takes it: normalised its way, hashed, without those who said no.

    Examples:
      inkdot audience export interested --target meta --out interested.csv

      inkdot audience export interested --target meta --removed --out remove.csv
    """
    if removed and conversions:
        raise UsageError("--removed and --conversions are two files; ask for one after the other.")
    wanted = "removals" if removed else "conversions" if conversions else "members"
    what = {"name": name, "target": target, "what_for": wanted, "conversion": conversions, "dry_run": dry_run}
    answer = next(answers(data, "audience_export", what))
    text = answer.pop("csv")
    if as_json and out is None and not dry_run:
        answer["csv"] = text
    elif not dry_run:
        _write(text, out)
        if out:
            remember_export(data, out)
    why = ", ".join(dict.fromkeys(_WHY[reason] for reason in answer["reasons"]))
    line = f"{answer['rows']} rows, {answer['left_out']} left out" + (f": {why}" if why else "")
    put(answer | {"file": str(out) if out else None}) if as_json else talk(line)


def remove(name: _Name, data: Data = DATA, as_json: Json = False) -> None:
    """Remove a list. What a platform was given of it stays there: export --removed first, after everybody has left.

    Example:
      inkdot audience rm interested
    """
    answer = next(answers(data, "audience_rm", {"name": name}))
    put(answer) if as_json else typer.echo(f"{answer['name']} is gone.")


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, newline="")
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}; choose another with --out.") from error
