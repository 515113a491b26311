"""The street door: what it answers, and what it refuses."""

from __future__ import annotations

import ctypes
import platform
import random
import re
import socket
import struct
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import PATIENCE, QUOTE, THUNDERBIRD, Server

GIF_BYTES = 43


def raw(server: Server, data: bytes) -> bytes:
    """Send bytes as they are; everything that comes back until the connection closes or falls silent."""
    parts = urlsplit(server.public)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


def path(url: str) -> str:
    return urlsplit(url).path


@pytest.fixture(scope="module")
def copy(server: Server) -> dict[str, Any]:
    return server.mark(QUOTE, "door@example.com")[0]


def test_known_and_unknown_dots_answer_with_the_same_bytes(server: Server, copy: dict[str, Any]) -> None:
    known = server.get(copy["dots"][0])
    unknown = server.get("/o/" + "A" * 84 + ".gif")
    short = server.get("/o/x.gif")
    for status, headers, body in (known, unknown, short):
        assert (status, len(body), headers["content-type"], headers["cache-control"]) == (
            200,
            GIF_BYTES,
            "image/gif",
            "no-store",
        )
    assert {k: v for k, v in known[1].items() if k != "date"} == {k: v for k, v in unknown[1].items() if k != "date"}


def test_forged_links_lead_nowhere(server: Server) -> None:
    url = server.mark(QUOTE, "forger@example.com")[0]["links"][0]["url"]
    chance = random.Random(1)
    token = list(path(url)[3:])
    for _ in range(300):
        forged = token.copy()
        forged[chance.randrange(len(forged))] = chance.choice("abcXYZ019-_%/.")
        if forged != token:
            status, headers, _ = server.get("/c/" + "".join(forged))
            assert (status, "location" in headers) == (404, False)
    for extra in ("?url=https://evil.example", "?next=//evil.example"):
        assert server.get(url + extra)[1]["location"].startswith("https://www.example.com/")


def test_a_dot_token_is_no_link_and_a_link_token_no_dot(server: Server, copy: dict[str, Any]) -> None:
    token = path(copy["dots"][0])[3:-4]
    assert server.get(f"/c/{token}")[0] == 404


def test_head_and_options_are_answered_without_a_body(server: Server, copy: dict[str, Any]) -> None:
    status, headers, body = server.get(copy["dots"][1], method="HEAD")
    assert (status, headers["content-length"], body) == (200, str(GIF_BYTES), b"")
    assert server.get(copy["dots"][1], method="OPTIONS")[0] == 204


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/", 404), ("GET", "/admin", 404), ("POST", "/o/x.gif", 405), ("DELETE", "/", 405)],
)
def test_everything_else_is_refused_plainly(server: Server, method: str, target: str, status: int) -> None:
    assert server.get(target, method=method)[0] == status


def test_pipelined_requests_are_answered_in_order(server: Server, copy: dict[str, Any]) -> None:
    dot, link = path(copy["dots"][0]), path(copy["links"][0]["url"])
    requests = b"".join(f"GET {t} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for t in (dot, "/nothing", link, dot) * 20)
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", raw(server, requests))
    assert [s.decode() for s in statuses] == ["200", "404", "302", "200"] * 20


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked\x0b\r\n",
        b"Content-Length: 5\r\n",
        b"Bad Name: x\r\n",
        b"X: a\r\n folded\r\n",
        b"X: a\nY: b\r\n",
        b"X: \x00\r\n",
    ],
)
def test_requests_that_two_programs_could_read_differently_are_refused_and_closed(server: Server, head: bytes) -> None:
    answer = raw(
        server, b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\n" + head + b"\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    assert answer.split(b" ")[1] in (b"400", b"413")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in answer


USUAL = "Host: t.example.com\r\nUser-Agent: {agent}\r\nAccept: image/*\r\n\r\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("/o/", "/o/A"),
        ("/o/", "/o/\x01"),
        ("/o/", "/o/ "),
        ("/o/", "/o/\r\nContent-Length: 5\r\nX: "),
        ("/o/", "/o/\n\n"),
        ("/o/", "/o/../o/"),
        ("/o/", "/O/"),
        ("GET ", "get "),
        ("GET ", "GET  "),
        ("GET ", "POST "),
        ("GET ", "HEAD "),
        ("GET ", "GET http://t.example.com"),
        ("GET ", "\r\nGET "),
        (".gif", ".gif?x=1"),
        (".gif", "%.gif"),
        (".gif", ".gif.gif"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("HTTP/1.1", "HTTP/1.1 "),
        ("HTTP/1.1", "HTTP/1.1\r\nConnection: close"),
        ("GET ", None),
    ],
)
def test_header_lines_heard_before_change_no_answer(
    server: Server, copy: dict[str, Any], old: str, new: str | None
) -> None:
    line = f"GET {path(copy['dots'][0])} HTTP/1.1\r\n"
    changed = line.replace(old, new) if new is not None else ""
    fresh, usual = (USUAL.format(agent=f"Program/{uuid.uuid4()}") for _ in range(2))
    assert raw(server, (line + usual).encode()).startswith(b"HTTP/1.1 200")
    # Whether our end of sending is seen before the answer is made, and so told in it, is a matter of chance.
    answers = [
        re.sub(rb"Date: [^\r]*|\r\nConnection: close", b"", raw(server, (changed + lines).encode("latin-1")))
        for lines in (fresh, usual, usual)
    ]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("[1]", "[1,2]"),
        ("[1]", "["),
        ("[1]", ""),
        ("[1]", "[1]GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("[1]", "[1]\r\n\r\n"),
        (": 3", ": 03"),
        (": 3", ": +3"),
        (": 3", ": 3 "),
        (": 3", ":3"),
        (": 3", ": 3, 3"),
        (": 3", ": 3\nX: y"),
        (": 3", ": 3\r\nContent-Length: 3"),
        (": 3", ": 3\r\nTransfer-Encoding: chunked"),
        ("Content-Length: 3\r\n", ""),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Content-Length", "content-length"),
        ("/e ", "/e?x=1 "),
        ("/e ", "/f "),
        ("/e ", "/e\r\nContent-Length: 3\r\nX: "),
        ("POST", "PUT"),
        ("POST", "PATCH"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("HTTP/1.1", "HTTP/1.1\r\nConnection: close"),
    ],
)
def test_heads_of_events_heard_before_change_no_answer(server: Server, old: str, new: str) -> None:
    heads = [
        f"POST /e HTTP/1.1\r\nHost: t.example.com\r\nUser-Agent: Program/{uuid.uuid4()}\r\nContent-Length: 3\r\nAccept: */*\r\n\r\n[1]"
        for _ in range(2)
    ]
    assert raw(server, heads[1].encode()).startswith(b"HTTP/1.1 202")
    answers = [
        re.sub(rb"Date: [^\r]*|\r\nConnection: close", b"", raw(server, head.replace(old, new, 1).encode()))
        for head in (*heads, heads[1])
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_program_that_asks_again_is_written_down_as_the_first_time(own_server: Server) -> None:
    copies = [own_server.mark(QUOTE, f"again-{n}@example.com")[0] for n in range(3)]
    usual = USUAL.format(agent=THUNDERBIRD)
    raw(own_server, b"".join(f"GET {path(c['dots'][0])} HTTP/1.1\r\n{usual}".encode() for c in copies))
    for each in copies:
        raw(own_server, f"GET {path(each['dots'][1])} HTTP/1.1\r\n{usual}".encode())
    for n in range(3):
        both = own_server.timeline(f"again-{n}@example.com", at_least=2)
        assert len({str(event["raw"]) for event in both}) == 1
        assert both[0]["raw"]["headers"]["accept"] == "image/*"


def test_a_head_over_16_kilobytes_is_refused(server: Server) -> None:
    assert raw(server, b"GET /o/x.gif HTTP/1.1\r\nX: " + b"a" * 17_000 + b"\r\n\r\n").split(b" ")[1] == b"431"
    assert raw(server, b"GET /o/x.gif HTTP/1.1\r\nX: " + b"a" * 15_000 + b"\r\n\r\n").split(b" ")[1] == b"200"


def test_connection_close_and_old_http_close_the_connection(server: Server, copy: dict[str, Any]) -> None:
    for request in (b"GET %s HTTP/1.0\r\n\r\n", b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
        answer = raw(server, request % path(copy["dots"][0]).encode())
        assert answer.startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")


def test_a_request_in_small_pieces_is_heard(server: Server, copy: dict[str, Any]) -> None:
    parts = urlsplit(server.public)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        for byte in f"GET {path(copy['dots'][0])} HTTP/1.1\r\nHost: x\r\n\r\n".encode():
            connection.sendall(bytes([byte]))
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("first", range(1, 9))
def test_a_request_may_begin_with_any_small_piece(server: Server, copy: dict[str, Any], first: int) -> None:
    parts = urlsplit(server.public)
    request = f"GET {path(copy['dots'][0])} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(request[:first])
        server.get("/healthz")  # answered after the piece was read: it came first
        connection.sendall(request[first:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_silent_connections_do_not_keep_out_a_person_behind_the_same_address(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("crowd") / "data"
    folder.mkdir()
    (folder / "inkdot.toml").write_text("connections_per_address = 20\n")
    crowded = Server(folder)
    parts = urlsplit(crowded.public)
    silent = [socket.create_connection((parts.hostname or "", parts.port or 0)) for _ in range(100)]
    try:
        assert crowded.get("/healthz")[0] == 200
        assert crowded.get("/o/x.gif")[0] == 200
    finally:
        for connection in silent:
            connection.close()
        crowded.stop()


def test_an_address_is_believed_only_from_our_own_proxies(own_server: Server) -> None:
    copy = own_server.mark()[0]
    own_server.get(copy["dots"][0], User_Agent="Mozilla/5.0", X_Forwarded_For="104.28.79.5")
    (event,) = own_server.timeline(at_least=1)
    assert event["raw"]["network"] == ["private"]
    assert "x-forwarded-for" not in event["raw"]["headers"]


def test_the_right_hop_is_taken_behind_a_proxy(server: Server) -> None:
    copy = server.mark(QUOTE, "hops@example.com")[0]
    server.get(copy["dots"][0], User_Agent="Mozilla/5.0", X_Forwarded_For="66.249.84.1, 104.28.79.5")
    server.get(copy["dots"][1], User_Agent=THUNDERBIRD, X_Forwarded_For="<script>, 104.28.79.5, garbage")
    first, second = server.timeline("hops@example.com", at_least=2)
    assert first["raw"]["network"] == ["apple_egress"]
    assert second["raw"]["network"] == ["private"]


def test_known_and_unknown_dots_take_the_same_time(own_server: Server) -> None:
    known = path(own_server.mark()[0]["dots"][0])
    unknown = known[:20] + ("A" if known[20] != "A" else "B") + known[21:]
    parts = urlsplit(own_server.public)
    spent: dict[str, list[float]] = {known: [], unknown: []}
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        for turn in range(600):
            target = (known, unknown)[turn % 2]
            begun = time.perf_counter()
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b";"):
                answer += connection.recv(4_096)
            spent[target].append(time.perf_counter() - begun)
    # How often a known one is slower than an unknown one: half the time if nothing can be told (Mann-Whitney's U / n^2).
    slower = sum(a > b for a in spent[known] for b in spent[unknown]) / (300 * 300)
    assert 0.40 < slower < 0.60


def slice_of(thread: int) -> float:
    """Milliseconds that a thread may run before another may take its turn, as the kernel says it."""
    told = ctypes.create_string_buffer(56)
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
    assert ctypes.CDLL(None, use_errno=True).syscall(number, thread, told, len(told), 0) == 0
    return float(struct.unpack_from("=Q", told, 24)[0]) / 1e6


@pytest.mark.skipif(
    tuple(map(int, re.findall(r"\d+", platform.release())[:2])) < (6, 12)
    or platform.machine() not in ("x86_64", "aarch64"),
    reason="threads have slices of their own since Linux 6.12",
)
def test_each_thread_of_a_street_runs_in_short_slices_and_the_office_in_usual_ones(server: Server) -> None:
    processes = server.children()
    threads = [int(task.name) for task in Path(f"/proc/{processes['street-0']}/task").iterdir()]
    assert len(threads) > 1
    assert {slice_of(thread) for thread in threads} == {0.1}
    assert slice_of(processes["office"]) > 1
