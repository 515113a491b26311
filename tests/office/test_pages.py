"""The dashboard as people use it: a real Chromium, real pings, every page."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.conftest import ADA, BEN, QUOTE, THUNDERBIRD, Server, eventually, in_time, inkdot
from tests.office.asking import PASSWORD
from tests.office.desk import CLEO, FIREFOX, GINA, VERA, Office, signed_in

HOSTILE = "<script>hit=1</script><img src=x onerror=hit=1>\"'><svg onload=hit=1>{{7*7}}javascript:hit=1"
SRC = Path(__file__).parents[2] / "src" / "inkdot" / "show"


def test_a_campaign_shows_what_became_of_each_copy(page: Page, office: Office) -> None:
    page.goto("/campaigns")
    page.get_by_role("link", name="autumn").click()
    rows = {row.split("\t")[0].strip(): row for row in page.locator("tbody tr").all_inner_texts()}
    assert "sent" in rows[CLEO]
    assert "550 5.1.1 Nobody of that name" in rows["nobody@example.com"]
    assert page.locator(".s-refused").count() == 1
    assert page.locator(".s-bounced").count() == 0  # as the line above the table says
    page.get_by_role("link", name="The mail, its links").click()
    expect(page.locator("tr", has_text="nobody@example.com").locator(".s-refused")).to_have_count(1)
    page.goto("/campaigns/winter")
    assert "There is no campaign 'winter'" in page.locator("main").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_quiet_and_asks_nobody_else(chromium: Browser, office: Office, theme: Any) -> None:
    context = signed_in(chromium, office, color_scheme=theme)
    tab, said, asked = context.pages[0], list[str](), list[str]()
    tab.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    for path in office.pages:
        answer = tab.goto(path)
        assert answer
        assert answer.status == 200, path
        tab.wait_for_load_state("load")
        found = Axe().run(tab).response["violations"]
        assert [(path, v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert said == []
    assert {url for url in asked if not url.startswith((office.server.office, "data:"))} == set()
    context.close()


def test_on_a_phone_nothing_scrolls_sideways(chromium: Browser, office: Office) -> None:
    context = signed_in(chromium, office, viewport={"width": 360, "height": 740})
    tab = context.pages[0]
    for path in office.pages:
        tab.goto(path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360, path
    context.close()


def test_pages_can_be_read_without_scripts(chromium: Browser, office: Office) -> None:
    context = signed_in(chromium, office, java_script_enabled=False)
    tab = context.pages[0]
    tab.goto(f"/people/{BEN}")
    expect(tab.get_by_text("A person opened the mail in Thunderbird.")).to_be_visible()
    tab.get_by_role("link", name="Why?").first.click()
    expect(tab.get_by_role("heading", name="The rules that decided")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_the_reference_is_accessible_by_day_and_by_night_and_fits_a_phone(
    chromium: Browser, office: Office, theme: Any, width: int
) -> None:
    context = chromium.new_context(
        base_url=office.server.office, color_scheme=theme, viewport={"width": width, "height": 740}
    )
    page = context.new_page()
    page.goto("/api/docs")
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_first_run_ends_with_an_own_event_on_the_screen(chromium: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    link = eventually(lambda: re.search(r"http\S+/setup/\S+", server.talk.read_text()))[0]
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(link)
    tab.get_by_label("Your name").fill("Ada Example")
    tab.get_by_label("Your mail address").fill(ADA)
    tab.get_by_label("A password").fill(PASSWORD)
    tab.get_by_role("button", name="Make the account").click()
    expect(tab.get_by_role("heading", name="How do you send?")).to_be_visible()
    tab.get_by_role("link", name="Make a test link for me").click()
    test = tab.locator(".tile a.url").get_attribute("href")
    tab.goto(f"{server.office}/")
    expect(tab.get_by_text("What happens appears here, within a second.")).to_be_visible()
    server.get(str(test), User_Agent=FIREFOX)
    expect(tab.locator("#feed .event").first).to_contain_text("A person clicked the link in Firefox.")
    again = chromium.new_context().new_page()
    again.goto(link)
    expect(again.get_by_role("alert")).to_contain_text("works no more")
    context.close()
    server.stop()


def test_a_ping_is_on_the_screen_without_a_reload_and_repeats_stand_in_one_line(page: Page, office: Office) -> None:
    page.goto("/")
    page.evaluate("window.before = true")
    copy = office.server.mark(QUOTE, "live@example.com")[0]
    for dot in copy["dots"]:
        office.server.get(dot, User_Agent=THUNDERBIRD)
    line = page.locator("#feed .event:visible").filter(has_text="live@example.com")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("A person opened the mail in Thunderbird.")
    assert page.evaluate("window.before")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()


SIX = b"From: ada@example.com\r\nSubject: Six\r\nContent-Type: text/html\r\n\r\n<p>Hi" + b"".join(
    b' <a href="https://example.com/%d">link</a>\r\n' % number for number in range(6)
)


def test_a_late_verdict_changes_the_line_that_is_on_the_screen_already(page: Page, office: Office) -> None:
    page.goto("/")
    page.evaluate("window.before = true")

    def burst(number: int) -> Locator:
        person = f"late-{number}@example.com"
        links = [link["url"] for link in office.server.mark(SIX, person)[0]["links"]]
        for link in links[:2]:
            office.server.get(link, User_Agent=FIREFOX, X_Forwarded_For="198.51.100.77")
        lines = page.locator("#feed .event").filter(has_text=person)
        expect(lines.filter(has_text="A person clicked").first).to_be_visible()
        for link in links[2:]:
            office.server.get(link, User_Agent=FIREFOX, X_Forwarded_For="198.51.100.77")
        return lines

    lines = in_time(9, burst)  # five links in ten seconds are too many for a person
    expect(lines.filter(has_text="A person clicked")).to_have_count(0)
    expect(lines.filter(has_text="no person").first).to_be_attached()
    assert page.evaluate("window.before")


def test_who_looks_elsewhere_is_notified_by_the_browser_of_people_and_not_of_machines(
    ada: BrowserContext, office: Office
) -> None:
    ada.grant_permissions(["notifications"])
    tab = ada.new_page()
    # A headless browser always shows its tabs, and shows no notification: whether it would is all that is put in its place.
    tab.add_init_script("""
        let elsewhere = false;
        Object.defineProperty(document, "hidden", { get: () => elsewhere });
        window.look = (away) => { elsewhere = away; document.dispatchEvent(new Event("visibilitychange")); };
        window.notified = [];
        window.Notification = class extends Notification {
          constructor(title, options) { super(title, options); notified.push(`${title}: ${options.body}`); }
        };
    """)
    tab.goto("/")
    assert tab.evaluate("Notification.permission") == "granted"
    watched, crawled, read = (
        office.server.mark(QUOTE, f"{who}@example.com")[0]["dots"][0] for who in ("while", "bot", "read")
    )
    office.server.get(watched, User_Agent=THUNDERBIRD)
    expect(tab.locator("#feed .event").filter(has_text="while@example.com")).to_have_count(1)
    tab.evaluate("look(true)")
    office.server.get(crawled, User_Agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    expect(tab).to_have_title(re.compile(r"^\(1\)"))
    office.server.get(read, User_Agent=THUNDERBIRD)
    (told,) = eventually(lambda: tab.evaluate("notified"))
    assert told.startswith("Inkdot: read@example.com")
    assert "A person opened the mail" in told
    tab.evaluate("look(false)")
    expect(tab.locator("#away")).to_contain_text("While you were away: 2")
    tab.close()
    ada.clear_permissions()


def test_what_somebody_knows_better_is_kept_shown_and_taken_back(page: Page, office: Office) -> None:
    before = office.server.timeline(GINA)[0]["human"]
    page.goto(f"/people/{GINA}")
    page.get_by_role("link", name="Why?").first.click()
    page.get_by_label("Because").fill("she was on a plane")
    page.get_by_role("button", name="It was a machine").click()
    expect(page.get_by_role("status")).to_contain_text("Your word counts from now on.")
    expect(page.locator(".rules")).to_contain_text("she was on a plane")
    assert office.server.timeline(GINA)[0]["human"] == "no"
    page.get_by_role("button", name="Take that back").click()
    expect(page.get_by_role("status")).to_contain_text("The rules decide again.")
    expect(page.locator(".rules")).not_to_contain_text("she was on a plane")
    assert office.server.timeline(GINA)[0]["human"] == before != "no"


def test_tables_are_sorted_searched_and_saved_as_their_address_says(page: Page, office: Office) -> None:
    page.goto(f"/mails/{office.mail}")
    page.get_by_role("link", name="Person", exact=True).click()
    people = page.locator("td.c-person").all_inner_texts()
    assert people == sorted(people)
    page.get_by_label("Search this table").fill("ben")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=ben"))
    assert page.locator("td.c-person").all_inner_texts() == [BEN]
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert [row["person"] for row in rows] == [BEN]
    page.go_back()
    assert page.locator("td.c-person").count() == 3


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/people?sort=nonsense", 422, "This table has no column"),
        ("/people?page=0", 422, "is no page of a table"),
        ("/people?since=yesterday", 422, "is no time; write 7d"),
        ("/people?since=99999999999d", 422, "is no time; write 7d"),
        ("/people?format=exe", 422, "write csv, jsonl or parquet"),
        ("/mails/msg_zzz", 422, ""),
        ("/mails/msg_0000000000001", 404, "There is no mail"),
        ("/events/evt_0000000000001", 404, "There is no event"),
        ("/documents/doc_0000000000001", 404, ""),
        ("/sites/other.example", 404, ""),
        ("/audiences/nobody", 404, "There is no list"),
        ("/triggers?edit=trg_0000000000001", 404, "There is no such rule"),
        (f"/people/{BEN}?kind=banana", 422, "cannot be chosen for kind"),
        (f"/people/{BEN}?machines=banana", 422, "cannot be chosen for machines"),
        ("/webhooks?state=banana", 422, "cannot be chosen for state"),
        ("/mails?compare=banana", 422, "cannot be chosen for compare"),
        ("/sites/example.com?since=9999-12-31", 422, "is still to come"),
        ("/people/not an address", 422, ""),
        ("/setup/forged", 403, "works no more"),
        ("/nowhere", 404, ""),
    ],
)
def test_a_wrong_address_gets_a_page_that_says_so(
    page: Page, office: Office, path: str, status: int, words: str
) -> None:
    answer = page.goto(path)
    assert answer
    assert answer.status == status
    if "?" in path:
        page.get_by_role("link", name="The page as it usually is").click()
        assert page.url == office.server.office + path.partition("?")[0]
        page.go_back()
    if path != "/nowhere":
        expect(page.get_by_role("alert")).to_contain_text(words)
        assert "Traceback" not in page.content()


def test_who_changed_a_rule_meanwhile_is_told_and_nothing_is_overwritten(page: Page, office: Office) -> None:
    rule = {"name": "Shared rule", "when": {"kind": "click"}, "actions": [{"do": "tag", "add": "hot"}]}
    page.goto("/triggers")
    page.get_by_label("The rule, as TOML or JSON").fill(json.dumps(rule))
    page.get_by_role("button", name="Try it on the past").click()
    expect(page.get_by_role("status")).to_contain_text("it would have fired once")
    page.get_by_role("button", name="Keep the rule").click()
    page.get_by_role("link", name="Shared rule").click()
    inkdot("trigger", "add", json.dumps(rule | {"when": {"kind": "open"}}), "--data", office.server.data)
    page.get_by_role("button", name="Keep the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this rule meanwhile: it is version 2")
    (kept,) = [json.loads(line) for line in inkdot("trigger", "list", "--json", "--data", office.server.data).stdout.splitlines()]  # fmt: skip
    assert kept["rule"]["when"] == {"kind": "open"}


def test_a_viewer_reads_and_changes_nothing(chromium: Browser, office: Office) -> None:
    context = signed_in(chromium, office, VERA)
    tab = context.pages[0]
    tab.goto(f"/people/{BEN}")
    assert tab.get_by_role("button", name="Erase").count() == 0
    csrf = tab.locator("input[name=csrf]").first.get_attribute("value")
    for path, form in (
        (f"/people/{BEN}", {"do": "withdraw"}), (f"/people/{BEN}/erase", {"sure": BEN}), ("/team", {"do": "add"}), ("/webhooks", {"do": "add"}),
    ):  # fmt: skip
        answer = context.request.post(path, form={**form, "csrf": str(csrf)}, headers={"Origin": office.server.office})
        assert answer.status == 403, path
        assert "This needs the role" in answer.text()
    context.close()


def test_another_website_can_change_nothing(ada: BrowserContext, office: Office) -> None:
    csrf = ada.pages[0].locator("input[name=csrf]").first.get_attribute("value")
    foreign = ada.request.post("/logout", form={"csrf": str(csrf)}, headers={"Origin": "https://evil.example"})
    bare = ada.request.post("/logout", form={}, headers={"Origin": office.server.office})
    assert (foreign.status, bare.status) == (403, 403)
    assert ada.request.get("/").url.endswith("/")


def test_nothing_that_strangers_send_runs_or_leads_outside(chromium: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--trusted-proxies", "127.0.0.1/32")
    office = Office(server)
    subject = HOSTILE.encode().replace(b"\r", b"")
    copy = server.mark(QUOTE.replace(b"The quote", subject), "hostile@example.com")[0]
    server.get(copy["dots"][0], User_Agent=HOSTILE, Referer=HOSTILE, Accept_Language=HOSTILE)
    office.web(HOSTILE, k="view", u=f"https://example.com/?q={HOSTILE}", r=f"https://evil.example/{HOSTILE}")
    office.web("visitor-2", k="goal", u="https://example.com/x", n=HOSTILE)
    office.web(
        "visitor-3",
        k="view",
        u="https://example.com/?utm_source=" + HOSTILE + "&utm_campaign=" + HOSTILE + "&utm_medium=cpc",
    )
    inkdot("audience", "add", HOSTILE[:60], "--data", server.data)
    eventually(lambda: server.timeline("hostile@example.com"))
    context = signed_in(chromium, office)
    tab, asked = context.pages[0], list[str]()
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    hostile = server.timeline("hostile@example.com")[0]
    places = [
        "/people/hostile@example.com",
        f"/events/{hostile['id']}",
        f"/mails/{hostile['message']}",
        f"/people?q={HOSTILE}",
    ]
    for path in [*office.pages, *places]:
        tab.goto(path)
        assert tab.evaluate("typeof hit") == "undefined", path
        assert tab.locator("main script, main svg[onload], main img").count() == 0, path
    assert [url for url in asked if not url.startswith((server.office, "data:"))] == []
    saved = context.request.get("/mails?format=csv").text()
    assert not re.search(r'(?m)(^|,)"[=+@]', saved)
    context.close()
    server.stop()


def test_the_office_speaks_german_where_it_is_asked_for(chromium: Browser, office: Office) -> None:
    context = signed_in(chromium, office, locale="de-DE")
    tab = context.pages[0]
    expect(tab.get_by_role("heading", level=1)).to_have_text("Wer Sie jetzt braucht")
    tab.goto(f"/people/{BEN}")
    expect(tab.get_by_text("Ein Mensch hat die Mail in Thunderbird geöffnet.")).to_be_visible()
    tab.get_by_role("link", name="English").click()
    expect(tab.get_by_text("A person opened the mail in Thunderbird.")).to_be_visible()
    context.close()


def test_every_word_of_the_pages_has_its_german() -> None:
    texts = set()
    for file in SRC.glob("templates/*.html"):
        texts |= {m[2] for m in re.finditer(r"""\bt\(\s*(["'])(.*?)\1""", file.read_text())}
        texts |= {m[n] for m in re.finditer(r'\bt\.some\([^"]*"(.*?)", "(.*?)"', file.read_text()) for n in (1, 2)}
    for file in SRC.glob("pages/*.py"):
        content = file.read_text()
        texts |= {m[1] for m in re.finditer(r'words\(\s*"(.*?)"', content)}
        texts |= {m[1] for m in re.finditer(r'Column\("\w+", "(.*?)"', content)}
    table = tomllib.loads((SRC / "words" / "de.toml").read_text())
    assert texts - set(table) == set()
    for english, german in table.items():
        if isinstance(german, str):
            assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", german)), english


def test_keys_lead_where_they_say(page: Page, office: Office) -> None:
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/mails")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/mails/msg_*")


def test_the_first_page_weighs_little(ada: BrowserContext, office: Office) -> None:
    page = ada.request.get("/").text()
    weight = 0
    for file in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer = ada.request.get(file, headers={"Accept-Encoding": "gzip"})
        weight += int(answer.headers["content-length"])
        assert "immutable" in answer.headers["cache-control"]
    assert 0 < weight < 60_000
