"""Nothing phones home: a working server asks nobody but this machine for anything."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, THUNDERBIRD, Server, inkdot

_ELSEWHERE = re.compile(r"(?:connect|sendto|sendmsg)\(.*sa_family=AF_INET6?.*")
_HERE = ("127.0.0.1", "::1", "127.0.0.53")


def strangers(trace: str) -> list[str]:
    """Calls that reach out to other machines."""
    return [line for line in trace.splitlines() if _ELSEWHERE.search(line) and not any(h in line for h in _HERE)]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_working_server_connects_to_nobody(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    server = Server(tmp_path / "data")
    watcher = subprocess.Popen(
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(trace)]
        + [option for pid in [server.process.pid, *server.children().values()] for option in ("-p", str(pid))],
        stderr=subprocess.DEVNULL,
    )
    try:
        (copy,) = server.mark()
        server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
        server.timeline(at_least=1)
        inkdot("verify", "--data", server.data)
    finally:
        watcher.send_signal(signal.SIGINT)
        watcher.wait(PATIENCE)
        server.stop()
    text = trace.read_text()
    assert strangers(text) == []


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_watch_would_see_a_call(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    call = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.1', 9))"
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(trace), sys.executable, "-c", call],
        check=False,
    )
    assert len(strangers(trace.read_text())) == 1
