"""Replies that quote an older copy: its marks are known in whatever form programs and gateways left them, and taken out."""

from __future__ import annotations

import base64
import quopri
from email import message_from_bytes
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdot.domain.token import Keyring
from inkdot.mark.mint import Mint
from inkdot.mark.privacy import LANGUAGES, Notice
from tests.mark.cast import BEN, CLEO, KEYRING, MINT, cleaned, mail, marked, texts

THERE = "https://example.com/offer?a=1&b=2"
OLD = marked(mail(f'<p>See <a href="{THERE.replace("&", "&amp;")}">it</a></p>'.encode()))
LINK, DOT, PRIVACY = OLD.links[0].url, OLD.dots[0], OLD.privacy or ""
THEIRS = Mint("https://t.example.com", Keyring.fresh(lambda n: bytes(range(1, n + 1))))

SAFELINK = "https://eur01.safelinks.protection.outlook.com/?url={}&data=05%7C02%7Cada%40example.com%7C1&reserved=0"
WRAPPERS = {
    "outlook": SAFELINK.format(quote(LINK, safe="")),
    "google": f"https://www.google.com/url?q={LINK}&source=gmail&ust=1795446000&usg=AOvVaw",
    "proofpoint 3": f"https://urldefense.com/v3/__{LINK}__;!!Abc!xyz$",
    "proofpoint 2": "https://urldefense.proofpoint.com/v2/url?u="
    + quote(LINK, safe="").replace("-", "%2D").replace("_", "%5F").replace("%2F", "_").replace("%", "-")
    + "&d=DwMFaQ&c=x",
    "barracuda": f"https://linkprotect.cudasvc.com/url?a={quote(LINK, safe='').replace('%2F', '%2f')}&c=E,1",
    "one in another": SAFELINK.format(quote(f"https://www.google.com/url?q={quote(LINK, safe='')}", safe="")),
}


def escaped(url: str) -> str:
    return url.replace("&", "&amp;")


@pytest.mark.parametrize("wrapped", WRAPPERS.values(), ids=WRAPPERS.keys())
def test_a_link_that_a_gateway_has_wrapped_leads_where_it_led_and_is_tracked_anew(wrapped: str) -> None:
    quoted = mail(f'<p>Yes.</p><blockquote><a href="{escaped(wrapped)}">it</a></blockquote>'.encode())
    assert cleaned(quoted) == mail(f'<p>Yes.</p><blockquote><a href="{escaped(THERE)}">it</a></blockquote>'.encode())
    copy = marked(quoted, CLEO)
    assert [link.href for link in copy.links] == [THERE]
    assert LINK.rpartition("/")[2].encode() not in copy.content
    token = MINT.own(copy.links[0].url.encode())
    assert token
    assert token.address == CLEO


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'<a href="https://example.com/x" data-saferedirecturl="https://www.google.com/url?q={LINK}&amp;ust=1">x</a>',
         f'<a href="https://example.com/x" data-saferedirecturl="{escaped(THERE)}">x</a>'),
        (f'<a href="{LINK}" originalsrc="{LINK}" title="{LINK}">{LINK}</a>',
         f'<a href="{escaped(THERE)}" originalsrc="{escaped(THERE)}" title="{escaped(THERE)}">{escaped(THERE)}</a>'),
        (f"<p>&lt;{LINK}&gt;, or {LINK}.</p>", f"<p>&lt;{escaped(THERE)}&gt;, or {escaped(THERE)}.</p>"),
        (f'<p>x<img src="https://ci3.googleusercontent.com/meips/ADKq=s0-d-e1-ft#{DOT}" alt="">y</p>', "<p>xy</p>"),
        (f'<p>x<!--[if gte vml 1]><v:imagedata src="{DOT}" o:href="{DOT}"/><![endif]--></p>',
         '<p>x<!--[if gte vml 1]><v:imagedata src="" o:href=""/><![endif]--></p>'),
        (f'<p style="background:url({DOT})">x</p>', '<p style="background:url()">x</p>'),
        (f'<p>x <a href="{PRIVACY}">See and stop</a></p>', '<p>x <a href="">See and stop</a></p>'),
    ],
)  # fmt: skip
def test_marks_are_found_wherever_programs_put_them(before: str, after: str) -> None:
    assert cleaned(mail(before.encode())) == mail(after.encode())


QUOTE = f"Yes.\n\n> See it <{LINK}>\n> [{DOT}]\n> {WRAPPERS['outlook']}\n> See and stop <{PRIVACY}>\n> Größe\n"
CLEAN = f"Yes.\n\n> See it <{THERE}>\n> \n> {THERE}\n> See and stop \n> Größe\n"


def encoded(text: str, encoding: str) -> bytes:
    raw = text.encode()
    if encoding == "base64":
        return base64.encodebytes(raw)
    return quopri.encodestring(raw) if encoding == "quoted-printable" else raw


def reply(text: str, encoding: str, page: str = "<p>Yes.</p>") -> bytes:
    head = "From: ada@example.com\nSubject: Re: x\nContent-Type: multipart/alternative; boundary=b\n\n--b\n"
    kind = f"Content-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: {encoding}\n\n"
    tail = f"\n--b\nContent-Type: text/html\n\n{page}\n--b--\n"
    return head.encode() + kind.encode() + encoded(text, encoding) + tail.encode()


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_the_plain_text_beside_the_page_is_cleaned_too(encoding: str) -> None:
    copy = marked(reply(QUOTE, encoding), CLEO)
    assert len(copy.dots) == 2
    assert texts(copy.content)[0].decode() == CLEAN
    assert max(map(len, copy.content.split(b"\n"))) < 998
    assert (
        copy.content.partition(b"--b\nContent-Type: text/plain")[0]
        == reply(CLEAN, encoding).partition(b"--b\nContent-Type: text/plain")[0]
    )
    assert texts(cleaned(reply(QUOTE, encoding)))[0].decode() == CLEAN
    assert cleaned(reply(CLEAN, encoding)) == reply(CLEAN, encoding)


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_a_mail_of_text_alone_leaves_without_older_marks_and_else_as_it_came(encoding: str) -> None:
    def alone(text: str) -> bytes:
        head = (
            f"From: ada@example.com\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
        )
        return head.encode() + encoded(text, encoding)

    copy = marked(alone(QUOTE), CLEO)
    assert (copy.left_alone, copy.dots, texts(copy.content)[0].decode()) == ("text_only", (), CLEAN)
    assert marked(alone(CLEAN)).content == alone(CLEAN)


def test_what_must_not_be_touched_keeps_even_older_marks() -> None:
    signed = reply(QUOTE, "8bit").replace(b"multipart/alternative", b"multipart/signed")
    forwarded = b"From: ada@example.com\nContent-Type: message/rfc822\n\nSubject: x\n\n" + QUOTE.encode()
    attached = reply(QUOTE, "8bit").replace(b"format=flowed\n", b"format=flowed\nContent-Disposition: attachment\n")
    assert marked(signed).content == signed
    assert cleaned(forwarded) == forwarded
    assert LINK in texts(marked(attached).content)[0].decode()


def test_the_marks_of_others_and_links_of_ones_own_stay() -> None:
    theirs = marked(mail(f'<p><a href="{THERE}">x</a></p>'.encode()), mint=THEIRS).links[0].url
    text = reply(
        f"> {theirs}\n> {SAFELINK.format(quote(theirs, safe=''))}\n> https://example.com/{'a' * 100}\n", "8bit"
    )
    assert cleaned(text) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quoted_footer_goes_and_the_new_one_is_the_only_one(language: str) -> None:
    mint = MINT._replace(notice=Notice("footer", language))
    source = mail(b"<html><body><p>Hello <a href='https://example.com/'>x</a></p></body></html>\r\n")
    for_ben = marked(source, mint=mint)
    assert for_ben.privacy
    assert for_ben.privacy.encode() in for_ben.content
    assert cleaned(for_ben.content, mint) == source
    assert marked(for_ben.content, CLEO, mint=mint).content == marked(source, CLEO, mint=mint).content


def test_words_that_are_no_footer_stay_where_such_a_link_stands() -> None:
    page = f'<p>Ben asked: what is <a href="{PRIVACY}">this</a></p>'.encode()
    assert b"Ben asked: what is" in cleaned(mail(page))


@given(
    words=st.lists(st.text(st.characters(exclude_categories=["C"], exclude_characters="[]<>(){}\"'/:%"), max_size=20), min_size=3, max_size=3),
    destination=st.from_regex(r"https://[a-z]{1,10}\.example/[A-Za-z0-9/._~!$&*+,;=:@%#?-]{0,60}", fullmatch=True),
)  # fmt: skip
def test_a_quoted_address_comes_back_byte_for_byte(words: list[str], destination: str) -> None:
    url = marked(mail(f'<p><a href="{escaped(destination)}">x</a></p>'.encode())).links
    if not url:  # it says unsubscribe, and is not tracked
        return
    text = f"{words[0]} <{{}}> {words[1]}\n> {words[2]} {{}}\n"
    quoted = reply(text.format(url[0].url, SAFELINK.format(quote(url[0].url, safe=""))), "quoted-printable")
    assert texts(cleaned(quoted))[0].decode() == text.format(destination, destination)


def test_an_older_key_and_another_name_are_known_in_text_too() -> None:
    rotated = Mint("https://other.example.org/mail", KEYRING.rotated(bytes), prefixes=("dot", "go"))
    assert texts(cleaned(reply(QUOTE, "8bit"), rotated))[0].decode() == CLEAN
    assert message_from_bytes(marked(reply(QUOTE, "8bit"), BEN, mint=rotated).content)["Subject"] == "Re: x"
