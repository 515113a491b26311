"""`mail queue` and `mail log`: what waits at the mail door, and what became of the rest."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inkdot.cli.options import DATA, Data, Json, leave_line, put, talk
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import MESSAGE, to_word

if TYPE_CHECKING:
    from inkdot.app.folder import Folder
    from inkdot.relay.spool import Spool, Waiting

_Id = Annotated[str | None, typer.Argument(metavar="ID", help="The mail, as 'inkdot mail queue list' names it.")]
_All = Annotated[bool, typer.Option("--all", help="Every mail that waits.")]


def add_to(mail: typer.Typer) -> None:
    """Register the commands below `mail`."""
    queue = typer.Typer(help="Mails that the mail door has taken and not yet delivered.", no_args_is_help=True)
    queue.command("list")(listed)
    queue.command()(retry)
    queue.command()(drop)
    mail.add_typer(queue, name="queue")
    mail.command("log")(log)


def listed(data: Data = DATA, as_json: Json = False) -> None:
    """List the mails that wait, oldest first: for whom, since when, and what the last try met.

    Example:
      inkdot mail queue list --json
    """
    spool = _spool(data)
    count = 0
    leave_line(data, "mail queue list")
    for name in spool.names():
        mail = spool.look(name)
        if mail is None:
            if spool.damaged(name):
                talk(f"{name} cannot be read and is left alone; look at {spool.folder / name}.mail.")
            continue
        count += 1
        if as_json:
            put(_json(mail))
        else:
            typer.echo(_line(mail))
    if not count and not as_json:
        talk("Nothing waits.")


def retry(which: _Id = None, every: _All = False, data: Data = DATA) -> None:
    """Let the running server try a mail at once.

    Examples:
      inkdot mail queue retry 0646e1c3a2b1f40a1b2c3d

      inkdot mail queue retry --all
    """
    spool = _spool(data)
    names = _chosen(spool, which, every=every)
    for name in names:
        spool.hurry(name)
    running = _folder(data).running()
    talk(f"{len(names)} to be tried {'now' if running else 'when the server runs; start it with inkdot serve'}.")


def drop(which: _Id = None, every: _All = False, data: Data = DATA) -> None:
    """Delete a mail that waits; nobody is told, and it is gone.

    Example:
      inkdot mail queue drop 0646e1c3a2b1f40a1b2c3d
    """
    from inkdot.app.post_office import note_dropped

    spool = _spool(data)
    for name in _chosen(spool, which, every=every):
        note_dropped(_folder(data), spool.drop(name))
        leave_line(data, "mail queue drop", mail=name)
        talk(f"{name} is dropped.")


def log(
    last: Annotated[int, typer.Option(min=1, help="How many mails.")] = 20, data: Data = DATA, as_json: Json = False
) -> None:
    """Show what became of the latest mails: each copy's state, what the upstream said, and why it or a document in it carries no marks if so.

    Example:
      inkdot mail log --last 5
    """
    from inkdot.domain.untreated import SENTENCES as UNTREATED
    from inkdot.mark.reasons import SENTENCES, LeftAlone
    from inkdot.store.post import Post

    post = Post(_known_folder(data).control)
    rows = post.latest_deliveries(last)
    untreated = {message: post.untreated(message) for message in {row.message for row in rows}}
    post.close()
    leave_line(data, "mail log", last=last)
    if not (rows or as_json):
        talk("The mail door has taken no mail yet.")
    for row in rows:
        why = row.left_alone and {"reason": row.left_alone, "text": SENTENCES[LeftAlone(row.left_alone)]}
        documents = [{"name": n, "reason": w, "text": UNTREATED[w]} for n, w in untreated[row.message].items()]
        if as_json:
            put(
                {
                    "message": to_word(MESSAGE, row.message), "time": _iso(row.marked), "subject": row.subject,
                    "to": row.address, "state": row.state, "answer": row.answer, "left_alone": why,
                    "untreated": documents, "changed": _iso(row.changed),
                }
            )  # fmt: skip
        else:
            unmarked = f" - not marked: {why['text']}" if why else ""
            unmarked += "".join(f" - {one['name']} as it came: {one['text']}" for one in documents)
            typer.echo(f"{_iso(row.marked)} {row.state:8} {row.address}: {row.subject or '(no subject)'}{unmarked}")


def _chosen(spool: Spool, which: str | None, *, every: bool) -> list[str]:
    if every == bool(which):
        raise UsageError("Name one mail as 'inkdot mail queue list' shows it, or say --all.")
    return spool.names() if every else [str(which)]


def _json(mail: Waiting) -> dict[str, Any]:
    return {
        "id": mail.name,
        "message": to_word(MESSAGE, mail.envelope.message),
        "sender": mail.envelope.sender,
        "recipients": list(mail.envelope.recipients),
        "pending": mail.pending,
        "bytes": mail.size,
        "accepted": _iso(mail.envelope.accepted),
        "tries": mail.tries,
        "next": _iso(mail.due) if mail.due else None,
        "last": f"{mail.last.code or ''} {mail.last.text}".strip() if mail.last else None,
    }


def _line(mail: Waiting) -> str:
    last = f"; {mail.last.text}" if mail.last else ""
    count = len(mail.pending)
    people = mail.pending[0] if count == 1 else f"{count} recipients"
    return f"{mail.name}  {_iso(mail.envelope.accepted)}  {mail.envelope.sender or '(report)'} to {people}, {mail.tries} tries{last}"


def _iso(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _folder(data: Path) -> Folder:
    from inkdot.app.folder import Folder

    return Folder(data)


def _known_folder(data: Path) -> Folder:
    folder = _folder(data)
    folder.keyring()
    return folder


def _spool(data: Path) -> Spool:
    from inkdot.relay.spool import Spool

    return Spool(_folder(data).spool)
