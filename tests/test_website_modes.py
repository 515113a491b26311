"""A website in each of the four modes: what its three doors keep, read and answer, also under keys that stand in pages for long."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response

from tests.conftest import BEN, PATIENCE, THUNDERBIRD, Server, eventually, files_in, inkdot, inkdot_json
from tests.test_tag import Pages, loaded

MODES = ("off", "aggregate", "hygiene", "individual")
FEW = 5
"""Views of nobody from which on they are told."""


class Web:
    """A site on this machine, with the key that its pages got before anybody limited anything."""

    def __init__(self, data: Path) -> None:
        self.server = Server(data, "--trusted-proxies", "127.0.0.1/32")
        self.pages = Pages()
        self.made = inkdot_json("site", "add", "127.0.0.1", "--data", data)
        self.pages.tag = self.made["snippet"]
        self.host = urlsplit(self.server.public)

    def limited(self, mode: str) -> None:
        """From now on the site may keep so much; the street has heard of it."""
        inkdot("consent", "limit", "--scope", "site:127.0.0.1", "--mode", mode, "--data", self.server.data)
        told = {"off": "tracking_off", "individual": None}.get(mode, "names_nobody")

        def heard() -> bool:
            answer = self.post(
                {"kind": "engage", "id": f"until {mode}", "engaged": 0, "visitor": "nobody in particular"}
            )
            return [d["reason"] for d in answer["dropped"]] == ([told] if told else []) or not told

        assert eventually(heard)

    def post(
        self, event: dict[str, Any], *, agent: str = "", address: str = "192.0.2.1", **headers: str
    ) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host.hostname or "", self.host.port, timeout=PATIENCE)
        told = {"User-Agent": agent, "X-Forwarded-For": address, **headers}
        connection.request("POST", "/e", json.dumps({"key": self.made["key"], **event}), told)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def stored(self, *words: str | bytes) -> list[str]:
        """Those of some words that stand in any file of the data folder."""
        sought = [(str(w), w.encode() if isinstance(w, str) else w) for w in words]
        found = {name for _, content in files_in(self.server.data) for name, word in sought if word in content}
        return [name for name, _ in sought if name in found]

    def events(self) -> list[dict[str, Any]]:
        """Without seconds on pages, which tests tell to see whether they are taken."""
        lines = inkdot("events", "--json", "--data", self.server.data).stdout.splitlines()
        return [event for event in map(json.loads, lines) if event["kind"] != "engage"]

    def close(self) -> None:
        self.pages.shutdown()
        self.pages.server_close()
        self.server.stop()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    found = Web(tmp_path / "data")
    yield found
    found.close()


@pytest.mark.parametrize("mode", MODES)
def test_each_door_of_a_website_keeps_and_answers_what_the_mode_says_also_under_an_old_key(
    web: Web, chromium: Browser, mode: str
) -> None:
    web.limited(mode)
    named, nobody = mode == "individual", mode in ("aggregate", "hygiene")
    # A browser with the tag: a view, a goal, and who it is.
    agent, address = f"Mozilla/5.0 (a browser that {mode} met) Chrome/156.0", "198.51.100.77"
    answers = visited(web, chromium, agent)
    kinds = {"off": [], "individual": ["view", "goal", "identify"]}.get(mode, ["view", "goal"])
    assert len(answers) >= 3
    assert sum(a["accepted"] for a in answers) == len(kinds)
    assert {d["reason"] for a in answers for d in a["dropped"]} == (
        {"tracking_off"} if mode == "off" else {"names_nobody"} if nobody else set()
    )
    # One without JavaScript, and a server's or script's own request.
    context = chromium.new_context(user_agent=agent, java_script_enabled=False)
    page = context.new_page()
    with page.expect_response(lambda response: "/e.gif" in response.url) as loading:
        page.goto(f"{web.pages.url}/plain?mail={BEN}")
    assert (loading.value.status, loading.value.body()[:6]) == (200, b"GIF89a")
    assert context.cookies() == []
    context.close()
    answer = web.post(
        {"kind": "view", "url": f"{web.pages.url}/of/{BEN}/own?mail={BEN}&utm_source=News&gclid=Click-Of-Ben#for-{BEN}", "visitor": "a name"},
        agent=agent, address=address,
    )  # fmt: skip
    assert answer["accepted"] == (mode != "off")
    kept = eventually(lambda: ((found := web.events()) and len(found) >= len(kinds) + 2 and found) or mode == "off")
    if mode == "off":
        assert web.events() == []
    else:
        assert {(e["visit"] is not None, e["raw"]["agent"] is not None) for e in kept} == {(named, named)}
    raw, here = (bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, a) for a in (address, "127.0.0.1"))
    words = (agent, raw, here, BEN, "Click-Of-Ben")
    assert web.stored(*words, "a name") == ([str(w) for w in words] if named else [])


def visited(web: Web, browser: Browser, agent: str) -> list[dict[str, Any]]:
    """What the street answered to one visit with the tag; nothing lies in the browser after it."""
    context = browser.new_context(user_agent=agent)
    page, answers = context.new_page(), list[Response]()
    page.on("response", lambda response: answers.append(response) if response.url.endswith("/e") else None)
    page.goto(f"{web.pages.url}/shop")
    loaded(page)
    settled(page, answers, 1)
    for call in ("inkdot.track('bought')", f"inkdot.identify('{BEN}')"):
        wanted = len(answers) + 1
        page.evaluate(call)
        settled(page, answers, wanted)
    found = [answer.json() for answer in answers]
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert context.cookies() == []
    context.close()
    return found


def settled(page: Page, answers: list[Response], wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    while len(answers) < wanted:
        assert time.monotonic() < until, "the tag did not speak"
        page.wait_for_timeout(25)


def test_where_nobody_is_named_pages_are_counted_and_what_few_saw_on_a_day_is_told_nowhere(web: Web) -> None:
    web.limited("aggregate")

    def seen(page: str, times: int, **headers: str) -> None:
        for _ in range(times):
            web.post({"kind": "view", "url": web.pages.url + page}, agent=THUNDERBIRD, **headers)

    def report() -> dict[str, Any]:
        return dict(inkdot_json("report", "site", "--data", web.server.data)["sites"][0])

    seen("/rare", FEW - 1)
    eventually(lambda: len(web.events()) == FEW - 1)
    assert (report()["views_for_nobody"], report()["visitors_between"], report()["for_nobody"]["pages"]) == (
        0,
        [0, 0],
        [],
    )
    live = inkdot("report", "site", "--data", web.server.data).stdout
    assert "/rare" not in live
    seen("/usual", FEW + 3)
    seen("/often", FEW + 7)
    eventually(lambda: len(web.events()) == 3 * FEW + 9)
    found = report()
    # The sum less what is told must not give what is hidden: the least of what could be told is hidden with it.
    assert found["for_nobody"]["pages"] == [{"name": "/often", "views": FEW + 7}]
    assert found["views_for_nobody"] == 3 * FEW + 9
    assert found["for_nobody"]["channels"] == [{"name": "Direct", "views": 3 * FEW + 9}]
    assert found["visits"] == 0


def test_a_key_that_was_printed_before_the_region_was_known_counts_as_strictly_as_the_region_wants(web: Web) -> None:
    waiting = inkdot_json("site", "add", "127.0.0.1", "--wait", "--data", web.server.data)["key"]
    shown = {"agent": THUNDERBIRD, "address": "203.0.113.9"}
    assert web.post({"kind": "engage", "id": "1", "engaged": 9}, **shown)["accepted"] == 1
    inkdot("setup", "--region", "eu", "--data", web.server.data)
    eventually(lambda: web.post({"kind": "engage", "id": "2", "engaged": 9}, **shown)["accepted"] == 0)
    # Who is asked first and agreed is measured as before.
    assert (
        web.post({"key": waiting, "kind": "engage", "id": "3", "engaged": 9, "visitor": "agreed"}, **shown)["accepted"]
        == 1
    )
    (listed,) = map(json.loads, inkdot("site", "list", "--json", "--data", web.server.data).stdout.splitlines())
    web.made["key"] = listed["key"]
    assert web.post({"kind": "engage", "id": "4", "engaged": 9}, **shown)["dropped"][0]["reason"] == "names_nobody"


def test_who_withdrew_or_chose_less_is_not_kept_on_a_website_either_neither_by_name_nor_by_browser(web: Web) -> None:
    at_home, away = {"agent": THUNDERBIRD, "address": "203.0.113.9"}, {"agent": "Away/1.0", "address": "203.0.113.10"}
    page = f"{web.pages.url}/account"
    assert web.post({"kind": "identify", "person": BEN, "url": page, "visitor": "bens-own"}, **at_home)["accepted"] == 1
    eventually(lambda: inkdot_json("timeline", BEN, "--data", web.server.data)["events"])
    inkdot("consent", "withdraw", BEN, "--data", web.server.data)
    eventually(
        lambda: (
            web.post({"kind": "view", "url": page, "visitor": "bens-own"}, **at_home)["dropped"][:1]
            == [{"event": 0, "reason": "withdrawn", "says": "Whoever this is wants nothing kept."}]
        )
    )
    assert (
        web.post({"kind": "identify", "person": BEN.upper(), "url": page}, **away)["dropped"][0]["reason"]
        == "withdrawn"
    )
    assert web.post({"kind": "view", "url": f"{page}/2", "visitor": "eves-own"}, **at_home)["accepted"] == 1
    eventually(lambda: f"{page}/2" in {event["url"] for event in web.events()})
    assert web.stored("Away/1.0") == []
    # What somebody chooses later counts again.
    inkdot("consent", "set", BEN, "--mode", "individual", "--data", web.server.data)
    eventually(
        lambda: web.post({"kind": "view", "url": f"{page}/3", "visitor": "bens-own"}, **at_home)["accepted"] == 1
    )
    # What he chooses more strictly counts, too: his browser is counted, and he cannot be named.
    inkdot("consent", "set", BEN, "--mode", "aggregate", "--data", web.server.data)
    named = {"kind": "identify", "person": BEN, "url": page, "visitor": "bens-other"}
    eventually(lambda: [d["reason"] for d in web.post(named, **at_home)["dropped"]] == ["names_nobody"])
    view = {"kind": "view", "url": f"{page}/4", "visitor": "bens-own"}
    assert web.post(view, agent="Nameless/1.0", address="203.0.113.9")["accepted"] == 1
    assert web.stored("Nameless/1.0") == []
