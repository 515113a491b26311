"""Home shows the truth right after each change: whatever was worked out before it is not shown any more."""

from __future__ import annotations

import http.client
import json
import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from inkdot.client import Client
from tests.conftest import ADA, EVE, PATIENCE, THUNDERBIRD, Server, eventually, in_time, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Reader, key_for
from tests.office.desk import FIREFOX

MAIL = b"From: ada@example.com\r\nSubject: Six\r\nContent-Type: text/html\r\n\r\n<p>Hi %b</p>\r\n"
LINKS = b"".join(b'<a href="https://example.com/%d">%d</a>' % (n, n) for n in range(6))
SITE = "home.example"


class Desk:
    """A server with a website, and its owner in front of home."""

    def __init__(self, server: Server) -> None:
        self.server = server
        for address, place in ((ADA, "default"), (EVE, "other")):
            if place != "default":
                inkdot("workspace", "add", place, "--data", server.data)
            made = ("account", "add", address, "--role", "owner", "--workspace", place, "--ask", "--data", server.data)
            inkdot(*made, stdin=PASSWORD + "\n")
        self.reader, self.stranger = Reader(server, ADA), Reader(server, EVE)
        key = key_for(server, "read", "send", "manage", "privacy").key
        assert key
        self.inkdot = Client(server.office, key)
        self.key = inkdot_json("site", "add", SITE, "--data", server.data)["key"]

    def shown(self, reader: Reader | None = None) -> dict[str, set[str]]:
        """Who stands on home, by heading."""
        status, _, text = (reader or self.reader).ask("GET", "/?since=all")
        assert status == 200
        parts = re.split(r'<h2 id="(recent|hot|silent|live)">', text)
        people = {
            name: set(map(unquote, re.findall(r'href="/people/([^"]+)"', part)))
            for name, part in zip(parts[1::2], parts[2::2], strict=True)
        }
        assert set(people) == {"recent", "hot", "silent", "live"}
        return people

    def came_by(self, page: str) -> bool:
        """Whether somebody whom nobody knows is a lead who came first by this page."""
        leads: list[Any] = list(self.inkdot.leads(since="all"))
        return any(lead["visitor"] and lead["first_touch"]["page"] == page for lead in leads)

    def clicked(self, person: str) -> list[dict[str, Any]]:
        """A mail to somebody who clicks a link; the events, once home knows of them."""
        copy = self.inkdot.mark(MAIL % LINKS, to=[person])["copies"][0]
        self.click(copy["links"][0]["url"], person)
        eventually(lambda: person in self.shown()["recent"])
        return [dict(e) for e in self.inkdot.timeline(person)["events"]]

    def click(self, url: str, person: str) -> None:
        self.server.get(urlsplit(url).path, User_Agent=FIREFOX, X_Forwarded_For=place_of(person))

    def browse(self, visitor: str, *events: dict[str, Any]) -> None:
        parts = urlsplit(self.server.public)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        told = {"Origin": f"https://{SITE}", "Content-Type": "text/plain", "User-Agent": FIREFOX}
        connection.request("POST", "/e", json.dumps([self.key, visitor, *events]).encode(), told)
        assert connection.getresponse().status == 202
        connection.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    server = Server(tmp_path_factory.mktemp("home") / "data", "--trusted-proxies", "127.0.0.1/32")
    yield Desk(server)
    server.stop()


def place_of(person: str) -> str:
    """Everybody sits somewhere else: what a scanner does speaks against its whole network."""
    return f"198.51.{zlib.crc32(person.encode()) % 250}.7"


def view(path: str, page: str = "p") -> dict[str, Any]:
    return {"k": "view", "p": page, "q": 0, "u": f"https://{SITE}{path}", "r": ""}


def test_who_was_oneself_is_gone_from_home_once_that_is_said(desk: Desk) -> None:
    person = "oneself@example.com"
    for event in desk.clicked(person):
        desk.inkdot.correct(event["id"], "me", "I tried the link.")
    assert person not in desk.shown()["recent"]
    assert person not in {lead["person"] for lead in desk.inkdot.leads(since="all")}


def test_a_visitor_who_was_a_machine_is_no_lead_once_that_is_said(desk: Desk) -> None:
    desk.browse("machine", view("/machine", "m"))
    eventually(lambda: desk.came_by("/machine"))
    event = next(e for e in desk.inkdot.latest(50) if e["url"] == f"https://{SITE}/machine")
    desk.inkdot.correct(event["id"], "machine", "Our monitoring.")
    assert not desk.came_by("/machine")


def test_a_person_who_turns_out_to_be_a_scanner_leaves_home(desk: Desk) -> None:

    def burst(number: int) -> str:
        person = f"scanner-{number}@example.com"
        copy = desk.inkdot.mark(MAIL % LINKS, to=[person])["copies"][0]
        desk.click(copy["links"][0]["url"], person)
        eventually(lambda: person in desk.shown()["recent"])
        for link in copy["links"][1:]:
            desk.click(link["url"], person)
        return person

    person = in_time(9, burst)  # five links in ten seconds are too many for a person
    eventually(lambda: {e["actor"] for e in desk.inkdot.timeline(person)["events"]} == {"scanner"})
    assert person not in desk.shown()["recent"]


def test_whoever_is_erased_is_gone_from_every_part_of_home(desk: Desk) -> None:
    person = "erased@example.com"
    desk.clicked(person)
    desk.browse("erased", {"k": "identify", "p": "e", "q": 1, "u": f"https://{SITE}/", "w": person}, view("/demo", "e"))
    eventually(lambda: person in desk.shown()["hot"])
    desk.inkdot.erase_person(person)
    assert not [name for name, people in desk.shown().items() if person in people]


def test_what_a_browser_did_is_not_its_persons_any_more_once_they_are_unmerged(desk: Desk) -> None:
    person = "unmerged@example.com"
    desk.browse("shared", view("/pricing", "u"))
    desk.browse("shared", {"k": "identify", "p": "u", "q": 1, "u": f"https://{SITE}/", "w": person}, view("/demo", "v"))
    desk.browse("shared", {"k": "goal", "p": "v", "q": 2, "u": f"https://{SITE}/demo", "n": "asked"})
    eventually(lambda: person in desk.shown()["hot"])
    visitor = desk.inkdot.identities(person)["browsers"][0]["visitor"]
    desk.inkdot.unmerge(person, visitor)
    assert person not in desk.shown()["hot"]
    desk.inkdot.merge(person, visitor)
    assert person in desk.shown()["hot"]


def test_what_a_browser_did_is_its_persons_at_once_when_somebody_says_so(desk: Desk) -> None:
    person = "told@example.com"
    desk.inkdot.mark(MAIL % LINKS, to=[person])
    desk.browse("told", view("/told", "t"))
    eventually(lambda: desk.came_by("/told"))
    leads: list[Any] = list(desk.inkdot.leads(since="all"))
    (visitor,) = (lead["visitor"] for lead in leads if (lead["first_touch"] or {}).get("page") == "/told")
    desk.inkdot.merge(person, visitor)
    assert person in desk.shown()["recent"]
    desk.inkdot.unmerge(person, visitor)
    assert person not in desk.shown()["recent"]


def test_a_person_stands_where_he_stood_after_a_rebuild_and_after_tidying(desk: Desk) -> None:
    person = "rebuilt@example.com"
    desk.clicked(person)
    desk.browse("rebuilt", view("/rebuilt", "r"))

    eventually(lambda: desk.came_by("/rebuilt"))
    before = {name for name, people in desk.shown().items() if person in people}
    for chore in ("rebuild", "tidy"):
        inkdot(chore, "--data", desk.server.data)
        assert {name for name, people in desk.shown().items() if person in people} == before
        assert desk.came_by("/rebuilt")


def test_an_import_is_on_home_when_it_is_done(desk: Desk, tmp_path: Path) -> None:
    line = '203.0.113.9 - - [{time}] "GET /imported HTTP/1.1" 200 23 "-" "{agent}"\n'
    hour_ago = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - 3_600))
    log = tmp_path / "access.log"
    log.write_text(line.format(time=hour_ago, agent=FIREFOX))
    inkdot("import", log, "--from", "access-log", "--site", SITE, "--data", desk.server.data)
    eventually(lambda: desk.came_by("/imported"))  # what is of the past is added up when the journal is quiet


def test_home_holds_nothing_of_another_workspace(desk: Desk) -> None:
    desk.clicked("ours@example.com")
    desk.browse("ours", view("/pricing", "o"))
    assert not any(desk.shown(desk.stranger).values())


def test_the_office_gives_way_to_the_street(desk: Desk) -> None:
    """What people read in the office must not make dots wait: the kernel runs the street first."""

    def niceness(pid: int) -> set[int]:
        stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
        return {int(stat.rsplit(")", 1)[1].split()[16]) for stat in stats}

    children = desk.server.children()
    (street,) = niceness(children["street-0"])
    assert niceness(children["office"]) == {min(19, street + 10)}


def test_a_late_reader_is_seen_with_the_last_thing_he_did(desk: Desk) -> None:
    person = "late@example.com"
    copy = desk.inkdot.mark(MAIL % LINKS, to=[person])["copies"][0]
    desk.server.get(urlsplit(copy["dots"][0]).path, User_Agent=THUNDERBIRD, X_Forwarded_For=place_of(person))
    eventually(lambda: person in desk.shown()["recent"])
    desk.click(copy["links"][0]["url"], person)
    eventually(lambda: any(e["kind"] == "click" for e in desk.inkdot.timeline(person)["events"]))
    text = desk.reader.ask("GET", "/?since=all")[2]
    card = text.split(f'href="/people/{person.replace("@", "%40")}"', 1)[1].split("</li>", 1)[0]
    assert "clicked the link" in card
