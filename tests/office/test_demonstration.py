"""The demonstration as a new user sees it: a living dashboard with sample data that one click removes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.conftest import ADA, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Path]:
    """What it prints, as long as it runs."""
    out = tmp_path / "out.txt"
    with out.open("wb") as said:
        command = [sys.executable, "-m", "inkdot", "demo", "--port", "0"]
        running = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        yield out
        running.terminate()
        running.wait(30)


def test_one_click_removes_the_sample_data_and_own_things_follow(demonstration: Path) -> None:
    setup = eventually(lambda: re.search(r"http://\S+/setup/\S+", demonstration.read_text()), 90)[0]
    data = Path(re.search(r"--data (\S+)", demonstration.read_text())[1])  # type: ignore[index]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        tab.goto(setup)
        tab.locator("input[name=address]").fill(ADA)
        tab.locator("input[name=password]").fill(PASSWORD)
        tab.locator("form.stack button").click()
        tab.get_by_role("link", name="Home").click()
        tab.get_by_role("link", name="ben@example.com").first.wait_for()
        tab.get_by_role("button", name="Remove the sample data now").click()
        tab.get_by_text("The sample data is gone.").wait_for()
        assert tab.get_by_role("button", name="Remove the sample data now").count() == 0
        for page in ("/", "/people?since=all", "/mails?since=all", "/sites", "/leads?since=all"):
            tab.goto(page if page.startswith("http") else setup.split("/setup")[0] + page)
            assert "ben@example.com" not in tab.content()
        browser.close()
    assert inkdot("events", "--data", data, "--json").stdout == ""
    assert not subprocess.run(
        ["grep", "-rl", "dora@example.com", data], capture_output=True, text=True, check=False
    ).stdout
    inkdot("rebuild", "--data", data)
    assert inkdot("events", "--data", data, "--json").stdout == ""
    assert inkdot_json("verify", "--data", data)["ok"]
    mail = data.parent / "sample.eml"
    made = inkdot_json(
        "mail", "mark", mail, "--to", "you@example.com", "--out-dir", data.parent / "out", "--data", data
    )
    dot = made["copies"][0]["dots"][0]
    subprocess.run(["curl", "-s", "-o", "/dev/null", dot], check=True)
    assert eventually(lambda: inkdot_json("timeline", "you@example.com", "--data", data)["events"])
