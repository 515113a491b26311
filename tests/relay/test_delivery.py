"""From the spool to the upstream: tries, reports, routes, logins, signatures, and mails that are left alone."""

from __future__ import annotations

import base64
import datetime as dt
import email
import email.message
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import dkim
import pytest

from inkdot.domain.ids import MessageId
from inkdot.relay.answers import Failed, bounce_in
from inkdot.relay.envelope import Envelope
from inkdot.relay.spool import Answer, Spool
from tests.conftest import ADA, BEN, eventually, files_in, inkdot, inkdot_json
from tests.relay.mail_door import CLEO, MailDoor, changed, page
from tests.relay.sink import Sink


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailDoor]:
    with Sink() as sink:
        running = MailDoor(tmp_path_factory.mktemp("door"), sink, retry_seconds=1, relay_ask_upstream="no")
        yield running
        running.stop()


_numbers = iter(range(10**9))


@pytest.fixture
def fresh() -> str:
    """A recipient of this test's own."""
    return f"d{next(_numbers)}@example.com"


def waits(door: MailDoor, person: str) -> bool:
    """Whether a mail to somebody is still in the spool; other tests have theirs there."""
    return any(person in mail["pending"] for mail in door.queue())


def signed(folder: Path) -> bytes:
    """An S/MIME mail, signed by openssl."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Ada/emailAddress=ada@example.com",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"], check=True, capture_output=True,
    )  # fmt: skip
    (folder / "plain").write_bytes(b"Content-Type: text/html\r\n\r\n<html><body><p>Signed.</p></body></html>\r\n")
    done = subprocess.run(
        ["openssl", "smime", "-sign", "-in", folder / "plain", "-signer", folder / "cert.pem", "-inkey", folder / "key.pem",
         "-from", ADA, "-to", BEN, "-subject", "Signed"], check=True, capture_output=True,
    )  # fmt: skip
    return done.stdout.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_a_signed_mail_leaves_byte_for_byte_and_openssl_verifies_it(door: MailDoor, fresh: str, tmp_path: Path) -> None:
    content = signed(tmp_path)
    door.send(content, fresh)
    got = door.delivered(fresh)[0].content
    assert got == content
    (tmp_path / "got").write_bytes(got)
    subprocess.run(
        ["openssl", "smime", "-verify", "-in", tmp_path / "got", "-CAfile", tmp_path / "cert.pem", "-out", tmp_path / "out"],
        check=True, capture_output=True,
    )  # fmt: skip
    row = eventually(lambda: next((r for r in door.log() if r["to"] == fresh and r["state"] == "sent"), None))
    assert row["left_alone"] == {"reason": "signed", "text": "The mail is signed; a mark would break the signature."}


def test_a_pgp_mail_still_verifies(door: MailDoor, fresh: str, tmp_path: Path) -> None:
    gpg = ["gpg", "--homedir", str(tmp_path), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    tmp_path.chmod(0o700)
    agent = ["gpgconf", "--homedir", str(tmp_path), "--launch", "gpg-agent"]  # gpg itself waits for it five seconds
    eventually(lambda: subprocess.run(agent, check=False, capture_output=True).returncode == 0)
    subprocess.run([*gpg, "--quick-generate-key", ADA, "ed25519", "sign"], check=True, capture_output=True)
    part = b"Content-Type: text/html\r\n\r\n<html><body><p>Signed with PGP.</p></body></html>\r\n"
    done = subprocess.run([*gpg, "--armor", "--detach-sign"], input=part, check=True, capture_output=True)
    head = f"From: {ADA}\r\nTo: {fresh}\r\nMessage-ID: <pgp@example.com>\r\nMIME-Version: 1.0\r\n".encode()
    head += b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary="b"\r\n\r\n'
    tail = (
        b"\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n"
        + done.stdout.replace(b"\n", b"\r\n")
        + b"--b--\r\n"
    )
    door.send(head + b"--b\r\n" + part + tail, fresh)
    got = door.delivered(fresh)[0].content
    body, signature = re.findall(rb"--b\r\n(.*?)\r\n--b\r\n.*?\r\n\r\n(.*?)--b--", got, re.DOTALL)[0]
    (tmp_path / "part").write_bytes(body)
    (tmp_path / "part.asc").write_bytes(signature)
    subprocess.run([*gpg, "--verify", tmp_path / "part.asc", tmp_path / "part"], check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"From: ada@example.com\r\nSubject: Plain\r\n\r\nJust text.\r\n", "text_only"),
        (page("Signed upstream").replace(b"From:", b"DKIM-Signature: v=1; a=rsa-sha256\r\nFrom:", 1), "dkim_signed"),
        (page("Vacation").replace(b"From:", b"Auto-Submitted: auto-replied\r\nFrom:", 1), "report"),
        (page("Broken", "<p>never <a href='x").replace(b"</body></html>", b""), "no_safe_place"),
        (b"From: ada@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + b"\r\n\r\n--x\r\n" * 1_001, "too_complex"),
        (b"", "unreadable"),
        (b"no headers at all\r\n", "unreadable"),
    ],
)  # fmt: skip
def test_what_must_not_or_cannot_be_marked_leaves_as_it_came(
    door: MailDoor, fresh: str, content: bytes, reason: str
) -> None:
    assert door.send(content, fresh).startswith("250")
    assert door.delivered(fresh)[0].content == content
    row = eventually(lambda: next((r for r in door.log() if r["to"] == fresh and r["state"] == "sent"), None))
    assert row["left_alone"]["reason"] == reason
    assert row["left_alone"]["text"]
    reported = inkdot_json("report", "mail", "--data", door.data)["messages"]
    assert next(m["unmarked"] for m in reported if m["message"] == row["message"]) == {reason: 1}


def test_blind_recipients_are_taken_out_of_mails_that_are_left_alone_too(door: MailDoor, fresh: str) -> None:
    content = b"From: ada@example.com\r\nBcc: hidden@example.com\r\nSubject: Plain\r\n\r\nJust text.\r\n"
    door.send(content, fresh)
    assert door.delivered(fresh)[0].content == content.replace(b"Bcc: hidden@example.com\r\n", b"")


@pytest.mark.parametrize("how", ["subject", "header"])
def test_a_sender_switches_tracking_off_for_one_mail(door: MailDoor, fresh: str, how: str) -> None:
    plain = page("Private words")
    switch = {"subject": page("[NoTrack] Private words"), "header": page("Private words", X_Inkdot="off")}
    door.send(re.sub(rb"Message-ID: [^\r]*", b"Message-ID: <p@example.com>", switch[how]), fresh)
    assert door.delivered(fresh)[0].content == re.sub(rb"Message-ID: [^\r]*", b"Message-ID: <p@example.com>", plain)


@pytest.mark.parametrize(
    ("subject", "sent"),
    [
        ("=?utf-8?q?=5Bnotrack=5D_Gr=C3=BC=C3=9Fe?=", "=?utf-8?B?R3LDvMOfZQ==?="),
        ("=?UTF-8?B?R3LDvMOfZSBbTm9UcmFja10=?=", "=?UTF-8?B?R3LDvMOfZQ==?="),
        ("Re: a [notrack] b", "Re: a b"),
    ],
)
def test_the_switch_is_found_in_any_subject(door: MailDoor, fresh: str, subject: str, sent: str) -> None:
    content = page("Here").replace(b"Subject: Here", f"Subject: {subject}".encode())
    door.send(content, fresh)
    assert door.delivered(fresh)[0].content == content.replace(subject.encode(), sent.encode())


def test_quoted_marks_of_older_mails_are_replaced(door: MailDoor, fresh: str) -> None:
    door.send(page("First"), fresh)
    older = door.delivered(fresh)[0].content
    quoted = older.split(b"<body>")[1].split(b"</body>")[0]
    door.send(page("Re: First", f"<p>Yes.</p><blockquote>{quoted.decode()}</blockquote>"), f"re-{fresh}")
    newer = door.delivered(f"re-{fresh}")[0].content
    old_urls = set(re.findall(rb"https?://[^\"'\s]+", quoted)) - {b"https://www.example.com/offer"}
    assert len(old_urls) == 3
    assert not [url for url in old_urls if url in newer]
    assert newer.count(b"<img ") == 2


def test_an_answer_of_text_alone_quotes_no_older_marks(door: MailDoor, fresh: str) -> None:
    door.send(page("First"), fresh)
    link = re.findall(rb"https?://[^\"'\s]+/c/[^\"'\s]+", door.delivered(fresh)[0].content)[0]
    answer = b"From: ada@example.com\r\nSubject: Re: First\r\n\r\nYes.\r\n> See it <%b>\r\n"
    door.send(answer % link, f"re-{fresh}")
    assert door.delivered(f"re-{fresh}")[0].content == answer % b"https://www.example.com/offer"


def test_a_mail_without_message_id_and_date_gets_them_once(door: MailDoor, fresh: str) -> None:
    content = re.sub(rb"(Message-ID|Date): [^\r]*\r\n", b"", page("Bare"))
    door.send(content, fresh, f"two-{fresh}")
    one, two = door.delivered(fresh)[0], door.delivered(f"two-{fresh}")[0]
    assert one.header("Message-ID") == two.header("Message-ID")
    assert re.fullmatch(r"<msg_\w{13}@\S+>", one.header("Message-ID") or "")
    assert one.header("Date") == two.header("Date")


def test_a_refusal_comes_back_as_a_report_and_the_others_get_their_copies(door: MailDoor, fresh: str) -> None:
    door.sink.answers[fresh] = "550 5.1.1 No such user here"
    sender = f"ada+{fresh.split('@', maxsplit=1)[0]}@example.com"
    door.send(page("To a stranger", From=sender), fresh, f"ok-{fresh}", sender=sender)
    assert door.delivered(f"ok-{fresh}")
    report = door.delivered(sender)[0]
    assert report.sender == ""
    mail = email.message_from_bytes(report.content, policy=default)
    assert mail.get_content_type() == "multipart/report"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert "Not delivered: To a stranger" in mail["Subject"]
    people, programs, heads = (part.as_string() for part in mail.iter_parts())
    assert fresh in people
    assert "No such user here" in people
    assert f"Final-Recipient: rfc822; {fresh}\n" in programs
    assert "Status: 5.1.1" in programs
    assert "Diagnostic-Code: smtp; 550 5.1.1 No such user here" in programs
    assert "Subject: To a stranger" in heads
    eventually(lambda: not waits(door, fresh))
    assert len(door.sink.mails_to(sender)) == 1


def test_a_report_is_what_rfc_3464_asks_for_whatever_the_server_and_the_mail_say(door: MailDoor, fresh: str) -> None:
    local = fresh.split("@", maxsplit=1)[0]
    refused, sender = f"jürgen-{local}@exämple.de", f"ada+{local}u@example.com"
    door.sink.answers[refused] = "550 5.1.1 Größe: kein Nutzer"
    subject = "Grüße aus der Stadt, " * 12
    door.send(page(subject, From=sender), refused, sender=sender)
    got = door.delivered(sender)[0].content
    heads, programs = got.split(b"\r\n\r\n")[0], got.split(b"message/delivery-status\r\n\r\n")[1].split(b"\r\n--")[0]
    assert (heads.isascii(), programs.isascii(), max(map(len, got.split(b"\r\n"))) <= 998) == (True, True, True)
    mail = email.message_from_bytes(got, policy=default)
    assert mail["Subject"] == f"Not delivered: {subject}"[: len("Not delivered: ") + 200].strip()
    assert mail.get_param("report-type") == "delivery-status"
    groups = next(p for p in mail.walk() if p.get_content_type() == "message/delivery-status").get_payload()
    assert isinstance(groups, list)
    mail_wide, *recipients = (dict(group.items()) for group in groups if isinstance(group, email.message.Message))
    assert mail_wide["Reporting-MTA"].startswith("dns; ")
    assert recipients == [
        {
            "Final-Recipient": f"utf-8; j\\x{{FC}}rgen-{local}@ex\\x{{E4}}mple.de", "Action": "failed", "Status": "5.1.1",
            "Remote-MTA": "dns; 127.0.0.1", "Diagnostic-Code": "smtp; 550 5.1.1 Gr\\x{F6}\\x{DF}e: kein Nutzer",
        }
    ]  # fmt: skip
    bounce = bounce_in(email.message_from_bytes(got))
    assert bounce
    assert bounce.failed == (Failed(refused, "5.1.1", "550 5.1.1 Größe: kein Nutzer"),)


def test_a_refusal_after_the_body_is_reported_too_but_not_to_nobody(door: MailDoor, fresh: str) -> None:
    door.sink.after_data[fresh] = "554 5.7.1 Spam"
    door.send(page("Read receipt"), fresh, sender="")
    row = eventually(lambda: next((r for r in door.log() if r["to"] == fresh and r["state"] == "refused"), None))
    assert row["answer"] == "554 5.7.1 Spam"
    eventually(lambda: not waits(door, fresh))
    assert not [mail for mail in door.sink.got if mail.sender == "" and fresh.encode() in mail.content]


def test_a_refusal_is_a_bounce_on_the_timeline(door: MailDoor, fresh: str) -> None:
    door.sink.answers[fresh] = "550 5.1.1 No such user here"
    door.send(page("Bounces"), fresh)
    event = door.server.timeline(fresh, at_least=1)[0]
    assert (event["kind"], event["human"], event["subject"]) == ("bounce", "no", "Bounces")
    assert "550 5.1.1 No such user here" in json.dumps(event["evidence"])


def test_a_refusal_is_told_once_although_its_report_fails_at_first(tmp_path: Path) -> None:
    with Sink(after_data={BEN: "550 5.7.1 no"}) as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no")
        spool = door.data / "spool"
        obstacles: list[Path] = []

        def hinder() -> None:
            obstacles.extend(mail.with_name(f"{mail.stem}r0.part") for mail in spool.glob("*.mail"))
            for obstacle in obstacles:
                obstacle.mkdir()
            sink.before_250 = None

        sink.before_250 = hinder
        door.send(page("Refused"))
        told = door.server.timeline(BEN, at_least=1)
        eventually(lambda: "Inkdot failed" in str(door.queue()))
        for obstacle in obstacles:
            obstacle.rmdir()
        inkdot("mail", "queue", "retry", "--all", "--data", door.data)
        assert door.delivered(ADA)[0].sender == ""
        assert [e["kind"] for e in told] == ["bounce"]
        assert door.server.timeline(BEN) == told
        door.stop()


def test_a_temporary_refusal_is_tried_again(door: MailDoor, fresh: str) -> None:
    door.sink.answers[fresh] = "450 4.2.0 Greylisted, come back"
    door.send(page("Greylisted"), fresh, f"ok-{fresh}")
    waiting = eventually(lambda: [m for m in door.queue() if m["pending"] == [fresh] and m["last"]])[0]
    assert waiting["last"] == "450 4.2.0 Greylisted, come back"
    assert waiting["tries"] >= 1
    del door.sink.answers[fresh]
    assert door.delivered(fresh)
    eventually(lambda: not waits(door, fresh))
    assert len(door.sink.mails_to(f"ok-{fresh}")) == 1


def test_pauses_grow_from_five_minutes_to_four_hours(tmp_path: Path) -> None:
    spool, now = Spool(tmp_path / "data" / "spool"), int(time.time())
    expected = {0: 300, 1: 600, 3: 2_400, 5: 9_600, 6: 14_400, 40: 14_400}  # by the tries before
    for tries in expected:
        incoming = spool.begin(Envelope(MessageId(2 * tries), now, ADA, (BEN,)))
        incoming.write(page("Again and again"))
        incoming.keep()
        with spool.taken(incoming.name) as mail:
            assert mail
            for _ in range(tries):
                spool.put_off(mail, 0.0, Answer(451, "4.3.0 Not today"))
    with Sink(answers={BEN: "451 4.3.0 Not today"}) as sink:
        door = MailDoor(tmp_path, sink)
        waiting = eventually(lambda: (q := door.queue()) and [m["tries"] for m in q] == [n + 1 for n in expected] and q)
        tried = time.time()
        for mail, pause in zip(waiting, expected.values(), strict=True):
            due = dt.datetime.fromisoformat(mail["next"]).timestamp()
            assert now <= due - pause <= tried + 1, (mail, pause)
        door.stop()


def test_a_mail_to_one_who_may_not_be_named_counts_once_however_often_it_is_tried(tmp_path: Path) -> None:
    with Sink(answers={BEN: "451 4.7.1 Come again"}) as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no")
        inkdot("consent", "set", BEN, "--mode", "aggregate", "--data", door.data)
        door.send(page("Tried twice"))
        eventually(lambda: door.queue()[0]["tries"])
        sink.answers = {}
        inkdot("mail", "queue", "retry", "--all", "--data", door.data)
        assert door.delivered()
        (day,) = inkdot_json("report", "mail", "--data", door.data)["messages"]
        assert (day["subject"], day["recipients"]) == ("Mails to one person each", 1)
        door.stop()


def test_while_the_upstream_is_down_mails_are_taken_and_kept(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        sink.down()
        names = [door.send(page(f"Later {n}"), BEN, CLEO).split()[4].rstrip(".") for n in range(3)]
        waiting = eventually(lambda: (q := door.queue()) and all(m["last"] for m in q) and q)
        assert [m["id"] for m in waiting] == names
        assert "cannot be reached" in waiting[0]["last"]
        inkdot("mail", "queue", "drop", names[1], "--data", door.data)
        assert [m["id"] for m in door.queue()] == [names[0], names[2]]
        door.stop()
        assert [m["id"] for m in door.queue()] == [names[0], names[2]]
        door.start()
        sink.up()
        inkdot("mail", "queue", "retry", "--all", "--data", door.data)
        assert {m.header("Subject") for m in door.delivered(BEN, 2)} == {"Later 0", "Later 2"}
        eventually(lambda: not door.queue())
        states = {(row["subject"], row["to"]): row["state"] for row in door.log()}
        assert states["Later 1", BEN] == "dropped"
        assert states["Later 2", CLEO] == "sent"
        assert inkdot("mail", "queue", "retry", names[1], "--data", door.data, check=False).returncode == 2
        assert inkdot("mail", "queue", "drop", "--data", door.data, check=False).returncode == 2
        door.stop()


def test_a_damaged_file_in_the_spool_is_named_and_holds_up_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "spool"
    Spool(folder)
    (folder / "00000000000000aaaaaaaa.mail").write_bytes(b'{"message": 1, "acc')
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        door.send(page("Behind it"), BEN)
        assert door.delivered()
        listed = inkdot("mail", "queue", "list", "--data", door.data)
        assert "00000000000000aaaaaaaa cannot be read" in listed.stderr
        assert "spooled_mail_damaged" in door.stop()
        assert (folder / "00000000000000aaaaaaaa.mail").exists()


def test_after_five_days_the_sender_is_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "data" / "spool")
    week = int(time.time()) - 7 * 86_400
    old = spool.begin(Envelope(MessageId(1234), week, ADA, (BEN, CLEO)))
    old.write(page("A week old"))
    old.keep()
    with Sink(answers={BEN: "451 4.3.0 Not today"}) as sink:
        door = MailDoor(tmp_path, sink)
        report = door.delivered(ADA)[0].content.decode()
        assert "given up after trying for days; the last trouble was: 451 4.3.0 Not today" in report
        assert "Status: 4.4.7" in report
        assert CLEO not in report
        assert door.delivered(CLEO)
        eventually(lambda: not door.queue())
        assert {row["to"]: row["state"] for row in door.log()} == {BEN: "expired", CLEO: "sent"}
        door.stop()


def spooled(folder: Path, accepted: int, *to: str) -> None:
    """A mail in the spool of a server that does not run yet, to somebody for whom no copy can be made."""
    mail = Spool(folder / "data" / "spool").begin(Envelope(MessageId(1234), accepted, ADA, ("no address", *to)))
    mail.write(page("To whomever"))
    mail.keep()


def test_one_for_whom_no_copy_can_be_made_holds_up_nobody(tmp_path: Path) -> None:
    spooled(tmp_path, int(time.time()), BEN, CLEO)
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        assert (len(door.delivered(BEN)), len(door.delivered(CLEO))) == (1, 1)
        (waiting,) = eventually(lambda: [w for w in door.queue() if w["last"]])
        assert waiting["pending"] == ["no address"]
        assert "Inkdot failed here" in str(waiting["last"])
        eventually(lambda: {row["to"]: row["state"] for row in door.log()} == {BEN: "sent", CLEO: "sent"})
        inkdot("mail", "queue", "drop", "--all", "--data", door.data)
        assert door.queue() == []
        assert "delivery_failed" in door.ended()


def test_whose_consent_cannot_be_read_waits_alone(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        inkdot("consent", "set", BEN, "--mode", "individual", "--data", door.data)
        door.spoil_consents(99)
        door.send(page("The offer"), BEN, CLEO)
        assert b"/o/" in door.delivered(CLEO)[0].content
        eventually(lambda: "Inkdot failed here" in str(door.queue()))
        door.spoil_consents(3)
        inkdot("mail", "queue", "retry", "--all", "--data", door.data)
        assert b"/o/" in door.delivered(BEN)[0].content
        eventually(lambda: {row["to"]: row["state"] for row in door.log()} == {BEN: "sent", CLEO: "sent"})
        door.ended()


def test_after_five_days_of_our_own_trouble_the_sender_is_told_too(tmp_path: Path) -> None:
    spooled(tmp_path, int(time.time()) - 7 * 86_400, BEN)
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        report = door.delivered(ADA)[0].content.decode()
        assert "given up after trying for days; the last trouble was: Inkdot failed here" in report
        assert "Subject: To whomever" in report
        assert report.count("Action: failed") == 1
        assert door.delivered(BEN)
        eventually(lambda: not door.queue())
        assert len(sink.mails_to(ADA)) == 1
        assert "delivery_failed" in door.ended()


def test_who_makes_the_upstream_hang_up_holds_up_nobody(tmp_path: Path) -> None:
    with Sink(hang_up_on={BEN}) as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1, relay_ask_upstream="no")
        door.send(page("The offer"), BEN, CLEO)
        assert door.delivered(CLEO)
        eventually(lambda: [waiting["pending"] for waiting in door.queue()] == [[BEN]])
        door.stop()


def test_a_lost_250_repeats_the_same_mail_and_no_other(tmp_path: Path) -> None:
    with Sink(drop_before_250=1) as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1)
        door.send(page("Twice"), BEN, CLEO)
        once, again = door.delivered(BEN, 2)
        assert once.content == again.content
        assert len(door.delivered(CLEO)) == 1
        eventually(lambda: not door.queue())
        assert len(sink.mails_to(BEN)) == 2
        door.stop()


def test_the_upstream_logs_us_in_with_our_password(tmp_path: Path) -> None:
    with Sink(logins={"ada@up": "secret"}) as sink:
        door = MailDoor(tmp_path, sink, upstream=f"smtp://ada%40up@127.0.0.1:{sink.port}", upstream_password="secret")
        door.send(page(), BEN)
        assert door.delivered()[0].login == "ada@up"
        door.stop()


def test_a_password_the_upstream_does_not_take_loses_no_mail(tmp_path: Path) -> None:
    with Sink(logins={"ada": "new"}) as sink:
        door = MailDoor(tmp_path, sink, upstream=f"smtp://ada:old@127.0.0.1:{sink.port}")
        assert door.send(page(), BEN).startswith("250")
        waiting = eventually(lambda: (q := door.queue()) and q[0]["last"] and q)
        assert "does not take the login: 535" in waiting[0]["last"]
        sink.logins["ada"] = "old"
        inkdot("mail", "queue", "retry", "--all", "--data", door.data)
        assert door.delivered()
        door.stop()


def test_a_mail_programs_own_login_is_passed_through(tmp_path: Path) -> None:
    with Sink(logins={"cleo@example.net": "hers"}) as sink:
        door = MailDoor(tmp_path, sink, upstream=f"{sink.url}?login=client", retry_seconds=1)
        with door.client().hello() as client:
            assert client.login("cleo@example.net", "wrong").startswith("535")
            assert client.login(door.user, door.password).startswith("535")
            assert client.login("cleo@example.net", "hers").startswith("235")
            sink.answers[BEN] = "450 4.2.0 Later"
            assert client.mail(page("Hers", From="cleo@example.net"), BEN, sender="cleo@example.net").startswith("250")
        eventually(lambda: door.queue() and door.queue()[0]["tries"])
        spooled = b"".join(content for _, content in files_in(door.data / "spool"))
        assert b"hers" not in spooled
        del sink.answers[BEN]
        assert door.delivered()[0].login == "cleo@example.net"
        sink.down()
        with door.client().hello() as client:
            assert client.login("other@example.net", "secret").startswith("454 4.7.0")
        door.stop()


class TokenServer(BaseHTTPRequestHandler):
    """Gives an access token for the right refresh token, and a new refresh token each time."""

    asked: list[dict[str, list[str]]] = []
    gives = "access-1"

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.asked.append(fields)
        body = json.dumps({"access_token": self.gives, "expires_in": 3600, "refresh_token": "refresh-2"}).encode()
        self.send_response(200 if fields["refresh_token"][0].startswith("refresh") else 400)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_xoauth2_fetches_a_token_and_keeps_the_new_refresh_token(tmp_path: Path) -> None:
    tokens = HTTPServer(("127.0.0.1", 0), TokenServer)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    settings = {"oauth_client_id": "inkdot", "oauth_refresh_token": "refresh-1", "oauth_token_url": f"http://127.0.0.1:{tokens.server_port}/token"}  # fmt: skip
    with Sink(logins={"ada@up": "access-1"}) as sink:
        upstream = f"smtp://ada%40up@127.0.0.1:{sink.port}?login=xoauth2"
        door = MailDoor(tmp_path, sink, upstream=upstream, retry_seconds=1, **settings)
        door.send(page("One"), BEN)
        assert door.delivered()[0].login == "ada@up"
        door.stop()
        door.start()
        door.send(page("Two"), BEN)
        assert door.delivered(BEN, 2)[1].login == "ada@up"
        # The provider takes back what it gave for an hour.
        sink.down()
        sink.logins["ada@up"] = TokenServer.gives = "access-2"
        sink.up()
        door.send(page("Three"), BEN)
        assert door.delivered(BEN, 3)[2].login == "ada@up"
        door.stop()
    tokens.shutdown()
    tokens.server_close()
    assert [fields["refresh_token"] for fields in TokenServer.asked] == [["refresh-1"], ["refresh-2"], ["refresh-2"]]
    assert (door.data / "oauth-127.0.0.1.json").stat().st_mode & 0o077 == 0


def test_each_sender_domain_has_its_upstream(tmp_path: Path) -> None:
    with Sink() as sink, Sink() as other:
        door = MailDoor(tmp_path, sink, upstreams=f"example.net={other.url}", relay_networks="127.0.0.1")
        with door.client().hello() as client:
            client.mail(page("Net", From="ada@example.net"), BEN, sender="ada@Example.NET")
            client.mail(page("Com"), BEN)
        assert door.delivered()[0].header("Subject") == "Com"
        assert eventually(lambda: other.got)[0].header("Subject") == "Net"
        assert len(sink.got) == len(other.got) == 1
        door.stop()


def test_an_upstream_must_have_a_valid_certificate_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    senders = [f"ada@{word}.example" for word in ("starttls", "tls", "any", "clear")]
    (tmp_path / "far").mkdir()
    with Sink() as sink:
        far = MailDoor(tmp_path / "far", sink, relay_tls_port=0, track_opens=0, track_clicks=0)  # any mail server
        words = [word for sender in senders for word in ("--sender", sender)]
        login = inkdot_json("relay", "account", "add", "near", *words, "--data", far.data)
        tls = inkdot_json("relay", "setup", "near", "--out-dir", tmp_path, "--data", far.data)["port"]
        who = f"near:{login['password']}@"
        upstreams = [
            f"starttls.example=smtp://{who}{far.address}?tls=starttls", f"tls.example=smtps://{who}127.0.0.1:{tls}",
            f"any.example=smtp://{who}{far.address}?tls=unverified", f"clear.example={sink.url}?tls=starttls",
        ]  # fmt: skip
        near = MailDoor(tmp_path, sink, upstreams=",".join(upstreams), relay_networks="127.0.0.0/8")
        for sender in senders:
            with near.client().hello() as client:
                assert client.mail(page("Secret", From=sender), BEN, sender=sender).startswith("250")
        assert [mail.sender for mail in near.delivered()] == ["ada@any.example"]
        why = eventually(lambda: len(w := {q["sender"][4:]: q["last"] for q in near.queue() if q["last"]}) == 3 and w)
        assert "certificate" in why["starttls.example"].lower()
        assert "certificate" in why["tls.example"].lower()
        assert "offers no TLS" in why["clear.example"]
        near.stop()
        with changed({"SSL_CERT_FILE": str(next(far.data.glob("relay*.pem")))}):
            near.start()
        inkdot("mail", "queue", "retry", "--all", "--data", near.data)
        assert {mail.sender for mail in near.delivered(BEN, 3)} == set(senders[:3])
        eventually(lambda: [waiting["sender"] for waiting in near.queue()] == senders[3:])
        near.stop()
        far.stop()


def test_an_upstream_that_knows_the_older_login_alone_is_logged_in_to(tmp_path: Path) -> None:
    with Sink(logins={"ada": "secret"}, methods="LOGIN") as sink:
        door = MailDoor(tmp_path, sink, upstream=f"smtp://ada:secret@127.0.0.1:{sink.port}")
        door.send(page("By LOGIN"))
        assert door.delivered()[0].login == "ada"
        door.stop()


def test_mails_are_signed_after_they_were_marked(tmp_path: Path) -> None:
    key = tmp_path / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, capture_output=True)
    done = subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(done.stdout)
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, dkim_key=str(key), dkim_selector="sel", dkim_domain="example.com")
        door.send(page("To be signed"), BEN)
        got = door.delivered()[0].content
        assert got.startswith(b"DKIM-Signature: ")
        assert b"/o/" in got
        assert dkim.verify(got, dnsfunc=lambda name, **_: record if name == b"sel._domainkey.example.com." else None)
        assert not dkim.verify(got.replace(b"See", b"Sea"), dnsfunc=lambda *_, **__: record)
        unsignable = b"Subject: From nobody\r\n\r\nText.\r\n"
        door.send(unsignable, CLEO)
        assert door.delivered(CLEO)[0].content == unsignable
        door.stop()


def test_addresses_beyond_ascii_are_handed_on(door: MailDoor) -> None:
    with door.logged_in() as client:
        client.say(f"MAIL FROM:<{ADA}> SMTPUTF8 BODY=8BITMIME")
        client.say("RCPT TO:<jürgen@exämple.de>")
        client.say("DATA")
        client.send(page("Grüße") + b".\r\n")
        assert client.reply().startswith("250")
    assert door.delivered("jürgen@exämple.de")


def test_a_domain_beyond_ascii_is_one_however_it_is_written_and_needs_nothing_of_the_upstream(tmp_path: Path) -> None:
    ben, ada = "ben@müller.de", "ada@müller.de"
    with Sink(smtputf8=False) as sink:
        door = MailDoor(tmp_path, sink)
        account = inkdot_json("relay", "account", "add", "ada@xn--mller-kva.de", "--data", door.data)
        with door.client().hello() as client:
            assert client.login(account["user"], account["password"]).startswith("235")
            for sender, to in ((ada, "ben@xn--mller-kva.de"), ("ada@xn--mller-kva.de", ben)):
                assert client.mail(page("Here", From="ada@xn--mller-kva.de"), to, sender=sender).startswith("250")
        copies = door.delivered("ben@xn--mller-kva.de", 2)
        assert {copy.sender for copy in copies} == {"ada@xn--mller-kva.de"}
        eventually(lambda: {row["to"] for row in door.log()} == {ben})
        door.stop()


def test_headers_beyond_ascii_are_announced_to_the_upstream(door: MailDoor, fresh: str) -> None:
    with door.logged_in() as client:
        for line in (f"MAIL FROM:<{ADA}> SMTPUTF8", f"RCPT TO:<{fresh}>", "DATA"):
            client.say(line)
        client.send(page("Plain").replace(b"Subject: Plain", "Subject: Grüße".encode()) + b".\r\n")
        assert client.reply().startswith("250")
    assert "Subject: Grüße".encode() in door.delivered(fresh)[0].content
    assert any(said.endswith("SMTPUTF8") for said in door.sink.senders if f"<{ADA}>" in said)
    assert eventually(lambda: [row["subject"] for row in door.log() if row["to"] == fresh]) == ["Grüße"]


def test_an_upstream_without_smtputf8_gets_no_such_mail_and_the_sender_is_told(tmp_path: Path) -> None:
    with Sink(smtputf8=False) as sink:
        door = MailDoor(tmp_path, sink)
        promised = page("Plain").replace(b"Subject: Plain", "Subject: Grüße".encode())
        with door.logged_in() as client:
            for line in (f"MAIL FROM:<{ADA}> SMTPUTF8", f"RCPT TO:<{BEN}>", "DATA"):
                client.say(line)
            client.send(promised + b".\r\n")
            assert client.reply().startswith("250")
        assert "5.6.7" in door.delivered(ADA)[0].content.decode()
        door.send(promised, CLEO)  # older programs write such headers without asking, and mean the bytes
        assert "Subject: Grüße".encode() in door.delivered(CLEO)[0].content
        assert not sink.mails_to(BEN)
        assert "SMTPUTF8" not in " ".join(sink.senders)
        door.stop()
