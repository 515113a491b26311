"""The mail door proven with real programs: Thunderbird sends, dovecot keeps the mailbox that is watched.

python proofs/mail.py             all of them
python proofs/mail.py kill        one of them: kill, addon, ticks, dovecot, thunderbird
"""

from __future__ import annotations

import imaplib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import ADA, BEN, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.relay.mail_door import CLEO, MailDoor, page
from tests.relay.sink import Got, Sink
from tests.relay.test_faults import Senders

from inkdot.show.addons import packed
from proofs.thunderbird import Thunderbird

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
first_valid_uid = 0
mail_location = maildir:{folder}/mail/%u
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  chroot =
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
"""


def dots(copy: Got) -> list[str]:
    return [part.split(b".gif")[0].decode() for part in copy.content.replace(b"=\r\n", b"").split(b"/o/")[1:]]


@contextmanager
def mailbox(folder: Path, port: int) -> Iterator[imaplib.IMAP4]:
    """Dovecot with Ada's mailbox."""
    folder.mkdir()
    folder.parent.chmod(0o755)
    (folder / "mail").mkdir()
    (folder / "mail").chmod(0o777)
    (folder / "users").write_text("ada@example.com:{PLAIN}secret::::::\n")
    (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder, port=port))
    server = subprocess.Popen(["dovecot", "-F", "-c", str(folder / "dovecot.conf")])
    try:
        client = eventually(lambda: connected(port))
        client.login(ADA, "secret")
        client.select("INBOX")
        yield client
        client.logout()
    finally:
        server.terminate()
        server.wait()


def connected(port: int) -> imaplib.IMAP4 | None:
    try:
        return imaplib.IMAP4("127.0.0.1", port)
    except OSError:
        return None


def answer(question: Got, sender: str, *lines: str) -> bytes:
    head = [f"From: {sender}", f"To: {ADA}", "Subject: Re: Question", f"In-Reply-To: {question.header('Message-ID')}"]
    return "\r\n".join([*head, "Message-ID: <answer@example.com>", *lines, "", "Yes.", ""]).encode()


def dovecot() -> None:
    """Replies and reports that arrive in a dovecot mailbox become events; automatic answers do not."""
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        folder, port = Path(name), 14_143
        with mailbox(folder / "dovecot", port) as box:
            door = MailDoor(
                folder, sink, imap=f"imap://ada%40example.com@127.0.0.1:{port}/INBOX", imap_password="secret"
            )
            door.send(page("Question"), BEN, CLEO)
            question = door.delivered(BEN)[0]
            box.append("INBOX", None, None, answer(question, BEN, "Auto-Submitted: auto-replied"))
            box.append("INBOX", None, None, answer(question, ADA))
            begun = time.monotonic()
            box.append("INBOX", None, None, answer(question, f"Ben <{BEN}>", "User-Agent: Mozilla Thunderbird"))
            events = door.server.timeline(BEN, at_least=2)
            seconds = time.monotonic() - begun
            assert [(e["kind"], e["actor"], e["human"]) for e in events] == [
                ("reply", "human", "yes"),
                ("open", "human", "yes"),
            ]
            box.append("INBOX", None, None, report(question))
            bounce = door.server.timeline(CLEO, at_least=1)[0]
            assert (bounce["kind"], bounce["human"]) == ("bounce", "no")
            mail = inkdot_json("report", "mail", "--data", door.data)["messages"][0]
            assert (mail["replied"], mail["bounced"], mail["opened"]["sure"]) == (1, 1, 1)
            inkdot("rebuild", "--data", door.data)
            assert [e["kind"] for e in door.server.timeline(BEN, at_least=2)] == ["reply", "open"]
            assert door.server.timeline(ADA) == []
            flags = box.fetch("1:*", "(FLAGS)")[1]
            assert not any(b"Seen" in bytes(flag) for flag in flags if isinstance(flag, bytes))
            door.stop()
    print(
        f"DOVECOT OK: reply seen {seconds:.1f} s after it came, bounce known, automatic answer and own mail not counted"
    )


def report(question: Got) -> bytes:
    lines = [
        "From: MAILER-DAEMON@mx.example.net", f"To: {ADA}", "Subject: Undelivered", "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b", "Content-Type: text/plain", "",
        "Sorry.", "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.net", "",
        f"Final-Recipient: rfc822; {CLEO}", "Action: failed", "Status: 5.2.2", "Diagnostic-Code: smtp; 552 5.2.2 Full", "",
        "--b", "Content-Type: text/rfc822-headers", "", f"Message-ID: {question.header('Message-ID')}", "", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def thunderbird() -> None:
    """Thunderbird sends to three with STARTTLS and a password; Ben opens and answers; the timeline is right."""
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        folder, port = Path(name), 14_144
        with mailbox(folder / "dovecot", port) as box:
            door = MailDoor(
                folder, sink, imap=f"imap://ada%40example.com@127.0.0.1:{port}/INBOX", imap_password="secret"
            )
            with Thunderbird(folder / "ada", ADA, door.address, door.user, door.password) as program:
                opened, reply = conversation(door, program, folder / "received.eml")
            # Ben has the same program; what it wrote reaches Ada's mailbox under his name.
            box.append("INBOX", None, None, reply.content.replace(ADA.encode(), BEN.encode()))
            events = eventually(lambda: (e := door.server.timeline(BEN))[-1]["kind"] == "reply" and e)
            counted = [(e["kind"], e["human"]) for e in events if e["repeat_of"] is None]
            assert [kind for kind, _ in counted] == ["open", "reply"], counted
            assert counted[1] == ("reply", "yes")
            assert "Thunderbird" in events[-1]["fields"]["client"]["value"]
            assert door.server.timeline(ADA) == []
            door.stop()
    print(
        f"THUNDERBIRD OK: sent to three, one open and one reply counted, none by the sender; {opened['raw']['agent']}"
    )


def conversation(door: MailDoor, program: Thunderbird, received: Path) -> tuple[dict[str, Any], Got]:
    """Ada sends, Ben opens and answers: the first open, and the answer as it left."""
    link = "<p>See <a href='https://www.example.com/'>it</a></p>"
    program.send("From Thunderbird", link, BEN, CLEO, "blind@example.com")
    copies = [door.delivered(to)[0] for to in (BEN, CLEO, "blind@example.com")]
    assert len({dot for copy in copies for dot in dots(copy)}) == 6
    assert not any(b"blind@" in copy.content for copy in copies)
    assert door.server.timeline(BEN) == []
    received.write_bytes(copies[0].content)
    time.sleep(3)  # what opens a mail within two seconds of its hand-over is taken for a scanner, rightly
    program.open(received)
    opens = door.server.timeline(BEN, at_least=2)
    assert [(e["kind"], e["actor"]) for e in opens[:2]] == [("open", "human")] * 2, opens
    assert all(e["repeat_of"] == opens[0]["id"] for e in opens[1:])
    program.reply(received, "<p>Thank you.</p>", CLEO)
    reply = door.delivered(CLEO, 2)[1]
    assert reply.header("In-Reply-To") == copies[0].header("Message-ID")
    assert b"<blockquote" in reply.content
    assert len(dots(reply)) == 2
    assert not set(dots(reply)) & set(dots(copies[0]))
    return opens[0], reply


def kill(kills: int = 100) -> None:
    """Kill -9 of the relay again and again under load: no mail that was answered with 250 is lost."""
    chance = random.Random(2026)
    with Sink(delay=0.001) as sink, tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        door = MailDoor(Path(name), sink, retry_seconds=1)
        senders = Senders(door)
        for number in range(kills):
            before = len(senders.kept)
            eventually(lambda before=before: len(senders.kept) > before)
            time.sleep(chance.uniform(0.0, 0.5))
            os.kill(door.server.children()["relay"], signal.SIGKILL)
            if number % 10 == 9:
                print(f"{number + 1} kills, {len(senders.kept)} mails taken", flush=True)
        kept = senders.stop()
        assert senders.strange == []
        eventually(lambda: "relay" in door.server.children() and not door.queue(), 120)
        doubles = 0
        for recipient in (BEN, CLEO):
            subjects = Counter(mail.header("Subject") for mail in sink.mails_to(recipient))
            assert [subject for subject in kept if not subjects[subject]] == []
            doubles += sum(subjects.values()) - len(subjects)
        door.stop()
    print(f"KILL OK: {kills} kills, {len(kept)} mails to two people each, 0 lost, {doubles} copies twice")


BUTTON = "thunderbird_inkdot_example-composeAction-toolbarbutton"


def addon() -> None:
    """The add-on for Thunderbird: its button keeps one mail unmarked, and the next one is marked again."""
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        folder = Path(name)
        door = MailDoor(folder, sink)
        (file := folder / "inkdot.xpi").write_bytes(packed("inkdot-thunderbird.xpi"))
        with Thunderbird(folder / "ada", ADA, door.address, door.user, door.password, file) as program:
            program.send("Private", "<p>Hello <b>there</b>.</p>", BEN, press=(BUTTON,))
            program.send("Thought better of it", "<p>Hello <b>there</b>.</p>", BEN, press=(BUTTON, BUTTON))
            program.send("Ordinary", "<p>Hello <b>there</b>.</p>", BEN)
            copies = {copy.header("Subject"): copy for copy in door.delivered(BEN, 3)}
        found = {subject: len(dots(copy)) for subject, copy in copies.items()}
        assert found == {
            "Private": 0, "Thought better of it": 2, "Ordinary": 2,
        }, found  # fmt: skip
        assert not any(b"X-Inkdot" in copy.content for copy in copies.values())
        reasons = {row["subject"]: row["left_alone"] and row["left_alone"]["reason"] for row in door.log()}
        assert reasons == {"Private": "switched_off", "Thought better of it": None, "Ordinary": None}
        door.stop()
    print("ADD-ON OK: its button switches marks off and on again for one mail")


def ticks() -> None:
    """The add-on without a mail door: it marks by the API, says what became of the mail, and keeps its sender silent."""
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        folder = Path(name)
        house = Server(folder / "house")
        key = inkdot_json("key", "add", "thunderbird", "--scope", "read", "--scope", "send", "--data", house.data)[
            "secret"
        ]
        plain = MailDoor(folder, sink, track_opens=0, track_clicks=0)  # any mail server: it knows no mark of this house
        (file := folder / "inkdot.xpi").write_bytes(packed("inkdot-thunderbird.xpi"))
        body = "<p>Hello <a href='https://example.com/a'>there</a>.</p>"
        with Thunderbird(folder / "ada", ADA, plain.address, plain.user, plain.password, file) as program:
            program.choose(server=house.office, key=key, here=True)
            program.send("Marked here", body, BEN)
            program.send("Not this one", body, BEN, press=(BUTTON,))
            program.send("To two", body, BEN, cc=CLEO)
            copies = {copy.header("Subject"): copy for copy in plain.delivered(BEN, 3)}
            assert {subject: len(dots(copy)) for subject, copy in copies.items()} == {
                "Marked here": 2, "Not this one": 0, "To two": 0,
            }  # fmt: skip
            sent = folder / "sent.eml"
            sent.write_bytes(copies["Marked here"].content)
            program.open(sent)
            eventually(lambda: program.tick() == "✓ sent", 20)
            time.sleep(3)  # what would load by now must not have
            assert house.timeline(BEN) == []
            house.get(f"/o/{dots(copies['Marked here'])[0]}.gif", User_Agent=THUNDERBIRD)
            house.timeline(BEN, 1)
            program.open(sent)
            eventually(lambda: program.tick() == "✓✓ likely opened", 20)
        plain.stop()
        house.stop()
    print("TICKS OK: marked by the API, told what became of it, and silent where it was sent")


PROOFS = {"kill": kill, "addon": addon, "ticks": ticks, "dovecot": dovecot, "thunderbird": thunderbird}

if __name__ == "__main__":
    for proof in sys.argv[1:] or PROOFS:
        PROOFS[proof]()
