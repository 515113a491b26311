"""The house itself: how it is, who may come in, and with which keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.responses import Response

from inkdot.act.notice import Told
from inkdot.domain.account import Role, Scope
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import KEY, KeyId, WorkspaceId, from_word, to_word
from inkdot.show import qr
from inkdot.show.auth import fresh_user
from inkdot.show.keys import fresh_key
from inkdot.show.pages.desk import Visit
from inkdot.show.pages.sessions import sessions_of
from inkdot.show.pages.table import Column, exported, table
from inkdot.show.passkeys import words_of
from inkdot.store.contract import iso

_AUDIT = (
    Column("number", "Number", "number"), Column("time", "Time", "time"), Column("who", "Who"), Column("what", "What", "deed"),
    Column("person", "About", "person"), Column("detail", "Details"),
)  # fmt: skip
_TOLD: dict[Told, str] = {
    "open": "Opens", "click": "Clicks", "read": "Pages read", "download": "Downloads", "reply": "Replies", "bounce": "Bounces",
    "goal": "Goals",
}  # fmt: skip
_SECOND = 1_000_000
_WORST = ("FAIL", "WARN", "OK")
_MOST_DIGITS, _MOST_NUMBER = 9, 18


def health(visit: Visit) -> Response:
    """What there is, and whether all is well."""
    return _health(visit, None)


def health_check(visit: Visit) -> Response:
    """Check every store."""
    return _health(visit, visit.one("verify"))


def _health(visit: Visit, checked: dict[str, Any] | None) -> Response:
    owner = visit.signed.role is Role.OWNER  # what concerns the machine is its owner's business
    findings = sorted(visit.ask("doctor"), key=lambda f: _WORST.index(f["level"])) if owner else []
    facts = {"stores": visit.one("status"), "kept": visit.one("retention"), "checked": checked, "findings": findings}
    return visit.page("health.html", **facts)


def audit(visit: Visit) -> Response:
    """Who read, exported or changed personal data."""
    shown = table(visit, _AUDIT, visit.ask("audit_log"), "-number")
    return exported(visit, shown, "audit") or visit.page("audit.html", table=shown)


def team(visit: Visit, secret: str = "") -> Response:
    """Who may come in, people and programs; `secret` is a key that was made right now."""
    accounts = visit.desk.auth.accounts
    members = [m._asdict() | {"since": iso(m.since * _SECOND)} for m in accounts.members(visit.signed.workspace)]
    keys = [
        k._asdict()
        | {"id": to_word(KEY, k.id), "scopes": sorted(k.scopes)}
        | {
            name: time and iso(time * _SECOND)
            for name, time in (("made", k.made), ("used", k.used), ("until", k.until))
        }
        for k in accounts.keys(visit.signed.workspace)
    ]
    facts = {"members": members, "keys": keys, "roles": list(Role), "scopes": list(Scope), "secret": secret}
    return visit.page("team.html", **facts)


def team_change(visit: Visit) -> Response:
    """Let somebody or a program in, give another role, show the door."""
    accounts, form, workspace = visit.desk.auth.accounts, visit.form, visit.signed.workspace
    now, note = int(time.time()), partial(visit.desk.auth.note, visit.signed)
    match form.get("do"):
        case "add":
            user = fresh_user(form.get("address", ""), form.get("name", ""), form.get("password", ""), now)
            if accounts.user_of(user.address):
                raise UsageError(f"There is an account for {user.address} already.")
            role = _role(form.get("role", ""))
            accounts.keep_user(user, workspace, role)
            note("account add", account=user.name, role=role)
            return visit.back("/team", visit.words("{person} can sign in now.", person=user.address))
        case "role" | "remove":
            found = next((m for m in accounts.members(workspace) if str(m.id) == form.get("user")), None)
            if found is None:
                raise UsageError("There is nobody like that in this workspace.")
            if found.id == visit.signed.user:
                raise UsageError("Nobody can take away his own role; ask another owner.")
            wanted = _role(form.get("role", "")) if form["do"] == "role" else None
            accounts.keep_member(workspace, found.id, wanted, now)
            note("account role", account=found.name, role=wanted or "none")
            return visit.back("/team", visit.words("Changed; {person} must sign in again.", person=found.address))
        case "key":
            scopes = [scope for scope in Scope if form.get(f"may_{scope}")]
            if not scopes:
                raise UsageError("Say what the key may do: tick at least one of its rights.")
            key, secret = fresh_key(
                accounts, workspace, form.get("name", ""), scopes, _days(form.get("days", "").strip())
            )
            note("key add", key=key.name, may=sorted(key.scopes))
            return team(visit, secret)
        case "revoke":
            if not accounts.forget_key(workspace, KeyId(from_word(KEY, form.get("key", "")))):
                raise NotFound("There is no such key in this workspace; it may have been taken away before.")
            note("key rm", key=form["key"])
            return visit.back("/team", visit.words("The key opens nothing any more."))
    raise UsageError("Say what is to be done: add, role, remove, key or revoke.")


def _days(word: str) -> int | None:
    if word and not (word.isdecimal() and word.isascii() and len(word) <= _MOST_DIGITS):
        raise UsageError(
            f"{word!r} is no number of days; write a whole number, or nothing for a key that does not end."
        )
    return int(word) if word else None


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise UsageError(f"{word!r} is no role; the roles are {', '.join(Role)}.") from None


def _workspace(word: str) -> WorkspaceId:
    if not (word.isdecimal() and word.isascii() and len(word) <= _MOST_NUMBER):
        raise UsageError(f"{word!r} is no number of a workspace; choose one of the list.")
    return WorkspaceId(int(word))


def me(visit: Visit) -> Response:
    """One's own account."""
    return _me(visit)


def _me(
    visit: Visit,
    *,
    offered: tuple[str, str] | None = None,
    own: str = "",
    recovery: Sequence[str] = (),
    secret: str = "",
) -> Response:
    accounts = visit.desk.auth.accounts
    wish = visit.one("notice_show", user=int(visit.signed.user))
    facts = {
        "user": accounts.user(visit.signed.user),
        "places": accounts.workspaces_of(visit.signed.user),
        "sessions": sessions_of(visit),
        "passkeys": words_of(accounts.passkeys(visit.signed.user)),
        "wish": wish,
        "zone": visit.zone.key,
        "qr": qr.drawn(offered[1]) if offered and len(offered[1].encode()) <= qr.MOST_BYTES else None,
        "kinds": _TOLD,
    }
    return visit.page("me.html", offered=offered, own=own, recovery=recovery, secret=secret, **facts)


def _notices(visit: Visit) -> Response:
    """How one wants to be told."""
    form = visit.form
    wish = {
        "kinds": [kind for kind in _TOLD if form.get(f"kind_{kind}")], "sure": "sure" in form, "first_only": "first_only" in form,
        **{name: form.get(name, "").strip() or None for name in ("ntfy", "webhook", "digest", "quiet")},
        "zone": form.get("zone", "").strip() or "UTC", "language": visit.words.language,
    }  # fmt: skip
    for name in ("ntfy", "webhook"):
        if wish[name] and not str(wish[name]).startswith(("http://", "https://")):
            raise UsageError(f"{wish[name]!r} is no web address; write it like https://example.com/here.")
    before = visit.one("notice_show", user=int(visit.signed.user))
    try:
        kept = visit.one("notice_set", user=int(visit.signed.user), wish=wish | {"token": before["token"]})
    except msgspec.ValidationError as error:
        raise UsageError(f"That cannot be kept: {error}.") from error
    if kept["secret"] not in (None, "set"):
        return _me(visit, secret=kept["secret"])
    return visit.back("/me", visit.words("You will be told so from now on."))


def me_change(visit: Visit) -> Response:
    """Another password, a second factor, another way to be told, another workspace."""
    auth, form, request = visit.desk.auth, visit.form, visit.request
    match form.get("do"):
        case "password":
            secret = auth.change_password(
                request, visit.signed, form.get("old", ""), form.get("new", ""), keep_passkeys="passkeys" not in form
            )
            response = visit.back("/me", visit.words("The password is changed; other browsers must sign in again."))
        case "offer":
            return _me(visit, offered=auth.offer_totp(visit.signed))
        case "notices":
            return _notices(visit)
        case "move":
            secret = auth.move(request, visit.signed, _workspace(form.get("workspace", "")))
            response = visit.back("/")
        case "own":
            return _me(visit, own=visit.one("own_browser")["url"])
        case "prove":
            secret, recovery = auth.prove_totp(request, visit.signed, form.get("code", ""))
            signed = auth.signed(secret) or visit.signed  # forms of this page belong to the new session
            response = _me(visit._replace(signed=signed), recovery=recovery)
        case "end":
            secret = auth.end_totp(request, visit.signed, form.get("password", ""))
            response = visit.back("/me", visit.words("No code is asked for any more."))
        case _:
            raise UsageError("Say what is to be done: password, offer, prove, end, notices, move or own.")
    auth.welcome(request, response, secret)
    return response
