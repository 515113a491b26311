"""Accounts in control.db: users, workspaces, sessions, API keys, and what was answered to repeatable requests."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from inkdot.domain.account import Key, Member, Membership, OpenSession, Passkey, Role, Scope, Session, User
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import KeyId, UserId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class Kept(NamedTuple):
    """What was answered to a request; `status` is None while it is being done."""

    request: bytes
    status: int | None
    kind: str | None
    body: bytes | None


class Accounts(Control):
    """`control.db` as the office's door needs it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("accounts")

    # -- users and workspaces

    def any_users(self) -> bool:
        """Whether anybody has an account."""
        return bool(self._rows("count_users")[0][0])

    def user_of(self, address: str) -> User | None:
        """Who signs in with an address."""
        return next((User(*row) for row in self._rows("user_of", (address,))), None)

    def user(self, user: UserId) -> User | None:
        """One user."""
        return next((User(*row) for row in self._rows("user", (user,))), None)

    def keep_user(self, user: User, workspace: WorkspaceId, role: Role) -> None:
        """A new user with a first workspace; set-up links work no more."""
        with self._transaction():
            self._keep("keep_user", [(user.id, user.address, user.name, user.password, user.made)])
            self._keep("keep_member", [(workspace, user.id, role, user.made)])
            self._keep("forget_setup_links", [()])

    def keep_first_user(self, user: User, workspace: WorkspaceId, link: bytes, now: int) -> bool:
        """The first account, by a set-up link; False, and nothing kept, if the link works no more or there is an account."""
        with self._transaction():
            if self.any_users() or not self.setup_link(link, now):
                return False
            self._keep("keep_user", [(user.id, user.address, user.name, user.password, user.made)])
            self._keep("keep_member", [(workspace, user.id, Role.OWNER, user.made)])
            self._keep("forget_setup_links", [()])
        return True

    def forget_user(self, user: UserId) -> None:
        """Somebody who signs in no more, sessions included."""
        with self._transaction():
            self._keep("forget_user", [(user,)])

    def change_password(self, user: UserId, password: str, but: bytes = b"") -> None:
        """Another password (its hash); all sessions end but the one with the digest `but`, and no provider is remembered."""
        with self._transaction():
            self._keep("forget_provider_identities", [(user,)])
            self._keep("change_password", [(password, user)])
            self._keep("forget_sessions_of", [(user, but)])

    def keep_member(self, workspace: WorkspaceId, user: UserId, role: Role | None, now: int) -> None:
        """A user's role in a workspace, None for none. The user's sessions end, and a workspace keeps an owner."""
        with self._transaction():
            owners = [m.id for m in self.members(workspace) if m.role is Role.OWNER]
            if owners == [user] and role is not Role.OWNER:
                raise UsageError("A workspace needs an owner; make somebody else owner first.")
            if role is None:
                self._keep("forget_member", [(workspace, user)])
            else:
                self._keep("keep_member", [(workspace, user, role, now)])
            self._keep("forget_sessions_of", [(user, b"")])

    def workspaces_of(self, user: UserId) -> list[Membership]:
        """Where a user belongs to, oldest first."""
        rows = self._rows("workspaces_of", (user,))
        return [Membership(WorkspaceId(number), name, Role(role)) for number, name, role in rows]

    def members(self, workspace: WorkspaceId) -> list[Member]:
        """Who belongs to a workspace, by address."""
        rows = self._rows("members", (workspace,))
        return [
            Member(UserId(user), address, name, Role(role), bool(totp), since)
            for user, address, name, role, totp, since in rows
        ]

    def workspaces(self) -> list[tuple[WorkspaceId, str]]:
        """All workspaces: number and name."""
        return [(WorkspaceId(number), name) for number, name in self._rows("workspaces")]

    def keep_workspace(self, name: str) -> WorkspaceId:
        """A new workspace. Raises UsageError if there is one of that name."""
        try:
            with self._transaction():
                rows = self._rows("keep_workspace", (name,))
        except sqlite3.IntegrityError:
            raise UsageError(f"There is a workspace {name!r} already; choose another name.") from None
        return WorkspaceId(rows[0][0])

    def rename_workspace(self, workspace: WorkspaceId, name: str) -> None:
        """Another name. Raises UsageError if it is taken."""
        try:
            with self._transaction():
                self._keep("rename_workspace", [(name, workspace)])
        except sqlite3.IntegrityError:
            raise UsageError(f"There is a workspace {name!r} already; choose another name.") from None

    # -- the second factor

    def want_totp(self, user: UserId, secret: str) -> None:
        """A second factor that was shown; it is not asked for before it was proven."""
        with self._transaction():
            self._keep("want_totp", [(secret, user)])

    def prove_totp(self, user: UserId, secret: str, recovery: Iterable[bytes] = ()) -> bool:
        """It is asked for from now on, or one of these codes (digests); all sessions end. False where another was shown meanwhile."""
        with self._transaction():
            if not self._rows("prove_totp", (user, secret)):
                return False
            self._keep("forget_recovery_codes", [(user,)])
            self._keep("keep_recovery_code", [(user, digest) for digest in recovery])
            self._keep("forget_sessions_of", [(user, b"")])
        return True

    def use_recovery_code(self, user: UserId, digest: bytes) -> bool:
        """Use one up; False if there is none such."""
        with self._transaction():
            return bool(self._rows("use_recovery_code", (user, digest)))

    def forget_totp(self, user: UserId) -> None:
        """No second factor any more; all sessions end."""
        with self._transaction():
            self._keep("forget_totp", [(user,)])
            self._keep("forget_recovery_codes", [(user,)])
            self._keep("forget_sessions_of", [(user, b"")])

    def use_totp(self, user: UserId, step: int) -> bool:
        """Use a code up; False if it, or a later one, was used before."""
        with self._transaction():
            return bool(self._rows("use_totp", (step, user, step)))

    # -- passkeys

    def keep_passkey(self, key: Passkey) -> bool:
        """A new one; False if there is one of its name at the authenticator."""
        with self._transaction():
            return bool(self._rows("keep_passkey", key[:-1]))

    def passkey(self, credential: bytes) -> Passkey | None:
        """One passkey, as its authenticator names it."""
        return next((Passkey(*row) for row in self._rows("passkey", (credential,))), None)

    def passkeys(self, user: UserId) -> list[Passkey]:
        """A user's, oldest first."""
        return [Passkey(*row) for row in self._rows("passkeys", (user,))]

    def use_passkey(self, credential: bytes, counter: int, now: int) -> bool:
        """It signed; False if its counter did not go on: there is a copy of it."""
        with self._transaction():
            return bool(self._rows("use_passkey", (credential, counter, now)))

    def forget_passkey(self, user: UserId, credential: bytes) -> str | None:
        """It opens nothing any more, and all sessions end; what it was called, None if the user has none such."""
        with self._transaction():
            gone = self._rows("forget_passkey", (user, credential))
            if gone:
                self._keep("forget_sessions_of", [(user, b"")])
        return str(gone[0][0]) if gone else None

    def forget_passkeys(self, user: UserId) -> None:
        """None of a user's opens anything any more."""
        with self._transaction():
            self._keep("forget_passkeys", [(user,)])

    # -- sign-in by a provider

    def provider_user(self, issuer: str, subject: str) -> User | None:
        """Whose a provider's subject is, if it signed in before."""
        return next((User(*row) for row in self._rows("provider_user", (issuer, subject))), None)

    def keep_provider_identity(self, issuer: str, subject: str, user: UserId) -> bool:
        """A subject signs in as this user from now on; False if another subject of the provider does already."""
        with self._transaction():
            return bool(self._rows("keep_provider_identity", (issuer, subject, user)))

    # -- sessions and set-up links

    def keep_session(
        self, digest: bytes, user: UserId, workspace: WorkspaceId, now: int, agent: str, seen: User | None = None
    ) -> bool:
        """Somebody signed in; False where password or second factor are no longer as they were `seen`: that ended all sessions."""
        with self._transaction():
            if seen:
                row = digest, workspace, now, now, agent, user, seen.password, seen.totp
                return bool(self._rows("keep_session_as_seen", row))
            self._keep("keep_session", [(digest, user, workspace, now, now, agent)])
        return True

    def renew_session(
        self, before: bytes, digest: bytes, user: UserId, workspace: WorkspaceId, now: int, agent: str
    ) -> bool:
        """A user's session goes on as another one; False if it was ended."""
        with self._transaction():
            return bool(self._rows("renew_session", (digest, workspace, now, now, agent, before, user)))

    def session(self, digest: bytes, made_after: int, seen_after: int) -> Session | None:
        """Who holds it, if it still counts (unix seconds) and the user is still of its workspace."""
        for user, address, name, workspace, called, role, made, seen in self._rows(
            "session", (digest, made_after, seen_after)
        ):
            return Session(UserId(user), address, name, WorkspaceId(workspace), called, Role(role), made, seen)
        return None

    def see_session(self, digest: bytes, now: int) -> None:
        """It is in use."""
        with self._transaction():
            self._keep("see_session", [(now, digest)])

    def forget_session(self, digest: bytes) -> None:
        """Somebody signed out."""
        with self._transaction():
            self._keep("forget_session", [(digest,)])

    def sessions_of(self, user: UserId, made_after: int, seen_after: int) -> list[OpenSession]:
        """Where a user is signed in, as long as it counts (unix seconds); what was used last comes first."""
        return [OpenSession(*row) for row in self._rows("sessions_of", (user, made_after, seen_after))]

    def forget_session_of(self, user: UserId, digest: bytes) -> bool:
        """One of a user's is over; False if there is none such."""
        with self._transaction():
            return bool(self._rows("forget_session_of", (user, digest)))

    def forget_other_sessions(self, user: UserId, but: bytes) -> None:
        """All of a user's are over but the one with this digest."""
        with self._transaction():
            self._keep("forget_sessions_of", [(user, but)])

    def keep_setup_link(self, digest: bytes, until: int) -> None:
        """A link by which the first account is made; earlier ones work no more."""
        with self._transaction():
            self._keep("forget_setup_links", [()])
            self._keep("keep_setup_link", [(digest, until)])

    def setup_link(self, digest: bytes, now: int) -> bool:
        """Whether a link works."""
        return bool(self._rows("setup_link", (digest, now))[0][0])

    # -- API keys

    def keep_key(self, key: Key, digest: bytes) -> None:
        """A new key."""
        scopes = json.dumps(sorted(key.scopes))
        with self._transaction():
            self._keep("keep_key", [(key.id, key.workspace, key.name, key.shown, digest, scopes, key.made, key.until)])

    def key_of(self, digest: bytes, now: int) -> Key | None:
        """The key with this digest, if it still works."""
        return next((_key(row) for row in self._rows("key_of", (digest, now))), None)

    def keys(self, workspace: WorkspaceId) -> list[Key]:
        """A workspace's keys, oldest first."""
        return [_key(row) for row in self._rows("keys", (workspace,))]

    def use_key(self, key: KeyId, now: int) -> None:
        """Note that it was used."""
        with self._transaction():
            self._keep("use_key", [(now, key)])

    def forget_key(self, workspace: WorkspaceId, key: KeyId) -> bool:
        """It opens nothing any more; False if the workspace has no such key."""
        with self._transaction():
            return bool(self._rows("forget_key", (workspace, key)))

    # -- what was answered to requests that may be repeated

    def begin_answer(self, asker: int, workspace: WorkspaceId, key: str, request: bytes, now: int) -> bool:
        """True if this is the first time that somebody asks under this key."""
        with self._transaction():
            return bool(self._rows("begin_answer", (asker, workspace, key, request, now)))

    def answer(self, asker: int, workspace: WorkspaceId, key: str) -> Kept | None:
        """What was answered."""
        return next((Kept(*row) for row in self._rows("answer", (asker, workspace, key))), None)

    def keep_answer(
        self, asker: int, workspace: WorkspaceId, key: str, status: int, kind: str, body: bytes | None
    ) -> None:
        """What is answered from now on; without a body it was nothing that may be told again, and is done anew."""
        with self._transaction():
            if body is None:
                self._keep("forget_answer", [(asker, workspace, key)])
            else:
                self._keep("keep_answer", [(status, kind, body, asker, workspace, key)])

    def tidy(self, answers_before: int, begun_before: int, sessions_made: int, sessions_seen: int) -> None:
        """Forget what is over; all in unix seconds."""
        with self._transaction():
            self._keep("forget_answers", [(answers_before, begun_before)])
            self._keep("forget_old_sessions", [(sessions_made, sessions_seen)])


def _key(row: tuple[Any, ...]) -> Key:
    number, workspace, name, shown, scopes, made, used, until = row
    known = frozenset(Scope(word) for word in json.loads(scopes))
    return Key(KeyId(number), WorkspaceId(workspace), name, shown, known, made, used, until)
