"""Accounts: app passwords for mail programs, and what each account may send as."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import UsageError
from inkdot.store.post import Account

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that are mistaken for another
_SALT_BYTES = 16


class Fresh(NamedTuple):
    """A new account, and the one time its password is seen."""

    account: Account
    password: str


def fresh_account(name: str, senders: Sequence[str], now: int, random: Callable[[int], bytes]) -> Fresh:
    """An account with a password of 80 bits, like `abcd-efgh-ijkm-npqr`. Raises UsageError, BadAddress.

    The password is random and long, so a fast keyed hash is enough: nobody can go through 2**80 of them.
    """
    user = name.strip().lower()
    if not _NAME.fullmatch(user):
        raise UsageError(f"{name!r} is no account name; use letters, digits and . _ @ + -, up to 100 of them.")
    allowed = [_sender(s) for s in senders] or ([normal_address(user)] if "@" in user else [])
    letters = "".join(_LETTERS[b & 31] for b in random(16))
    password = "-".join(letters[i : i + 4] for i in range(0, 16, 4))
    salt = random(_SALT_BYTES)
    return Fresh(Account(user, salt, _digest(password, salt), tuple(dict.fromkeys(allowed)), now), password)


def right_password(account: Account, password: str) -> bool:
    """Case and dashes do not matter: people type it from a screen."""
    return hmac.compare_digest(account.digest, _digest(password, account.salt))


def may_send_as(account: Account, address: str) -> bool:
    """An address or its domain is listed; ada+quotes@ is ada@."""
    local, _, domain = address.lower().rpartition("@")
    plain = f"{local.partition('+')[0]}@{domain}"
    return any(allowed in (address.lower(), plain, f"@{domain}") for allowed in account.senders)


def is_named(account: Account, address: str) -> bool:
    """The address is one person's here: the account's name, or listed itself. Behind a domain there may be many people."""
    own = account._replace(senders=(account.name, *(s for s in account.senders if not s.startswith("@"))))
    return may_send_as(own, address)


def _sender(text: str) -> str:
    if text.startswith("@"):
        return "@" + normal_address(f"any{text}").partition("@")[2]
    return normal_address(text)


def _digest(password: str, salt: bytes) -> bytes:
    plain = re.sub(r"[\s-]", "", password).lower().encode("utf-8", "replace")
    return hashlib.blake2b(plain, key=salt, digest_size=32, person=b"inkdot-mail").digest()
