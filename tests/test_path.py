"""The whole path: mark a mail, hear its pings, keep them, tell the truth."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import duckdb

from inkdot.app.folder import Folder
from inkdot.domain.contact import Address
from inkdot.domain.ids import MESSAGE, WorkspaceId, from_word
from tests.conftest import BEN, EVE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.office.asking import key_for
from tests.test_faults import Ledger, grown, stored_agents

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def test_a_direct_open_and_a_click_are_told_as_a_person(server: Server) -> None:
    copy = server.mark(QUOTE, "walk@example.com")[0]
    for dot in copy["dots"]:
        assert server.get(dot, User_Agent=THUNDERBIRD)[0] == 200
    status, headers, _ = server.get(copy["links"][0]["url"], User_Agent=THUNDERBIRD)
    assert (status, headers["location"]) == (302, "https://www.example.com/quote?a=1&copy=2&b=3")
    events = server.timeline("walk@example.com", at_least=3)
    assert [(e["kind"], e["actor"], e["human"]) for e in events] == [("open", "human", "yes")] * 2 + [
        ("click", "human", "yes")
    ]
    assert [e["repeat_of"] for e in events] == [None, events[0]["id"], None]
    assert events[0]["fields"]["client"] == {"value": "Thunderbird", "status": "known"}
    assert events[0]["person"] == "walk@example.com"
    assert events[2]["url"] == "https://www.example.com/quote?a=1&copy=2&b=3"


def test_each_recipient_has_a_timeline_of_their_own(server: Server) -> None:
    first, second = server.mark(QUOTE, "one@example.com", "two@example.com")
    server.get(first["dots"][0], User_Agent=GMAIL, X_Forwarded_For="66.249.84.1")
    server.get(
        second["links"][1]["url"], User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
    )
    (opened,) = server.timeline("one@example.com", at_least=1)
    assert (opened["actor"], opened["human"], opened["fields"]["client"]["value"]) == ("image_proxy", "likely", "Gmail")
    clicked, inferred = server.timeline("two@example.com", at_least=2)
    assert (clicked["kind"], inferred["kind"]) == ("click", "open")
    assert inferred["evidence"] == [{"rule": "C1", "fact": "a click shows that the mail was open"}]


def test_the_report_counts_people_as_an_interval(server: Server) -> None:
    copies = server.mark(QUOTE, "r1@example.com", "r2@example.com", "r3@example.com")
    server.get(copies[0]["dots"][0], User_Agent=THUNDERBIRD)
    server.get(copies[1]["dots"][0], User_Agent="Mozilla/5.0", X_Forwarded_For="104.28.79.5")
    server.timeline("r2@example.com", at_least=1)
    server.timeline("r1@example.com", at_least=1)
    report = inkdot_json("report", "mail", "--data", server.data)
    mail = next(m for m in report["messages"] if m["message"] == server.timeline("r1@example.com")[0]["message"])
    assert mail["opened_between"] == [1, 2]
    assert (mail["recipients"], mail["subject"]) == (3, "The quote")


def test_an_event_explains_itself(server: Server) -> None:
    copy = server.mark(QUOTE, "why@example.com")[0]
    server.get(copy["dots"][0], User_Agent="Barracuda Sentinel (EE)")
    (event,) = server.timeline("why@example.com", at_least=1)
    told = inkdot_json("explain", event["id"], "--data", server.data)
    assert told["evidence"] == [{"rule": "X1", "fact": "agent contains Barracuda Sentinel"}]
    assert "security scanner" in told["says"]
    assert "X1" in inkdot("explain", event["id"], "--data", server.data).stdout


def test_a_tracked_link_of_its_own_leads_there_and_is_told(server: Server) -> None:
    made = inkdot_json(
        "link",
        "https://example.com/a?b=ü",
        "--to",
        "linked@example.com",
        "--data",
        server.data,
        "--public-url",
        server.public,
    )
    status, headers, _ = server.get(made["url"], User_Agent=THUNDERBIRD)
    assert (status, headers["location"]) == (302, "https://example.com/a?b=%C3%BC")
    (event,) = server.timeline("linked@example.com", at_least=1)
    assert (event["link"], event["message"], event["url"]) == (made["link"], None, "https://example.com/a?b=ü")


def test_events_list_filters_and_exports_agree(server: Server, tmp_path: Path) -> None:
    copy = server.mark(QUOTE, "out@example.com")[0]
    server.get(copy["dots"][0], User_Agent='=HYPERLINK("http://x.example","y")')
    server.get(copy["links"][0]["url"], User_Agent=THUNDERBIRD)
    server.timeline("out@example.com", at_least=2)
    person = ("--person", "out@example.com", "--data", server.data)
    lines = [json.loads(line) for line in inkdot("events", *person, "--json").stdout.splitlines()]
    assert len(lines) >= 2
    only = inkdot("events", *person, "--kind", "click", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in only] == ["click"]
    table = list(csv.DictReader(io.StringIO(inkdot("export", "events", *person).stdout)))
    assert [row["id"] for row in table] == [event["id"] for event in lines]
    assert table[0]["agent"].startswith("'=HYPERLINK")
    target = tmp_path / "events.parquet"
    inkdot("export", "events", *person, "--format", "parquet", "--out", target)
    with duckdb.connect() as db:
        assert db.execute("SELECT count(*) FROM read_parquet(?)", [str(target)]).fetchall() == [(len(lines),)]


def test_the_folder_answers_the_same_with_and_without_its_server(tmp_path: Path) -> None:
    running = Server(tmp_path / "data")
    copy = running.mark()[0]
    running.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    with_server = running.timeline(at_least=1)
    assert running.stop() == 0
    without = running.timeline()
    assert [e["id"] for e in without] == [e["id"] for e in with_server]


def test_pings_heard_while_the_office_was_down_are_understood_later(own_server: Server) -> None:
    copy = own_server.mark()[0]
    assert own_server.get(copy["dots"][0], User_Agent=THUNDERBIRD)[0] == 200
    own_server.stop()
    assert len(own_server.timeline(at_least=1)) == 1


def test_follow_shows_new_events_as_they_come(server: Server) -> None:
    copy = server.mark(QUOTE, "live@example.com")[0]
    command = [
        sys.executable,
        "-m",
        "inkdot",
        "events",
        "--follow",
        "--json",
        "--person",
        "live@example.com",
        "--data",
        str(server.data),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
        assert following.stdout
        assert json.loads(following.stdout.readline())["person"] == "live@example.com"
        following.terminate()


def test_serve_is_ready_quickly_and_knows_its_health(own_server: Server) -> None:
    assert own_server.get("/healthz")[::2] == (200, b"ok\n")
    assert eventually(lambda: own_server.get(own_server.office + "/healthz")[0] == 200)
    assert b"inkdot_street_dots_total 0" in own_server.get("/metrics")[2]
    assert b"inkdot_pipeline_pings_total" in own_server.get(own_server.office + "/metrics")[2]


def test_a_new_key_signs_and_the_marks_of_older_ones_stay_good_while_the_server_runs(own_server: Server) -> None:
    old = own_server.mark(QUOTE, BEN)[0]["dots"][0]
    program = key_for(own_server, "send")
    with Ledger(own_server, own_server.mark(QUOTE, "cleo@example.com")[0]) as ledger:
        rotated = inkdot_json("key", "rotate", "--data", own_server.data)
        grown(ledger, 5)
    assert rotated == {"signs": 2, "keys": 2}
    new = own_server.mark(QUOTE, EVE)[0]["dots"][0]
    answer = program.post("/links", {"url": "https://example.com/", "to": EVE})
    urls = [old, new.removesuffix(".gif"), answer.json["url"]]
    keyring = Folder(own_server.data).keyring()
    signed = [keyring.check(url.rpartition("/")[2].removesuffix(".gif").encode()) for url in urls]
    assert [raw and raw[1] for raw in signed] == [1, 2, 2]
    for url in (old, new, answer.json["url"]):
        own_server.get(url, User_Agent=THUNDERBIRD)
    assert [e["kind"] for e in own_server.timeline(BEN, at_least=1)] == ["open"]
    assert [e["kind"] for e in own_server.timeline(EVE, at_least=2)] == ["open", "click"]
    found = eventually(lambda: set(ledger.acknowledged) <= set(kept := stored_agents(own_server.data)) and kept)
    assert {found[agent] for agent in ledger.acknowledged} == {1}
    assert inkdot_json("key", "rotate", "--data", own_server.data.parent / "other") == {"signs": 2, "keys": 2}


def test_a_mail_to_one_person_opened_under_a_privacy_signal_keeps_neither_mail_nor_person(own_server: Server) -> None:
    copy = own_server.mark(QUOTE, BEN)[0]
    (mail,) = inkdot_json("report", "mail", "--data", own_server.data)["messages"]
    contact = Folder(own_server.data).keyring().contact_id(WorkspaceId(1), Address(BEN))
    traces = [from_word(MESSAGE, mail["message"]).to_bytes(8, "big"), contact.to_bytes(8, "big")]

    def kept() -> list[bool]:
        journal = b"".join(p.read_bytes() for p in (own_server.data / "journal").rglob("*.seg"))
        return [trace in journal for trace in traces]

    for signal in ("Sec_GPC", "DNT"):
        for mark in (copy["dots"][0], copy["links"][0]["url"]):
            own_server.get(mark, User_Agent=THUNDERBIRD, **{signal: "1"})
    told = eventually(
        lambda: (r := inkdot("events", "--json", "--data", own_server.data).stdout).count("\n") >= 4 and r
    )
    assert all((e["message"], e["person"], e["link"]) == (None, None, None) for e in map(json.loads, told.splitlines()))
    assert kept() == [False, False]
    own_server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    own_server.timeline(BEN, at_least=1)
    assert kept() == [True, True]


def test_a_ping_of_somebody_who_asks_for_privacy_is_counted_for_nobody(server: Server) -> None:
    copy = server.mark(QUOTE, "gpc@example.com")[0]
    server.get(copy["dots"][0], User_Agent="secret-agent-string", Sec_GPC="1")
    server.get(copy["dots"][1], User_Agent=THUNDERBIRD)
    server.timeline("gpc@example.com", at_least=1)
    events = [json.loads(line) for line in inkdot("events", "--data", server.data, "--json").stdout.splitlines()]
    unnamed = [e for e in events if e["person"] is None and e["evidence"][0]["rule"] == "consent"]
    assert unnamed
    assert unnamed[-1]["raw"]["agent"] is None
    kept = b"".join(p.read_bytes() for p in (server.data / "journal").rglob("*.seg"))
    assert b"secret-agent-string" not in kept
    assert BEN not in str(unnamed)
