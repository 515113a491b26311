"""Double opt-in, wired: questions leave by mail without any mark, and only what is confirmed goes into the ledger."""

from __future__ import annotations

import threading
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from starlette.routing import Route

from inkdot.app.consent import WORKSPACE, Register, choice, scope_named
from inkdot.app.folder import Folder
from inkdot.app.marking import mint_of, public_url_of
from inkdot.app.outgoing import Send, mailer, poster
from inkdot.domain.asking import DAYS_BETWEEN, DAYS_TO_CONFIRM, MOST_BYTES, Asked
from inkdot.domain.consent import Choice, Mode
from inkdot.domain.contact import Address
from inkdot.domain.errors import Failure, UsageError
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.mark.mint import Mint, Person
from inkdot.room.confirm import ConfirmPages
from inkdot.room.confirm_words import WORDS
from inkdot.room.words import VERSION
from inkdot.room.words import WORDS as PRIVACY_WORDS
from inkdot.settings import Settings

_DAY = 86_400
_FORM = "/p/yes/"
_METHOD = "double_opt_in"


class NotAsked(UsageError):
    """This person may not be asked now."""


def question(scope: str, text: str, version: str, language: str) -> Asked:
    """What is asked; without `text` the words that come with Inkdot. Raises UsageError."""
    kept = scope_named(scope)
    words = WORDS.get(language)
    if words is None:
        raise UsageError(f"There are no texts in {language!r}; use {', '.join(WORDS)}.")
    shipped = {"purpose:mail": words.mail, "purpose:advertising": words.advertising, "purpose:push": words.push}
    asked = Asked(
        kept, text or shipped.get(kept, PRIVACY_WORDS[language]["agree_text"]), version or ("" if text else VERSION), language
    )  # fmt: skip
    if len(asked.packed()) > MOST_BYTES:
        raise UsageError(f"The text is too long for a link; use at most about {MOST_BYTES // 2} letters.")
    return asked


def pointless(register: Register, asked: Asked, address: Address | None, workspace: WorkspaceId) -> str:
    """Why nothing more would be kept of whoever agreed to be measured; empty where a yes counts."""
    if asked.scope.startswith("purpose:"):
        return ""
    most = register.most_for(address or Address(""), asked.scope, workspace)
    allowed = f"{most.because} allows {most.mode.name.lower()} at the most, whatever is agreed"
    return "" if most.mode is Mode.INDIVIDUAL else allowed


class Asking:
    """Asks for consent and writes down what is confirmed."""

    def __init__(self, folder: Folder, settings: Settings, register: Register, public_url: str = "") -> None:
        self._register, self._send = register, sender_of(folder, settings)
        self._folder, self._settings, self._public_url = folder, settings, public_url
        self.sender = settings.controller or settings.sender or settings.owner or settings.mail_from or "The sender"
        self._turn, self._under_way = threading.Lock(), set[tuple[WorkspaceId, ContactId, str]]()

    def _mint(self, workspace: WorkspaceId) -> Mint:
        """Makes the links; anew each time, because the server tells its address only once it is ready."""
        url = self._public_url or public_url_of(self._folder, self._settings)
        return mint_of(self._settings, self._folder.keyring(), url, workspace)

    def ask(self, address: Address, asked: Asked, workspace: WorkspaceId = WORKSPACE) -> None:
        """Somebody asks to be asked, by the form; it tells nobody who was asked today, or was erased. Raises Failure."""
        now, contact = int(time.time()), self._register.contact(address, workspace)
        question = workspace, contact, asked.scope
        with self._turn:  # a mail takes its time, and whoever sends the form twice meanwhile gets no second one
            if question in self._under_way:
                return
            self._under_way.add(question)
        try:
            asked_at = self._register.book.asked_at(*question)
            erased = self._register.book.why_denied(contact) == "erased"
            if self._send is None or not (erased or (asked_at or 0) > now - _DAY):
                self._mail(address, asked, now, workspace)
        finally:
            with self._turn:
                self._under_way.discard(question)

    def ask_once(self, address: Address, asked: Asked, workspace: WorkspaceId = WORKSPACE) -> str:
        """Mail the question to somebody who was not asked and did not refuse for half a year; returns the link.

        Raises NotAsked, and Failure where no mail can be sent.
        """
        now, contact = int(time.time()), self._register.contact(address, workspace)
        book = self._register.book
        if book.why_denied(contact) == "erased":
            raise NotAsked(f"{address} was erased and is not asked again.")
        if why := pointless(self._register, asked, address, workspace):
            raise NotAsked(f"{address} is not asked: {why}.")
        asked_at = book.asked_at(workspace, contact, asked.scope)
        refused = [c.time for c in book.choices_of(workspace, contact) if _is_no(c, asked.scope)]
        last = max([*refused, asked_at or 0])
        if last > now - DAYS_BETWEEN * _DAY:
            why = "said no" if refused and last in refused else "was asked"
            raise NotAsked(f"{address} {why} less than {DAYS_BETWEEN} days ago and is not asked again so soon.")
        return self._mail(address, asked, now, workspace)

    def counts(self, asked: Asked, address: Address | None, workspace: WorkspaceId) -> bool:
        """As the page wants it."""
        return not pointless(self._register, asked, address, workspace)

    def _mail(self, address: Address, asked: Asked, now: int, workspace: WorkspaceId) -> str:
        if self._send is None:
            raise Failure("No mail can be sent: set upstream and owner, or mail_server and mail_from, in inkdot.toml.")
        words = WORDS[asked.language]
        mint = self._mint(workspace)
        url = mint.confirmation(Person.known(mint, address), now, asked.packed())
        text = words.letter.format(sender=self.sender, text=asked.text, url=url, days=DAYS_TO_CONFIRM)
        self._send(address, words.subject, text)
        self._register.book.keep_asked(workspace, self._register.contact(address, workspace), asked.scope, now)
        return url

    def confirm(self, address: Address, asked: Asked, workspace: WorkspaceId = WORKSPACE) -> str:
        """As the page wants it."""
        row = choice(
            address, "set", Mode.INDIVIDUAL, asked.scope, _METHOD,
            wording=asked.text, version=asked.version, language=asked.language, form=_FORM,
        )  # fmt: skip
        self._register.keep([row], workspace)
        about = self._register.contact(address, workspace)
        self._register.book.audit("the person", "consent set", about, scope=asked.scope, workspace=workspace)
        mint = self._mint(workspace)
        return mint.privacy(Person.known(mint, address), 0, int(time.time()))


def _is_no(made: Choice, scope: str) -> bool:
    """Whether a choice says no to what is asked for a scope."""
    if made.act == "set":
        return made.scope in ("", scope) and made.mode is not Mode.INDIVIDUAL
    return made.act in ("withdraw", "unsubscribe")


def confirm_pages(folder: Folder, settings: Settings) -> list[Route]:
    """The routes of the page."""
    asking = Asking(folder, settings, Register(folder, settings))
    return ConfirmPages(folder.keyring(), asking, asking.sender, time.time).routes()


def sender_of(folder: Folder, settings: Settings) -> Send | None:
    """What sends a mail of our own: through the upstream in the owner's name, or by mail_server; None without either."""
    post = poster(folder, settings)
    if post is None or not settings.owner:
        return mailer(settings)

    def send(to: Address, subject: str, text: str) -> None:
        mail = EmailMessage(SMTP)
        mail["From"], mail["To"], mail["Subject"] = settings.owner, to, subject
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=settings.owner.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        code, said = post(settings.owner, to, mail.as_bytes())
        if not 200 <= code < 300:
            raise Failure(f"The mail server did not take the mail: {said}.")

    return send
