"""Hours of a usual mix: what the processes hold stays flat, answers stay quick, and every acknowledged ping is there once.

    python proofs/soak.py 24        hours; 0.1 if none are given
    python proofs/soak.py 24 200    requests a second

After the first tenth of the time (an hour of a day): memory of the tree grows by less than 1 MB an hour, files, threads and
temporary files stay, the 99th percentile drifts by less than a fifth. Under an hour the slope says nothing and is only told.
Dots, clicks, website events, the reports a person looks at, a new mail now and then. Prints a line each thirtieth of the time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import Server, eventually, inkdot, inkdot_json

LOOKS = 30
PROGRAMS = 20_000
"""As many as a large list of readers has. Where each ping has its own, memory grows until what is remembered of programs is full."""
MOST_GROWTH, MOST_DRIFT = 1.0, 1.2


class Look(NamedTuple):
    """What the tree holds, in MB, open files, threads and files outside journal and store; and how quick it was since the last one."""

    hours: float
    memory: float
    files: int
    threads: int
    passing: int
    p99: float


def look(server: Server, hours: float, seconds: list[float]) -> Look:
    pids = [server.process.pid, *server.children().values()]
    memory = sum(
        int(line.split()[1])
        for pid in pids
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Anonymous:")
    )
    files = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids)
    passing = len(list((server.data / "run").rglob("*")))
    return Look(hours, memory / 1024, files, threads, passing, statistics.quantiles(seconds, n=100)[98])


def soak(hours: float, rate: float) -> None:
    with tempfile.TemporaryDirectory(prefix="inkdot-soak-") as root:
        server = Server(Path(root) / "data")
        try:
            key = inkdot_json("site", "add", "example.com", "--data", server.data)["key"]
            copy = server.mark()[0]
            sent, looks, seconds = 0, [], []
            acknowledged: Counter[str] = Counter()
            start = time.monotonic()
            while (passed := time.monotonic() - start) < hours * 3_600:
                time.sleep(max(0.0, sent / rate - passed))
                begun = time.perf_counter()
                kind = one(server, copy, key, sent)
                seconds.append(time.perf_counter() - begun)
                acknowledged[kind] += 1
                sent += 1
                if sent % int(rate * 60) == 0:
                    inkdot("report", "mail", "--data", server.data, "--json")
                    copy = server.mark()[0]
                if len(seconds) > 1 and passed >= hours * 3_600 / LOOKS * (len(looks) + 1):
                    looks.append(look(server, passed / 3_600, seconds))
                    seconds = []
                    print(json.dumps(looks[-1]._asdict()), flush=True)
            judge(server, looks, acknowledged, hours)
        finally:
            server.stop()


def one(server: Server, copy: dict[str, object], key: str, number: int) -> str:
    """One request of the mix; fails if it is not acknowledged."""
    agent = {"User-Agent": f"Mozilla/5.0 (soak {number % PROGRAMS})"}
    if number % 10 == 9:
        event = json.dumps([key, f"n{number}", {"k": "view", "u": f"https://example.com/{number % 50}"}]).encode()
        told = agent | {"Origin": "https://example.com", "Content-Type": "text/plain"}
        with urllib.request.urlopen(urllib.request.Request(f"{server.public}/e", event, told), timeout=20) as answer:
            assert answer.status == 202
            assert json.load(answer)["accepted"] == 1
        return "view"
    click = number % 10 == 4
    url = copy["links"][0]["url"] if click else copy["dots"][0]  # type: ignore[index]
    assert server.get(str(url), **agent)[0] == (302 if click else 200)
    return "click" if click else "open"


def judge(server: Server, looks: list[Look], acknowledged: Counter[str], hours: float) -> None:
    def kept() -> Counter[str]:
        said = subprocess.run(
            [sys.executable, "-m", "inkdot", "events", "--data", str(server.data), "--json"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return Counter(e["kind"] for e in map(json.loads, said.stdout.splitlines()) if not inferred(e))

    found = eventually(lambda: not acknowledged - (all_kept := kept()) and all_kept, 120)
    steady = [seen for seen in looks if seen.hours >= hours / 10]
    slope = statistics.linear_regression([s.hours for s in steady], [s.memory for s in steady]).slope
    drift = statistics.median(s.p99 for s in steady[-5:]) / statistics.median(s.p99 for s in steady[:5])
    more = {name: getattr(steady[-1], name) - getattr(steady[0], name) for name in ("files", "threads", "passing")}
    print(
        f"{sum(acknowledged.values())} acknowledged, kept {dict(found)}; {slope:.2f} MB/h, p99 x{drift:.2f}, more: {more}"
    )
    exact = found == acknowledged and max(more.values()) <= 2
    if not exact or (hours >= 1 and (slope > MOST_GROWTH or drift > MOST_DRIFT)):
        sys.exit("NOT FLAT")


def inferred(event: dict[str, object]) -> bool:
    """An open that only a click tells of: no request of its own."""
    return any(e["rule"] == "C1" for e in event["evidence"])  # type: ignore[attr-defined]


if __name__ == "__main__":
    words = [float(word) for word in sys.argv[1:]]
    soak(words[0] if words else 0.1, words[1] if len(words) > 1 else 200.0)
