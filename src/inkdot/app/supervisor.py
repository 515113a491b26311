"""The supervisor: opens the ports, starts the processes, starts them again, ends them all.

It holds the listening sockets itself, so that connections wait instead of failing while a process is started again.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from inkdot.app.folder import Folder, Server, write_whole
from inkdot.collect.config import StreetConfig
from inkdot.domain.errors import BadSetting, Failure, InkdotError
from inkdot.memory import settle
from inkdot.relay.config import RelayConfig
from inkdot.relay.mailbox import read_mailbox
from inkdot.relay.route import is_this_machine, read_routes
from inkdot.settings import SECRETS, Settings
from inkdot.talk import Talk
from inkdot.understand.source import SPAM

log = Talk("supervisor")

_PR_SET_PDEATHSIG = 1
_DYING_SECONDS = 10.0
"""How long ports are waited for after a server that was killed."""
_DRAIN_SECONDS = 12.0
_READY_SECONDS = 60.0
_QUICK_DEATH_SECONDS = 1.0
_GIVE_UP = 3
_MENDING_SECONDS = 1.0
"""How often settings that keep a process from starting are looked at again."""
_LONGEST_SOCKET_NAME = 100  # of 108 that the kernel allows

_OPEN_DOORS = (
    "public_host", "public_port", "office_host", "office_port", "streets", "relay_host", "relay_port", "relay_tls_port",
    "upstream", "upstream_password", "upstreams", "imap", "imap_password", "imap_poll_seconds",
)  # fmt: skip
"""Settings that only a start of the whole takes."""

_Socket = socket.socket


@dataclass(slots=True)
class _Child:
    name: str
    socket: socket.socket | None
    """None: it listens to nobody."""
    command: Callable[[int, int], list[str]]
    """(socket, ready pipe) -> command line."""
    environment: Callable[[int, int], dict[str, str]] = lambda _socket, _ready: {}
    second: _Socket | None = None
    """Another door of the same process."""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    not_before: float = 0.0
    unsettled: bool = False
    """It ended because the settings are refused, and waits for better ones."""

    @property
    def doors(self) -> list[_Socket]:
        """What it listens at."""
        return [door for door in (self.socket, self.second) if door]


class Supervisor:
    """Runs one data folder's processes."""

    def __init__(
        self, folder: Folder, settings: Settings, read: Callable[[], Settings], given: Collection[str] = ()
    ) -> None:
        """`read` gives the settings anew, `given` names those that the command line said."""
        self._folder, self._settings, self._read, self._given = folder, settings, read, given
        self._stopping = self._wants_settings = False
        self._children: list[_Child] = []

    def run(self, ready: Callable[[Server], None]) -> int:
        """Start all, call `ready` once when all answer, and stay until told to stop. Returns the exit code."""
        with self._folder.owned(patience=0.5):
            self._folder.keyring()
            server = self._open_doors()
            try:
                for child in self._children:
                    self._start(child)
                self._await_ready()
                for name in (signal.SIGTERM, signal.SIGINT):  # before anybody can read whom to tell anything
                    signal.signal(name, self._stop)
                signal.signal(signal.SIGHUP, self._want_settings)
                write_whole(self._folder.server, json.dumps(server._asdict()).encode())
                ready(server)
                settle()
                return self._watch()
            finally:
                self._folder.server.unlink(missing_ok=True)
                self._end_all()

    def _open_doors(self) -> Server:
        s = self._settings
        # A server that was killed left this file, and its children may hold their ports while they wait for the disk.
        deadline = time.monotonic() + (_DYING_SECONDS if self._folder.server.exists() else 0)
        streets = _listen(s.public_host, s.public_port, s.streets, "--public-port", deadline)
        office = _listen(s.office_host, s.office_port, 1, "--office-port", deadline)[0]
        secret = secrets.token_urlsafe(32)
        self._room_door = _listen_inside(self._folder.run)
        for stale in self._folder.run.glob("street-*.counters"):
            stale.unlink()
        for number, street in enumerate(streets):
            self._children.append(_Child(f"street-{number}", street, self._street_command(number)))
        for_office = {"INKDOT_OFFICE_SECRET": secret}
        self._children.append(
            _Child("office", office, self._office_command, lambda _socket, _ready: for_office | self._said_in_secret())
        )
        self._children.append(
            _Child("room", self._room_door, self._room_command, lambda _socket, _ready: self._said_in_secret())
        )
        public = s.public_url or _url(s.public_host, streets[0])
        doors = self._open_mail_door(public, deadline)
        return Server(public, s.office_url or _url(s.office_host, office), secret, os.getpid(), *doors)

    def _open_mail_door(self, public: str, deadline: float) -> tuple[str, str]:
        """HOST:PORT, or `off`; and the same where TLS comes first."""
        s = self._settings
        if not s.upstream and not s.imap:
            return "off", "off"
        if s.imap:
            read_mailbox(s.imap, s.imap_password)
        routes = read_routes(s.upstream, s.upstream_password, s.upstream_login, s.upstreams).all() if s.upstream else []
        door = _listen(s.relay_host, s.relay_port, 1, "--relay-port", deadline)[0] if routes else None
        tls = (
            _listen(s.relay_host, s.relay_tls_port, 1, "relay_tls_port", deadline)[0]
            if door and s.relay_tls_port >= 0
            else None
        )

        def environment(socket_fd: int, ready_fd: int) -> dict[str, str]:
            given = dataclasses.asdict(self._settings)
            config = RelayConfig(
                str(self._folder.root), socket_fd, ready_fd, given, public, tls.fileno() if tls else -1
            )
            return config.to_environment()

        command = [sys.executable, "-m", "inkdot.app.relay"]
        self._children.append(_Child("relay", door, lambda _socket, _ready: command, environment, tls))
        if door is None:
            return "off", "off"
        ports = {opened.getsockname()[1] for opened in (door, tls) if opened}
        if any(r.port in ports and is_this_machine(r.host) for r in routes):
            raise BadSetting("The upstream is this mail door itself; set it to the server that delivers your mail.")
        host = f"[{s.relay_host}]" if ":" in s.relay_host else s.relay_host
        return f"{host}:{door.getsockname()[1]}", f"{host}:{tls.getsockname()[1]}" if tls else "off"

    def _street_command(self, number: int) -> Callable[[int, int], list[str]]:
        def command(socket_fd: int, ready_fd: int) -> list[str]:
            s = self._settings
            config = StreetConfig(
                str(self._folder.root), number, socket_fd, ready_fd, s.trusted_proxies, s.connections_per_address,
                (s.dot_prefix, s.click_prefix), self._room_door.getsockname(), s.addresses, SPAM,
            )  # fmt: skip
            return [sys.executable, "-m", "inkdot.collect.process", config.to_json()]

        return command

    def _office_command(self, socket_fd: int, ready_fd: int) -> list[str]:
        return [sys.executable, "-m", "inkdot.app.office", self._config(socket_fd, ready_fd, given=sorted(self._given))]

    def _room_command(self, socket_fd: int, ready_fd: int) -> list[str]:
        return [sys.executable, "-m", "inkdot.app.room", self._config(socket_fd, ready_fd)]

    def _said_in_secret(self) -> dict[str, str]:
        """What the command line said and no other one may show, as variables; files and variables the children read themselves."""
        return {f"INKDOT_{name.upper()}": str(getattr(self._settings, name)) for name in SECRETS & set(self._given)}

    def _config(self, socket_fd: int, ready_fd: int, **more: object) -> str:
        config = {
            "data": str(self._folder.root), "socket_fd": socket_fd, "ready_fd": ready_fd,
            "settings": {k: v for k, v in dataclasses.asdict(self._settings).items() if k not in SECRETS},
            **more,
        }  # fmt: skip
        return json.dumps(config)

    def _start(self, child: _Child) -> int:
        """Start a process; returns the pipe on which it reports ready."""
        reading, writing = os.pipe()
        fd, parent = child.socket.fileno() if child.socket else -1, os.getpid()
        child.process = subprocess.Popen(
            child.command(fd, writing),
            pass_fds=[*(s.fileno() for s in child.doors), writing],
            env=os.environ | child.environment(fd, writing),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: _die_with_parent(parent),  # noqa: PLW1509 - one thread here, and the calls are async-signal-safe
        )
        os.close(writing)
        child.started = time.monotonic()
        self._ready_pipes = {**getattr(self, "_ready_pipes", {}), reading: child}
        return reading

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        waiting = dict(self._ready_pipes)
        while waiting:
            readable, _, _ = select.select(list(waiting), [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise Failure("The processes did not start within a minute; their reasons are above.")
            for pipe in readable:
                child = waiting.pop(pipe)
                if not os.read(pipe, 1):
                    raise Failure(f"The {child.name} process did not start; its reason is above.")
                os.close(pipe)
        self._ready_pipes = {}

    def _watch(self) -> int:
        while not self._stopping:
            if self._wants_settings:
                self._wants_settings = False
                self._take_settings()
            for child in self._children:
                self._look_after(child)
            for pipe in self._ready_pipes:
                os.close(pipe)
            self._ready_pipes = {}
            time.sleep(0.05)
        return 1 if self._given_up else 0

    _given_up = False

    def _look_after(self, child: _Child) -> None:
        assert child.process
        code = child.process.poll()
        if code is None:
            return
        if time.monotonic() < child.not_before:
            return
        if code == _GIVE_UP and not self._settings_mended(child):
            return
        log("restarted", process=child.name, exit_code=code)
        quick = time.monotonic() - child.started < _QUICK_DEATH_SECONDS
        child.not_before = time.monotonic() + (_QUICK_DEATH_SECONDS if quick else 0)
        self._start(child)

    def _settings_mended(self, child: _Child) -> bool:
        """Whether a process that sees no way on failed over settings that can be read again; if they never were the trouble, all ends."""
        child.not_before = time.monotonic() + _MENDING_SECONDS
        refused, was_refused = self._readable() is None, child.unsettled
        child.unsettled = refused
        if not refused and not was_refused:
            self._stopping = self._given_up = True
        return was_refused and not refused

    def _readable(self) -> Settings | None:
        """The settings as they are now; None if they are refused, which is told."""
        try:
            return self._read()
        except InkdotError as error:
            log("settings_refused", error=str(error))
            return None

    def _want_settings(self, *_: object) -> None:
        self._wants_settings = True

    def _take_settings(self) -> None:
        """Read the settings anew and start every process with them; the doors stay open and where they are."""
        fresh = self._readable()
        if fresh is None:
            return
        doors = {name: getattr(self._settings, name) for name in _OPEN_DOORS}
        self._settings = dataclasses.replace(fresh, **doors)
        running = self._folder.running()
        if running:
            found = running._replace(
                public=fresh.public_url or running.public, office=fresh.office_url or running.office
            )
            write_whole(self._folder.server, json.dumps(found._asdict()).encode())
        log("settings_read")
        for child in self._children:
            if child.process and child.process.poll() is None:
                child.process.terminate()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _end_all(self) -> None:
        running = [c.process for c in self._children if c.process and c.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _DRAIN_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in self._children:
            for door in child.doors:
                door.close()


def _die_with_parent(parent: int) -> None:
    # The kernel kills the child when the supervisor dies, however it dies; survives exec. A killed street loses nothing.
    _when_parent_dies(signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)


def end_with_parent() -> None:
    """In a child, before it is `inkdot serve`: let it end as if told to when its parent dies, however that dies."""
    _when_parent_dies(signal.SIGTERM)


def _when_parent_dies(sign: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, sign)


def _listen(host: str, port: int, count: int, option: str, deadline: float) -> list[socket.socket]:
    """`count` sockets on one port, which may still be taken until the deadline, on the monotonic clock.

    The first look is without port sharing: another server there must not go unseen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        port = _free(family, host, port, deadline)
        found = []
        for _ in range(count):
            door = socket.socket(family)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            door.bind((host, port))
            door.listen(4096)
            found.append(door)
    except OSError as error:
        raise Failure(
            f"Port {port} on {host} cannot be opened ({error.strerror}); stop what uses it or choose another with {option}."
        ) from error
    return found


def _free(family: socket.AddressFamily, host: str, port: int, deadline: float) -> int:
    """The port, once nobody listens there; raises OSError if somebody still does at the deadline."""
    told = False
    while True:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return int(probe.getsockname()[1])
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                    raise
        if not told:
            log("waiting_for_port", port=port)
        told = True
        time.sleep(0.05)


def _listen_inside(run: Path) -> socket.socket:
    """A unix socket that only this user's processes reach; where `run` lies too deep for a name, it goes by our open folder."""
    path = run / "room.sock"
    if len(bytes(path)) > _LONGEST_SOCKET_NAME:
        path = Path(f"/proc/{os.getpid()}/fd/{os.open(run, os.O_PATH | os.O_DIRECTORY)}/room.sock")
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(path))
    path.chmod(0o600)
    door.listen(512)
    return door


def _url(host: str, door: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"http://{shown}:{door.getsockname()[1]}"
