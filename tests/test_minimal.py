"""Minimal data: what a mode, a setting or the passing of days forbids is not on the disk."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BEN, EVE, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, files_in, inkdot, inkdot_json
from tests.relay.mail_door import changed
from tests.test_consent import marked

LINK_IN_MAILS = {
    "en": "link in every mail", "de": "Link in jeder Mail", "fr": "lien de chaque message", "it": "link in ogni messaggio",
    "es": "enlace de cada mensaje",
}  # fmt: skip
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def pinged(server: Server, copy: dict[str, object], times: int = 1, agent: str = THUNDERBIRD) -> None:
    for _ in range(times):
        server.get(str(copy["dots"][0]), User_Agent=agent)  # type: ignore[index]


def later(offset: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command at another time."""
    environment = os.environ | {"LD_PRELOAD": str(FAKETIME), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = [sys.executable, "-m", "inkdot", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment)


@contextmanager
def faked(clock: Path) -> Iterator[None]:
    """Whatever starts here lives at the time that a file says, which may be changed while it runs."""
    said = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    with changed(said):
        yield


def turned(clock: Path, time: str) -> None:
    """What `faked` processes read is never half written."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(time)
    fresh.replace(clock)


def test_hygiene_keeps_one_day_and_nothing_else(own_server: Server) -> None:
    data = own_server.data
    inkdot("consent", "set", BEN, "--mode", "hygiene", "--data", data)
    agent = "Nobody-Else/9.9 (hygiene)"
    for _ in range(2):
        (copy,) = own_server.mark()
        pinged(own_server, copy, 3, agent)
        own_server.get(copy["links"][0]["url"], User_Agent=agent)
    events = own_server.timeline(at_least=1)
    eventually(lambda: len([1 for line in inkdot("events", "--json", "--data", data).stdout.splitlines() if line]) >= 3)
    events = own_server.timeline(at_least=1)
    assert len(events) == 1
    assert events[0]["time"].endswith("T00:00:00.000Z")
    assert events[0]["message"] is None
    assert events[0]["raw"]["agent"] is None
    assert not [path for path, content in files_in(data) if agent.encode() in content]
    # Which of the mails it was nobody knows, so that of each it may have been.
    mails = inkdot_json("report", "mail", "--data", data)["messages"]
    assert [mail["opened_between"] for mail in mails if mail["subject"] == "The quote"] == [[0, 1], [0, 1]]


def test_of_nobody_small_counts_are_hidden(own_server: Server) -> None:
    data = own_server.data
    inkdot("setup", "--region", "eu", "--data", data)
    two = own_server.mark(QUOTE, BEN, EVE)
    copies = own_server.mark(QUOTE.replace(b"quote", b"offer"), *(f"reader-{n}@example.com" for n in range(5)))
    pinged(own_server, copies[0], 4)

    def report(size: int = 5) -> dict[str, Any]:
        by_size = {m["unnamed"]: m for m in inkdot_json("report", "mail", "--data", data)["messages"]}
        return dict(by_size[size])

    def heard() -> int:
        return sum(1 for line in inkdot("events", "--json", "--data", data).stdout.splitlines() if line)

    eventually(lambda: heard() == 4)
    assert (report()["opens"], report()["recipients"], report()["opened_between"]) == (0, 5, [0, 4])
    pinged(own_server, copies[1], 3)
    eventually(lambda: heard() == 7)
    assert (report()["opens"], report()["opens_for_nobody"], report()["opened_between"]) == (7, 7, [0, 5])
    # However often: what two people did is not told, as it would be theirs.
    pinged(own_server, two[0], 6)
    eventually(lambda: heard() == 13)
    assert (report(2)["opens"], report(2)["opened_between"], report(2)["last"]) == (0, [0, 2], None)
    events = inkdot("events", "--json", "--data", data).stdout
    assert events.count(str(report(5)["message"])) >= 7
    assert str(report(2)["message"]) not in events
    # No two spans of time can be subtracted, and of its times the day is told.
    tomorrow = inkdot_json("report", "mail", "--since", "2099-01-01", "--data", data)["messages"]
    assert [m["opens"] for m in tomorrow] in ([], [0, 7], [7, 0])
    assert str(report()["last"]).endswith("T00:00:00.000Z")


@pytest.mark.parametrize("keep", ["cut", "none"])
def test_addresses_in_the_journal_may_be_cut_or_left_out(tmp_path: Path, keep: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(f'addresses = "{keep}"\n')
    server = Server(data, "--trusted-proxies", "127.0.0.1/32")
    try:
        (copy,) = server.mark()
        server.get(copy["dots"][0], User_Agent=THUNDERBIRD, X_Forwarded_For="198.51.100.77")
        server.timeline(at_least=1)
        journal = b"".join(path.read_bytes() for path in data.glob("journal/*/*.seg"))
        assert bytes([198, 51, 100, 77]) not in journal
        assert (bytes([198, 51, 100, 0]) in journal) == (keep == "cut")
    finally:
        server.stop()


@pytest.mark.skipif(not FAKETIME.exists(), reason="faketime is not installed")
def test_with_one_day_set_nothing_is_on_the_disk_two_days_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup.tar"
    data.mkdir()
    (data / "inkdot.toml").write_text("journal_days = 1\nevents_days = 1\nbackups_days = 1\n")
    server = Server(data)
    agent = "Gone-Tomorrow/1.0"
    try:
        (copy,) = server.mark()
        pinged(server, copy, 1, agent)
        server.timeline(at_least=1)
        inkdot("backup", backup, "--data", data)
    finally:
        server.stop()
    assert inkdot_json("verify", "--retention", "--data", data)["ok"]
    assert later("+2d", "verify", "--retention", "--data", data).returncode == 1
    monkeypatch.setenv("LD_PRELOAD", str(FAKETIME))
    monkeypatch.setenv("FAKETIME", "+2d")
    server = Server(data)
    monkeypatch.undo()

    def left() -> list[Path]:
        return [p for p, content in files_in(data) if agent.encode() in content or BEN.encode() in content]

    try:
        eventually(lambda: not left())
        eventually(lambda: not backup.exists())
        assert server.timeline() == []
    finally:
        server.stop()
    assert later("+2d", "verify", "--retention", "--data", data).returncode == 0


@pytest.mark.skipif(not FAKETIME.exists(), reason="faketime is not installed")
def test_a_journal_that_little_is_written_into_does_not_keep_its_first_records(tmp_path: Path) -> None:
    data, clock = tmp_path / "data", tmp_path / "clock"
    data.mkdir()
    (data / "inkdot.toml").write_text("journal_days = 1\n")
    clock.write_text("+0")
    agent, later_agent = "Early-Bird/1.0", "Seven-Hours-On/1.0"
    with faked(clock):
        server = Server(data)
    try:
        (copy,) = server.mark()
        pinged(server, copy, 1, agent)
        server.timeline(at_least=1)
        turned(clock, "+7h")
        first = next(data.glob("journal/street-0/*.seg"))
        eventually(lambda: len(list(data.glob("journal/street-0/*.seg"))) == 2)
        pinged(server, copy, 1, later_agent)
        assert agent.encode() in first.read_bytes()
        assert later_agent.encode() not in first.read_bytes()
    finally:
        server.stop()


@pytest.mark.skipif(not FAKETIME.exists(), reason="faketime is not installed")
def test_whoever_has_a_document_stays_known_when_old_mails_go(tmp_path: Path) -> None:
    data, offer = tmp_path / "data", tmp_path / "offer.png"
    data.mkdir()
    (data / "inkdot.toml").write_text("journal_days = 1\nevents_days = 1\n")
    offer.write_bytes(base64.b64decode(PIXEL))
    server = Server(data)
    try:
        server.mark(QUOTE, BEN, EVE)
        inkdot("doc", "share", offer, "--to", BEN, "--data", data)
    finally:
        server.stop()
    assert later("+4d", "tidy", "--data", data).returncode == 0
    listed = inkdot("doc", "list", "--json", "--data", data).stdout
    assert BEN in listed
    assert b"".join(p.read_bytes() for p in data.glob("control.db*")).count(EVE.encode()) == 0


def test_salts_are_in_no_backup(own_server: Server, tmp_path: Path) -> None:
    (salt,) = [path.read_bytes() for path in eventually(lambda: list(own_server.data.glob("run/salt-*")))]
    inkdot("backup", tmp_path / "backup.tar", "--data", own_server.data)
    assert salt not in (tmp_path / "backup.tar").read_bytes()


def test_texts_follow_the_settings(tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = inkdot_json("legal", "texts", "--data", data)
    assert set(before) == {"en", "de", "fr", "it", "es"}
    inkdot("setup", "--region", "eu", "--data", data)
    with (data / "inkdot.toml").open("a") as file:
        file.write('journal_days = 3\nevents_days = 90\naddresses = "cut"\ncontroller = "Ada <Ltd>"\n')
    after = inkdot_json("legal", "texts", "--data", data)
    for language, texts in after.items():
        assert texts["privacy_paragraph"] != before[language]["privacy_paragraph"]
        for fact in ("90", "/24", "Ada <Ltd>", " 3 "):
            assert fact in texts["privacy_paragraph"], (language, fact)
        assert "Ada &lt;Ltd&gt;" in texts["form_html"]
        assert "checked" not in texts["form_html"]
        assert "{" not in "".join(texts.values())
    # A link that no mail carries is not promised, and who is asked first is told so.
    for language, word in LINK_IN_MAILS.items():
        assert word not in before[language]["form_box"] + before[language]["privacy_paragraph"]
        assert word in after[language]["form_box"]
        asked = after[language]["privacy_paragraph"].split(",")[0]
        assert not before[language]["privacy_paragraph"].startswith(asked)
    records = inkdot("legal", "records", "--data", data).stdout
    assert "CNIL, deliberation 2026-042" in records
    assert "Sub-processors: none" in records
    assert "after 90 days" in records
    assert "- [ ]" in inkdot("legal", "dpia", "--data", data).stdout
    # Nobody else gets anything is said only where it is so, and consent is no basis where nobody is asked.
    # One day is one day, websites are told of once there are any, and a header line is no link that people see.
    inkdot("site", "add", "shop.example", "--data", data)
    text = (data / "inkdot.toml").read_text()
    (data / "inkdot.toml").write_text(text.replace("= 90", "= 1") + 'privacy_link = "header"\n')
    for language, texts in inkdot_json("legal", "texts", "--data", data).items():
        assert " 1 " not in texts["privacy_paragraph"]
        assert len(texts["privacy_paragraph"]) > len(after[language]["privacy_paragraph"])
        assert LINK_IN_MAILS[language] not in texts["privacy_paragraph"]
        assert texts["document_notice"] != before[language]["document_notice"]
    assert "header line" in inkdot("legal", "records", "--data", data).stdout
    (data / "inkdot.toml").write_text(text)
    inkdot("webhook", "add", "https://crm.example.com/hook", "--data", data)
    with (data / "inkdot.toml").open("a") as file:
        file.write('upstream = "smtps://ada@mail.example.net"\nupstream_password = "secret"\n')
    for question in ("records", "dpia"):
        told = inkdot("legal", question, "--data", data)
        assert "crm.example.com, mail.example.net" in told.stdout
        assert "secret" not in told.stdout
        assert "Sub-processors: none" not in told.stdout
        assert "no outside service" not in told.stdout
    for language, texts in inkdot_json("legal", "texts", "--data", data).items():
        assert "crm.example.com, mail.example.net" in texts["privacy_paragraph"]
        assert "crm.example.com" not in after[language]["privacy_paragraph"]
    inkdot("setup", "--region", "us", "--data", data)
    assert "others (name yours: they are measured by name" in inkdot("legal", "records", "--data", data).stdout
    inkdot("legal", "preview", "--out", tmp_path / "page.html", "--data", data)
    assert "Ada <Ltd>" not in (tmp_path / "page.html").read_text()
    # What health mode rules out is neither asked for nor told.
    with (data / "inkdot.toml").open("a") as file:
        file.write("health = true\n")
    for language, texts in inkdot_json("legal", "texts", "--data", data).items():
        assert (texts["form_box"], texts["form_html"]) == ("", "")
        assert texts["document_notice"] != after[language]["document_notice"]
    inkdot("legal", "preview", "--out", tmp_path / "page.html", "--data", data)
    assert "checkbox" not in (tmp_path / "page.html").read_text()


def test_the_footer_leads_to_the_privacy_page_once_the_region_is_known(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bodies, copies, _ = marked(data, BEN)
    assert b"/p/" not in bodies[BEN]
    inkdot("setup", "--region", "us", "--data", data)
    bodies, copies, _ = marked(data, BEN)
    assert str(copies[BEN]["privacy"]).encode() in bodies[BEN]
