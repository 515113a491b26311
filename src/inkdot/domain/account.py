"""Who signs in: users, their roles in workspaces, and what a role or a key may do."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from inkdot.domain.ids import KeyId, UserId, WorkspaceId


class Role(StrEnum):
    """What somebody may do in a workspace, widest first."""

    OWNER = "owner"
    """All, and decides who may what."""
    MEMBER = "member"
    """Sends and keeps rules; reads all."""
    VIEWER = "viewer"
    """Reads."""

    def reaches(self, wanted: Role) -> bool:
        """True if this role may do what `wanted` may."""
        return _WIDTH[self] >= _WIDTH[wanted]


_WIDTH = {Role.OWNER: 3, Role.MEMBER: 2, Role.VIEWER: 1}


class Scope(StrEnum):
    """What an API key may do."""

    READ = "read"
    """See events, people, reports and rules."""
    SEND = "send"
    """Mark mails, make links, share documents."""
    MANAGE = "manage"
    """Change triggers, audiences, webhooks, websites, corrections, and who is who."""
    PRIVACY = "privacy"
    """Consent, and a person's rights: everything about somebody, and its erasure."""


SCOPES_OF = {
    Role.OWNER: frozenset(Scope),
    Role.MEMBER: frozenset({Scope.READ, Scope.SEND, Scope.MANAGE}),
    Role.VIEWER: frozenset({Scope.READ}),
}


class User(NamedTuple):
    """Somebody with an account."""

    id: UserId
    address: str
    name: str
    password: str
    """An argon2id hash."""
    totp: str | None
    """The secret of the second factor, if there is one."""
    totp_wanted: str | None
    made: int
    """Unix seconds."""


class Passkey(NamedTuple):
    """A key that signs somebody in, kept by a device; here is its public half."""

    credential: bytes
    """As the authenticator names it."""
    user: UserId
    name: str
    key: bytes
    """SubjectPublicKeyInfo, DER."""
    counter: int
    """Signatures so far; 0 from authenticators that do not count."""
    made: int
    used: int | None


class Membership(NamedTuple):
    """A workspace that a user belongs to."""

    workspace: WorkspaceId
    name: str
    role: Role


class Member(NamedTuple):
    """A user of a workspace."""

    id: UserId
    address: str
    name: str
    role: Role
    second_factor: bool
    since: int


class Session(NamedTuple):
    """Who is signed in, with the role of now."""

    user: UserId
    address: str
    name: str
    workspace: WorkspaceId
    workspace_name: str
    role: Role
    made: int
    seen: int


class OpenSession(NamedTuple):
    """A browser in which somebody is signed in, as he may see it himself."""

    digest: bytes
    workspace_name: str
    made: int
    seen: int
    agent: str


class Key(NamedTuple):
    """An API key without what makes it one."""

    id: KeyId
    workspace: WorkspaceId
    name: str
    shown: str
    """Its first letters."""
    scopes: frozenset[Scope]
    made: int
    used: int | None
    until: int | None
