"""Where somebody worked in the office just before, opens with the same program are his own; nobody else is taken for him."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ADA, QUOTE, Server, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Program

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
HERE, ELSEWHERE, INSIDE = "93.213.85.92", "84.19.160.5", "192.168.1.7"
READER = "cleo@reader.example"


class Desk(NamedTuple):
    """Ada, who signed in and looked at a page."""

    server: Server


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    server = Server(tmp_path_factory.mktemp("desk") / "data", "--trusted-proxies", "127.0.0.1/32")
    inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    for address in (HERE, INSIDE):
        ada = Program(server)
        ada.sign_in(ADA, X_Forwarded_For=address, User_Agent=CHROME)
        assert ada.get("/people", X_Forwarded_For=address, User_Agent=CHROME).status == 200
    yield Desk(server)
    server.stop()


def actor(server: Server, person: str, address: str, agent: str) -> str:
    copy = server.mark(QUOTE, person)[0]
    before = len(server.timeline(person))
    server.get(copy["dots"][0], User_Agent=agent, X_Forwarded_For=address)
    newest = server.timeline(person, at_least=before + 1)
    return str(max(newest, key=lambda e: str(e["time"]))["actor"])


def test_opens_from_where_the_sender_works_with_his_program_are_his(desk: Desk) -> None:
    assert actor(desk.server, READER, HERE, CHROME) == "sender"
    event = desk.server.timeline(READER, at_least=1)[-1]
    assert event["evidence"][0]["rule"] == "S2"
    assert inkdot_json("explain", event["id"], "--data", desk.server.data)["evidence"][0]["rule"] == "S2"


@pytest.mark.parametrize(
    ("address", "agent", "person"),
    [
        (ELSEWHERE, CHROME, READER),
        (HERE, FIREFOX, READER),
        (INSIDE, CHROME, READER),
        (HERE, CHROME, "bob@example.com"),
    ],
    ids=["another address", "another program", "a private address", "a colleague"],
)
def test_who_is_only_a_little_like_the_sender_is_a_reader(desk: Desk, address: str, agent: str, person: str) -> None:
    assert actor(desk.server, person, address, agent) == "human"


def test_understanding_anew_finds_the_same(desk: Desk, tmp_path: Path) -> None:
    assert actor(desk.server, "dora@reader.example", HERE, CHROME) == "sender"
    desk.server.stop()
    inkdot("rebuild", "--data", desk.server.data)
    desk.server.start()
    assert [e["actor"] for e in desk.server.timeline("dora@reader.example", at_least=1)] == ["sender"]
