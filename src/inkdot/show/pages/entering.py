"""Coming in: the first account, signing in and out, and the first steps."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from inkdot.domain.errors import CodeWanted, InkdotError, NotAllowed, NotFound
from inkdot.show.addons import FILES, packed
from inkdot.show.api.problems import KINDS, problem_of
from inkdot.show.guard import form_of
from inkdot.show.pages.desk import HEADERS, Desk, Visit


class Entrance:
    """Pages for who is not signed in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def login(self, request: Request) -> Response:
        """Sign in; an authenticator's code is asked for after the password."""
        desk = self._desk
        if request.method != "POST":
            return login_page(desk, request, request.query_params.get("next", "/"))
        form = await form_of(request)
        address, to = form.get("address", ""), form.get("next", "/")
        try:
            secret = await run_in_threadpool(
                desk.auth.login, request, address, form.get("password", ""), form.get("code", "")
            )
        except InkdotError as error:
            return login_page(desk, request, to, error, address=address, code="code" in form)
        response = RedirectResponse(inside(to), 303, HEADERS)
        desk.auth.welcome(request, response, secret)
        return response

    async def setup(self, request: Request) -> Response:
        """The first account."""
        token, auth = request.path_params["token"], self._desk.auth
        if not await run_in_threadpool(auth.setup_open, token):
            raise NotAllowed("This set-up link works no more; 'inkdot account link' makes a new one.")
        if request.method != "POST":
            return self._desk.page(request, "setup.html", None, address="", name="", trouble="")
        form = await form_of(request)
        address, name = form.get("address", ""), form.get("name", "")
        try:
            secret = await run_in_threadpool(auth.set_up, request, token, address, name, form.get("password", ""))
        except InkdotError as error:
            status = KINDS[problem_of(error).name].status
            return self._desk.page(request, "setup.html", None, status, address=address, name=name, trouble=str(error))
        response = RedirectResponse("/welcome", 303, HEADERS)
        auth.welcome(request, response, secret)
        return response


def login_page(
    desk: Desk, request: Request, to: str, error: InkdotError | None = None, *, address: str = "", code: bool = False
) -> Response:
    """Where one signs in, by each way there is, to go on to `to`; with what went wrong before, if anything did."""
    asked = isinstance(error, CodeWanted)
    facts = {
        "next": inside(to), "address": address, "code": code or asked, "trouble": str(error or ""),
        "provider": desk.auth.provider.name if desk.auth.provider else "",
    }  # fmt: skip
    status = KINDS[problem_of(error).name].status if error and not asked else 200
    return desk.page(request, "login.html", None, status, **facts)


def logout(visit: Visit) -> Response:
    """End the session."""
    response = RedirectResponse("/login", 303, HEADERS)
    visit.desk.auth.logout(visit.request, response)
    return response


def addon(visit: Visit) -> Response:
    """An add-on, as its program installs it."""
    name = visit.request.path_params["file"]
    if name not in FILES:
        raise NotFound(f"There is no add-on {name}; there are {' and '.join(FILES)}.")
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(packed(name), 200, headers, "application/zip")


def inside(to: str) -> str:
    """An address of ours; anything else leads home."""
    return to if to.startswith("/") and to[1:2] not in ("/", "\\") and "\n" not in to else "/"
