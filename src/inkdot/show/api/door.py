"""What each request to the API passes: who asks, how often, what is asked, whether it was answered before."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from traceback import extract_tb
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inkdot.domain.account import SCOPES_OF, Scope
from inkdot.domain.errors import InkdotError, NotAllowed, SignInFirst
from inkdot.show.api.call import Ask, Call, Endpoint, Principal
from inkdot.show.api.problems import Place, Problem, problem_of, told
from inkdot.show.auth import Auth, digest
from inkdot.show.tries import Left, Tries, network_of
from inkdot.talk import Talk

_say = Talk("office")
JSON = "application/json"
_SAFE = frozenset({"GET", "HEAD"})
_REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_MOST_KEY = 255
_USED_EVERY = 60
_AT_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_POLICY = "default"
T = TypeVar("T")
Answering = Callable[[Request], Awaitable[Response]]


class Door:
    """Lets requests in. One for the whole API."""

    def __init__(
        self, auth: Auth, asks: Mapping[str, Ask], per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`per_minute`: requests of one key or user, 0 for no limit."""
        self.auth, self.asks, self._clock = auth, asks, clock
        self._pace = Tries(per_minute, 60, clock) if per_minute else None
        self._strangers = Tries(60, 60, clock)

    def endpoint(self, endpoint: Endpoint) -> Answering:
        """The address, ready to be asked."""

        async def answer(request: Request) -> Response:
            return await self._answered(request, lambda: self._handled(endpoint, request))

        return answer

    def opened(self, answering: Callable[[Request, Principal], Awaitable[Response]], scope: Scope | None) -> Answering:
        """An address that makes its own answer, like a stream."""

        async def answer(request: Request) -> Response:
            async def made() -> Response:
                principal = await self._let_in(request, *([scope] if scope else []))
                self._paced(request, principal)
                return await answering(request, principal)

            return await self._answered(request, made)

        return answer

    def free(self, answering: Answering) -> Answering:
        """An address that needs nobody to be signed in; its errors are told as everywhere."""

        async def answer(request: Request) -> Response:
            return await self._answered(request, lambda: answering(request))

        return answer

    async def _answered(self, request: Request, made: Callable[[], Awaitable[Response]]) -> Response:
        request_id = id_of(request)
        try:
            response = await made()
        except InkdotError as error:
            response = told(problem_of(error), request_id, self.auth.origin(request))
        except Problem as problem:
            response = told(problem, request_id, self.auth.origin(request))
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the log has what happened, the asker a problem
            log_fault(request_id, error)
            fault = Problem("fault", "Something went wrong that should not have.")
            response = told(fault, request_id, self.auth.origin(request))
        if not isinstance(response, Response):  # a feed, which has its own headers
            return response
        response.headers["X-Request-Id"] = request_id
        response.headers.setdefault("Cache-Control", "no-store, private")
        response.headers["X-Content-Type-Options"] = "nosniff"
        for name, value in getattr(request.state, "pace", {}).items():
            response.headers[name] = value
        return response

    # -- who asks

    async def _let_in(self, request: Request, *scopes: Scope) -> Principal:
        """Any of the scopes is enough; without one, to be known is."""
        principal = await run_in_threadpool(self._who, request)
        if scopes and principal.scopes.isdisjoint(scopes):
            raise NotAllowed(
                f"This needs the scope {' or '.join(scopes)}; yours: {', '.join(sorted(principal.scopes)) or 'none'}."
            )
        return principal

    def _who(self, request: Request) -> Principal:
        """A key comes before a cookie."""
        given = request.headers.get("authorization")
        if given is not None:
            return self._by_key(request, given)
        secret = self.auth.secret_of(request)
        signed = self.auth.current(request)
        if signed is None or secret is None:
            raise SignInFirst("Send a key as 'Authorization: Bearer ...', or sign in; 'inkdot key add' makes a key.")
        self.auth.check_source(request)
        if request.method not in _SAFE:
            self.auth.check_token(signed, request.headers.get("x-csrf-token", ""))
        place, role, held = signed.workspace, signed.role, secret

        def still() -> bool:
            now = self.auth.signed(held)
            return now is not None and (now.workspace, now.role) == (place, role)

        return Principal(place, signed.address, SCOPES_OF[role], -int(signed.user), still)

    def _by_key(self, request: Request, given: str) -> Principal:
        network = network_of(request.client.host if request.client else None)
        left = self._strangers.left(network)
        if not left.allowed:
            raise Problem("too-often", "Too many wrong keys.", headers={"Retry-After": str(left.reset)})
        scheme, _, secret = given.partition(" ")
        accounts, now = self.auth.accounts, int(time.time())
        kept = digest(secret.strip())
        key = accounts.key_of(kept, now) if scheme.lower() == "bearer" else None
        if key is None:
            self._strangers.take(network)
            raise SignInFirst("This key opens nothing; 'inkdot key list' shows those that do.")
        if (key.used or 0) < now - _USED_EVERY:
            accounts.use_key(key.id, now)

        def still() -> bool:
            return accounts.key_of(kept, int(time.time())) is not None

        return Principal(key.workspace, f"key {key.shown} ({key.name})", key.scopes, int(key.id), still)

    def _paced(self, request: Request, principal: Principal) -> None:
        if self._pace is None:
            return
        left: Left = self._pace.take(str(principal.asker))
        request.state.pace = {
            "RateLimit-Policy": f'"{_POLICY}";q={self._pace.most};w={int(self._pace.seconds)}',
            "RateLimit": f'"{_POLICY}";r={left.remaining};t={left.reset}',
        }
        if not left.allowed:
            raise Problem(
                "too-often",
                f"More than {self._pace.most} requests in a minute.",
                headers={"Retry-After": str(left.reset)},
            )

    # -- what is asked

    async def _handled(self, endpoint: Endpoint, request: Request) -> Response:
        principal = await self._let_in(request, *endpoint.scopes)
        self._paced(request, principal)
        query = _query(endpoint, request)
        raw = await _body(endpoint, request)
        body = _decoded(endpoint, raw)
        call = Call(principal, request.path_params, query, body, self.asks)
        key = request.headers.get("idempotency-key")
        if key is None or request.method in _SAFE:
            return await run_in_threadpool(_reply, endpoint, call, request)
        if not 1 <= len(key) <= _MOST_KEY or not key.isprintable():
            raise Problem("unfit", f"An Idempotency-Key has 1 to {_MOST_KEY} printable signs.")
        return await run_in_threadpool(self._once, endpoint, call, request, key, raw)

    def _once(self, endpoint: Endpoint, call: Call, request: Request, key: str, raw: bytes) -> Response:
        """Do it, or tell again what was answered to the same request."""
        accounts, who = self.auth.accounts, (call.principal.asker, call.principal.workspace, key)
        asked = hashlib.blake2b(f"{request.method} {request.url.path}?{request.url.query}\n".encode() + raw).digest()
        if not accounts.begin_answer(*who, asked, int(time.time())):
            kept = accounts.answer(*who)
            if kept is not None and kept.request != asked:
                raise Problem("unfit", "This Idempotency-Key was used for another request; take a new one.")
            if kept is None or kept.status is None or kept.body is None:
                raise Problem("in-progress", "The same request is being done.", headers={"Retry-After": "1"})
            body = zlib.decompress(kept.body)
            return Response(body, kept.status, {"Idempotent-Replayed": "true"}, kept.kind if body else None)
        try:
            response = _reply(endpoint, call, request)
        except BaseException:
            accounts.keep_answer(*who, 0, "", None)  # refusals change nothing, so asking again is free to do better
            raise
        accounts.keep_answer(
            *who, response.status_code, response.media_type or "", zlib.compress(bytes(response.body), 1)
        )
        return response


def _reply(endpoint: Endpoint, call: Call, request: Request) -> Response:
    found = endpoint.handler(call)
    if isinstance(found, Response):
        return found
    if endpoint.answer is None:
        return Response(status_code=204)
    body = msgspec.json.encode(found)
    headers = {}
    if request.method in _SAFE:
        tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache, private"}
        if tag in [t.strip() for t in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
    if isinstance(found, msgspec.Struct) and (cursor := getattr(found, "next_cursor", None)):
        url = request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Response(body, endpoint.status, headers, JSON)


def _query(endpoint: Endpoint, request: Request) -> Any:
    given = request.query_params.multi_items()
    wanted = endpoint.query
    if wanted is None:
        if given:
            raise Problem("unfit", "This address takes no parameters.", [Place(given[0][0], "is not known here")])
        return None
    fields = {f.encode_name: f for f in msgspec.structs.fields(wanted)}
    found: dict[str, Any] = {}
    for name, value in given:
        if name not in fields:
            raise Problem("unfit", f"There is no parameter {name}.", [Place(name, "is not known here")])
        if name in found:
            raise Problem("unfit", f"{name} is given twice.", [Place(name, "is given twice")])
        found[name] = value
    try:
        return msgspec.convert(found, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _unfit(error) from None


async def _body(endpoint: Endpoint, request: Request) -> bytes:
    if endpoint.body is None:
        return await _whole(request, 65_536)
    if endpoint.body is not bytes:
        _check_kind(request)
    return await _whole(request, endpoint.most)


async def _whole(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem("too-large", f"The body has more than {most:,} bytes.")
    return bytes(body)


def _check_kind(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Problem("media", f"Send the body as {JSON}.")


async def read_json(request: Request, kind: type[T], most: int = 65_536) -> T:
    """A body of JSON as a type. Raises Problem."""
    _check_kind(request)
    return _of_json(await _whole(request, most), kind)


def _decoded(endpoint: Endpoint, raw: bytes) -> Any:
    if endpoint.body is None or endpoint.body is bytes:
        return raw
    return _of_json(raw, endpoint.body)


def _of_json(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("malformed", f"The body is no JSON that can be read: {error}.") from None


def _unfit(error: msgspec.ValidationError) -> Problem:
    text = str(error)
    place = _AT_PLACE.search(text)
    message = _AT_PLACE.sub("", text)
    return Problem(
        "unfit",
        f"{message}{f' ({place[1]})' if place and place[1] else ''}.",
        [Place(place[1] if place else "", message)],
    )


def id_of(request: Request) -> str:
    """What a request is called in its answer and in the log: as the asker calls it, if that can be said."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"


def log_fault(request_id: str, error: Exception) -> None:
    """What went wrong, for whoever looks after the office."""
    _say("request_failed", request_id=request_id, error=type(error).__name__, where=_where(error))


def _where(error: Exception) -> list[str]:
    """Files and lines; not the error's text, which may hold what a stranger sent."""
    return [
        f"{frame.name} {frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in extract_tb(error.__traceback__)[-6:]
    ]
