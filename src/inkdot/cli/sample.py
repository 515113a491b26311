"""Sample life for the demonstration: visitors of a website and readers of a mail, invented, from addresses for documentation."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

DOMAIN = "example.com"
WORKSPACE = "Sample data"
_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0"
_SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
_PAUSE_SECONDS = (2.0, 7.0)


class _Way(NamedTuple):
    """How a visitor comes and what he does."""

    referrer: str
    pages: tuple[str, ...]
    goal: str | None = None
    agent: str = _FIREFOX


_WAYS = (
    _Way("https://www.google.com/", ("/?q=roof+repair", "/pricing", "/contact"), "asked for a quote"),
    _Way("https://www.linkedin.com/", ("/about", "/pricing")),
    _Way("https://chatgpt.com/", ("/guides/flat-roofs",), None, _SAFARI),
    _Way("", ("/?utm_source=newsletter&utm_medium=email&utm_campaign=autumn", "/pricing"), None, _SAFARI),
    _Way("https://duckduckgo.com/", ("/guides/flat-roofs", "/photos", "/contact"), "asked for a quote"),
    _Way("", ("/",)),
)


class Visitors:
    """Invented visitors of a website."""

    def __init__(self, public: str, key: str) -> None:
        self._public, self._key = urlsplit(public), key
        self._chance, self._number = random.Random(7), 0  # noqa: S311 - a play
        self._stop = threading.Event()
        self._wanted: Callable[[], bool] = lambda: True
        self._thread = threading.Thread(target=self._go_on, name="sample", daemon=True)

    def come(self, count: int) -> None:
        """So many visits, at once."""
        for number in range(count):
            self._visit(_WAYS[number % len(_WAYS)])

    def start(self, wanted: Callable[[], bool]) -> None:
        """Let one come now and then, as long as they are wanted."""
        self._wanted = wanted
        self._thread.start()

    def stop(self) -> None:
        """No more of them."""
        self._stop.set()

    def _go_on(self) -> None:
        while not self._stop.wait(self._chance.uniform(*_PAUSE_SECONDS)) and self._wanted():
            self._visit(self._chance.choice(_WAYS))

    def _visit(self, way: _Way) -> None:
        self._number += 1
        address = f"198.51.100.{self._number % 250 + 1}"
        events: list[Mapping[str, object]] = [{"k": "view", "u": f"https://{DOMAIN}{page}"} for page in way.pages]
        if way.referrer:
            events[0] = {**events[0], "r": way.referrer}
        if way.goal:
            events.append({"k": "goal", "u": f"https://{DOMAIN}{way.pages[-1]}", "n": way.goal})
        for event in events:
            if not self._wanted():
                return
            self._post(json.dumps([self._key, f"sample-{self._number}", event]), way.agent, address)

    def _post(self, body: str, agent: str, address: str) -> None:
        connection = http.client.HTTPConnection(self._public.hostname or "", self._public.port, timeout=10)
        headers = {
            "User-Agent": agent, "X-Forwarded-For": address, "Origin": f"https://{DOMAIN}", "Content-Type": "text/plain",
        }  # fmt: skip
        try:
            connection.request("POST", "/e", body.encode(), headers)
            connection.getresponse().read()
        except OSError:  # the server is ending
            self._stop.set()
        finally:
            connection.close()
