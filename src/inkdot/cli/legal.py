"""`legal`: texts for forms and notices, the region table, records of processing. Tools for a careful sender, not legal advice."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put
from inkdot.domain.errors import Failure, UsageError

if TYPE_CHECKING:
    from inkdot.domain.consent import Decision, Mode
    from inkdot.settings import Settings

_SERVICES = {"push": "the push services of browsers"}
_NOTE = "Made from your settings. Not legal advice."


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Texts and records from your actual settings. Not legal advice.", no_args_is_help=True)
    for command in (texts, regions, records, dpia, preview):
        group.command()(command)
    app.add_typer(group, name="legal")


def _in_force(data: Path) -> tuple[Settings, Decision]:
    from inkdot.app.folder import Folder
    from inkdot.cli.consent import open_register
    from inkdot.settings import load

    with open_register(data) as register:
        return load(Folder(data).root, {}), register.widest()


def _websites(data: Path) -> tuple[Mode, Mode] | None:
    """The widest modes of all websites, unasked and of who agreed."""
    from inkdot.cli.consent import open_register

    with open_register(data) as register:
        sites = [(domain, at) for _, at, domain in register.book.websites()]
        unasked, agreed = (
            [register.widest(domain, asked=asked, workspace=at).mode for domain, at in sites] for asked in (False, True)
        )
    return (max(unasked), max(agreed)) if sites else None


def _receivers(settings: Settings, data: Path) -> list[str]:
    """Hosts and services that something is handed to, by the settings, the webhooks and the rules."""
    urls = [settings.mail_server, settings.upstream, *(one.partition("=")[2] for one in settings.upstreams)]
    urls += [place["url"] for place in answers(data, "webhook_list", {})]
    actions = [action for trigger in answers(data, "trigger_list", {}) for action in trigger["rule"]["actions"]]
    urls += [action.get("url") or "" for action in actions]
    services = {_SERVICES[action["do"]] for action in actions if action["do"] in _SERVICES}
    return sorted({urlsplit(url).hostname or "" for url in urls} - {""} | services)


def texts(
    language: Annotated[str | None, typer.Option(help="en, de, fr, it or es; all if not given.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Texts for the box of a form, the privacy notice, the footer of mails and the notice at documents.

    They change with your settings: region, retention, addresses, controller, health mode.

    Example:
      inkdot legal texts --language de
    """
    from inkdot.app.law.texts import WORDS
    from inkdot.app.law.texts import texts as made

    if language is not None and language not in WORDS:
        raise UsageError(f"There are no texts in {language!r}; use {', '.join(WORDS)}.")
    settings, default = _in_force(data)
    known = _receivers(settings, data), _websites(data)
    found = {word: made(settings, default, word, *known) for word in ([language] if language else WORDS)}
    if as_json:
        put(found)
        return
    for word, several in found.items():
        for name, text in several.items():
            typer.echo(f"[{word}] {name}\n{text or '(none: in health mode nobody is named, whatever is agreed)'}\n")
    typer.echo(_NOTE)


def regions(data: Data = DATA, as_json: Json = False) -> None:
    """The region table: what may be kept without consent, with date and source. Your own rows go into regions.toml.

    Example:
      inkdot legal regions
    """
    from inkdot.app.folder import Folder
    from inkdot.app.law.regions import regions as table

    for row in table(Folder(data).root):
        if as_json:
            put(row._asdict() | {"mode": row.mode.name.lower()})
        else:
            typer.echo(
                f"{row.code:6} {row.name}: {row.mode.name.lower()}; consent {row.consent}. {row.source}, {row.date}"
            )


def records(data: Data = DATA) -> None:
    """The record of processing (Article 30 GDPR), as Markdown.

    Example:
      inkdot legal records > records.md
    """
    from inkdot.app.folder import Folder
    from inkdot.app.law.records import records as made
    from inkdot.app.law.regions import regions as table

    settings, default = _in_force(data)
    typer.echo(made(settings, default, table(Folder(data).root), _receivers(settings, data)))


def dpia(data: Data = DATA) -> None:
    """A draft of a data protection impact assessment (Article 35 GDPR), as Markdown, with the questions left to you.

    Example:
      inkdot legal dpia > dpia.md
    """
    from inkdot.app.law.records import assessment

    settings, default = _in_force(data)
    typer.echo(assessment(settings, default, _receivers(settings, data)))


def preview(
    out: Annotated[Path, typer.Option("--out", help="The page to write.")],
    data: Data = DATA,
) -> None:
    """A page that shows what a recipient sees: footer, notices and the box, in every language.

    Example:
      inkdot legal preview --out recipient.html
    """
    from inkdot.app.law.texts import WORDS
    from inkdot.app.law.texts import texts as made

    settings, default = _in_force(data)
    known = _receivers(settings, data), _websites(data)
    parts = [f"<!doctype html><meta charset=utf-8><title>What a recipient sees</title><p>{_NOTE}</p>"]
    for word in WORDS:
        shown = made(settings, default, word, *known)
        parts.append(f"<h2>{word}</h2>{shown['mail_footer']}<p>{shown['form_html']}</p>")
        parts += [f"<p>{html.escape(shown[name])}</p>" for name in ("document_notice", "privacy_paragraph")]
    try:
        out.write_text("\n".join(parts))
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}.") from error
