"""Journal to queryable event: pings per second and core, on a realistic batch of clients, people and messages."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from pathlib import Path

from inkdot.app.folder import Folder
from inkdot.app.house import House
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import Token, TokenKind
from inkdot.journal.record import encode
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.settings import Settings

AGENTS = (
    b"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    b"Mozilla/5.0",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%d.0) Gecko/20100101 Thunderbird/%d.2.0",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36",
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    b"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.%d; Pro)",
)


def agent(chance: random.Random) -> bytes:
    template = chance.choice(AGENTS)
    number = chance.randrange(80, 140)
    return template % ((number,) * template.count(b"%d")) if b"%d" in template else template


def fill(folder: Folder, count: int, people: int = 2_000, messages: int = 200) -> None:
    """Write `count` pings into the journal."""
    chance = random.Random(1)
    keys = folder.keyring()
    addresses = [Address(f"person{n}@example.com") for n in range(people)]
    ids = [keys.contact_id(1, a) for a in addresses]
    blocks = [
        b"Host: t.example.com\r\nUser-Agent: "
        + agent(chance)
        + b"\r\nAccept: */*\r\nAccept-Language: "
        + lang
        + b"\r\n"
        for lang in (b"en", b"de", b"fr")
        for _ in range(100)
    ]
    networks = [
        bytes(10) + b"\xff\xff" + bytes([chance.choice((66, 104, 93, 84)), *chance.randbytes(3)]) for _ in range(3_000)
    ]
    writer = Writer(street_folder(folder.journal, 0))
    now = time.time_ns() // 1000
    for start in range(0, count, 1_000):
        records = []
        for n in range(start, start + 1_000):
            person = chance.randrange(people)
            click = chance.random() < 0.1
            token = Token(
                TokenKind.CLICK if click else TokenKind.DOT, Mode.INDIVIDUAL, WorkspaceId(1), 1, 1_700_000_000,
                chance.randrange(1, messages), ids[person], addresses[person], b"https://www.example.com/a?b=1" if click else b"",
            )  # fmt: skip
            records.append(
                encode(b"GET", now + n * 20, chance.choice(networks), keys.seal(token), chance.choice(blocks))
            )
        writer.commit(b"".join(records))
    writer.close()


def measure(count: int = 200_000) -> dict[str, float]:
    """Pings per second of CPU and of wall time."""
    root = Path(tempfile.mkdtemp(prefix="inkdot-bench-"))
    try:
        folder = Folder(root)
        fill(folder, 1_000)
        house = House(folder, Settings())
        house.pipeline.drain()  # tables are read when the first ping comes: once in the life of a server
        fill(folder, count)
        wall, cpu = time.perf_counter(), time.process_time()
        done = house.pipeline.drain()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        kept = house.store.size()[0]
        house.close()
        assert done == count
        assert kept >= count + 1_000
        return {
            "pings": count,
            "per_second": count / wall,
            "per_second_and_core": count / cpu,
            "us_per_ping": wall / count * 1e6,
        }
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    import cProfile
    import pstats

    if os.environ.get("PROFILE"):
        profile = cProfile.Profile()
        profile.enable()
        print(measure())
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    else:
        print(measure())
