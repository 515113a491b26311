"""Durably acknowledged pings per second against nginx `empty_gif`, in one run, alternated, on the same cores.

nginx answers from memory and logs to a buffer it never syncs; the street answers when the record is on disk. What wrk counted
as answered is compared with what is found in the journal afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from inkdot.collect.config import StreetConfig
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import Keyring, Token, TokenKind
from inkdot.journal.reader import Reader

SECONDS, ROUNDS = 3, 3
NGINX = """
worker_processes {workers}; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log {folder}/access.log combined buffer=64k flush=1s; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port} backlog=4096 reuseport; location /o/ {{ empty_gif; add_header Cache-Control no-store; }} }} }}
"""
LUA = """
local tokens = {{ {tokens} }}
local agents = {{ "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "Mozilla/5.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148" }}
local i = 0
request = function()
  i = i + 1
  return wrk.format("GET", "/o/" .. tokens[i % #tokens + 1] .. ".gif", {{ ["User-Agent"] = agents[i % 4 + 1],
    ["Accept"] = "image/avif,image/webp,image/*,*/*;q=0.8", ["Accept-Language"] = "en-GB,en;q=0.9",
    ["Accept-Encoding"] = "gzip, deflate, br", ["Referer"] = "https://mail.example.com/", ["Host"] = "t.example.com" {close} }})
end
{delay}
"""


class Run(NamedTuple):
    """One turn of wrk."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    answered: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(folder: Path, workers: int, cores: str) -> Iterator[tuple[int, list[int]]]:
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(workers=workers, folder=folder, port=port))
    process = subprocess.Popen(["taskset", "-c", cores, "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    time.sleep(0.5)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    try:
        yield port, [int(c) for c in children]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def streets(folder: Path, count: int, cores: str) -> Iterator[tuple[int, list[int]]]:
    (folder / "run").mkdir(parents=True, exist_ok=True)
    port = free_port()
    processes = []
    for number in range(count):
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        door.bind(("127.0.0.1", port))
        door.listen(4096)
        reading, writing = os.pipe()
        config = StreetConfig(str(folder), number, door.fileno(), writing, (), 100_000).to_json()
        command = ["taskset", "-c", cores, sys.executable, "-m", "inkdot.collect.process", config]
        processes.append(subprocess.Popen(command, pass_fds=(door.fileno(), writing)))
        os.read(reading, 1)
        door.close()
    try:
        yield port, [p.pid for p in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def ticks(pids: list[int]) -> int:
    return sum(sum(map(int, Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) for p in pids)


def load(port: int, pids: list[int], script: Path, connections: int, cores: str, threads: int) -> Run:
    before = ticks(pids)
    command = [
        "taskset",
        "-c",
        cores,
        "wrk",
        f"-t{threads}",
        f"-c{connections}",
        f"-d{SECONDS}s",
        "--latency",
        "-s",
        str(script),
    ]
    text = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    answered = int(re.search(r"(\d+) requests in", text)[1])
    assert "Non-2xx" not in text, text
    cpu = (ticks(pids) - before) * 10_000 / max(1, answered)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return Run(rate, milliseconds(text, 50), milliseconds(text, 99), cpu, answered)


def milliseconds(text: str, percentile: int) -> float:
    value, unit = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1_000}[unit]


def script(folder: Path, keys: Keyring, *, close: bool, delay_ms: float = 0) -> Path:
    people = [Address(f"client{n}@example.com") for n in range(256)]
    tokens = [
        keys.sign(Token(TokenKind.DOT, Mode.INDIVIDUAL, WorkspaceId(1), 1, 1, n + 1, keys.contact_id(1, a), a, b""))
        for n, a in enumerate(people)
    ]
    path = folder / f"load-{close}-{delay_ms}.lua"
    header = ', ["Connection"] = "close"' if close else ""
    delay = f"delay = function() return {delay_ms:.3f} end" if delay_ms else ""
    path.write_text(LUA.format(tokens=",".join(f'"{t}"' for t in tokens), close=header, delay=delay))
    return path


def fdatasync_ms(folder: Path) -> tuple[float, float]:
    fd = os.open(folder / "probe", os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, bytes(1 << 22), 0)
    os.fsync(fd)
    spent = []
    for n in range(1_000):
        begun = time.perf_counter()
        os.pwrite(fd, os.urandom(400), n * 400)
        os.fdatasync(fd)
        spent.append((time.perf_counter() - begun) * 1_000)
    os.close(fd)
    spent.sort()
    return spent[500], spent[990]


def compare(name: str, connections: int, *, workers: int = 1, close: bool = False) -> None:
    """One line: both sides, medians of ROUNDS alternated turns, and whether all that was answered is on disk."""
    split = workers == 1
    server_cores, client_cores = ("0", "1") if split else ("0,1", "0,1")
    root = Path(tempfile.mkdtemp(prefix="inkdot-bench-"))
    try:
        keys = Keyring.fresh(os.urandom)
        data = root / "data"
        data.mkdir()
        (data / "keys.json").write_text(keys.to_json())
        lua = script(root, keys, close=close)
        theirs, ours = [], []
        with nginx(root, workers, server_cores) as peer, streets(data, workers, server_cores) as street:
            for _ in range(ROUNDS):
                theirs.append(load(*peer, lua, connections, client_cores, workers))
                ours.append(load(*street, lua, connections, client_cores, workers))
        kept = on_disk(data)
        assert kept >= sum(r.answered for r in ours), (
            f"answered but not on disk: {sum(r.answered for r in ours) - kept}"
        )
        a, b = median(theirs), median(ours)
        print(
            f"{name:34} ratio {b.per_second / a.per_second:5.2f}  inkdot {b.per_second:8,.0f}/s {b.cpu_us:5.1f} us p50 {b.p50_ms:5.2f}"
            f" p99 {b.p99_ms:6.2f} ms | nginx {a.per_second:8,.0f}/s {a.cpu_us:5.1f} us p50 {a.p50_ms:5.2f} p99 {a.p99_ms:6.2f} ms"
            f" | cpu x{b.cpu_us / a.cpu_us:4.2f} | {kept:,} on disk",
            flush=True,
        )
        if split and not close and connections == 256:
            at_half(root, keys, b.per_second / 2)
    finally:
        shutil.rmtree(root)


def at_half(root: Path, keys: Keyring, rate: float) -> None:
    """p99 at half of the own maximum: each connection waits between its requests."""
    data = root / "half"
    data.mkdir()
    (data / "keys.json").write_text(keys.to_json())
    connections = 64
    lua = script(root, keys, close=False, delay_ms=connections / rate * 1_000)
    with streets(data, 1, "0") as street:
        runs = [load(*street, lua, connections, "1", 1) for _ in range(ROUNDS)]
    got = median(runs)
    print(
        f"{'p99 at about half the maximum':34} {got.per_second:8,.0f}/s p50 {got.p50_ms:5.2f} p99 {got.p99_ms:6.2f} ms",
        flush=True,
    )


def median(runs: list[Run]) -> Run:
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))


def on_disk(data: Path) -> int:
    reader, count = Reader(data / "journal", {}), 0
    while (batch := reader.read(100_000)).end:
        count += len(batch.pings)
        assert not batch.damage
    return count


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        p50, p99 = fdatasync_ms(Path(name))
    print(f"fdatasync of one record here: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    only = sys.argv[1:] or ["256", "64", "both", "close"]
    if "256" in only:
        compare("keep-alive, 256 connections", 256)
    if "64" in only:
        compare("keep-alive, 64 connections", 64)
    if "both" in only:
        compare("2 processes on 2 shared cores, 256", 256, workers=2)
    if "close" in only:
        compare("connection: close, 256", 256, close=True)


if __name__ == "__main__":
    main()
