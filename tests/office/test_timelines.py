"""What was sent and what came of it, as people read it: on a person's page, on a mail's, and at home."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.conftest import ADA, BEN, QUOTE, THUNDERBIRD, Server, eventually, inkdot
from tests.office.asking import PASSWORD, Reader
from tests.office.desk import CLEO, GINA, Office, signed_in

STRANGE = "nobody@example.com"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def lines(page: Page) -> list[str]:
    return [text.replace("\n", " ") for text in page.locator(".timeline > .event").all_inner_texts()]


def test_a_timeline_begins_with_what_was_sent_and_what_the_mail_server_said(page: Page, office: Office) -> None:
    page.goto(f"/people/{CLEO}")
    told = lines(page)
    assert "Delivered to the mail server" in told[0]
    assert "Got its marks" in told[1]
    page.goto(f"/people/{STRANGE}")
    assert "Not delivered; the mail server said: 550 5.1.1 Nobody of that name" in lines(page)[0]
    page.goto(f"/mails/{office.mail}")
    assert any("Got its marks" in line for line in lines(page))


def test_the_pages_that_somebody_read_in_one_visit_stand_in_one_line(page: Page, office: Office) -> None:
    visitor = "visitor-of-many"
    for place in ("", "pricing", "contact"):
        office.web(visitor, k="view", u=f"https://example.com/{place}", r="https://www.google.com/")
    page.goto("/")
    line = page.locator("#feed > .event").filter(has_text="3 pages")
    expect(line).to_contain_text("Looked at a page, coming by Organic Search.")
    line.locator("summary").click()
    expect(line.get_by_role("link", name="Why?").first).to_be_visible()


def test_who_comes_back_sees_who_did_something_meanwhile(chromium: Browser, office: Office) -> None:
    context = signed_in(chromium, office)
    tab = context.pages[0]
    expect(tab.get_by_text("Since you were here")).to_be_hidden()
    tab.goto("/mails")
    copy = office.server.mark(QUOTE, "meanwhile@example.com")[0]
    office.server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    eventually(lambda: office.server.timeline("meanwhile@example.com"))
    tab.goto("/")
    told = tab.locator(".live .said").filter(has_text="Since you were here")
    expect(told).to_contain_text("meanwhile@example.com A person opened the mail in Thunderbird.")
    expect(tab.locator(".card").filter(has_text="meanwhile@example.com").locator(".new")).to_be_visible()
    expect(tab.locator(".card").filter(has_text=BEN).locator(".new")).to_have_count(0)
    context.close()


def test_a_paused_feed_stands_still_and_counts_what_waits(page: Page, office: Office) -> None:
    page.goto("/")
    page.get_by_role("button", name="Pause").click()
    copy = office.server.mark(QUOTE, "paused@example.com")[0]
    office.server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    expect(page.get_by_role("button", name="Go on (1)")).to_be_visible()
    expect(page.locator("#feed .event").filter(has_text="paused@example.com")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#feed .event").filter(has_text="paused@example.com")).to_have_count(1)


def test_days_and_hours_are_those_of_the_reader(chromium: Browser, office: Office) -> None:
    shown: dict[str, Any] = {}
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: never the same day
        context: BrowserContext = signed_in(chromium, office, timezone_id=zone)
        tab = context.pages[0]
        tab.goto(f"/people/{GINA}")
        shown[zone] = tab.locator("section.day time").first.get_attribute("datetime")
        context.close()
    assert shown["Pacific/Kiritimati"] > shown["Pacific/Pago_Pago"]


def test_a_page_that_was_open_when_its_session_ended_leads_to_the_door(chromium: Browser, office: Office) -> None:
    leaver = "leaver@example.com"
    inkdot("account", "add", leaver, "--ask", "--data", office.server.data, stdin=PASSWORD + "\n")
    context = signed_in(chromium, office, leaver)
    tab = context.pages[0]
    expect(tab.locator("#feed")).to_be_visible()
    inkdot("account", "passwd", leaver, "--ask", "--data", office.server.data, stdin=PASSWORD + "\n")
    tab.wait_for_url("**/login?next=*")
    expect(tab.get_by_label("Mail address")).to_be_visible()
    context.close()


def test_whoever_signs_out_while_the_feed_is_asked_for_comes_to_the_door(chromium: Browser, office: Office) -> None:
    context = signed_in(chromium, office)
    tab = context.pages[0]
    caught: list[Route] = []
    tab.route("**/logout", lambda route: caught.append(route))  # noqa: PLW0108 - Playwright wants a function of its own
    expect(tab.locator("#feed")).to_be_visible()
    tab.get_by_role("button", name="Sign out").click(no_wait_after=True)

    def arrived() -> bool:
        tab.wait_for_timeout(10)  # lets come in what the tab tells
        return bool(caught)

    eventually(arrived)
    answer = caught[0].fetch(max_redirects=0)  # the session is over, and the tab does not know it yet
    tab.wait_for_event("requestfailed", lambda asked: asked.url.endswith("/feed"))  # as it leads to the door
    caught[0].fulfill(response=answer)
    tab.wait_for_url("**/login")
    context.close()


@pytest.mark.skipif(not FAKETIME.exists(), reason="faketime is not installed")
def test_a_judgement_says_until_when_it_can_change_and_is_final_after_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "data")
    try:
        inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
        server.get(server.mark()[0]["dots"][0], User_Agent=THUNDERBIRD)
        (event,) = server.timeline(at_least=1)
        reader = Reader(server, ADA)
        until = dt.datetime.fromisoformat(event["time"]) + dt.timedelta(minutes=10)
        told = reader.ask("GET", f"/events/{event['id']}")[2]
        assert "first judgement; it can change until" in told
        assert f'datetime="{until.isoformat()}"' in told
    finally:
        server.stop()
    monkeypatch.setenv("LD_PRELOAD", str(FAKETIME))
    monkeypatch.setenv("FAKETIME", "+11m")
    server = Server(server.data)
    monkeypatch.undo()
    try:
        reader.office = server.office
        told = reader.ask("GET", f"/events/{event['id']}")[2]
        assert "first judgement" not in told
        assert "· final" in told
    finally:
        server.stop()
