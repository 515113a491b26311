"""The command line: thin words over `app`. Data on stdout, talk on stderr; exit 0, 1 failed, 2 usage."""

from __future__ import annotations

import inspect
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command_name

from inkdot import __version__
from inkdot.cli import (
    account,
    acting,
    asking,
    audiences,
    calibrating,
    care,
    consent,
    dotting,
    identity,
    importing,
    key,
    knowing,
    legal,
    mail,
    pushing,
    relay,
    rights,
    serving,
    sharing,
    site,
)
from inkdot.domain.errors import InkdotError, UsageError

app = typer.Typer(
    name="inkdot",
    help="Inkdot tells senders honestly what happened to what they sent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="First steps: inkdot demo, then inkdot serve. Every command has --help with examples.",
)
serving.add_to(app)
account.add_to(app)
key.add_to(app)
mail.add_to(app)
relay.add_to(app)
asking.add_to(app)
care.add_to(app)
doc = typer.Typer(help="Share documents and learn how they are read.", no_args_is_help=True)
sharing.add_to(doc)
dotting.add_to(doc)
calibrating.add_to(doc)
app.add_typer(doc, name="doc")
knowing.add_to(app)
consent.add_to(app)
legal.add_to(app)
acting.add_to(app)
audiences.add_to(app)
pushing.add_to(app)
site.add_to(app)
importing.add_to(app)
person = typer.Typer(
    help="People: who is who, and the right to see everything and to be forgotten.", no_args_is_help=True
)
identity.add_to(person)
rights.add_to(app, person)
app.add_typer(person, name="person")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inkdot {__version__}")
        raise typer.Exit


@app.callback()
def _before(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Options that come before a command."""


def _keep_examples_apart(group: typer.Typer) -> None:
    """Help is wrapped to the terminal; examples must stay one command a line to be copied."""
    group.suggest_commands = False  # click suggests already
    for command in group.registered_commands:
        text, word, examples = inspect.cleandoc((command.callback and command.callback.__doc__) or "").partition(
            "\nExample"
        )
        lines = [line for line in examples.splitlines() if line.strip()]
        command.help = text + (f"\n\n\b{word}" + "\n".join(lines) if word else "")
    for child in group.registered_groups:
        if child.typer_instance:
            _keep_examples_apart(child.typer_instance)


_keep_examples_apart(app)


def _leave_out(group: typer.Typer, words: Sequence[str]) -> None:
    """Leave out what the first words do not name: working out the options of all commands takes longer than most of them."""
    asked = words[0] if words else None
    groups = [g for g in group.registered_groups if g.name == asked]
    commands = [
        c
        for c in group.registered_commands
        if c.callback and (c.name or get_command_name(c.callback.__name__)) == asked
    ]
    if groups or commands:
        group.registered_groups, group.registered_commands = groups, commands
    for child in groups:
        if child.typer_instance:
            _leave_out(child.typer_instance, words[1:])


def main() -> None:
    """Run a command; every error on purpose becomes one sentence and an exit code."""
    _leave_out(app, sys.argv[1:])
    sys.stdout = sys.stdout or io.TextIOWrapper(io.BytesIO(), "utf-8")  # None where the shell closed it
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a letter is no reason to stop
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except UsageError as error:
        sys.stderr.write(f"inkdot: {error}\n")
        sys.exit(2)
    except InkdotError as error:
        sys.stderr.write(f"inkdot: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; that is no failure of ours.
        _forget_output()
        sys.exit(0)
    except OSError as error:
        sys.stderr.write(
            f"inkdot: The output cannot be written ({error.strerror or error}); make room and try again.\n"
        )
        _forget_output()
        sys.exit(1)


def _forget_output() -> None:
    """What is left in the buffer must not fail once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
