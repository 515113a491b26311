"""Where consent is confirmed, the second half of a double opt-in, and the form for the first.

    GET  /p/yes/TOKEN   shows the question; changes nothing, because scanners follow links
    POST /p/yes/TOKEN   a person's own link: consent is written down.
                        A form's link (nobody in it): yes=1 and address=... get a mail with a link of their own

Whether a mail left is told to nobody: the form answers the same for every address.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdot.domain.asking import DAYS_TO_CONFIRM, Asked
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import BadAddress, Failure
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import Keyring, Token, TokenKind
from inkdot.room.confirm_words import WORDS, Words
from inkdot.room.sheet import body_of, gone, is_from_elsewhere, sheet

_DAY = 86_400


class Asker(Protocol):
    """What the page needs of the house."""

    def confirm(self, address: Address, asked: Asked, workspace: WorkspaceId) -> str:
        """Write consent down; the address of the privacy page, where it can be taken back."""

    def counts(self, asked: Asked, address: Address | None, workspace: WorkspaceId) -> bool:
        """Whether a yes changes anything: no measuring is asked for where nobody may be named."""

    def ask(self, address: Address, asked: Asked, workspace: WorkspaceId) -> None:
        """Mail the question to somebody, if they may be asked. Raises Failure where no mail can be sent."""


class ConfirmPages:
    """Answers at `/p/yes/`."""

    def __init__(self, keyring: Keyring, asker: Asker, sender: str, now: Callable[[], float]) -> None:
        """`now` gives unix seconds."""
        self._keyring, self._asker, self._sender, self._now = keyring, asker, sender, now

    def routes(self) -> list[Route]:
        """For the room's application."""
        return [
            Route("/p/yes/{token}", self._show, methods=["GET", "HEAD"]),
            Route("/p/yes/{token}", self._said, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        return await run_in_threadpool(self._shown, request)

    async def _said(self, request: Request) -> Response:
        body = await body_of(request)
        if isinstance(body, Response):
            return body
        return await run_in_threadpool(self._taken, request, body)

    def _read(self, request: Request) -> tuple[Token, Asked] | None:
        raw = self._keyring.check(request.path_params["token"].encode("latin-1", "replace"))
        token = self._keyring.read(raw) if raw else None
        asked = Asked.unpacked(token.destination) if token and token.kind is TokenKind.CONFIRM else None
        return (token, asked) if token and asked else None

    def _ended(self, token: Token, asked: Asked) -> bool:
        old = token.address is not None and self._now() > token.marked + DAYS_TO_CONFIRM * _DAY
        return old or not self._asker.counts(asked, token.address, token.workspace)

    def _shown(self, request: Request) -> Response:
        found = self._read(request)
        if found is None:
            return gone()
        token, asked = found
        words = WORDS.get(asked.language, WORDS["en"])
        if self._ended(token, asked):
            return sheet(words.title, _paragraph(words.ended), asked.language, 410)
        return sheet(
            words.title if token.address else words.form_title, self._question(token, asked, words), asked.language
        )

    def _question(self, token: Token, asked: Asked, words: Words) -> str:
        lead = _paragraph(words.lead.format(sender=self._sender))
        if token.address:
            confirm = html.escape(words.confirm)
            return f'{lead}<blockquote>{html.escape(asked.text)}</blockquote><form method="post"><button>{confirm}</button></form>'
        return lead + form("", asked.text, words)

    def _taken(self, request: Request, body: bytes) -> Response:
        found = self._read(request)
        if found is None:
            return gone()
        token, asked = found
        words = WORDS.get(asked.language, WORDS["en"])
        if self._ended(token, asked):
            return sheet(words.title, _paragraph(words.ended), asked.language, 410)
        if token.address and is_from_elsewhere(request):
            return self._shown(request)
        if token.address:
            back = html.escape(self._asker.confirm(token.address, asked, token.workspace))
            return sheet(words.title, f'{_paragraph(words.done)}<p><a href="{back}">{back}</a></p>', asked.language)
        said = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        status, text = self._mailed(said, asked, words, token.workspace)
        again = self._question(token, asked, words) if status != 200 else ""
        return sheet(words.form_title, _paragraph(text, "status") + again, asked.language, status)

    def _mailed(self, said: dict[str, str], asked: Asked, words: Words, workspace: WorkspaceId) -> tuple[int, str]:
        if said.get("yes") != "1":
            return 422, words.unticked
        try:
            self._asker.ask(normal_address(said.get("address", "")), asked, workspace)
        except BadAddress:
            return 422, words.no_address
        except Failure:
            return 503, words.no_mail
        return 200, words.sent


def form(action: str, text: str, words: Words) -> str:
    """A form with an unticked box, for the page itself (no `action`) or for a page of somebody's own."""
    target = f' action="{html.escape(action)}"' if action else ""
    return (
        f'<form method="post"{target}>\n'
        f'<p><label>{html.escape(words.address)}<br><input type="email" name="address" required autocomplete="email"></label></p>\n'
        f'<p><label><input type="checkbox" name="yes" value="1" required> {html.escape(text)}</label></p>\n'
        f"<button>{html.escape(words.send)}</button>\n</form>"
    )


def _paragraph(text: str, role: str = "") -> str:
    return f'<p role="{role}">{html.escape(text)}</p>' if role else f"<p>{html.escape(text)}</p>"
