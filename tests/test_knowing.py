"""What Inkdot knows and how it learns better: rules of one's own, regrading, corrections, places, mailboxes."""

from __future__ import annotations

import gzip
import http.server
import json
import socketserver
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from inkdot.understand.rules import shipped
from tests.conftest import ADA, BEN, QUOTE, THUNDERBIRD, Server, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Reader

MUNICH = "93.213.85.92"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
OWN_RULES = """
off = ["I1", "I11"]

[[rule]]
id = "OUR-CLOCK"
when = { agent_contains = ["OurClock"], network = ["private"] }
actor = "bot"
human = "no"
grade = "D"
source = "our own clock"
"""


@pytest.fixture
def believing(tmp_path: Path) -> Iterator[Server]:
    """A server of its own that believes this machine's word about addresses."""
    running = Server(tmp_path / "data", "--trusted-proxies", "127.0.0.1/32")
    yield running
    running.stop()


def opened(server: Server, agent: str, address: str = "127.0.0.1", count: int = 1) -> list[dict[str, Any]]:
    copy = server.mark()[0]
    server.get(copy["dots"][0], User_Agent=agent, X_Forwarded_For=address)
    return server.timeline(BEN, at_least=count)


# -- rules


def test_own_rules_come_first_and_regrade_brings_old_events_in_line(believing: Server) -> None:
    opened(believing, "Mozilla/5.0 (X11; Linux x86_64; OurClock) Gecko/20100101 Firefox/140.0")
    before = opened(believing, GMAIL, MUNICH, 2)
    assert [e["actor"] for e in before] == ["human", "image_proxy"]
    (believing.data / "rules.toml").write_text(OWN_RULES)
    believing.stop()
    believing.start()
    dry = inkdot_json("regrade", "--dry-run", "--data", believing.data)
    assert believing.timeline(BEN) == before
    done = inkdot_json("regrade", "--data", believing.data)
    assert dry | {"dry_run": False} == done
    assert (done["changed"], done["rules"].startswith(f"{shipped().version}+")) == (2, True)
    assert {c["from"] for c in done["changes"]} == {"human, human yes, by H1", "image_proxy, human likely, by I1"}
    after = believing.timeline(BEN)
    assert [(e["actor"], e["rules"]) for e in after] == [("bot", done["rules"]), ("human", done["rules"])]
    assert inkdot_json("regrade", "--data", believing.data)["changed"] == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('off = ["NO-SUCH"]', "rules.toml, line 1: there is no rule 'NO-SUCH' that could be switched off."),
        ("[[rule]\n", "rules.toml: Expected ']]' at the end of an array declaration"),
        ('[[rule]]\nid = "Q"\n', "rules.toml, line 2: the rule lacks actor and human and grade and source, as text."),
        (OWN_RULES.replace("agent_contains", "agent_smells"), "line 5: there is no condition 'agent_smells'"),
        (OWN_RULES.replace('"bot"', '"robot"'), "line 5: actor is 'robot'; it can be human, privacy_proxy"),
        (OWN_RULES.replace('["OurClock"]', "[1]"), "line 5: the condition 'agent_contains' cannot be [1]"),
        (
            OWN_RULES.replace('off = ["I1", "I11"]', 'colour = "red"'),
            "line 2: 'colour' is nothing that a rule file has",
        ),
        (OWN_RULES.replace("OUR-CLOCK", "H1"), "line 5: 'H1' is a rule of Inkdot's; give yours another id"),
    ],
)
def test_a_bad_rule_file_is_refused_with_its_line(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(text)
    assert why in inkdot("doctor", "--data", tmp_path, check=False).stdout


def test_the_rules_used_before_stay_in_force(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(OWN_RULES)
    version = inkdot_json("regrade", "--data", tmp_path)["rules"]
    (tmp_path / "rules.toml").write_text("[[rule]\n")
    assert inkdot_json("regrade", "--data", tmp_path)["rules"] == version
    assert "The rules used before stay in force." in inkdot("doctor", "--data", tmp_path, check=False).stdout
    (tmp_path / "rules.toml").unlink()
    assert inkdot_json("regrade", "--data", tmp_path)["rules"] == version.partition("+")[0]


# -- corrections


def test_a_correction_is_shown_survives_regrade_and_rebuild_and_becomes_a_pair(
    believing: Server, tmp_path: Path
) -> None:
    (event,) = opened(believing, "curl/8.14")
    assert event["actor"] == "bot"
    wrong = inkdot("explain", event["id"], "--says", "perhaps", "--because", "x", "--data", believing.data, check=False)
    assert (wrong.returncode, "Say human, machine, me" in wrong.stderr) == (2, True)
    why = "she wrote that she reads mail with curl"
    said = ("--says", "human", "--because", why, "--data", believing.data)
    corrected = json.loads(inkdot("explain", event["id"], *said, "--json").stdout)
    assert (corrected["actor"], corrected["human"]) == ("human", "yes")
    assert [e["rule"] for e in corrected["evidence"]] == ["said", "B2"]
    inkdot("regrade", "--data", believing.data)
    inkdot("rebuild", "--data", believing.data)
    (kept,) = believing.timeline(BEN)
    assert (kept["actor"], kept["evidence"]) == ("human", corrected["evidence"])
    inkdot("export", "corrections", "--out", tmp_path / "pairs", "--data", believing.data)
    request, expected = sorted((tmp_path / "pairs").iterdir())
    assert request.read_bytes().startswith(b"GET {DOT} HTTP/1.1\r\nUser-Agent: curl/8.14\r\n")
    pair = tomllib.loads(expected.read_text())
    assert (pair["actor"], pair["judged"], why in expected.read_text()) == ("human", ["B2"], True)


def test_a_correction_that_is_taken_back_leaves_what_the_rules_found_also_after_a_second_one_and_a_rebuild(
    believing: Server,
) -> None:
    before = opened(believing, "curl/8.15")[-1]
    word = ("explain", before["id"], "--data", believing.data, "--json")
    inkdot(*word, "--says", "human", "--because", "she wrote so")
    assert inkdot_json(*word[:-1], "--says", "me", "--because", "it was me after all")["actor"] == "sender"
    inkdot("rebuild", "--data", believing.data)
    after = inkdot_json(*word[:-1], "--says", "rules")
    assert {name: after[name] for name in ("actor", "human", "evidence", "fields")} == {
        name: before[name] for name in ("actor", "human", "evidence", "fields")
    }
    again = inkdot(*word, "--says", "rules", check=False)
    assert (again.returncode, "Nobody corrected this event" in again.stderr) == (2, True)


# -- places


def city_database(path: Path) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    writer.insert_network(
        IPSet(["93.213.0.0/16", "172.225.0.0/16"]),
        {
            "city": {"names": {"en": "Munich"}},
            "subdivisions": [{"names": {"en": "Bavaria"}}],
            "country": {"iso_code": "DE"},
            "location": {"accuracy_radius": 20},
        },
    )
    writer.to_db_file(str(path))


def test_a_city_is_about_with_a_radius_and_never_told_of_a_relay(believing: Server, tmp_path: Path) -> None:
    source = tmp_path / "city.mmdb"
    city_database(source)
    fetched = inkdot_json("geo", "update", "--city", source, "--data", believing.data)
    assert fetched["what"] == "city"
    believing.stop()
    believing.start()
    (event,) = opened(believing, THUNDERBIRD, MUNICH)
    assert event["fields"]["location"] == {
        "value": "about Munich, Bavaria, DE (within 50 km)", "status": "degraded", "reason": "city_estimate",
    }  # fmt: skip
    inkdot("account", "add", ADA, "--ask", "--data", believing.data, stdin=PASSWORD + "\n")
    shown = Reader(believing, ADA).ask("GET", f"/people/{BEN}")[2]
    assert "world.svg?" in shown
    assert '#DE"' in shown  # a city is in a country, which stands on the map
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 Mobile/15E148 Safari/604.1"
    relay = opened(believing, safari, "172.225.10.20", 2)[1]
    assert (relay["fields"]["location"]["value"], relay["fields"]["location"]["reason"]) == ("IS", "private_relay")


class Shelf(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_what_is_fetched_is_checked_and_a_failure_leaves_the_old(tmp_path: Path) -> None:
    shelf, data = tmp_path / "shelf", tmp_path / "data"
    shelf.mkdir()
    (shelf / "tor.txt.gz").write_bytes(gzip.compress(b"# exits\n198.18.0.7\n2001:db8:1::/48\n"))
    (shelf / "bad.txt").write_text("198.18.0.0/15\n<html>\n")
    (shelf / "no.mmdb").write_bytes(b"no database")
    city_database(shelf / "city.mmdb")
    with socketserver.TCPServer(("127.0.0.1", 0), partial(Shelf, directory=str(shelf))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        inkdot("geo", "update", "--tor", f"{base}/tor.txt.gz", "--city", f"{base}/city.mmdb", "--data", data)
        before = inkdot_json("geo", "status", "--data", data)
        for option, name, why in (
            ("--tor", "bad.txt", "line 2 is no network: <html>"),
            ("--city", "no.mmdb", "What came is no city database; the old one stays."),
            ("--city", "nothing.mmdb", "404"),
        ):
            failed = inkdot("geo", "update", option, f"{base}/{name}", "--data", data, check=False)
            assert (failed.returncode, why in failed.stderr) == (1, True), failed.stderr
        server.shutdown()
    assert inkdot_json("geo", "status", "--data", data) == before
    assert before["lists"]["tor"]["networks"] == 2
    assert "db-ip.com" in before["credit"]


# -- before you send


class Names(socketserver.BaseRequestHandler):
    """A name server that knows three domains."""

    MX = {
        "gmail.example.": ["10 aspmx.l.google.com.", "20 alt1.aspmx.l.google.com."],
        "firm.example.": ["5 mxa-00112233.gslb.pphosted.com."],
        "null.example.": ["0 ."],
    }

    def handle(self) -> None:
        data, socket = self.request
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name.to_text()
        if name in self.MX:
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "MX", self.MX[name]))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        socket.sendto(answer.to_wire(), self.client_address)


def test_mail_check_says_what_can_be_learned_of_whom(tmp_path: Path) -> None:
    with socketserver.UDPServer(("127.0.0.1", 0), Names) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        people = ["ben@gmail.example", "cleo@firm.example", "dan@null.example", "eve@none.example", "nobody"]
        where = ("--nameserver", f"127.0.0.1:{server.server_address[1]}", "--data", tmp_path)
        lines = inkdot("mail", "check", *people, *where, "--json").stdout.splitlines()
        server.shutdown()
    ben, cleo, dan, eve, nobody = map(json.loads, lines)
    assert (ben["mailbox"], ben["can_tell"]) == ("Gmail", {"time": "yes", "place": "no", "device": "no"})
    assert (cleo["gateway"], cleo["mailbox"]) == ("Proofpoint", None)
    assert dan["says"] == "null.example says that it takes no mail at all."
    assert eve["says"] == "There is no domain none.example; is the address right?"
    assert "is not a mail address" in nobody["says"]
    dead = inkdot("mail", "check", "ben@gmail.example", "--nameserver", "127.0.0.1:1", "--data", tmp_path, "--json")
    assert "are you offline?" in json.loads(dead.stdout)["says"]


def test_what_was_learned_of_a_person_is_a_sentence(believing: Server) -> None:
    copies = [believing.mark(QUOTE.replace(b"quote@", b"q%d@" % n))[0] for n in range(3)]
    for copy in copies:
        believing.get(copy["dots"][0], User_Agent="Mozilla/5.0", X_Forwarded_For="104.28.79.5")
    believing.timeline(BEN, at_least=3)
    learned = inkdot_json("timeline", BEN, "--data", believing.data)["learned"]
    assert learned == [
        "Opens of this person are unreliable: 3 of 3 came from Apple's proxy.",
        "Opens of people at example.com are unreliable: 3 of 3 came from Apple's proxy.",
    ]


def test_a_second_device_in_a_second_network_is_perhaps_a_forward(believing: Server) -> None:
    copy = believing.mark()[0]
    believing.get(copy["dots"][0], User_Agent=THUNDERBIRD, X_Forwarded_For=MUNICH)
    phone = "Mozilla/5.0 (Linux; Android 14; SOG13) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Mobile Safari/537.36"
    believing.get(copy["dots"][0], User_Agent=phone, X_Forwarded_For="59.92.0.6")
    believing.timeline(BEN, at_least=2)
    (forward,) = inkdot_json("timeline", BEN, "--data", believing.data)["possible_forwards"]
    assert forward["devices"] == ["desktop Linux", "mobile Android"]
