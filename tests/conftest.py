"""The fixed cast and the real thing: Ada sends, Ben reads, and a server that is started as a user starts it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

from tests.forked import Stable, from_nothing

if TYPE_CHECKING:  # benches and proofs start servers by this file, and need neither browsers nor workers
    from playwright.sync_api import Browser, BrowserContext, BrowserType

    from tests.sharing import ByFile

# Thousands of processes are started here: each would compile every module anew where nobody keeps what was compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes depends on the machine; what is too slow is measured in bench/. Each run tries the same examples:
# whoever looks for others sets INKDOT_CHANCE.
settings.register_profile(
    "inkdot", deadline=None, derandomize="INKDOT_CHANCE" not in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("inkdot")

T = TypeVar("T")
ADA, BEN, EVE = "ada@example.com", "ben@example.com", "eve@example.com"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0"

PATIENCE = 150.0
"""Seconds for which anything is waited for: only what never comes takes so long."""
_PORTS = iter(range(20_000, 32_000, 16))

QUOTE = b"""From: Ada <ada@example.com>\r
To: Ben <ben@example.com>\r
Subject: The quote\r
Message-ID: <quote@example.com>\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r
\r
<html><body><p>Hello <a href="https://www.example.com/quote?a=1&copy=2&amp;b=3">quote</a>\r
<a href='https://www.example.com/photos'>photos</a></p></body></html>\r
"""


@cache
def stable() -> Stable:
    found = Stable()
    atexit.register(found.close)
    return found


def inkdot(*arguments: str | Path, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line; benches and proofs start it from nothing, as a shell does."""
    words = [*map(str, arguments)]
    start = stable().run if "PYTEST_VERSION" in os.environ else from_nothing
    done = start(words, stdin, 2 * PATIENCE)
    assert not check or done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


def inkdot_json(*arguments: str | Path) -> Any:
    """Run a command with --json and read its one object."""
    return json.loads(inkdot(*arguments, "--json").stdout)


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.02) -> Any:
    """What `condition` gives once it is true, asked again after `pause`; fails after `seconds`: disks can take many for one sync.

    A line that breaks is no answer: processes that are killed or told to end take some with them.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = condition()
        except (ConnectionError, TimeoutError):
            found = None
            if time.monotonic() >= deadline:
                raise
        if found:
            return found
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(pause)


def in_time(seconds: float, attempt: Callable[[int], Any]) -> Any:
    """What `attempt` gives, made again and again until it took no longer than `seconds`: a busy machine gets another chance."""
    for number in range(20):
        begun = time.monotonic()
        found = attempt(number)
        if time.monotonic() - begun <= seconds:
            return found
    raise AssertionError(f"this machine never did it in {seconds} seconds")


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives, on a thread of its own: Playwright may have its loop running on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def traced(pid: int) -> bool:
    """Whether strace holds every thread of a process: it takes them one after the other."""
    with contextlib.suppress(OSError):  # a thread that ends meanwhile
        tasks = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
        return all(re.search(r"TracerPid:\s+[1-9]", status) for status in tasks)
    return False


def free_port() -> int:
    """A port for a program that must be told one. The kernel gives none of these to others by itself."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = next(_PORTS) + worker
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def files_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, with its content; what a running server takes away meanwhile is in it no more."""
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            try:
                if path.is_file():
                    yield path, path.read_bytes()
            except FileNotFoundError:
                continue


class Server:
    """A running `inkdot serve`."""

    running: ClassVar[list[Server]] = []

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.start()

    def start(self) -> None:
        begun = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "inkdot",
            "serve",
            "--data",
            str(self.data),
            "--public-port",
            "0",
            "--office-port",
            "0",
            "--relay-port",
            "0",
        ]
        self.talk = self.data.parent / f"{self.data.name}.stderr"
        with self.talk.open("ab") as talk:  # a file, as a full pipe that nobody reads would hold the server up
            self.process = subprocess.Popen([*command, *self.options], stdout=subprocess.PIPE, stderr=talk, text=True)
        Server.running.append(self)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("ready "), self.talk.read_text()
        self.seconds_to_ready = time.monotonic() - begun
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.public, self.office, self.relay = words["public"], words["office"], words["relay"]

    def children(self) -> dict[str, int]:
        """Process name -> pid."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) != self.process.pid:
                    continue
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (ValueError, OSError):
                continue
            if b"inkdot.collect.process" in words:
                found[f"street-{json.loads(words[3])['number']}"] = int(entry.name)
            elif b"inkdot.app.office" in words:
                found["office"] = int(entry.name)
            elif b"inkdot.app.room" in words:
                found["room"] = int(entry.name)
            elif b"inkdot.app.relay" in words:
                found["relay"] = int(entry.name)
        return found

    def get(self, url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request on its own connection; underscores in header names become dashes."""
        parts = urlsplit(url if url.startswith("http") else self.public + url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def mark(self, source: bytes = QUOTE, *to: str) -> list[dict[str, Any]]:
        """Mark a mail through the command line; returns its copies."""
        mail = self.data.parent / "mail.eml"
        mail.write_bytes(source)
        options = [option for address in (to or (BEN,)) for option in ("--to", address)]
        out = self.data.parent / "out"
        answer = inkdot_json(
            "mail", "mark", mail, *options, "--out-dir", out, "--data", self.data, "--public-url", self.public
        )
        return list(answer["copies"])

    def timeline(self, person: str = BEN, at_least: int = 0) -> list[dict[str, Any]]:
        """A person's events, once there are enough of them."""

        def asked() -> list[dict[str, Any]] | None:
            events = list(inkdot_json("timeline", person, "--data", self.data)["events"])
            return events if len(events) >= at_least else None

        found: list[dict[str, Any]] = eventually(lambda: [asked()] if at_least == 0 else asked())
        return found[0] if at_least == 0 else found  # type: ignore[return-value]

    def stop(self, kind: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, kind)
        code = self.process.wait(PATIENCE)
        if self.process.stdout:
            self.process.stdout.close()
        if self in Server.running:
            Server.running.remove(self)
        return code


def pytest_runtest_setup() -> None:
    """No test is begun in the last two minutes of a day of UTC: what it finds would be of two days, and of two salts."""
    left = -time.time() % 86_400
    if left < 120:
        time.sleep(left + 1)


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """A test that fails before it stops its servers takes no other test with it."""
    before = list(Server.running)
    yield
    for left in [server for server in Server.running if server not in before]:
        left.stop()


@atexit.register
def _end_all() -> None:
    """What a fixture that failed on its way has started."""
    for left in list(Server.running):
        left.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Who of the workers runs which tests."""
    from tests.sharing import ByFile  # noqa: PLC0415

    return ByFile(config, log)


@pytest.fixture(scope="session")
def chromium_type() -> Iterator[BrowserType]:
    """Playwright's way to a Chromium; there can be one at a time."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415

    expect.set_options(timeout=1_000 * PATIENCE)  # a busy machine starts browsers slowly
    with sync_playwright() as playwright:
        yield playwright.chromium


def launched(chromium_type: BrowserType, **options: Any) -> Browser:
    """A Chromium whose pages wait as long as everybody else here."""
    more = ["--no-sandbox", "--disable-gpu"]
    found = chromium_type.launch(executable_path="/usr/bin/chromium", args=more, timeout=1_000 * PATIENCE, **options)
    found.on("context", patient)
    return found


def patient(context: BrowserContext) -> None:
    """Its pages wait as long as everybody else here."""
    context.set_default_timeout(1_000 * PATIENCE)


@pytest.fixture(scope="session")
def chromium(chromium_type: BrowserType) -> Iterator[Browser]:
    """One browser for all; each test has contexts of its own, which know nothing of each other."""
    found = launched(chromium_type)
    yield found
    found.close()


@contextlib.contextmanager
def closing(browser: Browser) -> Iterator[Browser]:
    """What is opened in a browser meanwhile is closed at the end: pages of the office go on asking for what happens."""
    before = list(browser.contexts)
    try:
        yield browser
    finally:
        for context in [opened for opened in browser.contexts if opened not in before]:
            context.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do no harm; it believes this machine's word about addresses."""
    running = Server(tmp_path_factory.mktemp("shared") / "data", "--trusted-proxies", "127.0.0.1/32")
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be killed and starved."""
    running = Server(tmp_path / "data")
    yield running
    running.stop()
