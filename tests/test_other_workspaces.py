"""Pages that people reach by a token serve the workspace that made it, and no other; mails of rules lead there."""

from __future__ import annotations

import email
import http.client
import json
import re
import time
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from inkdot.app.confirming import question
from inkdot.app.folder import Folder
from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.mark.mint import Mint, Person
from tests.act.conftest import click
from tests.conftest import BEN, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.office.asking import Program, key_for
from tests.relay.sink import Sink

FORM = "application/x-www-form-urlencoded"


class Two(NamedTuple):
    """A server with two workspaces, and programs that ask each."""

    server: Server
    sink: Sink
    first: Program
    second: Program
    mint: Mint
    """Of the second."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    data = tmp_path_factory.mktemp("two") / "data"
    data.mkdir()
    with Sink() as sink:
        (data / "inkdot.toml").write_text(
            f'owner = "ada@example.com"\nupstream = "{sink.url}?tls=off"\nregion = "us"\n'
        )
        server = Server(data)
        inkdot("workspace", "add", "other", "--data", data)
        mint = Mint(server.public, Folder(data).keyring(), WorkspaceId(2))
        yield Two(
            server,
            sink,
            key_for(server, "privacy", "send"),
            key_for(server, "privacy", "send", workspace="other"),
            mint,
        )
        server.stop()


def post(url: str, body: str, kind: str = FORM) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.request("POST", parts.path, body, {"Content-Type": kind})
    status = connection.getresponse().status
    connection.close()
    return status


def acts(program: Program, person: str) -> list[str]:
    said = program.get(f"/people/{person}/consent")
    return [choice["act"] for choice in said.json["data"]] if said.status == 200 else []


def person(two: Two, address: str) -> Person:
    return Person.known(two.mint, Address(address))


def test_a_withdrawal_counts_where_it_was_said(two: Two) -> None:
    address = "fay@example.com"
    assert post(two.mint.privacy(person(two, address), 7, int(time.time())), "do=stop") == 200
    assert acts(two.second, address) == ["withdraw"]
    assert acts(two.first, address) == []
    mine = two.server.mark(QUOTE, address)[0]
    two.server.get(mine["dots"][0], User_Agent=THUNDERBIRD)
    assert len(two.server.timeline(address, at_least=1)) == 1


def test_consent_is_confirmed_where_it_was_asked(two: Two) -> None:
    address = "gus@example.com"
    asked = question("purpose:mail", "", "", "en")
    assert post(two.mint.confirmation(person(two, address), int(time.time()), asked.packed()), "") == 200
    assert acts(two.second, address) == ["set"]
    assert acts(two.first, address) == []


def test_a_form_asks_in_the_name_of_its_workspace(two: Two) -> None:
    address = "ida@example.com"
    asked = question("purpose:mail", "", "", "en")
    nobody = person(two, address)._replace(contact=ContactId(0), address=None)
    assert (
        post(two.mint.confirmation(nobody, int(time.time()), asked.packed()), urlencode({"yes": 1, "address": address}))
        == 200
    )
    got = eventually(lambda: [g for g in two.sink.got if g.to == address])[0]
    text = email.message_from_bytes(got.content, policy=policy.default).get_content()
    link = re.search(r"^(http\S+)\s*$", text, re.MULTILINE)
    assert link
    assert post(link[1], "") == 200
    assert (acts(two.second, address), acts(two.first, address)) == (["set"], [])


def test_a_browser_is_allowed_where_its_link_was_made(two: Two) -> None:
    address = "kim@example.com"
    key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    body = f'{{"endpoint":"https://push.example.com/kim","keys":{{"p256dh":"{key}","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}}}'
    assert post(two.mint.push(person(two, address), int(time.time())), body, "application/json") == 200
    assert acts(two.second, address) == ["set"]
    assert acts(two.first, address) == []


def test_a_rules_mail_to_a_person_ends_with_one_click(two: Two, tmp_path: Path) -> None:
    rule = tmp_path / "thanks.toml"
    rule.write_text(
        f'name = "thanks"\nhold = "0s"\n[when]\nkind = "click"\nperson = "{BEN}"\n'
        '[[actions]]\ndo = "email"\nto = "person"\nsubject = "Thank you"\ntext = "Ask us anything."\n'
    )
    inkdot("trigger", "add", rule, "--data", two.server.data)
    inkdot("consent", "set", BEN, "--mode", "individual", "--scope", "purpose:mail", "--data", two.server.data)
    click(two.server, BEN)
    got = eventually(lambda: [g for g in two.sink.got if g.to == BEN])[0]
    mail = email.message_from_bytes(got.content, policy=policy.default)
    url = str(mail["List-Unsubscribe"]).strip("<>")
    assert (mail["List-Unsubscribe-Post"], url in mail.get_content()) == ("List-Unsubscribe=One-Click", True)
    assert two.server.get(url)[0] == 200
    assert post(url, "List-Unsubscribe=One-Click") == 200
    log = inkdot_json("consent", "log", BEN, "--data", two.server.data)
    assert "unsubscribe" in str(log)


def test_whoever_is_erased_in_one_workspace_stays_erased_there_after_a_rebuild_and_known_in_the_other(two: Two) -> None:
    who, where = "leaves@example.com", ("--data", two.server.data)
    for program, domain in ((key_for(two.server, "manage"), "one.example.com"), (key_for(two.server, "manage", workspace="other"), "two.example.com")):  # fmt: skip
        site = program.post("/sites", {"domain": domain}).json["key"]
        for event in (
            {"kind": "identify", "person": who, "url": f"https://{domain}/", "visitor": "theirs"},
            {
                "kind": "goal",
                "name": "met",
                "detail": {"who": who},
                "url": f"https://{domain}/?who={who}",
                "visitor": "x",
            },
        ):
            sent = json.dumps({"key": site, **event})
            assert post(two.server.public + "/e", sent, "application/json") == 202

    def goals(program: Program) -> int:
        return sum(who in json.dumps(event) for event in program.get("/events?limit=200").json["data"])

    readers = key_for(two.server, "read"), key_for(two.server, "read", workspace="other")
    eventually(lambda: all(goals(reader) for reader in readers))
    erased = json.loads(inkdot("person", "erase", who, "--yes", "--json", *where).stdout)
    assert erased["journal_records"] >= 2
    inkdot("rebuild", *where)
    assert goals(readers[0]) == 0
    assert goals(readers[1]) > 0
    assert inkdot_json("timeline", who, *where)["events"] == []
