"""A sender's own browser: a cookie at the public address says that it is his, so that his own opens and clicks are known as such.

The cookie is the same in all browsers of a workspace and holds nothing but a proof that we set it. The street tells of it in
one header line of its own and writes no cookie down.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import NamedTuple

from inkdot.domain.token import Keyring

LINE = b"Inkdot-Self"
"""Header line of the street: the workspaces whose own browser it is, as numbers. What strangers send under this name is left out."""
_COOKIE = re.compile(rb"(?:^|[;\s])inkdot_self_(\d{1,5})=([A-Za-z0-9_-]{22})(?=$|[;\s])")
_COOKIE_LINE = re.compile(rb"(?im)^cookie[ \t]*:([^\r\n]*)")
_TOLD = re.compile(rb"(?m)^Inkdot-Self: ([\d ]+)\r\n")
_MOST = 8
ALIKE_FOR_SECONDS = 86_400
"""How long after somebody worked in the office a like program at the same address is taken for his."""
OWN_FOR_SECONDS = 3_600
"""How long the address is good that makes a browser one's own."""


class OwnClients(NamedTuple):
    """Where people who sign in worked lately."""

    clients: frozenset[tuple[int, bytes, str]] = frozenset()
    """(workspace, address of 16 bytes, agent)."""
    domains: frozenset[tuple[int, str]] = frozenset()
    """(workspace, domain of one of their mail addresses): who has one of these may sit beside them."""


def cookie_name(workspace: int) -> str:
    """Of the cookie in the browsers of that workspace's people."""
    return f"inkdot_self_{workspace}"


def cookie_value(keyring: Keyring, workspace: int) -> str:
    """What only we can set, 22 characters."""
    return _seal(keyring, b"inkdot-self", b"%d" % workspace)


def line_for(keyring: Keyring, lines: bytes) -> bytes:
    """The street's line for these header lines of a request; empty where no genuine cookie is among them."""
    if b"inkdot_self_" not in lines:
        return b""
    cookies = [c for line in _COOKIE_LINE.findall(lines) for c in _COOKIE.findall(line)][:_MOST]
    own = {
        int(n) for n, value in cookies
        if int(n) < 1 << 16 and hmac.compare_digest(cookie_value(keyring, int(n)).encode(), value)
    }  # fmt: skip
    return b"%s: %s\r\n" % (LINE, b" ".join(b"%d" % n for n in sorted(own))) if own else b""


def is_own(headers: bytes, workspace: int) -> bool:
    """Whether header lines that the street kept tell of a browser of that workspace's own."""
    told = _TOLD.search(headers)
    return told is not None and b"%d" % workspace in told[1].split()


def without_line(headers: bytes) -> bytes:
    """Header lines that the street kept, without its own line."""
    return _TOLD.sub(b"", headers)


def own_address(public_url: str, keyring: Keyring, workspace: int, until: int) -> str:
    """Where a browser becomes that workspace's own, good until then (unix seconds)."""
    note = f"{workspace}.{until}"
    return f"{public_url.rstrip('/')}/d/own/{note}.{_seal(keyring, b'inkdot-own', note.encode())}"


def workspace_of(keyring: Keyring, note: str, now: int) -> int | None:
    """The workspace in the last part of such an address; None if we did not make it, or it is over."""
    told, _, seal = note.rpartition(".")
    if not hmac.compare_digest(_seal(keyring, b"inkdot-own", told.encode()).encode(), seal.encode()):
        return None
    workspace, until = map(int, told.split("."))
    return workspace if now <= until else None


def _seal(keyring: Keyring, purpose: bytes, data: bytes) -> str:
    digest = hashlib.blake2b(data, key=keyring.identity, digest_size=16, person=purpose).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
