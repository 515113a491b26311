"""Coming in by an OpenID Connect provider: to it, back from it, and the second factor if the account has one."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from inkdot.domain.account import User
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress, CodeWanted, InkdotError, NotAllowed, NotFound, TooOften
from inkdot.show import cookies
from inkdot.show.api.problems import KINDS, problem_of
from inkdot.show.guard import form_of
from inkdot.show.id_token import Claims
from inkdot.show.oidc import BACK, WAIT_SECONDS, Provider
from inkdot.show.pages.desk import HEADERS, Desk
from inkdot.show.pages.entering import inside
from inkdot.show.tries import Tries, network_of

_COOKIE = "inkdot-provider"
_QUARTER = 900


class ProviderEntrance:
    """Pages on the way to a provider and back; there are none where no provider is set."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tries = Tries(60, _QUARTER, time.monotonic)

    async def begin(self, request: Request) -> Response:
        """To the provider."""
        provider, origin = self._provider(), self._desk.auth.origin(request)
        if not origin:
            raise NotAllowed("Set office_url first, so that the sign-in provider can lead back here.")
        left = self._tries.take(network_of(request.client.host if request.client else None))
        if not left.allowed:
            raise TooOften(f"Too many tries; try again in {left.reset} seconds.", left.reset)
        to = inside(request.query_params.get("next", "/"))
        place, browser = await run_in_threadpool(provider.begin, origin + BACK, to)
        return self._holding(request, RedirectResponse(place, 303, HEADERS | {"Cache-Control": "no-store"}), browser)

    async def back(self, request: Request) -> Response:
        """Back from the provider, with a code that it changes into a word on who it is."""
        return await run_in_threadpool(self._back, request)

    def _back(self, request: Request) -> Response:
        provider, given = self._provider(), request.query_params
        claims, to, access = provider.finish(
            given.get("state", ""), self._held(request), given.get("code", ""), given.get("iss", "")
        )
        user = self._user(provider, claims, access)
        try:
            secret = self._desk.auth.vouched(request, user, provider.name)
        except CodeWanted:
            page = self._desk.page(request, "second.html", None, trouble="")
            return self._holding(request, page, provider.await_code(user.id, to))
        return self._welcome(request, secret, to)

    async def code(self, request: Request) -> Response:
        """The second factor after the provider."""
        self._desk.auth.check_source(request)
        form = await form_of(request)
        return await run_in_threadpool(self._code, request, form.get("code", ""))

    def _code(self, request: Request, code: str) -> Response:
        provider, browser, auth = self._provider(), self._held(request), self._desk.auth
        number, to = provider.awaited(browser)
        user = auth.accounts.user(number)
        if user is None:
            raise NotAllowed("This account belongs to no workspace any more; ask an owner.")
        try:
            secret = auth.vouched(request, user, provider.name, code)
        except InkdotError as error:
            status = KINDS[problem_of(error).name].status
            return self._desk.page(request, "second.html", None, status, trouble=str(error))
        provider.forget(browser)
        return self._welcome(request, secret, to)

    def _user(self, provider: Provider, claims: Claims, access: str) -> User:
        """The account that was remembered, else the one of the verified address, which is remembered from now on."""
        accounts = self._desk.auth.accounts
        known = accounts.provider_user(claims.issuer, claims.subject)
        if known:
            return known
        address = provider.address(claims, access)
        if not address:
            raise NotAllowed("The sign-in provider does not vouch for your mail address; it has to verify it first.")
        try:
            user = accounts.user_of(normal_address(address))
        except BadAddress:
            user = None
        if user is None or not accounts.workspaces_of(user.id):
            raise NotAllowed(
                "There is no account for your mail address here; an owner has to add it to the team first."
            )
        if not accounts.keep_provider_identity(claims.issuer, claims.subject, user.id):
            raise NotAllowed(
                "Somebody else of this provider signs in to this account already; a new password for it ends that."
            )
        return user

    def _welcome(self, request: Request, secret: str, to: str) -> Response:
        response = RedirectResponse(to, 303, HEADERS)
        cookies.drop(response, _COOKIE, safe=self._desk.auth.is_safe(request))
        self._desk.auth.welcome(request, response, secret)
        return response

    def _holding(self, request: Request, response: Response, browser: str) -> Response:
        cookies.keep(response, _COOKIE, browser, seconds=WAIT_SECONDS, safe=self._desk.auth.is_safe(request))
        return response

    def _held(self, request: Request) -> str:
        return cookies.held(request, _COOKIE, safe=self._desk.auth.is_safe(request))

    def _provider(self) -> Provider:
        provider = self._desk.auth.provider
        if provider is None:
            raise NotFound("There is no sign-in provider here; sign in with your password.")
        return provider
