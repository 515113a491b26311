"""Memory of the whole tree when nothing happens: one street, office and reading room on a fresh folder. Prints one JSON object.

`pss`: what the kernel counts, which is less while others run the same libraries. `alone`: what it would be if nobody else did:
each process's own pages, and of each file the pages of the process that has most of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REST_SECONDS = 9
"""The first chores come after five."""


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from tree(int(child))


def weigh(pid: int) -> tuple[float, float, dict[str, float]]:
    """MB of a process: as the kernel counts, its own, and by file what it has of it in memory."""
    pss = own = 0.0
    files: dict[str, float] = defaultdict(float)
    file, resident = "", 0.0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        word, _, rest = line.partition(":")
        value = rest.split()
        if " " in word:
            file = line.split(maxsplit=5)[5] if "/" in line else ""
        elif word == "Pss":
            pss += int(value[0]) / 1024
        elif word == "Rss":
            resident = int(value[0]) / 1024
        elif word == "Anonymous":
            own += int(value[0]) / 1024
            files[file] += resident - int(value[0]) / 1024
    return pss, own, files


def measure(rest: float = REST_SECONDS) -> dict[str, float]:
    """Start, rest, weigh."""
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-") as root:
        command = [
            sys.executable,
            "-m",
            "inkdot",
            "serve",
            "--data",
            f"{root}/data",
            "--public-port",
            "0",
            "--office-port",
            "0",
        ]
        with subprocess.Popen([*command, "--no-setup-link"], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            assert server.stdout.readline().startswith("ready ")
            time.sleep(rest)
            found = {}
            most: dict[str, float] = defaultdict(float)
            total = alone = 0.0
            for pid in tree(server.pid):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                name = words[2].decode().removeprefix("inkdot.").partition(".")
                pss, own, files = weigh(pid)
                found[name[0] if name[0] != "app" else name[2]] = round(pss, 1)
                total += pss
                alone += own
                for file, size in files.items():
                    most[file] = max(most[file], size)
            server.terminate()
    return found | {"pss": round(total, 1), "alone": round(alone + sum(most.values()), 1)}


if __name__ == "__main__":
    print(json.dumps(measure(*map(float, sys.argv[1:]))))
