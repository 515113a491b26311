"""The reader: answers everything about shared documents. Each address is checked anew: links end, readers withdraw."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.document import Document, Gate, Share
from inkdot.domain.errors import Failure, JournalStopped, UsageError
from inkdot.domain.ids import ContactId, ShareId, VisitId
from inkdot.domain.own_browser import cookie_name, cookie_value, workspace_of
from inkdot.domain.reading import BEAT_TARGET, COMPLETED, Scribble
from inkdot.domain.token import Keyring, Token, TokenKind, kind_of
from inkdot.journal.record import NOBODY, encode_with_body
from inkdot.journal.writer import DiskFull
from inkdot.room.beats import MOST_BYTES, MOST_HOURS, Desk, read_beat, runs
from inkdot.room.face import Face, Turned, set_cookie
from inkdot.room.gate import Keeper
from inkdot.room.pages import WIDTHS, Pages
from inkdot.room.recorder import Recorder
from inkdot.room.seals import Seals, Session
from inkdot.room.uploads import Uploads
from inkdot.store.documents import Documents

_DAY = 86_400_000_000
_MOST_HEADER_BYTES = 8_192
_KEPT = {"user-agent", "accept-language", "via", "dnt"}
"""Header lines that are the same for all beats of a browser, with its client hints."""
VISIT, OWN, AGREED = "inkdot_visit", "inkdot_own", "inkdot_agreed"
"""Cookies: the reading that goes on; the browser is the sender's own; the reader agreed to be measured."""
GONE = Turned(404, "There is nothing here", "Check that the link is complete, or ask whoever sent it for a new one.")
ENDED = Turned(
    410, "This link has ended", "The sender has withdrawn it, or its time is over. Ask for a new one if you need it."
)


class Manner(NamedTuple):
    """How readers are received."""

    sender: str
    """Who shares: a name for the notice; empty: the sender."""
    ask_first: bool
    """Measure only who agreed, instead of who did not decline."""
    idle_seconds: int
    colleagues: tuple[str, ...]
    """Addresses and domains whose reading is not counted."""


class Asked(NamedTuple):
    """A request for a document that exists and may be read."""

    raw: bytes
    token: Token
    share: Share
    document: Document


class Reader:
    """The reading of shared documents."""

    def __init__(
        self,
        keyring: Keyring,
        documents: Documents,
        uploads: Uploads,
        pages: Pages,
        recorder: Recorder,
        face: Face,
        keeper: Keeper,
        manner: Manner,
        denied: Callable[[bytes], bool],
        widest: Callable[[bytes], int],
        now: Callable[[], int],
    ) -> None:
        """`denied` tells whose raw token may not be kept any more, `widest` how much may be; `now` gives microseconds since 1970."""
        self._keyring, self._documents, self._uploads, self._pages = keyring, documents, uploads, pages
        self._recorder, self._face, self._keeper, self._manner = recorder, face, keeper, manner
        self._denied, self._widest, self._now = denied, widest, now
        self._seals, self._desk = Seals(keyring), Desk()

    # -- pages for people

    def page(self, request: Request) -> Response:
        """The document, or the gate before it."""
        asked = self._asked(request)
        cookies = request.cookies
        standing = self._keeper.standing(asked.share, cookies)
        if standing.needs:
            return self._face.page(
                "gate.html", standing=standing, sender=self._manner.sender, token=request.path_params["token"]
            )
        document, session = asked.document, self._session(asked, cookies)
        if (ahead := self._pages.ahead(document.upload, document.media, document.name)) is not None:
            return self._face.page("preparing.html", 202, document=document, private=asked.share.private, ahead=ahead)
        facts = self._pages.facts(document.upload, document.media, document.name)
        response = self._face.page(
            "reader.html",
            token=request.path_params["token"], document=document, sizes=[_shape(s) for s in facts.sizes], widths=WIDTHS, share=asked.share,
            sender=self._manner.sender, notice=self._notice(request, asked, session), idle=self._manner.idle_seconds,
            session=self._seals.seal("session", session), private=asked.share.private, privacy=self._privacy(asked),
        )  # fmt: skip
        set_cookie(
            response, self._face, VISIT, self._seals.seal("session", session), f"/{request.path_params['token']}"
        )
        return response

    def _privacy(self, asked: Asked) -> str:
        """The path of this reader's privacy page."""
        token = asked.token
        who = token.contact, token.address
        own = Token(TokenKind.PRIVACY, token.mode, token.workspace, 0, token.marked, asked.document.id, *who, b"")
        return f"{self._face.root.removesuffix('/d')}/p/{self._keyring.sign(own)}"

    async def enter(self, request: Request) -> Response:
        """Something is shown at the gate."""
        said = await _form(request)
        return await run_in_threadpool(self._enter, request, said)

    def _enter(self, request: Request, said: Mapping[str, str]) -> Response:
        asked, path = self._asked(request), f"/{request.path_params['token']}"
        try:
            standing = self._keeper.show(asked.share, request.cookies, said, request.headers.get("x-inkdot-client", ""))
        except Failure as failure:
            raise Turned(503, "No mail can be sent", str(failure)) from failure
        if standing.trouble:
            return self._face.page(
                "gate.html", 403, standing=standing, sender=self._manner.sender, token=request.path_params["token"]
            )
        response: Response = RedirectResponse(f"../{request.path_params['token']}", 303)
        for name, value in standing.cookies.items():
            # Who reads is remembered for every document, what was shown for this one alone.
            set_cookie(response, self._face, name, value, "" if name == "inkdot_reader" else path, days=180)
        return response

    async def wish(self, request: Request) -> Response:
        """The reader agrees to be measured, or declines."""
        said = await _form(request)
        return await run_in_threadpool(self._wish, request, said)

    def _wish(self, request: Request, said: Mapping[str, str]) -> Response:
        asked, path = self._asked(request), f"/{request.path_params['token']}"
        response: Response = RedirectResponse(f"../{request.path_params['token']}", 303)
        if said.get("measure") == "yes":
            set_cookie(response, self._face, AGREED, self._seals.seal("agreed", asked.share.id), path, days=180)
        else:
            self._documents.leave_unmeasured(asked.share.id, self._now() // 1_000_000)
        return response

    def own(self, request: Request) -> Response:
        """Marks a browser as the sender's own; the link to it lasts an hour."""
        workspace = workspace_of(self._keyring, request.path_params["note"], self._now() // 1_000_000)
        if workspace is None:
            raise ENDED
        text = "What you open, click and read in it is known as your own and not counted."
        response = self._face.page("turned.html", heading="This browser is yours", text=text)
        set_cookie(response, self._face, OWN, self._seals.seal("mine", True), "", days=400)
        # The street's cookie goes along with pictures in webmail too, where the browser lets it: SameSite=None needs https.
        response.set_cookie(
            cookie_name(workspace), cookie_value(self._keyring, workspace), max_age=400 * 86_400, path="/", httponly=True,
            secure=self._face.secure, samesite="none" if self._face.secure else "lax",
        )  # fmt: skip
        return response

    # -- what the page fetches

    def image(self, request: Request) -> Response:
        """A page as a picture."""
        asked, session, document = self._reading(request)
        width = request.query_params.get("w", "")
        number, mark = _page(request, document), None
        if asked.share.watermark:
            mark = session.viewer or asked.token.address or document.name
        path = self._pages.image(
            document.upload, document.media, number, int(width) if width.isdecimal() and len(width) < 6 else 800, mark
        )
        return self._face.cached(path.read_bytes(), "image/webp")

    def lines(self, request: Request) -> Response:
        """A page's text with its places."""
        _, _, document = self._reading(request)
        content = self._pages.lines(document.upload, document.media, _page(request, document))
        return self._face.cached(content, "application/json")

    def search(self, request: Request) -> Response:
        """Where words stand."""
        _, _, document = self._reading(request)
        words = request.query_params.get("q", "")[:200]
        found = self._pages.search(document.upload, document.media, words)
        return self._face.cached(json.dumps({"found": found}, ensure_ascii=False).encode(), "application/json")

    async def file(self, request: Request) -> Response:
        """The file itself, if the sender lets it go."""
        asked, session, document = await run_in_threadpool(self._reading, request)
        if not asked.share.download:
            raise Turned(403, "This document stays here", "The sender shares it for reading only.")
        if request.method == "GET" and self._desk.begins_download(session.visit, request.headers, self._now() / 1e6):
            await self._write(request, asked, session, [self._scribble(session, document, "download")])
        return FileResponse(
            self._uploads.path(document.upload), media_type=document.media, filename=document.name,
            headers={"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"},
        )  # fmt: skip

    # -- measuring

    async def beat(self, request: Request) -> Response:
        """What the page measured; 204 once it is on disk."""
        asked = await run_in_threadpool(self._asked, request)
        body = await request.body()
        if len(body) > MOST_BYTES:
            return self._face.problem(413, "A beat has at most 16 kB.")
        try:
            beat = read_beat(body)
        except UsageError as error:
            return self._face.problem(400, str(error))
        session = self._seals.session(beat.session)
        if session is None or session.share != asked.share.id:
            return self._face.problem(403, "This session is not from here.")
        now = self._now()
        if now - session.started > MOST_HOURS * 3_600_000_000 or self._mode(request, asked) is None:
            return self._face.json({"stop": True})
        if not self._desk.may_beat(session.visit, now / 1_000_000):
            return self._face.problem(429, "This page beats too fast.")
        document = self._version(asked, session)
        counters = tuple(c for c in beat.pages if c.page <= document.pages)
        first, more = self._desk.news(session.visit, counters, now / 1_000_000)
        if more:
            told = self._scribble(session, document, "read")._replace(moved=beat.moved)
            scribbles = [told._replace(do="view")] if first else []
            scribbles += [told._replace(**c._asdict()) for c in more]
            reader = asked.share.id, document.version, session.viewer
            earlier = self._desk.completed(reader, session.visit, more, document.pages, now / 1_000_000)
            if earlier is not None:
                scribbles.append(told._replace(do=COMPLETED, of=document.pages, earlier=runs(earlier)))
            await self._write(request, asked, session, scribbles)
            self._desk.written(reader, session.visit, more, now / 1_000_000)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    def _scribble(self, session: Session, document: Document, do: str) -> Scribble:
        gate = None if session.viewer is None else "proved" if session.proved else "claimed"
        return Scribble(do, document.id, session.visit, session.started, document.version, session.own, gate)

    async def _write(self, request: Request, asked: Asked, session: Session, scribbles: list[Scribble]) -> None:
        """Write down what may be kept, and return when it is on disk."""
        mode, now = self._mode(request, asked), self._now()
        if mode is None:
            return
        address = _client(request)
        headers = self._desk.headers(session.visit, _header_lines(request), now / 1_000_000)
        token = self._token(asked, session, mode)
        if mode is not Mode.INDIVIDUAL:
            address, headers = NOBODY, b""
        if mode is Mode.HYGIENE:
            now -= now % _DAY
            scribbles = [_of_the_day(s, asked.share.id, now) for s in scribbles if s.do == "view"]
        records = [encode_with_body(b"POST", now, address, token, headers, BEAT_TARGET, s.to_json()) for s in scribbles]
        try:
            await self._recorder.keep(b"".join(records))
        except (DiskFull, JournalStopped) as error:
            raise Turned(503, "Nothing can be written down now", "Try again in a moment.") from error

    def _mode(self, request: Request, asked: Asked) -> Mode | None:
        """How much may be kept of this reader; None for nothing."""
        agreed = self._seals.open("agreed", request.cookies.get(AGREED, "")) == asked.share.id
        if self._unmeasured(request, asked) or (self._manner.ask_first and not agreed):
            return None
        return _mode_for(request, asked)

    def _unmeasured(self, request: Request, asked: Asked) -> bool:
        """Nothing may be kept, whatever the reader agrees to. A document that one person alone may read names who reads it."""
        if asked.token.mode is Mode.OFF or asked.share.unmeasured is not None or self._denied(asked.raw):
            return True
        nobodys = _mode_for(request, asked) is Mode.AGGREGATE
        return nobodys and self._documents.has_one_reader(asked.share.document, self._now() // 1_000_000)

    def _token(self, asked: Asked, session: Session, mode: Mode) -> bytes:
        """The mark under which it is written down: the share's, in the name of who reads; or the document's alone."""
        token = asked.token
        if mode <= Mode.AGGREGATE:
            nobody, document = ContactId(0), asked.share.document
            return self._keyring.seal(Token(TokenKind.PAGE, mode, token.workspace, 0, 0, document, nobody, None, b""))
        if session.viewer is None or session.viewer == token.address:
            return self._keyring.seal(token)
        contact = self._keyring.contact_id(token.workspace, session.viewer)
        return self._keyring.seal(token._replace(contact=contact, address=session.viewer))

    # -- what a request is about

    def _asked(self, request: Request) -> Asked:
        raw = self._keyring.check(request.path_params["token"].encode("latin-1", "replace"))
        if raw is None or kind_of(raw) != TokenKind.SHARE:
            raise GONE
        token = self._keyring.read(raw)._replace(mode=Mode(self._widest(raw)))
        share = self._documents.share(ShareId(token.object))
        document = self._documents.document(share.document) if share else None
        if share is None or document is None:
            raise GONE
        if share.ended(self._now() / 1_000_000):
            raise ENDED
        return Asked(raw, token, share, document)

    def _reading(self, request: Request) -> tuple[Asked, Session, Document]:
        """A request from a page that is being read: its session lets it in, without a second look at the gate."""
        asked = self._asked(request)
        session = self._seals.session(request.cookies.get(VISIT) or request.query_params.get("s", ""))
        if session is None or session.share != asked.share.id:
            raise Turned(403, "Open the document first", "This address works from within the document only.")
        return asked, session, self._version(asked, session)

    def _version(self, asked: Asked, session: Session) -> Document:
        if session.version == asked.document.version:
            return asked.document
        return self._documents.document(asked.document.id, session.version) or asked.document

    def _session(self, asked: Asked, cookies: Mapping[str, str]) -> Session:
        viewer = self._keeper.viewer(cookies) if asked.share.gate is not Gate.OPEN else None
        address = viewer.address if viewer else None
        own = self._seals.open("mine", cookies.get(OWN, "")) is True or self._is_colleague(address)
        visit = VisitId(int.from_bytes(os.urandom(8), "big") >> 1)
        return Session(
            asked.share.id, visit, self._now(), asked.document.version, address, bool(viewer and viewer.proved), own
        )

    def _is_colleague(self, address: Address | None) -> bool:
        if address is None:
            return False
        return any(address == c or address.endswith("@" + c.removeprefix("@")) for c in self._manner.colleagues)

    def _notice(self, request: Request, asked: Asked, session: Session) -> str:
        """Which notice stands above the document."""
        if self._unmeasured(request, asked):
            return "unmeasured"
        if session.own:
            return "own"
        if self._manner.ask_first and self._mode(request, asked) is None:
            return "ask"
        return "measured" if self._mode(request, asked) is Mode.INDIVIDUAL else "counted"


def _mode_for(request: Request, asked: Asked) -> Mode:
    """What the link allows, or less if the browser asks for privacy."""
    return min(asked.token.mode, Mode.AGGREGATE) if _signals_privacy(request) else asked.token.mode


def _of_the_day(scribble: Scribble, share: ShareId, day: int) -> Scribble:
    """One visit a day, and nothing that tells of its hour."""
    digest = hashlib.blake2b(f"{share} {day}".encode(), digest_size=8, person=b"inkdot-day").digest()
    return scribble._replace(visit=int.from_bytes(digest, "big") >> 1, started=day)


def _page(request: Request, document: Document) -> int:
    number = int(request.path_params["page"])
    if not 1 <= number <= document.pages:
        raise GONE
    return number


def _shape(size: tuple[float, float]) -> tuple[int, int]:
    width, height = size
    return 1_000, max(1, min(20_000, round(1_000 * height / width)))


def _signals_privacy(request: Request) -> bool:
    return request.headers.get("sec-gpc") == "1" or request.headers.get("dnt") == "1"


def _client(request: Request) -> bytes:
    try:
        address = bytes.fromhex(request.headers.get("x-inkdot-client", ""))
    except ValueError:
        return NOBODY
    return address if len(address) == 16 else NOBODY


def _header_lines(request: Request) -> bytes:
    """The header lines that may be written down, as they came."""
    lines = b""
    for name, value in request.headers.raw:
        if name.decode("latin-1") in _KEPT or name.startswith(b"sec-ch-"):
            line = name + b": " + value + b"\r\n"
            if len(lines) + len(line) <= _MOST_HEADER_BYTES:
                lines += line
    return lines


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    if len(body) > MOST_BYTES or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Turned(400, "That did not work", "Open the link again and try once more.")
    fields: Mapping[str, list[Any]] = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    return {name: str(values[0])[:500] for name, values in fields.items()}
