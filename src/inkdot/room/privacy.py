"""The privacy page: what is kept about me, and how to stop it.

    GET  /p/TOKEN   shows; changes nothing, because scanners follow links
    POST /p/TOKEN   do=stop: nothing more is kept. do=agree with the box ticked: consent. do=leave, or List-Unsubscribe=One-Click
                    (RFC 8058): no more mails, which says nothing about measuring

No login: the token names the person. A shared token names nobody, so the page asks for the address.
"""

from __future__ import annotations

import html
from string import Template
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import BadAddress
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import UNSUBSCRIBE, Keyring, Token, TokenKind
from inkdot.room.sheet import body_of, gone, is_from_elsewhere, sheet
from inkdot.room.words import VERSION, WORDS, language_of

_FIELD = '<p><label>{label}<br><input type="email" name="address" required autocomplete="email"></label></p>'
_AGREE = (
    '<section><h2>{title}</h2><form method="post"><input type="hidden" name="do" value="agree">'
    '<p><label><input type="checkbox" name="yes" value="1"> {text}</label></p><button>{button}</button></form></section>'
)
_LEAVE = (
    '<section><h2>{title}</h2><p>{text}</p><form method="post"><input type="hidden" name="do" value="leave">'
    "<button>{button}</button></form></section>"
)
_BODY = Template("""$done
$leave
<p>$kept</p>
<p>$signal</p>
<section>
<h2>$stop_title</h2>
<p>$stop_text</p>
<form method="post"><input type="hidden" name="do" value="stop">$address_field<button>$stop_button</button></form>
</section>
$agree
<p><small>$facts</small></p>""")


class Said(NamedTuple):
    """What somebody chose on the page."""

    workspace: WorkspaceId
    address: Address
    wording: str
    version: str
    language: str
    form: str
    """The address of the page, without its token."""


class Choices(Protocol):
    """What the page needs of the house."""

    def mode_of(self, address: Address, workspace: WorkspaceId) -> Mode:
        """How much may be kept about a person now."""

    def mode_of_website(self, domain: str, workspace: WorkspaceId) -> Mode:
        """How much may be kept of a website's visitors whom nobody asked."""

    def may_agree(self, address: Address, workspace: WorkspaceId) -> bool:
        """Whether more would be kept of a person who agrees to everything."""

    def stop(self, said: Said) -> None:
        """Keep nothing more."""

    def agree(self, said: Said) -> None:
        """Keep all."""

    def unsubscribe(self, said: Said) -> None:
        """Send no more mails."""


class Manner(NamedTuple):
    """What the page says of the installation."""

    language: str
    journal_days: int
    events_days: int
    controller: str


class PrivacyPages:
    """Answers at `/p/`."""

    def __init__(self, keyring: Keyring, choices: Choices, manner: Manner) -> None:
        self._keyring, self._choices, self._manner = keyring, choices, manner

    def routes(self) -> list[Route]:
        """For the room's application."""
        return [
            Route("/p/{token}", self._show, methods=["GET", "HEAD"]),
            Route("/p/{token}", self._change, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        token = self._token(request)
        return gone() if token is None else await run_in_threadpool(self._shown, request, token, token.address, "")

    async def _change(self, request: Request) -> Response:
        token = self._token(request)
        body = await body_of(request)
        if isinstance(body, Response):
            return body
        return gone() if token is None else await run_in_threadpool(self._changed, request, token, body)

    def _token(self, request: Request) -> Token | None:
        raw = self._keyring.check(request.path_params["token"].encode("latin-1", "replace"))
        token = self._keyring.read(raw) if raw else None
        return token if token is not None and token.kind is TokenKind.PRIVACY else None

    def _changed(self, request: Request, token: Token, body: bytes) -> Response:
        asked = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        language = self._language(request)
        words = WORDS[language]
        try:
            address = token.address or normal_address(asked.get("address", ""))
        except BadAddress:
            return self._shown(request, token, None, "no_address", 422)
        said = Said(token.workspace, address, words["agree_text"], VERSION, language, "/p/")
        one_click = b"List-Unsubscribe" in body and b"One-Click" in body  # also as multipart, which RFC 8058 allows
        if one_click or (asked.get("do") == "leave" and token.address):
            self._choices.unsubscribe(said)
            return self._shown(request, token, address, "unsubscribed")
        if asked.get("do") == "agree":
            # Only who holds his own token can agree, on this page: anybody could type an address, or send a form from another site.
            if asked.get("yes") != "1" or token.address is None or is_from_elsewhere(request):
                return self._shown(request, token, token.address, "unticked", 422)
            if not self._choices.may_agree(address, token.workspace):
                return self._shown(request, token, address, "")
            self._choices.agree(said)
            return self._shown(request, token, address, "agreed")
        self._choices.stop(said._replace(wording=words["stop_text"]))
        return self._shown(request, token, address if token.address else None, "stopped")

    def _language(self, request: Request) -> str:
        return language_of(request.headers.get("accept-language", ""), self._manner.language)

    def _shown(self, request: Request, token: Token, address: Address | None, done: str, status: int = 200) -> Response:
        language, manner = self._language(request), self._manner
        words = {name: html.escape(text) for name, text in WORDS[language].items()}
        mode, kept = self._kept(token, address)
        signals = request.headers.get("sec-gpc") == "1" or request.headers.get("dnt") == "1"
        days = _after(words, manner.events_days) if manner.events_days else words["events_open"]
        named = address is not None and token.address is not None
        asks = (
            named and mode is not Mode.INDIVIDUAL and self._choices.may_agree(address or Address(""), token.workspace)
        )
        body = _BODY.substitute(
            words,
            done=f'<p class="done" role="status"><strong>{words[done]}</strong></p>' if done else "",
            leave=_LEAVE.format(title=words["leave_title"], text=words["leave_text"], button=words["leave_button"])
            if named and token.destination == UNSUBSCRIBE and done != "unsubscribed" else "",
            kept=words[kept],
            signal=words["signal" if signals else "no_signal"],
            address_field=_FIELD.format(label=words["address"]) if token.address is None else "",
            agree=_AGREE.format(title=words["agree_title"], text=words["agree_text"], button=words["agree_button"])
            if asks else "",
            facts=words["days"].format(
                journal=_after(words, manner.journal_days), events=days,
                controller=html.escape(manner.controller) or words["nobody"],
            ),
        )  # fmt: skip
        return sheet(WORDS[language]["title"], body, language, status)

    def _kept(self, token: Token, address: Address | None) -> tuple[Mode, str]:
        """How much may be kept, and the name of the words for it."""
        domain = token.destination.decode("utf-8", "replace")
        if address is not None or not domain:
            mode = self._choices.mode_of(address, token.workspace) if address else token.mode
            return mode, mode.name.lower()
        mode = self._choices.mode_of_website(domain, token.workspace)
        return mode, f"site_{Mode.AGGREGATE.name if mode is Mode.HYGIENE else mode.name}".lower()


def _after(words: dict[str, str], days: int) -> str:
    return words["events_day"] if days == 1 else words["events_days"].format(days=days)
