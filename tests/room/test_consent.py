"""What a reader's consent allows is all that is written down; and a code proves an address."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from inkdot.app.folder import Folder
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import SHARE, WorkspaceId, from_word
from inkdot.domain.token import Token, TokenKind
from tests.conftest import BEN, EVE, Server, eventually, inkdot
from tests.relay.sink import Sink
from tests.room.made import Browser, pdf, report, share


def link_with(server: Server, made: dict[str, str], mode: Mode) -> str:
    """The same link as it would be under another consent."""
    keyring = Folder(server.data).keyring()
    contact = keyring.contact_id(WorkspaceId(1), Address(BEN))
    number = from_word(SHARE, made["link"])
    token = Token(TokenKind.SHARE, mode, WorkspaceId(1), 0, int(time.time()), number, contact, Address(BEN), b"")
    return f"{server.public}/d/{keyring.sign(token)}"


def read_a_second(url: str, times: int = 1) -> Browser:
    browsers = [Browser(url) for _ in range(times)]
    for browser in browsers:
        browser.open()
    browsers[0].stay(1.1)
    for browser in browsers:
        assert browser.beat([1, 1, 1, [0]])[0] in (200, 204)
    return browsers[0]


@pytest.fixture
def shared(server: Server, tmp_path: Path) -> dict[str, str]:
    return share(server, pdf(tmp_path / "doc.pdf", 2, tmp_path.name))


def test_without_consent_nothing_is_kept(server: Server, shared: dict[str, str]) -> None:
    browser = read_a_second(link_with(server, shared, Mode.OFF))
    assert "Nothing of this reading is measured" in browser.page
    assert report(server, shared["document"])["visits"] == []


def test_hygiene_keeps_the_day_alone(server: Server, shared: dict[str, str]) -> None:
    for _ in range(2):
        read_a_second(link_with(server, shared, Mode.HYGIENE))
    told = eventually(lambda: report(server, shared["document"])["visits"])
    assert len(told) == 1
    assert told[0]["started"].endswith("T00:00:00.000Z")
    assert (told[0]["pages"], told[0]["client"], told[0]["person"]) == ([], None, BEN)


@pytest.mark.parametrize(("mode", "signal"), [(Mode.AGGREGATE, {}), (Mode.INDIVIDUAL, {"Sec_GPC": "1"})])
def test_where_nobody_may_be_named_a_document_for_one_person_keeps_nothing(
    server: Server, tmp_path: Path, shared: dict[str, str], mode: Mode, signal: dict[str, str]
) -> None:
    url = link_with(server, shared, mode)
    journals = sorted((server.data / "journal").rglob("*.seg"))
    before = [path.read_bytes() for path in journals]
    browser = Browser(url, **signal)
    assert "Nothing of this reading is measured" in browser.open()
    browser.stay(1.1)
    assert browser.beat([1, 1, 1, [0]]) == (200, b'{"stop": true}')
    assert [path.read_bytes() for path in journals] == before
    assert share(server, tmp_path / "doc.pdf", to=EVE)["document"] == shared["document"]
    assert "counted without your name" in Browser(url, **signal).open()


def test_aggregate_counts_pages_for_nobody_once_five_read(own_server: Server, tmp_path: Path) -> None:
    made = share(own_server, pdf(tmp_path / "doc.pdf", 2))
    assert share(own_server, tmp_path / "doc.pdf", to=EVE)["document"] == made["document"]
    url = link_with(own_server, made, Mode.AGGREGATE)
    read_a_second(url, times=4)
    # Each told that it was opened, and what was read.
    eventually(lambda: inkdot("events", "--json", "--data", own_server.data).stdout.count("\n") == 8)
    told = report(own_server, made["document"])
    assert (told["visits"], told["pages"][0]["visits"]) == ([], 0)
    assert made["document"] not in inkdot("events", "--json", "--data", own_server.data).stdout
    read_a_second(url)
    told = eventually(lambda: (r := report(own_server, made["document"]))["pages"][0]["visits"] == 5 and r)
    assert (told["visits"], told["pages"][0]["seconds"]) == ([], 5)
    assert made["document"] in inkdot("events", "--json", "--data", own_server.data).stdout
    journal = b"".join(p.read_bytes() for p in (own_server.data / "journal" / "street-61441").glob("*.seg"))
    share_id = from_word(SHARE, made["link"]).to_bytes(8, "big")
    assert share_id not in journal  # it would name the person


def test_withdrawal_reaches_links_that_are_out(own_server: Server, tmp_path: Path) -> None:
    made = share(own_server, pdf(tmp_path / "doc.pdf", 1))
    read_a_second(made["url"])
    report(own_server, made["document"], seconds=1)
    inkdot("consent", "withdraw", BEN, "--data", own_server.data)
    eventually(lambda: "Nothing of this reading is measured" in Browser(made["url"]).open())
    read_a_second(made["url"])
    assert len(report(own_server, made["document"])["visits"]) == 1


def test_a_mailed_code_proves_the_address(tmp_path: Path, offer: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with Sink() as sink:
        (data / "inkdot.toml").write_text(f'mail_server = "{sink.url}"\nmail_from = "ada@example.com"\n')
        server = Server(data)
        try:
            made = share(server, offer, "--verify-email")
            browser = Browser(made["url"])
            browser.open()
            assert browser.send("enter", email="ben@example.com") == 303
            assert "We sent a code" in browser.open()
            mail = eventually(lambda: sink.mails_to("ben@example.com"))[0]
            code = re.search(rb"^(\d{6}) is your code", mail.content, re.MULTILINE)
            assert code
            wrong = "000000" if code[1] != b"000000" else "111111"
            assert browser.send("enter", code=wrong) == 403
            assert browser.send("enter", code=code[1].decode()) == 303
            assert "offer.pdf" in browser.open()
            browser.stay(1.1)
            assert browser.beat([1, 1, 1, [0]])[0] == 204
            report(server, made["document"], seconds=1)
            evidence = server.timeline(BEN, at_least=1)[0]["evidence"]
            assert {"rule": "D3", "fact": "the reader proved this address by a mailed code"} in evidence
            assert "asked" not in inkdot("doc", "list", "--data", data).stdout
        finally:
            server.stop()


def test_where_agreement_is_asked_for_nothing_is_measured_before(tmp_path: Path, offer: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text('reader_ask_first = true\nsender = "Ada Lovelace"\n')
    server = Server(data)
    try:
        made = share(server, offer)
        browser = Browser(made["url"])
        assert "Nothing is measured unless you agree" in browser.open()
        assert "Ada Lovelace" in browser.page
        browser.stay(1.1)
        assert browser.beat([1, 1, 1, [0]]) == (200, b'{"stop": true}')
        assert report(server, made["document"])["visits"] == []
        assert browser.send("wish", measure="yes") == 303
        browser.open()
        browser.stay(1.1)
        assert browser.beat([1, 1, 1, [0]])[0] == 204
        assert report(server, made["document"], seconds=1)["pages"][0]["visits"] == 1
    finally:
        server.stop()
