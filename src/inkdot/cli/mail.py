"""`mail mark`, `mail send` and `link`: make the things that will ping."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inkdot.cli import queue
from inkdot.cli.knowing import check
from inkdot.cli.options import DATA, Data, Json, leave_lines, progress, put, talk, talk_once, tell_if_new
from inkdot.domain.consent import UNANSWERED, Decision, Mode
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import Failure, UsageError, unreadable
from inkdot.domain.ids import LINK, MESSAGE, MessageId, WorkspaceId, to_word

if TYPE_CHECKING:
    from inkdot.app.folder import Folder
    from inkdot.domain.untreated import Untreated
    from inkdot.mark.mail import Copy, Mail
    from inkdot.mark.mint import Mint
    from inkdot.relay.upstream import Upstream

_WORKSPACE = WorkspaceId(1)
_To = Annotated[list[str], typer.Option("--to", help="A recipient's address; repeat for more.")]
_List = Annotated[str | None, typer.Option("--list", help="The list it goes to, whose consent mode counts too.")]
_Opens = Annotated[bool | None, typer.Option("--opens/--no-opens", help="With or without dots; as set if not given.")]
_Clicks = Annotated[
    bool | None, typer.Option("--clicks/--no-clicks", help="With or without tracked links; as set if not given.")
]
_Attachments = Annotated[
    str | None, typer.Option(help="Attached documents: leave, dots, or link (to the reader); as set if not given.")
]
Kinds = dict[str, bool | None]
_Url = Annotated[str | None, typer.Option(help="How recipients reach the street door; the server's own if not given.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    mail = typer.Typer(help="Mark mails so that you learn what happens to them.", no_args_is_help=True)
    mail.command()(mark)
    mail.command()(send)
    mail.command()(check)
    queue.add_to(mail)
    app.add_typer(mail, name="mail")
    app.command()(link)


def mark(
    source: Annotated[Path, typer.Argument(metavar="IN.eml", help="The mail, as saved from any program.")],
    to: _To,
    out_dir: Annotated[Path, typer.Option("--out-dir", help="Where the copies go.")] = Path(),
    list_name: _List = None,
    opens: _Opens = None,
    clicks: _Clicks = None,
    attachments: _Attachments = None,
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Write one marked copy of a mail per recipient.

    Example:
      inkdot mail mark quote.eml --to ben@example.com --to eve@example.com --out-dir out --json
    """
    recipients = _recipients(to)
    folder, mail = _read(source, data, public_url, {"track_opens": opens, "track_clicks": clicks})
    _make_folder(out_dir)
    message = _fresh_id()
    copies = keep_copies(folder, mail, recipients, message, list_name, attachments)
    leave_lines(data, "mail mark", recipients, list_name, message=to_word(MESSAGE, message))
    written = [(copy, _write(out_dir, source.stem, copy)) for copy in copies]
    if as_json:
        put({"message": to_word(MESSAGE, message), "copies": [_copy_json(copy, path) for copy, path in written]})
    for copy, path in written:
        if not as_json:
            typer.echo(f"{copy.to}: {path}")
        _say_if_unmarked(copy)


def send(
    source: Annotated[Path, typer.Argument(metavar="IN.eml", help="The mail, as saved from any program.")],
    smtp: Annotated[
        str, typer.Option(help="Your outgoing server: smtp://user:password@host:587 or smtps://..., ?tls=off for none.")
    ],
    to: Annotated[list[str] | None, typer.Option("--to", help="A recipient's address; repeat for more.")] = None,
    people: Annotated[
        Path | None, typer.Option(help="A CSV file with a column email, and one for each {{placeholder}} of the mail.")
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(help="With --people: its name; the mail's file name if not given.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(help="With --people: at most so many, like 10/second or 500/hour.")
    ] = None,
    again: Annotated[
        list[str] | None, typer.Option(help="With --people: send once more what was refused or is unsure.")
    ] = None,
    list_name: _List = None,
    opens: _Opens = None,
    clicks: _Clicks = None,
    attachments: _Attachments = None,
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Mark a mail and send each recipient an own copy.

    With --people the words {{name}} and {{name|friend}} in its subject and texts are filled in from the columns of the file, and
    the same command goes on where it ended before: nobody gets the mail twice.
    The password may stand in the environment instead: INKDOT_SMTP_PASSWORD.

    Examples:
      inkdot mail send quote.eml --to ben@example.com --smtp smtp://ada@mail.example.com:587

      inkdot mail send news.eml --people people.csv --rate 60/minute --smtp smtp://ada@mail.example.com:587
    """
    from inkdot.cli.campaign import send_to_people
    from inkdot.cli.outgoing import upstream_of

    if bool(to) == bool(people):
        raise UsageError("Name the recipients, either with --to or with --people FILE.csv.")
    upstream = upstream_of(smtp)
    recipients = _recipients(to or [])
    folder, mail = _read(source, data, public_url, {"track_opens": opens, "track_clicks": clicks})
    if people:
        send_to_people(
            source, people, folder, mail.mint, upstream, name=campaign, rate=rate, again=again or [],
            list_name=list_name, attachments=attachments, as_json=as_json,
        )  # fmt: skip
    else:
        message = _fresh_id()
        copies = keep_copies(folder, mail, recipients, message, list_name, attachments)
        leave_lines(data, "mail send", recipients, list_name, message=to_word(MESSAGE, message))
        _send(upstream, folder, mail, message, copies, as_json)


def _send(
    upstream: Upstream, folder: Folder, mail: Mail, message: MessageId, copies: list[Copy], as_json: bool
) -> None:  # fmt: skip
    from inkdot.cli.outgoing import deliver

    results = deliver(upstream, mail.sender, copies)
    named = {copy.to for copy in copies if copy.mode > Mode.AGGREGATE}
    _keep_handovers(folder, message, [Address(to) for to, error in results if error is None and to in named])
    for copy in copies:
        _say_if_unmarked(copy)
    if as_json:
        sent = [{"to": a, "sent": e is None, "error": e} for a, e in results]
        put({"message": to_word(MESSAGE, message), "copies": sent})
    else:
        for address, error in results:
            typer.echo(f"{address}: {error or 'sent'}")
    if any(error for _, error in results):
        raise Failure("Not every copy was sent; the reasons are above.")


def link(
    url: Annotated[str, typer.Argument(help="Where the link leads.")],
    to: Annotated[str, typer.Option("--to", help="For whom it is.")],
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Make a tracked link for one person; it works in any mail, chat or letter.

    Example:
      inkdot link https://example.com/offer --to ben@example.com
    """
    from inkdot.app.marking import keep_link

    address = normal_address(to)
    folder, mint = open_mint(data, public_url)
    mode, control = told_mode(decided(folder, [address])[0][1]), _control(folder)
    number, tracked = keep_link(control, mint, address, mode, url)
    control.close()
    leave_lines(data, "link", [address], link=to_word(LINK, number))
    if as_json:
        put({"link": to_word(LINK, number), "url": tracked})
    else:
        typer.echo(tracked)


def _recipients(to: list[str]) -> list[Address]:
    return list(dict.fromkeys(normal_address(a) for a in to))


def _fresh_id() -> MessageId:
    return MessageId(int.from_bytes(os.urandom(8), "big") >> 1)


def open_mint(data: Path, public_url: str | None, **more: object) -> tuple[Folder, Mint]:
    """The folder and a mint for it; the public address given, configured, running or remembered, in that order.

    `more` are settings as the command line says them.
    """
    from inkdot.app.folder import Folder
    from inkdot.app.marking import mint_of, public_url_of
    from inkdot.settings import load

    tell_if_new(data)
    folder = Folder(data)
    settings = load(folder.root, {"public_url": public_url, **more})
    return folder, mint_of(settings, folder.keyring(), public_url_of(folder, settings))


def _control(folder: Folder):  # type: ignore[no-untyped-def]  # noqa: ANN202 - named where it is imported
    from inkdot.store.control import Control

    return Control(folder.control)


def _read(source: Path, data: Path, public_url: str | None, kinds: Kinds) -> tuple[Folder, Mail]:
    from inkdot.mark.mail import read_mail

    try:
        content = source.read_bytes()
    except OSError as error:
        raise unreadable(source, error) from error
    folder, mint = open_mint(data, public_url, **kinds)
    return folder, read_mail(content, mint)


def _make_folder(out_dir: Path) -> None:
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{out_dir} cannot be made: {error.strerror}; choose another with --out-dir.") from error


def keep_copies(
    folder: Folder,
    mail: Mail,
    recipients: list[Address],
    message: MessageId,
    list_name: str | None = None,
    attachments: str | None = None,
) -> list[Copy]:
    """Make the copies as each recipient's consent allows, and keep what they are before any of them can leave."""
    from inkdot.app import marking

    modes = {address: told_mode(decision) for address, decision in decided(folder, recipients, list_name)}
    control = _control(folder)
    copies = marking.keep_copies(control, mail, modes, message, list_name)
    control.close()
    return _with_attachments(folder, mail, copies, modes, message, attachments)


def _with_attachments(
    folder: Folder, mail: Mail, copies: list[Copy], modes: dict[Address, Mode], message: MessageId, wish: str | None
) -> list[Copy]:  # fmt: skip
    """The copies with their attached documents marked or shared, as wished or set."""
    from inkdot.app.attachments import Attachments, treatment
    from inkdot.mark.attachments import Treatment
    from inkdot.mark.reasons import LeftAlone
    from inkdot.settings import load

    how = treatment(wish or load(folder.root, {}).attachments)
    attachments = Attachments(folder, mail.mint, how, message, int(time.time()))
    done: list[Copy] = []
    untreated: dict[str, Untreated] = {}
    for copy in copies:
        if copy.left_alone in (None, LeftAlone.TEXT_ONLY):
            with progress("Making pages of what is attached") if how is Treatment.LINK else nullcontext():
                dealt = attachments.dealt(copy.content, copy.to, modes[copy.to])
            untreated |= {one.name: one.why for one in dealt.left}
            warnings = (*copy.warnings, *(one.sentence for one in dealt.left))
            copy = dataclasses.replace(copy, content=dealt.content, attachments=dealt.treated, warnings=warnings)  # noqa: PLW2901
        done.append(copy)
    control = _control(folder)
    control.keep_untreated(message, untreated.items())
    control.close()
    return done


def decided(folder: Folder, people: list[Address], list_name: str | None = None) -> list[tuple[Address, Decision]]:
    """What may be kept about each; says so where it is less than everything, or nobody has told yet where they are."""
    from inkdot.app.consent import Register
    from inkdot.settings import load

    with Register(folder, load(folder.root, {})) as register:
        if register.unanswered:
            talk_once(f"inkdot: {UNANSWERED}")
        found = [(address, register.mode_for(address, list_name)) for address in people]
    _tell_of_less(found)
    return found


def _tell_of_less(found: list[tuple[Address, Decision]]) -> None:
    """One line about those who may not be measured by name; contradictions are told of each."""
    less = [
        (address, decision) for address, decision in found if decision.mode < Mode.INDIVIDUAL and not decision.overruled
    ]
    if not less:
        return
    whom = less[0][0] if len(less) == 1 else f"{len(less)} of {len(found)} people"
    hint = " 'inkdot consent ask' asks for more." if any(d.because.startswith("the rules of") for _, d in less) else ""
    talk(f"inkdot: {whom}: {'; '.join(sorted({decision.sentence for _, decision in less}))}.{hint}")


def told_mode(decision: Decision) -> Mode:
    """The mode that counts; contradictions are shown."""
    if decision.overruled:
        talk(f"inkdot: {decision.sentence}.")
    return decision.mode


def _keep_handovers(folder: Folder, message: MessageId, sent: list[Address]) -> None:
    """Keep when copies left: what asks for a dot at once after it is no person."""
    control, keyring, now = _control(folder), folder.keyring(), time.time()
    for address in sent:
        control.keep_handover(message, keyring.contact_id(_WORKSPACE, address), now)
    control.close()


def _write(out_dir: Path, stem: str, copy: Copy) -> Path:
    name = re.sub(r"[^\w.@+-]", "_", f"{stem}.{copy.to}.eml")
    path = out_dir / name
    try:
        path.write_bytes(copy.content)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}; choose another folder with --out-dir.") from error
    return path


def _copy_json(copy: Copy, path: Path) -> dict[str, object]:
    from inkdot.mark.reasons import SENTENCES

    alone = copy.left_alone
    return {
        "to": copy.to,
        "file": str(path),
        "dots": list(copy.dots),
        "links": [{"href": link.href, "url": link.url} for link in copy.links],
        "privacy": copy.privacy,
        "mode": copy.mode.name.lower(),
        "left_alone": alone and {"reason": alone, "text": SENTENCES[alone]},
        "warnings": list(copy.warnings),
        "attachments": [treated._asdict() for treated in copy.attachments],
    }


def _say_if_unmarked(copy: Copy) -> None:
    from inkdot.mark.reasons import SENTENCES

    if copy.left_alone:
        talk(f"{copy.to}: not marked. {SENTENCES[copy.left_alone]}")
    for warning in copy.warnings:
        talk(f"{copy.to}: {warning}")
