"""The demonstration as a new user sees it: a living dashboard with sample data that one click removes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import ADA, PATIENCE, closing, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD
from tests.test_faults import alive


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Path]:
    """What it prints, as long as it runs."""
    out = tmp_path / "out.txt"
    with out.open("wb") as said:
        command = [sys.executable, "-m", "inkdot", "demo", "--port", "0"]
        running = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        try:
            yield out
        finally:
            running.terminate()
            running.wait(PATIENCE)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_however_a_demonstration_ends_no_process_outlives_it_and_its_folder_goes(
    tmp_path: Path, sign: signal.Signals
) -> None:
    out, place = tmp_path / "out.txt", tmp_path / "tmp"
    place.mkdir()
    killed = place / "inkdot-demo-killed"
    (killed / "data").mkdir(parents=True)
    command, here = [sys.executable, "-m", "inkdot", "demo", "--port", "0"], {**os.environ, "TMPDIR": str(place)}
    with out.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=here) as running:
        eventually(lambda: list(place.glob("inkdot-demo-*/data/run/server.json")))
        (folder,) = place.glob("inkdot-demo-*")
        assert folder != killed
        family = list(below(running.pid))
        assert len(family) >= 4
        running.send_signal(sign)
        assert running.wait(PATIENCE) == (-sign if sign == signal.SIGKILL else 0)
        eventually(lambda: not [pid for pid in family if alive(pid)])
    if sign == signal.SIGKILL:
        subprocess.run([*command, "--no-stay"], env=here, capture_output=True, timeout=2 * PATIENCE, check=True)
    assert not list(place.iterdir())


def below(pid: int) -> Iterator[int]:
    """All processes below one."""
    with contextlib.suppress(OSError):  # what ends meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from below(child)


def marked(mail: Path, data: Path) -> str:
    """The dot of a new copy."""
    made = inkdot_json(
        "mail", "mark", mail, "--to", "you@example.com", "--out-dir", mail.parent / "out", "--data", data
    )
    return str(made["copies"][0]["dots"][0])


def fetch(dot: str) -> None:
    with urllib.request.urlopen(dot, timeout=PATIENCE) as answer:
        assert answer.status == 200


class Coming:
    """A visit of the sample's website that is under way, and a reader of its mail, from before a `with` block until behind it."""

    def __init__(self, dot: str, key: str) -> None:
        self._dot, self._key = dot, key
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def _go_on(self) -> None:
        told = {"Origin": "https://example.com", "Content-Type": "text/plain"}
        place, number = self._dot.split("/o")[0], 0
        while not self._over.wait(0.05):
            number += 1
            event = {"k": "view", "u": f"https://example.com/{number}"}
            body = json.dumps([self._key, "under-way", event]).encode()
            with urllib.request.urlopen(urllib.request.Request(f"{place}/e", body, told), timeout=PATIENCE):
                fetch(self._dot)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_one_click_removes_the_sample_data_and_own_things_follow(demonstration: Path, chromium: Browser) -> None:
    setup = eventually(lambda: re.search(r"http://\S+/setup/\S+", demonstration.read_text()))[0]
    data = Path(re.search(r"--data (\S+)", demonstration.read_text())[1])  # type: ignore[index]
    with closing(chromium):
        tab = chromium.new_page()
        tab.goto(setup)
        tab.locator("input[name=address]").fill(ADA)
        tab.locator("input[name=password]").fill(PASSWORD)
        tab.locator("form.stack button").click()
        tab.get_by_role("link", name="Home").click()
        tab.get_by_role("link", name="ben@example.com").first.wait_for()
        for page, shown in (("/documents", "Offer for a new roof (sample).pdf"), ("/campaigns", "autumn (sample)")):
            tab.goto(setup.split("/setup")[0] + page)
            tab.get_by_role("link", name=shown).click()
            tab.get_by_text("ben@example.com").first.wait_for()
        tab.get_by_role("link", name="Home").click()
        mail = data.parent / "sample.eml"
        old = marked(mail, data)
        site = inkdot_json("site", "list", "--data", data)
        with Coming(old, site["key"]):
            tab.get_by_role("button", name="Remove the sample data now").click()
            tab.get_by_text("The sample data is gone.").wait_for()
        tab.get_by_text("The sample data is gone.").wait_for()
        assert tab.get_by_role("button", name="Remove the sample data now").count() == 0
        for page in ("/", "/people?since=all", "/mails?since=all", "/sites", "/leads?since=all"):
            tab.goto(page if page.startswith("http") else setup.split("/setup")[0] + page)
            assert "ben@example.com" not in tab.content()
        for page in ("/documents", "/campaigns"):
            tab.goto(setup.split("/setup")[0] + page)
            assert "(sample)" not in tab.content()
    assert inkdot("events", "--data", data, "--json").stdout == ""
    assert not subprocess.run(
        ["grep", "-rl", "dora@example.com", data], capture_output=True, text=True, check=False
    ).stdout
    inkdot("rebuild", "--data", data)
    assert inkdot("events", "--data", data, "--json").stdout == ""
    assert inkdot_json("verify", "--data", data)["ok"]
    fetch(old)
    own = marked(mail, data)
    fetch(own)
    told = eventually(lambda: inkdot_json("timeline", "you@example.com", "--data", data)["events"])
    (message,) = inkdot_json("report", "mail", "--data", data)["messages"]
    assert {event["message"] for event in told} == {message["message"]}
    assert {json.loads(line)["message"] for line in inkdot("events", "--data", data, "--json").stdout.splitlines()} == {
        message["message"]
    }
