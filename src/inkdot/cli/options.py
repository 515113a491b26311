"""Options and output that commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from inkdot.domain.contact import Address

Data = Annotated[
    Path, typer.Option("--data", envvar="INKDOT_DATA", help="The data folder.", show_default="./inkdot-data")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, or JSON Lines where it lists.")]
DATA = Path("inkdot-data")
_UNHEARD_SECONDS = 1.0
_TITLES = {
    "rebuild": "Making the event store anew", "backup": "Writing the backup", "verify": "Checking", "tidy": "Tidying up",
    "regrade": "Judging again", "person_erase": "Erasing", "person_export": "Collecting", "events": "Looking up events",
}  # fmt: skip


def put(item: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    escaped = sys.stdout.encoding.lower() != "utf-8"
    sys.stdout.write(json.dumps(item, ensure_ascii=escaped) + "\n")


def talk(text: str) -> None:
    """A line for the person, on stderr. Where that is a file on a full disk the work goes on."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")


@cache
def talk_once(text: str) -> None:
    """The same, however often one command has reason to say it."""
    talk(text)


@contextmanager
def progress(title: str, unit: str = "pings") -> Iterator[Callable[[int, int], None]]:
    """A bar that appears after a second of work, on a terminal only; told (how many are done, bytes left), if that is known."""
    if not sys.stderr.isatty():
        yield lambda _done, _left: None
        return
    from threading import Timer

    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    whole = 0
    with Progress(
        *Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(title, total=None, visible=False)
        late = Timer(_UNHEARD_SECONDS, bar.update, (task,), {"visible": True})
        late.start()

        def told(done: int, left: int) -> None:
            nonlocal whole
            whole = max(whole, left)
            words = f"{title}: {done:,} {unit}, {left / 1e6:,.1f} MB left"
            bar.update(task, description=words, total=whole or None, completed=whole - left)

        try:
            yield told
        finally:
            late.cancel()


def tell_if_new(data: Path) -> None:
    """Say it where a folder had to be made: a mistyped one would look like lost data, and its marks would be nobody's."""
    if not data.exists():
        from inkdot.app.folder import Folder

        Folder(data)
        talk(f"inkdot: There was no data folder {data}, so an empty one was made; name yours with --data.")


def answers(data: Path, question: str, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Ask the folder or its server; `what` loses its empty entries."""
    from inkdot.app.ask import ask

    tell_if_new(data)
    with progress(_TITLES.get(question, "Reading the journal")) as told:
        found = ask(data, question, {k: v for k, v in what.items() if v is not None}, told)
        first = next(found, None)
    if first is not None:
        yield first
        yield from found


def remember_export(data: Path, path: Path, person: str | None = None) -> None:
    """People are in this file now, or one person: where somebody of them is erased, the certificate names it."""
    from inkdot.cli.consent import open_register
    from inkdot.domain.contact import normal_address

    with open_register(data) as register:
        about = register.contact(normal_address(person)) if person else None
        register.book.keep_written(path.absolute(), "export", about)


def leave_line(data: Path, what: str, person: str | None = None, **detail: object) -> None:
    """In the audit log, by commands that show or change what is kept of people without asking the house, which does it itself."""
    from inkdot.cli.consent import audit, open_register

    with open_register(data) as register:
        audit(register, what, person, **detail)


def leave_lines(data: Path, what: str, people: Iterable[Address], list_name: str | None = None, **detail: str) -> None:
    """The same by commands that mark something for people: a line about each who may be named, and one at the least."""
    from inkdot.app.ask import asker
    from inkdot.app.audit import named
    from inkdot.cli.consent import open_register

    with open_register(data) as register:
        register.book.audit_each(asker(), what, named(register, people, list_name), **detail)
