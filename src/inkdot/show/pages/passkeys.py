"""Passkeys at the entrance and on the page of one's own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from inkdot.domain.errors import InkdotError
from inkdot.show.api.problems import KINDS, problem_of
from inkdot.show.guard import form_of
from inkdot.show.pages.desk import HEADERS, Desk, Visit
from inkdot.show.pages.entering import inside, login_page


class PasskeyEntrance:
    """Signing in by a passkey."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, request: Request) -> Response:
        """What the browser is to sign."""
        return await run_in_threadpool(_asked, self._desk, request, lambda: self._desk.passkeys.ask_known(request))

    async def login(self, request: Request) -> Response:
        """Its answer."""
        form, desk = await form_of(request), self._desk
        to = inside(form.get("next", "/"))
        try:
            secret = await run_in_threadpool(desk.passkeys.login, request, form)
        except InkdotError as error:
            return login_page(desk, request, to, error)
        response = RedirectResponse(to, 303, HEADERS)
        desk.auth.welcome(request, response, secret)
        return response


def passkey_ask(visit: Visit) -> Response:
    """What the browser is to make a passkey by."""
    password = visit.form.get("password", "")
    return _asked(visit.desk, visit.request, lambda: visit.desk.passkeys.ask_new(visit.request, visit.signed, password))


def passkey_change(visit: Visit) -> Response:
    """A new passkey, or one less."""
    passkeys, form = visit.desk.passkeys, visit.form
    if form.get("do") != "remove":
        passkeys.keep_new(visit.request, visit.signed, form)
        return visit.back("/me", visit.words("The passkey signs you in from now on."))
    secret = passkeys.end(visit.request, visit.signed, form.get("password", ""), form.get("id", ""))
    response = visit.back("/me", visit.words("The passkey opens nothing any more; other browsers must sign in again."))
    visit.desk.auth.welcome(visit.request, response, secret)
    return response


def _asked(desk: Desk, request: Request, ask: Callable[[], tuple[str, dict[str, Any]]]) -> Response:
    """A question for a script, or why there is none."""
    headers = HEADERS | {"Cache-Control": "no-store"}
    try:
        secret, asked = ask()
    except InkdotError as error:
        status = KINDS[problem_of(error).name].status
        return JSONResponse({"detail": desk.language(request).sentence(str(error))}, status, headers)
    response = JSONResponse(asked, 200, headers)
    desk.passkeys.remember(request, response, secret)
    return response
