"""What a ping is understood as, from the pairs and by laws."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.event import DropReason, Event
from inkdot.domain.evidence import SENTENCES, Reason
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.ping import Ping, ping_id
from inkdot.domain.token import Keyring, Token, TokenKind
from inkdot.understand.known import NothingKnown
from inkdot.understand.rules import shipped
from inkdot.understand.steps import Understanding
from tests.conftest import PATIENCE, QUOTE, Server, eventually, inkdot, inkdot_json
from tests.pairs import PAIRS, Pair

KEYS = Keyring.fresh(os.urandom)
BEN = Address("ben@example.com")
SECOND = 1_000_000
THUNDERBIRD = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0\r\n"
FIREFOX = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0\r\n"


def token(kind: TokenKind = TokenKind.DOT, part: int = 1, mode: Mode = Mode.INDIVIDUAL, message: int = 7) -> bytes:
    where = b"https://example.com/" if kind is not TokenKind.DOT else b""
    return KEYS.seal(Token(kind, mode, WorkspaceId(1), part, 1, message, KEYS.contact_id(1, BEN), BEN, where))


def ping(
    number: int, seconds: float, mark: bytes | None = None, lines: bytes = THUNDERBIRD, method: str = "GET"
) -> Ping:
    return Ping(
        ping_id(0, 1, 16 + number * 8),
        int(seconds * SECOND),
        method,
        b"\0" * 10 + b"\xff\xff\x5d\xd5\x55\x5c",
        mark or token(),
        lines,
    )


def understood(pings: Iterable[Ping], known: Any = None) -> list[Event]:
    return Understanding(KEYS, known or NothingKnown()).batch(pings).events


class Past(NothingKnown):
    """A memory of given events."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def last_time(self) -> int:
        return max(e.time for e in self._events)

    def recent(self, since: int) -> Iterable[Event]:
        return [e for e in self._events if e.time >= since]

    def opened(self, pairs: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        found = {(int(e.workspace), int(e.contact), int(e.message or 0)) for e in self._events if e.kind == "open"}
        return found & set(pairs)


@pytest.fixture(scope="module")
def heard(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every pair sent through the street, each as a person of its own, and the first event it became."""
    people = {pair.name: f"{pair.name}@pairs.example" for pair in PAIRS}
    copies = {copy["to"]: copy for copy in server.mark(QUOTE, *people.values())}
    letter = tmp_path_factory.mktemp("pairs") / "letter.docx"
    text = docx.Document()
    text.add_paragraph("Dear all")
    text.save(str(letter))
    parts = urlsplit(server.public)
    for pair in PAIRS:
        copy = copies[people[pair.name]]
        url = copy["dots"][0] if pair.mark == "DOT" else copy["links"][0]["url"]
        if pair.mark == "PAGE":
            options = ("--to", people[pair.name], "--data", server.data, "--public-url", server.public)
            url = inkdot_json("doc", "mark", letter, "--out", letter.with_name("marked.docx"), *options)["dots"][0][
                "url"
            ]
        head = (
            f"{pair.method} {urlsplit(url).path} HTTP/1.1\r\nX-Forwarded-For: {pair.address}\r\nConnection: close\r\n"
        )
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
            connection.sendall(head.encode() + pair.lines + b"\r\n")
            while connection.recv(65_536):
                pass

    def all_there() -> dict[str, dict[str, Any]] | None:
        lines = inkdot("events", "--data", server.data, "--json").stdout.splitlines()
        events = [json.loads(line) for line in lines]
        found = {e["person"]: e for e in reversed(events) if e["person"] in people.values()}
        return found if len(found) == len(people) else None

    found: dict[str, dict[str, Any]] = eventually(all_there)
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=[p.name for p in PAIRS])
def test_each_pair_is_understood_as_written(pair: Pair, heard: dict[str, dict[str, Any]]) -> None:
    event = heard[f"{pair.name}@pairs.example"]
    assert (pair.actor, pair.human) == (event["actor"], event["human"])
    assert pair.rule == event["evidence"][0]["rule"]
    assert pair.values == {key: event["fields"][key]["value"] for key in pair.values}
    for name, expected in pair.fields.items():
        field = event["fields"][name]
        assert ":".join(filter(None, (field["status"], field.get("reason")))) in expected.split("|")


def test_every_rule_is_graded_and_has_a_pair_or_a_case() -> None:
    by_case = {"S1", "S2", "X2b", "X2c", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X13"}
    assert {rule.id for rule in shipped().rules} == {pair.rule for pair in PAIRS} | by_case
    assert all(rule.grade in "ABCD" and rule.source for rule in shipped().rules)
    assert len({rule.id for rule in shipped().rules}) == len(shipped().rules)


@pytest.mark.parametrize(
    ("rule", "ip", "context"),
    [
        ("S1", "93.213.85.92", {"kind": "open", "sender_cookie": True}),
        ("X2c", "20.50.2.1", {"kind": "click", "seconds_since_send": 20}),
        ("X7", "93.213.85.92", {"kind": "click", "burst": {"distinct_links": 2, "window_s": 4, "links_total": 6}}),
        ("X10", "51.15.0.1", {"kind": "open", "seconds_since_send": 50}),
        ("X13", "93.213.85.92", {"kind": "open", "recipients_at_once": 7}),
        ("X2b", "40.94.29.84", {"kind": "click", "seconds_since_send": 20}),
        ("X4", "67.231.145.1", {"kind": "click", "seconds_since_send": 20}),
        ("X5", "93.213.85.92", {"kind": "click", "honeypot": True}),
        ("X6", "93.213.85.92", {"kind": "click", "burst": {"distinct_links": 6, "window_s": 1, "links_total": 6}}),
        ("X8", "93.213.85.92", {"kind": "open", "seconds_since_send": 1}),
        ("X9", "93.213.85.92", {"kind": "click", "seconds_since_send": 12, "prior_open": False}),
        ("H1", "93.213.85.92", {"kind": "click", "seconds_since_send": 4_000}),
    ],
)
def test_cases_with_behaviour_are_judged(rule: str, ip: str, context: dict[str, Any]) -> None:
    case = {
        "id": rule,
        "ua": "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
        "ip": ip,
        "context": context,
    }
    judged = json.loads(inkdot("explain", "--jsonl", stdin=json.dumps(case)).stdout)
    assert [e["rule"] for e in judged["evidence"]] == [rule]


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(text.endswith(".") for text in SENTENCES.values())


def test_the_same_client_within_three_minutes_is_folded() -> None:
    events = understood([ping(0, 0), ping(1, 180), ping(2, 181), ping(3, 200, lines=FIREFOX)])
    assert [e.repeat_of for e in events] == [None, events[0].id, None, None]


def test_top_and_bottom_dot_of_one_showing_are_one_open() -> None:
    first, second = understood([ping(0, 0, token(part=1)), ping(1, 0.1, token(part=2))])
    assert (first.repeat_of, second.repeat_of, second.part) == (None, first.id, 2)


@given(st.lists(st.integers(0, 600), min_size=2, max_size=12), st.integers(1, 11))
def test_a_restart_folds_as_no_restart_would(seconds: list[int], cut: int) -> None:
    pings = [ping(n, s) for n, s in enumerate(sorted(seconds))]
    whole = understood(pings)
    before = understood(pings[:cut])
    after = understood(pings[cut:], Past(before) if before else None)
    assert whole == before + after


def test_a_click_proves_an_open_once_and_only_where_none_is_known() -> None:
    click = token(TokenKind.CLICK)
    assert [e.kind for e in understood([ping(0, 0, click, FIREFOX), ping(1, 500, click, FIREFOX)])] == [
        "click",
        "click",
        "open",
    ]
    opened = understood([ping(0, 0)])
    assert [e.kind for e in understood([ping(1, 9, click, FIREFOX)], Past(opened))] == ["click"]
    assert [e.kind for e in understood([ping(0, 0), ping(1, 9, click, FIREFOX)])] == ["open", "click"]
    scanner = b"User-Agent: Barracuda Sentinel (EE)\r\n"
    assert [e.kind for e in understood([ping(0, 0, click, scanner)])] == ["click"]


@given(st.binary(min_size=0, max_size=200), st.integers(0, 83), st.integers(1, 255))
def test_forged_tokens_never_become_events(noise: bytes, place: int, flip: int) -> None:
    genuine = bytearray(token())
    genuine[place % len(genuine)] ^= flip
    outcome = Understanding(KEYS, NothingKnown()).batch([ping(0, 0, bytes(genuine)), ping(1, 0, noise or b"x")])
    assert outcome.events == []
    assert {d.reason for d in outcome.dropped} == {DropReason.FORGED}


def test_a_mode_that_keeps_nothing_is_dropped_with_its_reason() -> None:
    outcome = Understanding(KEYS, NothingKnown()).batch([ping(0, 0, token(mode=Mode.OFF))])
    assert [d.reason for d in outcome.dropped] == [DropReason.TRACKING_OFF]


@given(st.binary(max_size=2_000), st.sampled_from(["GET", "HEAD"]))
@settings(max_examples=200, deadline=None)
def test_whatever_strangers_send_becomes_an_event(lines: bytes, method: str) -> None:
    (event,) = understood([ping(0, 0, lines=lines, method=method)])
    assert "\x1b" not in str(event.raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("id", "ua", "headers", "ip", "context", "referrer", "page_url"), json_values)
    )
)
@settings(max_examples=200, deadline=None)
def test_no_case_is_too_odd_to_be_judged(case: dict[str, Any]) -> None:
    from inkdot.app.cases import judge_case  # noqa: PLC0415 - through the command line each example would take a second

    assert judge_case(case)["id"] == case.get("id")


@pytest.mark.parametrize(
    ("referrer", "page", "channel", "source"),
    [
        ("https://www.google.de/", "https://example.com/", "Organic Search", "Google"),
        ("http://es.search.yahoo.com/search?p=roof", "https://example.com/", "Organic Search", "Yahoo!"),
        ("https://l.threads.com/l/A", "https://example.com/", "Organic Social", "Threads"),
        ("https://mail.google.com/", "https://example.com/", "Email", "Gmail"),
        ("https://chatgpt.com/", "https://example.com/", "AI Assistant", "ChatGPT"),
        ("", "https://example.com/?utm_source=google&utm_medium=cpc", "Paid Search", "Google"),
        ("", "https://example.com/?utm_source=newsletter&utm_medium=email", "Email", "newsletter"),
        ("", "https://example.com/?gclid=1", "Paid Search", "Google"),
        ("", "https://example.com/", "Direct", None),
        ("https://other.example/x", "https://example.com/", "Referral", "other.example"),
        ("http://[broken", "https://example.com/", "Direct", None),
        ("https://deref-gmx.at/mail/client/x/dereferrer/", "https://example.com/", "Email", "GMX"),
        ("https://lightmailer-bs.web.de/", "https://example.com/", "Email", "WEB.DE"),
        ("http://webmail1m.orange.fr/webmail/fr_FR/read.html", "https://example.com/", "Email", "Orange Webmail"),
        ("https://webmail2.kanzlei.example.org/", "https://example.com/", "Email", "webmail2.kanzlei.example.org"),
        ("https://toolmail.example.org/", "https://example.com/", "Referral", "toolmail.example.org"),
        ("https://somebody.social/", "https://example.com/", "Referral", "somebody.social"),
        ("https://www.care2.com/", "https://example.com/", "Organic Social", "care2.com"),
        ("https://www.msn.com/", "https://example.com/", "Organic Search", "MSN"),
        (
            "https://msearch.shopping.naver.com/",
            "https://example.com/",
            "Organic Shopping",
            "msearch.shopping.naver.com",
        ),
        ("https://googleads.g.doubleclick.net/", "https://example.com/", "Display", "Google"),
        ("https://syndicatedsearch.goog/", "https://example.com/", "Paid Search", "Google"),
        ("android-app://com.reddit.frontpage", "https://example.com/", "Organic Social", "Reddit"),
        ("https://support.google.com/mail", "https://example.com/", "Referral", "Google"),
        ("", "https://example.com/?utm_source=fb_ads&utm_medium=cpc", "Paid Social", "Facebook"),
        ("", "https://example.com/?utm_source=facebook_feed_ad&utm_medium=paid", "Paid Social", "Facebook"),
        ("", "https://example.com/?utm_source=gads&utm_medium=cpc", "Paid Search", "Google"),
        ("", "https://example.com/?utm_source=ads&utm_medium=banner", "Display", "ads"),
    ],
)
def test_visits_are_traced_to_their_channel(referrer: str, page: str, channel: str, source: str | None) -> None:
    traced = json.loads(
        inkdot("explain", "--jsonl", stdin=json.dumps({"id": 1, "referrer": referrer, "page_url": page})).stdout
    )
    assert (traced["channel"], traced["source"]) == (channel, source)


def test_cases_come_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    text = json.dumps({"id": 7, "referrer": "https://www.google.de/", "page_url": "https://example.com/"})
    (tmp_path / "cases.jsonl").write_text(text)
    asked = inkdot("explain", "--jsonl", tmp_path / "cases.jsonl").stdout
    assert (json.loads(asked)["id"], asked) == (7, inkdot("explain", "--jsonl", stdin=text).stdout)
    for wrong in (tmp_path / "none.jsonl", tmp_path):
        refused = inkdot("explain", "--jsonl", wrong, check=False)
        assert (refused.returncode, refused.stderr.count("cannot be read as a file of cases")) == (2, 1)


def test_a_replayed_journal_changes_nothing(own_server: Server) -> None:
    copy = own_server.mark()[0]
    for _ in range(3):
        own_server.get(copy["dots"][0], User_Agent="Mozilla/5.0 (x)")
    before = own_server.timeline(at_least=3)
    own_server.stop()
    assert own_server.timeline() == before or inkdot_json("verify", "--data", own_server.data)["ok"]
