"""The mail door: who may send, what every recipient gets, and what is refused with which sentence."""

from __future__ import annotations

import base64
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ADA, BEN, PATIENCE, THUNDERBIRD, eventually, free_port, inkdot, inkdot_json
from tests.relay.mail_door import CLEO, Client, MailDoor, outside_address, page
from tests.relay.sink import Sink

DOT = re.compile(rb"/o/[\w-]+\.gif")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailDoor]:
    with Sink() as sink:
        running = MailDoor(tmp_path_factory.mktemp("door"), sink, relay_max_bytes=2_000_000, relay_timeout=30)
        yield running
        running.stop()


@pytest.fixture
def fresh() -> str:
    """A recipient of this test's own."""
    return f"r{next(_numbers)}@example.com"


_numbers = iter(range(10**9))


def test_every_recipient_gets_a_copy_with_own_dots_and_the_same_headers(door: MailDoor) -> None:
    content = page("Three copies", Cc="cc@example.com", Bcc="Secret <bcc@example.com>")
    assert door.send(content, "to3@example.com", "cc@example.com", "bcc@example.com").startswith("250 2.0.0 Kept")
    copies = [door.delivered(to)[0] for to in ("to3@example.com", "cc@example.com", "bcc@example.com")]
    heads = [copy.content.split(b"\r\n\r\n")[0] for copy in copies]
    assert (
        heads[0]
        == heads[1]
        == heads[2]
        == content.split(b"\r\n\r\n")[0].replace(b"\r\nBcc: Secret <bcc@example.com>", b"")
    )
    dots = [set(DOT.findall(copy.content)) for copy in copies]
    assert [len(found) for found in dots] == [2, 2, 2]
    assert len(dots[0] | dots[1] | dots[2]) == 6
    assert not any(b"bcc@example.com" in copy.content for copy in copies)


def test_what_a_recipient_does_is_on_his_timeline(door: MailDoor, fresh: str) -> None:
    door.send(page("To be opened"), fresh)
    copy = door.delivered(fresh)[0]
    dot = DOT.findall(copy.content)[0].decode()
    assert door.server.get(dot, User_Agent=THUNDERBIRD)[0] == 200
    event = door.server.timeline(fresh, at_least=1)[0]
    assert (event["kind"], event["person"], event["subject"]) == ("open", fresh, "To be opened")
    (row,) = eventually(lambda: [row for row in door.log() if row["to"] == fresh])
    assert (row["state"], row["message"], row["left_alone"]) == ("sent", event["message"], None)


def test_bytes_outside_the_marks_arrive_as_they_were_sent(door: MailDoor, fresh: str) -> None:
    body = "<p>.</p>\r\n.leading dots\r\n..two\r\n" + "\u00fc" * 3000
    content = page("Bytes", body, Content_Type="x/y").replace(b"Content-Transfer-Encoding: ", b"X-Was: ")
    content = re.sub(rb"Content-Type: [^\r]*", b"Content-Type: text/html; charset=utf-8", content)
    door.send(content, fresh)
    got = re.sub(
        rb'<img\s+src="[^"]*"\r\nwidth="1" height="1" alt="" style="border:0"\s*>',
        b"",
        door.delivered(fresh)[0].content,
    )
    assert got == content


def test_nobody_sends_without_a_password(door: MailDoor) -> None:
    with door.client().hello() as client:
        assert client.say(f"MAIL FROM:<{ADA}>").startswith("530 5.7.0 Log in first")
        assert client.login(ADA, "wrong").startswith("535 5.7.8")
        assert client.say(f"RCPT TO:<{BEN}>").startswith("503")
        assert client.say("DATA").startswith("503")
        assert client.login("nobody", door.password).startswith("535 5.7.8")
    with Client(door.address) as client:
        assert client.say(f"MAIL FROM:<{ADA}>").startswith("503 5.5.1 Say EHLO first")


def test_three_wrong_passwords_end_the_connection(door: MailDoor) -> None:
    with door.client().hello() as client:
        assert client.login(ADA, "1").startswith("535")
        assert client.login(ADA, "2").startswith("535")
        assert client.login(ADA, "3").startswith("535")
        assert client.reply().startswith("421 4.7.0 Too many mistakes")
        assert client.hung_up()


def test_plain_and_login_work_over_tls_and_case_and_dashes_do_not_matter(door: MailDoor) -> None:
    typed = door.password.replace("-", " ").upper()
    with door.client().hello().starttls() as client:
        assert client.say("AUTH LOGIN").startswith("334 VXNlcm5hbWU6")
        assert client.say(base64.b64encode(ADA.upper().encode())).startswith("334 UGFzc3dvcmQ6")
        assert client.say(base64.b64encode(typed.encode())).startswith("235")
        assert client.login(ADA, door.password).startswith("503")
    with door.client().hello().starttls() as client:
        assert client.say("AUTH PLAIN").startswith("334")
        assert client.say("*").startswith("501")
        assert client.say("AUTH PLAIN !!!").startswith("501")
        assert client.say("AUTH CRAM-MD5").startswith("501")
        assert client.login(ADA, door.password).startswith("235")


def test_strangers_must_use_tls_before_they_log_in(tmp_path: Path) -> None:
    with Sink() as sink, outside_address() as address:
        door = MailDoor(tmp_path, sink, relay_host=address)
        with Client(door.address, address) as client:
            offered = client.say("EHLO stranger")
            assert "STARTTLS" in offered
            assert "AUTH" not in offered
            assert client.login(ADA, door.password).startswith("538 5.7.11")
            assert client.say(f"MAIL FROM:<{ADA}>").startswith("530 5.7.0 Say STARTTLS first")
            client.starttls()
            assert client.login(ADA, door.password).startswith("235")
            assert client.mail(page(), BEN).startswith("250")
        door.stop()


def test_what_is_sent_before_tls_is_forgotten_with_it(door: MailDoor) -> None:
    with door.client().hello() as client:
        client.send(b"STARTTLS\r\nEHLO evil\r\nRSET\r\n")
        assert client.reply().startswith("220")
        from tests.relay.mail_door import any_certificate  # noqa: PLC0415

        client.socket = any_certificate().wrap_socket(client.socket)
        client.send(b"NOOP\r\n")
        assert client.reply() == "250 2.0.0 Nothing done.\r\n"
        assert client.say("MAIL FROM:<a@example.com>").startswith("503 5.5.1 Say EHLO first")


ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\x00.\r\n"]


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_no_second_mail_is_smuggled_behind_a_first_one(door: MailDoor, end: bytes) -> None:
    evil = f"evil{ENDS.index(end)}@example.com"
    with door.logged_in() as client:
        for line in (f"MAIL FROM:<{ADA}>", f"RCPT TO:<{BEN}>", "DATA"):
            client.say(line)
        hidden = f"MAIL FROM:<{ADA}>\r\nRCPT TO:<{evil}>\r\nDATA\r\nSubject: SMUGGLED\r\n\r\ny\r\n.\r\n"
        client.send(b"Subject: outer\r\n\r\nx" + end + hidden.encode())
        assert client.reply().startswith("554 5.6.0 Lines must end with CRLF")
        assert client.say("NOOP").startswith("250")
        assert client.mail(page(f"After {ENDS.index(end)}"), f"after{evil}").startswith("250")
    door.delivered(f"after{evil}")
    assert not door.sink.mails_to(evil)
    assert not any(b"SMUGGLED" in mail.content or b"Subject: outer" in mail.content for mail in door.sink.got)


@pytest.mark.parametrize("line", [b"MAIL FROM:<a@b\rX: y>", b"NOOP\nQUIT", b"NO\x00OP"], ids=repr)
def test_bare_line_ends_and_nuls_in_commands_end_the_connection(door: MailDoor, line: bytes) -> None:
    with door.logged_in() as client:
        assert client.say(line).startswith("500 5.5.2 Lines must end with CRLF")
        assert client.hung_up()


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MAIL FROM:ada@example.com", "501 5.5.4 Write it like"),
        ("MAIL FROM:<not an address>", "501 5.5.4 Write it like"),
        ("MAIL FROM:<nobody>", "501 5.1.7 The sender is no mail address"),
        ("MAIL TO:<ada@example.com>", "501 5.5.4"),
        ("MAIL FROM:<ada@example.com> SIZE=x", "501 5.5.4 SIZE takes a number"),
        ("MAIL FROM:<ada@example.com> SIZE=2000001", "552 5.3.4 The mail is too large"),
        ("MAIL FROM:<ada@example.com> RET=FULL", "555 5.5.4 The option RET"),
        ("MAIL FROM:<ada@example.com> BODY=BINARYMIME", "501 5.5.4 BODY is 7BIT or 8BITMIME here"),
        ("MAIL FROM:<eve@example.org>", "550 5.7.1 The account ada@example.com may not send as eve@example.org"),
        ("RCPT TO:<ben@example.com>", "503 5.5.1 Say MAIL first"),
        ("DATA", "503 5.5.1 Say MAIL and RCPT first"),
        ("BDAT 5 LAST", "500 5.5.2 There is no such command"),
        ("EHLO", "501 5.5.4 Say who you are"),
        ("VRFY ben", "252"),
        ("HELP", "214"),
        ("GET / HTTP/1.1", "421 5.7.0 This is a mail server"),
    ],
)
def test_bad_commands_get_the_right_code_and_sentence(door: MailDoor, line: str, reply: str) -> None:
    with door.logged_in() as client:
        assert client.say(line).startswith(reply)


@pytest.mark.parametrize(
    "recipient", ["nobody", "a b@example.com", "<x>@example.com", "@example.com", "a@b@c\u00ff", ""]
)
def test_what_is_no_address_is_no_recipient(door: MailDoor, recipient: str) -> None:
    with door.logged_in() as client:
        client.say(f"MAIL FROM:<{ADA}>")
        assert client.say(f"RCPT TO:<{recipient}>").startswith("501")


def test_ten_mistakes_and_endless_lines_end_the_connection(door: MailDoor) -> None:
    with door.client() as client:
        assert [client.say(f"WHAT {n}")[:3] for n in range(10)] == ["500"] * 10
        assert client.reply().startswith("421 4.7.0 Too many mistakes")
    with door.client() as client:
        client.send(b"NOOP " + b"x" * 5_000)
        assert client.reply().startswith("500 5.5.2 A line has no end")


def test_a_mail_that_grows_too_large_is_refused_and_the_next_one_taken(door: MailDoor, fresh: str) -> None:
    with door.logged_in() as client:
        assert client.mail(page("Large", "x" * 900 + "\r\n" * 1_100_000), fresh).startswith("552 5.3.4")
        assert client.mail(page("Small"), fresh).startswith("250")
    assert [mail.header("Subject") for mail in door.delivered(fresh)] == ["Small"]


def test_a_foreign_name_in_the_from_header_is_refused(door: MailDoor) -> None:
    foreign = page("Not Ada", From="Boss <boss@example.com>")
    assert door.send(foreign, BEN).startswith("550 5.7.1 The account ada@example.com may not send as boss@example.com")
    assert door.send(page("Plus", From="ada+offers@example.com"), "plus@example.com").startswith("250")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("From: <boss@example.com> <ada@example.com>", "boss@example.com"),
        ("From: ada@example.com, Boss <boss@example.com>", "boss@example.com"),
        ("From: ada@example.com\r\nFrom : boss@example.com", "boss@example.com"),
        ("From: ada@example.com\r\nno header at all\r\nFrom: boss@example.com", "boss@example.com"),
        ("From: ada@example.com\r\nSender:\r\n boss@example.com", "boss@example.com"),
        ("From: Führung <führung@example.com>", "führung@example.com"),
        ("From: =?utf-8?q?boss=40example=2Ecom?=", "=?utf-8?q?boss"),
        ("From: The boss", "the boss"),
    ],
)
def test_no_other_way_to_write_a_foreign_name_is_taken(door: MailDoor, line: str, named: str) -> None:
    foreign = page("Not Ada").replace(b"From: Ada <ada@example.com>", line.encode())
    assert f"550 5.7.1 The account ada@example.com may not send as {named}" in door.send(foreign, BEN).replace(
        "The boss", "the boss"
    )


def test_an_account_without_senders_is_bound_to_the_domain_of_its_first_mail(door: MailDoor) -> None:
    account = inkdot_json("relay", "account", "add", "laptop", "--data", door.data)
    with door.client().hello() as client:
        client.login(account["user"], account["password"])
        mail = page("First", From="cleo@example.net")
        assert client.mail(mail, "bound@example.com", sender="cleo@example.net").startswith("250")
        assert client.say("MAIL FROM:<sales@example.net>").startswith("250")
        client.say("RSET")
        assert client.say(f"MAIL FROM:<{ADA}>").startswith("550 5.7.1")


def test_a_removed_account_and_an_old_password_are_refused(door: MailDoor) -> None:
    old = inkdot_json("relay", "account", "add", "phone", "--sender", "@example.com", "--data", door.data)
    new = inkdot_json("relay", "account", "add", "phone", "--sender", "@example.com", "--data", door.data)
    with door.client().hello() as client:
        assert client.login("phone", old["password"]).startswith("535")
        assert client.login("phone", new["password"]).startswith("235")
    inkdot("relay", "account", "rm", "phone", "--data", door.data)
    assert "phone" not in inkdot("relay", "account", "list", "--data", door.data).stdout
    with door.client().hello() as client:
        assert client.login("phone", new["password"]).startswith("535")


def test_what_the_upstream_refuses_is_refused_while_the_mail_program_waits(door: MailDoor) -> None:
    door.sink.answers["gone@example.com"] = "550 5.1.1 No such user"
    with door.logged_in() as client:
        client.say(f"MAIL FROM:<{ADA}>")
        assert client.say("RCPT TO:<gone@example.com>") == "550 5.1.1 No such user\r\n"
        assert client.say("RCPT TO:<still@example.com>").startswith("250")


WORDS = st.sampled_from(
    [b"EHLO x", b"HELO", b"MAIL FROM:<ada@example.com>", b"MAIL FROM:<>", b"RCPT TO:<ben@example.com>", b"DATA", b".", b"RSET",
     b"AUTH PLAIN", b"AUTH LOGIN AAAA", b"*", b"STARTTLS x", b"NOOP", b"Subject: x", b"", b"..", b"\xff\xfe", b"RCPT TO:<\xff@x.y>"]
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(st.one_of(WORDS, st.binary(max_size=80)), max_size=12))
def test_whatever_a_client_says_is_answered_in_smtp_and_nothing_fails_inside(
    door: MailDoor, lines: list[bytes]
) -> None:
    with door.logged_in() as client:
        client.send(b"".join(line + b"\r\n" for line in lines))
        client.socket.shutdown(socket.SHUT_WR)
        said = b""
        while piece := client.socket.recv(4096):
            said += piece
    assert all(re.match(rb"[2345]\d\d[ -]", line) for line in said.split(b"\r\n")[:-1])
    assert b" 4.3.0 Something went wrong" not in said


def test_many_connections_are_told_to_wait(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_connections_per_address=5)
        crowd = [door.client() for _ in range(5)]
        with Client(door.address) as late:
            assert late.greeting.startswith("421 4.3.2 Too many connections")
        crowd.pop().socket.close()
        eventually(lambda: greeting(door).startswith("220"))
        for client in crowd:
            client.socket.close()
        door.stop()


def greeting(door: MailDoor) -> str:
    with door.client() as client:
        return client.greeting


def test_silent_and_half_open_clients_are_let_go(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_timeout=3)
        with door.client() as silent:
            assert silent.reply().startswith("421 4.4.2 You took too long")
        with door.logged_in() as slow:
            for line in (f"MAIL FROM:<{ADA}>", f"RCPT TO:<{BEN}>", "DATA"):
                slow.say(line)
            slow.send(b"Subject: never ends\r\n")
            assert slow.reply().startswith("421 4.4.2")
        with door.logged_in() as gone:
            for line in (f"MAIL FROM:<{ADA}>", f"RCPT TO:<{BEN}>", "DATA"):
                gone.say(line)
            gone.send(b"Subject: cut off\r\n\r\nx")
            gone.socket.shutdown(socket.SHUT_WR)
        eventually(lambda: not list((door.data / "spool").iterdir()))
        assert sink.got == []
        door.stop()


def test_a_stranger_who_keeps_talking_is_let_go_too(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_timeout=2)
        begun = time.monotonic()
        with door.client().hello() as stranger, door.logged_in() as known:
            while (reply := stranger.say("NOOP")).startswith("250"):
                assert known.say("NOOP").startswith("250")
            assert reply.startswith("421 4.4.2 You took too long")
            assert time.monotonic() - begun > 6
            assert known.say("NOOP").startswith("250")
        door.stop()


def test_who_reads_no_answers_is_not_heard_for_ever(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_timeout=1)
        with door.logged_in() as deaf:
            deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.socket.settimeout(2 * PATIENCE)
            with pytest.raises(ConnectionError):
                deaf.send(b"EHLO x\r\n" * 4_000_000)  # more than both sides keep for each other
        assert "socket.send() raised" not in door.stop()


def test_an_account_has_its_share_of_an_hour(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_copies_per_hour=3)
        assert door.send(page(), BEN, CLEO).startswith("250")
        assert door.send(page(), "third@example.com", "fourth@example.com").startswith(
            "450 4.7.1 This account has sent"
        )
        door.stop()


def test_a_listed_network_needs_no_password(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_networks="127.0.0.1/32")
        with door.client().hello() as client:
            assert client.mail(page("Trusted", From="any@example.net"), BEN, sender="any@example.net").startswith("250")
        assert door.delivered()[0].sender == "any@example.net"
        door.stop()


def test_the_mail_door_will_not_relay_to_itself(tmp_path: Path) -> None:
    port = free_port()
    done = inkdot("serve", "--data", tmp_path / "d", "--public-port", "0", "--office-port", "0", "--relay-port", f"{port}",
                  "--upstream", f"smtp://localhost:{port}", check=False)  # fmt: skip
    assert done.returncode == 2
    assert "The upstream is this mail door itself" in done.stderr


@pytest.mark.parametrize(
    "upstream",
    ["mail.example.com", "http://x", "smtp://", "smtp://h:x", "smtp://h?tls=maybe", "smtp://h?login=password"],
)
def test_a_wrong_upstream_is_explained(tmp_path: Path, upstream: str) -> None:
    done = inkdot(
        "serve",
        "--data",
        tmp_path / "d",
        "--public-port",
        "0",
        "--office-port",
        "0",
        "--upstream",
        upstream,
        check=False,
    )
    assert done.returncode == 2
    assert "upstream" in done.stderr.lower()


def test_passwords_stand_on_no_command_line_that_we_write(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, upstream_password="hush-hush", upstream_login="none")
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in door.server.children().values()]
        assert len(lines) >= 3
        assert not any(b"hush-hush" in line or str(sink.port).encode() in line for line in lines)
        door.stop()
