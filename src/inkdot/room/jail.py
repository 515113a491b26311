"""A jail for programs that read files of strangers: no network, no files but its own, limits that the kernel keeps.

    python -m inkdot.room.jail '{"command": [...], "work": FOLDER, "may_read": [...], "memory": BYTES,
                                 "seconds": CPU SECONDS, "space": true}'

Runs the command in FOLDER, the only place where it may write; {work} in the command stands for it. It dies with its parent,
and all that it started with it. Exit code: the command's, or NO_JAIL where this kernel offers no way to keep it off the network.
Without `space` it does what it can where namespaces are forbidden.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

NO_JAIL = 97
_LIBC = ctypes.CDLL(None, use_errno=True)
_PDEATHSIG, _SET_SECCOMP, _NO_NEW_PRIVS = 1, 22, 38
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_BIND, _PRIVATE = 0x1000, 0x40000 | 0x4000
_SEEN_AT, _TMP = "/mnt", "/tmp"  # noqa: S108 - everybody's, and here nobody else's
_FILE_BYTES = 500_000_000
_RULESET, _ADD_RULE, _RESTRICT = 444, 445, 446
_ALL_OF_ABI_1, _READ, _MAKE_SOCKET = 0x1FFF, 0x1 | 0x4 | 0x8, 0x200
"""Landlock's rights of its first version: all; to execute, read files and list folders; to make a local socket."""
_OF_FILES = 0x1 | 0x2 | 0x4
_SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""Machine -> its audit number and the number of socket(2)."""


def own_space(work: str) -> str | None:
    """Cut this process and its children off from networks, processes and /tmp; where `work` is now. None where forbidden.

    Many containers forbid user namespaces.
    """
    if _LIBC.unshare(_NEWUSER | _NEWNET | _NEWPID | _NEWIPC | _NEWNS):
        return None
    bound = (
        _LIBC.mount(None, b"/", None, _PRIVATE, None) == 0
        and _LIBC.mount(work.encode(), _SEEN_AT.encode(), None, _BIND, None) == 0
        and _LIBC.mount((_SEEN_AT + _TMP).encode(), _TMP.encode(), None, _BIND, None) == 0
    )
    return _SEEN_AT if bound else work


def refuse_sockets() -> bool:
    """A seccomp filter: socket(2) gives nothing but local sockets. True if it stands."""
    known = _SOCKET.get(platform.machine())
    if known is None:
        return False
    audit, number = known
    load, equal, give = 0x20, 0x15, 0x06
    allow, deny, kill = 0x7FFF0000, 0x00050000 | 13, 0x80000000
    program = [
        (load, 0, 0, 4), (equal, 1, 0, audit), (give, 0, 0, kill),
        (load, 0, 0, 0), (equal, 0, 3, number),
        (load, 0, 0, 16), (equal, 1, 0, 1), (give, 0, 0, deny),
        (give, 0, 0, allow),
    ]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(_LIBC.prctl(_SET_SECCOMP, 2, filter_, 0, 0) == 0)


def keep_off_files(may_read: Iterable[str], may_write: Iterable[str]) -> bool:
    """Landlock: nothing but these files and folders can be opened. False where the kernel has none (before 5.13).

    A local socket may be made in /tmp, where LibreOffice wants one.
    """
    rights = ctypes.create_string_buffer(struct.pack("Q", _ALL_OF_ABI_1))
    ruleset = _LIBC.syscall(_RULESET, rights, 8, 0)
    if ruleset < 0:
        return False
    for paths, allowed in ((may_read, _READ), (may_write, _ALL_OF_ABI_1), ([_TMP], _MAKE_SOCKET)):
        for path in paths:
            with contextlib.suppress(OSError):
                _allow(ruleset, path, allowed)
    _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(_LIBC.syscall(_RESTRICT, ruleset, 0) == 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rights = rights if Path(path).is_dir() else rights & _OF_FILES
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd))
    _LIBC.syscall(_ADD_RULE, ruleset, 1, rule, 0)
    os.close(fd)


def _limits(memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


def _run(command: list[str]) -> int:
    """Run the command as the first process of its own space, so that nothing of it is left when it ends."""
    child = os.fork()
    if child == 0:
        _LIBC.prctl(_PDEATHSIG, signal.SIGKILL)
        try:
            os.execv(command[0], command)  # noqa: S606 - no shell is wanted here
        finally:
            os._exit(127)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Entry point of the child process."""
    wish = json.loads(sys.argv[1])
    _LIBC.prctl(_PDEATHSIG, signal.SIGKILL)
    work = own_space(wish["work"]) if wish["space"] else None
    if work is None:
        work = wish["work"]
        if not refuse_sockets():
            sys.exit(NO_JAIL)
    os.chdir(work)
    _limits(wish["memory"], wish["seconds"])
    own_tmp = [_TMP] if work == _SEEN_AT else []
    keep_off_files(wish["may_read"], [work, *own_tmp, "/dev/null"])
    os.environ |= {"HOME": work, "TMPDIR": work + _TMP}
    code = _run([word.replace("{work}", work) for word in wish["command"]])
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
