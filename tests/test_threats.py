"""What strangers may try at the public door, and what they may cost: short forms, as bench/ and proofs/ measure the rest."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import random
import resource
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import BEN, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot_json
from tests.test_faults import stored_agents


def port_of(server: Server) -> int:
    return int(server.public.rsplit(":", 1)[1])


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def silent_connections(port: int, count: int) -> Iterator[None]:
    """So many connections that never say anything."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * count)), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.connect(("127.0.0.1", port))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_no_more_files_may_be_open_pings_are_heard_and_nothing_spins(own_server: Server) -> None:
    dot = own_server.mark()[0]["dots"][0]
    street = own_server.children()["street-0"]
    subprocess.run(["prlimit", "--pid", str(street), "--nofile=128:128"], check=True)
    files = Path(f"/proc/{street}/fd")
    with silent_connections(port_of(own_server), 2_000):
        eventually(lambda: 90 < len(list(files.iterdir())) < 120)
        spent, begun = processor_seconds(street), time.monotonic()
        agents = {f"Mozilla/5.0 (in the crowd {n})" for n in range(30)}
        assert [own_server.get(dot, User_Agent=agent)[0] for agent in agents] == [200] * 30
        assert own_server.get("/healthz")[0] == 200
        eventually(lambda: agents <= set(stored_agents(own_server.data)))
        assert processor_seconds(street) - spent < 0.5 * (time.monotonic() - begun)
    eventually(lambda: len(list(files.iterdir())) < 40)
    assert own_server.children()["street-0"] == street


def _restarted(server: Server, name: str, before: int) -> None:
    eventually(lambda: server.children().get(name, before) != before)


def test_streets_are_restarted_one_after_another_and_who_retries_once_notices_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--streets", "2")
    dot = server.mark()[0]["dots"][0]
    stop = threading.Event()
    heard: list[str] = []
    lost: list[str] = []

    def read(sender: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            agent = f"Mozilla/5.0 (reader {sender}-{number})"
            for last in (False, True):
                try:
                    status = server.get(dot, User_Agent=agent)[0]
                except (OSError, http.client.HTTPException) as error:
                    if last:
                        lost.append(f"{agent}: {error!r}")
                    continue
                (heard if status == 200 else lost).append(agent)
                break

    readers = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(8):
            name = f"street-{turn % 2}"
            before, count = server.children()[name], len(heard)
            os.kill(before, signal.SIGTERM)
            _restarted(server, name, before)
            while len(heard) < count + 20:
                assert not lost
                time.sleep(0.01)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert lost == []
    assert server.stop() == 0
    kept = stored_agents(server.data)
    assert set(heard) <= set(kept)
    assert max(kept.values()) == 1


def test_odd_bodies_cost_a_refusal_each_and_nobody_elses_time(own_server: Server) -> None:
    dot = own_server.mark()[0]["dots"][0]
    street = own_server.children()["street-0"]
    deep = b"[" * 30_000 + b"]" * 30_000
    keys = json.dumps({f"k{n}": n for n in range(5_000)}).encode()
    bomb = gzip.compress(bytes(50_000_000))
    before = resident_bytes(street)
    for body, headers in (
        (deep, {}), (keys, {}), (bomb[:60_000], {"Content-Encoding": "gzip"}), (b"\xff" * 60_000, {}), (b"{}", {"Content-Type": "a" * 9_000}),
        (b"1e999999999", {}), (b'{"a":' * 12_000, {}), (b'"' + b"\\u0000" * 10_000 + b'"', {}),
    ):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", port_of(own_server), timeout=PATIENCE)
        spent = processor_seconds(street)
        connection.request("POST", "/e", body, headers)
        answer = connection.getresponse()
        said = json.loads(answer.read()) if answer.status == 202 else {"accepted": 0}
        assert (answer.status in (202, 400, 413), said["accepted"]) == (True, 0)
        assert processor_seconds(street) - spent < 1
        connection.close()
        assert own_server.get(dot, User_Agent=THUNDERBIRD)[0] == 200
    many_ranges = ",".join(f"{n}-{n}" for n in range(1_000))
    status, headers, body = own_server.get(dot, Range=f"bytes={many_ranges}")
    assert (status, len(body), "content-range" in headers) == (200, 43, False)
    assert resident_bytes(street) - before < 30_000_000


def test_heads_and_bodies_that_drip_are_cut_after_ten_seconds_and_hold_nobody_up(own_server: Server) -> None:
    dot = own_server.mark()[0]["dots"][0]
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        dripping = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port_of(own_server)))) for _ in range(60)
        ]
        for number, connection in enumerate(dripping):
            announced = b"POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
            connection.sendall(announced if number % 2 else b"GET /o/x.gif HTTP/1.1\r\n")
        answers: dict[socket.socket, bytes] = {}
        while len(answers) < len(dripping):
            assert time.monotonic() - begun < PATIENCE
            assert own_server.get(dot, User_Agent=THUNDERBIRD)[0] == 200
            for connection in select.select([c for c in dripping if c not in answers], [], [], 0.2)[0]:
                answers[connection] = connection.recv(4_096)
            for connection in dripping:
                if connection not in answers:
                    with contextlib.suppress(OSError):
                        connection.sendall(b"x")
    assert time.monotonic() - begun > 9
    assert {answer[:12] for answer in answers.values()} == {b"HTTP/1.1 408"}


def test_a_body_that_is_only_announced_is_refused_before_it_comes(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=PATIENCE) as connection:
        connection.sendall(b"POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


def test_what_strangers_make_up_grows_neither_the_metrics_nor_the_memory(own_server: Server) -> None:
    dot = urlsplit(own_server.mark()[0]["dots"][0]).path
    street = own_server.children()["street-0"]
    chance = random.Random(3)

    def ask(requests: int) -> None:
        with socket.create_connection(("127.0.0.1", port_of(own_server)), timeout=PATIENCE) as connection:
            answers = connection.makefile("rb")
            for _ in range(requests // 20):
                targets = [chance.choice((dot, f"/o/{chance.randbytes(30).hex()}.gif", f"/c/{chance.randbytes(9).hex()}", f"/{chance.randbytes(8).hex()}")) for _ in range(20)]  # fmt: skip
                heads = (f"GET {t} HTTP/1.1\r\nHost: {chance.randbytes(6).hex()}\r\nUser-Agent: {chance.randbytes(40).hex()}\r\n\r\n" for t in targets)  # fmt: skip
                connection.sendall("".join(heads).encode())
                for _ in targets:
                    length = 0
                    while (line := answers.readline()) != b"\r\n":
                        assert line, "the line was cut"
                        length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
                    answers.read(length)

    ask(1_000)
    eventually(lambda: b"inkdot_street_requests_total 1" in own_server.get("/metrics")[2])
    lines, memory = own_server.get("/metrics")[2].count(b"\n"), resident_bytes(street)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, [5_000] * 4))
    assert own_server.get("/metrics")[2].count(b"\n") == lines
    assert resident_bytes(street) - memory < 40_000_000


def test_one_open_repeated_a_thousand_times_is_one_open_and_its_repeats(own_server: Server) -> None:
    copies = {copy["to"]: copy for copy in own_server.mark(QUOTE, BEN, "eve@example.com")}
    flood = urlsplit(copies[BEN]["dots"][0]).path
    head = f"GET {flood} HTTP/1.1\r\nHost: x\r\nUser-Agent: {THUNDERBIRD}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port_of(own_server)), timeout=PATIENCE) as connection:
        for _ in range(50):
            connection.sendall(head * 20)
            answered = b""
            while answered.count(b"HTTP/1.1 200") < 20 or not answered.endswith(b";"):
                answered += connection.recv(65_536)
        assert own_server.get(copies["eve@example.com"]["dots"][0], User_Agent=THUNDERBIRD)[0] == 200
    counts = eventually(
        lambda: (c := inkdot_json("timeline", BEN, "--data", own_server.data)["counts"])["repeats"] == 999 and c
    )
    assert counts["opens_sure"] == 1
    own_server.timeline("eve@example.com", at_least=1)  # heard last, and understood perhaps by a batch of its own
    report = inkdot_json("report", "mail", "--data", own_server.data)["messages"][0]
    assert (report["opened_between"], report["opened"]["sure"]) == ([2, 2], 2)


def test_the_office_answers_whoever_writes_odd_letters_into_a_secret(server: Server) -> None:
    office = urlsplit(server.office)
    for odd in ("Bearer \xe9\xff", "Bearer", "\xff"):
        connection = http.client.HTTPConnection(office.hostname or "", office.port, timeout=PATIENCE)
        connection.request("POST", "/ask/events", headers={"Authorization": odd})
        assert connection.getresponse().status == 401
        connection.close()
