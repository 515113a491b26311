"""A mail to oneself, marked like any other and handed to the mail door's upstream: the first thing that is seen to arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from html import escape
from typing import Any

from inkdot.app.consent import Register
from inkdot.app.folder import Folder
from inkdot.app.marking import fresh_id, keep_copies, mint_of, public_url_of
from inkdot.app.outgoing import poster
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import MESSAGE, MessageId, to_word
from inkdot.mark.mail import read_mail
from inkdot.settings import Settings
from inkdot.show.questions import here
from inkdot.store.control import Control

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = ("try_ready", "try_mail")
_MOST_CHARACTERS = 1_000


class Trying:
    """One folder's mails to whoever tries it."""

    def __init__(self, folder: Folder, settings: Settings, control: Control, register: Register) -> None:
        self._folder, self._settings = folder, settings
        self._control, self._register = control, register

    def asks(self) -> dict[str, Callable[[Asked], Answer]]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    def try_ready(self, _: Asked) -> Answer:
        """Whether there is a server that a mail could leave through."""
        yield {"ready": bool(self._settings.upstream)}

    def try_mail(self, what: Asked) -> Answer:
        """Send a marked mail with `subject`, `text` and a link to `url` to the person `to`, who is the one that asks for it."""
        to, workspace = normal_address(str(what.get("to", ""))), here(what)
        post = poster(self._folder, self._settings)
        if post is None:
            raise UsageError(
                "There is no server that a mail could leave through; start with --upstream, or try a link."
            )
        sender = self._settings.owner or to
        subject, text, url = (str(what.get(name, ""))[:_MOST_CHARACTERS] for name in ("subject", "text", "url"))
        mint = mint_of(self._settings, self._folder.keyring(), public_url_of(self._folder, self._settings), workspace)
        mail = read_mail(_mail(sender, to, subject, text, url), mint)
        mode = self._register.mode_for(to, workspace=workspace, himself=True).mode
        number = MessageId(fresh_id())
        (copy,) = keep_copies(self._control, mail, {to: mode}, number)
        code, said = post(sender, to, copy.content)
        if not 200 <= code < 300:
            raise UsageError(f"The mail server did not take the mail: {said.rstrip('.')}.")
        self._control.keep_handover(number, mint.keyring.contact_id(workspace, to), time.time())
        yield {"message": to_word(MESSAGE, number), "to": to}


def _mail(sender: str, to: str, subject: str, text: str, url: str) -> bytes:
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, " ".join(subject.split())
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2])
    mail.set_content(f"{text}\n\n{url}\n")
    mail.add_alternative(
        f'<html><body><p>{escape(text)}</p><p><a href="{escape(url)}">{escape(url)}</a></p></body></html>',
        subtype="html",
    )
    return mail.as_bytes()
