"""`person` and `audit`: a person's rights to see and to be forgotten, and who did what with personal data."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put, remember_export
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import Failure
from inkdot.domain.ids import PERSON, to_word


def add_to(app: typer.Typer, person: typer.Typer) -> None:
    """Register the commands; `person` is the group for people."""
    person.command()(export)
    person.command()(erase)
    app.command()(audit)


def export(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A mail address.")],
    out: Annotated[Path, typer.Option("--out", help="The zip file to write.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Everything that is kept about a person, as JSON and as a page to read, in one zip file.

    Example:
      inkdot person export ben@example.com --out ben.zip
    """
    from inkdot.app.portrait import readable

    address = normal_address(person)
    portrait = next(answers(data, "person_export", {"person": address}))
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("person.json", json.dumps(portrait, ensure_ascii=False, indent=1))
            file.writestr("index.html", readable(portrait))
        out.chmod(0o600)
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}; choose another with --out.") from error
    remember_export(data, out, address)
    told = {"person": address, "id": portrait["id"], "file": str(out), "events": len(portrait["events"])}
    put(told) if as_json else typer.echo(f"{out}: {told['events']} events and everything else about {address}.")


def erase(
    person: Annotated[
        str, typer.Argument(metavar="PERSON|ID", help="A mail address, or per_... as an export shows it.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Delete everything about a person - events, pings, rows, waiting mails, backups - and print the certificate.

    What was sent to the person keeps working and tells nothing any more. The server may run.

    Example:
      inkdot person erase ben@example.com --yes
    """
    from inkdot.app.erase import erasure_refused

    whom = person if person.startswith(f"{PERSON}_") else normal_address(person)
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Delete everything about {whom} for good?", err=True)):
        raise erasure_refused(whom)
    certificate = next(answers(data, "person_erase", {"person": whom}))
    if as_json:
        put(certificate)
        return
    typer.echo(
        f"{certificate['person']} erased at {certificate['erased']}: {certificate['events']} events, "
        f"{certificate['journal_records']} pings, {certificate['rows']} rows, {certificate['files']} files, "
        f"{certificate['backups_rewritten']} backups rewritten, in {certificate['seconds']} s."
    )
    for left in certificate["not_reached"]:
        typer.echo(f"Not reached: {left}.")


def audit(
    person: Annotated[str | None, typer.Option(help="Only what was done with this person's data.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Who read, exported or changed personal data, oldest first.

    Example:
      inkdot audit --person ben@example.com
    """
    from inkdot.cli.consent import audit as leave_line
    from inkdot.cli.consent import open_register
    from inkdot.store.contract import iso

    with open_register(data) as register:
        about = register.contact(normal_address(person)) if person else None
        rows = register.book.audited(about)
        leave_line(register, "audit", person)
    for row in rows:
        word = None if row.about is None else to_word(PERSON, row.about)
        detail = json.loads(row.detail)
        if as_json:
            put({"number": row.number, "time": iso(row.time * 1_000_000), "who": row.who, "what": row.what, "about": word,
                 "detail": detail})  # fmt: skip
        else:
            more = " ".join(f"{key}={value}" for key, value in detail.items())
            typer.echo(f"{row.number:>6}  {iso(row.time * 1_000_000)}  {row.who}  {row.what}  {word or ''} {more}")
