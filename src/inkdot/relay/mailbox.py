"""Which mailbox is watched."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from inkdot.domain.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where to look."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str
    xoauth2: bool

    @property
    def shown(self) -> str:
        """Without secrets."""
        return f"{self.host}:{self.port}/{self.folder}"


def read_mailbox(url: str, password: str) -> Mailbox:
    """`imaps://user:password@host:993/INBOX?login=xoauth2`. Raises BadSetting."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise BadSetting("imap is no mailbox; write it like imaps://user@mail.example.com/INBOX.")
    tls = parts.scheme == "imaps"
    return Mailbox(
        parts.hostname, port or (993 if tls else 143), tls, unquote(parts.username),
        password or unquote(parts.password or ""), unquote(parts.path.strip("/")) or "INBOX",
        parse_qs(parts.query).get("login") == ["xoauth2"],
    )  # fmt: skip
