"""An erasure after every feature was used: nothing in the folder leads to the person, however it is spelled, and a kill changes nothing."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import quopri
import re
import signal
import sqlite3
import tarfile
import threading
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import duckdb
import pytest

from tests.conftest import EVE, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Reader, key_for
from tests.relay.sink import Sink
from tests.room.made import pdf

WHO = "ben+news@example.com"
OWNER = "ada@example.com"
OTHER = "other-ben@example.com"
LIKE_HIM = "reuben+news@example.com"
"""Somebody else, whose address ends like his."""


class Erased(NamedTuple):
    """What is left after it."""

    folder: Path
    certificate: dict[str, Any]
    shown: tuple[int, dict[str, str], str]
    """What the office answered to another erasure."""


def spellings() -> list[bytes]:
    """How the address could stand in a file, in lower case but for what base64 makes of it."""
    plain = WHO.encode()
    whole = [base64.b64encode(b"-" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
    hashes = [hashlib.new(kind, plain).hexdigest().encode() for kind in ("sha256", "sha1", "md5")]
    encoded = [
        quote(WHO, safe="").lower().encode(),
        quote(quote(WHO, safe=""), safe="").lower().encode(),
        WHO.replace("@", "%40").encode(),
    ]
    return [plain, *encoded, quopri.encodestring(plain, quotetabs=True), WHO.encode("utf-16-le"), *whole, *hashes]


def found_in(name: str, content: bytes) -> list[tuple[str, bytes]]:
    others = content.replace(LIKE_HIM.encode(), b"")
    return [(name, spelling) for spelling in spellings() if spelling in others or spelling in others.lower()]


def found_in_folder(data: Path) -> list[tuple[str, bytes]]:
    """In any file, and in what the event store packs."""
    files = [path for path in data.rglob("*") if path.is_file()]
    found = [hit for path in files for hit in found_in(str(path.relative_to(data)), path.read_bytes())]
    for path in data.rglob("*.duckdb"):
        store = duckdb.connect(str(path), read_only=True)
        for (table,) in store.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            found += found_in(f"{path.name} {table}", repr(store.execute(f'FROM "{table}"').fetchall()).encode())
        store.close()
    return found


def asked(url: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    text = body if isinstance(body, str) else json.dumps(body)
    connection.request(method, path, text if body else None, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def everything(server: Server, tmp_path: Path) -> None:
    """He is marked, linked, shown, met on a site, told of, listed, searched for, exported and backed up."""
    data, where = server.data, ("--data", server.data, "--public-url", server.public)
    for copy in server.mark(QUOTE, WHO, EVE, LIKE_HIM):
        server.get(str(copy["dots"][0]), User_Agent=f"{THUNDERBIRD} of {copy['to']}")
    inkdot("link", f"https://www.example.com/?for={quote(WHO, safe='')}", "--to", WHO, *where)
    mail, people = tmp_path / "mail.eml", tmp_path / "people.csv"
    mail.write_bytes(QUOTE)
    people.write_text(f"email\n{WHO}\n{EVE}\n")
    with Sink() as sink:
        for name in (f"For {WHO}", "For erased"):  # the first one becomes the second
            inkdot("mail", "send", mail, "--people", people, "--campaign", name, "--smtp", sink.url, *where)
            mail.write_bytes(QUOTE.replace(b"quote", b"offer"))
    for name, readers in ((f"{WHO} alone.pdf", (WHO,)), ("both.pdf", (WHO, EVE))):
        pdf(tmp_path / name, 1)
        (tmp_path / name).write_bytes(
            (tmp_path / name).read_bytes() + (b"" if len(readers) > 1 else f"% {WHO}\n".encode())
        )
        for reader in readers:
            inkdot("doc", "share", tmp_path / name, "--to", reader, *where)
    site = inkdot_json("site", "add", "example.com", *where)["key"]
    page = f"https://example.com/of/{WHO}/{quote(WHO, safe='')}"
    for event in (
        {"kind": "view", "url": f"{page}?mail={WHO.upper()}&q={WHO}", "visitor": "his", "id": "0.1234567890"},
        {"kind": "identify", "person": WHO, "url": page, "visitor": "his"},
        {"kind": "goal", "name": f"met {WHO}", "detail": {"who": WHO}, "url": page, "visitor": "another"},
        {"kind": "view", "url": f"https://example.com/{quote(WHO)}", "visitor": "another"},
    ):
        assert asked(server.public, "POST", "/e", {"key": site, **event}, User_Agent=THUNDERBIRD)[0] == 202
    inkdot("webhook", "add", "http://127.0.0.1:9/", "--data", data)
    inkdot("trigger", "add", json.dumps({"name": f"Of {WHO}", "when": {"kind": "open", "person": WHO}, "actions": [{"do": "tag", "add": "hot"}]}), "--data", data)  # fmt: skip
    inkdot("audience", "add", "friends", "--data", data)
    for person in (WHO, EVE):
        inkdot("consent", "set", person, "--mode", "individual", "--scope", "purpose:advertising", "--data", data)
        inkdot("audience", "join", "friends", person, "--data", data)
    inkdot("audience", "export", "friends", "--target", "meta", "--data", data)
    inkdot("link", "https://www.example.com/", "--to", OTHER, *where)
    inkdot("person", "merge", OTHER, WHO, "--data", data)
    inkdot("consent", "set", WHO, "--mode", "individual", "--form", f"https://example.com/join?mail={quote(WHO, safe='')}", "--text", f"I, {WHO}, agree", "--data", data)  # fmt: skip
    from_outside(server, tmp_path)


def from_outside(server: Server, tmp_path: Path) -> None:
    """By the API, in the office, and files that are written elsewhere."""
    data = server.data
    program = key_for(server, "read", "send", "manage", "privacy")
    him = f"/people/{quote(WHO)}"
    for path in (f"/people?search={quote(WHO)}", f"{him}/timeline", f"{him}/export"):
        assert program.get(path).status == 200
    (friends,) = program.get("/audiences").json["data"]
    for path, body in (
        ("/links", {"to": WHO, "url": f"https://example.com/{WHO}"}),
        (f"/audiences/{friends['audience']}/exports", {"target": "csv"}),
    ):
        assert program.post(path, body, Idempotency_Key=path).status == 201
    inkdot("account", "add", OWNER, "--ask", "--data", data, stdin=PASSWORD + "\n")
    owner = Reader(server, OWNER)
    status, _, table = owner.ask("GET", f"/people?format=csv&q={quote(WHO)}")
    assert (status, WHO in table) == (200, True)
    inkdot("export", "events", "--out", tmp_path / f"{WHO}.csv", "--data", data)
    inkdot("backup", tmp_path / f"{WHO}.tar", "--data", data)


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """The folder of a server that was killed in the middle of an erasure and finished it, and the certificate."""
    tmp_path = tmp_path_factory.mktemp("erased")
    server = Server(tmp_path / "data")
    try:
        everything(server, tmp_path)
        server.timeline(WHO, at_least=3)
        ledger = sqlite3.connect(f"file:{server.data / 'control.db'}?mode=ro", uri=True)

        def half_done() -> bool:
            """Or done, where this process was not let look in between."""
            rows = ledger.execute("SELECT 1 FROM contacts WHERE address = ?", (WHO,)).fetchall()
            return not rows and bool(ledger.execute("SELECT 1 FROM erasures").fetchall())

        erasing = threading.Thread(
            target=inkdot, args=("person", "erase", WHO, "--yes", "--data", server.data), kwargs={"check": False}
        )
        erasing.start()
        eventually(half_done, pause=0)
        os.kill(server.children()["office"], signal.SIGKILL)
        erasing.join()
        (told,) = eventually(
            lambda: ledger.execute("SELECT certificate FROM erasures WHERE done IS NOT NULL").fetchone()
        )
        ledger.close()
        eventually(lambda: server.get(f"{server.office}/healthz")[0] == 200)
        shown = Reader(server, OWNER).ask("POST", f"/people/{OTHER}/erase", {"sure": OTHER})
    finally:
        server.stop()
    return Erased(tmp_path, json.loads(told), shown)


def test_nothing_in_the_folder_leads_to_whoever_was_erased_in_any_spelling(erased: Erased) -> None:
    assert found_in_folder(erased.folder / "data") == []


def test_backups_and_exports_whose_own_names_hold_the_address_are_found_after_a_kill(
    erased: Erased, tmp_path: Path
) -> None:
    folder, certificate, _ = erased
    assert certificate["backups_rewritten"] == 1
    assert f"export {folder / certificate['person']}.csv" in certificate["not_reached"]
    with tarfile.open(folder / f"{WHO}.tar") as backup:
        backup.extractall(tmp_path / "backup", filter="data")
    assert found_in_folder(tmp_path / "backup") == []


def test_the_certificate_names_what_people_and_programs_took_out_and_who_was_given_the_person(
    erased: Erased,
) -> None:
    told = "\n".join(erased.certificate["not_reached"])
    assert re.search(rf"the table people with \d+ rows, taken by {OWNER} on 20\d\d-", told)
    assert re.search(r"the export of this person, taken by .+ on 20\d\d-", told)
    assert re.search(r"the list friends, taken by .+ on 20\d\d-", told)
    for platform in ("csv", "meta"):
        assert f"{platform}, which was given the list friends: remove the person there" in told


def test_the_office_shows_the_certificate_to_whoever_erases(erased: Erased) -> None:
    status, _, page = erased.shown
    assert status == 200
    assert f"taken by {OWNER} on" in page
    assert "backups rewritten" in page


def test_nobody_else_goes_with_him(erased: Erased) -> None:
    data = erased.folder / "data"
    assert [e["kind"] for e in inkdot_json("timeline", LIKE_HIM, "--data", data)["events"]] == ["open"]
    assert [
        d["name"] for d in map(json.loads, inkdot("doc", "list", "--json", "--data", data).stdout.splitlines())
    ] == ["both.pdf"]
    assert inkdot_json("consent", "verify", "--data", data)["ok"]
    assert inkdot_json("verify", "--data", data)["ok"]
