"""Signing in and out, for programs in browsers; pages use `show/auth.py` themselves."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inkdot.domain.account import SCOPES_OF
from inkdot.domain.errors import SignInFirst
from inkdot.domain.ids import WORKSPACE, to_word
from inkdot.show.api.call import Call
from inkdot.show.api.door import JSON, Door, read_json
from inkdot.show.auth import Signed


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody signs in with."""

    address: str
    password: str
    code: str = ""


def me(call: Call) -> dict[str, Any]:
    """Who asks, where, and what is allowed."""
    p = call.principal
    return {"workspace": to_word(WORKSPACE, p.workspace), "by": p.by, "scopes": sorted(p.scopes)}


class Sessions:
    """Addresses that set and clear the cookie."""

    def __init__(self, door: Door) -> None:
        self._door, self._auth = door, door.auth

    async def answer(self, request: Request) -> Response:
        """GET tells who is signed in, POST signs in, DELETE signs out."""
        if request.method == "POST":
            return await self._sign_in(request)
        secret = self._auth.secret_of(request)
        signed = await run_in_threadpool(self._auth.signed, secret) if secret else None
        if signed is None:
            raise SignInFirst("Nobody is signed in.")
        if request.method == "DELETE":
            self._auth.check_source(request)
            self._auth.check_token(signed, request.headers.get("x-csrf-token", ""))
            response = Response(status_code=204)
            await run_in_threadpool(self._auth.logout, request, response)
            return response
        return Response(msgspec.json.encode(_session(signed)), media_type=JSON)

    async def _sign_in(self, request: Request) -> Response:
        given = await read_json(request, SignIn)
        secret = await run_in_threadpool(self._auth.login, request, given.address, given.password, given.code)
        signed = await run_in_threadpool(self._auth.signed, secret)
        if signed is None:
            raise SignInFirst("The session ended at once; sign in again.")
        response = Response(msgspec.json.encode(_session(signed)), 201, media_type=JSON)
        self._auth.welcome(request, response, secret)
        return response


def _session(signed: Signed) -> dict[str, Any]:
    return {
        "address": signed.address, "name": signed.name, "role": signed.role,
        "workspace": to_word(WORKSPACE, signed.workspace), "workspace_name": signed.workspace_name,
        "scopes": sorted(SCOPES_OF[signed.role]), "csrf": signed.csrf,
    }  # fmt: skip
