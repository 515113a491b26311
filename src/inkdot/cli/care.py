"""`verify`, `rebuild`, `backup`, `restore`, `doctor`: care for the data."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put, talk
from inkdot.domain.errors import Failure


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (verify, rebuild, backup, restore, tidy, doctor):
        app.command()(command)


def verify(
    retention: Annotated[
        bool, typer.Option("--retention", help="Check instead that nothing is past its days.")
    ] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Read everything that is kept and say whether it can be believed; exit 1 if not.

    Example:
      inkdot verify --json
    """
    if retention:
        _verify_retention(data, as_json=as_json)
        return
    answer = next(answers(data, "verify", {}))
    if as_json:
        put(answer)
    else:
        for finding in answer["findings"]:
            typer.echo(finding)
        dropped = ", ".join(f"{count} {reason}" for reason, count in answer["dropped"].items()) or "none"
        typer.echo(
            f"{answer['events']} events; refused pings: {dropped}; "
            + ("all is well." if answer["ok"] else "see above.")
        )
    if not answer["ok"]:
        raise Failure("Something is damaged; 'inkdot rebuild' makes the event store anew from the journal.")


def _verify_retention(data: Path, *, as_json: bool) -> None:
    answer = next(answers(data, "retention", {}))
    if as_json:
        put(answer)
    else:
        for row in answer["classes"]:
            days = f"{row['days']} days" if row["days"] else "no end"
            typer.echo(
                f"{row['class']:8}  {days:10}  oldest {row['oldest'] or '-'}" + ("" if row["kept"] else "  TOO OLD")
            )
    if not answer["ok"]:
        raise Failure("Something is past its days; 'inkdot tidy' deletes it.")


def rebuild(data: Data = DATA, as_json: Json = False) -> None:
    """Make the event store anew from the journal and what is older than it. Works while the server runs.

    Example:
      inkdot rebuild
    """
    answer = next(answers(data, "rebuild", {}))
    put(answer) if as_json else typer.echo(f"{answer['events']} events now, {answer['events_before']} before.")


def backup(
    to: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The tar file to write.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Write everything - keys, stores, journal - into one file, while the server runs.

    Keep it as safe as the keys inside it.

    Example:
      inkdot backup /mnt/safe/inkdot.tar
    """
    target = (to or Path(f"inkdot-backup-{time.strftime('%Y%m%d-%H%M%S')}.tar")).absolute()
    answer = next(answers(data, "backup", {"to": str(target)}))
    put(answer) if as_json else typer.echo(f"{answer['file']} ({answer['bytes'] / 1e6:.1f} MB)")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A file made by 'inkdot backup'.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Unpack a backup into an empty folder, then check it.

    Example:
      inkdot restore inkdot.tar --data new-folder
    """
    from inkdot.app.care import restore as unpack

    unpack(source, data)
    answer = next(answers(data, "verify", {}))
    put({"data": str(data), "events": answer["events"], "ok": answer["ok"]}) if as_json else typer.echo(
        f"{answer['events']} events restored into {data}."
    )


def tidy(data: Data = DATA, as_json: Json = False) -> None:
    """Do now what the server does every hour: delete raw pings past their days, sort finished months.

    Example:
      inkdot tidy
    """
    answer = next(answers(data, "tidy", {}))
    put(answer) if as_json else typer.echo(
        f"{answer['segments_deleted']} journal segments deleted, {answer['months_closed']} months sorted."
    )


def doctor(data: Data = DATA, as_json: Json = False) -> None:
    """Check what Inkdot needs: one line each with OK, WARN or FAIL and what to do; exit 1 on a FAIL.

    Example:
      inkdot doctor
    """
    from inkdot.app.doctor import examine

    found = examine(data)
    if as_json:
        put({"ok": all(f.level != "FAIL" for f in found), "checks": [f._asdict() for f in found]})
    else:
        for finding in found:
            typer.echo(f"{finding.level:4}  {finding.what}: {finding.says}")
    if any(f.level == "FAIL" for f in found):
        talk("inkdot: something needs your hand; see FAIL above.")
        sys.exit(1)
