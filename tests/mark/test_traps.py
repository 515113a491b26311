"""Single traps: hostile sizes, keys, prefixes, consent, and links of their own."""

from __future__ import annotations

import os
import time

import pytest

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import LinkId
from inkdot.domain.token import Keyring, TokenKind
from inkdot.mark.mint import MAX_DESTINATION_BYTES, Mint, Person, tracked_link
from tests.mark.cast import BEN, CLEO, KEYRING, MINT, cleaned, mail, marked

MEGABYTE = 1_000_000
LINK = b'<p>Hi <a href="https://example.com/x">x</a></p>'


def nested(depth: int) -> bytes:
    opened = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth))
    return b"From: ada@example.com\n" + opened + b"Content-Type: text/html\n\n"


@pytest.mark.parametrize(
    "hostile",
    [
        mail(b"<a" * (MEGABYTE // 2)),
        mail(b'"' * MEGABYTE),
        mail(b"<!--" * (MEGABYTE // 4)),
        mail(b'<a href="' * (MEGABYTE // 9)),
        mail(b"<a " + b"x " * (MEGABYTE // 2) + b">"),
        mail(b"<script>" * (MEGABYTE // 8)),
        mail(b"</ " * (MEGABYTE // 3)),
        mail(b"=" * MEGABYTE, encoding=b"quoted-printable"),
        mail(b"x", headers=b"X: y" + b"\r\n y" * (MEGABYTE // 4) + b"\r\n"),
        mail(b"x", headers=b"Subject: " + b"=?" * (MEGABYTE // 2) + b"\r\n"),
        mail(b"x", headers=b"Content-Disposition: x" + b';a="' * (MEGABYTE // 4) + b"\r\n"),
        nested(49) + b"x" * MEGABYTE,
        nested(20_000),
    ],
    ids=range(13),
)
def test_hostile_mails_cost_no_more_than_their_length(hostile: bytes) -> None:
    begun = time.process_time()
    marked(hostile)
    assert time.process_time() - begun < 10, "a megabyte takes about a second; what grows with the square takes minutes"


@pytest.mark.parametrize(
    "source",
    [
        nested(51) + b"<p>x</p>",
        b"From: ada@example.com\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1001 + b"--b--\n",
    ],
    ids=["too deep", "too many parts"],
)
def test_a_monstrous_mail_is_left_alone(source: bytes) -> None:
    copy = marked(source)
    assert (copy.left_alone, copy.content) == ("too_complex", source)


def test_links_beyond_the_last_position_are_not_tracked_and_it_is_said() -> None:
    copy = marked(mail(b"<p>Hi</p>" + b'<a href="https://example.com/">x</a>' * 65_540))
    assert len(copy.links) == 65_534
    assert any("65534 links" in warning for warning in copy.warnings)


def test_twenty_megabytes_beside_a_page_are_not_touched() -> None:
    attached = b"QUJD" * 19 + b"\r\n"
    before = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n'
    behind = b"\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    behind += attached * (20_000_000 // len(attached)) + b"--b--\r\n"
    source = b"From: Ada <ada@example.com>\r\n" + before + b'<p><a href="https://example.com/a">a</a></p>' + behind
    copy = marked(source)
    assert ([link.href for link in copy.links], copy.warnings) == (["https://example.com/a"], ())
    assert copy.content.endswith(behind)
    assert cleaned(copy.content) == source


def test_a_large_page_and_a_long_line_are_warned_of() -> None:
    large = marked(mail(b"<p>" + b"words \r\n" * 13_000 + b"</p>"))
    assert ["Gmail" in warning for warning in large.warnings] == [True]
    long = marked(mail(b"<p>" + b"x" * 991 + b"</p>"))
    assert ["998 bytes" in warning for warning in long.warnings] == [True]
    assert marked(mail(b"<p>" + b"x" * 1_900 + b"</p>")).warnings == ()


@pytest.mark.parametrize("line", [b"<p>" + b"x" * 985 + b"</p>", b"<p>" + LINK * 18 + b"</p>"])
def test_a_line_that_marks_make_too_long_is_broken_inside_their_tags(line: bytes) -> None:
    source = mail(line)
    copy = marked(source)
    assert max(map(len, copy.content.split(b"\r\n"))) <= 998
    assert copy.warnings == ()
    assert cleaned(copy.content) == source
    assert marked(copy.content, CLEO).content == marked(source, CLEO).content


def test_a_mail_left_alone_with_its_bcc_says_so() -> None:
    copy = marked(b"From: ada@example.com\nBcc: cleo@example.com\n\nHello\n")
    assert ["Bcc" in warning for warning in copy.warnings] == [True]


@pytest.mark.parametrize(
    "public_url", ["https://t.example.com/", "https://example.com/mail/t", "http://127.0.0.1:8001"]
)
def test_own_marks_are_known_again_under_any_address_and_prefix(public_url: str) -> None:
    mint = Mint(public_url, KEYRING, prefixes=("dot", "go"))
    source = mail(LINK)
    copy = marked(source, mint=mint)
    assert copy.dots[0].startswith(public_url.rstrip("/") + "/dot/")
    assert cleaned(copy.content) == source


def test_own_marks_stay_known_after_the_key_was_rotated() -> None:
    rotated = Mint("https://t.example.com", KEYRING.rotated(os.urandom))
    assert cleaned(marked(mail(LINK)).content, rotated) == mail(LINK)


def test_the_marks_of_others_are_none_of_ours() -> None:
    other = Mint("https://t.example.com", Keyring.fresh(os.urandom))
    theirs = marked(mail(LINK), mint=other).content
    assert cleaned(theirs) == theirs
    assert marked(theirs).links[0].href.startswith("https://t.example.com/c/")


def test_a_mark_with_something_appended_is_still_led_back() -> None:
    url = marked(mail(LINK)).links[0].url.encode()
    assert (
        marked(mail(LINK.replace(b"https://example.com/x", url + b"?utm_source=x#y"))).links[0].href
        == "https://example.com/x"
    )


def test_an_own_link_that_asks_not_to_be_tracked_is_led_back_only() -> None:
    url = marked(mail(LINK)).links[0].url.encode()
    copy = marked(mail(b'<p>x <a data-notrack href="' + url + b'">x</a></p>'), CLEO)
    assert copy.links == ()
    assert b'<a data-notrack href="https://example.com/x">' in copy.content


def test_a_tracked_link_of_its_own_stays_in_a_mail_as_it_is() -> None:
    url = tracked_link(MINT, Person.known(MINT, BEN), LinkId(9), 1, "https://example.com/")
    copy = marked(mail(b'<p>x <a href="' + url.encode() + b'">x</a></p>'))
    assert copy.links == ()
    assert url.encode() in copy.content


def test_a_bare_value_is_led_back_so_that_its_tag_stays_whole() -> None:
    source = mail(b"<p><a href=https://example.com/?a=&gt;&#32;b&amp;c>x</a></p>")
    assert cleaned(marked(source).content) == source


def test_a_destination_that_the_quoting_mail_cannot_hold_is_percent_encoded() -> None:
    (url,) = (
        link.url for link in marked(mail(b'<p><a href="https://example.com/\xe9">x</a></p>', charset=b"latin1")).links
    )
    quoting = mail(b'<p><a href="' + url.encode() + b'">x</a></p>')
    assert b'href="https://example.com/%E9"' in cleaned(quoting)


def test_counting_names_nobody_and_off_changes_nothing() -> None:
    source = mail(LINK)
    counted = marked(source, mode=Mode.AGGREGATE)
    assert counted.content == marked(source, CLEO, Mode.AGGREGATE).content
    token = MINT.own(counted.dots[0].encode())
    assert token
    assert (token.contact, token.address, token.mode) == (0, None, Mode.AGGREGATE)
    off = marked(source, mode=Mode.OFF)
    assert (off.content, off.left_alone, off.dots, off.links) == (source, "consent", (), ())


def test_a_tracked_link_keeps_its_destination_and_refuses_what_is_no_web_address() -> None:
    ben = Person.known(MINT, Address("ben@example.com"))
    destination = "https://example.com/é?a=1&copy=2#%zz"
    token = MINT.own(tracked_link(MINT, ben, LinkId(9), 1, destination).encode())
    assert token
    assert (token.kind, token.link, token.destination) == (TokenKind.LINK, 9, destination.encode())
    long = "https://example.com/" + "x" * MAX_DESTINATION_BYTES
    for wrong in (
        "javascript:alert(1)",
        "ftp://example.com/",
        "https://",
        "https://example.com/\r\nX: y",
        "example.com",
        "",
        long,
    ):
        with pytest.raises(UsageError, match=r"\.$"):
            tracked_link(MINT, ben, LinkId(9), 1, wrong)
