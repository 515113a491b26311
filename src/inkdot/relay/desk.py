"""The desk: what all sessions of the mail door share, as plain values and functions. `app` fills it in."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from inkdot.domain.ids import MessageId
from inkdot.relay.limits import Limits
from inkdot.relay.spool import Answer, Spool


class Login(NamedTuple):
    """A mail program that proved who it is."""

    account: str
    sealed: str | None = None
    """Its upstream credentials, where they are passed through."""


class Refusal(NamedTuple):
    """Why a login does not work."""

    reply: str


@dataclass(slots=True)
class Desk:
    """What all sessions share. The functions may block; sessions call them aside."""

    name: str
    """How we call ourselves."""
    spool: Spool
    limits: Limits
    tls: ssl.SSLContext
    max_bytes: int
    patience: float
    """Seconds a client may be silent."""
    trusts: Callable[[str], bool]
    """May this client address send without a password?"""
    loopback: Callable[[str], bool]
    login: Callable[[str, str], Login | Refusal]
    may_send_as: Callable[[str, str], bool]
    """(account, address)"""
    ask: Callable[[str, str, str | None], Answer | None]
    """(sender, recipient, sealed login): the upstream's refusal of a recipient; None where it takes it or cannot say."""
    accepted: Callable[[str], None]
    """Told the name of a mail that is in the spool."""
    fresh_id: Callable[[], MessageId]
    log: Callable[..., None]
    stopping: bool = False
