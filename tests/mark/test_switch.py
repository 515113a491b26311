"""The sender's switch: a word in the subject or a header turns marks off, and nobody sees that it was there."""

from __future__ import annotations

import base64
from email import message_from_bytes
from email.policy import default

import pytest

from tests.mark.cast import marked

PAGE = b"From: ada@example.com\r\n%sContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n"


def encoded(subject: str) -> bytes:
    return b"=?utf-8?B?" + base64.b64encode(subject.encode()) + b"?="


@pytest.mark.parametrize(
    ("switch", "left"),
    [
        (b"X-Inkdot: off\r\n", b""),
        (b"x-inkdot:\r\n OFF\r\n", b""),
        (b"Subject: [notrack] The quote\r\n", b"Subject: The quote\r\n"),
        (b"Subject: The quote [NoTrack]\r\n", b"Subject: The quote\r\n"),
        (b"Subject: " + encoded("[notrack] Café") + b"\r\n", b"Subject: " + encoded("Café") + b"\r\n"),
        (b"Subject: =?utf-8?Q?Caf=C3=A9_[notrack]?=\r\n", b"Subject: " + encoded("Café") + b"\r\n"),
        (b"Subject: The quote\r\n [notrack]\r\n", b"Subject: The quote\r\n"),
        (b"Subject: The\r\n\t[notrack]\r\n quote\r\n", b"Subject: The\r\n quote\r\n"),
        (b"Subject: The quote\r\n " + encoded("[notrack]") + b"\r\n", b"Subject: The quote\r\n"),
        (
            b"Subject: =?utf-8?Q?Caf=C3=A9_[notr?=\r\n =?UTF-8?Q?ack]_noir?=\r\n",
            b"Subject: " + encoded("Café noir") + b"\r\n",
        ),
        (
            b"Subject: =?utf-8?B?Q2Fmw6kgW24=?=\r\n =?utf-8?B?b3RyYWNrXQ==?=\r\n",
            b"Subject: " + encoded("Café") + b"\r\n",
        ),
        (b"Subject: =?utf-8?Q?Caf=C3?= =?utf-8?Q?=A9_[notrack]?=\r\n", b"Subject: " + encoded("Café") + b"\r\n"),
    ],
)
def test_a_mail_with_the_switch_leaves_unmarked_and_without_it(switch: bytes, left: bytes) -> None:
    copy = marked(PAGE % switch)
    assert (copy.left_alone, copy.content, copy.dots) == ("switched_off", PAGE % left, ())


def test_a_long_subject_is_written_anew_in_words_that_are_short_enough() -> None:
    subject = "Größere Änderungen für die Übergabe, die überall gelten"
    source = PAGE % (b"Subject: " + encoded(f"{subject} [notrack]") + b"\r\n")
    copy = marked(source)
    lines = copy.content.partition(b"\r\nContent-Type")[0].split(b"\r\n")[1:]
    assert (len(lines), max(map(len, lines)) <= 76 + len("Subject:")) == (2, True)
    assert message_from_bytes(copy.content, policy=default)["Subject"] == subject


@pytest.mark.parametrize(
    "words", [b"X-Inkdot: on\r\n", b"Subject: notrack\r\n", b"Subject: =?utf-8?B?!?= =?x?Q?[a?=\r\n"]
)
def test_what_is_no_switch_changes_nothing(words: bytes) -> None:
    assert len(marked(PAGE % words).dots) == 2


def test_a_signed_mail_keeps_the_switch_because_taking_it_out_would_break_the_signature() -> None:
    source = PAGE % b"DKIM-Signature: v=1; a=rsa-sha256\r\nX-Inkdot: off\r\n"
    copy = marked(source)
    assert (copy.left_alone, copy.content) == ("dkim_signed", source)
