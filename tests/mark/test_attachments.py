"""Attached documents: left, given dots, or replaced by a link, for each recipient; the rest of the mail stays as it was."""

from __future__ import annotations

import email
import json
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ADA, BEN, EVE, Server, eventually, inkdot, inkdot_json
from tests.document.test_dots_in_documents import letter
from tests.relay.mail_door import MailDoor
from tests.relay.sink import Sink
from tests.room.made import Browser, pdf

DOCX = "vnd.openxmlformats-officedocument.wordprocessingml.document"


def quote(folder: Path, *, html: bool = True, plain: bool = True, cte: str | None = None) -> Path:
    """A mail with a letter, a PDF and a picture attached."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ADA, BEN, "The quote"
    mail["Message-ID"], mail["Date"] = "<quote@example.com>", "Mon, 23 Nov 2026 15:00:00 +0000"
    if plain:
        mail.set_content("Hello Ben,\n\nthe quote is attached.\n", cte=cte)
    if html and plain:
        mail.add_alternative("<html><body><p>Hello Ben, grüße!</p></body></html>\n", subtype="html")
    elif html:
        mail.set_content("<html><body><p>Hello Ben, grüße!</p></body></html>\n", subtype="html", cte=cte)
    mail.add_attachment(letter(), maintype="application", subtype=DOCX, filename="letter.docx")
    content = pdf(folder / "in.pdf", 3, "quote").read_bytes()
    mail.add_attachment(content, maintype="application", subtype="pdf", filename="Überblick für Ben.pdf")
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + b"0" * 99, maintype="image", subtype="png", filename="logo.png")
    path = folder / "quote.eml"
    path.write_bytes(mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return path


def copies(server: Server, mail: Path, how: str, *to: str) -> list[dict[str, Any]]:
    """The copies that `mail mark` writes."""
    people = [word for address in to or (BEN,) for word in ("--to", address)]
    where = ("--out-dir", mail.parent, "--data", server.data, "--public-url", server.public)
    return list(inkdot_json("mail", "mark", mail, *people, "--attachments", how, *where)["copies"])


def files(content: bytes) -> dict[str, bytes]:
    mail = email.message_from_bytes(content, policy=default)
    return {str(p.get_filename()): bytes(p.get_content()) for p in mail.iter_attachments()}


def test_attachments_stay_as_they_are_unless_it_is_wished_otherwise(server: Server, tmp_path: Path) -> None:
    mail = quote(tmp_path)
    (copy,) = copies(server, mail, "leave")
    assert files(Path(copy["file"]).read_bytes()) == files(mail.read_bytes())
    assert copy["attachments"] == []


def test_dots_are_each_recipients_own_and_tell_of_the_document(server: Server, tmp_path: Path) -> None:
    mail = quote(tmp_path)
    both = copies(server, mail, "dots", BEN, EVE)
    for copy, person in zip(both, (BEN, EVE), strict=True):
        (marked,) = copy["attachments"]
        assert marked["name"] == "letter.docx"
        before, after = files(mail.read_bytes()), files(Path(copy["file"]).read_bytes())
        assert after["letter.docx"] != before["letter.docx"]
        assert {k: v for k, v in after.items() if k != "letter.docx"} == {
            k: v for k, v in before.items() if k != "letter.docx"
        }
        urllib.request.urlopen(marked["dots"][0]).close()
        told = eventually(lambda: inkdot_json("doc", "report", marked["document"], "--data", server.data)["visits"])  # noqa: B023
        assert [v["person"] for v in told] == [person]
        (tmp_path / "marked.docx").write_bytes(after["letter.docx"])
        inkdot("doc", "unmark", tmp_path / "marked.docx", "--out", tmp_path / "clean.docx")
        assert (tmp_path / "clean.docx").read_bytes()[-22:] == before["letter.docx"][-22:]
    assert both[0]["attachments"][0]["document"] != both[1]["attachments"][0]["document"]
    assert any("Überblick für Ben.pdf was left as it is. A PDF gets no dot" in w for w in both[0]["warnings"])


@pytest.fixture(scope="module")
def without_libreoffice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("without") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text('libreoffice = "off"\n')
    running = Server(data)
    yield running
    running.stop()


@pytest.mark.parametrize("cte", [None, "base64", "quoted-printable"])
@pytest.mark.parametrize(("html", "plain"), [(True, True), (True, False), (False, True)])
def test_a_link_stands_in_the_text_and_the_file_is_gone(
    tmp_path: Path, without_libreoffice: Server, *, html: bool, plain: bool, cte: str | None
) -> None:
    mail = quote(tmp_path, html=html, plain=plain, cte=cte)
    (copy,) = copies(without_libreoffice, mail, "link")
    content = Path(copy["file"]).read_bytes()
    (shared,) = copy["attachments"]
    assert set(files(content)) == {"letter.docx", "logo.png"}
    assert files(content)["letter.docx"] == files(mail.read_bytes())["letter.docx"]
    read = email.message_from_bytes(content, policy=default)
    for subtype in ["html"] * html + ["plain"] * plain:
        body = read.get_body((subtype,))
        assert body is not None
        assert shared["link"] in body.get_content()
        assert not body.defects
    if html:
        shown = read.get_body(("html",))
        assert shown is not None
        assert "&#220;berblick f&#252;r Ben.pdf</b></a>" in shown.get_content()
        assert shown.get_content().index("opens in the browser") < shown.get_content().index("</body>")
    assert "of 3</span>" in Browser(shared["link"]).open()
    assert any("letter.docx was left as it is" in w and "install" in w for w in copy["warnings"])


def test_who_withdrew_gets_the_files_as_they_are(server: Server, tmp_path: Path) -> None:
    inkdot("consent", "set", "nora@example.com", "--mode", "off", "--data", server.data)
    mail = quote(tmp_path)
    for how in ("dots", "link"):
        (copy,) = copies(server, mail, how, "nora@example.com")
        assert files(Path(copy["file"]).read_bytes()) == files(mail.read_bytes())


def test_a_mail_of_nothing_but_a_file_carries_the_link_in_its_place(server: Server, tmp_path: Path) -> None:
    content = pdf(tmp_path / "only.pdf", 1, "only").read_bytes()
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ADA, BEN, "Only"
    mail.add_attachment(content, maintype="application", subtype="pdf", filename="only.pdf")
    (tmp_path / "only.eml").write_bytes(mail.as_bytes())
    (copy,) = copies(server, tmp_path / "only.eml", "link")
    (part,) = email.message_from_bytes(Path(copy["file"]).read_bytes(), policy=default).iter_parts()
    assert part.get_content_type() == "text/html"
    assert copy["attachments"][0]["link"] in part.get_content()


def test_the_mail_door_shares_attachments_once_however_often_it_tries(tmp_path: Path) -> None:
    mail = quote(tmp_path)
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1, relay_ask_upstream="no", attachments="link", libreoffice="off")
        door.send(mail.read_bytes())
        door.send(mail.read_bytes(), EVE)
        (ben,), (eve,) = door.delivered(BEN), door.delivered(EVE)
        assert set(files(ben.content)) == {"letter.docx", "logo.png"} == set(files(eve.content))
        listed = [json.loads(line) for line in inkdot("doc", "list", "--json", "--data", door.data).stdout.splitlines()]
        assert [(d["name"], sorted(link["to"] for link in d["links"])) for d in listed] == [
            ("Überblick für Ben.pdf", [BEN, EVE])
        ]
        door.stop()


def test_a_campaign_deals_with_attachments_for_each_person(tmp_path: Path) -> None:
    mail, data = quote(tmp_path), tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text('libreoffice = "off"\n')
    (tmp_path / "people.csv").write_text(f"email\n{BEN}\n{EVE}\n")
    with Sink() as sink:
        for how in ("dots", "link"):
            sent = inkdot(
                "mail", "send", mail, "--people", tmp_path / "people.csv", "--smtp", sink.url, "--attachments", how,
                "--campaign", how, "--data", data,
            )  # fmt: skip
            assert sent.stderr.count("letter.docx was left as it is") == (1 if how == "link" else 0)
        dotted, linked = ([files(got.content) for got in sink.got][n : n + 2] for n in (0, 2))
    original = files(mail.read_bytes())
    assert len({original["letter.docx"], *(f["letter.docx"] for f in dotted)}) == 3
    assert [set(f) for f in linked] == [{"letter.docx", "logo.png"}] * 2
    listed = [json.loads(line) for line in inkdot("doc", "list", "--json", "--data", data).stdout.splitlines()]
    assert [sorted(link["to"] for link in d["links"]) for d in listed if d["links"]] == [[BEN, EVE]]


def test_an_unknown_treatment_is_refused_with_those_there_are(server: Server, tmp_path: Path) -> None:
    refused = inkdot(
        "mail", "mark", quote(tmp_path), "--to", BEN, "--attachments", "eat", "--data", server.data, check=False
    )
    assert refused.returncode == 2
    assert "write leave, dots, link" in refused.stderr
