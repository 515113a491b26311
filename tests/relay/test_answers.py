"""Replies and reports told apart from what machines answer; a real mailbox is in test_mailbox.py."""

from __future__ import annotations

import email

import pytest

from inkdot.relay.answers import Bounce, Failed, Reply, bounce_in, may_report, reply_in
from tests.conftest import inkdot

REPLY = """From: Ben <Ben@example.com>
Subject: Re: The quote
In-Reply-To: <quote@example.com>
References: <older@example.com> <quote@example.com>
Message-ID: <answer@example.com>
User-Agent: Mozilla Thunderbird
Date: Mon, 23 Nov 2026 16:00:00 +0100

Yes.
"""

REPORT = """From: MAILER-DAEMON@mx.example.net
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Original-Recipient: rfc822; Ben@example.com
Final-Recipient: rfc822; b@inner.example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such
  user

Final-Recipient: rfc822; cleo@example.com
Action: delayed
Status: 4.2.0

--b
Content-Type: {kind}

{inner}Message-ID: <quote@example.com>
Subject: The quote

--b--
"""


def test_a_reply_names_what_it_answers() -> None:
    expected = Reply(
        "ben@example.com", "<quote@example.com>", ("<older@example.com>",), "<answer@example.com>", "Mozilla Thunderbird",
        1795446000.0,
    )  # fmt: skip
    assert reply_in(email.message_from_string(REPLY)) == expected


def test_without_in_reply_to_the_last_reference_is_answered() -> None:
    mail = email.message_from_string(REPLY.replace("In-Reply-To: <quote@example.com>\n", ""))
    found = reply_in(mail)
    assert found
    assert (found.answered, found.named) == ("<quote@example.com>", ("<older@example.com>",))


@pytest.mark.parametrize(
    "heads",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (vacation)",
        "Precedence: bulk",
        "X-Autoreply: yes",
        "List-Id: <news.example.com>",
        "Return-Path: <>",
        "Subject: Automatic reply: The quote",
        "Subject: Out of Office: The quote",
        "Subject: Abwesenheitsnotiz: The quote",
        "Subject: Automatische Antwort: The quote",
        "Subject: R\u00e9ponse automatique : The quote",
        "Subject: =?utf-8?Q?R=C3=A9ponse_automatique_:_Le_devis?=",
        "Subject: =?iso-8859-1?Q?R=E9ponse_automatique=A0:_Le_devis?=",
        "Subject: =?utf-8?B?UmXMgXBvbnNlIGF1dG9tYXRpcXVl?= : Le devis",  # the accent as a character of its own
        "Subject: Respuesta autom\u00e1tica: El presupuesto",
        "Subject: =?utf-8?B?6Ieq5YuV5b+c562UOiDopovnqY3jgoo=?=",
        "Subject: =?utf-8?B?0JDQstGC0L7QvNCw0YLQuNGH0LXRgdC60LjQuSDQvtGC0LLQtdGCOiBS?=",
        "Subject: Autosvar: Offerten",
        "Subject: Odpowied\u017a automatyczna: Oferta",
        "Subject: [Auto-Reply] The quote",
        "Subject: Nicht im Haus\nX-Auto-Response-Suppress: All",
        "X-POST-MessageClass: 9; Autoresponder",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
        "X-MS-Exchange-Inbox-Rules-Loop: ben@example.com",
        "X-FC-MachineGenerated: true",
        "Delivered-To: Autoresponder",
        "Precedence: auto-reply",
        "From: Mail Delivery <MAILER-DAEMON@example.com>",
        "From: noreply@example.com",
        "From: nobody",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
    ],
)
def test_an_automatic_answer_is_no_reply(heads: str) -> None:
    name = heads.partition(":")[0]
    kept = [line for line in REPLY.splitlines() if not line.startswith(f"{name}:")]
    assert reply_in(email.message_from_string("\n".join([heads, *kept]))) is None


@pytest.mark.parametrize(
    "heads",
    [
        "Subject: Re: Out of office",
        "Subject: Re: [notes] Automatic reply systems",
        "Subject: Absence of evidence",
        "Subject: Out of the blue",
        "Subject: Autos und Versicherungen",
        "Subject: Readers",
        "Subject: =?utf-8?Q?broken=?=",
        "Subject: =?no-such-charset?Q?x?=",
        "Auto-Submitted: no",
        "X-Auto-Response-Suppress: None",
        "Precedence: normal",
        "X-Mailer: Microsoft Outlook 16.0",
    ],
)
def test_a_persons_answer_is_a_reply_whatever_its_subject(heads: str) -> None:
    name = heads.partition(":")[0]
    kept = [line for line in REPLY.splitlines() if not line.startswith(f"{name}:")]
    assert reply_in(email.message_from_string("\n".join([heads, *kept])))


def test_a_report_in_utf_8_is_understood() -> None:
    text = REPORT.format(kind="text/rfc822-headers", inner="").replace(
        "message/delivery-status", "message/global-delivery-status"
    )
    text = text.replace("Original-Recipient: rfc822; Ben@example.com", "Original-Recipient: utf-8; jürgen@exämple.de")
    found = bounce_in(email.message_from_bytes(text.encode()))
    assert found == Bounce("<quote@example.com>", (Failed("jürgen@exämple.de", "5.1.1", "550 5.1.1 No such user"),))


def test_a_mail_that_answers_nothing_is_no_reply() -> None:
    assert reply_in(email.message_from_string("From: ben@example.com\nSubject: News\n\nHello.\n")) is None
    assert (
        reply_in(email.message_from_string("From: ben@example.com\nIn-Reply-To: your mail of Monday\n\nHello.\n"))
        is None
    )


@pytest.mark.parametrize(
    ("kind", "inner"), [("text/rfc822-headers", ""), ("message/rfc822", "From: ada@example.com\n")]
)
def test_a_report_names_the_failed_recipients_only(kind: str, inner: str) -> None:
    mail = email.message_from_string(REPORT.format(kind=kind, inner=inner))
    assert may_report(mail)
    failed = Failed("ben@example.com", "5.1.1", "550 5.1.1 No such user")
    assert bounce_in(mail) == Bounce("<quote@example.com>", (failed,))
    assert reply_in(mail) is None


def test_exims_report_is_understood() -> None:
    text = "X-Failed-Recipients: ben@example.com\nFrom: Mailer-Daemon@mx\n\nA message...\n\nMessage-ID: <quote@example.com>\n"
    mail = email.message_from_string(text)
    assert may_report(mail)
    found = bounce_in(mail)
    assert found
    assert (found.original, found.failed[0].recipient) == ("<quote@example.com>", "ben@example.com")


@pytest.mark.parametrize(
    "text", ["", "Content-Type: multipart/report\n\nx", "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nAction\n--b--"]
)  # fmt: skip
def test_a_broken_report_tells_nothing(text: str) -> None:
    assert bounce_in(email.message_from_string(text)) is None


@pytest.mark.parametrize("url", ["imap.example.com", "imaps://host", "http://ada@host", "imaps://ada@host:x"])
def test_a_wrong_mailbox_is_explained(url: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDOT_IMAP", url)
    ports = ("--public-port", "0", "--office-port", "0")
    done = inkdot("serve", "--data", f"{tmp_path}/d", *ports, check=False)
    assert done.returncode == 2
    assert "imap is no mailbox" in done.stderr
