"""The house itself: how it is, who may come in, and with which keys."""

from __future__ import annotations

import time

from starlette.responses import Response

from inkdot.domain.account import Role, Scope
from inkdot.domain.errors import UsageError
from inkdot.show.auth import fresh_user
from inkdot.show.pages.desk import Visit
from inkdot.store.contract import iso

_SECOND = 1_000_000


def health(visit: Visit) -> Response:
    """What there is, and whether all is well."""
    return visit.page("health.html", stores=visit.one("status"), kept=visit.one("retention"), checked=None)


def health_check(visit: Visit) -> Response:
    """Check every store."""
    facts = {"stores": visit.one("status"), "kept": visit.one("retention"), "checked": visit.one("verify")}
    return visit.page("health.html", **facts)


def team(visit: Visit) -> Response:
    """Who may come in."""
    accounts = visit.desk.auth.accounts
    members = [m._asdict() | {"since": iso(m.since * _SECOND)} for m in accounts.members(visit.signed.workspace)]
    keys = [
        k._asdict()
        | {"made": iso(k.made * _SECOND), "used": k.used and iso(k.used * _SECOND), "scopes": sorted(k.scopes)}
        for k in accounts.keys(visit.signed.workspace)
    ]
    return visit.page("team.html", members=members, keys=keys, roles=list(Role), scopes=list(Scope))


def team_change(visit: Visit) -> Response:
    """Let somebody in, give another role, show the door."""
    accounts, form, workspace = visit.desk.auth.accounts, visit.form, visit.signed.workspace
    now = int(time.time())
    match form.get("do"):
        case "add":
            user = fresh_user(form.get("address", ""), form.get("name", ""), form.get("password", ""), now)
            if accounts.user_of(user.address):
                raise UsageError(f"There is an account for {user.address} already.")
            accounts.keep_user(user, workspace, _role(form.get("role", "")))
            return visit.back("/team", visit.words("{person} can sign in now.", person=user.address))
        case "role" | "remove":
            found = next((m for m in accounts.members(workspace) if str(m.id) == form.get("user")), None)
            if found is None:
                raise UsageError("There is nobody like that in this workspace.")
            if found.id == visit.signed.user:
                raise UsageError("Nobody can take away his own role; ask another owner.")
            role = _role(form.get("role", "")) if form["do"] == "role" else None
            accounts.keep_member(workspace, found.id, role, now)
            return visit.back("/team", visit.words("Changed; {person} must sign in again.", person=found.address))
    raise UsageError("Say what is to be done: add, role or remove.")


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise UsageError(f"{word!r} is no role; the roles are {', '.join(Role)}.") from None


def me(visit: Visit) -> Response:
    """One's own account."""
    return visit.page("me.html", user=visit.desk.auth.accounts.user(visit.signed.user), offered=None)


def me_change(visit: Visit) -> Response:
    """Another password, or a second factor."""
    auth, form, request = visit.desk.auth, visit.form, visit.request
    match form.get("do"):
        case "password":
            secret = auth.change_password(request, visit.signed, form.get("old", ""), form.get("new", ""))
            response = visit.back("/me", visit.words("The password is changed; other browsers must sign in again."))
        case "offer":
            user = auth.accounts.user(visit.signed.user)
            return visit.page("me.html", user=user, offered=auth.offer_totp(visit.signed))
        case "prove":
            secret = auth.prove_totp(request, visit.signed, form.get("code", ""))
            response = visit.back("/me", visit.words("From now on a code is asked for."))
        case _:
            raise UsageError("Say what is to be done: password, offer or prove.")
    auth.welcome(request, response, secret)
    return response
