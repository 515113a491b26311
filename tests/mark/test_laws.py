"""Laws of marking: what changes, what never does, and what may be done twice."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.errors import MailUnreadable
from inkdot.mark.mail import read_mail
from tests.mark.cast import CLEO, DOT, MINT, cleaned, marked, texts
from tests.mark.strategies import DESTINATIONS, ENCODINGS, PAGES, anchor, encoded

LAW = settings(max_examples=120, deadline=None)
SOFT = re.compile(rb"=\r\n")


def in_normal_lines(source: bytes) -> bytes:
    """Without soft breaks: where a link was, a cleaned mail may break its lines elsewhere."""
    return SOFT.sub(b"", source)


@LAW
@given(PAGES, ENCODINGS)
def test_outside_of_marks_no_byte_of_the_html_changes(page: bytes, encoding: str) -> None:
    source = encoded(page, encoding)
    copy = marked(source)
    (before,), (after,) = texts(source), texts(copy.content)
    after = DOT.sub(b"", after).replace(b"\t\r\nhref=", b"href=")
    for link in copy.links:
        token = MINT.own(link.url.encode())
        assert token
        quote = after[after.index(link.url.encode()) - 1 :][:1]
        value = anchor(token.destination, quote)[len(b"<a class=x href=") + 1 : -len(b'">link</a>')]
        after = after.replace(link.url.encode(), value, 1)
    assert after == before


@LAW
@given(PAGES, ENCODINGS)
def test_marking_twice_is_marking_once_for_whomever(page: bytes, encoding: str) -> None:
    source = encoded(page, encoding)
    once = marked(source).content
    assert marked(once).content == once
    assert marked(once, CLEO).content == marked(source, CLEO).content


@LAW
@given(PAGES, ENCODINGS)
def test_cleaning_undoes_marking(page: bytes, encoding: str) -> None:
    source = encoded(page, encoding)
    again = cleaned(marked(source).content)
    assert in_normal_lines(again) == in_normal_lines(source)
    assert marked(again).content == marked(source).content
    assert cleaned(again) == again


@LAW
@given(PAGES)
def test_quoted_printable_lines_stay_within_76_columns(page: bytes) -> None:
    source = encoded(page, "quoted-printable")
    for content in (marked(source).content, cleaned(marked(source).content)):
        body = content.partition(b"\r\n\r\n")[2]
        assert max(map(len, body.split(b"\r\n"))) <= 76


@LAW
@given(DESTINATIONS, ENCODINGS, st.sampled_from([b'"', b"'"]))
def test_a_destination_comes_back_byte_for_byte(destination: bytes, encoding: str, quote: bytes) -> None:
    copy = marked(encoded(b"<p>" + anchor(destination, quote) + b"</p>", encoding))
    if copy.links:
        token = MINT.own(copy.links[0].url.encode())
        assert token
        assert token.destination == destination
    else:
        assert re.search(rb"(?i)opt.?out|unsub", destination)


@LAW
@given(PAGES, PAGES, ENCODINGS)
def test_a_quoted_copy_is_marked_anew(page: bytes, answer: bytes, encoding: str) -> None:
    (quoted,) = texts(marked(encoded(page, encoding)).content)
    reply = encoded(answer + b"<blockquote>" + quoted + b"</blockquote>", encoding)
    copy = marked(reply, CLEO)
    (shown,) = texts(copy.content)
    assert len(DOT.findall(shown)) == len(copy.dots)
    owners = [MINT.own(link.url.encode()) for link in copy.links]
    assert {token.address for token in owners if token} <= {CLEO}
    assert marked(copy.content, CLEO).content == copy.content


PIECES = st.sampled_from(
    [b"From: a\n", b"\n", b"\r\n", b"--b\n", b"--b--\n", b"Content-Type: multipart/mixed; boundary=b\n", b"<a href=", b"=\n", b"=3D", b"=",
     b"Content-Type: text/html; charset*0*=a''b;charset*=c; charset*1=d\n", b"Content-Type: text/html; charset=\xff\n", b"<body>", b"</body>",
     b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n", b"Content-Type: text/html\n", b"&#99999999999;",
     b"Subject: =?utf-8?b?a?= =?x?q?=ff?=\n", b"\x1b$B", b"\x1b(B", b'"', b"'", b">", b"<", b"https://example.com/", b"\0", b"<!--", b"Bcc: x\n"],
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300) | st.lists(PIECES, max_size=20).map(b"".join))
def test_garbage_is_copied_or_refused_and_never_worse(garbage: bytes) -> None:
    try:
        read = read_mail(garbage, MINT)
    except MailUnreadable as refusal:
        assert str(refusal).endswith(".")
        return
    assert read.subject is None or isinstance(read.subject, str)
    assert marked(marked(garbage).content).content == marked(garbage).content
    assert isinstance(read.cleaned(), bytes)
