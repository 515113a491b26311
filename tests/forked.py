"""Commands in processes of their own, without the price of starting each from nothing.

A process that has imported what commands import forks one for each: with arguments, folder, variables and descriptors of
its own, and with the exit code that a shell would see. Only the reading of modules is saved, up to a second of each. That
each module can be imported before all others is tried in `test_starting.py`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

MODULES = (
    "inkdot.cli", "inkdot.app.campaign", "inkdot.app.confirming", "inkdot.app.house", "inkdot.app.importing", "inkdot.app.law.paper",
    "inkdot.app.paging", "inkdot.app.sharing", "inkdot.app.supervisor", "inkdot.cli.campaign", "inkdot.cli.documents_screen",
    "inkdot.cli.exporting", "inkdot.cli.listening", "inkdot.cli.screen", "inkdot.cli.screen_websites", "inkdot.mark.document.marking",
    "rich.console", "rich.progress", "rich.table",
)  # fmt: skip
_OURS = "INKDOT_"
"""Variables that commands read when they run; all others may change how Python itself begins."""
_LONGEST = 100_000  # bytes of a message
_NUMBER = 4  # bytes of a process id, and of an exit code


class Stable:
    """The process that forks, seen from the tests."""

    def __init__(self) -> None:
        self._ask, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environ = _beyond_ours()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", str(theirs.fileno())], pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[1], stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def run(self, arguments: list[str], given: str | None, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run the command line; from nothing, where a fork could not be the same. Raises TimeoutExpired."""
        asked = json.dumps([arguments, str(Path.cwd()), dict(os.environ)]).encode()
        if len(asked) > _LONGEST or _beyond_ours() != self._environ:
            return from_nothing(arguments, given, seconds)
        with contextlib.ExitStack() as opened:
            entry, out, err = (opened.enter_context(os.fdopen(os.memfd_create(n), "r+b")) for n in ("in", "out", "err"))
            entry.write((given or "").encode())
            entry.seek(0)
            reading, writing = os.pipe()
            told = opened.enter_context(os.fdopen(reading, "rb", buffering=0))
            socket.send_fds(self._ask, [asked], [entry.fileno(), out.fileno(), err.fileno(), writing])
            os.close(writing)
            pid = int.from_bytes(told.read(_NUMBER))
            assert pid, "the process that forks has ended"
            ended = select.poll()
            ended.register(told, select.POLLIN)
            if not ended.poll(seconds * 1_000):
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["inkdot", *arguments], seconds)
            code = int.from_bytes(told.read(_NUMBER), signed=True)
            texts = (os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err))
            return subprocess.CompletedProcess(["inkdot", *arguments], code, *texts)

    def close(self) -> None:
        """Let it end; what it forked ends by itself."""
        self._ask.close()
        self._process.wait(60)


def from_nothing(arguments: list[str], given: str | None, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run the command line as a shell does. Raises TimeoutExpired."""
    command = [sys.executable, "-m", "inkdot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=given, timeout=seconds, check=False)


def _beyond_ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith((_OURS, "PYTEST_"))}


def _fork_for_all(door: socket.socket) -> None:
    """Stay until nobody can ask any more; in each fork, return with the command line in place."""
    waiting: dict[int, tuple[int, int]] = {}  # pidfd: process id, where its end is told
    poll = select.poll()
    poll.register(door, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd in waiting:
                pid, told = waiting.pop(fd)
                poll.unregister(fd)
                os.close(fd)
                _tell(told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(told)
                continue
            asked, fds, _, _ = socket.recv_fds(door, 2 * _LONGEST, 4)
            if not asked:
                os._exit(0)
            pid = os.fork()
            if not pid:
                door.close()
                _become(asked, fds)
                return
            for given in fds[:3]:
                os.close(given)
            _tell(fds[3], pid)
            child = os.pidfd_open(pid)
            waiting[child] = pid, fds[3]
            poll.register(child, select.POLLIN)


def _tell(where: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # who asked waits no more
        os.write(where, number.to_bytes(_NUMBER, signed=True))


def _become(asked: bytes, fds: list[int]) -> None:
    arguments, folder, environ = json.loads(asked)
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = arguments


def _run() -> int:
    """The exit code, as Python itself makes it of how a program ends."""
    try:
        runpy.run_module("inkdot", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - whatever it is, a person would see it
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """End as Python does, but for taking its thousand modules to pieces."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path[0] = ""
    for name in MODULES:
        importlib.import_module(name)
    with socket.socket(fileno=int(sys.argv[1])) as socket_to_the_tests:
        gc.freeze()  # what all share is not written to in each
        _fork_for_all(socket_to_the_tests)
    _end(_run())
