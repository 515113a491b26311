"""A million made-up programs, tokens and paths (T24, F25): what the processes hold is bounded, the metrics do not grow, questions stay quick.

    python proofs/strangers.py 1000000        requests; a million if none are given

Half of them ask for one known dot, each as a program of its own, the others for what there is not. No process may grow by 300 MB, no
question take 2 s, and what is unknown leaves no row. Prints a line each tenth.
"""

from __future__ import annotations

import itertools
import random
import re
import socket
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import Server, eventually
from tests.test_threats import port_of, resident_bytes

from inkdot.app.ask import ask

MOST_GROWTH, MOST_SECONDS = 300_000_000, 2.0
AT_ONCE = 50


def flood(server: Server, dot: str, requests: int, seed: int) -> None:
    """On one connection, many at a time: every second one for the dot."""
    chance = random.Random(seed)
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as connection:
        answers = connection.makefile("rb")
        for _ in range(requests // AT_ONCE):
            unknown = itertools.cycle((f"/o/{chance.randbytes(30).hex()}.gif", f"/{chance.randbytes(8).hex()}"))
            targets = [target for _ in range(AT_ONCE // 2) for target in (dot, next(unknown))]
            heads = (f"GET {t} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent(chance)}\r\n\r\n" for t in targets)
            connection.sendall("".join(heads).encode())
            for _ in targets:
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
                answers.read(length)


def agent(chance: random.Random) -> str:
    """One that nobody else has."""
    version = f"{chance.randrange(60, 200)}.0.{chance.randrange(9_999)}.{chance.randrange(999)}"
    system = chance.choice(("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"))
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Safari/537.36 {chance.randbytes(20).hex()}"


def main(requests: int) -> None:
    """Raises AssertionError where something grows."""
    with tempfile.TemporaryDirectory(prefix="inkdot-strangers-") as root:
        server = Server(Path(root) / "data")
        try:
            dot = urlsplit(server.mark()[0]["dots"][0]).path
            flood(server, dot, 1_000, 0)
            eventually(lambda: kept(server) >= 500, 60)
            before = {name: resident_bytes(pid) for name, pid in server.children().items()}
            lines = server.get("/metrics")[2].count(b"\n")
            asked = 1_000
            for tenth in range(1, 11):
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(lambda n, tenth=tenth: flood(server, dot, requests // 20, 10 * tenth + n), range(2)))
                asked += 2 * (requests // 20 // AT_ONCE * AT_ONCE)
                eventually(lambda asked=asked: kept(server) >= asked // 2, 600, 0.5)
                grown = {name: resident_bytes(pid) - before[name] for name, pid in server.children().items()}
                longest = slowest(server)
                told = ", ".join(f"{name} {size / 1e6:+.0f} MB" for name, size in sorted(grown.items()))
                print(f"{asked:9} asked: {told}; slowest question {longest:.2f} s", flush=True)
                assert max(grown.values()) < MOST_GROWTH
                assert longest < MOST_SECONDS
            assert server.get("/metrics")[2].count(b"\n") == lines
        finally:
            server.stop()


def kept(server: Server) -> int:
    """Pings that became events since the start."""
    with urllib.request.urlopen(f"{server.office}/metrics") as answer:
        return int(re.search(rb"(?m)^\S*pipeline_pings_total (\d+)", answer.read())[1])  # type: ignore[index]


def slowest(server: Server) -> float:
    """Seconds of the slowest of the questions that are asked first; each at its best of three, for the machine may be busy."""
    questions: tuple[tuple[str, dict[str, object]], ...] = (
        ("report_mail", {"since": "1d"}), ("report_leads", {}), ("events", {"limit": 50}),
    )  # fmt: skip
    return max(min(seconds(server, *question) for _ in range(3)) for question in questions)


def seconds(server: Server, question: str, what: dict[str, object]) -> float:
    """What one answer takes."""
    begun = time.monotonic()
    list(ask(server.data, question, what))
    return time.monotonic() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
