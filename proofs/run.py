"""The long proofs: kill -9 and power loss again and again under load; nothing acknowledged is lost, nothing is doubled.

    python proofs/run.py            a short form, minutes
    python proofs/run.py --long     300 kills and 100 power failures (needs root for the loop-mounted disk)
    python proofs/run.py kill 50    one of them, so many times: kill, power

Prints a line per ten cycles and one at the end; exits 1 on the first loss.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import Server, eventually, inkdot_json

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
WITHOUT_FLUSHING_THE_LOG = 2
SENDERS = 6


class Load:
    """Sends pings that can be told apart, and keeps a ledger of those acknowledged."""

    def __init__(self, server: Server, dot: str, cycle: int) -> None:
        self.acknowledged: list[str] = []
        self._server, self._dot, self._cycle = server, dot, cycle
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _send(self, sender: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            agent = f"Mozilla/5.0 (cycle {self._cycle} sender {sender} ping {number})"
            try:
                status, _, _ = self._server.get(self._dot, User_Agent=agent)
            except OSError:
                time.sleep(0.005)
                continue
            if status == 200:
                self.acknowledged.append(agent)

    def stop(self) -> list[str]:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.acknowledged


def stored(data: Path, since: str = "1970-01-01") -> Counter[str]:
    command = [sys.executable, "-m", "inkdot", "events", "--data", str(data), "--since", since, "--json"]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=600
    )  # hundreds of thousands of lines
    return Counter(json.loads(line)["raw"]["agent"] for line in said.stdout.splitlines())


def now() -> str:
    return datetime.now(UTC).isoformat()


def check(data: Path, ledger: list[str], since: str = "1970-01-01") -> None:
    """Acknowledged minus stored is nothing, stored twice is nothing."""
    kept = stored(data, since)
    lost = [agent for agent in ledger if not kept[agent]]
    double = [agent for agent, count in kept.items() if count > 1]
    if lost or double:
        sys.exit(f"LOST {len(lost)} {lost[:3]} DOUBLE {len(double)} {double[:3]}")


def caught_up(data: Path, ledger: list[str], since: str) -> None:
    """Wait until the pipeline has come to everything acknowledged since then."""
    eventually(lambda: not set(ledger) - set(stored(data, since)), 60)


def path_of(dot: str) -> str:
    return "/o/" + dot.split("/o/")[1]


def kill(cycles: int, seed: int = 2026) -> None:
    """Kill -9 of street, office or the whole tree at a random moment."""
    chance = random.Random(seed)
    ledger: list[str] = []
    slowest = 0.0
    victims: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        data = Path(name) / "data"
        server = Server(data, "--streets", "2")
        dot = path_of(server.mark()[0]["dots"][0])
        since, seen = now(), 0  # of the ledger, what was found at the last look; all of it is looked for at the end
        for cycle in range(cycles):
            load = Load(server, dot, cycle)
            time.sleep(chance.uniform(0.05, 0.6))
            victim = chance.choice(["street-0", "street-1", "office", "tree"])
            victims[victim] += 1
            begun = time.monotonic()
            if victim == "tree":
                os.kill(server.process.pid, signal.SIGKILL)
                ledger += load.stop()
                server.stop()
                server = Server(data, "--streets", "2")
            else:
                pid = server.children()[victim]
                os.kill(pid, signal.SIGKILL)
                before = len(load.acknowledged)
                eventually(lambda load=load, before=before: len(load.acknowledged) > before + SENDERS, 10)
                eventually(lambda s=server, victim=victim, pid=pid: s.children().get(victim, pid) != pid, 10)
                ledger += load.stop()
            slowest = max(slowest, time.monotonic() - begun)
            if cycle % 10 == 9:
                caught_up(data, ledger[seen:], since)
                check(data, ledger[seen:], since)
                since, seen = now(), len(ledger)
                print(f"{cycle + 1} kills, {len(ledger)} acknowledged, slowest recovery {slowest:.2f} s", flush=True)
        server.stop()
        check(data, ledger)
        verdict = inkdot_json("verify", "--data", data)
    assert verdict["ok"], verdict
    assert slowest < 5, slowest
    print(
        f"KILL OK: {dict(victims)}, {len(ledger)} acknowledged, 0 lost, 0 double, slowest {slowest:.2f} s, seed {seed}"
    )


def power(cycles: int, seed: int = 2026) -> None:
    """Power loss: the file system is shut down without writing its log, then mounted again."""
    chance = random.Random(seed)
    ledger: list[str] = []
    with tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        image, disk = Path(name) / "disk.img", Path(name) / "disk"
        disk.mkdir()
        with image.open("wb") as file:
            file.truncate(2 << 30)
        subprocess.run(["mkfs.ext4", "-qF", "-m0", str(image)], check=True)
        mount(image, disk)
        try:
            dot = ""
            for cycle in range(cycles):
                server = Server(disk / "data")
                dot = dot or path_of(server.mark()[0]["dots"][0])
                load = Load(server, dot, cycle)
                time.sleep(chance.uniform(0.1, 0.8))
                shut_down(disk)
                ledger += load.stop()
                server.stop(signal.SIGKILL)
                eventually(lambda server=server: not server.children())
                unmount(disk)
                mount(image, disk)
                if cycle % 10 == 9 or cycle == cycles - 1:
                    check(disk / "data", ledger)
                    print(f"{cycle + 1} power failures, {len(ledger)} acknowledged", flush=True)
            assert inkdot_json("verify", "--data", disk / "data")["ok"]
        finally:
            unmount(disk)
    print(f"POWER OK: {cycles} failures, {len(ledger)} acknowledged, 0 lost, 0 double, seed {seed}")


def mount(image: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "loop", str(image), str(disk)], check=True)


def unmount(disk: Path) -> None:
    eventually(lambda: subprocess.run(["umount", str(disk)], capture_output=True, check=False).returncode == 0, 20)


def shut_down(disk: Path) -> None:
    fd = os.open(disk, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FS_IOC_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_LOG))
    finally:
        os.close(fd)


PROOFS = {"kill": (kill, 20, 300), "power": (power, 5, 100)}


def main() -> None:
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    long = "--long" in sys.argv
    if words:
        PROOFS[words[0]][0](int(words[1]) if len(words) > 1 else PROOFS[words[0]][1])
        return
    for proof, short_cycles, long_cycles in PROOFS.values():
        proof(long_cycles if long else short_cycles)


if __name__ == "__main__":
    main()
