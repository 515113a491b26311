"""A mailbox that is watched: what arrives in a real dovecot becomes events."""

from __future__ import annotations

import base64
import imaplib
import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import ADA, BEN, eventually, inkdot, inkdot_json
from tests.office.asking import key_for
from tests.relay.dovecot import PASSWORD, WITHOUT_IDLE, dovecot, mailbox
from tests.relay.mail_door import CLEO, MailDoor, page
from tests.relay.sink import BadLine, Got, Sink


@pytest.fixture(scope="module")
def box() -> Iterator[tuple[imaplib.IMAP4, str]]:
    with mailbox() as opened:
        yield opened


def answer(question: Got, sender: str, *lines: str) -> bytes:
    head = [f"From: {sender}", f"To: {ADA}", "Subject: Re: Question", f"In-Reply-To: {question.header('Message-ID')}"]
    return "\r\n".join([*head, "Message-ID: <answer@example.com>", *lines, "", "Yes.", ""]).encode()


def report(question: Got) -> bytes:
    lines = [
        "From: MAILER-DAEMON@mx.example.net", f"To: {ADA}", "Subject: Undelivered", "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b", "Content-Type: text/plain", "",
        "Sorry.", "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.net", "",
        f"Final-Recipient: rfc822; {CLEO}", "Action: failed", "Status: 5.2.2", "Diagnostic-Code: smtp; 552 5.2.2 Full", "",
        "--b", "Content-Type: text/rfc822-headers", "", f"Message-ID: {question.header('Message-ID')}", "", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def test_replies_and_bounces_that_arrive_become_events_and_automatic_answers_do_not(
    box: tuple[imaplib.IMAP4, str], tmp_path: Path
) -> None:
    client, address = box
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, imap=address, imap_password=PASSWORD)
        door.send(page("Question"), BEN, CLEO)
        question = door.delivered(BEN)[0]
        client.append("INBOX", "", "", answer(question, BEN, "Auto-Submitted: auto-replied"))
        client.append("INBOX", "", "", answer(question, ADA))
        client.append("INBOX", "", "", answer(question, f"Ben <{BEN}>", "User-Agent: Mozilla Thunderbird"))
        events = door.server.timeline(BEN, at_least=2)
        told = [("reply", "human", "yes"), ("open", "human", "yes")]
        assert [(e["kind"], e["actor"], e["human"]) for e in events] == told
        quoted = b"\r\n".join([b"A line of the mail that is quoted in full." * 20] * 2_000)
        client.append("INBOX", "", "", report(question) + quoted)
        bounce = door.server.timeline(CLEO, at_least=1)[0]
        assert (bounce["kind"], bounce["human"]) == ("bounce", "no")
        mail = inkdot_json("report", "mail", "--data", door.data)["messages"][0]
        assert (mail["replied"], mail["bounced"], mail["opened"]["sure"]) == (1, 1, 1)
        inkdot("rebuild", "--data", door.data)
        assert [e["kind"] for e in door.server.timeline(BEN, at_least=2)] == ["reply", "open"]
        assert door.server.timeline(ADA) == []
        flags = client.fetch("1:*", "(FLAGS)")[1]
        assert not any(b"Seen" in bytes(flag) for flag in flags if isinstance(flag, bytes))
        door.stop()


def test_a_reply_counts_in_the_workspace_whose_mail_is_answered(box: tuple[imaplib.IMAP4, str], tmp_path: Path) -> None:
    client, address = box
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, imap=address, imap_password=PASSWORD)
        inkdot("workspace", "add", "other", "--data", door.data)
        inkdot("consent", "withdraw", BEN, "--data", door.data)  # of the first workspace, and no word about the other
        theirs = key_for(door.server, "send", "read", workspace="other")
        mail = page("Theirs", Message_ID="<theirs@example.com>")
        said = theirs.post("/messages", {"mail": base64.b64encode(mail).decode(), "to": [BEN, CLEO]})
        assert said.status == 201
        question = Got(ADA, (BEN,), mail, None)
        client.append("INBOX", "", "", answer(question, BEN))
        client.append("INBOX", "", "", report(question))

        def heard() -> list[tuple[str, str, str]]:
            events = theirs.get("/events").json["data"]
            return sorted((e["kind"], e["person"], e["message"]) for e in events)

        message = said.json["message"]
        wanted = [("bounce", CLEO, message), ("open", BEN, message), ("reply", BEN, message)]
        assert eventually(lambda: len(found := heard()) == 3 and found) == wanted
        assert inkdot("events", "--data", door.data).stdout == ""
        inkdot("rebuild", "--data", door.data)
        assert heard() == wanted
        door.stop()


def test_a_mailbox_that_went_away_and_was_numbered_anew_tells_nothing_twice(tmp_path: Path) -> None:
    with Sink() as sink, dovecot() as server:
        door = MailDoor(tmp_path, sink, imap=server.url, imap_password=PASSWORD)
        door.send(page("Question"), BEN, CLEO)
        question = door.delivered(BEN)[0]
        client = server.client()
        first = client.response("UIDVALIDITY")[1]
        client.append("INBOX", "", "", answer(question, BEN))
        assert len(door.server.timeline(BEN, at_least=2)) == 2
        client.logout()
        server.stop()
        server.forget_numbers()
        server.start()
        client = server.client()
        assert client.response("UIDVALIDITY")[1] != first
        client.append("INBOX", "", "", answer(question, BEN))  # moved away and back: the same mail
        client.append("INBOX", "", "", answer(question, CLEO))
        assert [e["kind"] for e in door.server.timeline(CLEO, at_least=2)] == ["reply", "open"]
        assert [e["kind"] for e in door.server.timeline(BEN)] == ["reply", "open"]
        client.logout()
        assert "mailbox_failed" in door.stop()


def test_a_mailbox_that_does_not_tell_of_new_mails_is_looked_at_now_and_then_though_it_dripped_at_first(
    tmp_path: Path,
) -> None:
    with Sink() as sink, dovecot(WITHOUT_IDLE) as server, BadLine(server.port, drips=1) as line:
        url = server.url.replace(f":{server.port}", f":{line.port}")
        door = MailDoor(
            tmp_path, sink, imap=url, imap_password=PASSWORD, imap_poll_seconds=1, upstream_timeout=5,
        )  # fmt: skip
        eventually(lambda: "it took too long" in door.server.talk.read_text())
        door.send(page("Question"), BEN, CLEO)
        question = door.delivered(BEN)[0]
        client = server.client()
        for who in (BEN, CLEO):
            client.append("INBOX", "", "", answer(question, who))
            assert [e["kind"] for e in door.server.timeline(who, at_least=2)] == ["reply", "open"]
        client.logout()
        watched = [line for line in door.stop().splitlines() if "mailbox_watched" in line]
        assert len(watched) == 1  # one connection for all looks
        assert "false" in watched[0].lower()


def test_a_reply_that_was_told_before_a_crash_is_not_told_again_after_it(tmp_path: Path) -> None:
    with Sink() as sink, mailbox() as (client, address):
        door = MailDoor(tmp_path, sink, imap=address, imap_password=PASSWORD)
        door.send(page("Question"), BEN, CLEO)
        question = door.delivered(BEN)[0]
        obstacle = door.data / "imap.new"  # the watch cannot write down how far it has read
        obstacle.mkdir()
        client.append("INBOX", "", "", answer(question, BEN))
        first = door.server.timeline(BEN, at_least=2)
        os.kill(door.server.process.pid, signal.SIGKILL)
        door.server.process.wait()
        eventually(lambda: not door.server.children())
        door.server.stop()
        obstacle.rmdir()
        door.start()
        client.append("INBOX", "", "", answer(question, CLEO))  # read behind Ben's
        assert [e["kind"] for e in door.server.timeline(CLEO, at_least=2)] == ["reply", "open"]
        assert door.server.timeline(BEN) == first
        inkdot("rebuild", "--data", door.data)
        assert [e["kind"] for e in door.server.timeline(BEN, at_least=2)] == ["reply", "open"]
        door.stop()


def test_a_reply_at_which_we_fail_is_read_again_and_hides_no_other(tmp_path: Path) -> None:
    with Sink() as sink, mailbox() as (client, address):
        door = MailDoor(tmp_path, sink, imap=address, imap_password=PASSWORD)
        door.send(page("Question"), BEN, CLEO)
        question = door.delivered(BEN)[0]
        door.delivered(CLEO)
        inkdot("consent", "set", BEN, "--mode", "individual", "--data", door.data)
        door.spoil_consents(99)
        client.append("INBOX", "", "", answer(question, BEN))
        client.append("INBOX", "", "", answer(question, CLEO))
        assert [e["kind"] for e in door.server.timeline(CLEO, at_least=2)] == ["reply", "open"]
        assert door.server.timeline(BEN) == []
        door.spoil_consents(3)
        client.append("INBOX", "", "", b"From: eve@example.com\r\n\r\nThe watch looks again.\r\n")
        assert [e["kind"] for e in door.server.timeline(BEN, at_least=2)] == ["reply", "open"]
        assert len(door.server.timeline(CLEO)) == 2
        door.ended()


class Provider(BaseHTTPRequestHandler):
    """Gives a new access token each time it is asked, and tells a mail server which of them are good: not the first."""

    given = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).given += 1
        self.tell(200, {"access_token": f"access-{self.given}", "expires_in": 3600})

    def do_GET(self) -> None:
        token = parse_qs(urlsplit(self.path).query)["token"][0]
        if token == "access-1":
            self.tell(401, {"error": "invalid_token"})
        else:
            self.tell(200, {"email": ADA})

    def tell(self, code: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_token_that_the_mailbox_refuses_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    provider = HTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{provider.server_port}"
    tokens = {"oauth_client_id": "inkdot", "oauth_refresh_token": "refresh", "oauth_token_url": f"{url}/token"}
    with Sink() as sink, dovecot(judge=f"{url}/judge?token=") as server:
        door = MailDoor(tmp_path, sink, imap=f"{server.url}?login=xoauth2", **tokens)
        door.send(page("Question"), BEN)
        client = server.client()
        client.append("INBOX", "", "", answer(door.delivered(BEN)[0], BEN))
        assert [e["kind"] for e in door.server.timeline(BEN, at_least=2)] == ["reply", "open"]
        client.logout()
        assert "mailbox_failed" in door.stop()
    provider.shutdown()
    provider.server_close()
    assert Provider.given == 2


def test_a_colleague_who_got_a_copy_replies_and_the_senders_own_mails_do_not(
    box: tuple[imaplib.IMAP4, str], tmp_path: Path
) -> None:
    client, address = box
    ruth, tom = "ruth@example.com", "tom@example.com"
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, imap=address, imap_password=PASSWORD)
        inkdot("relay", "account", "add", "office", "--sender", "@example.com", "--data", door.data)
        inkdot("relay", "account", "add", tom, "--data", door.data)
        door.send(page("Question"), BEN, ruth, tom)
        question = door.delivered(BEN)[0]
        for number, who in enumerate((tom, "sales@example.com", ADA, ruth, BEN)):
            mail = answer(question, who).replace(b"<answer@", f"<colleague-{number}@".encode())
            client.append("INBOX", "", "", mail)
        assert [e["kind"] for e in door.server.timeline(BEN, at_least=2)] == ["reply", "open"]
        assert [e["kind"] for e in door.server.timeline(ruth, at_least=2)] == ["reply", "open"]
        assert [door.server.timeline(who) for who in (tom, "sales@example.com", ADA)] == [[], [], []]
        door.stop()
