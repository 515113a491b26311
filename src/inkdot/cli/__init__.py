"""The command line: thin words over `app`. Data on stdout, talk on stderr; exit 0, 1 failed, 2 usage."""

from __future__ import annotations

import os
import sys

import typer

from inkdot.cli import asking, care, mail, serving
from inkdot.domain.errors import InkdotError, UsageError

app = typer.Typer(
    name="inkdot",
    help="Inkdot tells senders honestly what happened to what they sent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="First steps: [bold]inkdot demo[/bold], then [bold]inkdot serve[/bold]. Every command has --help with examples.",
)
serving.add_to(app)
mail.add_to(app)
asking.add_to(app)
care.add_to(app)


def main() -> None:
    """Run a command; every error on purpose becomes one sentence and an exit code."""
    try:
        app()
    except UsageError as error:
        sys.stderr.write(f"inkdot: {error}\n")
        sys.exit(2)
    except InkdotError as error:
        sys.stderr.write(f"inkdot: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
