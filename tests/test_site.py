"""Websites through the public doors: what `POST /e` takes and refuses, whose visit it becomes, and what reports say of it."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import itertools
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdot.collect.plain import plain
from inkdot.collect.salt import Salt
from inkdot.domain.beacon import MOST_DEPTH, checked, depth_exceeds, spread
from inkdot.domain.errors import BadSetting
from inkdot.domain.ids import VisitId, VisitorId
from inkdot.understand.channels import Channels
from inkdot.understand.source import Came
from inkdot.understand.visit import MOST_OPENED, Visits
from tests.conftest import PATIENCE, Server, eventually, inkdot, inkdot_json

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE = "https://www.example.com"
A_PAGE_VIEW = "0.7264531908341127"  # as the tag names one
FEW = 5
"""So many events of nobody are told apart; fewer are not, as they might be one person's."""
NUMBERS = itertools.count(1)


class Shop:
    """The site example.com of a server, and a browser's voice."""

    def __init__(self, server: Server, domain: str) -> None:
        self.server, self.domain, self.page = server, domain, f"https://www.{domain}"
        self.site = inkdot_json("site", "add", domain, "--data", server.data)
        self.key = self.site["key"]
        self.ben, self.cleo = f"ben@{domain}", f"cleo@{domain}"

    def post(
        self, body: object, *, agent: str = FIREFOX, address: str = "203.0.113.7", **headers: str
    ) -> dict[str, Any]:
        """One request; the address is what a trusted proxy says."""
        parts = urlsplit(self.server.public)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        text = body if isinstance(body, str) else json.dumps(body)
        told = {"User-Agent": agent, "X-Forwarded-For": address} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request("POST", "/e", text.encode(), told)
        response = connection.getresponse()
        assert response.status == 202
        answer: dict[str, Any] = json.loads(response.read())
        connection.close()
        return answer

    def tell(self, *events: dict[str, Any], visitor: str = "", **how: Any) -> dict[str, Any]:
        """What the tag sends; addresses that begin with a slash are the site's own."""
        return self.post([self.key, visitor, *map(self.own, events)], **how)

    def own(self, event: dict[str, Any]) -> dict[str, Any]:
        return {
            n: self.page + v if isinstance(v, str) and v.startswith("/") and n != "p" else v for n, v in event.items()
        }

    def refusal(self, body: object, **how: Any) -> str:
        answer = self.post(body, **how)
        assert answer["accepted"] == 0
        assert answer["dropped"][0]["says"].endswith(".")
        return str(answer["dropped"][0]["reason"])

    def events(self, at_least: int) -> list[dict[str, Any]]:
        def asked() -> list[dict[str, Any]] | None:
            found = [json.loads(x) for x in inkdot("events", "--json", "--data", self.server.data).stdout.splitlines()]
            found = [e for e in found if e["site"] == self.site["site"]]
            return found if len(found) >= at_least else None

        return list(eventually(asked))

    def report(self, name: str = "site", *options: str) -> dict[str, Any]:
        which = () if name == "leads" else ("--site", self.domain)
        return dict(inkdot_json("report", name, *options, *which, "--data", self.server.data))


def view(path: str, page: object = None, *, referrer: str = "", **more: Any) -> dict[str, Any]:
    return {"k": "view", "p": page or path, "q": 0, "u": path, "r": referrer, **more}


def engage(path: str, seconds: float, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"k": "engage", "p": path, "q": number, "u": path, "e": seconds * 1_000, **more}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all sites; it believes this machine's word about addresses."""
    running = Server(tmp_path_factory.mktemp("shops") / "data", "--trusted-proxies", "127.0.0.1/32")
    yield running
    running.stop()


@pytest.fixture
def shop(street: Server) -> Shop:
    """A site of the test's own."""
    return Shop(street, f"shop{next(NUMBERS)}.example.com")


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Shop]:
    """A server of the test's own, to be killed."""
    running = Server(tmp_path / "data", "--trusted-proxies", "127.0.0.1/32")
    yield Shop(running, "example.com")
    running.stop()


# -- what is taken and what is refused


def test_the_lines_for_a_site_come_with_a_page_where_visitors_can_stop_it(shop: Shop) -> None:
    status, _, page = shop.server.get(shop.site["privacy"])
    assert status == 200
    assert b"Keep nothing about me" in page
    assert b'type="email"' in page


def test_a_site_is_added_once_and_keeps_its_key(shop: Shop) -> None:
    again = inkdot_json("site", "add", f"HTTPS://WWW.{shop.domain.title()}:443/shop", "--data", shop.server.data)
    assert again == shop.site
    assert shop.key in again["snippet"]
    done = inkdot("site", "add", "not a domain", "--data", shop.server.data, check=False)
    assert (done.returncode, done.stderr) == (2, "inkdot: 'not a domain' is no domain; write it like example.com.\n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("nonsense", "not_json"),
        ("[" * 21 + "]" * 21, "too_deep"),
        ("[" * 30_000, "too_deep"),
        ('{"s": "KEY", "k": "view", "u": 5}', "wrong_type"),
        ('{"s": "KEY", "k": "view", "u": true}', "wrong_type"),
        ('{"s": "KEY", "k": "engage", "p": "a", "e": -1}', "wrong_type"),
        ('{"s": "KEY", "k": "goal", "n": "x", "x": {"a": {"b": 1}}}', "wrong_type"),
        ('{"s": "KEY", "k": "goal", "n": "x", "x": [1]}', "wrong_type"),
        ('["KEY", "", 7]', "wrong_type"),
        ('{"s": "KEY", "k": "view", "u": "https://DOMAIN/", "visitor": 5}', "wrong_type"),
        ('{"s": "KEY", "k": "view", "u": "https://DOMAIN/", "visitor": "' + "x" * 65 + '"}', "too_long"),
        ('{"s": "KEY", "k": "view", "u": "https://DOMAIN/", "r": "https://www.semalt.com/x"}', "spam_referrer"),
        (
            '["KEY", "", {"k": "view", "p": 1, "q": 0, "u": "https://DOMAIN/", "r": "https://semalt.com"}]',
            "spam_referrer",
        ),
        ('{"s": "KEY", "k": "identify", "w": "user-4711"}', "no_address"),
        ("", "not_json"),
        ('{"s": "KEY", "k": "goal", "n": "' + "x" * 300 + '"}', "too_long"),
        ('{"s": "KEY", "k": "peek"}', "unknown_kind"),
        ('{"s": "KEY"}', "unknown_kind"),
        ('{"s": "KEY", "k": "view"}', "no_url"),
        ('{"k": "view", "u": "https://DOMAIN/"}', "unknown_site"),
        ('{"s": ["KEY"], "k": "view", "u": "https://DOMAIN/"}', "unknown_site"),
        ('{"s": "KEYx", "k": "view", "u": "https://DOMAIN/"}', "unknown_site"),
        ('{"s": "KEY", "k": "view", "u": "https://example.org/"}', "foreign_page"),
        ('{"s": "KEY", "k": "view", "u": "https://badDOMAIN/"}', "foreign_page"),
        ('{"s": "KEY", "k": "view", "u": "https://[example.com/"}', "foreign_page"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(shop: Shop, body: str, reason: str) -> None:
    assert shop.refusal(body.replace("KEY", shop.key).replace("DOMAIN", shop.domain)) == reason


def test_pages_of_others_cannot_speak_for_a_site(shop: Shop) -> None:
    event = {"site": shop.key, "kind": "view", "url": shop.page + "/origin"}
    assert shop.refusal(event, Origin="https://evil.example") == "foreign_origin"
    assert shop.refusal(event, Origin="http://localhost:3000") == "foreign_origin"
    assert shop.post(event, Origin=f"https://a.{shop.domain}")["accepted"] == 1
    assert shop.post(event, Origin="null")["accepted"] == 1


def test_the_good_events_of_a_batch_are_kept(shop: Shop) -> None:
    answer = shop.tell(view("/good/1"), {"k": "peek"}, view("/good/2"), view("/good/1"))
    assert answer["accepted"] == 2
    assert [(d["event"], d["reason"]) for d in answer["dropped"]] == [(1, "unknown_kind"), (3, "replay")]
    assert shop.tell(view("/good/2"))["dropped"][0]["reason"] == "replay"
    assert shop.post([{"key": shop.key, **shop.own(view("/good/3"))}, {"key": "x", **view("/good/4")}])["accepted"] == 1
    many = shop.tell(*(view(f"/many/{n}") for n in range(205)))
    assert (many["accepted"], many["dropped"][0]["reason"]) == (200, "too_many")


@pytest.mark.parametrize(("odd", "reason"), [("[" * 20 + "]" * 20, "too_deep"), ("1e999", "not_json")])
def test_an_event_that_cannot_be_read_takes_no_others_along(shop: Shop, odd: str, reason: str) -> None:
    bad = {"k": "goal", "n": "odd", "u": shop.page + "/", "x": "ODD"}
    for number, before in enumerate(([shop.key, ""], [])):
        good = shop.own(view(f"/beside/{number}", s=shop.key))
        answer = shop.post(json.dumps([*before, good, bad]).replace('"ODD"', odd))
        assert answer["accepted"] == 1
        assert [(d["event"], d["reason"]) for d in answer["dropped"]] == [(1, reason)]


def test_half_a_character_spoils_no_batch(shop: Shop) -> None:
    half = '["KEY", "", {"k": "goal", "n": "cut \\ud83d"}, {"k": "goal", "n": "\\ude00 \\ud83d\\ude00"}, {"k": "peek"}]'
    assert [d["reason"] for d in shop.post(half.replace("KEY", shop.key))["dropped"]] == ["unknown_kind"]
    assert {e["name"] for e in shop.events(2)} == {"cut \ufffd", "\ufffd \U0001f600"}


def test_a_long_address_is_cut_and_its_view_kept(shop: Shop) -> None:
    assert (
        shop.tell(view("/long?a=" + "x" * 3_000, "long", referrer="https://example.net/" + "y" * 3_000))["accepted"]
        == 1
    )
    assert len(shop.events(1)[0]["url"]) == 2_000


# -- what servers tell


def server_key(shop: Shop) -> str:
    key = str(inkdot_json("site", "server-key", shop.domain, "--data", shop.server.data)["server_key"])
    assert key != shop.key
    return key


def test_a_server_says_whose_an_event_is(shop: Shop) -> None:
    key, curl = server_key(shop), {"agent": "curl/8", "address": "192.0.2.1"}
    shop.tell(view("/cart"), agent=FIREFOX, address="203.0.113.7")
    paid = {"key": key, "kind": "goal", "name": "paid", "url": shop.page + "/order", "id": "order-7", "number": 0}
    told = shop.post({**paid, "agent": FIREFOX, "address": "203.0.113.7"}, **curl)
    assert told == {"accepted": 1, "dropped": []}
    cart, order = shop.events(2)
    assert (order["visit"], order["actor"], order["fields"]["client"]["value"]) == (cart["visit"], "human", "Firefox")
    site = shop.report()["sites"][0]
    assert (site["visitors"], site["visits"], [e["name"] for e in site["events"]]) == (1, 1, ["paid"])
    shop.post({**paid, "id": 8, "visitor": "customer 5", "agent": SAFARI}, **curl)
    assert shop.events(3)[2]["visit"] != cart["visit"]


def test_a_servers_key_is_no_good_in_a_page_and_must_name_a_visitor(shop: Shop) -> None:
    event = {"key": server_key(shop), "kind": "view", "url": shop.page + "/", "address": "203.0.113.7"}
    assert shop.refusal(event, Origin=shop.page) == "servers_key"
    assert shop.refusal(event | {"address": None}) == "no_visitor"
    for wrong in ({"address": "here"}, {"address": 5}, {"agent": ["x"]}, {"privacy": "no"}):
        assert shop.refusal(event | wrong) == "wrong_type"
    assert shop.refusal(event | {"url": "https://example.org/"}) == "foreign_page"
    assert shop.post(event | {"agent": FIREFOX + "\r\nX-Forwarded-For: 192.0.2.1"})["accepted"] == 1
    assert shop.events(1)[0]["raw"]["headers"] == {}


def test_a_revoked_servers_key_is_refused_and_its_successor_is_not(own_shop: Shop) -> None:
    shop, old = own_shop, server_key(own_shop)
    event = {"kind": "view", "url": shop.page + "/", "address": "203.0.113.7", "agent": FIREFOX}
    assert shop.post(event | {"key": old})["accepted"] == 1
    new = inkdot_json("site", "server-key", shop.domain, "--revoke", "--data", shop.server.data)
    assert (new["revoked"], new["server_key"] == old, server_key(shop)) == (1, False, new["server_key"])
    eventually(lambda: shop.post(event | {"key": old})["dropped"])
    assert shop.refusal(event | {"key": old}) == "revoked_key"
    assert shop.post(event | {"key": new["server_key"]})["accepted"] == 1
    assert shop.tell(view("/"))["accepted"] == 1


def test_a_server_passes_on_that_a_visitor_asks_for_privacy(shop: Shop) -> None:
    quiet = {
        "key": server_key(shop),
        "address": "203.0.113.7",
        "agent": FIREFOX,
        "privacy": True,
        "url": shop.page + "/",
    }
    for _ in range(FEW):
        assert shop.post(quiet | {"kind": "view"})["accepted"] == 1
    assert shop.refusal(quiet | {"kind": "identify", "person": shop.ben}) == "privacy_signal"
    assert {(e["visit"], e["raw"]["agent"]) for e in shop.events(FEW)} == {(None, None)}


def test_pages_cannot_say_whose_an_event_is(shop: Shop) -> None:
    shop.tell(view("/mine", address="192.0.2.1", agent=GOOGLEBOT))
    assert shop.events(1)[0]["actor"] == "human"


def test_long_bodies_and_other_methods_are_refused(shop: Shop) -> None:
    status, headers, _ = shop.server.get("/e", "OPTIONS", Origin="https://example.com")
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    assert headers["access-control-allow-headers"].lower() == "content-type"
    assert "access-control-allow-credentials" not in headers
    parts = urlsplit(shop.server.public)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.request("POST", "/e")
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["dropped"][0]["reason"]) == (202, "not_json")
    connection.request("GET", "/e")
    response = connection.getresponse()
    assert (response.status, response.headers["Allow"], b"POST" in response.read()) == (405, "POST, OPTIONS", True)
    connection.request("POST", "/e", b"x" * 70_000)
    response = connection.getresponse()
    assert response.status == 413
    assert b"65536" in response.read()
    connection.close()


def test_a_browser_that_asks_for_privacy_is_counted_for_nobody(shop: Shop) -> None:
    answer = shop.tell(view("/quiet"), engage("/quiet", 5), visitor="me", Sec_GPC="1")
    assert [d["reason"] for d in answer["dropped"]] == ["privacy_signal"]
    for number in range(1, FEW):
        shop.tell(view("/quiet", f"again {number}"), visitor="me", Sec_GPC="1")
    shop.tell(view("/loud"), address="203.0.113.9")
    *quiet, _ = shop.events(FEW + 1)
    assert {(e["url"], e["visit"], e["raw"]["agent"]) for e in quiet} == {(shop.page + "/quiet", None, None)}
    site = shop.report()["sites"][0]
    assert (site["visitors"], site["views"], site["views_for_nobody"]) == (1, 1, FEW)
    assert site["visitors_between"] == [1, 1 + FEW]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_no_json_breaks_the_judge(sent: Any) -> None:
    depth_exceeds(json.dumps(sent).encode())
    for _, _, event in spread(sent):
        checked(event)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-1, 2e12)
    | st.sampled_from(["", "view", "goal", "click", PAGE, "x" * 201])
)


@given(st.dictionaries(st.sampled_from(["k", "p", "q", "u", "r", "e", "d", "n", "l", "w", "x", "z"]), VALUES))
def test_the_short_way_takes_nothing_that_the_long_way_refuses(event: dict[str, Any]) -> None:
    body = json.dumps(["key", "", event], separators=(",", ":")).encode()
    if plain(body):
        assert checked(event) == event


def test_depth_is_counted_outside_of_strings_only() -> None:
    assert depth_exceeds(b"[" * (MOST_DEPTH + 1))
    assert not depth_exceeds(json.dumps({"a": "[" * 50, "b": '\\"[{' * 50}).encode())


# -- visits


def test_a_visit_is_what_somebody_does_without_a_pause(shop: Shop) -> None:
    shop.tell(view("/", referrer="https://www.google.com/search?q=pens"))
    shop.tell(engage("/", 12.5, d=0.4))
    shop.tell(engage("/", 20, number=2, d=0.9))
    shop.tell(
        view("/pricing", referrer="/"),
        {"k": "goal", "p": "/pricing", "q": 1, "n": "signup", "x": {"plan": "pro"}},
    )
    shop.tell(view("/sale?utm_source=news&utm_medium=email&utm_campaign=may", "sale"))
    shop.tell(view("/", "safari"), agent=SAFARI)
    shop.tell(view("/", "bot"), agent=GOOGLEBOT)
    events = shop.events(8)
    assert [e["seconds"] for e in events if e["kind"] == "engage"] == [12.5, 7.5]
    assert [e["part"] for e in events if e["kind"] == "engage"] == [40, 90]
    assert [e["channel"] for e in events if e["kind"] == "view"][:4] == [
        "Organic Search",
        "Organic Search",
        "Email",
        "Direct",
    ]
    assert len({e["visit"] for e in events if e["visit"]}) == 3
    site = shop.report("site", "--funnel", "/ > /pricing > goal:signup")["sites"][0]
    assert (site["visitors"], site["visits"], site["views"], site["machine_views"]) == (2, 3, 4, 1)
    assert {c["name"]: c["visits"] for c in site["channels"]} == {"Organic Search": 1, "Email": 1, "Direct": 1}
    assert {e["name"]: e["visits"] for e in site["entries"]} == {"/": 2, "/sale": 1}
    assert {e["name"]: e["visits"] for e in site["exits"]} == {"/pricing": 1, "/sale": 1, "/": 1}
    assert [c["name"] for c in site["campaigns"]] == ["may"]
    assert [s["visits"] for s in site["funnel"]] == [2, 1, 1]
    assert site["paths"] == [{"page": "/", "next": "/pricing", "times": 1}]
    again = shop.report("site", "--funnel", "/ > /*")["sites"][0]  # one view is not two steps
    assert [s["visits"] for s in again["funnel"]] == [2, 1]
    odd = shop.report("site", "--funnel", "/_ricing > goal:sign%")["sites"][0]  # only * stands for anything
    assert [s["visits"] for s in odd["funnel"]] == [0, 0]
    assert site["seconds"] == 20
    assert site["bounces"] == 2
    assert {s["name"] for s in site["systems"]} == {"Linux", "macOS"}


def test_who_comes_back_from_paying_goes_on_with_his_visit(shop: Shop) -> None:
    shop.tell(view("/", referrer="https://www.google.com/"))
    shop.tell(
        view("/cart", referrer="https://accounts.google.com/"), view("/thanks", referrer="https://www.paypal.com/")
    )
    assert {e["channel"] for e in shop.events(3)} == {"Organic Search"}
    shop.tell(view("/thanks", "new", referrer="https://example.net/"))
    assert shop.events(4)[3]["channel"] == "Referral"
    assert [e["visits"] for e in shop.report()["sites"][0]["exits"]] == [2]


def test_searches_downloads_and_goals_are_counted(shop: Shop) -> None:
    server = shop.server
    shop.tell(view("/find?q=Blue++Pens"), view("/find?q=blue+pens&page=2", 2), view("/find?q=a@b.example", 3))
    shop.tell(
        {"k": "click", "p": 3, "q": 1, "l": "/list.pdf"},
        {"k": "click", "p": 3, "q": 2, "l": "https://other.example/"},
    )
    shop.tell({"k": "click", "p": 3, "q": 3, "l": "/about.html"})
    shop.tell(view("/thanks/1", "t"), {"k": "engage", "p": "t", "q": 1, "e": 45_000})
    inkdot("site", "goal", shop.domain, "thanked", "--page", "/thanks*", "--data", server.data)
    inkdot("site", "goal", shop.domain, "stayed", "--seconds", "40", "--data", server.data)
    inkdot("site", "goal", shop.domain, "found", "--page", "/find", "--data", server.data)
    shop.events(7)
    assert [(s["term"], s["times"]) for s in shop.report("searches")["searches"]] == [("blue pens", 2)]
    site = shop.report()["sites"][0]
    assert [d["name"] for d in site["downloads"]] == ["list.pdf"]
    assert [d["name"] for d in site["outbound"]] == ["other.example"]
    assert {g["name"]: g["visits"] for g in site["goals"]} == {"thanked": 1, "stayed": 1, "found": 1}
    assert inkdot_json("verify", "--data", server.data)["dropped"]["inner_link"] == 1


def test_what_leads_to_a_person_is_taken_out_of_addresses(shop: Shop) -> None:
    shop.tell(view("/reset?token=abc&mail=a%40b.example&page=2"), view("/x?note=me@example.com&utm_source=n", 2))
    shop.tell(view("/y#access_token=abc&to=a@b.example", 3), view(f"https://ada:pw@{shop.domain}/z", 4))
    assert [e["url"] for e in shop.events(4)] == [
        shop.page + "/reset?token=*&mail=*&page=2",
        shop.page + "/x?note=*&utm_source=n",
        shop.page + "/y#access_token=*&to=*",
        f"https://{shop.domain}/z",
    ]


def test_addresses_and_campaigns_are_shown_as_people_read_them(shop: Shop) -> None:
    for number, campaign in enumerate(("Spring%20Sale", "spring+sale")):
        shop.tell(
            view(f"/%C3%BCber-uns?utm_campaign={campaign}&utm_medium=email", number), address=f"203.0.113.{number}"
        )
    shop.tell(*(view(f"/{odd}", odd) for odd in ("100%", "a%2Fb", "%FF", "%00")))
    inkdot("site", "goal", shop.domain, "typed", "--page", "/über-uns", "--data", shop.server.data)
    inkdot("site", "goal", shop.domain, "copied", "--page", "/%C3%BCber*", "--data", shop.server.data)
    shop.events(6)
    site = shop.report()["sites"][0]
    assert [(c["name"], c["visits"]) for c in site["campaigns"]] == [("spring sale", 2)]
    assert {p["page"]: p["views"] for p in site["pages"]} == {
        "/über-uns": 2,
        "/100%": 1,
        "/a%2Fb": 1,
        "/%FF": 1,
        "/%00": 1,
    }
    assert {g["name"]: g["visits"] for g in site["goals"]} == {"typed": 2, "copied": 2}


def test_webmail_is_a_referral_where_an_operator_wants_it_as_google_analytics_has_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inkdot.toml").write_text("ga4_strict = true\n")
    server = Server(tmp_path / "data")
    shop = Shop(server, "example.com")
    shop.tell(view("/", referrer="https://mail.google.com/"))
    assert [e["channel"] for e in shop.events(1)] == ["Referral"]
    server.stop()
    assert Channels().trace("https://mail.google.com/", f"{PAGE}/").channel == "Email"


def test_channels_of_ones_own_come_before_the_usual_ones() -> None:
    own = Channels(
        '[[channel]]\nname = "Partners"\nsource = "Acme"\nreferrer = "*.acme.example"\n'
        '[[channel]]\nname = "Fair"\nutm_source = "fair*"\npage = "/2026/*"\n'
    )
    assert own.trace("https://blog.acme.example/x", PAGE + "/")[:2] == ("Partners", "Acme")
    assert own.trace("https://acme.example/", PAGE + "/")[:2] == ("Partners", "Acme")
    assert own.trace("", PAGE + "/2026/a?utm_source=Fair-Berlin&utm_medium=banner")[:1] == ("Fair",)
    assert own.trace("", PAGE + "/2025/a?utm_source=fair&utm_medium=banner")[:1] == ("Display",)
    assert own.trace("https://www.google.com/", PAGE + "/")[:2] == ("Organic Search", "Google")
    for broken in ("[[channel]]", '[[channel]]\nname="x"', '[[channel]]\nname="x"\nreferer="y"', "channel = 3", "[["):
        with pytest.raises(BadSetting, match=r"channels\.toml"):
            Channels(broken)


def test_spam_referrers_are_dropped_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    line = '203.0.113.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 23 "https://{}/" "{}"\n'
    file.write_text(line.format("semalt.com", FIREFOX) + line.format("example.net", FIREFOX))
    done = inkdot_json("import", file, "--from", "access-log", "--site", "example.com", "--data", tmp_path / "data")
    assert (done["events"], done["dropped"]) == (1, {"spam": 1})


def test_a_restart_forgets_no_visit_and_no_second(own_shop: Shop) -> None:
    own_shop.tell(view("/long?utm_campaign=A", "/long"), engage("/long", 10), visitor="lasting")
    before = own_shop.events(2)
    own_shop.server.stop(signal.SIGKILL)
    own_shop.server.start()
    own_shop.tell(engage("/long", 10, number=2), engage("/long", 16, number=3), view("/long"), visitor="lasting")
    own_shop.tell(view("/more"), view("/long?utm_campaign=a", "again"), visitor="lasting")
    events = own_shop.events(5)
    assert {e["visit"] for e in events} == {before[0]["visit"]}
    assert sum(e["seconds"] or 0 for e in events) == 16
    assert own_shop.report()["sites"][0]["views"] == 3


def test_what_is_sent_again_after_a_restart_counts_once(own_shop: Shop) -> None:
    seen = [view(f"/page/{n}", f"a page view of its own, {n}") for n in range(60)]
    assert own_shop.tell(*seen)["accepted"] == 60
    own_shop.events(60)
    own_shop.server.stop(signal.SIGKILL)
    own_shop.server.start()
    own_shop.tell(*seen)
    own_shop.tell(view("/last"))
    own_shop.events(61)
    assert own_shop.report()["sites"][0]["views"] == 61
    assert inkdot_json("verify", "--data", own_shop.server.data)["dropped"]["replay"] == 60


def test_a_page_left_open_while_many_others_are_read_counts_no_second_twice(shop: Shop) -> None:
    shop.tell(
        view("/open"), engage("/open", 100), *(view(f"/other/{n}") for n in range(40)), engage("/open", 110, number=2)
    )
    assert [e["seconds"] for e in shop.events(43) if e["kind"] == "engage"] == [100, 10]


def test_active_seconds_need_no_numbers(shop: Shop) -> None:
    so_far: list[dict[str, Any]] = [{"k": "engage", "p": "p", "u": "/", "e": e} for e in (5_000, 9_000, 9_000)]
    told = shop.tell({"k": "view", "p": "p", "u": "/"}, *so_far)
    assert [d["reason"] for d in told["dropped"]] == ["replay"]
    assert [e["seconds"] for e in shop.events(3) if e["kind"] == "engage"] == [5, 4]


def test_salts_are_of_one_day_and_in_no_backup(own_shop: Shop, tmp_path: Path) -> None:
    data = own_shop.server.data
    salts = list((data / "run").glob("salt-*"))
    assert [p.name for p in salts] == [f"salt-{int(time.time() // 86_400)}"]
    inkdot("backup", tmp_path / "copy.tar", "--data", data)
    assert salts[0].read_bytes() not in (tmp_path / "copy.tar").read_bytes()


MIDNIGHT = 1_800_057_600
ADDRESS = bytes(10) + b"\xff\xff\xcb\x00\x71\x07"


def test_a_visit_goes_on_over_midnight_and_the_old_salt_is_destroyed_soon_after(tmp_path: Path) -> None:
    salt = Salt(tmp_path, MIDNIGHT - 60)
    before = salt.passing(b"site", ADDRESS, b"agent")
    assert salt.yesterday(b"site", ADDRESS, b"agent") is None
    salt.renew(MIDNIGHT + 60)
    today = salt.passing(b"site", ADDRESS, b"agent")
    assert today != before
    assert salt.yesterday(b"site", ADDRESS, b"agent") == before
    assert Salt(tmp_path, MIDNIGHT + 120).yesterday(b"site", ADDRESS, b"agent") == before
    salt.renew(MIDNIGHT + 1_800)
    assert salt.yesterday(b"site", ADDRESS, b"agent") is None
    assert len(list(tmp_path.iterdir())) == 1
    visits, minute = Visits(), 60_000_000
    visits.begin(before, VisitId(1), 0, Came("Direct", None, None, spam=False), None)
    assert visits.whose(today, before, 20 * minute) == before
    assert visits.whose(today, None, 29 * minute) == before
    assert visits.whose(today, None, 70 * minute) == today


def test_of_a_million_pages_in_half_an_hour_only_the_last_are_remembered() -> None:
    visits, somebody = Visits(), VisitorId(7)
    visits.opened("first", somebody)
    visits.opened("first", VisitorId(8))
    assert visits.owner("first") == somebody
    for number in range(2 * MOST_OPENED + 1):
        visits.opened(str(number), somebody)
    assert (visits.owner("first"), visits.owner(str(2 * MOST_OPENED))) == (None, somebody)


# -- who it is


def test_a_tracked_click_proves_who_the_visitor_is(shop: Shop) -> None:
    server = shop.server
    link = inkdot_json(
        "link", shop.page + "/offer", "--to", shop.ben, "--public-url", server.public, "--data", server.data
    )["url"]
    headers = {"User_Agent": FIREFOX, "X_Forwarded_For": "203.0.113.7"}
    shop.tell(view("/before"))
    shop.events(1)
    server.get(link, **headers)
    shop.tell(view("/offer"))
    shop.tell(view("/offer"), agent=SAFARI)
    timeline = server.timeline(shop.ben, at_least=3)
    shown = [(e["kind"], urlsplit(e["url"]).path, e["evidence"][-1]["rule"]) for e in timeline if e["kind"] != "open"]
    assert shown == [("view", "/before", "W6"), ("click", "/offer", "H1"), ("view", "/offer", "W1")]
    lead = next(x for x in shop.report("leads", "--known")["leads"] if x["person"] == shop.ben)
    assert (lead["person"], lead["clicks"], lead["visits"], lead["visits_inferred"]) == (shop.ben, 1, 1, 0)
    assert lead["score"] == sum(r["points"] for r in lead["reasons"])


def test_who_agrees_to_be_known_again_goes_on_with_his_visit_and_is_known_next_time(shop: Shop) -> None:
    shop.tell(view("/offer", A_PAGE_VIEW, referrer="https://www.google.com/"))
    shop.tell({"k": "identify", "p": A_PAGE_VIEW, "q": 1, "u": "/offer", "w": shop.ben}, visitor="agreed")
    shop.tell(view("/pricing", referrer=shop.page + "/offer"), visitor="agreed")
    shop.events(3)
    told = shop.report()["sites"][0]
    assert (told["visits"], told["visitors"]) == (1, 1)
    assert {e["source"] for e in shop.events(3) if e["source"]} == {"Google"}
    shop.tell(view("/again"), visitor="agreed", agent=SAFARI, address="198.51.100.9")
    assert [urlsplit(e["url"]).path for e in shop.server.timeline(shop.ben, at_least=4)] == [
        "/offer", "/offer", "/pricing", "/again",
    ]  # fmt: skip
    browsers = inkdot_json("person", "identities", shop.ben, "--data", shop.server.data)["browsers"]
    assert [b["rule"] for b in browsers] == ["W2", "W2"]


def test_what_was_proven_before_somebody_agreed_is_known_next_time(own_shop: Shop) -> None:
    shop, server = own_shop, own_shop.server
    link = inkdot_json(
        "link", shop.page + "/offer", "--to", shop.ben, "--public-url", server.public, "--data", server.data
    )["url"]
    server.get(link, User_Agent=FIREFOX, X_Forwarded_For="203.0.113.7")
    shop.tell(view("/offer", A_PAGE_VIEW))
    shop.tell(engage("/offer", 4) | {"p": A_PAGE_VIEW}, visitor="agreed")
    shop.events(2)
    server.stop(signal.SIGKILL)
    server.start()
    shop.tell(view("/again"), visitor="agreed", agent=SAFARI, address="198.51.100.9")
    assert [e["person"] for e in shop.events(3)] == [shop.ben] * 3


def test_saying_on_every_page_who_it_is_makes_no_lead_warmer(shop: Shop) -> None:
    shop.tell(view("/", "g", referrer="https://www.google.com/"), visitor="lead")
    shop.tell(view("/pricing?utm_source=news&utm_medium=email", "n"), engage("/pricing", 60), visitor="lead")
    shop.tell({"k": "goal", "p": "n", "q": 1, "n": "signup"}, visitor="lead")
    for number in range(5):
        shop.tell({"k": "identify", "p": "n", "q": 2 + number, "u": "/", "w": shop.ben}, visitor="lead")
    shop.events(9)
    lead = next(x for x in shop.report("leads")["leads"] if x["person"] == shop.ben)
    assert {r["rule"]: r["points"] for r in lead["reasons"]} == {"L1": 20, "L4": 15, "L2": 8, "L8": 8, "L3": 2}
    assert (lead["score"], lead["grade"], lead["goals"], lead["visits_inferred"]) == (53, "warm", 1, 1)
    assert (lead["first_touch"]["source"], lead["last_touch"]["source"]) == ("Google", "news")
    assert shop.ben not in {x["person"] for x in shop.report("leads", "--grade", "hot")["leads"]}


def test_two_known_people_in_one_browser_are_never_merged(shop: Shop) -> None:
    server = shop.server
    shop.tell(view("/anonymous"), visitor="shared")
    for number, person in enumerate((shop.ben, shop.cleo)):
        shop.tell({"k": "identify", "p": f"i{number}", "q": number, "u": "/", "w": person}, visitor="shared")
    shop.events(3)
    for person in (shop.ben, shop.cleo):
        assert [e["name"] for e in server.timeline(person)] == ["identify"]
    browser = inkdot_json("person", "identities", shop.ben, "--data", server.data)["browsers"][0]
    assert (browser["people"], browser["rule"]) == (2, "W2")


def test_what_was_merged_can_be_unmerged(shop: Shop) -> None:
    server, data = shop.server, shop.server.data
    shop.tell(view("/first"), visitor="mine")
    shop.tell({"k": "identify", "p": "i", "q": 1, "u": "/", "w": shop.ben}, view("/second"), visitor="mine")
    shop.events(3)
    assert [e["kind"] for e in server.timeline(shop.ben)] == ["view", "goal", "view"]
    visitor = inkdot_json("person", "identities", shop.ben, "--data", data)["browsers"][0]["visitor"]
    inkdot("person", "unmerge", shop.ben, visitor, "--data", data)
    assert server.timeline(shop.ben) == []
    shop.tell({"k": "identify", "p": "j", "q": 2, "u": "/", "w": shop.ben}, visitor="mine")
    shop.events(4)
    assert server.timeline(shop.ben) == [], "a proof was believed that somebody took back"
    inkdot("person", "merge", shop.ben, visitor, "--data", data)
    assert len(server.timeline(shop.ben)) == 4
    found = inkdot_json("person", "identities", shop.ben, "--data", data)
    assert [j["act"] for j in found["journal"]] == ["unmerged", "merged"]
    shop.tell({"k": "identify", "p": "k", "q": 1, "u": "/", "w": shop.cleo}, visitor="hers")
    shop.events(5)
    inkdot("person", "merge", shop.ben, shop.cleo, "--data", data)
    assert len(server.timeline(shop.ben)) == 5
    inkdot("person", "unmerge", shop.ben, shop.cleo, "--data", data)
    assert len(server.timeline(shop.ben)) == 4


# -- what others wrote


LOG = """203.0.113.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 23 "https://www.google.com/" "{agent}"
203.0.113.1 - - [10/Oct/2026:13:56:36 +0000] "GET /b?x=1 HTTP/1.1" 200 23 "-" "{agent}"
203.0.113.2 - - [10/Oct/2026:13:57:36 +0000] "GET /style.css HTTP/1.1" 200 23 "-" "{agent}"
203.0.113.2 - - [10/Oct/2026:13:57:37 +0000] "POST /form HTTP/1.1" 200 23 "-" "{agent}"
203.0.113.3 - - [10/Oct/2026:23:57:36 +0200] "GET /a HTTP/1.1" 404 23 "-" "{agent}"
203.0.113.4 - - [10/Oct/2026:23:57:36 +0200] "GET /a HTTP/1.1" 200 23 "-" "Googlebot/2.1"
{{"ts": 1791641000.5, "status": 200, "request": {{"remote_ip": "203.0.113.5", "method": "GET", "uri": "/c", "headers": {{"User-Agent": ["{agent}"]}}}}}}
{{"ClientHost": "203.0.113.6", "RequestMethod": "GET", "RequestPath": "/d", "DownstreamStatus": 200, "StartUTC": "2026-10-10T11:55:36.123456789Z", "request_User-Agent": "{agent}", "request_Referer": "https://www.bing.com/"}}
this is no line
"""
GOATCOUNTER = """2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date
/a,A,false,{agent},,,s1,0,https://example.net,h,,,true,2026-05-01T10:00:00Z
/b,B,false,{agent},,,s1,0,,,,,false,2026-05-01T10:01:00Z
bought,,true,{agent},,,s1,0,,,,,false,2026-05-01T10:02:00Z
/a,A,false,{agent},,,s2,3,,,,,true,2026-05-01T10:03:00Z
short,row
"""
UMAMI = """website_id,session_id,visit_id,created_at,url_path,url_query,referrer_domain,referrer_path,event_type,event_name
w,s1,v1,2026-05-01 10:00:00,/a,utm_source=letter&utm_medium=email,,,1,
w,s1,v1,2026-05-01 10:01:00,/b,,,,1,
w,s2,v2,2026-05-01 11:00:00,/a,,duckduckgo.com,/,1,
w,s2,v2,2026-05-01 11:00:10,/a,,,,2,bought
w,s3,v3,never,/a,,,,1,
"""
MATOMO = json.dumps(
    [
        {"idVisit": 1, "visitorId": "aa", "visitIp": "203.0.113.0", "referrerUrl": "https://www.bing.com/", "actionDetails": [
            {"type": "action", "url": PAGE + "/a", "timestamp": 1_777_000_000, "timeSpent": 30},
            {"type": "action", "url": PAGE + "/b", "timestamp": 1_777_000_030},
            {"type": "outlink", "url": "https://other.example/", "timestamp": 1_777_000_050},
            {"type": "dream", "url": PAGE, "timestamp": 1_777_000_060}]},
        {"idVisit": 2},
    ]
)  # fmt: skip
PLAUSIBLE = "date,visitors,pageviews,bounces,visits,visit_duration\n2025-01-01,10,100,3,20,500\n2025-01-02,5,5,5,5,0\n"
SOURCES = [
    ("access-log", LOG, {"views": 4, "visits": 3, "visitors": 3}, 4, {"Organic Search", "Direct"}),
    ("goatcounter", GOATCOUNTER, {"views": 2, "visits": 1, "visitors": 1}, 2, {"Referral"}),
    ("umami", UMAMI, {"views": 3, "visits": 2, "visitors": 2}, 1, {"Email", "Organic Search"}),
    ("matomo", MATOMO, {"views": 2, "visits": 1, "visitors": 1, "seconds": 30}, 2, {"Organic Search"}),
    ("plausible", PLAUSIBLE, {"views": 105, "visits": 25, "visitors": 15}, 0, {"Direct"}),
]


@pytest.mark.parametrize(("form", "content", "expected", "skipped", "channels"), SOURCES, ids=[s[0] for s in SOURCES])
def test_what_others_wrote_is_taken_over(
    tmp_path: Path, form: str, content: str, expected: dict[str, int], skipped: int, channels: set[str]
) -> None:
    data, file = tmp_path / "data", tmp_path / "export"
    file.write_text(content.replace("{agent}", FIREFOX).replace("{{", "{").replace("}}", "}"))
    what = ("import", file, "--from", form, "--site", "example.com", "--data", data)
    done = inkdot_json(*what)
    assert done["ok"] is True
    assert sum(done["skipped"].values()) == skipped
    again = inkdot_json(*what)
    assert (again["events"], again["resumed"]) == (done["events"], done["imported"])
    for rebuilt in (False, True):
        site = inkdot_json("report", "site", "--since", "all", "--data", data)["sites"][0]
        assert {name: site[name] for name in expected} == expected
        assert {c["name"] for c in site["channels"]} == channels
        if rebuilt or form != "plausible":
            return
        inkdot("rebuild", "--data", data)


def test_compressed_logs_and_whole_exports_are_read_and_damaged_ones_refused(tmp_path: Path) -> None:
    packed, export, broken = tmp_path / "access.log.gz", tmp_path / "umami.zip", tmp_path / "broken.csv.gz"
    packed.write_bytes(gzip.compress(LOG.replace("{agent}", FIREFOX).encode()))
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/website_event.csv", UMAMI)
    where = ("--site", "example.com", "--data", tmp_path / "data")
    assert inkdot_json("import", packed, "--from", "access-log", *where)["rows"] == 9
    assert inkdot_json("import", export, "--from", "umami", *where)["rows"] == 5
    broken.write_bytes(gzip.compress(random.Random(1).randbytes(5_000))[:2_000])
    done = inkdot("import", broken, "--from", "matomo", *where, check=False)
    assert (done.returncode, "is damaged" in done.stderr) == (2, True)


def test_an_import_shows_how_far_it_is_on_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    line = '203.0.113.{0} - - [10/Oct/2026:13:55:36 +0000] "GET /{1} HTTP/1.1" 200 23 "-" "Mozilla/5.0 (X11) Firefox/140"\n'
    file.write_text("".join(line.format(n % 200, n) for n in range(60_000)))
    mine, terminal = pty.openpty()
    what = ("import", file, "--from", "access-log", "--site", "example.com", "--data", tmp_path / "data")
    process = subprocess.Popen(
        [sys.executable, "-m", "inkdot", *map(str, what)], stdout=subprocess.DEVNULL, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(mine, 65_536):
            shown += piece
    os.close(mine)
    assert process.wait() == 0
    assert re.search(rb"Reading access.log: [\d,]+ rows, [\d.]+ MB left", shown)


def test_rows_of_one_second_stay_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    line = (
        '203.0.113.1 - - [10/Oct/2026:13:55:36 +0000] "GET /{} HTTP/1.1" 200 23 "-" "Mozilla/5.0 (X11) Firefox/140"\n'
    )
    file.write_text("".join(map(line.format, "cab")))
    inkdot("import", file, "--from", "access-log", "--site", "example.com", "--data", tmp_path / "data")
    site = inkdot_json("report", "site", "--since", "all", "--data", tmp_path / "data")["sites"][0]
    assert (site["entries"][0]["name"], site["exits"][0]["name"]) == ("/c", "/b")
    assert [(p["page"], p["next"]) for p in site["paths"]] == [("/a", "/b"), ("/c", "/a")]


def test_an_import_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "access.log"
    line = '203.0.113.{0} - - [10/Oct/2026:13:55:36 +0000] "GET /{1} HTTP/1.1" 200 23 "-" "Mozilla/5.0 (X11) Firefox/140"\n'
    file.write_text("".join(line.format(n % 200, n) for n in range(9_000)))
    cut = (
        "import os, sys; from inkdot.app import importing; real = importing.Writer.commit; count = [0]\n"
        "def commit(self, records):\n    real(self, records); count[0] += 1\n    if count[0] == 2: os._exit(9)\n"
        "importing.Writer.commit = commit\nfrom inkdot.cli import main; sys.argv = ['inkdot', *sys.argv[1:]]; main()"
    )
    what = ("import", str(file), "--from", "access-log", "--site", "example.com", "--data", str(data))
    assert subprocess.run([sys.executable, "-c", cut, *what], check=False, capture_output=True).returncode == 9
    done = inkdot_json(*what)
    assert (done["resumed"], done["imported"], done["events"], done["ok"]) == (4_000, 9_000, 9_000, True)


def test_odd_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "export"
    file.write_text("a,b\n1,2\n")
    for form, sentence in (
        ("goatcounter", "no column Path"),
        ("umami", "no column created_at"),
        ("matomo", "is not JSON"),
        ("cloud", "no format"),
    ):
        done = inkdot("import", file, "--from", form, "--site", "example.com", "--data", tmp_path / "data", check=False)
        assert done.returncode == 2
        assert sentence in done.stderr


def test_a_word_on_a_visit_that_was_added_up_changes_its_report_at_once(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "access.log"
    line = '203.0.113.{} - - [10/Oct/2026:{}:00 +0000] "GET /{} HTTP/1.1" 200 23 "-" "{}"\n'
    rows = [
        (1, "23:58", "a", FIREFOX),
        (1, "23:59", "b", FIREFOX),
        (2, "10:00", "a", FIREFOX),
        (3, "11:00", "a", GOOGLEBOT),
    ]
    file.write_text("".join(line.format(*row) for row in rows))
    inkdot("import", file, "--from", "access-log", "--site", "example.com", "--data", data)

    def told() -> tuple[int, ...]:
        site = inkdot_json("report", "site", "--since", "all", "--data", data)["sites"][0]
        return (site["visitors"], site["visits"], site["views"], site["machine_views"], len(site["paths"]))

    events = [json.loads(x) for x in inkdot("events", "--json", "--data", data).stdout.splitlines()]
    second = next(e for e in events if e["url"].endswith("/b"))
    bot = next(e for e in events if e["actor"] == "bot")
    assert told() == (2, 2, 3, 1, 1)
    for event, says, expected in (
        (second, "machine", (2, 2, 2, 2, 0)), (second, "rules", (2, 2, 3, 1, 1)), (bot, "human", (3, 3, 4, 0, 1)),
        (bot, "me", (2, 2, 3, 1, 1)), (bot, "human", (3, 3, 4, 0, 1)), (second, "machine", (3, 3, 3, 1, 0)),
    ):  # fmt: skip
        inkdot("explain", event["id"], "--says", says, "--because", "I know it", "--data", data)
        assert told() == expected
    inkdot("rebuild", "--data", data)
    assert told() == (3, 3, 3, 1, 0)
