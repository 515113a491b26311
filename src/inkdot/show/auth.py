"""Who is at the office's door: sessions in a cookie, checks against other websites, and what roles may do.

    auth = request.app.state.auth                # the Auth of this office
    signed = auth.current(request)               # Signed or None
    secret = auth.login(request, address, password, code)     # raises SignInFirst, CodeWanted, TooOften, NotAllowed
    auth.welcome(response, secret)               # sets the cookie
    auth.logout(request, response)
    auth.setup_open(token); auth.set_up(request, token, address, name, password) -> secret

`Auth` blocks (SQLite, argon2id): call it from a `def` endpoint or by `run_in_threadpool`. Every request that changes
something must carry `signed.csrf`, as the header `X-CSRF-Token` or as the form field `csrf`; `required` (`guard.py`) sees to it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from inkdot.domain.account import SCOPES_OF, Role, Scope, Session, User
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress, CodeWanted, NotAllowed, SignInFirst, TooOften, UsageError
from inkdot.domain.ids import UserId, WorkspaceId
from inkdot.show import cookies, passwords
from inkdot.show.oidc import Provider
from inkdot.show.tries import Tries, is_loopback, is_plain_host, network_of, public_address
from inkdot.store.accounts import Accounts
from inkdot.understand.agent import agent_text

SETUP_SECONDS = 1_800
LONGEST, IDLE = 30 * 86_400, 7 * 86_400
"""Seconds that a session lasts, and lasts without use."""
_SEEN_EVERY = 60
_QUARTER = 900
_HOUR = 3_600
_MOST_WORKED = 10_000
_RECOVERY_CODES = 10
_COOKIE = "inkdot"
_FIRST = WorkspaceId(1)
_WRONG = "The address, the password or the code is wrong."


class Signed(NamedTuple):
    """Who is signed in."""

    user: UserId
    address: str
    name: str
    workspace: WorkspaceId
    workspace_name: str
    role: Role
    csrf: str
    """What every changing request must carry."""

    def may(self, scope: Scope) -> bool:
        """Whether the role reaches so far."""
        return scope in SCOPES_OF[self.role]


def digest(secret: str) -> bytes:
    """What is kept of a secret that was made at random: it cannot be guessed, so a fast hash does."""
    return hashlib.blake2b(secret.encode("utf-8", "replace"), digest_size=32, person=b"inkdot-office").digest()


def fresh_secret(prefix: str = "") -> str:
    """256 random bits."""
    return prefix + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


class Tell(Protocol):
    """Writes into the audit log what somebody did at the door."""

    def __call__(self, who: str, what: str, workspace: WorkspaceId, **detail: object) -> None:
        """`who` by address; `detail` in words and numbers."""


def _untold(who: str, what: str, workspace: WorkspaceId, **detail: object) -> None:
    """Where there is no log."""


class Auth:
    """The office's door."""

    def __init__(
        self,
        accounts: Accounts,
        office_url: str,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        *,
        keep_places: bool = True,
        tell: Tell = _untold,
        provider: Provider | None = None,
    ) -> None:
        """`office_url`: how people reach the office; cookies are tied to https if it is.

        `keep_places`: from where people work may be kept; not where addresses are to be cut, when none would be alike either.
        `tell`: who came in, and what changed of who may.
        `provider`: who else may say who somebody is.
        """
        self._tell, self.provider = tell, provider
        self.accounts, self._now, self._keep_places = accounts, now, keep_places
        parts = urlsplit(office_url)
        self._own = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
        self._worked: set[tuple[int, bytes, str, int]] = set()
        self._by_both = Tries(10, _QUARTER, clock)
        self._by_network = Tries(60, _QUARTER, clock)
        self._by_account = Tries(100, _HOUR, clock)

    # -- who it is

    def current(self, request: Request) -> Signed | None:
        """Who is signed in."""
        secret = self.secret_of(request)
        signed = self.signed(secret) if secret else None
        if signed:
            self._worked_here(request, signed)
        return signed

    def signed(self, secret: str) -> Signed | None:
        """Who holds a session."""
        now = int(self._now())
        found = self.accounts.session(digest(secret), now - LONGEST, now - IDLE)
        if found is None:
            return None
        if found.seen < now - _SEEN_EVERY:
            self.accounts.see_session(digest(secret), now)
        return _signed(found, secret)

    def _worked_here(self, request: Request, signed: Signed) -> None:
        """Remember from where somebody works, once an hour: his own opens from there are no reader's."""
        address, now = public_address(request.client.host if request.client else None), int(self._now())
        agent = agent_text(request.headers.get("user-agent", "").strip())
        here = (int(signed.workspace), address, agent, now // _HOUR)
        if not self._keep_places or not address or not agent or here in self._worked:
            return
        if len(self._worked) > _MOST_WORKED:
            self._worked.clear()
        self._worked.add(here)
        self.accounts.worked_here(signed.workspace, address, agent, now)

    def secret_of(self, request: Request) -> str | None:
        """What the browser holds."""
        return cookies.held(request, _COOKIE, safe=self.is_safe(request)) or None

    # -- coming and going

    def login(self, request: Request, address: str, password: str, code: str = "") -> str:
        """A new session; give it to `welcome`. Raises SignInFirst, CodeWanted, TooOften or NotAllowed."""
        self.check_source(request)
        self._check_wire(request)
        try:
            known = normal_address(address)
        except BadAddress:
            known = None
        pair = self._count(request, known or "?")
        user = self.accounts.user_of(known) if known else None
        if not passwords.right(user.password if user else None, password) or user is None:
            raise SignInFirst(_WRONG)
        place = self._place_of(user, code, pair)
        if passwords.is_old(user.password):
            user = user._replace(password=passwords.hashed(password))
            self.accounts.change_password(user.id, user.password)
        return self._let_in(request, user, place)

    def vouched(self, request: Request, user: User, way: str, code: str = "") -> str:
        """As `login`, for whom `way`, in place of the password, has shown to be this user."""
        self._check_wire(request)
        place = self._place_of(user, code, self._count(request, user.address))
        return self._let_in(request, user, place, way=way)

    def _place_of(self, user: User, code: str, pair: str) -> WorkspaceId:
        """Where a user works, once the second factor is there, too, if the account has one; the tries are forgiven."""
        if user.totp:
            self._check_code(user, user.totp, code)
        places = self.accounts.workspaces_of(user.id)
        if not places:
            raise NotAllowed("This account belongs to no workspace any more; ask an owner.")
        self._by_both.forgive(pair)
        return places[0].workspace

    def enter(self, request: Request, user: User | None) -> str:
        """As `login`, for whom a passkey has shown to be this user, both factors at once; None where it has not."""
        pair = self._count(request, user.address if user else "?")
        places = self.accounts.workspaces_of(user.id) if user else []
        if user is None or not places:
            raise SignInFirst("This passkey opens no account here.")
        self._by_both.forgive(pair)
        return self._let_in(request, user, places[0].workspace, way="passkey")

    def _let_in(self, request: Request, user: User, place: WorkspaceId, **detail: object) -> str:
        secret = self.begin_again(request, user.id, place, user)
        self._tell(user.address, "signed in", place, **detail)
        return secret

    def _count(self, request: Request, account: str) -> str:
        network = network_of(request.client.host if request.client else None)
        pair = f"{account} {network}"
        for tries, asker in ((self._by_both, pair), (self._by_network, network), (self._by_account, account)):
            left = tries.take(asker)
            if not left.allowed:
                raise TooOften(f"Too many tries; try again in {left.reset} seconds.", left.reset)
        return pair

    def _check_code(self, user: User, secret: str, code: str) -> None:
        if not code.strip():
            raise CodeWanted("Give the code of your authenticator, too.")
        step = passwords.totp_step(secret, code, self._now())
        if step is None and self.accounts.use_recovery_code(user.id, digest(passwords.plain_code(code))):
            return
        if step is None or not self.accounts.use_totp(user.id, step):
            raise SignInFirst(_WRONG)

    def begin_again(self, request: Request, user: UserId, workspace: WorkspaceId, seen: User | None = None) -> str:
        """A session of its own, whatever the browser held before. Raises SignInFirst where `seen` was let in by what counts no more."""
        secret, now, agent = self._fresh(request)
        self._end(request)
        if not self.accounts.keep_session(digest(secret), user, workspace, now, agent, seen):
            raise SignInFirst(_WRONG)
        return secret

    def _fresh(self, request: Request) -> tuple[str, int, str]:
        """A secret, now, and the program that asks."""
        return fresh_secret(), int(self._now()), request.headers.get("user-agent", "")[:200]

    def _end(self, request: Request) -> None:
        if secret := self.secret_of(request):
            self.accounts.forget_session(digest(secret))

    def welcome(self, request: Request, response: Response, secret: str) -> None:
        """Give the browser its session."""
        cookies.keep(response, _COOKIE, secret, seconds=LONGEST, safe=self.is_safe(request))

    def logout(self, request: Request, response: Response) -> None:
        """End the session."""
        self._end(request)
        cookies.drop(response, _COOKIE, safe=self.is_safe(request))

    def move(self, request: Request, signed: Signed, workspace: WorkspaceId) -> str:
        """A new session in another of the user's workspaces. Raises NotAllowed."""
        if all(place.workspace != workspace for place in self.accounts.workspaces_of(signed.user)):
            raise NotAllowed("This account does not belong to that workspace.")
        (secret, now, agent), held = self._fresh(request), digest(self.secret_of(request) or "")
        if not self.accounts.renew_session(held, digest(secret), signed.user, workspace, now, agent):
            raise SignInFirst("The session ended at once; sign in again.")
        return secret

    # -- the first account

    def setup_link(self) -> str | None:
        """A token for /setup/TOKEN that works once and for half an hour; None where there is an account already."""
        if self.accounts.any_users():
            return None
        token = fresh_secret()
        self.accounts.keep_setup_link(digest(token), int(self._now()) + SETUP_SECONDS)
        return token

    def setup_open(self, token: str) -> bool:
        """Whether a set-up link works."""
        return self.accounts.setup_link(digest(token), int(self._now())) and not self.accounts.any_users()

    def set_up(self, request: Request, token: str, address: str, name: str, password: str) -> str:
        """The first account, an owner; returns its session. Raises NotAllowed, BadAddress, UsageError."""
        self.check_source(request)
        self._check_wire(request)
        user = fresh_user(address, name, password, int(self._now())) if self.setup_open(token) else None
        if not user or not self.accounts.keep_first_user(user, _FIRST, digest(token), int(self._now())):
            raise NotAllowed("This set-up link works no more; start inkdot serve again for a new one.")
        return self.begin_again(request, user.id, _FIRST)

    # -- one's own account

    def change_password(
        self, request: Request, signed: Signed, old: str, new: str, *, keep_passkeys: bool = True
    ) -> str:
        """Another password; every session ends, and a new one is returned. Raises SignInFirst, TooOften, UsageError."""
        self.check_password(request, signed, old, "The old password is wrong.")
        self.accounts.change_password(signed.user, passwords.hashed(new))
        if not keep_passkeys:
            self.accounts.forget_passkeys(signed.user)
        self.note(signed, "password change")
        return self.begin_again(request, signed.user, signed.workspace)

    def check_password(
        self, request: Request, signed: Signed, password: str, wrong: str = "The password is wrong."
    ) -> None:
        """Refuse a change without the password. Raises SignInFirst, TooOften."""
        self._count(request, signed.address)
        user = self.accounts.user(signed.user)
        if user is None or not passwords.right(user.password, password):
            raise SignInFirst(wrong)

    def offer_totp(self, signed: Signed) -> tuple[str, str]:
        """A secret for a second factor, and the address for authenticator programs; asked for once it is proven.

        Raises UsageError where there is a second factor: whoever sits at an open page must not put his own in its place.
        """
        self._check_first_factor(signed)
        secret = passwords.totp_secret(os.urandom(20))
        self.accounts.want_totp(signed.user, secret)
        return secret, passwords.totp_address(secret, signed.address)

    def prove_totp(self, request: Request, signed: Signed, code: str) -> tuple[str, list[str]]:
        """Begin to ask for codes; every session ends. Raises SignInFirst, TooOften.

        Returns a new session and the codes for whoever loses the second factor; each works once.
        """
        self._count(request, signed.address)
        self._check_first_factor(signed)
        user = self.accounts.user(signed.user)
        wanted = user.totp_wanted if user else None
        step = passwords.totp_step(wanted, code, self._now()) if wanted else None
        recovery = [passwords.recovery_code(os.urandom(10)) for _ in range(_RECOVERY_CODES)]
        digests = [digest(passwords.plain_code(word)) for word in recovery]
        used = step is not None and self.accounts.use_totp(signed.user, step)
        if not (used and wanted and self.accounts.prove_totp(signed.user, wanted, digests)):
            raise SignInFirst("The code is wrong; look at the clock of your device, too.")
        self.note(signed, "second factor on")
        return self.begin_again(request, signed.user, signed.workspace), recovery

    def _check_first_factor(self, signed: Signed) -> None:
        user = self.accounts.user(signed.user)
        if user and user.totp:
            raise UsageError("A code is asked for already; end that first, with your password.")

    def end_totp(self, request: Request, signed: Signed, password: str) -> str:
        """Ask for no codes any more; every session ends. Returns a new one. Raises SignInFirst, TooOften."""
        self.check_password(request, signed, password)
        self.accounts.forget_totp(signed.user)
        self.note(signed, "second factor off")
        return self.begin_again(request, signed.user, signed.workspace)

    def note(self, signed: Signed, what: str, **detail: object) -> None:
        """A line in the audit log of what somebody who is signed in has changed of who may come in."""
        self._tell(signed.address, what, signed.workspace, **detail)

    # -- where a request comes from

    def check_source(self, request: Request) -> None:
        """Refuse changing requests that another website makes in somebody's browser. Raises NotAllowed."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is not None:
            if origin.lower() != self._own and not self._is_here(origin.lower(), request):
                raise NotAllowed(
                    "This request comes from another website. If you use the office under another address, "
                    "set office_url to it."
                )
        elif site not in (None, "same-origin", "none"):
            raise NotAllowed("This request comes from another website.")

    def check_token(self, signed: Signed, token: str) -> None:
        """The second check, by what only our pages know. Raises NotAllowed."""
        if not hmac.compare_digest(signed.csrf.encode(), token.encode("utf-8", "replace")):
            raise NotAllowed("The page is too old or was not ours; load it again.")

    def origin(self, request: Request) -> str:
        """Where the office is: as set, else as asked for by number; empty where only the asker says so."""
        if self._own:
            return self._own
        try:
            asked = urlsplit(f"{request.url.scheme}://{request.headers.get('host', '')}")
            return f"{asked.scheme}://{asked.netloc}" if is_plain_host(asked.hostname) and asked.port != 0 else ""
        except ValueError:
            return ""

    def _is_here(self, origin: str, request: Request) -> bool:
        """The origin is the address under which the request came, and a number or this machine: no name to be rebound."""
        parts = urlsplit(origin)
        return parts.netloc == request.headers.get("host", "").lower() and is_plain_host(parts.hostname)

    def is_safe(self, request: Request) -> bool:
        """Whether the browser reached us by https."""
        return request.url.scheme == "https" or self._own.startswith("https:")

    def _check_wire(self, request: Request) -> None:
        if not self.is_safe(request) and not is_loopback(request.url.hostname):
            raise NotAllowed(
                "Passwords are taken over https only; put a TLS proxy before the office and set office_url."
            )


def fresh_user(address: str, name: str, password: str, now: int) -> User:
    """A new user with an id of its own. Raises BadAddress, UsageError."""
    known = normal_address(address)
    called = " ".join(name.split())[:100] or known.partition("@")[0]
    number = UserId(int.from_bytes(os.urandom(8), "big") >> 1)
    return User(number, known, called, passwords.hashed(password), None, None, now)


def _signed(found: Session, secret: str) -> Signed:
    csrf = hashlib.blake2b(secret.encode(), digest_size=24, person=b"inkdot-csrf").hexdigest()
    return Signed(found.user, found.address, found.name, found.workspace, found.workspace_name, found.role, csrf)
