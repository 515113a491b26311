"""Pages for whom has a role, and the forms that come back from them.

@required(Role.MEMBER)                       # signed in with this role at least, else sent to /login?next=...
async def save(request: Request, signed: Signed) -> Response: ...
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from inkdot.domain.account import Role
from inkdot.domain.errors import NotAllowed, UsageError
from inkdot.show.auth import Auth, Signed

_MOST_FORM_BYTES = 1_000_000
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Page = Callable[[Request, Signed], Awaitable[Response]]


def required(role: Role) -> Callable[[Page], Callable[[Request], Awaitable[Response]]]:
    """A page for whoever has at least this role. Its form, if it got one, lies in `request.state.form`."""

    def wrapped(page: Page) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(page)
        async def guarded(request: Request) -> Response:
            auth: Auth = request.app.state.auth
            signed = await run_in_threadpool(auth.current, request)
            if signed is None:
                return _to_login(request)
            token = request.headers.get("x-csrf-token", "")
            if request.method in _UNSAFE:
                request.state.form = form = await form_of(request)
                auth.check_source(request)
                auth.check_token(signed, token or form.get("csrf", ""))
            if not signed.role.reaches(role):
                raise NotAllowed(f"This needs the role {role}; yours is {signed.role}.")
            return await page(request, signed)

        return guarded

    return wrapped


def _to_login(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    login = f"/login?next={quote(wanted if request.method == 'GET' else '/', safe='')}"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": login})
    return RedirectResponse(login, 303)


async def form_of(request: Request) -> dict[str, str]:
    """A form as browsers send it; the last value of each name. Raises UsageError if it is too large."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FORM_BYTES:
            raise UsageError("The form is too large.")
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1_000)
    return {name: values[-1] for name, values in found.items()}
