"""A server that may reach this machine, and a receiver that hears what it is told."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inkdot.app.acting import Acting
from inkdot.app.folder import Folder
from inkdot.settings import Settings
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from tests.conftest import QUOTE, Server, eventually
from tests.store.made import AUTUMN, DAY

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"


class Heard(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """A program that webhooks go to. `status`: what it says, by path; `hung`: it says nothing until told to."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.status: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.hung = threading.Event()
        self.hung.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {k.lower(): v for k, v in self.headers.items()}
                outer.heard.append(Heard(self.path, headers, body))
                outer.hung.wait()
                try:
                    self.send_response(outer.status.get(self.path, 204))
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # whoever asked was killed

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def at(self, path: str) -> list[Heard]:
        """What came to a path."""
        return [h for h in self.heard if h.path == path]

    def close(self) -> None:
        self.hung.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture(scope="module")
def acting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may tell programs on this machine."""
    data = tmp_path_factory.mktemp("acting") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text('private_networks = ["127.0.0.0/8"]\ntrusted_proxies = ["127.0.0.1/32"]\n')
    running = Server(data)
    yield running
    running.stop()


def click(server: Server, person: str, agent: str = FIREFOX, link: int = 0) -> None:
    """Somebody clicks in a mail of their own."""
    copy = server.mark(QUOTE, person)[0]
    assert server.get(copy["links"][link]["url"], User_Agent=agent)[0] == 302


def kill_office(server: Server) -> None:
    """The office dies, and comes again."""
    office = server.children()["office"]
    os.kill(office, signal.SIGKILL)
    eventually(lambda: server.children().get("office") not in (None, office))


class House:
    """Rules over one store, with a clock that stands where a test puts it."""

    def __init__(self, folder: Folder) -> None:
        self.time = AUTUMN + DAY
        self.control, self.store = Control(folder.control), EventStore(folder.events)
        settings = Settings(private_networks=("127.0.0.0/8",))
        self.acting = Acting(folder, settings, self.control, lambda: self.time, lambda _t, _w: None)
        self.acting.store = self.store

    def ask(self, question: str, **what: Any) -> dict[str, Any]:
        return next(self.acting.asks()[question](what))

    def silence(self, **rule: Any) -> None:
        full = {"name": "Silent", "actions": [{"do": "tag", "add": "quiet"}]} | rule
        self.ask("trigger_add", rule=json.dumps(full))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(Folder(tmp_path))
    yield found
    found.acting.close()
    found.store.close()
    found.control.close()
