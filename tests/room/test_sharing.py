"""Documents by the command line: shared, listed, replaced, revoked, erased, refused."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Server, inkdot, inkdot_json
from tests.room.made import Browser, pdf, report, share


def test_a_shared_document_has_exactly_the_promised_shape(server: Server, offer: Path) -> None:
    made = share(server, offer)
    assert list(made) == ["document", "link", "url"]
    assert made["document"].startswith("doc_")
    assert made["link"].startswith("shr_")
    assert made["url"].startswith(server.public + "/d/")


def test_the_same_file_is_one_document_for_all_its_readers(server: Server, offer: Path) -> None:
    first, second = share(server, offer, to="ben@example.com"), share(server, offer, to="cleo@example.com")
    assert first["document"] == second["document"]
    assert first["url"] != second["url"]
    assert share(server, first["document"], to="dora@example.com")["document"] == first["document"]


def test_an_unread_document_reports_its_pages_and_words(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "fresh.pdf", 3, "fresh"))
    told = report(server, made["document"])
    assert set(told) == {
        "document", "name", "version", "pages", "said", "visits", "people", "links", "suggestions", "visits_for_nobody",
        "hidden_below", "grade",
    }  # fmt: skip
    assert told["visits"] == []
    assert told["pages"] == [{"page": n, "visits": 0, "seconds": 0, "words": 203, "reading": None} for n in (1, 2, 3)]


def test_a_link_works_until_it_is_revoked(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "gone.pdf", 1, "gone"))
    browser = Browser(made["url"])
    assert "gone.pdf" in browser.open()
    assert browser.ask("pages/1")[0] == 200
    assert inkdot_json("doc", "revoke", made["link"], "--data", server.data) == {"revoked": [made["link"]]}
    status, _, page = browser.ask()
    assert (status, b"This link has ended" in page) == (410, True)
    assert browser.ask("pages/1")[0] == 410
    assert browser.ask("file")[0] == 410


def test_a_replaced_file_keeps_its_link_and_its_readings_apart(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "plan.pdf", 4, "plan"))
    before = Browser(made["url"])
    before.open()
    before.stay(2.1)
    assert before.beat([4, 2.0, 1, [0]])[0] == 204
    new = inkdot_json(
        "doc", "replace", made["document"], pdf(tmp_path / "plan-2.pdf", 2, "better"), "--data", server.data
    )
    assert new == {"document": made["document"], "version": 2, "pages": 2}
    assert "plan-2.pdf" in Browser(made["url"]).open()
    assert b"plan" in before.ask("lines/4")[2]  # who reads the old one reads on undisturbed
    told = report(server, made["document"], seconds=2)
    assert [p["seconds"] for p in told["pages"]] == [0, 0]
    assert [v["version"] for v in told["visits"]] == [1]
    old = report(server, made["document"], "--version", "1")
    assert [p["seconds"] for p in old["pages"]] == [0, 0, 0, 2.0]


def test_an_erased_document_leaves_no_file(own_server: Server, tmp_path: Path) -> None:
    data = own_server.data
    made = share(own_server, pdf(tmp_path / "secret.pdf", 1, "secret"))
    assert [p for p in (data / "uploads").rglob("*") if p.is_file()]
    assert inkdot_json("doc", "erase", made["document"], "--data", data)["files_deleted"] == 1
    assert not [p for p in (data / "uploads").rglob("*") if p.is_file()]
    assert not list((data / "drawn").iterdir())
    assert Browser(made["url"]).ask()[0] == 404


def test_a_list_tells_every_link_and_its_conditions(server: Server, tmp_path: Path) -> None:
    file = pdf(tmp_path / "listed.pdf", 1, "listed")
    made = share(server, file, "--password", "sesame", "--expires", "7d", "--no-download", "--email-gate")
    lines = inkdot("doc", "list", "--data", server.data, "--json").stdout.splitlines()
    link = next(json_line for json_line in lines if made["link"] in json_line)
    assert '"passcode": true' in link
    assert '"gate": "email"' in link
    assert '"download": false' in link
    shown = inkdot("doc", "list", "--data", server.data).stdout
    assert made["link"] in shown
    assert "no download" in shown


def test_pictures_are_documents_too(server: Server, tmp_path: Path) -> None:
    Image.new("RGB", (1600, 900), "navy").save(tmp_path / "plan.png")
    browser = Browser(share(server, tmp_path / "plan.png")["url"])
    browser.open()
    status, headers, content = browser.ask("pages/1?w=880")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(content)).size == (880, 495)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.pdf", b"", "is empty"),
        ("notes.txt", b"just words", "cannot be shown"),
        ("broken.pdf", b"%PDF-1.7\nnothing more", "cannot be read"),
        ("cut.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "cannot be read"),
        ("named.docx", b"%PDF-1.4\n%%EOF", "cannot be read"),
        ("zip.docx", b"PK\x03\x04" + bytes(60), "cannot be shown"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "cannot be shown"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_one_sentence(
    server: Server, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    before = sorted(server.data.glob("uploads/*/*"))
    done = inkdot("doc", "share", tmp_path / name, "--to", "ben@example.com", "--data", server.data, check=False)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert sorted(server.data.glob("uploads/*/*")) == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--to", "nobody"), "is not a mail address"),
        (("--to", "ben@example.com", "--expires", "soon"), "is no time"),
        (("--to", "ben@example.com", "--expires", "2001-01-01"), "is over already"),
        (("--to", "ben@example.com", "--password", "abc"), "at least 4"),
        (("--to", "ben@example.com", "--allow", "a b"), "is not a mail address"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(server: Server, offer: Path, options: tuple[str, ...], says: str) -> None:
    done = inkdot("doc", "share", offer, *options, "--data", server.data, check=False)
    assert done.returncode == 2
    assert says in done.stderr


def test_the_quota_holds(tmp_path: Path, offer: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inkdot.toml").write_text("documents_quota = 1000\n")
    done = inkdot("doc", "share", offer, "--to", "ben@example.com", "--data", tmp_path / "data", check=False)
    assert done.returncode == 2
    assert "documents_quota" in done.stderr


def test_a_backup_holds_the_documents(own_server: Server, tmp_path: Path) -> None:
    file = pdf(tmp_path / "kept.pdf", 1, "kept")
    made = share(own_server, file)
    own_server.stop()
    inkdot("backup", tmp_path / "all.tar", "--data", own_server.data)
    inkdot("restore", tmp_path / "all.tar", "--data", tmp_path / "again")
    restored = Server(tmp_path / "again")
    browser = Browser(made["url"].replace(own_server.public, restored.public))
    browser.open()
    assert browser.ask("pages/1")[0] == 200
    assert browser.ask("file")[2] == file.read_bytes()
    restored.stop()


def test_documents_that_nobody_can_read_any_more_go_by_themselves(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text("documents_days = 1\n")
    where = ("--data", data)
    ended, living = (pdf(tmp_path / f"{name}.pdf", 1, name) for name in ("ended", "living"))
    old = inkdot_json("doc", "share", ended, "--to", "ben@example.com", *where)
    new = inkdot_json("doc", "share", living, "--to", "ben@example.com", *where)
    inkdot("doc", "revoke", old["link"], *where)
    with sqlite3.connect(data / "control.db") as control:  # two days go by
        control.execute("UPDATE documents SET made = made - 172800")
        control.execute("UPDATE shares SET made = made - 172800, revoked = revoked - 172800")
    inkdot("tidy", *where)
    listed = inkdot("doc", "list", "--json", *where).stdout
    assert new["document"] in listed
    assert old["document"] not in listed
    assert len([p for p in (data / "uploads").rglob("*") if p.is_file()]) == 1
