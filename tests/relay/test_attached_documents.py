"""Documents attached to mails that go through the mail door: each recipient's own, through kills, and told where they are left."""

from __future__ import annotations

import email
import json
import os
import signal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.conftest import ADA, BEN, EVE, eventually, inkdot, inkdot_json
from tests.document.test_dots_in_documents import letter, rewritten, sheets
from tests.office.asking import PASSWORD, Reader, key_for
from tests.relay.mail_door import MailDoor
from tests.relay.sink import Sink
from tests.room.made import pdf

MEGABYTES = 20


def with_files(text: str, **files: bytes) -> bytes:
    """A mail of plain text with documents."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ADA, BEN, "The quote"
    mail["Date"], mail["Message-ID"] = "Mon, 23 Nov 2026 15:00:00 +0000", "<attached@example.com>"
    mail.set_content(text)
    for name, content in files.items():
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name.replace("_", "."))
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def attached(content: bytes) -> dict[str, bytes]:
    mail = email.message_from_bytes(content, policy=default)
    return {str(part.get_filename()): bytes(part.get_content()) for part in mail.iter_attachments()}


def test_large_documents_get_each_recipients_dot_though_the_relay_is_killed(tmp_path: Path) -> None:
    large = rewritten(letter(), lambda _, part: part, {"word/media/large.bin": os.urandom(MEGABYTES << 20)})
    small = sheets()
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1, relay_ask_upstream="no", attachments="dots")

        def kill() -> None:
            sink.before_250 = None
            os.kill(door.server.children()["relay"], signal.SIGKILL)

        sink.before_250 = kill
        assert door.send(with_files("Two of them.\n", large_docx=large, small_xlsx=small), BEN, EVE).startswith("250")
        first, again = door.delivered(BEN, 2)
        assert first.content == again.content
        copies = [first, *door.delivered(EVE)]
        eventually(lambda: not door.queue())
        ben, eve = (attached(copy.content) for copy in copies)
        for name, original in (("large.docx", large), ("small.xlsx", small)):
            assert len({ben[name], eve[name], original}) == 3
            (tmp_path / name).write_bytes(ben[name])
            inkdot("doc", "unmark", tmp_path / name, "--out", tmp_path / f"clean-{name}")
            assert (tmp_path / f"clean-{name}").read_bytes() == original
        listed = [json.loads(line) for line in inkdot("doc", "list", "--json", "--data", door.data).stdout.splitlines()]
        assert sorted((d["name"], d["to"], d["dots"]) for d in listed) == sorted(
            (name, to, 1) for name in ("large.docx", "small.xlsx") for to in (BEN, EVE)
        )
        door.stop()


def test_why_a_document_left_as_it_came_is_told_where_its_sender_looks(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no", attachments="dots")
        scan, old = pdf(tmp_path / "scan.pdf", 1).read_bytes(), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
        door.send(with_files("As they are.\n", scan_pdf=scan, old_doc=old, letter_docx=letter()))
        (got,) = door.delivered()
        files = attached(got.content)
        assert (files["scan.pdf"], files["old.doc"], files["letter.docx"] == letter()) == (scan, old, False)
        (mail,) = inkdot_json("report", "mail", "--data", door.data)["messages"]
        assert [(one["name"], one["reason"]) for one in mail["untreated"]] == [
            ("old.doc", "old_format"),
            ("scan.pdf", "pdf"),
        ]
        eventually(lambda: not door.queue())
        logged = json.loads(inkdot("mail", "log", "--json", "--data", door.data).stdout)
        program = key_for(door.server, "read")
        shown = program.get(f"/messages/{mail['message']}").json["report"]
        assert logged["untreated"] == shown["untreated"] == mail["untreated"]
        assert "old.doc as it came: The document is of Word" in inkdot("mail", "log", "--data", door.data).stdout
        inkdot("account", "add", ADA, "--ask", "--data", door.data, stdin=f"{PASSWORD}\n")
        page = Reader(door.server, ADA).ask("GET", f"/mails/{mail['message']}")[2]
        assert "<b>scan.pdf</b>: A PDF gets no dot" in page
        assert "attachments_left" in door.stop()
