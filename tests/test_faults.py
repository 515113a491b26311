"""What is acknowledged is kept exactly once: kill -9, full disks, failing syncs, damaged stores. The long form is in proofs/."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.conftest import BEN, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json, traced


class Ledger:
    """Sends numbered clicks and notes which were acknowledged."""

    def __init__(self, server: Server, copy: dict[str, object]) -> None:
        self.server, self.copy = server, copy
        self.acknowledged: list[str] = []
        self.refused = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(4)]

    def _send(self, thread: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            agent = f"Mozilla/5.0 (ping {thread}-{number})"
            try:
                status, headers, _ = self.server.get(str(self.copy["dots"][0]), User_Agent=agent)  # type: ignore[index]
            except (OSError, HTTPException):
                # Trying without a pause would soon connect a socket to itself on the closed port.
                self._stop.wait(0.02)
                continue
            if status == 200:
                self.acknowledged.append(agent)
            else:
                assert headers.get("inkdot-recorded") == "0"
                self.refused += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def stored_agents(data: Path) -> Counter[str]:
    lines = inkdot("events", "--data", data, "--json").stdout.splitlines()
    return Counter(json.loads(line)["raw"]["agent"] for line in lines)


def test_twenty_kills_of_streets_office_and_the_whole_tree_lose_and_double_nothing(tmp_path: Path) -> None:
    chance = random.Random(2026)
    victims = ["street-0", "street-1", "office", "tree"] * 5
    chance.shuffle(victims)
    server = Server(tmp_path / "data", "--streets", "2")
    copy = server.mark()[0]
    acknowledged: list[str] = []
    for victim in victims:
        # A new ledger per cycle: agents are told apart by the cycle.
        with Ledger(server, copy) as ledger:
            eventually(lambda: len(ledger.acknowledged) > chance.randrange(5, 60))
            if victim == "tree":
                os.kill(server.process.pid, signal.SIGKILL)
                server.process.wait()
                eventually(no_children(server))
            else:
                eventually(lambda name=victim, at=server: name in at.children())  # type: ignore[misc]
                os.kill(server.children()[victim], signal.SIGKILL)
                grown(ledger, 5)  # how soon is held to by proofs
        if victim == "tree":
            server.stop()
            server = Server(tmp_path / "data", "--streets", "2")
            copy = json.loads(json.dumps(copy).replace(copy["dots"][0].split("/o/")[0], server.public))
        acknowledged += ledger.acknowledged
    server.stop()
    sent, stored = Counter(acknowledged), stored_agents(tmp_path / "data")
    assert not {agent: count for agent, count in sent.items() if stored[agent] < count}
    assert inkdot_json("verify", "--data", tmp_path / "data")["ok"]


def no_children(server: Server) -> Callable[[], bool]:
    return lambda: not server.children()


def grown(ledger: Ledger, by: int) -> None:
    """Wait until so many more were acknowledged."""
    before = len(ledger.acknowledged)
    eventually(lambda: len(ledger.acknowledged) > before + by)


def test_no_orphan_outlives_the_supervisor(own_server: Server) -> None:
    children = own_server.children()
    assert set(children) == {"street-0", "office", "room"}
    os.kill(own_server.process.pid, signal.SIGKILL)
    eventually(lambda: not [pid for pid in children.values() if alive(pid)])


def test_a_server_waits_for_ports_that_a_killed_one_still_holds(own_server: Server) -> None:
    children, port = own_server.children(), urlsplit(own_server.public).port or 0
    os.kill(own_server.process.pid, signal.SIGKILL)
    eventually(lambda: not [pid for pid in children.values() if alive(pid)])
    own_server.process.communicate()
    # A child that waits for its disk dies late, and cannot be made to here.
    with socket.create_server(("127.0.0.1", port)) as held:

        def let_go() -> None:
            eventually(lambda: "waiting_for_port" in own_server.talk.read_text())
            held.close()

        dying = threading.Thread(target=let_go)
        dying.start()
        own_server.options = ("--public-port", str(port))
        own_server.start()
        dying.join()
    assert own_server.get("/healthz")[0] == 200
    assert urlsplit(own_server.public).port == port


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_an_answer_leaves_only_after_its_record_is_synced(own_server: Server, tmp_path: Path) -> None:
    copy = own_server.mark()[0]
    trace = tmp_path / "trace"
    street = own_server.children()["street-0"]
    calls = "trace=pwrite64,fdatasync,write,sendto,sendmsg,writev"
    tracer = subprocess.Popen(["strace", "-f", "-q", "-s", "16", "-e", calls, "-o", str(trace), "-p", str(street)])
    eventually(lambda: traced(street))
    for _ in range(20):
        assert own_server.get(copy["dots"][0], User_Agent=THUNDERBIRD)[0] == 200
    tracer.terminate()
    tracer.wait()
    order = []
    for line in trace.read_text().splitlines():
        if "pwrite64(" in line:
            order.append("written")
        elif re.search(r"fdatasync(\(\d+\)| resumed>\))\s+= 0", line):
            order.append("synced")
        elif '"HTTP/1.1 200' in line:
            order.append("answered")
    assert order.count("answered") == 20
    assert order == ["written", "synced", "answered"] * 20


def test_a_failing_sync_acknowledges_nothing_and_heals(own_server: Server) -> None:
    copy = own_server.mark()[0]
    street = own_server.children()["street-0"]
    tracer = subprocess.Popen(
        ["strace", "-f", "-q", "-o", "/dev/null", "-e", "inject=fdatasync:error=EIO:when=3", "-p", str(street)]
    )
    eventually(lambda: traced(street))
    answers = []
    for number in range(8):
        try:
            status, headers, body = own_server.get(copy["dots"][0], User_Agent=f"Mozilla/5.0 (sync {number})")
            answers.append((number, status, headers.get("inkdot-recorded"), len(body)))
        except OSError:
            eventually(lambda: own_server.get("/healthz")[0] == 200)
    tracer.wait(PATIENCE)
    assert [a[1:] for a in answers].count((503, "0", 43)) >= 1  # until its door is closed it tells that nothing is kept
    kept = {f"Mozilla/5.0 (sync {n})" for n, status, *_ in answers if status == 200}
    assert len(kept) >= 4
    eventually(lambda: kept <= set(stored_agents(own_server.data)))


def test_a_full_disk_answers_503_redirects_and_recovers_without_a_hand(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", str(disk)], check=False).returncode:
        pytest.fail("this test mounts a small tmpfs and needs to be root")
    try:
        server = Server(disk / "data")
        copy = server.mark()[0]
        server.get(copy["dots"][0], User_Agent="Mozilla/5.0 (before)")
        ballast = disk / "ballast"
        with (
            ballast.open("wb", buffering=0) as file,
            contextlib.suppress(OSError),
        ):  # what is kept back would fail at the end
            while True:
                file.write(bytes(1 << 14))
        # Fill the segment that was reserved before the disk was full, until records are refused.
        lines = {f"X-Filler-{n}": "y" * 900 for n in range(8)}
        acknowledged = 0
        for _ in range(20_000):
            status, headers, body = server.get(copy["dots"][0], **lines)
            if status == 503:
                break
            acknowledged += 1
        assert (status, headers["inkdot-recorded"], len(body)) == (503, "0", 43)
        status, headers, _ = server.get(copy["links"][0]["url"], **lines)
        assert (status, headers["inkdot-recorded"]) == (302, "0")
        assert server.get("/healthz")[0] == 503
        ballast.unlink()
        eventually(lambda: server.get(copy["dots"][0], User_Agent="Mozilla/5.0 (after)")[0] == 200)
        assert server.get("/healthz")[0] == 200
        found = eventually(lambda: (a := stored_agents(disk / "data"))["Mozilla/5.0 (after)"] and a)
        assert found["Mozilla/5.0 (before)"] == 1
        assert found.total() == acknowledged + 2
        server.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A stopped folder with some events, and their ids."""
    server = Server(tmp_path_factory.mktemp("whole") / "data")
    copy = server.mark(QUOTE, BEN)[0]
    for number in range(30):
        server.get(copy["dots"][0], User_Agent=f"Mozilla/5.0 (number {number})")
    events = server.timeline(at_least=30)
    server.stop()
    return server.data, [e["id"] for e in events]


@pytest.fixture
def folder(tmp_path: Path, whole_folder: tuple[Path, list[str]]) -> tuple[Path, list[str]]:
    """A copy of it, to be damaged."""
    data, ids = whole_folder
    return Path(shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))), ids


@pytest.mark.parametrize("kind", ["deleted", "emptied", "cut", "noise", "overwritten"])
def test_a_damaged_store_is_set_aside_and_rebuilt_by_itself(folder: tuple[Path, list[str]], kind: str) -> None:
    data, ids = folder
    store = data / "events.duckdb"
    content = store.read_bytes()
    if kind == "deleted":
        store.unlink()
    else:
        middle = len(content) // 2
        noise = random.Random(7).randbytes(4_096)
        broken = {
            "emptied": b"",
            "cut": content[:5_000],
            "noise": noise * 3,
            "overwritten": noise * 4 + content[middle:],
        }
        store.write_bytes(broken[kind])
    server = Server(data)
    copy_answer = server.get("/healthz")[0]
    assert copy_answer == 200
    assert [e["id"] for e in server.timeline(at_least=30)] == ids
    server.stop()


@pytest.mark.parametrize("flips", [1, 1_000])
def test_bits_that_flip_under_a_running_server_lose_nothing(folder: tuple[Path, list[str]], flips: int) -> None:
    data, ids = folder
    server = Server(data)
    chance = random.Random(9)
    with (data / "events.duckdb").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)  # of the open file: the office may put it aside before the last bit flips
        for _ in range(flips):
            place = chance.randrange(size)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    dot = server.mark(QUOTE, BEN)[0]["dots"][0]
    for number in range(30, 60):
        assert server.get(dot, User_Agent=f"Mozilla/5.0 (number {number})")[0] == 200
    assert len(server.timeline(at_least=60)) == 60
    server.stop()
    server = Server(data)
    events = server.timeline(at_least=60)
    assert [e["id"] for e in events][:30] == ids
    assert len(events) == 60
    assert inkdot_json("verify", "--data", data)["ok"]
    server.stop()


def test_rebuild_gives_the_same_events_while_the_server_runs(own_server: Server) -> None:
    copy = own_server.mark()[0]
    for number in range(20):
        own_server.get(copy["dots"][number % 2], User_Agent=f"Mozilla/5.0 (number {number // 3})")
        own_server.get(copy["links"][0]["url"], User_Agent=THUNDERBIRD)
    before = own_server.timeline(at_least=40)
    answer = inkdot_json("rebuild", "--data", own_server.data)
    assert answer["events"] == answer["events_before"]
    after = own_server.timeline(at_least=40)
    for event in (*before, *after):
        event.pop("final")
    assert sorted(before, key=lambda e: e["id"]) == sorted(after, key=lambda e: e["id"])


def test_a_backup_made_under_load_restores_on_an_empty_machine(own_server: Server, tmp_path: Path) -> None:
    copy = own_server.mark()[0]
    with Ledger(own_server, copy) as ledger:
        eventually(lambda: len(ledger.acknowledged) > 50)
        before = list(ledger.acknowledged)
        inkdot("backup", tmp_path / "inkdot.tar", "--data", own_server.data)
    restored = inkdot_json("restore", tmp_path / "inkdot.tar", "--data", tmp_path / "new")
    assert restored["ok"]
    found = stored_agents(tmp_path / "new")
    assert all(found[agent] == 1 for agent in before)
    again = inkdot("restore", tmp_path / "inkdot.tar", "--data", tmp_path / "new", check=False)
    assert (again.returncode, "not empty" in again.stderr) == (2, True)


def test_old_segments_go_only_after_a_copy_of_the_store_was_made(folder: tuple[Path, list[str]]) -> None:
    data, ids = folder
    (data / "inkdot.toml").write_text("journal_days = 1\n")
    week_ago = time.time() - 8 * 86_400
    for segment in (data / "journal").rglob("*.seg"):
        os.utime(segment, (week_ago, week_ago))
    server = Server(data)
    copy = server.mark(QUOTE, "later@example.com")[0]
    server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    server.timeline("later@example.com", at_least=1)
    inkdot("tidy", "--data", data)
    server.stop()
    assert not (data / "journal" / "street-0" / "00000001.seg").exists()
    assert (data / "backups" / "events.duckdb").exists()
    (data / "events.duckdb").unlink()
    shutil.rmtree(data / "run")
    assert [e["id"] for e in json.loads(inkdot("timeline", BEN, "--data", data, "--json").stdout)["events"]] == ids


def test_a_taken_port_a_taken_folder_and_newer_data_are_one_sentence_each(own_server: Server, tmp_path: Path) -> None:
    port = own_server.public.rsplit(":", 1)[1]
    taken = inkdot("serve", "--data", tmp_path / "other", "--public-port", port, "--office-port", "0", check=False)
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
    assert "--public-port" in taken.stderr
    twice = inkdot("serve", "--data", own_server.data, "--public-port", "0", "--office-port", "0", check=False)
    assert (twice.returncode, "Another Inkdot process" in twice.stderr) == (1, True)
    assert own_server.timeline() == []  # its store is open
    own_server.stop()
    with sqlite3.connect(own_server.data / "control.db") as control:
        control.execute("INSERT INTO migrations VALUES (9999, 'of the future')")
    control.close()
    before = (own_server.data / "events.duckdb").read_bytes()
    newer = inkdot("serve", "--data", own_server.data, "--public-port", "0", "--office-port", "0", check=False)
    assert (newer.returncode, "newer Inkdot" in newer.stderr) == (1, True)
    assert (own_server.data / "events.duckdb").read_bytes() == before
    assert inkdot("timeline", BEN, "--data", own_server.data, check=False).returncode == 1


def test_sigterm_under_load_loses_nothing(own_server: Server) -> None:
    copy = own_server.mark()[0]
    with Ledger(own_server, copy) as ledger:
        eventually(lambda: len(ledger.acknowledged) > 50)
        assert own_server.stop() == 0
    assert set(ledger.acknowledged) <= set(stored_agents(own_server.data))


def test_a_store_that_a_killed_process_has_not_let_go_of_is_waited_for(folder: tuple[Path, list[str]]) -> None:
    data, ids = folder
    hold = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(data / "events.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dying:
        assert dying.stdout
        dying.stdout.readline()
        server = Server(data)
        assert server.get(server.office + "/healthz")[0] == 503
        dying.kill()
    assert [e["id"] for e in server.timeline(at_least=30)] == ids
    server.stop()
