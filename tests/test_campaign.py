"""One mail to many: filled in, marked for each, sent once however often the run ends, and a result for each person."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BEN, EVE, PATIENCE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.relay.sink import Got, Sink

CLEO, ZOE = "cleo@example.com", "zoe@example.com"
NEWS = """From: Ada <ada@example.com>\r
To: {{name}} <{{email}}>\r
Bcc: secret@example.com\r
Subject: =?utf-8?q?F=C3=BCr_=7B=7Bname=7D=7D?=\r
Date: Mon, 1 Jan 2001 00:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b"\r
\r
--b\r
Content-Type: text/plain; charset=us-ascii; format=flowed\r
\r
Hello {{ Name }}, your code is {{code|none}}.\r
\r
--b\r
Content-Type: text/html; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
<p>Hello {{name}}, <a href=3D"https://example.com/offer?who=3D{{name}}&amp;c=3D{{c=\r
ode|none}}">offer</a></p>\r
\r
--b--\r
"""
PEOPLE = "Email;Name;Code\nBEN@example.com;Ben & Söhne <b>;7/8\ncleo@example.com;Łucja;\nben@example.com;Twice;\n"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


def send(tmp_path: Path, sink: Sink, *options: str | Path, code: int = 0) -> dict[str, Any]:
    done = inkdot(
        "mail", "send", tmp_path / "news.eml", "--people", tmp_path / "people.csv", "--smtp", sink.url,
        "--data", tmp_path / "data", "--json", *options, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout))


def written(tmp_path: Path, people: str = PEOPLE, news: str = NEWS) -> None:
    (tmp_path / "news.eml").write_text(news, newline="")
    (tmp_path / "people.csv").write_text(people)


def many(count: int) -> str:
    return "email,name\n" + "".join(f"p{n}@example.com,P{n}\n" for n in range(count))


def parsed(got: Got) -> EmailMessage:
    return email.message_from_bytes(got.content, policy=email.policy.default)


def texts(got: Got) -> tuple[str, str]:
    text, html = (parsed(got).get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    return text.get_content(), html.get_content()


def test_each_person_gets_own_words_own_marks_and_nobody_elses(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path)
    answer = send(tmp_path, sink)
    assert answer["campaign"] == "news"
    assert [(c["to"], c["state"]) for c in answer["copies"]] == [(BEN, "sent"), (CLEO, "sent")]
    ben, cleo = sink.got
    assert (ben.sender, ben.to, cleo.to) == ("ada@example.com", BEN, CLEO)
    mail = parsed(ben)
    assert (mail["Subject"], mail["To"].addresses[0].display_name, mail["Bcc"]) == (
        "Für Ben & Söhne <b>", "Ben & Söhne <b>", None,
    )  # fmt: skip
    assert parsed(cleo)["To"].addresses[0].addr_spec == CLEO
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 3_600
    text, html = texts(ben)
    assert text.splitlines() == ["Hello Ben & Söhne <b>, your code is 7/8."]
    assert "Hello Ben &amp; S&#246;hne &lt;b&gt;, <a" in html
    assert texts(cleo)[0].splitlines() == ["Hello Łucja, your code is none."]
    assert len(re.findall(r"/o/[\w-]+\.gif", html)) == 2
    assert not set(re.findall(r"/[oc]/[\w-]+", html)) & set(re.findall(r"/[oc]/[\w-]+", texts(cleo)[1]))
    assert mail["Message-ID"] == parsed(cleo)["Message-ID"] == f"<{answer['message']}@example.com>"


def test_words_of_a_person_add_no_header_no_recipient_and_no_line(tmp_path: Path, sink: Sink) -> None:
    evil = "Ben\r\nBcc: eve@example.com\n\n.\r\nMAIL FROM:<x@y>\u2028\x85X-Evil: 1"
    written(tmp_path, f'email,name,code\n{BEN},"{evil}","{evil}"\n')
    send(tmp_path, sink)
    (got,) = sink.got
    assert got.recipients == (BEN,)
    mail = parsed(got)
    assert (mail["Bcc"], mail["X-Evil"], mail.defects) == (None, None, [])
    assert mail["Subject"] == "Für Ben Bcc: eve@example.com . MAIL FROM:<x@y> X-Evil: 1"
    assert [address.addr_spec for address in mail["To"].addresses] == [BEN]
    assert len(sink.senders) == 1


def test_a_link_leads_where_its_own_words_say(tmp_path: Path, server: Server) -> None:
    written(tmp_path, PEOPLE.replace("cleo", "zoe").replace("BEN", "words").replace("ben@", "words@"))
    with Sink() as sink:
        inkdot_json(
            "mail", "send", tmp_path / "news.eml", "--people", tmp_path / "people.csv", "--smtp", sink.url,
            "--data", server.data, "--campaign", "words",
        )  # fmt: skip
        url = re.findall(r'href="([^"]+/c/[^"]+)"', texts(sink.mails_to("words@example.com")[0])[1])[0]
    status, headers, _ = server.get(url, User_Agent=THUNDERBIRD)
    assert (status, headers["location"]) == (
        302, "https://example.com/offer?who=Ben%20%26%20S%C3%B6hne%20%3Cb%3E&c=7%2F8",
    )  # fmt: skip

    def reported() -> dict[str, Any] | None:
        found = inkdot_json("report", "mail", "--campaign", "words", "--data", server.data)
        return found if any(p["last"] for p in found["people"]) else None

    report = eventually(reported)
    assert (report["copies"], report["messages"][0]["recipients"]) == ({"sent": 2}, 2)
    words, zoe = sorted(report["people"], key=lambda p: str(p["person"]))
    assert (words["person"], words["state"], zoe["state"]) == ("words@example.com", "sent", "sent")
    # A click a moment after the mail left is taken for a scanner's.
    assert (words["machine_fetches"], zoe["machine_fetches"], zoe["opened"], zoe["last"]) == (1, 0, None, None)
    shown = inkdot("report", "mail", "--campaign", "words", "--data", server.data).stdout
    assert "words@example.com" in shown
    missing = inkdot("report", "mail", "--campaign", "nothing", "--data", server.data, check=False)
    assert (missing.returncode, "words" in missing.stderr) == (2, True)


def test_the_same_command_sends_what_is_left_and_nothing_twice(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(4))
    sink.answers = {"p1@example.com": "451 4.7.1 later", "p2@example.com": "550 5.1.1 nobody"}
    first = send(tmp_path, sink, code=1)
    assert first["counts"] == {"sent": 2, "waiting": 1, "refused": 1}
    refused = next(c for c in first["copies"] if c["to"] == "p2@example.com")
    assert (refused["sent"], refused["error"]) == (False, "550 5.1.1 nobody")
    sink.answers = {}
    (tmp_path / "people.csv").write_text(many(5))
    second = send(tmp_path, sink, code=1)
    assert second["message"] == first["message"]
    assert second["counts"] == {"sent": 4, "refused": 1}
    assert sorted(m.to for m in sink.got) == [f"p{n}@example.com" for n in (0, 1, 3, 4)]
    assert send(tmp_path, sink, "--again", "refused")["counts"] == {"sent": 5}
    assert len(sink.got) == 5
    written(tmp_path, many(5), NEWS.replace("Hello", "Goodbye"))
    other = inkdot(
        "mail", "send", tmp_path / "news.eml", "--people", tmp_path / "people.csv", "--smtp", sink.url,
        "--data", tmp_path / "data", check=False,
    )  # fmt: skip
    assert (other.returncode, "--campaign" in other.stderr, len(sink.got)) == (2, True, 5)


def started(tmp_path: Path, sink: Sink, talk: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    files = (str(tmp_path / "news.eml"), "--people", str(tmp_path / "people.csv"), "--data", str(tmp_path / "data"))
    command = [sys.executable, "-m", "inkdot", "mail", "send", *files, "--smtp", sink.url]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=talk)


def test_a_terminal_shows_how_far_it_is(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(3))
    terminal, talk = pty.openpty()
    run = started(tmp_path, sink, talk)
    os.close(talk)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(terminal, 4_096):
            shown += piece
    os.close(terminal)
    assert run.wait(PATIENCE) == 0
    assert b"3/3" in shown
    assert b"p2@example.com" in shown


def test_a_run_that_is_killed_is_taken_up_without_doubles_or_losses(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(40))
    for kept in (5, 15, 25):
        run = started(tmp_path, sink)
        eventually(lambda kept=kept: len(sink.got) >= kept)  # type: ignore[misc]
        run.kill()
        run.wait(PATIENCE)
    answer = send(tmp_path, sink, code=1 if any_unsure(tmp_path) else 0)
    states = {c["to"]: c["state"] for c in answer["copies"]}
    assert set(states.values()) <= {"sent", "unsure"}
    got = [m.to for m in sink.got]
    assert len(got) == len(set(got)), "somebody got it twice"
    assert set(got) >= {to for to, state in states.items() if state == "sent"}
    assert list(states.values()).count("unsure") <= 3


def any_unsure(tmp_path: Path) -> bool:
    import sqlite3  # noqa: PLC0415 - a look at what the killed runs left, which no command shows before the next run

    with sqlite3.connect(tmp_path / "data" / "control.db") as db:
        found = db.execute("SELECT count(*) FROM campaign_copies WHERE state IN ('sending', 'unsure')").fetchone()[0]
    db.close()
    return bool(found)


def test_of_whom_nobody_knows_is_told_and_not_guessed(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(3))
    sink.drop_before_250 = 1
    first = send(tmp_path, sink, code=1)
    assert [c["state"] for c in first["copies"]] == ["unsure", "sent", "sent"]
    again = send(tmp_path, sink, code=1)
    assert ([c["state"] for c in again["copies"]], len(sink.got)) == (["unsure", "sent", "sent"], 3)
    assert send(tmp_path, sink, "--again", "unsure")["counts"] == {"sent": 3}
    assert len(sink.mails_to("p0@example.com")) == 2


def test_two_commands_do_not_send_one_campaign_together(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(30))
    sink.delay = 2  # a minute in all
    run = started(tmp_path, sink)
    eventually(lambda: sink.rcpts)
    second = inkdot(
        "mail", "send", tmp_path / "news.eml", "--people", tmp_path / "people.csv", "--smtp", sink.url,
        "--data", tmp_path / "data", check=False,
    )  # fmt: skip
    run.kill()
    run.wait(PATIENCE)
    assert (second.returncode, "by another command" in second.stderr) == (1, True)


def test_no_more_go_out_than_the_rate_allows(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(5))
    begun = time.monotonic()
    send(tmp_path, sink, "--rate", "4/second")
    assert time.monotonic() - begun > 1.0
    assert len(sink.got) == 5


def test_who_wants_no_mail_gets_none_and_who_wants_no_marks_gets_none(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, f"email,name\n{BEN},Ben\n{EVE},Eve\n{CLEO},Cleo\n{ZOE},Zoe\n")
    data = ("--data", str(tmp_path / "data"))
    inkdot("consent", "withdraw", EVE, *data)
    inkdot("consent", "set", CLEO, "--mode", "aggregate", *data)
    inkdot("consent", "set", ZOE, "--mode", "off", "--scope", "purpose:mail", *data)
    answer = send(tmp_path, sink)
    assert [(c["to"], c["state"], c["left_alone"]) for c in answer["copies"]] == [
        (BEN, "sent", None), (EVE, "sent", "consent"), (CLEO, "sent", None), (ZOE, "skipped", None),
    ]  # fmt: skip
    assert [m.to for m in sink.got] == [BEN, EVE, CLEO]
    report = inkdot_json("report", "mail", "--campaign", "news", *data)
    assert ([p["person"] for p in report["people"]], report["unnamed"]) == ([BEN], 3)
    # Cleo, the only one without a name, counts among the mails of the day: here "one more" would be her.
    assert report["messages"][0]["recipients"] == 1
    assert send(tmp_path, sink)["counts"] == {"sent": 3, "skipped": 1}
    assert len(sink.got) == 3
    mails = inkdot_json("report", "mail", *data)["messages"]
    assert [m["recipients"] for m in mails if m["subject"] == "Mails to one person each"] == [1], (
        "the second run sent her none"
    )


def test_who_says_so_while_a_campaign_runs_gets_no_mail_or_no_marks(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, f"email,name\n{BEN},Ben\n{EVE},Eve\n{ZOE},Zoe\n")
    data = ("--data", str(tmp_path / "data"))

    def say() -> None:
        sink.before_250 = None
        inkdot("consent", "set", EVE, "--mode", "aggregate", *data)
        inkdot("consent", "set", ZOE, "--mode", "off", "--scope", "purpose:mail", *data)

    sink.before_250 = say
    answer = send(tmp_path, sink)
    assert [(c["to"], c["state"], c["left_alone"]) for c in answer["copies"]] == [
        (BEN, "sent", None), (EVE, "sent", "consent"), (ZOE, "skipped", None),
    ]  # fmt: skip
    assert [(m.to, b"/o/" in m.content) for m in sink.got] == [(BEN, True), (EVE, False)]
    assert send(tmp_path, sink)["counts"] == {"sent": 2, "skipped": 1}
    assert len(sink.got) == 2


def test_a_server_that_takes_nothing_is_not_asked_for_everybody(tmp_path: Path, sink: Sink) -> None:
    written(tmp_path, many(30))
    sink.sender_answers = {"ada@example.com": "550 5.7.1 not you"}
    assert len(send(tmp_path, sink, code=1)["copies"]) == 10
    sink.sender_answers = {}
    assert send(tmp_path, sink, "--again", "refused")["counts"] == {"sent": 30}


@pytest.mark.parametrize(
    ("people", "news", "options", "says"),
    [
        ("name\nBen\n", NEWS, [], "email"),
        ("", NEWS, [], "email"),
        ("email,name\n", NEWS, [], "nobody"),
        ("email,name\nnobody,Ben\n", NEWS, [], "line 2: 'nobody'"),
        (f"email\n{BEN}\n", NEWS, [], "{{name}}"),
        (f'email,name\n{CLEO},Cleo\n{BEN},"Ben\n{EVE},Eve\n', NEWS, [], "from line 3 on"),
        (f"email,name\n{BEN},Ben, Jr.\n", NEWS, [], "line 2: 3 values for 2 columns"),
        (f"email,name\n{BEN},B\0n\n", NEWS, [], "line 2: a NUL"),
        (f"email,name,Name\n{BEN},Ben,B\n", NEWS, [], "two columns 'name'"),
        (f"email,name\n{BEN},\n", NEWS, [], "line 2: nothing for {{name}}"),
        (f"email,name\n{BEN},Ben\n", NEWS, ["--rate", "fast"], "60/minute"),
        (f"email,name\n{BEN},Ben\n", NEWS, ["--again", "sent"], "--again"),
        (f"email,name\n{BEN},Ben\n", NEWS, ["--to", EVE], "--people"),
        (f"email,name\n{BEN},Ben\n", "DKIM-Signature: v=1\r\n" + NEWS, [], "DKIM"),
        (f"email,name\n{BEN},Ben\n", NEWS.replace("multipart/alternative", "multipart/signed"), [], "signed"),
    ],
    ids=range(15),
)
def test_what_cannot_be_sent_is_one_sentence_before_anything_is(
    people: str, news: str, options: list[str], says: str, tmp_path: Path, sink: Sink
) -> None:
    written(tmp_path, people, news)
    done = inkdot(
        "mail", "send", tmp_path / "news.eml", "--people", tmp_path / "people.csv", "--smtp", sink.url,
        "--data", tmp_path / "data", *options, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, sink.got) == (2, "", [])
    assert says in done.stderr
    assert done.stderr.startswith("inkdot: ")
