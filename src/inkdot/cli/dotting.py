"""`doc mark` and `doc unmark`: dots in Word, PowerPoint, Excel and OpenDocument files, a line to the reader in PDFs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import typer

from inkdot.cli.mail import decided, open_mint, told_mode
from inkdot.cli.options import DATA, Data, Json, leave_lines, progress, put, talk
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import DocumentUnreadable, Failure, UsageError, unreadable
from inkdot.domain.ids import DOCUMENT, SHARE, DocumentId, WorkspaceId, to_word
from inkdot.mark.document.mapped import Content, blocks, mapped
from inkdot.mark.document.pdf import is_pdf, line, size_without_line

if TYPE_CHECKING:
    from inkdot.app.folder import Folder
    from inkdot.mark.document.marking import Dot

_WORKSPACE = WorkspaceId(1)


class Marked(NamedTuple):
    """What was written."""

    document: str
    """Its id, doc_..."""
    dots: list[Dot]
    undotted: list[int]
    """Pages on which no paragraph begins, as far as pages are known."""


_File = Annotated[Path, typer.Argument(metavar="FILE", help="docx, pptx, xlsx, odt, odp, ods or pdf.")]


def add_to(doc: typer.Typer) -> None:
    """Register the commands in the group `doc`."""
    doc.command()(mark)
    doc.command()(unmark)


def mark(
    file: _File,
    to: Annotated[str, typer.Option("--to", help="For whom the copy is.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; FILE.marked.docx and the like if not given.")
    ] = None,
    dots: Annotated[str, typer.Option(help="one, sections (or slides, sheets), pages.")] = "one",
    data: Data = DATA,
    public_url: Annotated[str | None, typer.Option(help="How readers reach the street door.")] = None,
    as_json: Json = False,
) -> None:
    """Put a dot into a document for one person: it tells when the document is opened, where programs show linked pictures.

    A dot proves opening, not which pages were read; 'inkdot doc share' measures pages. --dots pages goes by the page breaks that
    Word left in the file, else by LibreOffice's, where it is installed. A PDF gets no dot, for nothing would fetch it: it is shared,
    and a line at the foot of its first page leads to the reader and says what is seen there.

    Examples:
      inkdot doc mark offer.docx --to ben@example.com --out offer-ben.docx

      inkdot doc mark slides.pptx --to ben@example.com --dots sections --json
    """
    target = out or file.with_suffix(f".marked{file.suffix}")
    address = normal_address(to)
    if is_pdf(_content(file)):
        _mark_pdf(file, address, target, data, public_url, as_json=as_json)
        return
    made = mark_for(file, address, target, dots, data, public_url)
    leave_lines(data, "doc mark", [address], document=made.document)
    if as_json:
        put(
            {
                "document": made.document,
                "file": str(target),
                "dots": [dot._asdict() for dot in made.dots],
                "undotted": made.undotted,
            }
        )
        return
    typer.echo(str(target))
    count = len(made.dots)
    talk(f"{count} {'dot' if count == 1 else 'dots'} for {address}; 'inkdot doc report {made.document}'.")
    if made.undotted:
        talk(
            f"These pages have no dot, for nothing begins on them that could carry one: {', '.join(map(str, made.undotted))}."
        )


def _mark_pdf(file: Path, address: Address, target: Path, data: Path, public_url: str | None, *, as_json: bool) -> None:
    """Share a PDF with one person, and write a copy whose first page leads to the reader."""
    from inkdot.app.library import Library
    from inkdot.app.sharing import Asked, share_terms
    from inkdot.cli.sharing import shared

    folder, mint = open_mint(data, public_url)
    source = _content(file)
    plain = source[: size_without_line(source)]
    mode = told_mode(decided(folder, [address])[0][1])
    terms = share_terms(Asked(), _WORKSPACE, int(time.time()))
    with tempfile.TemporaryDirectory(prefix="inkdot-") as work, Library(folder) as library:
        (Path(work) / file.name).write_bytes(plain)
        document, url = shared(str(Path(work) / file.name), address, terms, data, public_url, mode)
        try:
            content = library.pointing(document, url, line(url, mint.notice.language, mode))
        except DocumentUnreadable:
            library.take_back(document.id, terms.id)
            raise
    with _written(target) as out:
        out.write(content)
    word = to_word(DOCUMENT, document.id)
    leave_lines(data, "doc mark", [address], document=word)
    if as_json:
        put({"document": word, "file": str(target), "dots": [], "link": to_word(SHARE, terms.id), "url": url})
        return
    typer.echo(str(target))
    talk(f"A line on its first page leads {address} to {url}; 'inkdot doc report {word}' tells what was read there.")


def mark_for(
    file: Path, address: Address, target: Path, dots: str, data: Path, public_url: str | None, mode: Mode | None = None
) -> Marked:
    """Write a document with dots for one person, and keep what it is. `mode` stands for what consent says, if given."""
    from inkdot.domain.token import Token, TokenKind, common_document
    from inkdot.mark.document.marking import mark_into
    from inkdot.mark.document.notice import way_of
    from inkdot.mark.document.spots import Dots
    from inkdot.mark.mint import Person
    from inkdot.store.documents import Documents

    if dots not in list(Dots):
        raise UsageError(f"{dots!r} is no number of dots; write {', '.join(Dots)}.")
    now = int(time.time())
    source = _content(file)
    folder, mint = open_mint(data, public_url)
    person = Person.known(mint, address, mode or told_mode(decided(folder, [address])[0][1]))
    number = DocumentId(int.from_bytes(os.urandom(8), "big") >> 1)
    if person.mode is Mode.AGGREGATE:  # all copies for people who may not be named are the same one
        number, now = common_document(_WORKSPACE, dots, source), 0

    def url(page: int) -> str:
        who = person.contact, person.address
        return mint.dot(Token(TokenKind.PAGE, person.mode, _WORKSPACE, page, now, number, *who, b""))

    pages = _laid_out(folder, file, source) if dots == Dots.PAGES else []
    way = way_of(mint.notice, person.mode, mint.privacy(person, number, now))
    with _written(target) as out:
        made = mark_into(out, source, url, Dots(dots), pages, way)
        if person.mode is Mode.OFF:
            talk(f"{address}: not marked. The recipient's consent does not cover any mark.")
            made = []
            out.seek(0)
            out.truncate()
            out.write(source)
        with closing(Documents(folder.control)) as documents:
            if person.address:
                documents.remember_contacts({(_WORKSPACE, person.contact): address})
            documents.keep_marked(number, _WORKSPACE, file.name, now or int(time.time()), person.contact, len(made))
    dotted = {dot.page for dot in made if dot.page and dots == Dots.PAGES}
    undotted = sorted({*range(1, max([len(pages), *dotted]) + 1)} - dotted) if dotted else []
    return Marked(to_word(DOCUMENT, number), made, undotted)


def _laid_out(folder: Folder, file: Path, source: Content) -> list[str]:
    """The words of each page where only LibreOffice can tell them; empty if the file itself does, or nothing can."""
    from inkdot.app.paging import page_words
    from inkdot.mark.document.marking import wants_layout
    from inkdot.settings import load

    if not wants_layout(source):
        return []
    try:
        with progress(f"LibreOffice lays out {file.name}"):
            return page_words(folder, load(folder.root, {}), file)
    except Failure as error:
        talk(f"{error} The dots go by the breaks in the file.")
        return []


def unmark(
    file: _File,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Take all that is Inkdot's out of a document: it is again the very file that was marked.

    If a program has saved it anew since, what it changed stays.

    Example:
      inkdot doc unmark offer-ben.docx --out offer.docx
    """
    from inkdot.mark.document.marking import unmark_into

    source = _content(file)
    with _written(out) as target:
        changed = unmark_into(target, source)
        for block in () if changed else blocks(source):
            target.write(block)
    if as_json:
        put({"file": str(out), "changed": changed})
    else:
        typer.echo(str(out) if changed else f"{out}: there was no dot in it.")


def _content(file: Path) -> Content:
    from inkdot.mark.document.package import MOST_BYTES

    try:
        if file.stat().st_size > MOST_BYTES:
            raise UsageError(f"{file} is larger than {MOST_BYTES >> 20} MB.")
        return mapped(file)
    except OSError as error:
        raise unreadable(file, error) from error


@contextmanager
def _written(target: Path) -> Iterator[BinaryIO]:
    """A file that is there whole once all went well, and not at all before. Raises Failure."""
    half = target.with_name(f".{target.name}.half")
    try:
        with half.open("w+b") as out:
            yield out
        half.replace(target)
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror}; choose another with --out.") from error
    finally:
        half.unlink(missing_ok=True)
