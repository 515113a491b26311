"""What a machine does to those who run on it: single calls that fail, a disk that takes nothing, no memory, a bad network."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.conftest import BEN, PATIENCE, Server, eventually, inkdot, inkdot_json, traced
from tests.test_faults import Ledger, alive, grown, stored_agents
from tests.test_minimal import FAKETIME, faked, turned

MEMORY = Path("/sys/fs/cgroup")

FILLER = {f"X-Filler-{n}": "y" * 900 for n in range(8)}
FILLED = 4_100
"""Pings with a filler in most of a segment."""


@contextmanager
def injected(pid: int, *faults: str, path: Path | None = None) -> Iterator[None]:
    """System calls of a process fail as strace's `inject` says; with `path` only those about it."""
    rules = [word for fault in faults for word in ("-e", f"inject={fault}")]
    about = ["-P", str(path)] if path else []
    tracer = subprocess.Popen(["strace", "-f", "-q", "-o", "/dev/null", *rules, *about, "-p", str(pid)])
    eventually(lambda: traced(pid))
    try:
        yield
    finally:
        tracer.terminate()
        try:
            tracer.wait(20)
        except subprocess.TimeoutExpired:  # it may wait for ever for a process that was just ending
            tracer.kill()
            tracer.wait(PATIENCE)


def ask(server: Server, url: str, number: int, **more: str) -> tuple[int, str]:
    """One ping by a program of that number: (status, agent); status 0 where the connection broke, once the door is open again."""
    agent = f"Mozilla/5.0 (try {number})"
    with contextlib.suppress(OSError):
        return server.get(url, User_Agent=agent, **more)[0], agent
    eventually(lambda: is_well(server))
    return 0, agent


def is_well(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.get("/healthz")[0] == 200
    return False


def kept_once(server: Server, told: list[tuple[int, str]]) -> None:
    """The base rule: what was acknowledged is kept, nothing twice, nothing that nobody sent."""
    acknowledged, sent = {agent for status, agent in told if status == 200}, {agent for _, agent in told}
    found = eventually(lambda: acknowledged <= set(kept := stored_agents(server.data)) and kept)
    found.pop("Mozilla/5.0 (filler)", None)
    assert set(found) <= sent
    assert set(found.values()) == {1}


@pytest.mark.skipif(not FAKETIME.exists(), reason="faketime is not installed")
def test_a_clock_that_goes_back_and_forth_loses_and_doubles_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    with faked(clock):
        server = Server(tmp_path / "data")
    dot, told = server.mark()[0]["dots"][0], []
    for number, offset in enumerate(("+0", "-2h", "+1d", "-1d", "+0")):
        turned(clock, offset)
        told.append(ask(server, dot, number))
    assert told[0][0] == 200
    while told[-1][0] != 200:  # connections may end: timers jump along here
        told.append(ask(server, dot, len(told)))
        assert len(told) < 100
    kept_once(server, told)
    inkdot("rebuild", "--data", server.data)
    kept_once(server, told)
    assert inkdot_json("verify", "--data", server.data)["ok"]
    server.stop()


@pytest.mark.parametrize(
    "fault", ["pwrite64:error=ENOSPC", "pwrite64:error=EIO", "pwrite64:retval=0", "fdatasync:error=EIO"]
)
def test_a_call_that_fails_once_acknowledges_nothing_that_is_not_kept(own_server: Server, fault: str) -> None:
    dot = own_server.mark()[0]["dots"][0]
    told: list[tuple[int, str]] = []
    for nth in (1, 4):
        with injected(own_server.children()["street-0"], f"{fault}:when={nth}"):
            told += [ask(own_server, dot, len(told) + number) for number in range(8)]
        eventually(lambda: is_well(own_server))
    refused = [status for status, _ in told if status != 200]
    # A write of nothing is tried again. Everything else costs the one ping, and the next where the process ends over it.
    assert len(refused) == 0 if "retval" in fault else 2 <= len(refused) <= 4
    kept_once(own_server, told)


def test_whoever_pings_while_a_sync_fails_is_told_and_the_street_ends_at_once(own_server: Server) -> None:
    dot, street = own_server.mark()[0]["dots"][0], own_server.children()["street-0"]
    with contextlib.ExitStack() as crowd:
        lines = [crowd.enter_context(Kept(own_server)) for _ in range(6)]
        with injected(street, "fdatasync:error=EIO:delay_enter=3000000:when=1"):
            for number, line in enumerate(lines):
                line.say(dot, f"Mozilla/5.0 (try {number})")
            told = [(line.heard(), f"Mozilla/5.0 (try {number})") for number, line in enumerate(lines)]
    assert {status for status, _ in told} == {503}
    eventually(lambda: own_server.children().get("street-0", street) != street)
    told.append(ask(own_server, dot, 6))
    assert told[-1][0] == 200
    kept_once(own_server, told)


def test_a_write_that_stops_in_the_middle_of_a_record_loses_nothing_before_it_and_keeps_no_half(
    own_server: Server,
) -> None:
    dot = own_server.mark()[0]["dots"][0]
    told = [ask(own_server, dot, number) for number in range(5)]
    street = own_server.children()["street-0"]
    segment = max((own_server.data / "journal" / "street-0").glob("*.seg"))
    end = len(segment.read_bytes().rstrip(b"\0"))
    resource.prlimit(street, resource.RLIMIT_FSIZE, (end + 40, resource.RLIM_INFINITY))
    told.append(ask(own_server, dot, len(told)))
    assert told[-1][0] != 200
    eventually(lambda: own_server.children().get("street-0", street) != street)
    told += [ask(own_server, dot, len(told) + more) for more in range(3)]
    assert [status for status, _ in told].count(200) == 5 + 3
    kept_once(own_server, told)


@pytest.mark.parametrize(
    "fault", ["openat:error=EMFILE:when=1", "fsync:error=EIO:when=1", "rename:error=ENOSPC:when=1..2"]
)
def test_a_new_segment_that_cannot_be_begun_loses_nothing(own_server: Server, fault: str) -> None:
    dot = own_server.mark()[0]["dots"][0]
    folder = own_server.data / "journal" / "street-0"
    with Kept(own_server) as kept:
        assert {kept.ask(dot, "Mozilla/5.0 (filler)", **FILLER) for _ in range(FILLED)} == {200}
    first, told = max(folder.glob("*.seg")), [(200, "Mozilla/5.0 (filler)")]
    about = None if fault.startswith("rename") else folder
    with injected(own_server.children()["street-0"], fault, path=about):
        while max(folder.glob("*.seg")) == first or told[-1][0] != 200:
            told.append(ask(own_server, dot, len(told), **FILLER))
            assert len(told) < 20_000
        told += [ask(own_server, dot, len(told) + more) for more in range(5)]
    assert [status for status, _ in told if status != 200], "the fault was never met"
    kept_once(own_server, told)


class Kept:
    """One connection that is kept."""

    def __init__(self, server: Server) -> None:
        place = urlsplit(server.public)
        self._host = place.netloc
        self._socket = socket.create_connection((place.hostname, place.port), PATIENCE)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, dot: str, agent: str, **headers: str) -> int:
        self.say(dot, agent, **headers)
        return self.heard()

    def say(self, dot: str, agent: str, **headers: str) -> None:
        lines = [f"GET {urlsplit(dot).path} HTTP/1.1", f"Host: {self._host}", f"User-Agent: {agent}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def heard(self) -> int:
        status, length = int(self._answers.readline().split()[1]), 0
        while line := self._answers.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._answers.read(length)
        return status


def test_a_disk_that_turns_read_only_says_so_and_heals_without_a_hand(own_server: Server) -> None:
    copy, names = own_server.mark()[0], own_server.children()
    assert ask(own_server, copy["dots"][0], 0)[0] == 200
    own_server.timeline(at_least=1)
    metrics = own_server.office + "/metrics"
    eventually(
        lambda: b"inkdot_chores_total 1" in own_server.get(metrics)[2]
    )  # what they cannot write is another matter
    refuses = "pwrite64,fdatasync,fsync,ftruncate,rename,fallocate:error=EROFS"
    with injected(names["street-0"], refuses.replace("fdatasync,fsync,", "")), injected(names["office"], refuses):
        status, headers, body = own_server.get(copy["dots"][0], User_Agent="Mozilla/5.0 (try 1)")
        assert (status, headers["inkdot-recorded"], len(body)) == (503, "0", 43)
        status, headers, _ = own_server.get(copy["links"][0]["url"], User_Agent="Mozilla/5.0 (try 2)")
        assert (status, headers["inkdot-recorded"]) == (302, "0")
        status, _, why = own_server.get("/healthz")
        assert (status, why.strip()) == (503, b"The journal cannot be written: Read-only file system.")
        assert len(own_server.timeline(BEN)) == 1
    eventually(lambda: ask(own_server, copy["dots"][0], 3)[0] == 200)
    assert is_well(own_server)
    assert own_server.children() == names
    eventually(lambda: "Mozilla/5.0 (try 3)" in stored_agents(own_server.data))


@contextmanager
def starved(pid: int, name: str) -> Iterator[Path]:
    """A process that may take next to no memory more, until the kernel kills it: cgroups of version 1, or 2 where those are not."""
    old = MEMORY / "memory"
    group = (old if old.is_dir() else MEMORY) / name
    group.mkdir()
    try:
        (group / ("memory.limit_in_bytes" if old.is_dir() else "memory.max")).write_text("4096")
        (group / "cgroup.procs").write_text(str(pid))
        yield group
    finally:
        eventually(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


@pytest.mark.parametrize("victim", ["street-0", "office"])
def test_a_process_killed_for_its_memory_loses_nothing_and_comes_back(own_server: Server, victim: str) -> None:
    copy, pid = own_server.mark()[0], own_server.children()[victim]
    with Ledger(own_server, copy) as ledger:
        grown(ledger, 5)
        with starved(pid, f"inkdot-test-{pid}"):
            eventually(lambda: not alive(pid))
        eventually(lambda: own_server.children().get(victim, pid) != pid)
        grown(ledger, 5)
    assert '"exit_code": -9' in own_server.talk.read_text()
    found = eventually(lambda: set(ledger.acknowledged) <= set(kept := stored_agents(own_server.data)) and kept)
    assert set(found.values()) == {1}
    assert inkdot_json("verify", "--data", own_server.data)["ok"]


RESET = struct.pack("ii", 1, 0)  # close with a reset instead of a farewell


def through(server: Server, request: bytes, sent: int, read: int, ending: str) -> bytes:
    """What comes back over a line that carries so many bytes there and back, then is reset, half closed or dead."""
    place = urlsplit(server.public)
    with socket.create_connection((place.hostname, place.port), PATIENCE) as line:
        for at in range(0, sent, 50):
            line.sendall(request[at : min(at + 50, sent)])
        if ending == "half-open" and sent < len(request):
            line.shutdown(socket.SHUT_WR)
        heard = b""
        while len(heard) < read and (more := line.recv(min(50, read - len(heard)))):
            heard += more
        if ending == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif ending == "dead":
            with contextlib.suppress(ConnectionError):
                while line.recv(4_096):
                    pass
    return heard


@pytest.mark.parametrize("ending", ["reset", "half-open", "dead"])
def test_lines_that_break_anywhere_end_and_lose_nothing(own_server: Server, ending: str) -> None:
    dot = urlsplit(own_server.mark()[0]["dots"][0]).path
    whole = b"HTTP/1.1 200"

    def one(number: int) -> tuple[int, str]:
        agent = f"Mozilla/5.0 (try {number})"
        request = f"GET {dot} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode()
        sent = len(request) * min(number, 12) // 12
        heard = through(own_server, request, sent, 0 if sent < len(request) else 40 * (number - 12), ending)
        return 200 * heard.startswith(whole), agent

    with ThreadPoolExecutor(20) as crowd:
        told = list(crowd.map(one, range(1, 21)))
    assert [status for status, _ in told].count(200) == 8
    kept_once(own_server, told)
    assert is_well(own_server)
    street = own_server.children()["street-0"]
    eventually(lambda: not sockets_with_peers(street))


def sockets_with_peers(pid: int) -> list[str]:
    """The process's connections over TCP."""
    own = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            own.add(str(fd.readlink()))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] != "0A" and f"socket:[{row[9]}]" in own]
