"""A person's rights: everything kept can be seen, and everything is gone when it was asked for, whatever comes then."""

from __future__ import annotations

import json
import os
import signal
import threading
import zipfile
from pathlib import Path
from typing import Any

from inkdot.client import Client
from tests.conftest import BEN, EVE, QUOTE, THUNDERBIRD, Server, eventually, files_in, inkdot, inkdot_json
from tests.relay.sink import Sink
from tests.room.made import pdf

REUBEN = "reuben@example.com"


def heard(server: Server, *people: str) -> dict[str, Any]:
    """Everybody opened and clicked; it is understood."""
    copies = {copy["to"]: copy for copy in server.mark(QUOTE, *people)}
    for copy in copies.values():
        server.get(str(copy["dots"][0]), User_Agent=THUNDERBIRD)
        server.get(str(copy["links"][0]["url"]), User_Agent=f"{THUNDERBIRD} of {copy['to']}")
    for person in people:
        server.timeline(person, at_least=2)
    return copies


def assert_gone(data: Path, *words: str) -> None:
    for path, content in files_in(data):
        for word in words:
            assert word.encode() not in content.replace(REUBEN.encode(), b""), (path, word)


def test_an_export_holds_everything_and_the_audit_log_says_who_made_it(own_server: Server, tmp_path: Path) -> None:
    heard(own_server, BEN)
    inkdot("consent", "set", BEN, "--mode", "individual", "--version", "7", "--data", own_server.data)
    out = tmp_path / "ben.zip"
    told = inkdot_json("person", "export", BEN, "--out", out, "--data", own_server.data)
    with zipfile.ZipFile(out) as file:
        portrait = json.loads(file.read("person.json"))
        page = file.read("index.html").decode()
    assert told["events"] == len(portrait["events"]) >= 2
    assert portrait["choices"][0]["version"] == "7"
    assert portrait["mails"][0]["subject"] == "The quote"
    assert "https://www.example.com/quote" in page
    assert "<script" not in page
    lines = [
        json.loads(x) for x in inkdot("audit", "--person", BEN, "--json", "--data", own_server.data).stdout.splitlines()
    ]
    assert [x["what"] for x in lines][-1] == "person_export"
    assert {"timeline", "consent set"} <= {x["what"] for x in lines}
    assert all(x["about"] == told["id"] for x in lines)


def test_commands_that_read_the_stores_themselves_leave_a_line_too(tmp_path: Path) -> None:
    data, offer = tmp_path / "data", tmp_path / "offer.pdf"
    pdf(offer, 1)
    where = ("--data", data, "--public-url", "http://127.0.0.1:8440")
    made = inkdot_json("doc", "share", offer, "--to", BEN, *where)
    asked = ("doc list", "mail log", "mail queue list", f"doc revoke {made['link']}", f"doc erase {made['document']}")
    for words in (*asked, "audit"):
        inkdot(*words.split(), "--data", data)
    lines = [json.loads(x) for x in inkdot("audit", "--json", "--data", data).stdout.splitlines()]
    assert [x["what"] for x in lines] == [
        "doc share",
        *(" ".join(w.split()[: 3 if "mail q" in w else 2]) for w in asked),
        "audit",
    ]
    assert (lines[0]["about"] is not None, lines[3]["about"]) == (True, None)
    assert all(x["who"] for x in lines)


def test_marking_and_sending_leave_a_line_about_each_who_may_be_named(tmp_path: Path) -> None:
    data, mail, people = tmp_path / "data", tmp_path / "in.eml", tmp_path / "people.csv"
    mail.write_bytes(QUOTE)
    people.write_text(f"email\n{BEN}\n{EVE}\n")
    inkdot("consent", "set", EVE, "--mode", "aggregate", "--data", data)
    to, where = ("--to", BEN, "--to", EVE), ("--data", data, "--public-url", "http://127.0.0.1:8440")
    with Sink() as sink:
        inkdot("mail", "mark", mail, *to, "--out-dir", tmp_path / "out", *where)
        inkdot("mail", "send", mail, *to, "--smtp", sink.url, *where)
        inkdot("mail", "send", mail, "--people", people, "--smtp", sink.url, *where)
    for person in (BEN, EVE):
        inkdot("link", "https://example.com/", "--to", person, *where)
    pdf(tmp_path / "offer.pdf", 1)
    for person in (BEN, EVE):
        inkdot("doc", "share", tmp_path / "offer.pdf", "--to", person, *where)
    lines = [json.loads(x) for x in inkdot("audit", "--json", "--data", data).stdout.splitlines()][1:]
    told = [(x["what"], x["about"] is not None) for x in lines]
    each = [(what, known) for what in ("link", "doc share") for known in (True, False)]
    assert told == [("mail mark", True), ("mail send", True), ("mail send", False), *each]
    assert lines[2]["detail"]["people"] == 2


def test_what_programs_marked_for_somebody_is_forgotten_in_the_audit_log_too(own_server: Server) -> None:
    key = inkdot_json("key", "add", "crm", "--scope", "send", "--data", own_server.data)["secret"]
    program = Client(own_server.office, key)
    program.mark(QUOTE, [BEN, REUBEN])
    program.link("https://example.com/", BEN)
    inkdot("person", "erase", BEN, "--yes", "--data", own_server.data)
    assert_gone(own_server.data, BEN)
    lines = [json.loads(x) for x in inkdot("audit", "--json", "--data", own_server.data).stdout.splitlines()]
    assert len({x["about"] for x in lines if x["what"] in ("mail_mark", "link_add")}) == 2
    assert inkdot_json("consent", "verify", "--data", own_server.data)["ok"]


def test_an_erased_person_is_in_no_file_and_stays_away(own_server: Server, tmp_path: Path) -> None:
    data = own_server.data
    copies = heard(own_server, BEN, REUBEN)
    backup = tmp_path / "backup.tar"
    inkdot("backup", backup, "--data", data)
    inkdot("consent", "set", BEN, "--mode", "individual", "--data", data)
    everybody, own, moved = (tmp_path / name for name in ("all.jsonl", f"{BEN}.zip", "moved.csv"))
    for out in (everybody, moved):
        inkdot("export", "events", "--format", "jsonl", "--out", out, "--data", data)
    moved.unlink()
    inkdot("person", "export", BEN, "--out", own, "--data", data)
    inkdot("person", "export", REUBEN, "--out", tmp_path / "reuben.zip", "--data", data)
    inkdot("export", "events", "--person", REUBEN, "--out", tmp_path / "reuben.csv", "--data", data)
    certificate = inkdot_json("person", "erase", BEN, "--yes", "--data", data)
    assert certificate["events"] >= 2
    assert certificate["journal_records"] == 2
    assert certificate["backups_rewritten"] == 1
    assert certificate["not_reached"] == [f"export {everybody}", f"export {own}"]
    assert certificate["seconds"] >= 0
    assert_gone(data, BEN, f"of {BEN}")
    assert BEN.encode() not in backup.read_bytes().replace(REUBEN.encode(), b"")
    assert own_server.timeline() == []
    assert len(own_server.timeline(REUBEN)) >= 2
    for place in ("dots", "links"):
        mark = copies[BEN][place][0]
        url = mark if isinstance(mark, str) else mark["url"]
        assert own_server.get(url, User_Agent=f"{THUNDERBIRD} of {BEN}")[0] in (200, 302)
    inkdot("rebuild", "--data", data)
    assert own_server.timeline() == []
    assert len(own_server.timeline(REUBEN)) >= 2
    own_server.stop()
    own_server.start()
    assert own_server.timeline() == []
    assert inkdot_json("consent", "verify", "--data", data)["ok"]
    assert inkdot_json("verify", "--data", data)["ok"]
    assert_gone(data, BEN, f"of {BEN}")
    inkdot("restore", backup, "--data", tmp_path / "again")
    assert_gone(tmp_path / "again", BEN, f"of {BEN}")
    assert inkdot_json("timeline", BEN, "--data", tmp_path / "again")["events"] == []
    assert len(inkdot_json("timeline", REUBEN, "--data", tmp_path / "again")["events"]) >= 2


def test_erasure_needs_a_yes(tmp_path: Path) -> None:
    done = inkdot("person", "erase", BEN, "--data", tmp_path / "data", check=False, stdin="")
    assert done.returncode == 2
    assert "--yes" in done.stderr


def test_an_erasure_under_load_loses_nobody_else_and_a_kill_in_its_middle_is_mended(own_server: Server) -> None:
    data = own_server.data
    copies = heard(own_server, BEN, EVE)
    sent, stop = [0], threading.Event()

    def load() -> None:
        while not stop.wait(0.03):
            own_server.get(str(copies[EVE]["links"][1]["url"]), User_Agent=f"{THUNDERBIRD} {sent[0]}")
            sent[0] += 1
            own_server.get(str(copies[BEN]["dots"][1]), User_Agent=f"{THUNDERBIRD} {sent[0]} of {BEN}")

    reader = threading.Thread(target=load)
    reader.start()
    try:
        erasing = threading.Thread(
            target=inkdot, args=("person", "erase", BEN, "--yes", "--data", data), kwargs={"check": False}
        )
        erasing.start()
        eventually(lambda: (data / "deny").stat().st_size > 0)
        eventually(lambda: sent[0] > 20)
        os.kill(own_server.children()["office"], signal.SIGKILL)
        eventually(lambda: own_server.get(f"{own_server.office}/healthz")[0] == 200)
        erasing.join()
    finally:
        stop.set()
        reader.join()
    inkdot_json("person", "erase", BEN, "--yes", "--data", data)
    assert own_server.timeline() == []
    eventually(lambda: sum(e["kind"] == "click" for e in own_server.timeline(EVE)) == sent[0] + 1)
    assert_gone(data, BEN, f"of {BEN}")
