"""`person import`, `person merge`, `person unmerge`, `person identities`: who is who."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put, talk

_Person = Annotated[str, typer.Argument(help="The person's mail address.")]
_Other = Annotated[str, typer.Argument(help="Another address of the same person, or a visitor: vtr_...")]


def add_to(person: typer.Typer) -> None:
    """Register the commands."""
    person.command()(merge)
    person.command()(unmerge)
    person.command()(identities)
    person.command("import")(take_over)


def take_over(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns email and some of the others.")],
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was known of these people before.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Take over what you know of people: phone, first_name, last_name, country, postcode. 'audience export' gives it to platforms, hashed.

    Nothing is kept of people of whom nothing may be kept.

    Example:
      inkdot person import customers.csv
    """
    from inkdot.app.people import details_of, read_people

    people = read_people(file)
    details, unused = details_of(file, people)
    answer = next(answers(data, "people_know", {"people": details, "anew": anew}))
    if unused:
        talk(f"Not kept: {', '.join(unused)}.")
    if as_json:
        put(answer)
    else:
        typer.echo(f"{answer['people']} people, {answer['left_out']} left out because nothing may be kept of them.")


def merge(person: _Person, other: _Other, data: Data = DATA, as_json: Json = False) -> None:
    """Say that an address or an anonymous browser is a person's; 'unmerge' takes it back.

    Example:
      inkdot person merge ben@example.com vtr_54h2phvrp7pty
    """
    answer = next(answers(data, "person_merge", {"person": person, "other": other}))
    if as_json:
        put(answer)
    else:
        typer.echo(f"{answer['other']} is {answer['person']} from now on, and was before.")


def unmerge(person: _Person, other: _Other, data: Data = DATA, as_json: Json = False) -> None:
    """Say that it is not. What was proven about a browser is taken back, too, and not believed again.

    Example:
      inkdot person unmerge ben@example.com vtr_54h2phvrp7pty
    """
    answer = next(answers(data, "person_unmerge", {"person": person, "other": other}))
    if as_json:
        put(answer)
    else:
        typer.echo(f"{answer['other']} is not {answer['person']}.")


def identities(person: _Person, data: Data = DATA, as_json: Json = False) -> None:
    """Show what ties a person to browsers and addresses, and what was said about it.

    Example:
      inkdot person identities ben@example.com
    """
    answer = next(answers(data, "person_identities", {"person": person}))
    if as_json:
        put(answer)
        return
    typer.echo(f"{answer['person']} {' '.join(answer['addresses'])}")
    for browser in answer["browsers"]:
        state = "taken back" if browser["taken_back"] else f"used by {browser['people']} known people"
        typer.echo(f"{browser['visitor']}  {browser['proved']}  {browser['rule']}  {state}")
    for line in answer["journal"]:
        typer.echo(f"{line['time']}  {line['act']} {line['person']} {line['other']} ({line['because']})")
