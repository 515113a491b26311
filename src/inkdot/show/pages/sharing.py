"""Views shared by a link: somebody without an account looks at one page, as it was when it was shared, and at nothing else."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from inkdot.domain.account import Role
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import UserId
from inkdot.show import cookies, passwords
from inkdot.show.auth import Signed, digest, fresh_secret
from inkdot.show.guard import form_of
from inkdot.show.keys import named
from inkdot.show.pages import persons, things
from inkdot.show.pages.desk import HEADERS, Desk, Visit
from inkdot.show.paths import whole
from inkdot.show.tries import Tries, network_of
from inkdot.store.contract import iso
from inkdot.store.shared_views import SharedView

_HANDLERS = {
    "/people": persons.people, "/unopened": persons.silent, "/mails": things.mails, "/mails/{message}": things.mail,
    "/campaigns": things.campaigns, "/campaigns/{campaign}": things.campaign,
    "/documents": things.documents, "/documents/{document}": things.document, "/sites": things.sites,
    "/sites/{domain}": things.site, "/leads": things.leads,
}  # fmt: skip
_PAGES = [Route(whole(path), handler) for path, handler in _HANDLERS.items()]
_FREE = ("sort", "page", "format")
"""What who looks may change; the rest of the address stays as it was shared."""
_DAY, _MOST_DAYS = 86_400, 366
_QUARTER, _MOST_TRIES = 900, 10
_MOST_ADDRESS = 2_000
_SECOND = 1_000_000


def views(visit: Visit, link: str = "") -> Response:
    """The links of this workspace; `link` is one that was made right now."""
    shown = [
        view._asdict() | {"words": ", ".join(f"{name}: {value}" for name, value in view.words.items())} | {name: time and iso(time * _SECOND) for name, time in (("until", view.until), ("used", view.used))}
        for view in visit.desk.views.views(visit.signed.workspace, int(time.time()))
    ]  # fmt: skip
    return visit.page("views.html", views=shown, fresh=link)


def view_change(visit: Visit) -> Response:
    """Share a view, or end a link."""
    form, now = visit.form, int(time.time())
    match form.get("do"):
        case "share":
            secret = fresh_secret()
            visit.desk.views.keep(_fresh(visit, digest(secret), now))
            own = visit.desk.facts()["office_url"] or str(visit.request.base_url)
            return views(visit, f"{own.rstrip('/')}/shared/{secret}")
        case "end":
            number = form.get("view", "")
            if not number.isdecimal() or not visit.desk.views.end(visit.signed.workspace, int(number)):
                raise NotFound("There is no such link; it may have ended before.")
            return visit.back("/views", visit.words("The link shows nothing any more."))
    raise UsageError("Say what is to be done: share or end.")


def _fresh(visit: Visit, secret: bytes, now: int) -> SharedView:
    form = visit.form
    address, days, password = form.get("address", ""), form.get("days", "").strip(), form.get("password", "")
    parts = urlsplit(address)
    if len(address) > _MOST_ADDRESS or parts.scheme or parts.netloc:
        raise UsageError("This is no page of the office; share it by the button on the page itself.")
    _page_of(parts.path)
    words = {name: value for name, value in parse_qsl(parts.query) if name not in ("page", "format")}
    if not (days.isdecimal() and days.isascii() and 1 <= int(days[:9]) <= _MOST_DAYS):
        raise UsageError(f"{days!r} is no number of days; write a whole number from 1 to {_MOST_DAYS}.")
    return SharedView(
        int.from_bytes(os.urandom(8), "big") >> 1, visit.signed.workspace, named(form.get("name", ""), "link"), parts.path, words, secret,
        passwords.hashed(password) if password else None, visit.signed.address, now, now + int(days) * _DAY,
    )  # fmt: skip


def _page_of(path: str) -> tuple[Route, dict[str, str]]:
    """The page at a path, and what the path says. Raises UsageError for what cannot be shared."""
    for route in _PAGES:
        match, found = route.matches({"type": "http", "method": "GET", "path": path})
        if match is Match.FULL:
            return route, found["path_params"]
    raise UsageError("This page cannot be shared; tables and reports can.")


class SharedDoor:
    """The door for who holds a link."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tries = Tries(_MOST_TRIES, _QUARTER, time.monotonic)

    async def answer(self, request: Request) -> Response:
        """The page behind a link; a password is asked for first, where there is one."""
        view = await run_in_threadpool(self._desk.views.view, digest(request.path_params["token"]), int(time.time()))
        if view is None:
            raise NotFound("This link shows nothing any more; ask for a new one where you got it.")
        if request.method == "POST":
            form = await form_of(request)
            return await run_in_threadpool(self._let_in, request, view, form.get("password", ""))
        given = cookies.held(request, _cookie(view), safe=self._desk.auth.is_safe(request)).encode("utf-8", "replace")
        if view.password and not hmac.compare_digest(given, _pass(view).encode()):
            return self._desk.page(request, "shared_door.html", None, name=view.name, trouble="")
        return await run_in_threadpool(self._show, request, view)

    def _let_in(self, request: Request, view: SharedView, password: str) -> Response:
        left = self._tries.take(f"{view.id} {network_of(request.client.host if request.client else None)}")
        status, trouble = 0, ""
        if not left.allowed:
            status, trouble = 429, f"Too many tries; try again in {left.reset} seconds."
        elif not passwords.right(view.password, password):
            status, trouble = 401, "The password is wrong."
        if status:
            return self._desk.page(request, "shared_door.html", None, status, name=view.name, trouble=trouble)
        response = RedirectResponse(request.url.path, 303, HEADERS)
        cookies.keep(response, _cookie(view), _pass(view), seconds=_DAY, safe=self._desk.auth.is_safe(request))
        return response

    def _show(self, request: Request, view: SharedView) -> Response:
        self._desk.views.looked(view, int(time.time()))
        route, said = _page_of(view.page)
        free = {name: value for name in _FREE if (value := request.query_params.get(name)) is not None}
        query = urlencode({**view.words, **free}).encode()
        inner = Request({**request.scope, "path_params": said, "query_string": query})
        # Nobody's account: what is asked for this page stands in the audit log under the link's name.
        guest = Signed(UserId(0), f"link: {view.name}", view.name, view.workspace, "", Role.VIEWER, "")
        response: Response = route.endpoint(Visit(self._desk, inner, guest))
        return response


def _cookie(view: SharedView) -> str:
    return f"view{view.id}"


def _pass(view: SharedView) -> str:
    """What a browser holds that gave the password: it ends with the link."""
    return hashlib.blake2b((view.password or "").encode(), key=view.digest, digest_size=24).hexdigest()
