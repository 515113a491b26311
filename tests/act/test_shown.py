"""What rules show on pages, in a real browser under a strict policy: at once, as often as its cap, and closed for good."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import QUOTE, Server, eventually, inkdot, inkdot_json

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
OPEN_ROOTS = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (o) { self.roots = (self.roots || 0) + 1; self.mode = o.mode;
  return attach.call(this, {...o, mode: 'open'}) };
new MutationObserver(() => { if (!self.drawn && self.roots) self.drawn = performance.now() })
  .observe(document, {childList: true, subtree: true});
"""
NO_STORAGE = "Object.defineProperty(self, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }});"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        body = f"""<!doctype html><html lang="en"><head><title>{self.path}</title>{self.server.tag}</head>
<body><h1>Shop</h1><div id="hero">As always</div>{"<br>" * 200}</body></html>""".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Pages(http.server.ThreadingHTTPServer):
    """A shop with a strict policy."""

    daemon_threads = True
    tag = policy = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Shop:
    """A tracked site, a browser, and the rules of one test."""

    def __init__(self, server: Server, browser: Browser, pages: Pages) -> None:
        self.server, self.browser, self.pages = server, browser, pages
        self.troubles: list[str] = []
        self.contexts: list[BrowserContext] = []
        self.names: set[str] = set()

    def rule(self, show: dict[str, Any], name: str = "Shown", **when: Any) -> None:
        """Keep one rule, and wait until the street knows it."""
        self.names.add(name)
        rule = {"name": name, "when": {"kind": "view"} | when, "actions": [{"do": "show"} | show]}
        kept = inkdot_json("trigger", "add", json.dumps(rule), "--data", self.server.data)
        wanted = f"{kept['trigger']}.{kept['version']}"
        site = inkdot_json("site", "add", "127.0.0.1", "--data", self.server.data)

        def known() -> bool:
            view = {"k": "view", "u": self.pages.url + "/known", "p": secrets.token_hex(4), "q": 0}
            body = json.dumps([site["key"], "", view])
            return wanted in _posted(self.server.public + "/e", body)

        eventually(known)

    def context(self, *init: str) -> BrowserContext:
        found = self.browser.new_context(user_agent=AGENT)
        for script in (OPEN_ROOTS, *init):
            found.add_init_script(script)
        self.contexts.append(found)
        return found

    def visit(self, context: BrowserContext, path: str = "/", referrer: str | None = None) -> Page:
        page = context.new_page()
        page.on(
            "console",
            lambda message: self.troubles.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.goto(self.pages.url + path, referer=referrer)
        return page


def _posted(url: str, body: str) -> str:
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "text/plain", "User-Agent": AGENT})
    with urllib.request.urlopen(request) as answer:
        return str(answer.read())


def requested(url: str, body: bytes) -> tuple[int, Any]:
    """Status and answer of a POST."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _told(page: Page) -> None:
    """The street has said what may be shown."""
    eventually(lambda: page.evaluate("!!(self.inkdot.said && self.inkdot.said.actions)"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Pages]]:
    data: Path = tmp_path_factory.mktemp("shown") / "data"
    server, pages = Server(data), Pages()
    pages.tag = inkdot_json("site", "add", "127.0.0.1", "--data", data)["snippet"]
    street = server.public
    pages.policy = f"default-src 'none'; script-src {street}; connect-src {street}; require-trusted-types-for 'script'"
    yield server, pages
    pages.shutdown()
    pages.server_close()
    server.stop()


@pytest.fixture
def shop(base: tuple[Server, Pages], chromium: Browser) -> Iterator[Shop]:
    found = Shop(base[0], chromium, base[1])
    yield found
    for context in found.contexts:
        context.close()
    for name in found.names:
        inkdot("trigger", "rm", name, "--data", found.server.data)
    assert found.troubles == []


def test_a_corner_note_comes_within_300_ms_of_its_condition(shop: Shop) -> None:
    shop.rule({"style": "corner", "title": "Hello", "text": "Ask us anything."}, seconds=1, url="/*")
    late: list[float] = []
    while len(late) < 60 and min(late, default=1_000) > 300:  # a machine that is busy for a moment gets another chance
        page = shop.visit(shop.context())
        eventually(lambda here=page: here.evaluate("self.drawn"))  # type: ignore[misc]
        drawn, loaded = page.evaluate(
            "[self.drawn, performance.getEntriesByName(document.scripts[0].src)[0].responseEnd]"
        )
        assert drawn >= 1_000
        late.append(drawn - loaded - 1_000)
    assert min(late) <= 300, late
    note = page.get_by_role("status")
    assert note.inner_text().startswith("Hello\n\nAsk us anything.")
    assert page.evaluate("self.mode") == "closed"


def test_it_is_shown_as_often_as_its_cap_says_and_closing_is_remembered(shop: Shop) -> None:
    shop.rule({"style": "bar", "text": "Free shipping", "most": 3, "link": "/offer", "label": "See"})
    context = shop.context()
    for _ in range(2):
        page = shop.visit(context)
        page.get_by_role("region").wait_for()
        assert page.get_by_role("link", name="See").get_attribute("href") == shop.pages.url + "/offer"
        page.close()
    page = shop.visit(context)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("region").wait_for(state="detached")
    page = shop.visit(context)
    _told(page)
    page.wait_for_timeout(600)
    assert page.evaluate("self.roots") is None


def test_a_cap_of_one_holds_without_closing_and_in_each_browser_apart(shop: Shop) -> None:
    shop.rule({"style": "corner", "text": "Once"})
    for _ in range(2):
        context = shop.context()
        shop.visit(context).get_by_role("status").wait_for()
        page = shop.visit(context)
        _told(page)
        page.wait_for_timeout(600)
        assert page.evaluate("self.roots") is None


def test_a_popup_holds_the_keyboard_and_closes_by_escape(shop: Shop) -> None:
    shop.rule(
        {"style": "popup", "title": "Wait", "text": "<img src=x onerror=alert(1)>", "link": "https://example.com/x"}
    )
    page = shop.visit(shop.context())
    box = page.get_by_role("dialog", name="Wait")
    box.wait_for()
    assert "<img src=x onerror=alert(1)>" in box.inner_text()
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.tagName") in ("A", "BUTTON", "DIALOG")
    page.keyboard.press("Escape")
    box.wait_for(state="detached")
    closed = eventually(
        lambda: [
            e
            for e in map(
                json.loads, inkdot("events", "--kind", "goal", "--json", "--data", shop.server.data).stdout.splitlines()
            )
            if e["name"] == "inkdot:closed"
        ]
    )
    assert closed


def test_a_slot_replaces_an_element_and_gives_it_back(shop: Shop) -> None:
    shop.rule({"style": "slot", "slot": "#hero", "text": "For you"}, url="/slot")
    page = shop.visit(shop.context(), "/slot")
    page.get_by_text("For you").wait_for()
    assert page.get_by_text("As always").count() == 0
    page.get_by_role("button", name="Close").click()
    page.get_by_text("As always").wait_for()


def test_it_waits_for_its_page_in_a_single_page_app_and_for_the_scroll(shop: Shop) -> None:
    shop.rule({"style": "corner", "text": "Deep"}, url="/deep*", scroll=80)
    page = shop.visit(shop.context())
    _told(page)
    page.evaluate("history.pushState({}, '', '/deep/er')")
    page.wait_for_timeout(400)
    assert page.evaluate("self.roots") is None
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.get_by_role("status").wait_for()


def _nothing(page: Page) -> None:
    """Nothing is drawn, though the street has said what may be and the house was asked."""
    _told(page)
    eventually(lambda: page.evaluate("performance.getEntriesByType('resource').some((e) => e.name.endsWith('n/may'))"))
    page.wait_for_timeout(400)
    assert page.evaluate("self.roots") is None


def test_who_came_from_a_search_is_told_apart_for_the_whole_visit(shop: Shop) -> None:
    shop.rule({"style": "corner", "text": "For searchers"}, url="/offer", channel="Organic Search", source="google")
    _nothing(shop.visit(shop.context(), "/offer"))
    _nothing(shop.visit(shop.context(), "/offer", "https://www.bing.com/"))
    _nothing(shop.visit(shop.context(), "/offer?utm_source=google&utm_medium=cpc", "https://www.google.com/"))
    page = shop.visit(shop.context(), "/", "https://www.google.com/")
    _told(page)
    page.evaluate("history.pushState({}, '', '/offer')")
    page.get_by_role("status").wait_for()


def test_a_visit_goes_on_as_it_began_when_the_next_page_is_loaded(shop: Shop) -> None:
    shop.rule({"style": "corner", "text": "Asked a machine?", "most": 9}, channel=["AI Assistant", "Organic Social"])
    context = shop.context()
    page = shop.visit(context, "/", "https://chatgpt.com/")
    page.get_by_role("status").wait_for()
    page.evaluate("location.href = '/next'")
    page.wait_for_url("**/next")
    page.get_by_role("status").wait_for()
    _nothing(shop.visit(shop.context(), "/next", shop.pages.url + "/"))


def test_who_is_on_a_list_is_shown_what_others_are_not(shop: Shop) -> None:
    data = shop.server.data
    shop.server.mark(QUOTE, "listed@example.com", "other@example.com")
    inkdot("audience", "add", "regulars", "--data", data)
    inkdot("audience", "join", "regulars", "listed@example.com", "--data", data)
    shop.rule({"style": "bar", "text": "Welcome back"}, audience="regulars", person="*@example.com")
    for person, sees in (("listed@example.com", True), ("other@example.com", False)):
        context = shop.context()
        shop.visit(context).evaluate("inkdot.consent(true)")
        shop.visit(context).evaluate("(who) => inkdot.identify(who)", person)
        shop.server.timeline(person, at_least=1)
        page = shop.visit(context)
        if sees:
            page.get_by_role("region").wait_for()
        else:
            _nothing(page)


def test_a_warm_lead_is_shown_what_others_are_not_and_whoever_becomes_one_on_the_next_page(shop: Shop) -> None:
    data, person = shop.server.data, "warming@example.com"
    context = shop.context()
    shop.visit(context).evaluate("inkdot.consent(true)")
    shop.visit(context).evaluate("(who) => inkdot.identify(who)", person)
    shop.server.timeline(person, at_least=1)
    shop.rule({"style": "corner", "text": "Let us talk", "most": 9}, score=50)
    _nothing(shop.visit(context))
    page = shop.visit(context)
    for number in range(2):  # seen today: 20, a goal: 15
        page.evaluate("(n) => inkdot.track('goal ' + n)", number)
    eventually(lambda: _told_goals(shop, person) >= 2)

    def warm() -> bool:
        page = shop.visit(context, "/warm")
        _told(page)
        page.wait_for_timeout(400)
        return bool(page.get_by_role("status").count())

    eventually(warm)
    _nothing(shop.visit(shop.context()))
    tested = inkdot_json("trigger", "test", "Shown", "--data", data)
    assert tested["fires"] > 0


def _told_goals(shop: Shop, person: str) -> int:
    return sum(e["kind"] == "goal" for e in shop.server.timeline(person, at_least=1))


def test_the_third_page_within_the_time_shows_it_and_older_ones_do_not_count(shop: Shop) -> None:
    shop.rule({"style": "corner", "text": "Third"}, count=3, within="1h")
    context = shop.context()
    for _ in range(2):
        page = shop.visit(context)
        _told(page)
        counted = "(localStorage['inkdot.shown'] || '').includes('views')"
        eventually(lambda here=page, counted=counted: here.evaluate(counted))  # type: ignore[misc]
    # An hour and more passes for the first of the two.
    age = "localStorage['inkdot.shown'] = localStorage['inkdot.shown'].replace(/\\[(\\d+),/, (_, t) => `[${t - 4e6},`)"
    page.evaluate(age)
    page = shop.visit(context)
    _told(page)
    page.wait_for_timeout(400)
    assert page.evaluate("self.roots") is None
    shop.visit(context).get_by_role("status").wait_for()


def test_a_second_one_of_the_same_kind_comes_once_the_first_is_closed(shop: Shop) -> None:
    for name in ("Shown", "Shown too"):
        shop.rule({"style": "popup", "title": name, "text": "Hello"}, name=name)
    page = shop.visit(shop.context())
    seen: list[str] = []
    for _ in range(2):
        box = page.get_by_role("dialog")
        box.wait_for()
        assert box.count() == 1
        seen.append(str(box.get_attribute("aria-label")))
        page.keyboard.press("Escape")
        page.get_by_role("dialog", name=seen[-1], exact=True).wait_for(state="detached")
    assert sorted(seen) == ["Shown", "Shown too"]


def test_questions_that_are_none_are_refused_with_a_sentence(shop: Shop) -> None:
    key = inkdot_json("site", "add", "127.0.0.1", "--data", shop.server.data)["key"]
    good = {"key": key, "rules": ["trg_0000000000001.1"], "url": shop.pages.url}
    for body, status in [
        (good, 200), (good | {"rules": [f"trg_{n:013}.1" for n in range(1_000)]}, 200), (good | {"key": "forged"}, 422),
        (good | {"rules": [""] * 1_001}, 422), ([], 422), (good | {"url": "x" * 50_000}, 413), (good | {"visitor": 7}, 422),
    ]:  # fmt: skip
        answer = requested(shop.server.public + "/n/may", json.dumps(body).encode())
        assert answer[0] == status, body
        assert answer[1] == {"may": [], "came": ["Direct", None]} if status == 200 else answer[1]["error"].endswith(".")


def test_a_corner_note_stands_on_the_bar_and_not_behind_it(shop: Shop) -> None:
    shop.rule({"style": "bar", "text": "Free delivery."}, name="Bar", url="/both*")
    shop.rule({"style": "corner", "text": "Ask us."}, name="Corner", url="/both*")
    page = shop.visit(shop.context(), "/both")
    bar, note = page.get_by_role("region"), page.get_by_role("status")
    bar.wait_for()
    note.wait_for()

    def apart() -> bool:
        above, below = note.bounding_box(), bar.bounding_box()
        return bool(above and below and above["y"] + above["height"] <= below["y"])

    eventually(apart)
    bar.get_by_role("button").click()
    eventually(lambda: (note.bounding_box() or {"y": 0.0})["y"] > 600)


def test_it_works_where_storage_is_blocked(shop: Shop) -> None:
    shop.rule({"style": "corner", "text": "No storage"})
    page = shop.visit(shop.context(NO_STORAGE))
    page.get_by_role("status").wait_for()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("status").wait_for(state="detached")
