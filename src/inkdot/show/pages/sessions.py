"""Where one is signed in: each browser by its name, and the way to end what one does not know or need any more."""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import Response

from inkdot.domain.errors import NotFound
from inkdot.show.auth import IDLE, LONGEST, digest
from inkdot.show.pages.desk import Visit
from inkdot.store.contract import iso
from inkdot.understand.agent import name

_SECOND = 1_000_000


def sessions_of(visit: Visit) -> list[dict[str, Any]]:
    """Every browser in which the reader is signed in, the one before him first."""
    auth, now = visit.desk.auth, int(time.time())
    here = digest(auth.secret_of(visit.request) or "")
    found = auth.accounts.sessions_of(visit.signed.user, now - LONGEST, now - IDLE)
    told = [
        {
            "id": one.digest.hex(), "here": one.digest == here, "workspace": one.workspace_name,
            "client": (agent := name(one.agent, {})).client.value, "os": agent.os.value,
            "made": iso(one.made * _SECOND), "seen": iso(one.seen * _SECOND),
        }
        for one in found
    ]  # fmt: skip
    return sorted(told, key=lambda one: not one["here"])


def session_change(visit: Visit) -> Response:
    """End one of them, or all but this one."""
    auth, form = visit.desk.auth, visit.form
    if form.get("do") == "others":
        auth.accounts.forget_other_sessions(visit.signed.user, digest(auth.secret_of(visit.request) or ""))
        auth.note(visit.signed, "sessions ended")
        return visit.back("/me#sessions", visit.words("Other browsers must sign in again."))
    if not auth.accounts.forget_session_of(visit.signed.user, _digest_of(form.get("id", ""))):
        raise NotFound("There is no such session any more; it ended by itself, or was ended before.")
    auth.note(visit.signed, "session ended")
    return visit.back("/me#sessions", visit.words("That browser must sign in again."))


def _digest_of(word: str) -> bytes:
    try:
        return bytes.fromhex(word)
    except ValueError:
        return b""
