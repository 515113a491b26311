"""Documents attached to mails that go through the mail door: each recipient's own, through kills, and told where they are left."""

from __future__ import annotations

import email
import json
import os
import signal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.conftest import ADA, BEN, EVE, eventually, inkdot
from tests.document.test_dots_in_documents import letter, rewritten, sheets
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


def test_why_a_document_was_left_as_it_was_stands_in_the_log(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no", attachments="dots")
        scan, locked = pdf(tmp_path / "scan.pdf", 1).read_bytes(), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
        mail = with_files("As they are.\n", scan_pdf=scan, old_doc=locked)
        door.send(mail)
        (got,) = door.delivered()
        assert attached(got.content) == {"scan.pdf": scan, "old.doc": locked}
        said = door.stop()
        (left,) = (json.loads(line) for line in said.splitlines() if "attachments_left" in line)
        assert left["why"] == [
            "scan.pdf was left as it is. A PDF gets no dot: programs that show it fetch nothing. 'link' shares it instead.",
            "old.doc was left as it is. This is a file of Word, Excel or PowerPoint 97; save it as docx, xlsx or pptx first.",
        ]
