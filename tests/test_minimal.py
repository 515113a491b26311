"""Minimal data: what a mode, a setting or the passing of days forbids is not on the disk."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import BEN, EVE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.test_consent import marked

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def pinged(server: Server, copy: dict[str, object], times: int = 1, agent: str = THUNDERBIRD) -> None:
    for _ in range(times):
        server.get(str(copy["dots"][0]), User_Agent=agent)  # type: ignore[index]


def later(offset: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command at another time."""
    environment = os.environ | {"LD_PRELOAD": str(FAKETIME), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = [sys.executable, "-m", "inkdot", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


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
    for path in data.rglob("*"):
        if path.is_file():
            assert agent.encode() not in path.read_bytes(), path


def test_of_nobody_small_counts_are_hidden(own_server: Server) -> None:
    data = own_server.data
    inkdot("setup", "--region", "eu", "--data", data)
    copies = own_server.mark(QUOTE, BEN, EVE)
    pinged(own_server, copies[0], 4)

    def report() -> dict[str, int]:
        return dict(inkdot_json("report", "mail", "--data", data)["messages"][0])

    def heard() -> int:
        return sum(1 for line in inkdot("events", "--json", "--data", data).stdout.splitlines() if line)

    eventually(lambda: heard() == 4)
    assert report()["opens"] == 0
    assert report()["recipients"] == 2
    pinged(own_server, copies[1], 3)
    eventually(lambda: heard() == 7)
    assert report()["opens"] == 7


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
def test_what_is_past_its_days_is_gone_from_the_disk(tmp_path: Path) -> None:
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
    Server(data).stop()  # begins a new journal segment
    assert inkdot_json("verify", "--retention", "--data", data)["ok"]
    late = later("+4d", "verify", "--retention", "--data", data, "--json")
    assert late.returncode == 1
    assert not json.loads(late.stdout)["ok"]
    assert later("+4d", "tidy", "--data", data).returncode == 0
    late = later("+4d", "verify", "--retention", "--data", data, "--json")
    kept = {row["class"]: row["kept"] for row in json.loads(late.stdout)["classes"]}
    assert kept["events"]
    assert kept["mails"]
    assert not backup.exists()
    assert inkdot_json("timeline", BEN, "--data", data)["events"] == []
    found = [
        p
        for p in data.rglob("*")
        if p.is_file() and (agent.encode() in p.read_bytes() or BEN.encode() in p.read_bytes())
    ]
    assert found == []


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
    salts = eventually(lambda: list(own_server.data.glob("run/salt-*")))
    inkdot("backup", tmp_path / "backup.tar", "--data", own_server.data)
    assert salts[0].read_bytes() not in (tmp_path / "backup.tar").read_bytes()


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
    records = inkdot("legal", "records", "--data", data).stdout
    assert "CNIL, deliberation 2026-042" in records
    assert "Sub-processors: none" in records
    assert "after 90 days" in records
    assert "- [ ]" in inkdot("legal", "dpia", "--data", data).stdout
    inkdot("legal", "preview", "--out", tmp_path / "page.html", "--data", data)
    assert "Ada <Ltd>" not in (tmp_path / "page.html").read_text()


def test_the_footer_leads_to_the_privacy_page_once_the_region_is_known(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bodies, copies, _ = marked(data, BEN)
    assert b"/p/" not in bodies[BEN]
    inkdot("setup", "--region", "us", "--data", data)
    bodies, copies, _ = marked(data, BEN)
    assert str(copies[BEN]["privacy"]).encode() in bodies[BEN]
