"""A view that is shared by a link: one page, as it was searched and filtered, and nothing else of the house."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import ADA, BEN, QUOTE, THUNDERBIRD, Server, closing, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD

GINA = "gina@example.com"


class House(NamedTuple):
    """A server of which Ben and Gina opened a mail, Ada signed in, and a browser that knows nobody."""

    server: Server
    ada: BrowserContext
    guest: Page


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    server = Server(tmp_path_factory.mktemp("views") / "data")
    inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    for copy in server.mark(QUOTE, BEN, GINA):
        server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    eventually(lambda: server.timeline(BEN) and server.timeline(GINA))
    with closing(chromium):
        ada = chromium.new_context(base_url=server.office)
        tab = ada.new_page()
        tab.goto("/login")
        tab.get_by_label("Mail address").fill(ADA)
        tab.locator("input[name=password]").fill(PASSWORD)
        tab.locator("form.stack button").click()
        tab.wait_for_url("**/")
        yield House(server, ada, chromium.new_context(base_url=server.office).new_page())
    server.stop()


def shared(house: House, page: str, password: str = "", days: str = "30", name: str = "For the client") -> str:
    """The link that Ada gets for a page."""
    tab = house.ada.new_page()
    tab.goto(page)
    tab.get_by_text("Share this view").click()
    tab.get_by_label("Name").fill(name)
    tab.get_by_label("Password, if any").fill(password)
    tab.get_by_label("Days").fill(days)
    tab.get_by_role("button", name="Make the link").click()
    link = tab.locator(".said code").inner_text()
    tab.close()
    return link


def test_who_holds_the_link_sees_the_table_as_it_was_filtered_and_no_way_further(house: House) -> None:
    guest, link = house.guest, shared(house, "/people?since=7d&q=ben")
    guest.goto(link)
    assert guest.locator("h1").inner_text() == "People"
    assert guest.locator("tbody tr").all_inner_texts()[0].startswith(BEN)
    guest.goto(f"{link}?q=gina&since=all&sort=person")
    assert GINA not in guest.content()
    assert guest.locator("nav, form").count() == 0
    ways = [str(way.get_attribute("href")) for way in guest.locator("main a").all()]
    assert all(way.startswith("?") for way in ways), ways
    assert Axe().run(guest).violations_count == 0
    with guest.expect_download() as coming:
        guest.get_by_role("link", name="CSV").click()
    saved = Path(coming.value.path()).read_text()
    assert (BEN in saved, GINA in saved) == (True, False)
    for other in ("/people", "/", "/views", f"/people/{BEN}", "/audit"):
        guest.goto(other)
        assert "/login" in guest.url


def test_a_password_is_asked_for_and_guessing_ends(house: House, chromium: Browser) -> None:
    link = shared(house, "/mails?since=30d", password="only for the client")
    tab = chromium.new_context(base_url=house.server.office).new_page()
    tab.goto(link)
    assert "quote" not in tab.content().lower()
    tab.get_by_label("Password of this link").fill("a wild guess")
    tab.get_by_role("button", name="Show it").click()
    assert tab.get_by_role("alert").inner_text() == "The password is wrong."
    tab.get_by_label("Password of this link").fill("only for the client")
    tab.get_by_role("button", name="Show it").click()
    assert tab.locator("h1").inner_text() == "Mails"
    assert tab.locator("tbody tr").count() == 1
    guesses = {tab.request.post(link, form={"password": f"guess {n}"}).status for n in range(12)}
    assert guesses == {401, 429}
    assert tab.request.get(link).status == 200
    assert "quote" not in house.guest.request.get(link).text().lower()
    view = next(c["name"] for c in tab.context.cookies() if c["name"].startswith("view"))
    odd = house.guest.request.get(link, headers={"Cookie": f"{view}=\xe9"})
    assert (odd.status, "quote" in odd.text().lower()) == (200, False)


def test_links_are_listed_can_be_ended_and_leave_traces_in_the_audit_log(house: House) -> None:
    link = shared(house, "/people?since=30d", name="Board")
    house.guest.goto(link)
    tab = house.ada.new_page()
    tab.goto("/views")
    card = tab.locator("li.card", has_text="Board")
    assert "last seen" in card.inner_text()
    card.get_by_role("button", name="End").click()
    assert tab.locator("li.card", has_text="Board").count() == 0
    assert house.guest.goto(link).status == 404  # type: ignore[union-attr]
    assert "ask for a new one" in house.guest.locator("main").inner_text()
    tab.goto("/audit?q=link")
    assert "link: Board" in tab.locator("table").inner_text()


def test_what_is_no_table_or_report_cannot_be_shared(house: House) -> None:
    tab = house.ada.new_page()
    tab.goto("/views")
    csrf = tab.locator("input[name=csrf]").first.get_attribute("value") or ""
    form = {
        "csrf": csrf,
        "do": "share",
        "name": "All",
        "days": "30",
        "address": "/people",
    }
    headers = {"Origin": house.server.office}
    for wrong in ({"address": "/audit"}, {"address": "https://example.com/people"}, {"address": f"/people/{BEN}"},
                  {"days": "0"}, {"days": "x"}, {"name": ""}, {"password": "short"}):  # fmt: skip
        said = tab.request.post("/views", form={**form, **wrong}, headers=headers)
        assert said.status == 422, wrong
        assert "Traceback" not in said.text()


def test_an_erased_person_is_in_no_shared_view(house: House) -> None:
    link = shared(house, f"/people?since=30d&q={GINA}", name=f"About {GINA}")
    inkdot_json("person", "erase", GINA, "--yes", "--data", house.server.data)
    tab = house.ada.new_page()
    tab.goto("/views")
    assert not re.search(r"gina", tab.content())
    house.guest.goto(link)
    assert "gina" not in house.guest.content()


def test_real_data_cannot_be_removed_as_sample_data(house: House) -> None:
    tab = house.ada.new_page()
    tab.goto("/views")
    csrf = tab.locator("input[name=csrf]").first.get_attribute("value") or ""
    said = tab.request.post("/sample", form={"csrf": csrf}, headers={"Origin": house.server.office})
    assert said.status == 422
    assert "This folder holds no sample data" in said.text()
    assert house.server.timeline(BEN)
