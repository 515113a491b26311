"""The hidden link: machines that follow every link follow it too; no person meets it, and no copy of it is quoted on."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from inkdot.domain.consent import Mode
from inkdot.domain.message import HONEYPOT_PART
from inkdot.domain.token import TokenKind
from inkdot.mark.wanted import Wanted
from tests.chromium import Chromium, Tab
from tests.conftest import BEN, Server, inkdot, inkdot_json
from tests.mark.cast import CLEO, MINT, cleaned, mail, marked, texts
from tests.mark.test_mails import MAILS, is_marked

WITH = MINT._replace(wanted=Wanted(honeypot=True))
PAGE = b'<html><body><p>See <a href="https://example.com/offer">the offer</a>.</p></body></html>'
HIDDEN = re.compile(rb'<a\s+href="([^"]+)"\r?\nstyle="[^"]*" aria-hidden="true" tabindex="-1"></a>')


def test_it_stands_last_before_the_dot_and_is_not_listed() -> None:
    copy = marked(mail(PAGE), mint=WITH)
    (url,) = HIDDEN.findall(copy.content)
    token = MINT.own(url)
    assert token
    assert (token.kind, token.part, token.destination.decode()) == (TokenKind.CLICK, HONEYPOT_PART, copy.privacy)
    assert [link.href for link in copy.links] == ["https://example.com/offer"]
    assert url.decode() not in {link.url for link in copy.links}
    assert copy.content.index(b"</p>") < copy.content.index(url) < copy.content.index(copy.dots[1].encode())


@pytest.mark.parametrize("mode", [Mode.AGGREGATE, Mode.HYGIENE, Mode.INDIVIDUAL])
def test_it_keeps_no_more_than_the_mode_of_the_copy(mode: Mode) -> None:
    (url,) = HIDDEN.findall(marked(mail(PAGE), mode=mode, mint=WITH).content)
    token = MINT.own(url)
    assert token
    assert token.mode is mode
    assert (token.address is None) == (mode is Mode.AGGREGATE)


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        (b"<html><body><p>No link at all.</p></body></html>", Wanted(honeypot=True)),
        (PAGE, Wanted(clicks=False, honeypot=True)),
        (PAGE, Wanted()),
    ],
    ids=["no link", "clicks are not tracked", "switched off"],
)
def test_there_is_none_where_there_is_nothing_to_protect(page: bytes, wanted: Wanted) -> None:
    assert not HIDDEN.search(marked(mail(page), mint=MINT._replace(wanted=wanted)).content)


@pytest.mark.parametrize("path", [p for p in MAILS if is_marked(p)], ids=lambda p: p.stem)
def test_cleaning_takes_it_out_of_every_kind_of_mail(path: Path) -> None:
    source = path.read_bytes()
    copy = marked(source, mint=WITH)
    assert cleaned(copy.content) == cleaned(marked(source).content)
    assert marked(copy.content, CLEO, mint=WITH).content == marked(source, CLEO, mint=WITH).content
    assert sum(len(HIDDEN.findall(text)) for text in texts(copy.content)) == bool(copy.links)


def test_a_mail_program_that_writes_it_anew_in_a_quote_does_not_keep_it() -> None:
    (url,) = HIDDEN.findall(marked(mail(PAGE), mint=WITH).content)
    anew = b"<p>Yes</p><blockquote><A tabindex=-1 HREF=%s><span> </span></A><p>See</p></blockquote>" % url
    assert cleaned(mail(anew)) == mail(b"<p>Yes</p><blockquote><span> </span><p>See</p></blockquote>")
    assert marked(mail(anew)).links == ()


def tree(tab: Tab) -> list[tuple[str, Any]]:
    """What a screen reader is told: (role, name) of all that is not ignored."""
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    return [(n["role"]["value"], n.get("name", {}).get("value")) for n in nodes if not n["ignored"]]


def test_no_reader_meets_it_by_eye_by_ear_or_by_key(tmp_path: Path) -> None:
    html = next(text for text in texts(marked(mail(PAGE), mint=WITH).content) if b"<html" in text)
    with Chromium(tmp_path / "profile") as browser:
        tab = browser.tab("data:text/html;base64," + base64.b64encode(html).decode())
        assert [name for role, name in tree(tab) if role == "link"] == ["the offer"]
        assert tab.run("document.links.length") == 2
        assert tab.run("document.links[1].getClientRects().length") == 0
        assert tab.run("document.body.innerText.trim()") == "See the offer."
        reached = set()
        for _ in range(4):
            tab.ask("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Tab", "windowsVirtualKeyCode": 9})
            reached.add(tab.run("[...document.links].indexOf(document.activeElement)"))
        assert reached == {0, -1}


def test_who_follows_it_is_a_machine_in_everything_it_does(own_server: Server) -> None:
    inkdot("setup", "--region", "us", "--data", own_server.data)
    own_server.stop()
    own_server.start()
    copy = own_server.mark(mail(PAGE, b"To: ben@example.com\r\n"))[0]
    (trap,) = HIDDEN.findall(Path(copy["file"]).read_bytes())
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
    assert own_server.get(copy["links"][0]["url"], User_Agent=chrome)[0] == 302
    assert {e["human"] for e in own_server.timeline(BEN, 2)} == {"yes"}, "the click, and the open that it proves"
    status, headers, _ = own_server.get(trap.decode(), User_Agent=chrome)
    assert (status, "/p/" in headers["location"]) == (302, True)
    events = own_server.timeline(BEN, 3)
    assert {(e["actor"], e["human"]) for e in events} == {("scanner", "no")}
    assert any(e["rule"] == "X5" for event in events for e in event["evidence"])
    report = inkdot_json("report", "mail", "--data", own_server.data)["messages"][0]
    assert (report["clicked"], report["opens"], report["machine_fetches"]) == (0, 0, 3), report
