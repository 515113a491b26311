"""Keys for programs, made and taken away on the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import ADA, Server, closing, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Program
from tests.office.desk import VERA
from tests.office.test_pages import HOSTILE


class Team(NamedTuple):
    """Ada's page of the team, in a browser."""

    server: Server
    browser: Browser
    page: Page


def _signed_in(browser: Browser, server: Server, who: str) -> BrowserContext:
    context = browser.new_context(base_url=server.office)
    tab = context.new_page()
    tab.goto("/login?next=/team")
    tab.get_by_label("Mail address").fill(who)
    tab.locator("input[name=password]").fill(PASSWORD)
    tab.locator("form.stack button").click()
    tab.wait_for_url("**/team")
    return context


@pytest.fixture(scope="module")
def team(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    server = Server(tmp_path_factory.mktemp("keys") / "data")
    inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    inkdot("account", "add", VERA, "--role", "viewer", "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    inkdot("workspace", "add", "other", "--data", server.data)
    with closing(chromium):
        yield Team(server, chromium, _signed_in(chromium, server, ADA).pages[0])
    server.stop()


def made(page: Page, name: str, *scopes: str, days: str = "") -> str:
    """A key made on the page; scopes as the boxes that are to be ticked, besides read."""
    page.goto("/team")
    page.get_by_label("What the key is for").fill(name)
    for scope in scopes:
        page.get_by_label(scope, exact=True).check()
    page.get_by_label("Days, if it shall end").fill(days)
    page.get_by_role("button", name="Make a key").click()
    return page.get_by_role("status").locator("code").inner_text()


def test_a_key_is_shown_once_does_what_it_may_and_opens_nothing_after_it_was_taken_away(team: Team) -> None:
    secret = made(team.page, "Reports", days="30")
    program = Program(team.server, secret)
    assert program.get("/people").status == 200
    link = {"url": "https://www.example.com/", "to": "ben@example.com"}
    assert program.post("/links", link).status == 403
    assert Program(team.server, made(team.page, "Shop", "send")).post("/links", link).status in (200, 201)
    team.page.goto("/team")
    assert secret not in team.page.content()
    card = team.page.locator("li.card").filter(has_text="Reports")
    expect(card).to_contain_text("until")
    card.get_by_role("button", name="Take the key away").click()
    expect(team.page.get_by_role("status")).to_contain_text("The key opens nothing any more.")
    assert program.get("/people").status == 401


def test_a_key_of_another_workspace_cannot_be_taken_away(team: Team) -> None:
    made(team.page, "Ours")
    foreign = inkdot_json("key", "add", "theirs", "--workspace", "other", "--data", team.server.data)
    team.page.goto("/team")
    assert "theirs" not in team.page.inner_text("main")
    team.page.locator("input[name=key]").last.evaluate("(field, key) => { field.value = key }", foreign["key"])
    team.page.get_by_role("button", name="Take the key away").last.click()
    expect(team.page.get_by_role("alert")).to_contain_text("There is no such key in this workspace")
    assert Program(team.server, foreign["secret"]).get("/people").status == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "X"}, "tick at least one"),
        ({"name": " ", "may_read": "1"}, "needs a name"),
        ({"name": "X", "may_read": "1", "days": "soon"}, "is no number of days"),
        ({"name": "X", "may_read": "1", "days": "0"}, "from one day"),
        ({"name": "X", "may_read": "1", "days": "999999999"}, "from one day"),
        ({"name": "X", "may_read": "1", "days": "²"}, "is no number of days"),
    ],
)
def test_a_key_that_cannot_be_is_refused_in_a_sentence(team: Team, fields: dict[str, str], words: str) -> None:
    team.page.goto("/team")
    csrf = str(team.page.locator("input[name=csrf]").first.get_attribute("value"))
    form: dict[str, str | float | bool] = {"do": "key", "csrf": csrf, **fields}
    answer = team.page.request.post("/team", form=form, headers={"Origin": team.server.office})
    assert answer.status == 422
    assert words in answer.text()


def test_a_viewer_can_neither_make_nor_take_keys(team: Team) -> None:
    made(team.page, "Kept")
    context = _signed_in(team.browser, team.server, VERA)
    tab = context.pages[0]
    assert tab.get_by_role("button", name="Make a key").count() == 0
    assert tab.get_by_role("button", name="Take the key away").count() == 0
    csrf = str(tab.locator("input[name=csrf]").first.get_attribute("value"))
    form: dict[str, str | float | bool] = {"do": "key", "name": "X", "may_privacy": "1", "csrf": csrf}
    assert context.request.post("/team", form=form, headers={"Origin": team.server.office}).status == 403
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_with_a_fresh_key_is_accessible_and_runs_nothing(team: Team, theme: str) -> None:
    team.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    made(team.page, HOSTILE[:99])
    found = Axe().run(team.page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert team.page.evaluate("typeof hit") == "undefined"
    assert team.page.locator("main script, main svg[onload], main img").count() == 0
