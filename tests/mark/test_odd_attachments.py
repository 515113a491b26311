"""Attached documents as other programs write them: names, encodings, mails of nothing but a file, mails that never close."""

from __future__ import annotations

import base64
import email
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BEN, EVE, Server, inkdot, inkdot_json
from tests.document.test_dots_in_documents import letter, odp, ods, odt, sheets, slides
from tests.mark.test_attachments import copies, files
from tests.room.made import Browser, pdf

TEXT = "Content-Type: text/plain; charset=utf-8\r\n\r\nHello Ben, the offer is attached.\r\n"
HEAD = "From: ada@example.com\r\nTo: ben@example.com\r\nSubject: The offer\r\nMIME-Version: 1.0\r\n"
MIXED = f'{HEAD}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n{TEXT}\r\n--b\r\n'


def packed(content: bytes) -> str:
    return base64.encodebytes(content).decode().replace("\n", "\r\n")


def saved(folder: Path, text: str | bytes, name: str = "in") -> Path:
    path = folder / f"{name}.eml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def copied(server: Server, mail: Path, how: str = "dots") -> tuple[dict[str, Any], bytes]:
    """What is told of the one copy, and its bytes."""
    (copy,) = copies(server, mail, how)
    return copy, Path(copy["file"]).read_bytes()


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ('Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="=?utf-8?B?w5xiZXJibGljay5kb2N4?="', "Überblick.docx"),
        ('Content-Type: application/octet-stream; name="=?iso-8859-1?Q?=DCberblick_f=FCr?= =?iso-8859-1?Q?_Ben.docx?="', "Überblick für Ben.docx"),
        ("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=iso-8859-1''%DCberblick.docx", "Überblick.docx"),
        ("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"offer.docx\"; filename*=utf-8''%C3%9Cberblick.docx", "Überblick.docx"),
        ("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*0*=utf-8''%C3%9Cber;\r\n filename*1=\"blick.docx\"", "Überblick.docx"),
        ('Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="Überblick.docx"', "Überblick.docx"),
        ('Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document; name="offer.DOCX"', "offer.DOCX"),
        ("Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document.docx"),
        ('Content-Type: application/octet-stream\r\nContent-Disposition: inline; filename="C:\\\\Temp\\\\offer.docx"', "C:_Temp_offer.docx"),
        ("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=raw-unicode-escape''%5Cud800.docx", "?.docx"),
        (f'Content-Type: application/octet-stream; name="{"ü" * 140}.docx"', f'{"ü" * 97}.docx'),
    ],
    ids=["2047", "2047 split", "2231", "2231 beside ASCII", "2231 split", "plain UTF-8", "of the type", "none", "path", "half", "long"],
)  # fmt: skip
def test_a_document_is_known_however_its_name_is_written(
    server: Server, tmp_path: Path, headers: str, name: str
) -> None:
    body = f"Content-Transfer-Encoding: base64\r\n\r\n{packed(letter())}--b--\r\n"
    mail = saved(tmp_path, f"{MIXED}{headers}\r\n{body}")
    copy, content = copied(server, mail)
    assert [a["name"] for a in copy["attachments"]] == [name], copy["warnings"]
    before, after = (email.message_from_bytes(c, policy=default) for c in (mail.read_bytes(), content))
    assert str(next(after.iter_parts())) == str(next(before.iter_parts()))
    inkdot_json("doc", "report", copy["attachments"][0]["document"], "--data", server.data)


@pytest.mark.parametrize("ending", ["docx", "pptx", "xlsx", "odt", "odp", "ods"])
def test_every_kind_gets_dots_of_each_recipient_and_is_the_same_file_without_them(
    server: Server, tmp_path: Path, ending: str
) -> None:
    made = {"docx": letter, "pptx": slides, "xlsx": sheets, "odt": odt, "odp": odp, "ods": ods}[ending]()
    head = f"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=offer.{ending}\r\n"
    mail = saved(tmp_path, f"{MIXED}{head}Content-Transfer-Encoding: base64\r\n\r\n{packed(made)}--b--\r\n")
    both = copies(server, mail, "dots", BEN, EVE)
    told = [files(Path(copy["file"]).read_bytes())[f"offer.{ending}"] for copy in both]
    assert len({made, *told}) == 3
    for content, copy in zip(told, both, strict=True):
        assert len(copy["attachments"][0]["dots"]) == 1
        (tmp_path / f"marked.{ending}").write_bytes(content)
        inkdot("doc", "unmark", tmp_path / f"marked.{ending}", "--out", tmp_path / f"clean.{ending}")
        assert (tmp_path / f"clean.{ending}").read_bytes() == made


@pytest.mark.parametrize("encoding", ["quoted-printable", "binary", None])
def test_a_document_in_another_encoding_leaves_in_base64(server: Server, tmp_path: Path, encoding: str | None) -> None:
    made = odt()
    signs = [f"={byte:02X}".encode() for byte in made]
    lines = [b"".join(signs[at : at + 25]) for at in range(0, len(signs), 25)]
    body = b"=\r\n".join(lines) if encoding == "quoted-printable" else made
    head = "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=offer.odt;\r\n size=9876\r\n"
    head += f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    mail = saved(tmp_path, f"{MIXED}{head}\r\n".encode() + body + b"\r\n--b--\r\n")
    copy, content = copied(server, mail)
    assert len(copy["attachments"]) == 1, copy["warnings"]
    (tmp_path / "marked.odt").write_bytes(files(content)["offer.odt"])
    inkdot("doc", "unmark", tmp_path / "marked.odt", "--out", tmp_path / "clean.odt")
    assert (tmp_path / "clean.odt").read_bytes() == made
    assert content.lower().count(b"content-transfer-encoding: base64") == 1
    assert b"9876" not in content  # it is larger now


def test_a_document_that_cannot_be_unpacked_is_left_and_told(server: Server, tmp_path: Path) -> None:
    head = "Content-Type: application/pdf; name=offer.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    mail = saved(tmp_path, f"{MIXED}{head}This is = no base64\r\n--b--\r\n")
    copy, content = copied(server, mail, "link")
    assert copy["warnings"] == ["offer.pdf was left as it is. Its transfer encoding is broken."]
    assert content == mail.read_bytes()


def test_a_scan_that_is_the_whole_mail_keeps_its_headers_and_leads_to_the_reader(
    server: Server, tmp_path: Path
) -> None:
    scan = packed(pdf(tmp_path / "scan.pdf", 2, "scan").read_bytes())
    kind = 'Content-Type: application/pdf; name="scan.pdf"\r\nContent-Transfer-Encoding: base64\r\nContent-Description: A scan\r\n'
    mail = saved(tmp_path, f"Received: from scanner\r\n{kind}{HEAD}\r\n{scan}", "scan")
    copy, content = copied(server, mail, "link")
    read = email.message_from_bytes(content, policy=default)
    assert (read["From"], read["To"], read["Subject"]) == ("ada@example.com", BEN, "The offer")
    assert read["Received"] == "from scanner"
    assert read.get_content_type() == "text/html"
    assert read["Content-Description"] is None
    url = copy["attachments"][0]["link"]
    assert url in read.get_content()
    assert "of 2</span>" in Browser(url).open()


@pytest.mark.parametrize("how", ["dots", "link"])
def test_a_mail_whose_parts_never_close_is_not_doubled(server: Server, tmp_path: Path, how: str) -> None:
    head = "Content-Type: application/octet-stream; name=offer.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    scan = packed(pdf(tmp_path / "open.pdf", 1, "open").read_bytes())
    mail = saved(tmp_path, f"{MIXED}{head}{scan.rstrip()}", "open")
    copy, content = copied(server, mail, how)
    assert content.count(b"Subject: The offer") == 1
    assert content.count(b"Hello Ben") == 1
    assert (b"JVBERi" in content) is (how == "dots")
    assert [a["link"] in content.decode() for a in copy["attachments"]] == ([True] if how == "link" else [])


def test_a_container_of_nothing_but_documents_goes_with_them(server: Server, tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@example.com", BEN, "Both"
    mail.set_content("Hello Ben\n")
    inner = EmailMessage()
    inner.make_mixed()
    for name in ("one", "two"):
        content = pdf(tmp_path / f"{name}.pdf", 1, name).read_bytes()
        inner.add_attachment(content, maintype="application", subtype="pdf", filename=f"{name}.pdf")
    mail.make_mixed()
    mail.attach(inner)
    _, content = copied(server, saved(tmp_path, mail.as_bytes(), "both"), "link")
    (text,) = email.message_from_bytes(content, policy=default).iter_parts()
    assert [line.partition(" (")[0] for line in text.get_content().splitlines() if "/d/" in line] == [
        "one.pdf",
        "two.pdf",
    ]


@pytest.mark.parametrize("charset", ["utf-16", "x-unknown"])
def test_a_text_that_cannot_be_added_to_keeps_the_link_where_the_file_was(
    server: Server, tmp_path: Path, charset: str
) -> None:
    text = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\nSGk=\r\n"
    head = "Content-Type: application/pdf; name=offer.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    scan = packed(pdf(tmp_path / "odd.pdf", 1, "odd").read_bytes())
    whole = f'{HEAD}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n{text}--b\r\n{head}{scan}--b--\r\n'
    copy, content = copied(server, saved(tmp_path, whole, "odd"), "link")
    first, second = email.message_from_bytes(content, policy=default).iter_parts()
    assert first.get_payload() == "SGk="
    assert copy["attachments"][0]["link"] in second.get_content()


@pytest.mark.parametrize("how", ["dots", "link"])
@pytest.mark.parametrize("kind", ['multipart/signed; protocol="application/pgp-signature"', "multipart/encrypted"])
def test_documents_in_signed_and_encrypted_mails_are_never_touched(
    server: Server, tmp_path: Path, how: str, kind: str
) -> None:
    head = "Content-Type: application/octet-stream; name=offer.odt\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    whole = f'{HEAD}Content-Type: {kind}; boundary="b"\r\n\r\n--b\r\n{TEXT}\r\n--b\r\n{head}{packed(odt())}--b--\r\n'
    mail = saved(tmp_path, whole, "signed")
    copy, content = copied(server, mail, how)
    assert content == mail.read_bytes()
    assert copy["attachments"] == []
    assert copy["left_alone"]["reason"] in ("signed", "encrypted")


def test_people_who_may_not_be_named_get_one_and_the_same_document(server: Server, tmp_path: Path) -> None:
    for person in ("aggregate-1@example.com", "aggregate-2@example.com"):
        inkdot("consent", "set", person, "--mode", "aggregate", "--data", server.data)
    head = "Content-Type: application/octet-stream; name=offer.odt\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    mail = saved(tmp_path, f"{MIXED}{head}{packed(odt())}--b--\r\n")
    found = [
        copies(server, mail, "dots", person)[0] for person in ("aggregate-1@example.com", "aggregate-2@example.com")
    ]
    one, two = (files(Path(copy["file"]).read_bytes())["offer.odt"] for copy in found)
    assert one == two
    assert found[0]["attachments"] == found[1]["attachments"]
