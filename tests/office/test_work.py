"""What people do on the pages: documents, rules, goals, tables, people, and what they are told when an address is wrong."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import BEN, eventually, inkdot, inkdot_json
from tests.office.asking import key_for
from tests.office.desk import ANNA, FIREFOX, GINA, VERA, Office, signed_in
from tests.room import made


def file(folder: Path, name: str, pages: int) -> Path:
    first, *others = (Image.new("RGB", (60, 85), (255, 255 - n, 255)) for n in range(pages))
    first.save(folder / name, save_all=True, append_images=others)
    return folder / name


def test_a_document_is_taken_in_shared_on_terms_and_replaced_on_its_page(
    page: Page, office: Office, tmp_path: Path
) -> None:
    page.goto("/documents")
    page.get_by_label("Take in a document").set_input_files(file(tmp_path, "offer.pdf", 2))
    page.get_by_role("button", name="Send the file").click()
    page.wait_for_url("**/documents/doc_*")
    page.get_by_label("A link for").fill("dora@example.com")
    page.get_by_label("no download").check()
    page.get_by_label("ask for the address").check()
    page.get_by_label("Let in only").fill("example.com, dora@example.org")
    page.get_by_label("Until, if any").fill("30d")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"The link for dora@example.com, to copy:\s*http"))
    links = page.locator(".settings li").filter(has_text="dora@example.com")
    expect(links).to_contain_text("asks for the address · no download")
    kept = [d for d in map(json.loads, inkdot("doc", "list", "--json", "--data", office.server.data).stdout.splitlines()) if d["name"] == "offer.pdf"]  # fmt: skip
    assert [(link["download"], link["gate"]) for link in kept[0]["links"]] == [(False, "email")]
    page.get_by_label("The new file").set_input_files(file(tmp_path, "offer.pdf", 3))
    page.get_by_role("button", name="Send the file").click()
    expect(page.get_by_role("link", name="Version 2")).to_be_visible()
    page.get_by_label("A link for").fill("dora@example.com")
    page.get_by_label("Until, if any").fill("2001-01-01")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("alert")).to_contain_text("is over already; choose a later time")


def test_a_file_that_cannot_be_shown_is_refused_on_the_page(page: Page, tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"no PDF at all")
    page.goto("/documents")
    page.get_by_label("Take in a document").set_input_files(tmp_path / "broken.pdf")
    page.get_by_role("button", name="Send the file").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.url.endswith("/documents")


def test_a_rule_is_composed_by_a_form_and_its_pop_up_seen_before_it_is_kept(page: Page, office: Office) -> None:
    page.goto("/triggers")
    page.locator("select[name=when]").select_option("view")
    page.get_by_label("at the page or link").fill("/pricing*")
    page.locator("select[name=then]").select_option("show")
    page.get_by_label("with the words").fill("Shall we call you?")
    page.get_by_label("On the page as").select_option("popup")
    page.get_by_label("under the heading").fill("A question")
    page.get_by_label("Name", exact=True).fill("Ask at the prices")
    page.get_by_role("button", name="Write it below").click()
    box = page.locator(".preview.p-popup .box")
    expect(box).to_contain_text("A question")
    expect(box).to_contain_text("Shall we call you?")
    page.get_by_role("button", name="Keep the rule").click()
    expect(page.get_by_role("status")).to_contain_text("Ask at the prices")
    rules = [
        json.loads(line)
        for line in inkdot("trigger", "list", "--json", "--data", office.server.data).stdout.splitlines()
    ]
    (kept,) = [r["rule"] for r in rules if r["name"] == "Ask at the prices"]
    assert (kept["when"], kept["actions"][0]["style"]) == ({"kind": "view", "url": "/pricing*"}, "popup")


def test_who_removed_a_rule_meanwhile_is_told_of(page: Page, office: Office) -> None:
    rule = {"name": "Short-lived", "when": {"kind": "click"}, "actions": [{"do": "tag", "add": "hot"}]}
    made = inkdot_json("trigger", "add", json.dumps(rule), "--data", office.server.data)
    page.goto(f"/triggers?edit={made['trigger']}")
    inkdot("trigger", "rm", made["trigger"], "--data", office.server.data)
    page.get_by_role("button", name="Keep the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody removed this rule meanwhile.")


def test_goals_and_funnels_are_made_on_the_page_of_the_website(page: Page, office: Office) -> None:
    for place in ("", "pricing", "thanks"):
        office.web("buyer", k="view", u=f"https://example.com/{place}")
    page.goto("/sites/example.com")
    page.get_by_label("Name", exact=True).first.fill("bought")
    page.get_by_label("Which").fill("/thanks")
    page.get_by_role("button", name="Keep the goal").click()
    expect(page.locator("li").filter(has_text="bought")).to_contain_text("page /thanks · one visit")
    page.get_by_label("Steps, with > between").fill("/pricing > /thanks")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("li").filter(has_text="/thanks").filter(has_text="100 %")).to_be_visible()
    page.locator("li").filter(has_text="bought").get_by_role("button", name="Forget").click()
    expect(page.get_by_role("status")).to_contain_text("The goal is counted no more.")
    page.goto("/sites/example.com?funnel=/only-one-step")
    expect(page.get_by_role("alert")).to_contain_text("A funnel has 2 to")


def test_the_last_half_hour_is_half_an_hour_and_not_a_day(page: Page, office: Office) -> None:
    page.goto("/sites/example.com")
    fact = page.locator(".facts li").filter(has_text="in the last 30 minutes").locator("b")
    before = int(fact.inner_text())
    assert before >= 1
    office.web("somebody-new", k="view", u="https://example.com/")
    eventually(lambda: [page.reload(), int(fact.inner_text()) == before + 1][1])


def test_a_country_that_is_known_stands_on_a_map_and_one_that_is_not_on_none(page: Page, office: Office) -> None:
    office.server.get(office.copies[BEN]["links"][1]["url"], User_Agent=FIREFOX, X_Forwarded_For="193.99.144.80")
    eventually(lambda: any(e["fields"]["location"]["value"] == "DE" for e in office.server.timeline(BEN)))
    page.goto(f"/people/{BEN}")
    expect(page.locator(".map figcaption")).to_contain_text("Germany")
    use = page.locator(".map use[href$='#DE']")
    assert use.evaluate("shape => shape.getBBox().width") > 1
    page.goto(f"/people/{GINA}")  # behind Gmail nobody knows where
    expect(page.locator(".map")).to_have_count(0)


def test_the_countries_of_a_documents_readers_stand_on_its_map_where_they_are_known(page: Page, office: Office) -> None:
    picture = file(office.server.data.parent, "plan.pdf", 2)
    options = ("--data", office.server.data, "--public-url", office.server.public)
    shared = inkdot_json("doc", "share", picture, "--to", "priya@example.com", *options)
    page.goto(f"/documents/{shared['document']}")
    expect(page.locator(".map")).to_have_count(0)
    reader = made.Browser(shared["url"], X_Forwarded_For="193.99.144.80")
    reader.open()
    reader.stay(0.6)
    assert reader.beat([1, 0.5, 1, [0]])[0] == 204
    eventually(lambda: inkdot_json("doc", "report", shared["document"], "--data", office.server.data)["visits"])
    page.reload()
    expect(page.locator(".map figcaption")).to_contain_text("Germany")
    expect(page.locator(".timeline .more")).to_contain_text("Germany")


def test_signs_of_a_person_visits_of_a_document_and_lists_of_a_website_are_saved_as_they_are_shown(
    ada: BrowserContext, office: Office
) -> None:
    def rows(path: str) -> list[dict[str, str]]:
        answer = ada.request.get(path)
        assert "attachment" in answer.headers["content-disposition"]
        return list(csv.DictReader(io.StringIO(answer.text())))

    kinds = {row["kind"] for row in rows(f"/people/{BEN}?format=csv")}
    assert kinds > {"click"}
    assert {row["kind"] for row in rows(f"/people/{BEN}?kind=click&format=csv")} == {"click"}
    assert {"list": "searches", "name": "roof", "count": "1"} in rows("/sites/example.com?format=csv")
    assert rows(f"/documents/{office.document}?format=csv") == []
    assert ada.request.get("/audit").text().count("table taken out as a file") >= 1


def test_leads_are_shown_and_saved_by_their_grade(page: Page, ada: BrowserContext) -> None:
    page.goto("/leads?since=all")
    every = page.locator(".grade").count()
    counts = []
    for grade in ("hot", "warm", "cold"):
        page.get_by_role("navigation", name="Grade").get_by_role("link", name=grade).click()
        page.wait_for_url(f"**/leads?*grade={grade}")
        assert set(page.locator("tbody .grade").all_inner_texts()) <= {grade}
        counts.append(page.locator("tbody .grade").count())
        saved = ada.request.get(f"/leads?since=all&grade={grade}&format=jsonl").text().splitlines()
        assert len(saved) == counts[-1]
    page.go_back()
    page.wait_for_url("**/leads?*grade=warm")
    assert sum(counts) == every > 0


def test_people_lists_and_campaigns_are_found_under_any_name_they_may_have(page: Page, office: Office) -> None:
    odd = "a/b?c#d@example.com"
    office.campaign("news/autumn & 100 %?", f"email\n{odd}\n")
    page.goto("/campaigns")
    page.get_by_role("link", name="news/autumn & 100 %?").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("news/autumn & 100 %?")
    page.get_by_role("link", name=odd).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(odd)
    page.get_by_role("button", name="Tell me nothing about this person").click()
    expect(page.get_by_role("status")).to_contain_text("it counts for you alone")
    expect(page.get_by_role("heading", level=1)).to_have_text(odd)
    page.goto("/audiences")
    page.get_by_label("Name of the list").fill("warm/cold?")
    page.get_by_role("button", name="Keep the list").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("warm/cold?")
    program = key_for(office.server, "read", "send", "manage", "privacy")
    assert program.get(f"/people/{quote(odd, safe='')}").json["person"] == odd
    assert program.get(f"/people/{quote(odd, safe='')}/timeline").json["known"] is True
    assert program.get(f"/people/{quote(odd, safe='')}/export").status == 200


def test_a_version_that_cannot_be_is_no_fault_of_ours(ada: BrowserContext, office: Office) -> None:
    for version in ("abc", "-1", "99", "99999999999999999999", "\u0663"):
        answer = ada.request.get(f"/documents/{office.document}?version={version}")
        assert answer.status in (404, 422), version


def test_tables_are_searched_in_the_words_that_are_shown_and_sorted_by_what_they_are_worth(
    ada: BrowserContext, office: Office
) -> None:
    def people(query: str, language: str) -> list[str]:
        answer = ada.request.get(
            f"/mails/{office.mail}?format=csv&{query}", headers={"Accept-Language": language, "Cookie": cookies}
        )
        return [row["person"] for row in csv.DictReader(io.StringIO(answer.text()))]

    cookies = "; ".join(f"{c.get('name')}={c.get('value')}" for c in ada.cookies() if c.get("name") == "inkdot")
    assert people("q=geklickt", "de") == [BEN]
    assert people("q=geklickt", "en") == []
    assert people("q=clicked", "en") == people("q=clicked", "de") == [BEN]
    assert people("sort=-status", "en")[0] == BEN
    assert people("sort=status", "en")[-1] == BEN


def test_columns_are_chosen_kept_by_the_browser_and_saved_as_shown(ada: BrowserContext, page: Page) -> None:
    page.goto("/mails")
    page.get_by_text("Columns", exact=True).click()
    for label in ("People", "Opened", "Clicked", "Replied", "Bounced", "Last heard"):
        page.locator(".columns-of").get_by_label(label, exact=True).uncheck()
    page.get_by_role("button", name="Show these").click()
    page.goto("/mails")
    assert page.locator("thead th").all_inner_texts() == ["Mail", "Status", "Sent ↓"]
    saved = ada.request.get("/mails?format=csv").text()
    assert csv.DictReader(io.StringIO(saved)).fieldnames == ["subject", "status", "marked"]
    page.goto("/mails?columns=subject,last")
    assert page.locator("thead th").all_inner_texts() == ["Mail", "Last heard"]
    page.goto("/mails?columns=subject,nonsense")
    expect(page.get_by_role("alert")).to_contain_text("This table has no column 'nonsense'")
    ada.clear_cookies(name="columns-mails")


def test_x_sets_mails_beside_those_of_the_time_before(page: Page) -> None:
    page.goto("/mails?since=7d")
    page.keyboard.press("x")
    page.wait_for_url(re.compile("compare=yes"))
    now, before = page.get_by_role("region", name="Compare with the time before").locator("tbody tr").all_inner_texts()
    assert int(now.split("\t")[1]) >= 2
    assert int(before.split("\t")[1]) == 0
    page.keyboard.press("x")
    page.wait_for_url(re.compile("compare=no"))


def test_a_search_finds_people_of_whom_nothing_was_heard(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("anna@")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=anna"))
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/people/{ANNA.replace('@', '%40')}")
    expect(page.get_by_text("Got its marks, to be sent.")).to_be_visible()
    page.goto("/mails")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/mails/msg_*")
    page.keyboard.press("Escape")
    page.wait_for_url("**/mails")


def test_two_addresses_become_one_person_and_two_again(page: Page) -> None:
    page.goto(f"/people/{GINA}")
    page.get_by_label("The same person as").fill(ANNA)
    page.get_by_role("button", name="Merge").click()
    page.get_by_role("listitem").filter(has_text=ANNA).get_by_role("button", name="Not the same").click()
    expect(page.get_by_role("status")).to_contain_text("They are two people again.")
    page.get_by_role("button", name="Tell me nothing about this person").click()
    page.get_by_role("button", name="Tell me again").click()
    page.get_by_label("The person chose").select_option("aggregate")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_role("status")).to_contain_text("The choice is written down.")


def test_health_is_what_the_doctor_finds_and_only_the_owner_sees_the_machine(
    page: Page, chromium: Browser, office: Office
) -> None:
    page.goto("/health")
    found = json.loads(inkdot("doctor", "--json", "--data", office.server.data, check=False).stdout)
    names = {one["what"] for one in found["checks"]}
    assert {"disk", "journal"} <= names
    for name in names:
        expect(page.locator(".findings").get_by_text(name, exact=True).first).to_be_visible()
    context = signed_in(chromium, office, VERA)
    context.pages[0].goto("/health")
    expect(context.pages[0].locator(".findings")).to_have_count(0)
    context.close()


def test_an_address_that_is_none_gets_a_page_and_so_does_a_form_where_none_is(page: Page, ada: BrowserContext) -> None:
    answer = page.goto("/nowhere")
    assert answer
    assert answer.status == 404
    expect(page.get_by_role("alert")).to_contain_text("There is no such page")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    wrong = ada.request.post("/people")
    assert (wrong.status, "This page takes no form" in wrong.text()) == (405, True)
