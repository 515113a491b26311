"""What all pages share: asking the house, filling templates, and saying no in a sentence."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from inkdot.domain.account import Role
from inkdot.domain.errors import InkdotError, NotFound
from inkdot.show import cookies
from inkdot.show.api.door import id_of, log_fault
from inkdot.show.api.problems import KINDS, Problem, problem_of
from inkdot.show.auth import Auth, Signed
from inkdot.show.guard import required
from inkdot.show.pages.words import LANGUAGES, Words, words
from inkdot.show.passkeys import Passkeys
from inkdot.store.shared_views import SharedViews

Ask = Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
_YEAR = 31_536_000
_NAME = re.compile(r"[a-z_-]{1,40}")
_MONTHS = 180 * 86_400


class Visit(NamedTuple):
    """One request for a page by somebody who is signed in."""

    desk: Desk
    request: Request
    signed: Signed

    @property
    def words(self) -> Words:
        """The reader's language."""
        return self.desk.language(self.request)

    @property
    def form(self) -> dict[str, str]:
        """What a form said."""
        found: dict[str, str] = getattr(self.request.state, "form", {})
        return found

    @property
    def guest(self) -> bool:
        """Whether somebody without an account looks at a view that was shared."""
        return not self.signed.user

    def ask(self, question: str, **what: Any) -> Iterator[dict[str, Any]]:
        """Ask the house for this workspace and in this name; what is empty is not said."""
        wanted = {name: value for name, value in what.items() if value not in (None, "")}
        return self.desk.asks[question](
            wanted | {"workspace": int(self.signed.workspace), "by": self.signed.address, "api": True}
        )

    def one(self, question: str, **what: Any) -> dict[str, Any]:
        """The one object of an answer. Raises NotFound where there is none."""
        for item in self.ask(question, **what):
            return item
        raise NotFound("There is no such thing.")

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone, as his browser told; UTC where it told none."""
        return self.desk.zone(self.request)

    def query(self, name: str, usual: str = "") -> str:
        """A word of the address."""
        return self.request.query_params.get(name, usual).strip()

    def page(self, template: str, **facts: Any) -> Response:
        """A page of the office."""
        return self.desk.page(self.request, template, self.signed, **facts)

    def back(self, to: str, said: str = "") -> Response:
        """Go there after a change, with a sentence that tells what was done."""
        response = RedirectResponse(to, 303, HEADERS)
        if said:
            cookies.keep(response, "said", said.encode().hex(), seconds=60, safe=self.desk.auth.is_safe(self.request))
        return response


class Desk:
    """Makes the answers of all pages."""

    def __init__(
        self, asks: Mapping[str, Ask], auth: Auth, views: SharedViews, facts: Callable[[], Mapping[str, str]]
    ) -> None:
        """`facts` gives the addresses that pages show, public_url and office_url, and whether all is `sample` data."""
        self.asks, self.auth, self.views, self.facts = asks, auth, views, facts
        self.files, self.passkeys = _shipped(), Passkeys(auth)
        self._templates = Environment(
            loader=PackageLoader("inkdot.show"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals["static"] = {name: f"/static/{name}?{tag}" for name, (_, tag) in self.files.items()}
        self._templates.globals["with_query"] = with_query

    def for_role(self, role: Role, handler: Callable[[Visit], Response]) -> Callable[[Request], Any]:
        """An endpoint for those who have at least this role; the handler may block."""

        async def page(request: Request, signed: Signed) -> Response:
            return await run_in_threadpool(handler, Visit(self, request, signed))

        return self.polite(required(role)(page))

    def polite(self, endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """The same endpoint; what it refuses is told on a page."""

        async def answer(request: Request) -> Response:
            try:
                response: Response = await endpoint(request)
            except InkdotError as error:
                return await run_in_threadpool(self.turned, request, problem_of(error))
            except Exception as error:  # noqa: BLE001 - the log has what happened, the reader a page
                request_id = id_of(request)
                log_fault(request_id, error)
                fault = Problem(
                    "fault", f"Something went wrong that should not have; the log knows it as {request_id}."
                )
                return await run_in_threadpool(self.turned, request, fault)
            return response

        return answer

    def turned(self, request: Request, problem: Problem) -> Response:
        """A page that says what is wrong and what to do."""
        status = KINDS[problem.name].status
        signed = self.auth.current(request)
        known = {403: "Not for you", 404: "There is nothing here", 429: "Too often"}
        if not signed:  # who is signed in and gave a wrong password is signed in all the same
            known[401] = "Sign in first"
        heading = known.get(status, "That did not work")
        facts = {"heading": heading, "text": str(problem.detail), "ways": _ways_on(request)}
        return self.page(request, "turned.html", signed, status, **facts)

    async def lost(self, request: Request, error: Exception) -> Response:
        """There is no page at this address, or it takes no form."""
        assert isinstance(error, HTTPException)
        wrong = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        text = (
            "This page takes no form; go back and load it again."
            if wrong
            else "There is no such page; perhaps its address was cut off on the way."
        )
        signed = await run_in_threadpool(self.auth.current, request)
        response = self.page(
            request,
            "turned.html",
            signed,
            error.status_code,
            heading="There is nothing here",
            text=text,
            ways=(),
        )
        response.headers.update(error.headers or {})
        return response

    async def broken(self, request: Request, _: Exception) -> Response:
        """A fault of ours, told without asking any store; the log has the traceback."""
        text = "Nothing was lost: what is heard is written down all the same. Try again; if it stays, look at the log of the office and at 'inkdot doctor'."
        return self.page(request, "turned.html", None, 500, heading="A fault of ours", text=text, ways=())

    def held(self, request: Request, name: str) -> str:
        """What this browser remembers under a name, or nothing."""
        return cookies.held(request, name, safe=self.auth.is_safe(request))

    def language(self, request: Request) -> Words:
        """As chosen, else as the browser asks."""
        return words(self.held(request, "language"), request.headers.get("accept-language", ""))

    def zone(self, request: Request) -> ZoneInfo:
        """The zone that the browser told in a cookie."""
        told = unquote(self.held(request, "zone"))[:60]
        try:
            return ZoneInfo(told or "UTC")
        except (ValueError, OSError, LookupError):
            return ZoneInfo("UTC")

    def page(self, request: Request, template: str, signed: Signed | None, status: int = 200, **facts: Any) -> Response:
        """A page for people."""
        told, zone = self.language(request), self.zone(request)
        said, theme, safe = self.held(request, "said"), self.held(request, "theme"), self.auth.is_safe(request)
        shown = {
            "t": told, "signed": signed, "path": request.url.path, "query": dict(request.query_params), "said": _unhexed(said),
            "theme": theme if theme in ("light", "dark") else "", "cookies": cookies.SAFE if safe else "",
            "languages": LANGUAGES, "local": lambda time, form="%Y-%m-%d %H:%M": local(time, zone, form), "shared": signed is not None and not signed.user,
        }  # fmt: skip
        text = self._templates.get_template(template).render(shown | facts)
        headers = HEADERS | {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
        response = Response(text, status, headers, "text/html; charset=utf-8")
        if said:
            cookies.drop(response, "said", safe=safe)
        return response

    def static(self, request: Request) -> Response:
        """A script or a style sheet; its address changes when it does."""
        found = self.files.get(request.path_params["name"])
        if found is None:
            return Response("There is no such file.\n", 404, HEADERS)
        content, tag = found
        media = _TYPES[request.path_params["name"].rpartition(".")[2]]
        headers = HEADERS | {"Cache-Control": f"public, max-age={_YEAR}, immutable", "ETag": f'"{tag}"'}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(gzip.compress(content, mtime=0), 200, headers | {"Content-Encoding": "gzip"}, media)
        return Response(content, 200, headers, media)

    def choose(self, request: Request) -> Response:
        """Another theme or language, or other columns of a table for this browser; nothing of anybody's changes."""
        given, safe = request.query_params, self.auth.is_safe(request)
        back = given.get("back", "/")
        response = RedirectResponse(
            back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/", 303, HEADERS
        )
        for name, allowed in (("theme", ("light", "dark", "auto")), ("language", tuple(LANGUAGES))):
            if given.get(name) in allowed:
                cookies.keep(response, name, given[name], seconds=_MONTHS, safe=safe)
        if (table := given.get("table", "")) and _NAME.fullmatch(table):
            keys = [key for key in given.getlist("column") if _NAME.fullmatch(key)]
            cookies.keep(response, f"columns-{table}", "-".join(keys), seconds=_MONTHS, safe=safe)
        return response


def local(time: str, zone: ZoneInfo, form: str) -> str:
    """A time of the API as a clock of `zone` shows it; scripts put it into the reader's own manner."""
    told = dt.datetime.fromisoformat(time).astimezone(zone).strftime(form)
    return f"{told} UTC" if zone.key == "UTC" and "%Y" in form else told


def with_query(query: Mapping[str, str], **changes: Any) -> str:
    """The query of this page with some words changed; empty ones are left out."""
    changed = {name: str(value) for name, value in (dict(query) | changes).items() if value not in (None, "")}
    return f"?{urlencode(changed)}" if changed else "?"


_LISTS = {
    "people": "People", "mails": "Mails", "campaigns": "Campaigns", "documents": "Documents", "sites": "Websites", "triggers": "Rules",
    "audiences": "Audiences", "webhooks": "Webhooks",
}  # fmt: skip


def _ways_on(request: Request) -> tuple[tuple[str, str], ...]:
    """Where to go from a page that cannot be shown, address and text: the same without what was asked of it, the list it is of."""
    path, here, came = (
        request.url.path,
        request.url.path.strip("/").split("/"),
        urlsplit(request.headers.get("referer", "")),
    )
    again: tuple[tuple[str, str], ...] = ()
    if request.method == "GET" and request.url.query:
        again = ((path, "The page as it usually is"),)
    elif request.method == "POST" and came.netloc == request.headers.get("host") and came.path[1:2] != "/":
        again = ((came.path, "Back to the page"),)
    known = _LISTS.get(here[0]) if here[1:] else None
    return (*again, *(((f"/{here[0]}", known),) if known else ()))


def _unhexed(text: str) -> str:
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        return ""


def _shipped() -> dict[str, tuple[bytes, str]]:
    found = {}
    for entry in files("inkdot.show").joinpath("static").iterdir():
        content = entry.read_bytes()
        found[entry.name] = content, hashlib.blake2b(content, digest_size=8).hexdigest()
    return found
