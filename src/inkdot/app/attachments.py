"""Documents attached to mails, for one recipient: marked, or shared by a link. What goes wrong leaves the file as it is."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from inkdot.app.folder import Folder
from inkdot.app.library import Library
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.document import Gate, Share
from inkdot.domain.errors import BadSetting, DocumentRefused, DocumentUnreadable, InkdotError
from inkdot.domain.ids import DOCUMENT, DocumentId, MessageId, ShareId, WorkspaceId, to_word
from inkdot.domain.token import Token, TokenKind, common_document
from inkdot.domain.untreated import Untreated
from inkdot.mark.attachments import Change, File, Treated, Treatment, treated
from inkdot.mark.document.marking import mark
from inkdot.mark.document.notice import way_of
from inkdot.mark.document.pdf import is_pdf
from inkdot.mark.document.spots import Dots
from inkdot.mark.mint import Mint, Person
from inkdot.store.documents import Documents

_WORKSPACE = WorkspaceId(1)


class Left(NamedTuple):
    """A document that stays as it came."""

    name: str
    why: Untreated
    said: str

    @property
    def sentence(self) -> str:
        """For whoever sends it."""
        return f"{self.name} was left as it is. {self.said}"


class Dealt(NamedTuple):
    """A mail whose attachments were dealt with."""

    content: bytes
    treated: tuple[Treated, ...]
    left: tuple[Left, ...]


def treatment(word: str) -> Treatment:
    """What a setting or an option says. Raises BadSetting."""
    if word not in list(Treatment):
        raise BadSetting(f"attachments is {word!r}; write {', '.join(Treatment)}.")
    return Treatment(word)


class Attachments:
    """Deals with the attachments of one mail for one recipient; the same mail and recipient give the same bytes."""

    def __init__(self, folder: Folder, mint: Mint, how: Treatment, message: MessageId, made: int) -> None:
        """`made` in unix seconds."""
        self._folder, self._mint, self._how, self._message, self._made = folder, mint, how, message, made

    def dealt(self, content: bytes, to: Address, mode: Mode) -> Dealt:
        """The mail for `to`."""
        if self._how is Treatment.LEAVE or mode is Mode.OFF:
            return Dealt(content, (), ())
        person = Person.known(self._mint, to, mode)
        done: list[Treated] = []
        left: list[Left] = []

        def deal(file: File) -> Change | None:
            whose = f"{to} {len(done) + len(left)}"
            try:
                content = _content(file)
                change, what = (
                    self._with_dots(file.name, content, person, whose)
                    if self._how is Treatment.DOTS
                    else self._linked(file.name, content, person, to, self._number(whose, content))
                )
            except InkdotError as error:
                left.append(Left(file.name, _why(error), str(error)))
                return None
            done.append(what)
            return change

        return Dealt(treated(content, deal), tuple(done), tuple(left))

    def _number(self, whose: str, content: bytes) -> int:
        """The same for each try, so that a mail that is sent anew has no second document."""
        digest = hashlib.blake2b(f"{self._message} {whose}\n".encode(), digest_size=8, person=b"inkdot-attach")
        digest.update(content)
        return int.from_bytes(digest.digest(), "big") >> 1

    def _with_dots(self, name: str, source: bytes, person: Person, whose: str) -> tuple[Change, Treated]:
        if is_pdf(source):
            raise DocumentRefused(
                "A PDF gets no dot: programs that show it fetch nothing. 'link' shares it instead.", Untreated.PDF
            )
        number, made = self._number(whose, source), self._made
        if person.mode is Mode.AGGREGATE:  # all copies for people who may not be named are the same one
            number, made = common_document(_WORKSPACE, Dots.ONE, source), 0

        def url(page: int) -> str:
            who = person.contact, person.address
            return self._mint.dot(Token(TokenKind.PAGE, person.mode, _WORKSPACE, page, made, number, *who, b""))

        way = way_of(self._mint.notice, person.mode, self._mint.privacy(person, number, made))
        content, dots = mark(source, url, way=way)
        documents = Documents(self._folder.control)
        try:
            if person.address:
                documents.remember_contacts({(_WORKSPACE, person.contact): person.address})
            documents.keep_marked(DocumentId(number), _WORKSPACE, name, self._made, person.contact, len(dots))
        finally:
            documents.close()
        return Change(content), Treated(name, to_word(DOCUMENT, number), tuple(dot.url for dot in dots))

    def _linked(self, name: str, content: bytes, person: Person, to: Address, number: int) -> tuple[Change, Treated]:
        with Library(self._folder) as library, tempfile.TemporaryDirectory(prefix="inkdot-") as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            document = library.take(path)
            if library.documents.share(ShareId(number)) is None:
                contact = self._mint.keyring.contact_id(_WORKSPACE, to)
                share = Share(
                    ShareId(number), _WORKSPACE, document.id, contact, self._made, None, None, Gate.OPEN, True, False, (), (),
                )  # fmt: skip
                library.documents.keep_share(share, to)
        token = Token(
            TokenKind.SHARE, person.mode, _WORKSPACE, 0, self._made, number, person.contact, person.address, b""
        )
        url = self._mint.reader(token)
        return Change(link=url), Treated(name, to_word(DOCUMENT, document.id), link=url)


def _content(file: File) -> bytes:
    """What is attached. Raises DocumentRefused."""
    if file.content is None:
        raise DocumentRefused("Its transfer encoding is broken.", Untreated.ENCODING)
    if not file.content:
        raise DocumentRefused("It is empty.", Untreated.EMPTY)
    return file.content


def _why(error: InkdotError) -> Untreated:
    if isinstance(error, DocumentRefused):
        return error.why
    return Untreated.UNREADABLE if isinstance(error, DocumentUnreadable) else Untreated.FAILED
