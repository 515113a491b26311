"""What the office hands out to begin with: add-ons, and a link that makes a browser one's own."""

from __future__ import annotations

import io
import json
import plistlib
import re
import smtplib
import ssl
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes
from email.policy import default
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.conftest import ADA, PATIENCE, QUOTE, THUNDERBIRD, Server, closing, eventually, inkdot
from tests.office.asking import PASSWORD
from tests.relay.sink import Sink

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def chromium(chromium: Browser) -> Iterator[Browser]:
    with closing(chromium):
        yield chromium


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    yield server
    server.stop()


def signed_in(chromium: Browser, server: Server, page: str) -> BrowserContext:
    context = chromium.new_context(base_url=server.office, user_agent=FIREFOX)
    tab = context.new_page()
    tab.goto(f"/login?next={page}")
    tab.get_by_label("Mail address").fill(ADA)
    tab.locator("input[name=password]").fill(PASSWORD)
    tab.locator("form.stack button").click()
    tab.wait_for_url(f"**{page}")
    return context


def test_add_ons_come_from_the_office_itself(chromium: Browser, office: Server) -> None:
    tab = signed_in(chromium, office, "/welcome").pages[0]
    for number, name in enumerate(("inkdot-thunderbird.xpi", "inkdot-webmail.zip")):
        with tab.expect_download() as coming:
            tab.get_by_role("link", name="Download").nth(number).click()
        assert coming.value.suggested_filename == name
        with zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes())) as archive:
            assert "Inkdot" in json.loads(archive.read("manifest.json"))["name"]
            assert "office.js" in archive.namelist()
    assert tab.request.get("/addons/keys.json").status == 404
    assert office.get(f"{office.office}/addons/inkdot-webmail.zip")[0] in (302, 303, 401)


def own_certificate(data: Path) -> ssl.SSLContext:
    """Believes the mail door's own certificate alone."""
    context = ssl.create_default_context(cafile=data / "relay-tls.pem")
    context.check_hostname = False
    return context


def test_an_owner_sets_up_his_mail_program_from_a_page_alone(chromium: Browser, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Sink() as sink, ExitStack() as at_the_end:
        server = Server(data, "--upstream", f"smtp://127.0.0.1:{sink.port}")
        at_the_end.callback(server.stop)
        inkdot("account", "add", ADA, "--ask", "--data", data, stdin=PASSWORD + "\n")
        tab = signed_in(chromium, server, "/welcome").pages[0]
        tab.get_by_role("link", name="Set it up").click()
        tab.get_by_role("button", name="Make an account").click()
        user, password = tab.locator(".said code").inner_text().split()
        assert user == ADA
        host, port = (tab.locator("dl.fields").first.locator("dd").nth(n).inner_text() for n in (0, 1))
        with smtplib.SMTP(host, int(port), timeout=PATIENCE) as program:
            program.starttls(context=own_certificate(data))
            program.login(user, password)
            program.sendmail(ADA, ["ben@example.com"], QUOTE)
        (sent,) = eventually(lambda: sink.got)
        assert b"/o/" in sent.content
        with tab.expect_download() as coming:
            tab.get_by_role("link", name="File for Mac and iPhone").click()
        profile = plistlib.loads(Path(coming.value.path()).read_bytes())["PayloadContent"][0]
        assert (profile["OutgoingMailServerHostName"], profile["OutgoingMailServerUsername"]) == (host, ADA)
        tab.get_by_role("button", name="Remove").click()
        tab.get_by_text(f"{ADA} can send no more.").wait_for()
        with smtplib.SMTP(host, int(port), timeout=PATIENCE) as program:
            program.starttls(context=own_certificate(data))
            with pytest.raises(smtplib.SMTPAuthenticationError):
                program.login(user, password)


def test_a_closed_mail_door_is_said_to_be_closed(chromium: Browser, office: Server) -> None:
    tab = signed_in(chromium, office, "/mail-program").pages[0]
    tab.get_by_role("heading", name="The mail door is closed").wait_for()
    tab.get_by_label("Your mail address, or another name").fill("no name!")
    tab.get_by_role("button", name="Make an account").click()
    tab.get_by_text("is no account name").wait_for()


def test_a_link_on_the_page_of_the_account_makes_a_browser_ones_own(chromium: Browser, office: Server) -> None:
    context = signed_in(chromium, office, "/me")
    tab = context.pages[0]
    tab.get_by_role("button", name="This browser is mine").click()
    tab.get_by_role("link", name="Follow this link").click()
    tab.get_by_text("This browser is yours").wait_for()
    copy = office.mark(QUOTE, "me@example.com")[0]
    tab.goto(copy["dots"][0])
    chromium.new_page(user_agent=FIREFOX).goto(copy["dots"][1])
    actors = sorted(event["actor"] for event in office.timeline("me@example.com", at_least=2))
    assert actors == ["human", "sender"]


def test_how_one_is_told_is_said_on_the_page_of_the_account(chromium: Browser, office: Server) -> None:
    tab = signed_in(chromium, office, "/me").pages[0]
    tab.get_by_label("Clicks").uncheck()
    tab.get_by_label("Quiet hours").fill("22:00-07:00")
    tab.get_by_label("Time zone").fill("Europe/Berlin")
    tab.get_by_role("button", name="Keep").click()
    tab.get_by_text("You will be told so from now on.").wait_for()
    wish = tab.request.get("/api/v1/notices").json()
    assert ("click" in wish["kinds"], wish["quiet"], wish["zone"]) == (False, "22:00-07:00", "Europe/Berlin")
    tab.get_by_label("Quiet hours").fill("at night")
    tab.get_by_role("button", name="Keep").click()
    assert "at night" in tab.locator("main").inner_text()
    assert tab.request.get("/api/v1/notices").json()["quiet"] == "22:00-07:00"


def test_owners_see_who_did_what_with_personal_data_and_nobody_else_does(chromium: Browser, office: Server) -> None:
    office.mark(QUOTE, "ben@example.com")
    inkdot(
        "account", "add", "vera@example.com", "--role", "viewer", "--ask", "--data", office.data, stdin=PASSWORD + "\n"
    )
    tab = signed_in(chromium, office, "/people").pages[0]
    tab.goto("/people/ben@example.com")
    tab.goto("/audit?q=timeline")
    row = tab.locator("tbody tr").first
    assert all(word in row.inner_text() for word in ("timeline", ADA, "ben@example.com"))
    lines = tab.request.get("/audit?q=timeline&format=jsonl").text().splitlines()
    assert {json.loads(line)["who"] for line in lines} >= {ADA}
    other = chromium.new_context(base_url=office.office).new_page()
    other.goto("/login?next=/")
    other.get_by_label("Mail address").fill("vera@example.com")
    other.locator("input[name=password]").fill(PASSWORD)
    other.locator("form.stack button").click()
    other.wait_for_url("**/")
    assert other.get_by_role("link", name="Audit log").count() == 0
    assert other.request.get("/audit").status == 403


def test_a_reminder_of_mails_of_which_nothing_was_heard_is_a_rule(chromium: Browser, office: Server) -> None:
    tab = signed_in(chromium, office, "/unopened").pages[0]
    tab.get_by_label("Write to me when").fill("5")
    tab.get_by_role("button", name="Remind me").click()
    tab.wait_for_url("**/triggers**")
    (rule,) = [t["rule"] for t in tab.request.get("/api/v1/triggers").json()["data"]]
    assert (rule["when"]["not_opened_for"], rule["actions"][0]["do"]) == ("5d", "email")
    tab.goto("/unopened")
    tab.get_by_label("Write to me when").fill("0")
    tab.get_by_role("button", name="Remind me").click()
    assert "write a whole number from 1 to 365" in tab.locator("main").inner_text()


def test_whoever_begins_sends_himself_a_mail_and_sees_it_arrive(chromium: Browser, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Sink() as sink, ExitStack() as at_the_end:
        server = Server(data, "--upstream", f"smtp://127.0.0.1:{sink.port}?tls=off")
        at_the_end.callback(server.stop)
        inkdot("setup", "--region", "eu", "--data", data)
        inkdot("account", "add", ADA, "--ask", "--data", data, stdin=PASSWORD + "\n")
        tab = signed_in(chromium, server, "/welcome").pages[0]
        tab.get_by_role("button", name="Send me a test mail").click()
        tab.get_by_text(f"A test mail is on its way to {ADA}.").wait_for()
        (sent,) = eventually(lambda: sink.got)
        assert sent.recipients == (ADA,)
        html = message_from_bytes(sent.content, policy=default).get_body(("html",)).get_content()  # type: ignore[union-attr]
        dot = re.findall(r'<img[^>]* src="([^"]+)"', html)[0]
        assert server.get(unescape(dot), User_Agent=THUNDERBIRD)[0] == 200
        tab.goto("/")
        tab.get_by_text("A test of Inkdot").first.wait_for()
        sink.down()
        tab.goto("/welcome")
        tab.get_by_role("button", name="Send me a test mail").click()
        tab.get_by_role("alert").filter(has_text="The mail server did not take the mail").wait_for()


def test_without_a_server_nobody_is_offered_a_test_mail(chromium: Browser, office: Server) -> None:
    tab = signed_in(chromium, office, "/welcome").pages[0]
    tab.get_by_role("link", name="Make a test link for me").wait_for()
    assert tab.get_by_role("button", name="Send me a test mail").count() == 0
