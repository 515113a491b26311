"""What the street hands over to the reading room: whole, in turn, by its rules, and never in the way of pings."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import PATIENCE, Server, eventually
from tests.room.made import Browser, share


def talk(server: Server, data: bytes, answers: int = 1) -> bytes:
    """Bytes in, bytes out, until so many answers came or the connection ended."""
    parts = urlsplit(server.public)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(data)
        got = b""
        while got.count(b"HTTP/1.1 ") < answers or not got.endswith((b"</html>\n", b"</html>", b"ok\n", b";", b"\n")):
            part = connection.recv(65_536)
            if not part:
                break
            got += part
        return got


def test_dots_and_documents_share_a_connection_in_turn(server: Server, offer: Path) -> None:
    path = urlsplit(share(server, offer)["url"]).path.encode()
    asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    read = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path
    dot = b"GET /o/none.gif HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = talk(server, asked + dot + read + dot + read + last, 6)
    kinds = [
        "gif" if b"image/gif" in answer else "page" if b"<!doctype html>" in answer else "ok"
        for answer in got.split(b"HTTP/1.1 200 OK")[1:]
    ]
    assert kinds == ["ok", "gif", "page", "gif", "page", "ok"]


def test_what_one_connection_may_say_is_not_for_the_room(server: Server, offer: Path) -> None:
    """Headers of one hop, and the one in which the street tells the client's address, are not believed."""
    made = share(server, offer)
    path = urlsplit(made["url"]).path.encode()
    got = talk(
        server,
        b"GET %s HTTP/1.1\r\nHost: x\r\nX-Inkdot-Client: 00\r\nTransfer-Encoding: identity\r\nConnection: close\r\n\r\n"
        % path,
    )
    assert got.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400", b"HTTP/1.1 411"))
    smuggled = b"POST %s/beat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
    got = talk(server, smuggled % path)
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 411"))
    assert b"ok\n" not in got


@pytest.mark.parametrize("body", [b"x" * 70_000, None])
def test_bodies_have_a_limit(server: Server, offer: Path, body: bytes | None) -> None:
    path = urlsplit(share(server, offer)["url"]).path.encode()
    head = b"POST %s/beat HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" % path
    assert talk(server, head + (body or b"")).startswith(b"HTTP/1.1 413")


def test_a_body_in_pieces_arrives_whole(server: Server, offer: Path) -> None:
    path = urlsplit(share(server, offer)["url"]).path.encode()
    parts = urlsplit(server.public)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        for piece in (b"POST %s/enter HTTP/1.1\r\nHo" % path, b"st: x\r\nContent-Length: 8\r\n\r\nemai", b"l=no"):
            connection.sendall(piece)
            time.sleep(0.05)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 303")


def test_a_large_file_comes_whole_to_a_slow_reader(own_server: Server, tmp_path: Path, offer: Path) -> None:
    file = tmp_path / "large.pdf"
    file.write_bytes(offer.read_bytes() + b"\n%" + b"x" * 20_000_000)
    browser = Browser(share(own_server, file)["url"])
    browser.open()
    parts = urlsplit(browser.url)
    jar = "; ".join(f"{name}={value}" for (_, name), value in browser.cookies.items())
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.connect((parts.hostname, parts.port))
        connection.settimeout(PATIENCE)
        connection.sendall(
            f"GET {parts.path}/file HTTP/1.1\r\nHost: x\r\nCookie: {jar}\r\nConnection: close\r\n\r\n".encode()
        )
        got, slow = b"", 20
        while part := connection.recv(1 << 20):
            got += part
            if slow:
                slow -= 1
                time.sleep(0.02)
    head, _, content = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert content == file.read_bytes()
    street = Path(f"/proc/{own_server.children()['street-0']}/status").read_text()
    peak = int(next(line for line in street.splitlines() if line.startswith("VmHWM")).split()[1])
    assert peak < 120_000  # kB: the file went through, it was not held


def test_the_street_answers_while_the_room_is_dead(own_server: Server, offer: Path) -> None:
    browser = Browser(share(own_server, offer)["url"])
    room = own_server.children()["room"]
    os.kill(room, signal.SIGSTOP)
    try:
        assert own_server.get("/o/none.gif")[0] == 200
    finally:
        os.kill(room, signal.SIGKILL)
    assert own_server.get("/o/none.gif")[0] == 200
    eventually(lambda: browser.ask()[0] == 200)
    assert own_server.children()["room"] != room
