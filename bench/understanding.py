"""What understanding costs: microseconds of CPU per ping for a realistic batch, all-new agents, evil agents; memory of the tables.

python bench/understanding.py
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.ping import Ping, ping_id
from inkdot.domain.token import Keyring, Token, TokenKind
from inkdot.understand.known import NothingKnown
from inkdot.understand.steps import Understanding

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.{}.0 Safari/537.36"
)
_SECOND = 1_000_000


def batch(count: int, agent: Callable[[int], str]) -> list[Ping]:
    """Pings of many people on many mails, an hour apart in all."""
    chance = random.Random(1)
    keys = Keyring.fresh(os.urandom)
    batch.keys = keys  # type: ignore[attr-defined]
    people = [Address(f"person{n}@example.com") for n in range(2_000)]
    ids = [keys.contact_id(1, a) for a in people]
    found = []
    for n in range(count):
        who = chance.randrange(len(people))
        token = Token(
            TokenKind.DOT, Mode.INDIVIDUAL, WorkspaceId(1), 1, 1, chance.randrange(1, 500), ids[who], people[who], b""
        )
        address = bytes(10) + b"\xff\xff" + bytes([chance.choice((66, 84, 93, 104)), *chance.randbytes(1), 7, 7])
        lines = f"User-Agent: {agent(n)}\r\nAccept: */*\r\n".encode()
        found.append(
            Ping(
                ping_id(0, 1 + n // 60_000, 16 + n % 60_000 * 8),
                (1_790_000_000 + n // 30) * _SECOND,
                "GET",
                address,
                keys.seal(token),
                lines,
            )
        )
    return found


def cost(pings: list[Ping]) -> float:
    """Microseconds of CPU per ping."""
    understanding = Understanding(batch.keys, NothingKnown())  # type: ignore[attr-defined]
    begun = time.process_time()
    for start in range(0, len(pings), 20_000):
        understanding.batch(pings[start : start + 20_000])
    return (time.process_time() - begun) / len(pings) * 1e6


def main() -> None:
    """Print the numbers."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cost(batch(100, lambda n: CHROME.format(n, n)))
    tables = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    realistic = cost(batch(100_000, lambda n: CHROME.format(80 + n % 60, n % 5)))
    fresh = cost(batch(2_000, lambda n: CHROME.format(n, n)))
    evil = cost(batch(1_000, lambda n: f"Mozilla/5.0 ({n}" + "(a;) Version/" * 780))
    print(
        {
            "tables_mb": round(tables),
            "realistic_us": round(realistic, 1),
            "new_agent_us": round(fresh),
            "evil_agent_us": round(evil),
        }
    )


if __name__ == "__main__":
    main()
