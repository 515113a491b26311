"""`doc share`, `replace`, `revoke`, `list`, `erase`, `own` and `report`: documents that are read in the browser."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inkdot.cli.mail import decided, open_mint, told_mode
from inkdot.cli.options import DATA, Data, Json, answers, leave_line, leave_lines, progress, put, talk
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.document import Document, Gate, Share
from inkdot.domain.ids import DOCUMENT, SHARE, DocumentId, WorkspaceId, from_word, to_word

if TYPE_CHECKING:
    from inkdot.app.library import Library

_WORKSPACE = WorkspaceId(1)
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_File = Annotated[str, typer.Argument(metavar="FILE", help="The file, or the id of a document that is shared already.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The document, doc_...")]
_Url = Annotated[str | None, typer.Option(help="How readers reach the street door; the server's own if not given.")]


def add_to(doc: typer.Typer) -> None:
    """Register the commands in the group `doc`."""
    for command in (share, replace, revoke, report, erase, own):
        doc.command()(command)
    doc.command("list")(list_documents)


def share(
    file: _File,
    to: Annotated[str, typer.Option("--to", help="For whom the link is.")],
    password: Annotated[str | None, typer.Option(help="A passcode that the reader must know.")] = None,
    expires: Annotated[str | None, typer.Option(help="When the link ends: 7d, 12h, 2026-12-24, a time.")] = None,
    email_gate: Annotated[bool, typer.Option("--email-gate", help="Ask for the reader's address first.")] = False,
    verify_email: Annotated[bool, typer.Option("--verify-email", help="And prove it by a mailed code.")] = False,
    no_download: Annotated[bool, typer.Option("--no-download", help="For reading only.")] = False,
    watermark: Annotated[
        bool, typer.Option("--watermark", help="Write the reader's address across each page.")
    ] = False,
    allow: Annotated[
        list[str] | None, typer.Option(help="Let only this address or domain in; repeat for more.")
    ] = None,
    block: Annotated[list[str] | None, typer.Option(help="Keep this address or domain out; repeat for more.")] = None,
    data: Data = DATA,
    public_url: _Url = None,
    as_json: Json = False,
) -> None:
    """Share a PDF, a picture or an office document by a link for one person, and learn which pages that person reads.

    Examples:
      inkdot doc share offer.pdf --to ben@example.com

      inkdot doc share offer.pdf --to ben@example.com --email-gate --expires 14d --no-download --json
    """
    from inkdot.app.sharing import Asked, share_terms
    from inkdot.cli.consent import open_register

    address = normal_address(to)
    asked = Asked(password, expires, email_gate, verify_email, not no_download, watermark, allow or (), block or ())
    terms = share_terms(asked, _WORKSPACE, int(time.time()))
    document, url = shared(file, address, terms, data, public_url)
    leave_lines(data, "doc share", [address], document=to_word(DOCUMENT, document.id))
    if as_json:
        put({"document": to_word(DOCUMENT, document.id), "link": to_word(SHARE, terms.id), "url": url})
        return
    typer.echo(url)
    pages = f"{document.pages} pages" if document.pages != 1 else "1 page"
    word = to_word(DOCUMENT, document.id)
    with open_register(data) as register:
        mode = register.mode_for(address).mode
    tells = (
        "tells what was read"
        if mode > Mode.AGGREGATE
        else "counts readings for nobody, once several people have a link"
    )
    talk(f"{document.name}, {pages}, for {address}. 'inkdot doc report {word}' {tells}.")


def shared(
    file: str, address: Address, terms: Share, data: Path, public_url: str | None, mode: Mode | None = None
) -> tuple[Document, str]:
    """Take the file in and keep the link on these terms; the document and the link's address. `mode`: if known already."""
    from inkdot.app.library import Library
    from inkdot.app.marking import reader_link

    folder, mint = open_mint(data, public_url)
    with Library(folder) as library:
        with progress(f"Making pages of {Path(file).name}"):
            document = library.document(_document_id(file)) if _is_id(file) else library.take(Path(file))
        contact = mint.keyring.contact_id(_WORKSPACE, address)
        library.documents.keep_share(terms._replace(document=document.id, contact=contact), address)
        if terms.gate is Gate.PROVED and not library.can_mail:
            talk("No mail can be sent from here, so nobody can get a code: set mail_server in inkdot.toml.")
    return document, reader_link(
        mint, terms, address, told_mode(decided(folder, [address])[0][1]) if mode is None else mode
    )


def replace(
    document: _Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Put a new file behind the links of a document; what was read of the old one stays apart.

    Example:
      inkdot doc replace doc_0123456789abc offer-2.pdf
    """
    with _library(data) as library, progress(f"Making pages of {file.name}"):
        new = library.replace(_document_id(document), file)
    if as_json:
        put({"document": document, "version": new.version, "pages": new.pages})
    else:
        typer.echo(f"{new.name} is version {new.version} of {document}; the links lead to it now.")


def revoke(
    link: Annotated[str, typer.Argument(metavar="LINK", help="The link, shr_..., or a document for all its links.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """End a link at once; with a document's id, all its links.

    Example:
      inkdot doc revoke shr_0123456789abc
    """
    with _library(data) as library:
        ended = library.revoke(link)
    leave_line(data, "doc revoke", link=link)
    if as_json:
        put({"revoked": [to_word(SHARE, s) for s in ended]})
    else:
        typer.echo(f"Revoked: {len(ended)} {'link' if len(ended) == 1 else 'links'}.")


def list_documents(data: Data = DATA, as_json: Json = False) -> None:
    """List the shared documents with their links, and the documents that left with dots in them.

    Example:
      inkdot doc list --json
    """
    from inkdot.cli.documents_screen import print_documents

    with _library(data) as library:
        found = library.listed() + library.dotted()
    leave_line(data, "doc list")
    if as_json:
        for item in found:
            put(item)
    else:
        print_documents(found)


def report(
    document: _Id,
    person: Annotated[str | None, typer.Option(help="Only this reader.")] = None,
    version: Annotated[int | None, typer.Option(help="Only this version of the file.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Tell which pages of a shared document were read, by whom, how often and for how long.

    Example:
      inkdot doc report doc_0123456789abc --json
    """
    from inkdot.cli.documents_screen import print_reading

    question = {"document": document, "person": person, "version": version}
    answer: dict[str, Any] = next(iter(answers(data, "report_document", question)))
    if as_json:
        put(answer)
    else:
        print_reading(answer)


def erase(document: _Id, data: Data = DATA, as_json: Json = False) -> None:
    """Delete a document with its links, its file and its drawn pages. What was read of it stays in the events.

    Example:
      inkdot doc erase doc_0123456789abc
    """
    with _library(data) as library:
        files = library.erase(_document_id(document))
    leave_line(data, "doc erase", document=document)
    if as_json:
        put({"document": document, "files_deleted": files})
    else:
        typer.echo(f"Erased {document}.")


def own(data: Data = DATA, public_url: _Url = None, as_json: Json = False) -> None:
    """Print an address that makes a browser yours; good for an hour.

    What you open, click or read in it from then on is known as your own and not counted.

    Example:
      inkdot doc own
    """
    from inkdot.domain.own_browser import OWN_FOR_SECONDS, own_address

    _, mint = open_mint(data, public_url)
    url = own_address(mint.public_url, mint.keyring, mint.workspace, int(time.time()) + OWN_FOR_SECONDS)
    if as_json:
        put({"url": url})
    else:
        typer.echo(url)


def _library(data: Path) -> Library:
    from inkdot.app.folder import Folder
    from inkdot.app.library import Library

    return Library(Folder(data))


def _fresh() -> int:
    return int.from_bytes(os.urandom(8), "big") >> 1


def _is_id(word: str) -> bool:
    return word.startswith(f"{DOCUMENT}_") and not Path(word).exists()


def _document_id(word: str) -> DocumentId:
    return DocumentId(from_word(DOCUMENT, word))
