"""The gate before a document: passcode, address, lists, a mailed code. What was shown once is remembered by the browser."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from inkdot.domain.contact import Address, normal_address
from inkdot.domain.document import Gate, Share
from inkdot.domain.errors import BadAddress, Failure
from inkdot.room.seals import Seals

CODE_SECONDS = 900
_SALT_BYTES = 16
_TRIES, _TRIES_OF_ALL, _TRY_SECONDS = 10, 100, 900.0
_HASHING = threading.BoundedSemaphore(2)  # 16 MB each
_MOST_REMEMBERED = 50_000

Send = Callable[[Address, str, str], None]
"""Sends a mail (to, subject, text). Raises Failure."""


def passcode_digest(passcode: str, salt: bytes | None = None) -> bytes:
    """What is kept of a passcode: salt and scrypt digest, 40 ms of work."""
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    with _HASHING:
        return salt + hashlib.scrypt(passcode.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=32)


def fits(passcode: str, kept: bytes) -> bool:
    """True if this is the passcode."""
    return hmac.compare_digest(passcode_digest(passcode, kept[:_SALT_BYTES]), kept)


class Viewer(NamedTuple):
    """What the browser remembers of its reader."""

    address: Address | None = None
    proved: bool = False


class Standing(NamedTuple):
    """Where somebody stands before a document."""

    needs: str | None
    """What must be shown next: passcode, email, code; None to come in."""
    trouble: str | None = None
    """Why the last try did not do, in a sentence."""
    cookies: Mapping[str, str] = {}
    """What the browser is to keep from now on; an empty value forgets."""
    address: str = ""
    """What was typed, to be shown again."""


class Tries:
    """Counts tries, so that nobody guesses passcodes or codes."""

    def __init__(self) -> None:
        self._counts: dict[tuple[object, ...], tuple[float, int]] = {}

    def again(self, now: float, most: int, *who: object) -> bool:
        """True if there may be one more try now (seconds), after `most` in a quarter of an hour."""
        begun, count = self._counts.get(who, (now, 0))
        if not 0 <= now - begun <= _TRY_SECONDS:  # a clock that was set back must lock nobody out until the old time
            begun, count = now, 0
        if len(self._counts) > _MOST_REMEMBERED:
            self._counts = {k: v for k, v in self._counts.items() if now - v[0] <= _TRY_SECONDS}
        self._counts[who] = begun, count + 1
        return count < most


KEY, READER, CODE = "inkdot_key", "inkdot_reader", "inkdot_code"
"""Cookies: the passcode was given; who reads; a code is on its way."""


class Keeper:
    """Decides who may come in."""

    def __init__(self, seals: Seals, send: Send | None, now: Callable[[], float]) -> None:
        """`send` is None where no mail server is set; `now` gives unix seconds."""
        self._seals, self._send, self._now = seals, send, now
        self._tries = Tries()

    def viewer(self, cookies: Mapping[str, str]) -> Viewer:
        """Who reads, as far as this browser said."""
        note = self._seals.open("reader", cookies.get(READER, ""))
        return Viewer(Address(note[0]), bool(note[1])) if note else Viewer()

    def standing(self, share: Share, cookies: Mapping[str, str]) -> Standing:
        """What somebody with these cookies must still show."""
        if share.passcode and self._seals.open("key", cookies.get(KEY, "")) != self._key(share):
            return Standing("passcode")
        if share.gate is Gate.OPEN:
            return Standing(None)
        viewer = self.viewer(cookies)
        if viewer.address is None or (share.gate is Gate.PROVED and not viewer.proved):
            waiting = self._waiting(share, cookies)
            return Standing("code", address=waiting) if waiting else Standing("email", address=viewer.address or "")
        if not share.admits(viewer.address):
            return Standing("email", _not_admitted(viewer.address))
        return Standing(None)

    def show(self, share: Share, cookies: Mapping[str, str], said: Mapping[str, str], client: str) -> Standing:
        """Somebody shows something at the gate. Raises Failure where a mail cannot be sent."""
        needs = self.standing(share, cookies).needs
        if said.get("back"):
            return Standing("email", cookies={CODE: ""})
        if needs is None:
            return Standing(None)
        now = self._now()
        if not (self._tries.again(now, _TRIES, share.id, client) and self._tries.again(now, _TRIES_OF_ALL, share.id)):
            return Standing(needs, "That were too many tries. Wait a quarter of an hour, or ask the sender.")
        if needs == "passcode":
            return self._passcode(share, said)
        return self._code(share, cookies, said) if needs == "code" else self._email(share, said)

    def _passcode(self, share: Share, said: Mapping[str, str]) -> Standing:
        if share.passcode and fits(said.get("passcode", ""), share.passcode):
            return Standing(None, cookies={KEY: self._seals.seal("key", self._key(share))})
        return Standing("passcode", "That is not the passcode. The sender knows it.")

    def _email(self, share: Share, said: Mapping[str, str]) -> Standing:
        typed = said.get("email", "")
        try:
            address = normal_address(typed)
        except BadAddress as error:
            return Standing("email", str(error), address=typed)
        if not share.admits(address):
            return Standing("email", _not_admitted(address), address=typed)
        if share.gate is Gate.EMAIL:
            return Standing(None, cookies={READER: self._seals.seal("reader", [address, False])})
        if self._send is None:
            raise Failure("This document asks for a mailed code, but no mail can be sent from here. Tell the sender.")
        code = f"{secrets.randbelow(1_000_000):06d}"
        text = (
            f"{code} is your code to read the document that was shared with you.\n"
            "It works for a quarter of an hour. If you did not ask for it, ignore this mail.\n"
        )
        self._send(address, f"Your code: {code}", text)
        note = [share.id, address, self._digest(share, address, code), int(self._now()) + CODE_SECONDS]
        return Standing("code", cookies={CODE: self._seals.seal("code", note)}, address=address)

    def _code(self, share: Share, cookies: Mapping[str, str], said: Mapping[str, str]) -> Standing:
        note = self._seals.open("code", cookies.get(CODE, ""))
        address = Address(note[1])
        code = "".join(c for c in said.get("code", "") if c.isdigit())
        if not hmac.compare_digest(note[2], self._digest(share, address, code)):
            return Standing("code", "That is not the code of the last mail.", address=address)
        return Standing(None, cookies={READER: self._seals.seal("reader", [address, True]), CODE: ""})

    def _waiting(self, share: Share, cookies: Mapping[str, str]) -> str:
        note = self._seals.open("code", cookies.get(CODE, ""))
        return str(note[1]) if note and note[0] == share.id and note[3] > self._now() else ""

    def _digest(self, share: Share, address: Address, code: str) -> str:
        return self._seals.seal("digits", [share.id, address, code])[:22]  # the signature alone, without what it signs

    @staticmethod
    def _key(share: Share) -> list[object]:
        assert share.passcode
        return [share.id, share.passcode[:_SALT_BYTES].hex()]


def _not_admitted(address: Address) -> str:
    return f"This document is not meant for {address}. Use the address it was sent to, or ask the sender."
