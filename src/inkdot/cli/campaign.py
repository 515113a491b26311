"""`mail send --people`: one mail to many, with a result for each person."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from inkdot.cli.options import put, talk, talk_once
from inkdot.domain.consent import UNANSWERED
from inkdot.domain.errors import Failure, UsageError
from inkdot.domain.ids import MESSAGE, to_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from inkdot.app.campaign import Result
    from inkdot.app.folder import Folder
    from inkdot.mark.mint import Mint
    from inkdot.relay.upstream import Upstream

_AGAIN = ("refused", "unsure")
_LINE_SECONDS = 10.0


def send_to_people(
    source: Path, file: Path, folder: Folder, mint: Mint, upstream: Upstream, *, name: str | None, rate: str | None,
    again: list[str], list_name: str | None, attachments: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Fill in, mark and send; raises Failure if not everybody got the mail."""
    from inkdot.app.ask import asker
    from inkdot.app.attachments import treatment
    from inkdot.app.campaign import Pace, Sending, read_rate
    from inkdot.app.consent import Register
    from inkdot.app.people import must_fill, read_people
    from inkdot.mark.fill import Template
    from inkdot.settings import load

    wrong = [word for word in again if word not in _AGAIN]
    if wrong:
        raise UsageError(f"--again takes {' or '.join(_AGAIN)}, not {wrong[0]!r}.")
    pace = Pace(read_rate(rate) if rate else None)
    people = read_people(file)
    content = source.read_bytes()
    template = Template(content, [person.values for person in people.rows])
    for word in must_fill(file, people, template.names):
        talk(f"{file} has no column {word!r}; everybody gets the spare word of the mail.")
    if people.twice:
        talk(f"{people.twice} addresses stand twice in {file}; the first row counts.")
    settings = load(folder.root, {})
    how = treatment(attachments or settings.attachments)
    with Register(folder, settings) as register:
        if register.unanswered:
            talk_once(f"inkdot: {UNANSWERED}")
        sending = Sending(folder, name or source.stem, content, template, mint, register, upstream, list_name, how)
        results: list[Result] = []
        message = to_word(MESSAGE, sending.message)
        register.book.audit(asker(), "mail send", campaign=sending.name, message=message, people=len(people.rows))
        try:
            with _progress(len(people.rows)) as told:
                for result in sending.run(people, pace, again=again):
                    results.append(result)
                    told(result)
        except KeyboardInterrupt:
            raise Failure("Stopped. Run the same command again to go on where this run ended.") from None
        finally:
            sending.store.close()
            for warning in dict.fromkeys(w for result in results for w in result.warnings):
                talk(warning)
            _show(sending.name, message, results, as_json)
    _judge(results)


def _show(name: str, message: str, results: list[Result], as_json: bool) -> None:
    counts = Counter(result.state for result in results)
    if as_json:
        put({"campaign": name, "message": message, "counts": dict(counts), "copies": [_json(r) for r in results]})
        return
    for result in results:
        if result.state != "sent":
            typer.echo(f"{result.to}: {result.state}: {result.said}")
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    typer.echo(f"{name}: {summary or 'nothing sent'}")


def _json(result: Result) -> dict[str, Any]:
    return {
        "to": result.to, "sent": result.state == "sent", "state": result.state,
        "error": None if result.state == "sent" else result.said, "left_alone": result.left_alone,
        "earlier": result.earlier,
    }  # fmt: skip


def _judge(results: list[Result]) -> None:
    counts = Counter(result.state for result in results)
    if counts["waiting"]:
        raise Failure(f"{counts['waiting']} copies were put off by the server; run the same command again later.")
    if counts["unsure"]:
        raise Failure(
            f"Of {counts['unsure']} copies nobody knows whether the server took them; --again unsure sends them once more."
        )
    if counts["refused"]:
        raise Failure("Not every copy was sent; the reasons are above.")


def print_campaign(answer: dict[str, Any]) -> None:
    """The mail's counts and a line for each person."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from inkdot.cli.screen import print_mail_report

    console = Console()
    copies = ", ".join(f"{count} {state}" for state, count in answer["copies"].items())
    console.print(Text(f"{answer['campaign']}: {copies or 'nothing sent'}", style="bold"))
    print_mail_report(answer | {"since": answer["begun"]})
    table = Table(show_edge=False, pad_edge=False, header_style="dim")
    for title in ("person", "copy", "opened", "clicked", "answered", "last"):
        table.add_column(title, overflow="fold")
    for person in answer["people"]:
        last = (person["last"] or "")[:16].replace("T", " ")
        copy = person["state"] + (f" ({person['left_alone']})" if person["left_alone"] else "")
        cells = (person["person"], copy, person["opened"] or "-", person["clicked"] or "-")
        table.add_row(*(Text(cell) for cell in (*cells, "yes" if person["replied"] else "-", last)))
    console.print(table)
    if answer["unnamed"]:
        console.print(Text(f"{answer['unnamed']} more, of whom no name is kept.", style="italic"))


@contextmanager
def _progress(whole: int) -> Iterator[Callable[[Result], None]]:
    """A bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _lines(whole)
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("Sending", total=whole)
        yield lambda result: bar.update(task, advance=1, description=f"Sending {result.to}")


def _lines(whole: int) -> Callable[[Result], None]:
    done, last = 0, time.monotonic()

    def told(_: Result) -> None:
        nonlocal done, last
        done += 1
        if time.monotonic() - last >= _LINE_SECONDS:
            last = time.monotonic()
            talk(f"{done} of {whole}")

    return told
