"""The live feed: quick, resumable over restarts, and never anybody else's."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.conftest import PATIENCE, QUOTE, THUNDERBIRD, Server, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Program, key_for
from tests.office.conftest import Firms


class Message(NamedTuple):
    kind: str
    id: str | None
    data: Any


class Watching:
    """A browser's EventSource, in thirty lines."""

    def __init__(self, program: Program, query: str = "", last: str | None = None, **headers: str) -> None:
        parts = urlsplit(program.office)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        sent = dict(headers)
        if program.key:
            sent["Authorization"] = f"Bearer {program.key}"
        if program.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in program.cookies.items())
        if last:
            sent["Last-Event-ID"] = last
        self._connection.request("GET", f"/api/v1/live{query}", headers=sent)
        self.response = self._connection.getresponse()
        self.last = last

    def next(self) -> Message:
        """The next message; beats are skipped."""
        fields: dict[str, str] = {}
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, "nothing but beats came"
            read = self.response.readline()
            if not read:
                raise EOFError
            line = read.decode().rstrip("\n")
            if not line and "data" in fields:
                self.last = fields.get("id", self.last)
                return Message(fields["event"], fields.get("id"), json.loads(fields["data"]))
            name, _, value = line.partition(": ")
            if name in ("event", "id", "data"):
                fields[name] = value

    def kept(self, person: str) -> Message:
        """The next event of a person."""
        while True:
            message = self.next()
            if message.kind == "kept" and message.data["person"] == person:
                return message

    def close(self) -> None:
        self._connection.close()
        self.response.close()


def refused(program: Program, query: str = "", last: str | None = None, **headers: str) -> int:
    feed = Watching(program, query, last, **headers)
    feed.close()
    return feed.response.status


def dot_for(program: Program, person: str) -> str:
    said = program.post("/messages", {"mail": base64.b64encode(QUOTE).decode(), "to": [person]})
    return str(urlsplit(said.json["copies"][0]["dots"][0]).path)


def opened(server: Server, dot: str, address: str = "198.51.100.9") -> None:
    server.get(dot, User_Agent=THUNDERBIRD, X_Forwarded_For=address)


def test_an_open_is_on_the_screen(firms: Firms) -> None:
    person = "quick@example.com"
    dot = dot_for(firms.ours, person)
    feed = Watching(firms.ours)
    assert feed.response.getheader("X-Accel-Buffering") == "no"
    assert (feed.response.getheader("Content-Type") or "").startswith("text/event-stream")
    assert feed.next().kind == "hello"
    opened(firms.server, dot)
    message = feed.kept(person)  # in how long is measured by bench/office.py
    assert message.data["subject"] == "The quote"
    assert message.data["says"].startswith("A person opened the mail")
    assert message.id
    feed.close()


def test_a_feed_that_was_cut_off_goes_on_where_it_ended(firms: Firms) -> None:
    person = "cut@example.com"
    dot = dot_for(firms.ours, person)
    feed = Watching(firms.ours)
    feed.next()
    opened(firms.server, dot, "198.51.100.10")
    first = feed.kept(person)
    feed.close()
    for n in (11, 12):
        opened(firms.server, dot, f"198.51.100.{n}")
    again = Watching(firms.ours, last=first.id)
    found = [again.kept(person).data["id"] for _ in range(2)]
    assert first.data["id"] not in found
    assert len(set(found)) == 2
    opened(firms.server, dot, "198.51.100.13")
    assert again.kept(person).data["id"] not in found
    again.close()


def test_a_place_in_the_feed_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--trusted-proxies", "127.0.0.1/32")
    program = key_for(server, "read", "send")
    person = "restart@example.com"
    dot = dot_for(program, person)
    feed = Watching(program)
    place = feed.next().id or ""
    opened(server, dot, "198.51.100.1")
    seen = feed.kept(person)
    feed.close()
    server.stop()
    server.start()
    program.office = server.office
    opened(server, dot, "198.51.100.2")
    after = Watching(program, last=seen.id)
    assert after.kept(person).data["id"] != seen.data["id"]
    after.close()
    if place:
        whole = Watching(program, last=place)
        assert whole.kept(person).data["id"] == seen.data["id"]
        whole.close()
    server.stop()


def test_an_open_feed_does_not_hold_up_the_end_of_the_server(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    feed = Watching(key_for(server))
    feed.next()
    assert server.stop() == 0
    with pytest.raises(
        EOFError
    ):  # it was ended as it should be: who is killed says no last word, and that is IncompleteRead
        feed.next()
    feed.close()


def test_a_feed_that_began_before_anything_happened_misses_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--trusted-proxies", "127.0.0.1/32")
    program = key_for(server, "read", "send")
    first = Watching(program)
    place = first.next().id
    first.close()
    dot = dot_for(program, "early@example.com")
    opened(server, dot, "198.51.100.40")
    assert server.timeline("early@example.com", at_least=1)
    later = Watching(program, last=place)
    assert later.kept("early@example.com")
    later.close()
    server.stop()


def test_nobody_sees_another_workspaces_events_live_or_later(firms: Firms) -> None:
    person, ours = "secret@example.com", dot_for(firms.ours, "secret@example.com")
    theirs = dot_for(firms.theirs, "public@example.com")
    watching = Watching(firms.theirs)
    place = watching.next().id
    opened(firms.server, ours, "198.51.100.20")
    seen = Watching(firms.ours, last=place)
    seen.kept(person)
    opened(firms.server, theirs, "198.51.100.21")
    message = watching.next()
    assert message.data["person"] == "public@example.com"
    again = Watching(firms.theirs, last=place)
    assert again.next().kind == "hello"
    assert again.next().data["person"] == "public@example.com"
    for feed in (watching, seen, again):
        feed.close()


def test_a_feed_shows_the_kinds_it_was_asked_for(firms: Firms) -> None:
    person = "kinds@example.com"
    marked = firms.ours.post("/messages", {"mail": base64.b64encode(QUOTE).decode(), "to": [person]}).json
    copy = marked["copies"][0]
    feed = Watching(firms.ours, "?kind=click")
    feed.next()
    opened(firms.server, urlsplit(copy["dots"][0]).path, "198.51.100.30")
    firms.server.get(copy["links"][0]["url"], User_Agent=THUNDERBIRD, X_Forwarded_For="198.51.100.30")
    assert feed.kept(person).data["kind"] == "click"
    feed.close()


def test_who_watches_is_in_the_audit_log(firms: Firms) -> None:
    made = inkdot_json("key", "add", "a screen in the hall", "--scope", "read", "--data", firms.server.data)
    program = Program(firms.server, made["secret"])
    for _ in range(2):
        feed = Watching(program)
        feed.next()
        feed.close()
    told = map(json.loads, inkdot("audit", "--json", "--data", firms.server.data).stdout.splitlines())
    lines = [line for line in told if "a screen in the hall" in line["who"] and line["what"] == "live"]
    assert 1 <= len(lines) <= 2  # two where an hour ends meanwhile


def test_a_wrong_wish_is_refused_in_a_sentence(firms: Firms) -> None:
    for query, last in (("?kind=opened", None), ("?colour=red", None), ("?machines=no", None), ("", "yesterday")):
        assert refused(firms.ours, query, last) == 422
    assert refused(key_for(firms.server, "send")) == 403


def test_somebody_signed_in_watches_by_cookie_and_other_websites_do_not(firms: Firms) -> None:
    watcher = "watcher@example.com"
    inkdot("account", "add", watcher, "--role", "member", "--ask", "--data", firms.server.data, stdin=PASSWORD + "\n")
    browser = Program(firms.server)
    assert browser.sign_in(watcher).status == 201
    feed = Watching(browser)
    assert feed.next().kind == "hello"
    feed.close()
    assert refused(browser, Origin="https://evil.example") == 403


def test_a_feed_ends_soon_after_its_key_does_however_much_happens(firms: Firms) -> None:
    made = inkdot_json("key", "add", "short", "--scope", "read", "--data", firms.server.data)
    feed = Watching(Program(firms.server, made["secret"]))
    assert feed.next().kind == "hello"
    dot = dot_for(firms.ours, "noisy@example.com")
    inkdot("key", "rm", made["key"], "--data", firms.server.data)
    stop = threading.Event()

    def noise() -> None:
        n = 0
        while not stop.wait(0.3):
            n += 1
            opened(firms.server, dot, f"198.51.{100 + n // 250}.{n % 250 + 1}")

    noisy = threading.Thread(target=noise)
    noisy.start()
    try:
        with pytest.raises(EOFError):
            all(feed.next() for _ in range(1_000))
    finally:
        stop.set()
        noisy.join()
        feed.close()
