"""`setup` and `consent`: where recipients are, who chose what, and the proof of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inkdot.cli import consent_asking as asking
from inkdot.cli.options import DATA, Data, Json, put, talk
from inkdot.domain.consent import UNANSWERED, Mode, mode_named
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import Failure, UsageError, unreadable

if TYPE_CHECKING:
    from inkdot.app.consent import Register

_Person = Annotated[str, typer.Argument(metavar="PERSON", help="A mail address.")]
_Mode = Annotated[str, typer.Option(help="off, aggregate, hygiene or individual.")]
_Wording = Annotated[str, typer.Option("--text", help="The text that the person agreed to.")]
_Version = Annotated[str, typer.Option("--version", help="Its version.")]
_Language = Annotated[str, typer.Option("--language", help="Its language.")]
_Method = Annotated[str, typer.Option("--method", help="How: form, phone, paper ...")]
_Form = Annotated[str, typer.Option("--form", help="Address of the form.")]
_Scope = Annotated[
    str,
    typer.Option(
        "--scope", help="workspace, list:NAME, site:DOMAIN, purpose:mail, purpose:advertising or purpose:push."
    ),
]

_STRICTER = (
    "{who} has a stricter choice on record here ({act}, {day}), and the row is not later; "
    "give the time at which the person agreed if it is."
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(setup)
    group = typer.Typer(help="Who chose what, and the proof of it.", no_args_is_help=True)
    for command in (limit, limits, withdraw, log, export, verify):
        group.command()(command)
    asking.add_to(group)
    group.command("set")(set_mode)
    group.command("import")(import_file)
    app.add_typer(group, name="consent")


def open_register(data: Path) -> Register:
    """The consent of a folder."""
    from inkdot.app.consent import Register
    from inkdot.app.folder import Folder
    from inkdot.settings import load

    folder = Folder(data)
    return Register(folder, load(folder.root, {}))


def setup(
    region: Annotated[str | None, typer.Option(help="Where your recipients are: us, eu, uk or mixed.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """The one question of a new installation: where are your recipients?

    From then on people whose choice is not known are measured as strictly as the strictest rules there ask for, also by
    marks made before.

    Example:
      inkdot setup --region eu
    """
    from inkdot.app.folder import Folder
    from inkdot.app.keys import started_anew
    from inkdot.app.law.setting import write_setting
    from inkdot.settings import load

    folder = Folder(data)
    before = load(folder.root, {}).region
    if region is None and sys.stdin.isatty():
        region = typer.prompt("Where are your recipients (us, eu, uk, mixed)?", err=True)
    if region is not None:
        from inkdot.app.law.regions import ANSWERS

        region = region.strip().lower()
        if region not in ANSWERS:
            raise UsageError(f"{region!r} is no region; use us, eu, uk or mixed.")
        write_setting(folder.root, "region", region)
    settings = load(folder.root, {})
    with open_register(data) as register:
        register.tell_streets()
        decision = register.widest()
        audit(register, "setup", region=settings.region)
    if settings.region != before and (running := folder.running()):
        started_anew(running.pid)  # what leads to the privacy page goes by the region, too
    if as_json:
        put({"region": settings.region or None, "mode": decision.mode.name.lower(), "because": decision.because})
    elif settings.region:
        typer.echo(f"People whose choice is not known: {decision.sentence}. It counts for what was marked before, too.")
    else:
        talk(f"inkdot: {UNANSWERED}")


def set_mode(
    person: _Person,
    mode: _Mode,
    scope: _Scope = "workspace",
    text: _Wording = "",
    version: _Version = "",
    language: _Language = "",
    method: _Method = "command",
    form: _Form = "",
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Write down what a person chose, with the proof of it.

    What a person chose for everything counts for marks that were sent before, too: from now on no more is kept of them either.
    What was kept already stays; 'inkdot person erase' deletes it.

    Example:
      inkdot consent set ben@example.com --mode individual --method form --form https://example.com/join --version 3
    """
    from inkdot.app.consent import choice, scope_named

    address, wanted = normal_address(person), mode_named(mode)
    made = choice(
        address, "set", wanted, scope_named(scope), method, wording=text, version=version, language=language, form=form
    )
    with open_register(data) as register:
        register.keep([made])
        audit(register, "consent set", address, mode=wanted.name.lower(), scope=scope)
        _tell(register, address, as_json=as_json)
    if wanted < Mode.INDIVIDUAL:
        talk(f"What was kept of {address} before stays; 'inkdot person erase {address}' deletes it.")


def withdraw(person: _Person, method: _Method = "command", data: Data = DATA, as_json: Json = False) -> None:
    """Keep nothing more about a person, from mails already sent as from those to come. Their marks still work.

    Example:
      inkdot consent withdraw ben@example.com
    """
    address = normal_address(person)
    with open_register(data) as register:
        register.withdraw(address, method)
        audit(register, "consent withdraw", address)
        _tell(register, address, as_json=as_json)


def limit(mode: _Mode, scope: _Scope = "workspace", data: Data = DATA, as_json: Json = False) -> None:
    """Limit what may be kept in the workspace, of a list or on a site, whatever people chose; also by marks made before.

    What was kept already stays.

    Example:
      inkdot consent limit --scope list:news --mode aggregate
    """
    from inkdot.app.consent import scope_named

    wanted = mode_named(mode)
    with open_register(data) as register:
        register.limit(scope_named(scope), wanted)
        audit(register, "consent limit", mode=wanted.name.lower(), scope=scope)
    put({"scope": scope, "mode": wanted.name.lower()}) if as_json else typer.echo(
        f"{scope}: {wanted.name.lower()} at the most, also of what was marked before."
    )


def limits(data: Data = DATA, as_json: Json = False) -> None:
    """The limits that are set, by scope; --mode individual takes one away.

    Example:
      inkdot consent limits
    """
    from inkdot.app.consent import WORKSPACE

    with open_register(data) as register:
        found = register.book.rules(WORKSPACE)
    for scope, mode in found.items():
        shown = {"scope": scope or "workspace", "mode": mode.name.lower()}
        put(shown) if as_json else typer.echo(f"{shown['scope']}: {shown['mode']} at the most.")


def log(person: _Person, data: Data = DATA, as_json: Json = False) -> None:
    """What a person chose, and what counts now.

    Example:
      inkdot consent log ben@example.com --json
    """
    from inkdot.app.consent import WORKSPACE
    from inkdot.app.portrait import choice_json

    address = normal_address(person)
    with open_register(data) as register:
        choices = register.book.choices_of(WORKSPACE, register.contact(address))
        decision = register.mode_for(address)
        audit(register, "consent log", address)
    shown = [choice_json(choice) for choice in choices]
    if as_json:
        put({"person": address, "mode": decision.mode.name.lower(), "because": decision.sentence, "choices": shown})
        return
    for row in shown:
        proof = " ".join(f"{k}={v}" for k, v in row.items() if k in ("method", "version", "language", "form") and v)
        typer.echo(f"{row['number']:>6}  {row['time']}  {row['act']} {row['mode'] or ''} {row['scope']}  {proof}")
    typer.echo(f"Counts now: {decision.sentence}.")


def import_file(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a heading, or JSON Lines.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Take over choices: columns person and mode, and if you have them scope, text, version, language, method, form, time.

    Rows that are broken or not clear are reported with their line and left out; they never become consent, and none that tells
    no time, or an earlier one, undoes a stricter choice on record here. What 'consent export' wrote is taken as the history
    that it is, with the proof of what browsers agreed to.

    Example:
      inkdot consent import choices.csv
    """
    from inkdot.app.law.choices import read_choices
    from inkdot.store.contract import iso

    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise unreadable(source, error) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{source} is not in UTF-8; save it as UTF-8 text and try again.") from error
    found = read_choices(text)
    bad, good = found.bad, []
    with open_register(data) as register:
        for line, made in found.good:
            if here := register.stricter_here(made):
                bad.append(
                    (line, _STRICTER.format(who=made.address, act=here.act, day=iso(here.time * 1_000_000)[:10]))
                )
            else:
                good.append(made if made.time else made._replace(time=int(time.time())))
        register.keep(good)
        audit(register, "consent import", rows=len(good), refused=len(bad))
    bad.sort()
    if as_json:
        refused = [{"line": line, "reason": reason} for line, reason in bad]
        put({"kept": len(good), "refused": refused, "contradicting": found.stricter, "erased": found.erased})
    else:
        left = f", {found.erased} of people who were erased left out" if found.erased else ""
        typer.echo(f"{len(good)} choices kept, {len(bad)} rows refused{left}.")
    for line, reason in bad:
        talk(f"line {line}: {reason}")
    for sentence in found.stricter:
        talk(sentence)
    if bad:
        raise Failure(f"{len(bad)} rows were not taken; the reasons are above. The good rows are kept.")


def export(
    to: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write; standard output if not given.")
    ] = None,
    data: Data = DATA,
) -> None:
    """The whole ledger as JSON Lines, or to be read and filed if FILE ends in .pdf.

    The last line is the seal of the chain, to be kept elsewhere as proof.

    Examples:
      inkdot consent export ledger.jsonl

      inkdot consent export ledger.pdf
    """
    from inkdot.app.portrait import choice_json

    with open_register(data) as register:
        rows: list[dict[str, Any]] = [choice_json(choice) for choice in register.book.choices()]
        number, seal = register.book.head()
        audit(register, "consent export", rows=len(rows))
        if to:
            register.book.keep_written(to.absolute(), "export")
    lines = [json.dumps(row, ensure_ascii=False) for row in [*rows, {"rows": number, "seal": seal}]]
    text = "\n".join(lines) + "\n"
    if to is None:
        sys.stdout.write(text)
        return
    try:
        to.write_bytes(_paper(rows, number, seal) if to.suffix.lower() == ".pdf" else text.encode())
    except OSError as error:
        raise Failure(f"{to} cannot be written: {error.strerror}.") from error


def _paper(rows: list[dict[str, Any]], number: int, seal: str) -> bytes:
    from inkdot.app.law.paper import pdf_of

    lines = [
        f"Consent ledger, {number} rows, seal {number}:{seal}",
        "'inkdot consent verify --seal' checks that none was changed.",
        "",
    ]
    for row in rows:
        lines.append(
            f"{row['number']:>6}  {row['time']}  {row['person']}  {row['act']}  {row['mode'] or '-'}  {row['scope']}"
        )
        said = ("method", "form", "version", "language", "text")
        lines += [f"        {word}: {row[word]}" for word in said if row[word]]
    return pdf_of(lines)


def verify(
    seals: Annotated[
        list[str] | None,
        typer.Option(
            "--seal",
            help="As an earlier export or check gave it; of the ledger ROWS:SEAL, of the audit log audit:LINES:SEAL.",
        ),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Check that no row of the ledger and of the audit log was changed, moved or taken away; exit 1 if one was.

    That rows are missing at the end shows with a seal that was kept elsewhere.

    Example:
      inkdot consent verify
    """
    with open_register(data) as register:
        findings = register.book.findings()
        for seal in seals or ():
            findings += register.book.missing(seal)
        (number, last), (lines, line) = register.book.head(), register.book.audit_head()
    ledger, log = f"{number}:{last}", f"audit:{lines}:{line}"
    if as_json:
        put(
            {
                "ok": not findings,
                "rows": number,
                "seal": ledger,
                "audit_lines": lines,
                "audit_seal": log,
                "findings": findings,
            }
        )
    else:
        for finding in findings:
            typer.echo(finding)
        typer.echo(f"{number} rows; seal {ledger}\n{lines} lines of the audit log; seal {log}")
        if not findings:
            typer.echo("All is well.")
    if findings:
        raise Failure("The ledger or the audit log was changed from outside; put it back from a backup.")


def _tell(register: Register, address: str, *, as_json: bool) -> None:
    decision = register.mode_for(normal_address(address))
    if as_json:
        put({"person": address, "mode": decision.mode.name.lower(), "because": decision.sentence})
    else:
        typer.echo(f"{address}: {decision.sentence}.")


def audit(register: Register, what: str, address: str | None = None, **detail: object) -> None:
    """Write down that whoever runs this command did something with personal data."""
    from inkdot.app.ask import asker

    about = register.contact(normal_address(address)) if address else None
    register.book.audit(asker(), what, about, **detail)
