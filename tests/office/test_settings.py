"""The first steps of a new owner, and settings that count at once while pings go on being heard."""

from __future__ import annotations

import os
import signal
import time
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import ADA, BEN, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD
from tests.office.desk import FIREFOX


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data")
    inkdot("account", "add", ADA, "--ask", "--data", running.data, stdin=PASSWORD + "\n")
    yield running
    running.stop()


@pytest.fixture
def owner(chromium: Browser, server: Server) -> Iterator[Page]:
    context = chromium.new_context(base_url=server.office)
    tab = context.new_page()
    tab.goto("/login")
    tab.get_by_label("Mail address").fill(ADA)
    tab.locator("input[name=password]").fill(PASSWORD)
    tab.locator("form.stack button").click()
    tab.wait_for_url("**/")
    yield tab
    context.close()


def written(server: Server) -> dict[str, object]:
    return tomllib.loads((server.data / "inkdot.toml").read_text())


def test_a_new_owner_says_where_recipients_are_and_is_measured_by_their_rules(owner: Page, server: Server) -> None:
    owner.goto("/welcome")
    owner.get_by_label("European Union").check()
    owner.get_by_role("button", name="Keep").click()
    owner.get_by_text("Written down; it counts from now on.").wait_for()
    assert owner.get_by_label("European Union").is_checked()
    assert written(server) == {"region": "eu"}
    assert inkdot_json("setup", "--data", server.data)["mode"] == "aggregate"


def test_who_tries_a_link_on_himself_sees_himself_also_where_others_have_to_be_asked_first(
    owner: Page, server: Server
) -> None:
    inkdot("setup", "--region", "eu", "--data", server.data)
    owner.goto("/welcome")
    owner.get_by_role("link", name="Make a test link for me").click()
    link = owner.locator("a.url").get_attribute("href")
    assert link
    assert server.get(link, User_Agent=FIREFOX)[0] == 302
    owner.goto("/")
    expect(owner.locator("#feed > .event").first).to_contain_text(f"{ADA} A person clicked the link")


def test_the_public_address_is_tried_before_it_is_used(owner: Page, server: Server) -> None:
    owner.goto("/welcome")
    owner.get_by_label("Address").fill("http://127.0.0.1:9")
    owner.get_by_role("button", name="Try it").click()
    assert "Nothing answers at http://127.0.0.1:9" in owner.get_by_role("alert").inner_text()
    owner.get_by_label("Address").fill(server.office)
    owner.get_by_role("button", name="Try it").click()
    owner.get_by_label("Address").fill(server.public.replace("127.0.0.1", "localhost"))
    owner.get_by_role("button", name="Try it").click()
    owner.get_by_text("It answers.").wait_for()
    owner.get_by_role("button", name="Use this address").click()
    owner.get_by_text("Written down; it counts from now on.").wait_for()
    link = inkdot_json("link", "https://www.example.com/", "--to", BEN, "--data", server.data)
    assert link["url"].startswith(server.public.replace("127.0.0.1", "localhost"))


def test_settings_count_at_once_and_no_ping_is_lost_meanwhile(owner: Page, server: Server) -> None:
    before = server.children()
    owner.goto("/settings")
    owner.get_by_label("journal_days").fill("3")
    owner.get_by_label("track_clicks").uncheck()
    owner.locator("[name=controller]").fill('Ada "the roofer" Example, Åker 1')
    owner.get_by_role("button", name="Keep").click()
    owner.get_by_text("Written down; it counts from now on.").wait_for()
    assert owner.get_by_label("journal_days").input_value() == "3"
    assert owner.locator("[name=controller]").input_value() == 'Ada "the roofer" Example, Åker 1'
    assert not owner.get_by_label("track_clicks").is_checked()
    assert set(written(server)) == {"journal_days", "track_clicks", "controller"}
    eventually(lambda: all(server.children().get(name) not in (None, pid) for name, pid in before.items()))
    copy = server.mark(QUOTE, BEN)[0]
    assert copy["links"] == []
    server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    assert server.timeline(BEN, at_least=1)


def test_what_does_not_work_is_refused_and_nothing_is_written(owner: Page, server: Server) -> None:
    for field, wrong, said in (
        ("journal_days", "many", "journal_days = 'many'"),
        ("public_url", "t.example.com", "is no web address"),
    ):
        owner.goto("/settings")
        owner.get_by_label(field).fill(wrong)
        owner.get_by_role("button", name="Keep").click()
        assert said in owner.locator("main").inner_text()
    csrf = owner.context.request.get("/settings").text().split('name="csrf" value="')[1].split('"')[0]
    refused = owner.request.post(
        "/settings", form={"csrf": csrf, "office_port": "1"}, headers={"Origin": server.office}
    )
    assert refused.status == 422
    assert not (server.data / "inkdot.toml").exists()


def test_a_hangup_reads_the_file_anew_and_a_bad_file_changes_nothing(server: Server) -> None:
    before = server.children()
    (server.data / "inkdot.toml").write_text("journal_days = 'never'\n")
    os.kill(server.process.pid, signal.SIGHUP)
    eventually(lambda: "settings_refused" in Path(f"{server.data}.stderr").read_text())
    assert server.children() == before
    (server.data / "inkdot.toml").write_text("journal_days = 2\n")
    os.kill(server.process.pid, signal.SIGHUP)
    eventually(lambda: all(server.children().get(name) not in (None, pid) for name, pid in before.items()))
    assert server.get("/healthz")[0] == 200


def is_open(server: Server) -> bool:
    return server.get(f"{server.office}/healthz")[0] == 200


def test_a_file_that_is_broken_while_chores_are_done_ends_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    inkdot("site", "add", "example.com", "--data", data)  # how much it may keep goes by the region in the file
    for _ in range(5):  # chores are done five seconds after the start: a busy machine may be too late for them
        server = Server(data)
        eventually(partial(is_open, server))
        before, until = server.children(), time.monotonic() + 12
        (data / "inkdot.toml").write_text("region = ")
        while not (said := "chores_failed" in server.talk.read_text()) and time.monotonic() < until:
            time.sleep(0.1)
        assert server.children() == before
        assert server.get("/healthz")[0] == 200
        (data / "inkdot.toml").unlink()
        server.stop()
        if said:
            return
    pytest.fail("chores heard nothing of a broken file")


def test_a_list_is_limited_on_the_page(owner: Page, server: Server) -> None:
    owner.goto("/settings")
    owner.get_by_label("Where", exact=True).fill("list:news")
    owner.get_by_label("At the most").select_option("aggregate")
    owner.get_by_role("button", name="Set the limit").click()
    owner.get_by_text("Written down; it counts from now on.").wait_for()
    owner.get_by_text("list:news: aggregate").wait_for()
    assert "list:news: aggregate" in inkdot("consent", "limits", "--data", server.data).stdout


def test_an_office_that_ends_while_the_file_is_broken_comes_back_with_a_better_one(own_server: Server) -> None:
    copy, street = own_server.mark()[0], own_server.children()["street-0"]
    (own_server.data / "inkdot.toml").write_text("region = ")
    os.kill(own_server.children()["office"], signal.SIGKILL)
    eventually(lambda: "settings_refused" in own_server.talk.read_text())
    assert own_server.get(copy["dots"][0])[0] == 200
    (own_server.data / "inkdot.toml").write_text('region = "us"\n')
    eventually(lambda: own_server.get(f"{own_server.office}/healthz")[0] == 200)
    assert own_server.timeline(at_least=1)
    assert own_server.children()["street-0"] == street
