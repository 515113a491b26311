"""The mail door's part of control.db: accounts, and what became of each copy."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId
from inkdot.store.control import Control
from inkdot.store.query import questions


class Account(NamedTuple):
    """Who may hand mails in."""

    name: str
    salt: bytes
    digest: bytes
    senders: tuple[str, ...]
    """Addresses and @domains; empty until its first mail binds it."""
    made: int


class Delivery(NamedTuple):
    """One copy."""

    contact: ContactId
    state: str
    """waiting, sent, refused, expired, dropped"""
    answer: str | None
    left_alone: str | None


class Delivered(NamedTuple):
    """One copy as it is listed."""

    message: MessageId
    marked: int
    subject: str | None
    address: Address | None
    state: str
    answer: str | None
    left_alone: str | None
    changed: int


class Post(Control):
    """`control.db` as the mail door uses it."""

    def __init__(self, path: Path) -> None:
        """As Control."""
        super().__init__(path)
        self._ask = self._ask | questions("post")

    def keep_account(self, account: Account) -> None:
        """Keep an account; one of that name gets the new password and senders."""
        with self._transaction():
            self._keep("keep_account", [account._replace(senders=json.dumps(account.senders))])  # type: ignore[arg-type]

    def account(self, name: str) -> Account | None:
        """The account of that name."""
        return next(iter(self._accounts("account", (name,))), None)

    def accounts(self) -> list[Account]:
        """All accounts by name."""
        return list(self._accounts("accounts", ()))

    def _accounts(self, question: str, parameters: tuple[object, ...]) -> Iterable[Account]:
        rows = self._rows(question, parameters)
        return (Account(name, salt, digest, tuple(json.loads(s)), made) for name, salt, digest, s, made in rows)

    def forget_account(self, name: str) -> None:
        """Forget it; mails it handed in are delivered all the same."""
        with self._transaction():
            self._keep("forget_account", [(name,)])

    def bind_account(self, name: str, senders: tuple[str, ...]) -> None:
        """Say what an account may send as, unless that was said before."""
        with self._transaction():
            self._keep("bind_account", [(json.dumps(senders), name)])

    def keep_deliveries(self, message: MessageId, deliveries: Collection[Delivery], now: float) -> None:
        """What became of copies; `waiting` never overwrites a result. `now` in unix seconds."""
        rows = [(message, d.contact, d.state, d.answer, d.left_alone, int(now)) for d in deliveries]
        with self._transaction():
            self._keep("keep_delivery", rows)
            self._keep("keep_handover", [(message, d.contact, now) for d in deliveries if d.state == "sent"])

    def deliveries(self, message: MessageId) -> list[tuple[str | None, str, str | None, str | None, int]]:
        """(address, state, answer, left alone, changed) of each copy of one mail."""
        return [(a, s, w, reason, c) for a, s, w, reason, c in self._rows("deliveries", (message,))]

    def latest_deliveries(self, most: int) -> list[Delivered]:
        """The copies of the `most` latest mails, newest mail first."""
        return [Delivered(*row) for row in self._rows("latest_deliveries", (most,))]

    def messages_of(self, internet_id: str, address: Address) -> list[tuple[WorkspaceId, MessageId]]:
        """The mail with that Message-ID in each workspace that has one; of several one that went to `address`, else the newest."""
        found: dict[WorkspaceId, MessageId] = {}
        for workspace, message, _ in self._rows("messages_by_internet_id", (address, internet_id)):
            found.setdefault(WorkspaceId(workspace), MessageId(message))
        return list(found.items())
