"""Where nobody may be named: no key leads to a person, and what few did is not told, wherever one looks."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inkdot.domain.contact import normal_address
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.token import Keyring
from tests.conftest import BEN, EVE, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, files_in, inkdot, inkdot_json
from tests.relay.mail_door import MailDoor, page
from tests.relay.sink import Sink

MANY = 1_000
_DOT = re.compile(rb'http://[^"]+/o/[^"]+\.gif')


@pytest.fixture
def door(tmp_path: Path) -> Iterator[MailDoor]:
    with Sink() as sink:
        running = MailDoor(tmp_path, sink)
        inkdot("setup", "--region", "eu", "--data", running.data)
        yield running
        running.stop()


def events(data: Path, *options: str) -> list[dict[str, Any]]:
    return [json.loads(x) for x in inkdot("events", "--json", *options, "--data", data).stdout.splitlines()]


def dot_in(content: bytes) -> str:
    found = _DOT.search(content)
    assert found
    return found[0].decode()


def test_three_people_without_consent_get_the_same_bytes_through_the_mail_door(door: MailDoor) -> None:
    inkdot("consent", "set", EVE, "--mode", "individual", "--data", door.data)
    people = [BEN, "cleo@example.com", "dora@example.com", EVE]
    door.send(page(), *people)
    ben, cleo, dora, eve = (door.delivered(person)[0].content for person in people)
    assert ben == cleo == dora != eve
    assert dot_in(ben) != dot_in(eve)


def test_a_thousand_mails_leave_no_key_to_a_person(door: MailDoor, tmp_path: Path) -> None:
    people = [f"reader-{number}@example.com" for number in range(MANY)]
    alone, together, marked = people[:20], people[20:100], people[100:]
    with door.logged_in() as client:
        for person in alone:
            client.mail(page(f"For {person.split('@')[0]}", Message_ID=f"<to-{person}>"), person)
        client.mail(page(), *together)
    mail = tmp_path / "mail.eml"
    mail.write_bytes(QUOTE)
    to = [option for person in marked for option in ("--to", person)]
    inkdot("mail", "mark", mail, *to, "--out-dir", tmp_path / "out", "--data", door.data)
    eventually(lambda: len(door.sink.got) == len(alone) + len(together) and not door.queue())
    for got in door.sink.got[:40]:
        door.server.get(dot_in(got.content), User_Agent=THUNDERBIRD)
    eventually(lambda: len(events(door.data)) == 40)
    door.server.stop()
    keyring = Keyring.from_json((door.data / "keys.json").read_text())
    contacts = {keyring.contact_id(WorkspaceId(1), normal_address(person)) for person in people}
    keys = {struct.pack(order, contact) for contact in contacts for order in (">Q", "<Q")}
    for path, content in files_in(door.data):
        assert re.findall(rb"reader-\d+@", content) == [], path
        written = re.sub(rb"\0{9,}", bytes(8), content)  # not what was only reserved
        assert [at for at in range(len(written)) if written[at : at + 8] in keys] == [], path
    # Mails to one person each carry one mark, and nothing tells them apart but that they were sent on that day.
    store = sqlite3.connect(door.data / "control.db")
    counted = store.execute("SELECT subject, unnamed FROM messages ORDER BY unnamed").fetchall()
    store.close()
    assert counted == [("Mails to one person each", 20), ("The offer", 80), ("The quote", 900)]


def test_what_few_did_is_told_nowhere_until_five_did(own_server: Server) -> None:
    data = own_server.data
    inkdot("setup", "--region", "eu", "--data", data)
    ben, *_ = own_server.mark(QUOTE, BEN, EVE, *(f"reader-{n}@example.com" for n in range(3)))
    message = inkdot_json("report", "mail", "--data", data)["messages"][0]["message"]
    key = inkdot_json("key", "add", "a reader", "--scope", "read", "--data", data)["secret"]

    def everywhere() -> str:
        """Events by command, by the API, exported in each form, and the report."""
        told = [inkdot("export", "events", "--format", form, "--data", data).stdout for form in ("csv", "jsonl")]
        told.append(inkdot("events", "--json", "--data", data).stdout)
        told += [asked(own_server, path, key) for path in ("/api/v1/events", "/api/v1/events?last=9")]
        return "\n".join(told)

    for _ in range(4):
        own_server.get(ben["dots"][0])
    eventually(lambda: len(events(data)) == 4)
    assert message not in everywhere()
    for event in events(data):
        assert event["time"].endswith("T00:00:00.000Z")
        assert (event["message"], event["part"]) == (None, None)
        assert event["fields"]["time"]["reason"] == "few"
    # Nobody finds out when it was by asking for one time after the other.
    day = events(data)[0]["time"][:10]
    for since, told in ((day, 4), (f"{day}T00:00:01Z", 0)):
        assert inkdot("events", "--since", since, "--json", "--data", data).stdout.count("\n") == told
    assert "once five came" in inkdot("explain", events(data)[0]["id"], "--data", data).stdout
    own_server.get(ben["dots"][1])
    eventually(lambda: len(events(data)) == 5)
    assert everywhere().count(message) >= 5 * 5


def asked(server: Server, path: str, key: str) -> str:
    host = server.office.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return text
