"""A corpus of mails as they are really sent; beside each `.eml` a `.toml` says what must come of it."""

from __future__ import annotations

import email
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from inkdot.domain.errors import MailUnreadable
from inkdot.domain.message import Part
from inkdot.domain.token import TokenKind
from inkdot.mark.mail import read_mail
from inkdot.mark.reasons import SENTENCES
from tests.mark.cast import BEN, CLEO, DOT, MINT, cleaned, marked, texts

MAILS = sorted((Path(__file__).parent / "mails").glob("*.eml"))
EVERY = pytest.mark.parametrize("path", MAILS, ids=lambda p: p.stem)


def expected(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.with_suffix(".toml").read_text())


def is_marked(path: Path) -> bool:
    return "links" in expected(path)


MARKED = pytest.mark.parametrize("path", [p for p in MAILS if is_marked(p)], ids=lambda p: p.stem)


@EVERY
def test_each_mail_is_marked_left_alone_or_refused_as_written_beside_it(path: Path) -> None:
    want, source = expected(path), path.read_bytes()
    if want.get("unreadable"):
        with pytest.raises(MailUnreadable, match=r"\.$"):
            read_mail(source, MINT)
        return
    copy = marked(source)
    assert copy.left_alone == want.get("left_alone")
    if copy.left_alone:
        assert (copy.dots, copy.links) == ((), ())
        assert copy.content == source or copy.left_alone == "switched_off"
        assert SENTENCES[copy.left_alone].endswith(".")
    else:
        assert [link.href for link in copy.links] == want["links"]
        assert [w for w in copy.warnings if want.get("warns", "\0") not in w] == []
        assert bool(copy.warnings) == ("warns" in want)


@MARKED
def test_every_mark_names_ben_the_mail_and_its_place(path: Path) -> None:
    copy = marked(path.read_bytes())
    tokens = [MINT.own(url.encode()) for url in (*copy.dots, *(link.url for link in copy.links))]
    assert all(t and t.address == BEN and t.object == 5 and t.marked == 1_700_000_000 for t in tokens)
    places = [(t.kind, t.part) for t in tokens if t]
    dots = [(TokenKind.DOT, Part.TOP), (TokenKind.DOT, Part.BOTTOM)]
    assert places == [*dots, *((TokenKind.CLICK, n + 1) for n in range(len(copy.links)))]


@MARKED
def test_the_dots_stand_first_and_last(path: Path) -> None:
    want = expected(path)
    shown = b"\0".join(t for t in texts(marked(path.read_bytes()).content) if DOT.search(t))
    top, bottom = DOT.finditer(shown)
    if "before_top" in want:
        assert shown[: top.start()].endswith(want["before_top"].encode())
        assert want["before_top"] or top.start() == 0
    if "after_bottom" in want:
        assert shown[bottom.end() :] == want["after_bottom"].encode() or shown[bottom.end() :].startswith(
            want["after_bottom"].encode()
        )
    assert (
        re.sub(rb"<[^>]*>|\s", b"", shown[top.end() : bottom.start()]) or b"<img" in shown[top.end() : bottom.start()]
    )


@MARKED
def test_nothing_but_the_html_changes(path: Path) -> None:
    source = path.read_bytes()
    before, after = email.message_from_bytes(source), email.message_from_bytes(marked(source).content)
    kept = [(k, v) for k, v in before.raw_items() if k.lower() != "bcc"]
    assert list(after.raw_items()) == kept
    for old, new in zip(before.walk(), after.walk(), strict=True):
        assert old is before or old.as_bytes().partition(b"\n\n")[0] == new.as_bytes().partition(b"\n\n")[0]
        if old.get_content_type() != "text/html" and not old.is_multipart():
            assert old.get_payload() == new.get_payload()
        assert (old.preamble, old.epilogue) == (new.preamble, new.epilogue)


@MARKED
def test_a_mail_cleaned_of_its_marks_is_the_mail_that_was(path: Path) -> None:
    source = re.sub(rb"(?im)^bcc:.*\r?\n(?:[ \t].*\r?\n)*", b"", path.read_bytes())
    again = cleaned(marked(source).content)
    # Spellings that a cleaned mail writes in the usual way, as it knows the address alone, are named beside the mail.
    if not expected(path).get("respelled"):
        assert again == source
    assert marked(again).content == marked(source).content
    assert read_mail(again, MINT).links == read_mail(source, MINT).links


@MARKED
def test_marking_a_marked_mail_for_cleo_is_marking_the_mail_for_cleo(path: Path) -> None:
    source = path.read_bytes()
    for_ben = marked(source).content
    assert marked(for_ben).content == for_ben
    assert marked(for_ben, CLEO).content == marked(source, CLEO).content


def test_subjects_and_ids_are_read_as_people_read_them() -> None:
    read = read_mail((MAILS[0].parent / "folded-headers-in-odd-order.eml").read_bytes(), MINT)
    assert (read.subject, read.internet_id, read.sender) == ("Café€", None, "ada@example.com")
    raw = "Subject: Ihr Angebot für €5\nFrom: ada@example.com\nContent-Type: text/html\n\n<p>Hello</p>\n"
    assert read_mail(raw.encode(), MINT).subject == "Ihr Angebot für €5"
    assert read_mail(raw.replace("€", "$").encode("latin-1"), MINT).subject == "Ihr Angebot für $5"
