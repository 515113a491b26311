"""Nothing a stranger sends makes understanding fall: coverage-guided odd input, every ping an event or a named drop.

    python proofs/odd.py            10 minutes
    python proofs/odd.py 60         so many seconds

The first exception, or a ping that became nothing, is printed with the input that did it and ends the proof with a code over 0.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))

with atheris.instrument_imports(include=["inkdot.understand", "inkdot.collect", "inkdot.domain", "inkdot.app.cases"]):
    from inkdot.app.cases import judge_case
    from inkdot.collect.counters import Counters
    from inkdot.collect.deny import Deny
    from inkdot.collect.modes import Modes
    from inkdot.collect.replies import Replies
    from inkdot.collect.request import Judge, Proxies
    from inkdot.collect.routes import Street
    from inkdot.collect.salt import Salt
    from inkdot.collect.website import Website
    from inkdot.domain.consent import Mode
    from inkdot.domain.contact import Address
    from inkdot.domain.ids import ContactId, PingId, WorkspaceId
    from inkdot.domain.ping import Ping, ping_id
    from inkdot.domain.token import Keyring, Token, TokenKind
    from inkdot.journal.record import decode, frames
    from inkdot.understand.known import NothingKnown
    from inkdot.understand.steps import Understanding

SECONDS = 600
KEYS = Keyring.fresh(lambda count: bytes(range(count)))
BEN = Address("ben@example.com")
SEEDS = (
    b"\0User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0\r\nAccept: */*\r\n",
    b"\1User-Agent: Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)\r\n",
    b'\2"7",{"k":"view","u":"https://example.com/?utm_source=x&q=roof","r":"https://www.google.com/","p":0.5,"q":0}',
    b'\2"",{"k":"goal","u":"https://example.com/","n":"bought","x":{"price":"9"},"e":1.5}',
    b"\3https://xn--bcher-kva.example/%zz?q=a\0https://example.com/?utm_medium=cpc&gclid=1",
    b"\4Outlook-iOS/2.0\x002001:db8::1\0dnt      1",
    b'\5{"visit":1,"page":3,"seconds":2.5}',
)


def sealed(kind: TokenKind, where: bytes = b"") -> bytes:
    who = (ContactId(0), None) if kind is TokenKind.SITE else (KEYS.contact_id(1, BEN), BEN)
    return KEYS.seal(Token(kind, Mode.INDIVIDUAL, WorkspaceId(1), 1, 1, 7, *who, where))


MARKS = {
    0: sealed(TokenKind.DOT),
    1: sealed(TokenKind.CLICK, b"https://example.com/"),
    5: sealed(TokenKind.SHARE),
}
SITE = KEYS.sign(KEYS.read(sealed(TokenKind.SITE, b"example.com"))).encode()


class Door:
    """Who calls at the street, and where its records go."""

    peer = bytes(10) + b"\xff\xff\xc6\x33\x64\x07"

    def __init__(self) -> None:
        self.records = b""

    def add(self, _waiter: object, _reply: bytes, _unrecorded: bytes, record: bytes) -> None:
        self.records = record


class Odd:
    """Understands one odd input after the other."""

    def __init__(self, folder: Path) -> None:
        self.door: Any = Door()
        counters, replies, proxies = Counters(), Replies(0.0), Proxies()
        modes, deny = Modes(folder / "modes"), Deny(folder / "deny")
        street = Street(KEYS, self.door, replies, counters, proxies, str, deny, modes)
        self.website = Website(street, KEYS, self.door, replies, counters, proxies, Salt(folder, 0.0), modes, deny)
        self.judge, self.number = Judge(8_192, KEYS), 0
        self.understanding = Understanding(KEYS, NothingKnown())

    def one(self, data: bytes) -> None:
        """The first byte says what it is."""
        what, rest = (data[0] % 6, data[1:]) if data else (0, b"")
        if what in MARKS:
            lines, target, body = (rest, b"", b"") if what < 2 else (b"", rest[:9], rest)
            address = (rest + bytes(16))[:16]
            self.understand(lambda ping: Ping(ping, ping * 50, "GET", address, MARKS[what], lines, target, body))
        elif what == 2:
            self.sent_by_a_page(rest)
        else:
            words = [word.decode("utf-8", "surrogateescape") for word in [*rest.split(b"\0"), b"", b""]]
            if what == 3:
                judge_case({"id": 1, "referrer": words[0], "page_url": words[1]})
            else:
                judge_case({"id": 1, "ua": words[0], "ip": words[1], "headers": {w[:9]: w[9:] for w in words[2:]}})

    def sent_by_a_page(self, rest: bytes) -> None:
        lines = self.judge(b"Origin: https://example.com\r\nUser-Agent: " + rest[:40].replace(b"\n", b"") + b"\r\n")
        self.website.sent(self.door, b"/e", lines, b'["' + SITE + b'",' + rest + b"]")
        kept, self.door.records = self.door.records, b""
        for frame in frames(kept, 0, sealed=True):
            payload = frame.payload or b""
            self.understand(lambda ping, payload=payload: decode(payload, ping))

    def understand(self, made: Callable[[PingId], Ping]) -> None:
        self.number += 1
        if self.number % 5_000 == 0:
            self.understanding = Understanding(KEYS, NothingKnown())
        outcome = self.understanding.batch([made(ping_id(0, 1, 16 + self.number * 8))])
        assert outcome.events or outcome.dropped, "a ping became nothing"


def main() -> None:
    """Run for the time asked for."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds = folder / "seeds"
        seeds.mkdir()
        for number, seed in enumerate(SEEDS):
            (seeds / str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *options, str(seeds)], Odd(folder).one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
