"""Writes the generated pages of docs/: settings, commands, reasons and rules. With --check it only compares."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import click
import typer

from inkdot.cli import app
from inkdot.domain.evidence import SENTENCES
from inkdot.mark.reasons import SENTENCES as LEFT_ALONE
from inkdot.settings import Settings
from inkdot.understand.rules import CONDITIONS, shipped

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by `make docs`; change the source, not this page. -->\n\n"

OWN_RULES = """
## Rules of your own

`rules.toml` in the data folder is read when the server starts. Its rules come before those above, and `off` switches some of those
off. A file with a fault is refused with its line, and the rules used before stay in force. `inkdot regrade --dry-run` says what the
new rules would change of what is kept, `inkdot regrade` changes it.

    off = ["X9"]

    [[rule]]
    id = "OWN1"
    when = {{ agent_contains = ["AcmeMailScan"], kind = ["open", "click"] }}
    actor = "scanner"
    human = "no"
    grade = "B"
    source = "our own log, November 2026"

Under `when` may stand: {conditions}. All of them must hold."""


def settings_page() -> str:
    """All settings."""
    rows = [f"| `{s.name}` | `{s.default!r}` | {s.metadata['help']} |" for s in fields(Settings)]
    head = "# Settings\n\nIn `inkdot.toml` in the data folder, as `INKDOT_NAME` in the environment, or on the command line, which wins.\n"
    return NOTE + head + "\n| setting | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def commands_page() -> str:
    """All commands with their options."""
    lines = ["# Commands\n", "Data on stdout, talk on stderr. Exit 0, 1 failed, 2 usage.\n"]

    def walk(command: click.Command, path: str) -> None:
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            for name, child in sorted(command.commands.items()):
                walk(child, f"{path} {name}")
            return
        text = (command.help or "").replace("\b\n", "").strip()
        lines.append(f"## {path}\n\n{text}\n")
        for parameter in command.params:
            if parameter.name == "help":
                continue
            names = (
                ", ".join(f"`{o}`" for o in parameter.opts)
                if parameter.opts[0].startswith("-")
                else f"`{parameter.name}`"
            )
            lines.append(f"- {names}: {getattr(parameter, 'help', None) or ''}")
        lines.append("")

    walk(typer.main.get_command(app), "inkdot")
    return NOTE + "\n".join(lines)


def reasons_page() -> str:
    """Reasons, rules, and why mails are left alone."""
    lines = ["# Reasons and rules\n", "## Why a field is not simply known\n", "| reason | meaning |", "|---|---|"]
    lines += [f"| `{reason}` | {text} |" for reason, text in SENTENCES.items()]
    lines += [f"\n## Rules, version {shipped().version}, in the order in which the first that fires decides\n"]
    lines += ["| rule | actor | human | grade | source |", "|---|---|---|---|---|"]
    lines += [f"| {r.id} | {r.actor} | {r.human} | {r.grade} | {r.source} |" for r in shipped().rules]
    lines += [
        "\nGrades: A vendor's own document, B measured on real traffic, C practice of several trackers, D a logical rule."
    ]
    lines += [OWN_RULES.format(conditions=", ".join(f"`{name}`" for name in CONDITIONS))]
    lines += ["\n## Why a mail is left alone\n", "| reason | meaning |", "|---|---|"]
    lines += [f"| `{reason}` | {text} |" for reason, text in LEFT_ALONE.items()]
    return NOTE + "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "cli.md": commands_page, "reasons.md": reasons_page}


def main() -> int:
    """Write or compare."""
    stale = [name for name, page in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != page()]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/{name} is out of date; run `make docs`.")
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
