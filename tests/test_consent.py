"""Consent as a storage mode: who is asked, whose word counts, and what the copies of a mail look like then."""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import json
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pypdfium2
import pytest

from tests.act.conftest import kill_office
from tests.conftest import BEN, EVE, PATIENCE, QUOTE, Server, eventually, files_in, inkdot, inkdot_json
from tests.document.test_dots_in_documents import letter
from tests.office.asking import key_for
from tests.test_deny import counted

CLEO = "cleo@example.com"


def marked(data: Path, *people: str, **options: str) -> tuple[dict[str, bytes], dict[str, dict[str, object]], str]:
    """Bytes by person, the answer's copies by person, and what was said."""
    data.parent.mkdir(exist_ok=True)
    mail = data.parent / "mail.eml"
    mail.write_bytes(QUOTE)
    to = [option for person in people for option in ("--to", person)]
    extra = [option for name, value in options.items() for option in (f"--{name}", value)]
    done = inkdot(
        "mail", "mark", mail, *to, *extra, "--out-dir", data.parent / "out", "--data", data, "--json"
    )  # fmt: skip
    copies = {copy["to"]: copy for copy in json.loads(done.stdout)["copies"]}
    return {to: Path(copy["file"]).read_bytes() for to, copy in copies.items()}, copies, done.stderr


def test_until_somebody_says_where_recipients_are_marking_is_individual_and_warns(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for _ in range(2):
        bodies, copies, said = marked(data, BEN, EVE)
        assert "No region was chosen" in said
        assert "inkdot setup --region" in said
        assert copies[BEN]["mode"] == "individual"
        assert bodies[BEN] != bodies[EVE]
    server = Server(data)
    server.stop()
    assert "No region was chosen" in eventually(server.talk.read_text)


def test_three_recipients_without_consent_get_the_same_bytes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert inkdot_json("setup", "--region", "eu", "--data", data)["mode"] == "aggregate"
    bodies, copies, said = marked(data, BEN, EVE, CLEO)
    assert "3 of 3 people: aggregate, by the rules of France. 'inkdot consent ask'" in said
    assert bodies[BEN] == bodies[EVE] == bodies[CLEO] != QUOTE
    assert "No region" not in said
    inkdot("consent", "set", EVE, "--mode", "individual", "--method", "form", "--data", data)
    bodies, copies, _ = marked(data, BEN, EVE, CLEO)
    assert bodies[BEN] == bodies[CLEO] != bodies[EVE]
    assert [copies[p]["mode"] for p in (BEN, EVE, CLEO)] == ["aggregate", "individual", "aggregate"]


def test_off_means_the_bytes_as_they_came(tmp_path: Path) -> None:
    data = tmp_path / "data"
    inkdot("consent", "set", BEN, "--mode", "off", "--data", data)
    bodies, copies, _ = marked(data, BEN, EVE)
    assert bodies[BEN] == QUOTE
    assert copies[BEN]["dots"] == copies[BEN]["links"] == []
    assert bodies[EVE] != QUOTE


@pytest.mark.parametrize(("region", "mode"), [("us", "individual"), ("uk", "aggregate"), ("mixed", "aggregate")])
def test_each_region_has_its_strictest_mode(tmp_path: Path, region: str, mode: str) -> None:
    assert inkdot_json("setup", "--region", region, "--data", tmp_path / "data")["mode"] == mode


def test_the_region_may_come_by_environment_and_the_table_may_be_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("INKDOT_REGION", "us")
    assert inkdot_json("setup", "--data", data)["region"] == "us"
    (data / "regions.toml").write_text(
        '[US]\nname = "United States"\nmode = "off"\ndate = "2027-01-01"\nsource = "our lawyer"\n'
    )
    assert inkdot_json("setup", "--data", data)["mode"] == "off"
    (data / "regions.toml").write_text('[US]\nmode = "loud"\n')
    refused = inkdot("setup", "--data", data, check=False)
    assert refused.returncode == 2
    assert "regions.toml" in refused.stderr


def test_of_contradicting_words_the_strictest_counts_and_the_others_are_shown(tmp_path: Path) -> None:
    data = tmp_path / "data"
    inkdot("consent", "set", BEN, "--mode", "individual", "--data", data)
    inkdot("consent", "limit", "--scope", "list:news", "--mode", "aggregate", "--data", data)
    _, copies, said = marked(data, BEN, list="news")
    assert copies[BEN]["mode"] == "aggregate"
    assert "the rule of the list news" in said
    assert "own choice would allow individual" in said
    assert marked(data, BEN)[1][BEN]["mode"] == "individual"


def test_where_nobody_may_be_named_nothing_on_disk_names_anybody(tmp_path: Path) -> None:
    data = tmp_path / "data"
    inkdot("setup", "--region", "eu", "--data", data)
    marked(data, *(f"person{i}@example.com" for i in range(200)))
    assert not [path for path, content in files_in(data) if b"person7@example.com" in content]
    rows = sqlite3.connect(data / "control.db")
    for table in ("contacts", "recipients", "handovers"):
        assert rows.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert rows.execute("SELECT unnamed FROM messages").fetchone() == (200,)
    rows.close()


def test_an_import_keeps_the_good_rows_and_says_why_it_refused_the_others(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "choices.csv"
    inkdot("setup", "--region", "eu", "--data", data)
    file.write_text(
        "person,mode,version,time\n"
        "ben@example.com,individual,3,2026-10-01T10:00:00Z\n"
        "not an address,individual,3,\n"
        "eve@example.com,perhaps,3,\n"
        "cleo@example.com,individual,3,sometime\n"
        "dora@example.com,,3,\n"
        "dora@example.com,individual,3\n"
        "fay@example.com,individual,3,\n"
        "fay@example.com,off,3,\n"
    )
    done = inkdot("consent", "import", file, "--data", data, "--json", check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["kept"] == 3
    assert [row["line"] for row in answer["refused"]] == [3, 4, 5, 6, 7]
    assert all(row["reason"] for row in answer["refused"])
    assert "fay@example.com" in answer["contradicting"][0]
    modes = {p: inkdot_json("consent", "log", f"{p}@example.com", "--data", data)["mode"] for p in
             ("ben", "eve", "cleo", "dora", "fay")}  # fmt: skip
    assert modes == {"ben": "individual", "eve": "aggregate", "cleo": "aggregate", "dora": "aggregate", "fay": "off"}
    # What could mean one thing or the other is no consent, either.
    for unclear in (
        "person,mode,mode\neve@example.com,off,individual\n",
        "person,email,mode\neve@example.com,cleo@example.com,individual\n",
        "person;mode\neve@example.com;individual\n",
        '{"person": "eve@example.com", "mode": "off", "mode": "individual"}\n',
        '{"person": ["eve@example.com"], "mode": "individual"}\n',
    ):
        file.write_text(unclear)
        assert inkdot("consent", "import", file, "--data", data, check=False).returncode in (1, 2), unclear
        assert inkdot_json("consent", "log", "eve@example.com", "--data", data)["mode"] == "aggregate", unclear


def test_a_changed_row_of_the_ledger_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for person in (BEN, EVE, CLEO):
        inkdot("consent", "set", person, "--mode", "individual", "--version", "3", "--data", data)
    seal = inkdot_json("consent", "verify", "--data", data)["seal"]
    rows = sqlite3.connect(data / "control.db")
    rows.execute("UPDATE consents SET version = '4' WHERE number = 2")
    rows.commit()
    assert "row 2" in inkdot("consent", "verify", "--data", data, check=False).stdout
    rows.execute("UPDATE consents SET version = '3', address = 'eva@example.com' WHERE number = 2")
    rows.commit()
    done = inkdot("consent", "verify", "--data", data, check=False)
    assert done.returncode == 1
    assert "row 2" in done.stdout
    rows.execute("UPDATE consents SET address = ? WHERE number = 2", (EVE,))
    rows.execute("DELETE FROM consents WHERE number = 3")
    rows.commit()
    assert inkdot("consent", "verify", "--data", data).returncode == 0
    assert "3 rows" in inkdot("consent", "verify", "--seal", seal, "--data", data, check=False).stdout
    rows.execute("UPDATE audit SET what = 'nothing' WHERE number = 1")
    rows.commit()
    rows.close()
    assert "Audit log: row 1" in inkdot("verify", "--data", data, check=False).stdout


def test_lines_of_the_audit_log_that_were_moved_or_cut_off_are_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for person in (BEN, EVE, CLEO):
        inkdot("consent", "set", person, "--mode", "individual", "--data", data)
    seal = inkdot_json("consent", "verify", "--data", data)["audit_seal"]
    rows = sqlite3.connect(data / "control.db")
    for before, after in ((2, 0), (3, 2), (0, 3)):
        rows.execute("UPDATE audit SET number = ? WHERE number = ?", (after, before))
    rows.commit()
    assert "Audit log: row 2" in inkdot("consent", "verify", "--data", data, check=False).stdout
    for before, after in ((2, 0), (3, 2), (0, 3)):
        rows.execute("UPDATE audit SET number = ? WHERE number = ?", (after, before))
    rows.execute("DELETE FROM audit WHERE number >= 3")
    rows.commit()
    rows.close()
    assert inkdot("consent", "verify", "--data", data).returncode == 0
    cut = inkdot("consent", "verify", "--seal", seal, "--data", data, check=False)
    assert (cut.returncode, "does not hold the 3 lines" in cut.stdout) == (1, True)


def test_the_ledger_can_be_filed_as_a_pdf(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "choices.csv"
    people = [f"jürgen.{number}@example.com" for number in range(40)]
    file.write_text(
        "person,mode,version,form\n" + "".join(f"{p},individual,3,https://example.com/join/{p[:9]}\n" for p in people)
    )
    inkdot("consent", "import", file, "--data", data)
    inkdot("consent", "export", tmp_path / "ledger.pdf", "--data", data)
    seal = inkdot_json("consent", "verify", "--data", data)["seal"]
    with pypdfium2.PdfDocument(tmp_path / "ledger.pdf") as paper:
        assert len(paper) == 3
        words = " ".join(page.get_textpage().get_text_range() for page in paper).split()
    assert seal in words
    for person in people:
        assert words[words.index(person) + 2] == "individual"


def test_what_was_exported_can_be_imported(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "ledger.jsonl"
    inkdot("consent", "set", BEN, "--mode", "hygiene", "--form", "https://example.com/join", "--data", data)
    inkdot("consent", "export", file, "--data", data)
    inkdot("consent", "import", file, "--data", tmp_path / "other")
    log = inkdot_json("consent", "log", BEN, "--data", tmp_path / "other")
    assert log["mode"] == "hygiene"
    assert log["choices"][0]["form"] == "https://example.com/join"


def test_a_whole_ledger_goes_into_a_new_installation_with_its_history_and_what_browsers_agreed_to(
    tmp_path: Path, own_server: Server
) -> None:
    data, file, other = own_server.data, tmp_path / "ledger.jsonl", tmp_path / "other"
    for mode in ("off", "individual"):
        inkdot("consent", "set", BEN, "--mode", mode, "--data", data)
    inkdot("consent", "withdraw", EVE, "--data", data)
    inkdot("consent", "set", CLEO, "--mode", "individual", "--data", data)
    inkdot("person", "erase", CLEO, "--yes", "--data", data)
    key = inkdot_json("site", "add", "example.com", "--wait", "--data", data, "--public-url", own_server.public)["key"]
    parts = urlsplit(own_server.public)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    told = {"Origin": "https://example.com", "Content-Type": "text/plain"}
    connection.request(
        "POST", "/e", json.dumps([key, "a-name-of-a-browser", {"k": "view", "u": "https://example.com/x"}]), told
    )
    connection.getresponse().read()
    connection.close()
    eventually(lambda: "vtr_" in inkdot("consent", "export", "--data", data).stdout)
    inkdot("consent", "export", file, "--data", data)
    answer = inkdot_json("consent", "import", file, "--data", other)
    assert (answer["kept"], answer["refused"], answer["contradicting"], answer["erased"]) == (4, [], [], 2)
    assert inkdot_json("consent", "log", BEN, "--data", other)["mode"] == "individual"
    assert inkdot_json("consent", "log", EVE, "--data", other)["mode"] == "off"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    again = [json.loads(line) for line in inkdot("consent", "export", "--data", other).stdout.splitlines()]
    for row in (*rows, *again):
        row.pop("number", None)
    assert again[:-1] == [row for row in rows[:-1] if row["person"]]
    assert inkdot_json("consent", "verify", "--data", other)["ok"]


def test_no_import_undoes_a_withdrawal_unless_it_tells_a_later_consent(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "old.csv"
    inkdot("consent", "withdraw", BEN, "--data", data)
    inkdot("consent", "set", EVE, "--mode", "hygiene", "--scope", "list:news", "--data", data)
    old = "2025-10-01T10:00:00Z"
    rows = [f"{BEN},individual,workspace,{old}", f"{BEN},individual,workspace,", f"{BEN},individual,list:news,{old}"]
    rows += [f"{EVE},individual,list:news,{old}", f"{EVE},individual,list:other,{old}", f"{EVE},off,list:news,{old}"]
    file.write_text("\n".join(["person,mode,scope,time", *rows]) + "\n")
    answer = json.loads(inkdot("consent", "import", file, "--data", data, "--json", check=False).stdout)
    assert ([row["line"] for row in answer["refused"]], answer["kept"]) == ([2, 3, 4, 5], 2)
    assert "stricter choice on record here (withdraw, " in answer["refused"][0]["reason"]
    assert inkdot_json("consent", "log", BEN, "--data", data)["mode"] == "off"
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    file.write_text(f"person,mode,time\n{BEN},individual,{later.isoformat()}\n")
    assert inkdot_json("consent", "import", file, "--data", data)["kept"] == 1
    assert inkdot_json("consent", "log", BEN, "--data", data)["mode"] == "individual"


def test_health_mode_names_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDOT_HEALTH", "true")
    data = tmp_path / "data"
    inkdot("consent", "set", BEN, "--mode", "individual", "--data", data)
    bodies, copies, _ = marked(data, BEN, EVE)
    assert bodies[BEN] == bodies[EVE]
    assert copies[BEN]["mode"] == "aggregate"


def test_withdrawal_reaches_mails_already_sent(own_server: Server) -> None:
    (copy,) = own_server.mark()
    own_server.get(copy["dots"][0], User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0")
    before = len(own_server.timeline(at_least=1))
    assert inkdot_json("consent", "withdraw", BEN, "--data", own_server.data)["mode"] == "off"
    assert_silent(own_server, copy, before)


def test_a_stricter_choice_reaches_mails_already_sent(own_server: Server) -> None:
    (copy,) = own_server.mark(QUOTE, CLEO)
    dot, data = copy["dots"][0], own_server.data
    numbers = iter(range(1_000))

    def is_kept() -> bool:
        """Whether the journal learns which program asks for the old dot."""
        agent = f"Asking/{next(numbers)} (for {CLEO.partition('@')[0]})"
        assert own_server.get(dot, User_Agent=agent)[0] == 200
        return any(agent.encode() in path.read_bytes() for path in (data / "journal").rglob("*.seg"))

    assert is_kept()
    said = inkdot("consent", "set", CLEO, "--mode", "aggregate", "--data", data).stderr
    assert f"inkdot person erase {CLEO}" in said
    eventually(lambda: not is_kept())
    records = counted(own_server, "records")
    assert not is_kept()
    assert eventually(lambda: counted(own_server, "records") == records + 1)
    inkdot("consent", "set", CLEO, "--mode", "hygiene", "--data", data)

    def days() -> list[str]:
        assert not is_kept()
        return [e["time"] for e in own_server.timeline(CLEO) if e["fields"]["time"].get("reason") == "day_only"]

    (day,) = eventually(days)
    assert day.endswith("T00:00:00.000Z")
    inkdot("consent", "set", CLEO, "--mode", "off", "--data", data)
    eventually(lambda: own_server.get(dot) and counted(own_server, "tracking_off"))
    records = counted(own_server, "records")
    assert not is_kept()
    assert counted(own_server, "records") == records
    inkdot("consent", "set", CLEO, "--mode", "individual", "--data", data)
    eventually(is_kept)


def test_rules_of_today_reach_what_was_marked_before_them_where_they_are_stricter(own_server: Server) -> None:
    data, mail = own_server.data, own_server.data.parent / "mail.eml"
    (bens, cleos) = (copy["dots"][0] for copy in own_server.mark(QUOTE, BEN, CLEO))
    out = ("--out-dir", own_server.data.parent / "news", "--data", data, "--public-url", own_server.public)
    listed = inkdot_json("mail", "mark", mail, "--to", EVE, "--to", CLEO, "--list", "news", *out)["copies"]
    (eves, cleos_news) = (copy["dots"][0] for copy in listed)
    numbers = iter(range(1_000))

    def is_kept(dot: str) -> bool:
        """Whether the journal learns which program asks for it."""
        agent = f"Asking/{next(numbers)} (for nobody)"
        assert own_server.get(dot, User_Agent=agent)[0] == 200
        return any(agent.encode() in path.read_bytes() for path in (data / "journal").rglob("*.seg"))

    def consent(*words: str) -> str:
        return inkdot("consent", *words, "--data", data).stdout

    assert all(map(is_kept, (bens, cleos, eves, cleos_news)))
    # Once a region is known, who said nothing is counted alone; who agreed, for everything or for a list, is not.
    consent("set", CLEO, "--mode", "individual")
    consent("set", EVE, "--mode", "individual", "--scope", "list:news")
    assert "before" in inkdot("setup", "--region", "eu", "--data", data).stdout
    eventually(lambda: not is_kept(bens))
    assert all(map(is_kept, (cleos, eves, cleos_news)))
    # A person's word about a list reaches the mails of that list alone.
    consent("set", CLEO, "--mode", "off", "--scope", "list:news")
    eventually(lambda: not is_kept(cleos_news))
    assert is_kept(cleos)
    assert is_kept(eves)
    # So does a rule of the list, and one of the workspace reaches everything; without it what was agreed to counts again.
    consent("limit", "--scope", "list:news", "--mode", "aggregate")
    eventually(lambda: not is_kept(eves))
    assert is_kept(cleos)
    assert "before" in consent("limit", "--scope", "workspace", "--mode", "aggregate")
    eventually(lambda: not is_kept(cleos))
    records = counted(own_server, "records")
    assert not is_kept(cleos)
    eventually(lambda: counted(own_server, "records") > records)  # for nobody, but counted
    consent("limit", "--scope", "workspace", "--mode", "off")
    eventually(lambda: not is_kept(cleos) and counted(own_server, "tracking_off"))
    consent("limit", "--scope", "workspace", "--mode", "individual")
    eventually(lambda: is_kept(cleos))
    assert not is_kept(bens)


def assert_silent(server: Server, copy: dict[str, object], events: int) -> None:
    """The old dot and link work, no event comes, and what asked for them stands in no file."""

    def denied() -> int:
        server.get(str(copy["dots"][0]))  # type: ignore[index]
        return counted(server, "denied")

    eventually(denied)
    agent = "Unheard/1.0 (a program nobody knows)"
    status, _, body = server.get(str(copy["dots"][0]), User_Agent=agent)  # type: ignore[index]
    assert (status, body[:6]) == (200, b"GIF89a")
    status, headers, _ = server.get(copy["links"][0]["url"], User_Agent=agent)  # type: ignore[index]
    assert status == 302
    assert headers["location"] == copy["links"][0]["href"]  # type: ignore[index]
    told = server.timeline()  # what came just before the street knew may be understood only now
    assert len(told) >= events
    assert all(agent not in str(event["raw"]["agent"]) for event in told)
    assert not [path for path, content in files_in(server.data) if agent.encode() in content]


def test_a_region_that_is_named_while_the_server_runs_counts_at_once_and_in_an_office_that_is_started_again(
    own_server: Server,
) -> None:
    program = key_for(own_server, "read", "send")
    inkdot("setup", "--region", "us", "--data", own_server.data)
    said = program.post("/messages", {"mail": base64.b64encode(QUOTE).decode(), "to": [BEN]})
    assert b"See and stop" in base64.b64decode(said.json["copies"][0]["mail"])
    inkdot("setup", "--region", "eu", "--data", own_server.data)
    assert program.get(f"/people/{BEN}").json["mode"] == "aggregate"
    kill_office(own_server)
    assert program.get(f"/people/{BEN}").json["mode"] == "aggregate"


def test_a_document_for_somebody_who_wants_nothing_kept_stays_as_it_is(tmp_path: Path) -> None:
    data, source, out = tmp_path / "data", tmp_path / "offer.docx", tmp_path / "out.docx"
    source.write_bytes(letter())
    inkdot("consent", "set", BEN, "--mode", "off", "--data", data)
    for person, same in ((BEN, True), (EVE, False)):
        inkdot("doc", "mark", source, "--to", person, "--out", out, "--data", data)
        assert (out.read_bytes() == source.read_bytes()) == same
    inkdot("setup", "--region", "eu", "--data", data)
    copies = []
    for person in (EVE, CLEO):
        inkdot("doc", "mark", source, "--to", person, "--out", out, "--data", data)
        copies.append(out.read_bytes())
    assert copies[0] == copies[1] != source.read_bytes()


def test_limits_are_set_and_seen_by_command_and_by_the_api(own_server: Server) -> None:
    data = own_server.data
    key = inkdot_json("key", "add", "law", "--scope", "privacy", "--data", data)["secret"]
    host = own_server.office.removeprefix("http://")

    def api(method: str, body: str | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(host, timeout=PATIENCE)
        sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, "/api/v1/consent/limits", body, sent)
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    assert api("POST", '{"scope": "list:news", "mode": "aggregate"}') == (
        200,
        {"scope": "list:news", "mode": "aggregate"},
    )
    assert api("POST", '{"scope": "purpose:mail", "mode": "off"}')[0] in (400, 422)
    inkdot("consent", "limit", "--scope", "site:example.com", "--mode", "hygiene", "--data", data)
    assert api("GET")[1]["data"] == [
        {"scope": "list:news", "mode": "aggregate"},
        {"scope": "site:example.com", "mode": "hygiene"},
    ]
    listed = inkdot("consent", "limits", "--data", data).stdout
    assert "list:news: aggregate" in listed
    _, copies, _ = marked(data, BEN, list="news")
    assert copies[BEN]["mode"] == "aggregate"
    assert "consent_limit" in inkdot("audit", "--data", data).stdout
