"""`events`, `timeline`, `report`, `explain`, `export`: what happened, and why it is believed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from inkdot.cli import websites
from inkdot.cli.options import DATA, Data, Json, answers, put, remember_export, talk
from inkdot.domain.errors import UsageError

_FOLLOW_SECONDS = 0.2
_Person = Annotated[str | None, typer.Option(help="Only this person's.")]
_Kind = Annotated[str | None, typer.Option(help="Only this kind: open, click, view, engage, goal, download.")]
_Since = Annotated[str | None, typer.Option(help="Only since: 7d, 12h, 2026-11-23, a time.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(events)
    app.command()(timeline)
    app.command()(explain)
    report = typer.Typer(help="Counts with their intervals.", no_args_is_help=True)
    report.command("mail")(report_mail)
    websites.add_to(report)
    report.callback()(lambda: None)
    app.add_typer(report, name="report")
    export = typer.Typer(help="Take your data out.", no_args_is_help=True)
    export.command("events")(export_events)
    export.command("corrections")(export_corrections)
    export.callback()(lambda: None)
    app.add_typer(export, name="export")


def events(
    data: Data = DATA,
    person: _Person = None,
    kind: _Kind = None,
    since: _Since = None,
    last: Annotated[int | None, typer.Option(help="Only the last so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay and show new ones as they come.")] = False,
    as_json: Json = False,
) -> None:
    """List events, oldest first.

    Examples:
      inkdot events --person ben@example.com --since 7d

      inkdot events --follow --json
    """
    from inkdot.app.ask import CutOff

    what: dict[str, Any] = {"person": person, "kind": kind, "since": since, "last": last}
    after = None
    while True:
        try:
            for event in answers(data, "events", what | {"after": after}):
                after = event["id"]
                put(event) if as_json else typer.echo(_line(event))
        except CutOff:  # whoever follows goes on behind what came
            if not follow:
                raise
        if not follow:
            return
        what["last"] = None
        sys.stdout.flush()
        time.sleep(_FOLLOW_SECONDS)


def _line(event: dict[str, Any]) -> str:
    client = event["fields"]["client"]["value"] or ""
    again = " again" if event["repeat_of"] else ""
    return f"{event['time']}  {event['kind']:6} {event['human']:8} {event['actor']:14} {event['person'] or '-'}  {client}{again}"


def timeline(
    person: Annotated[str, typer.Argument(help="The person's mail address.")], data: Data = DATA, as_json: Json = False
) -> None:
    """Show what one person did, and what is known, degraded or unknown about it.

    Example:
      inkdot timeline ben@example.com
    """
    answer = next(answers(data, "timeline", {"person": person}))
    if as_json:
        put(answer)
        return
    from inkdot.cli.screen import print_timeline

    print_timeline(answer)


def report_mail(
    data: Data = DATA,
    since: Annotated[str, typer.Option(help="Mails and events since: 30d, all, a date.")] = "30d",
    last: Annotated[int, typer.Option(help="How many mails, the latest first.")] = 50,
    campaign: Annotated[
        str | None, typer.Option(help="One mail to many, as 'mail send --people' named it: a line for each person.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count per mail who opened and clicked: surely, likely, perhaps.

    Examples:
      inkdot report mail --since 7d

      inkdot report mail --campaign news
    """
    if campaign:
        answer = next(answers(data, "report_campaign", {"campaign": campaign}))
        if as_json:
            put(answer)
            return
        from inkdot.cli.campaign import print_campaign

        print_campaign(answer)
        return
    answer = next(answers(data, "report_mail", {"since": since, "last": last}))
    if as_json:
        put(answer)
        return
    from inkdot.cli.screen import print_mail_report

    print_mail_report(answer)


def explain(
    event: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="An event's id; with --jsonl a file.")] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Judge cases, one JSON object a line: of a file or standard input.")
    ] = False,
    says: Annotated[
        str | None, typer.Option(help="You know better: human, machine or me; rules takes that back.")
    ] = None,
    because: Annotated[str | None, typer.Option(help="How you know.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Say why an event is judged as it is, correct it, or judge cases given as JSON Lines.

    Examples:
      inkdot explain evt_0000000000004

      inkdot explain evt_0000000000004 --says human --because "she told me on the phone"

      inkdot explain --jsonl < cases.jsonl
    """
    if jsonl:
        try:
            with nullcontext(sys.stdin) if event in (None, "-") else Path(event).open(encoding="utf-8") as cases:
                _explain_cases(cases)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{event or 'standard input'} cannot be read as a file of cases: {error}.") from error
        return
    if not event:
        raise UsageError("Name an event, as 'inkdot events' lists them, or give cases with --jsonl.")
    if says or because:
        answer = next(answers(data, "correct", {"event": event, "says": says, "because": because}))
    else:
        answer = next(answers(data, "explain", {"event": event}))
    if as_json:
        put(answer)
        return
    from inkdot.cli.screen import print_explanation

    print_explanation(answer)


def _explain_cases(cases: Iterable[str]) -> None:
    from inkdot.app.cases import judge_case

    for number, line in enumerate(cases, 1):
        if line.strip():
            try:
                case = json.loads(line)
            except ValueError:
                raise UsageError(f"Line {number} of the cases is not a JSON object.") from None
            put(judge_case(case))


def export_events(
    fmt: Annotated[str, typer.Option("--format", help="csv, jsonl or parquet.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="The file; standard output if not given (not for parquet).")] = None,
    person: _Person = None,
    kind: _Kind = None,
    since: _Since = None,
    data: Data = DATA,
) -> None:
    """Write events into a file.

    Examples:
      inkdot export events --format csv --out events.csv

      inkdot export events --format parquet --out events.parquet --since 30d
    """
    from inkdot.cli.exporting import FORMATS

    if fmt not in FORMATS:
        raise UsageError(f"{fmt!r} is no export format; the formats are {', '.join(FORMATS)}.")
    found: Iterator[dict[str, Any]] = answers(data, "events", {"person": person, "kind": kind, "since": since})
    count = FORMATS[fmt](found, out)
    if out:
        remember_export(data, out, person)
        talk(f"{count} events in {out}")


def export_corrections(
    out: Annotated[Path, typer.Option(help="The folder for the pairs.")] = Path("corrections"),
    data: Data = DATA,
) -> None:
    """Write every corrected event as a pair: the request as it was kept, and what it should be understood as.

    Example:
      inkdot export corrections --out corrections
    """
    from inkdot.cli.exporting import write_pair

    found = list(answers(data, "corrections", {}))
    for event in found:
        write_pair(out, event)
    talk(f"{len(found)} pairs in {out}")
