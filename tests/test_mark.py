"""Marking changes what it must and not a byte more; what must not be touched is left alone and says why."""

from __future__ import annotations

import base64
import email
import json
import os
import quopri
import re
import socketserver
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import BadAddress, MailUnreadable
from inkdot.domain.ids import MessageId
from inkdot.domain.token import Keyring
from inkdot.mark.mail import Copy, read_mail
from inkdot.mark.mint import Mint
from tests.conftest import ADA, BEN, QUOTE, inkdot, inkdot_json

MINT = Mint("https://t.example.com", Keyring.fresh(os.urandom))
OWN = re.compile(rb"https://t\.example\.com/[oc]/[\w-]+(?:\.gif)?")
DOT = re.compile(
    rb'<img(?: |\r?\n)src="https://t\.example\.com/o/[\w-]+\.gif"\r?\nwidth="1" height="1" alt="" '
    rb'style="border:0"(?:\r?\n)?>'
)


def marked(source: bytes, to: str = BEN, mode: Mode = Mode.INDIVIDUAL) -> Copy:
    return read_mail(source, MINT).copy_for(normal_address(to), MessageId(5), 1_700_000_000, mode)


def mail(html: bytes, encoding: str = "8bit", charset: str = "utf-8", headers: bytes = b"") -> bytes:
    body = {"8bit": html, "quoted-printable": quopri.encodestring(html), "base64": base64.encodebytes(html)}[encoding]
    head = b"From: ada@example.com\nSubject: x\nMIME-Version: 1.0\n" + headers
    return (
        head + f"Content-Type: text/html; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + body
    )


def html_of(content: bytes) -> bytes:
    """The decoded HTML, by the standard library."""
    parts = [p for p in email.message_from_bytes(content).walk() if p.get_content_type() == "text/html"]
    payload = parts[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def test_dots_stand_at_the_top_and_the_bottom_of_the_body() -> None:
    html = html_of(marked(mail(b"<html><head><title>t</title></head><BODY bgcolor=red>Hi</BODY></html>")).content)
    assert (
        re.sub(DOT, b"[dot]", html)
        == b"<html><head><title>t</title></head><BODY bgcolor=red>[dot]Hi[dot]</BODY></html>"
    )


def test_a_fragment_gets_its_dots_around_it() -> None:
    assert re.sub(DOT, b"[dot]", html_of(marked(mail(b"<p>Hi</p>\n")).content)) == b"[dot]<p>Hi</p>[dot]\n"


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize(
    ("href", "destination"),
    [
        (b'"https://e.example/?a=1&copy=2&sect=3"', b"https://e.example/?a=1&copy=2&sect=3"),
        (b'"https://e.example/?a=1&amp;b=2&#38;c"', b"https://e.example/?a=1&b=2&c"),
        (b"'http://e.example/it&apos;s'", b"http://e.example/it's"),
        (b"https://e.example/bare?x=y", b"https://e.example/bare?x=y"),
        (b'" https://e.example/spaces "', b"https://e.example/spaces"),
        (b'"https://e.example/\xc3\xa9#part"', b"https://e.example/\xc3\xa9#part"),
        (b'"HTTPS://E.example/CASE"', b"HTTPS://E.example/CASE"),
        (b'"https://e.example/%41%zz?=&&"', b"https://e.example/%41%zz?=&&"),
    ],
)
def test_a_destination_travels_byte_for_byte(encoding: str, href: bytes, destination: bytes) -> None:
    copy = marked(mail(b"<p><a class=x href=" + href + b" id=y>t</a></p>", encoding))
    (link,) = copy.links
    token = MINT.own(link.url.encode())
    assert token is not None
    assert token.destination == destination
    assert link.url.encode() in html_of(copy.content)


@pytest.mark.parametrize(
    "untouched",
    [
        b'<a href="mailto:x@example.com">', b'<a href="tel:1">', b'<a href="#top">', b'<a href="cid:1">', b'<a href="/relative">',
        b'<a href="">', b"<a name=x>", b'<a data-notrack href="https://e.example/">', b'<a href="https://e.example/unsubscribe?u=1">',
        b'<a href="https://e.example/listed">', b'<!-- <a href="https://e.example/"> -->', b'<link href="https://e.example/x.css">',
        b'<style>a:after{content:"<a href=https://e.example/>"}</style>', b'<img src="https://e.example/logo.png">',
        b'<!--[if mso]><a href="https://e.example/"><![endif]-->', b"<![if !supportLists]>", b'<a href="javascript:alert(1)">',
    ],
)  # fmt: skip
def test_what_is_no_tracked_link_stays_as_it_is(untouched: bytes) -> None:
    source = mail(b"<p>" + untouched + b"x</a></p>", headers=b"List-Unsubscribe: <https://e.example/listed>\n")
    copy = marked(source)
    assert copy.links == ()
    assert re.sub(DOT, b"", copy.content) == source


PLAIN = b"From: ada@example.com\nSubject: x\nContent-Type: text/plain\n\n"


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("signed", b"From: a@b.example\nContent-Type: multipart/signed; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>hi</p>\n--x--\n"),
        ("encrypted", b"From: a@b.example\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\nhi\n--x--\n"),
        ("encrypted", b"From: a@b.example\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nAAAA\n"),
        ("signed", PLAIN + b"-----BEGIN PGP SIGNED MESSAGE-----\n\nhi\n"),
        ("encrypted", PLAIN + b"-----BEGIN PGP MESSAGE-----\n\nhi\n"),
        ("calendar", b"From: a@b.example\nContent-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>hi</p>\n--x\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--x--\n"),
        ("report", b"From: a@b.example\nContent-Type: multipart/report; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>hi</p>\n--x--\n"),
        ("report", mail(b"<p>hi</p>", headers=b"Auto-Submitted: auto-replied\n")),
        ("text_only", PLAIN + b"hi\n"),
        ("text_only", b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhi\n--x\nContent-Type: message/rfc822\n\nFrom: x@y.example\nContent-Type: text/html\n\n<p>hi</p>\n--x--\n"),
        ("text_only", b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhi\n--x\nContent-Type: text/html\nContent-Disposition: attachment\n\n<p>hi</p>\n--x--\n"),
        ("dkim_signed", mail(b"<p>hi</p>", headers=b"DKIM-Signature: v=1; a=rsa-sha256\n")),
        ("no_safe_place", mail(b"")),
        ("no_safe_place", mail(b"<html><body> &nbsp; </body></html>")),
        ("no_safe_place", mail(b"<html><body><p>never closed")),
        ("no_safe_place", mail(b"<p>hi <!-- never closed")),
        ("no_safe_place", mail(b'<p>hi <a href="https://e.example/')),
        ("no_safe_place", b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>hi</p>\n"),
        ("no_blank_line", b"From: ada@example.com\nContent-Type: text/html\n<p>hi</p>\n"),
        ("charset", mail(b"<p>hi</p>", charset="utf-16")),
        ("charset", mail(b"<p>hi</p>", charset="no-such-set")),
        ("encoding", b"From: a@b.example\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\n!!!\n"),
        ("encoding", b"From: a@b.example\nContent-Type: text/html\nContent-Transfer-Encoding: x-uuencode\n\n<p>hi</p>\n"),
    ],
)  # fmt: skip
def test_what_must_not_be_touched_is_left_alone_with_a_reason(reason: str, source: bytes, tmp_path: Path) -> None:
    copy = marked(source)
    assert (copy.left_alone, copy.content, copy.dots, copy.links) == (reason, source, (), ())
    assert copy.left_alone is not None
    (tmp_path / "m.eml").write_bytes(source)
    told = inkdot(
        "mail", "mark", tmp_path / "m.eml", "--to", BEN, "--out-dir", tmp_path / "o", "--data", tmp_path / "d", "--json"
    )
    answer = json.loads(told.stdout)["copies"][0]
    assert answer["left_alone"]["reason"] == reason
    assert Path(answer["file"]).read_bytes() == source
    assert "not marked" in told.stderr


def test_no_consent_means_not_a_byte_changed() -> None:
    assert marked(QUOTE, mode=Mode.OFF).content == QUOTE
    nobody = [marked(QUOTE, to, Mode.AGGREGATE).content for to in (ADA, BEN)]
    assert nobody[0] == nobody[1]
    assert b"example.com" not in OWN.findall(nobody[0])[0][24:]


def test_blind_copies_do_not_leak() -> None:
    copy = marked(mail(b"<p>hi</p>", headers=b"Bcc: eve@example.com,\n secret@example.com\n"))
    assert b"secret@" not in copy.content
    assert b"eve@" not in copy.content


def test_the_whole_structure_around_the_html_stays() -> None:
    source = (
        b"Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\r\nX-Long: "
        + b"a " * 90
        + b"\r\n\tfolded\r\nFrom: ada@example.com\r\n"
        b'Content-Type: multipart/mixed;\r\n boundary="out er"\r\n\r\npreamble\r\n--out er\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n'
        b"--in\r\nContent-Type: text/plain; format=flowed\r\n\r\nhttps://e.example/ \r\n--in\r\nContent-Type: text/html; charset=iso-2022-jp\r\n\r\n"
        b'<p>\x1b$B<<\x1b(B <a href="https://e.example/">x</a></p>\r\n--in--\r\nepilogue\r\n--out er\r\nContent-Type: application/pdf;\r\n'
        b" name*=utf-8''%E2%82%AC.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--out er--\r\nafter\r\n"
    )
    copy = marked(source)
    assert copy.left_alone is None
    restored = DOT.sub(b"", copy.content).replace(copy.links[0].url.encode(), b"https://e.example/")
    assert restored == source


def test_a_forwarded_older_mark_is_taken_out_before_the_new_one_goes_in() -> None:
    first = marked(QUOTE, BEN)
    quoted = mail(b"<p>Re</p><blockquote type=cite>" + html_of(first.content) + b"</blockquote>")
    again = marked(quoted, ADA)
    assert len(again.links) == 2
    assert not set(OWN.findall(first.content)) & set(OWN.findall(again.content))
    assert OWN.search(read_mail(first.content, MINT).cleaned()) is None


pieces = st.lists(
    st.sampled_from(
        [
            b"<p>text</p>", b"\n", b"x" * 300, b"<a href='https://e.example/?q=1&amp;r=2'>a</a>", b'<A HREF="http://e.example/\xc3\xa4">b</A>', b"=3D=", b"&copy;",
            b"<!-- c -->", b"<br>", b"caf\xc3\xa9 ", b'<a href="mailto:a@b.example">m</a>', b"< a", b"<3", b"<a href=https://e.example/z>", b"\t ",
        ]
    ),
    max_size=25,
)  # fmt: skip


@given(pieces, st.sampled_from(["8bit", "quoted-printable", "base64"]))
@settings(max_examples=150, deadline=None)
def test_marking_again_gives_the_same_copy_and_nothing_else_ever_changes(parts: list[bytes], encoding: str) -> None:
    html = b"<html><body>" + b"".join(parts) + b"</body></html>\n"
    source = mail(html, encoding)
    copy = marked(source)
    if copy.left_alone:
        assert copy.content == source
        return
    assert marked(copy.content).content == copy.content
    back = re.sub(rb"(?i)\t\n(?=href=)", b"", DOT.sub(b"", html_of(copy.content)))
    for link in copy.links:
        back = back.replace(link.url.encode(), b"[link]", 1)
    plain = re.sub(rb"(?i)(<a href=)(['\"]?)https?://e\.example/[^'\"> ]*", rb"\1\2[link]", html_of(source))
    assert back == plain


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_garbage_is_left_alone_or_refused_with_a_sentence(garbage: bytes) -> None:
    for source in (garbage, b"From: a@b.example\nContent-Type: text/html\n\n" + garbage):
        try:
            assert marked(source).to == BEN
        except MailUnreadable as error:
            assert str(error).endswith(".")


@pytest.mark.parametrize(
    "hostile",
    [
        b"<a" * 300_000,
        b'<a href="' * 100_000,
        b"<!--" * 200_000,
        b"<script>" * 100_000,
        b"&amp" * 200_000,
        b"=" * 500_000,
    ],
)
def test_hostile_html_costs_no_more_than_its_length(hostile: bytes) -> None:
    for encoding in ("8bit", "quoted-printable"):
        marked(mail(hostile, "8bit").replace(b"8bit", encoding.encode()))


@given(st.text(max_size=80))
def test_addresses_are_normal_or_refused(text: str) -> None:
    try:
        address = normal_address(text)
    except BadAddress as error:
        assert "mail address" in str(error)
    else:
        assert normal_address(address) == address


def test_bad_input_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    good = tmp_path / "good.eml"
    good.write_bytes(QUOTE)
    junk = tmp_path / "junk.eml"
    junk.write_bytes(b"\x00\x01\x02")
    blocked = tmp_path / "file"
    blocked.write_text("")
    data = ("--data", tmp_path / "data")
    cases: list[tuple[int, list[Any]]] = [
        (1, ["mail", "mark", junk, "--to", BEN, *data]),
        (2, ["mail", "mark", good, "--to", "not an address", *data]),
        (2, ["mail", "mark", tmp_path / "missing.eml", "--to", BEN, *data]),
        (1, ["mail", "mark", good, "--to", BEN, "--out-dir", blocked / "x", *data]),
        (1, ["mail", "mark", good, "--to", BEN, "--data", blocked / "x"]),
        (2, ["link", "javascript:alert(1)", "--to", BEN, *data]),
        (2, ["link", "https://e.example/\r\nX: y", "--to", BEN, *data]),
        (2, ["explain", "evt_nonsense", *data]),
        (2, ["events", "--since", "yesterday", *data]),
        (2, ["events", "--kind", "opened", *data]),
        (2, ["timeline", "nobody", *data]),
        (2, ["serve", "--public-port", "70000", *data]),
        (2, ["serve", "--upstream", "mail.example.com:x", *data]),
        (2, ["restore", junk, "--data", tmp_path / "new"]),
        (2, ["mail", "send", good, "--to", BEN, "--smtp", "nonsense", *data]),
    ]
    for code, words in cases:
        done = inkdot(*words, check=False)
        assert (done.returncode, done.stdout) == (code, ""), words
        assert done.stderr.startswith("inkdot: "), done.stderr


def test_missing_keys_are_not_replaced_by_new_ones(tmp_path: Path) -> None:
    inkdot("link", "https://e.example/", "--to", BEN, "--data", tmp_path / "data")
    (tmp_path / "data" / "keys.json").unlink()
    done = inkdot("link", "https://e.example/", "--to", BEN, "--data", tmp_path / "data", check=False)
    assert (done.returncode, "keys.json" in done.stderr) == (1, True)
    assert not (tmp_path / "data" / "keys.json").exists()


class Post(socketserver.StreamRequestHandler):
    """A mail server that accepts everything but mails to eve, and keeps what it got."""

    got: ClassVar[list[tuple[str, bytes]]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 post\r\n")
        to = ""
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"RCPT":
                to = line.decode().split("<")[1].split(">")[0]
                self.wfile.write(b"550 no such person\r\n" if to.startswith("eve") else b"250 ok\r\n")
            elif word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.got.append((to, body))
                self.wfile.write(b"250 kept\r\n")
            else:
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def test_a_marked_mail_is_sent_to_each_recipient_and_refusals_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(QUOTE)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Post) as post:
        threading.Thread(target=post.serve_forever, daemon=True).start()
        server = f"smtp://127.0.0.1:{post.server_address[1]}"
        people = ("--to", BEN, "--to", ADA, "--to", "eve@example.com")
        done = inkdot(
            "mail",
            "send",
            tmp_path / "good.eml",
            *people,
            "--smtp",
            server,
            "--data",
            tmp_path / "data",
            "--json",
            check=False,
        )
        post.shutdown()
    results = {c["to"]: c["sent"] for c in json.loads(done.stdout)["copies"]}
    assert (done.returncode, results) == (1, {BEN: True, ADA: True, "eve@example.com": False})
    bodies = dict(Post.got)
    assert set(bodies) == {BEN, ADA}
    assert not set(re.findall(rb"/o/[\w-]+", bodies[BEN])) & set(re.findall(rb"/o/[\w-]+", bodies[ADA]))


def test_a_dead_mail_server_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(QUOTE)
    done = inkdot(
        "mail",
        "send",
        tmp_path / "good.eml",
        "--to",
        BEN,
        "--smtp",
        "smtp://127.0.0.1:9",
        "--data",
        tmp_path / "data",
        check=False,
    )
    assert (done.returncode, "127.0.0.1:9 cannot be reached: Connection refused; check --smtp" in done.stderr) == (
        1,
        True,
    )


def test_json_of_mark_has_what_the_contract_names(tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(QUOTE)
    answer = inkdot_json(
        "mail",
        "mark",
        tmp_path / "good.eml",
        "--to",
        BEN,
        "--to",
        ADA,
        "--to",
        BEN,
        "--out-dir",
        tmp_path / "out",
        "--data",
        tmp_path / "data",
    )
    assert answer["message"].startswith("msg_")
    assert [c["to"] for c in answer["copies"]] == [BEN, ADA]
    assert {"to", "file", "dots", "links"} <= set(answer["copies"][0])
    assert answer["copies"][0]["links"][0]["href"] == "https://www.example.com/quote?a=1&copy=2&b=3"
