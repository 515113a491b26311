"""The reader's addresses: gates, conditions, headers, text, search, download."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

from PIL import Image

from tests.conftest import BEN, Server, eventually, inkdot, inkdot_json
from tests.room.made import Browser, pdf, report, share


def test_a_page_is_whole_and_asks_nobody_else(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer)["url"])
    status, headers, page = browser.ask()
    assert status == 200
    assert "http" not in page.decode().replace(browser.url, "")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert "sees that you open it" in page.decode()
    assert "Read without being measured" in page.decode()


def test_the_first_page_is_light(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer)["url"], Accept_Encoding="gzip")
    whole = sum(len(browser.ask(path)[2]) for path in ("", "pages/1?w=880", "lines/1"))
    page = Browser(browser.url).open()
    for name in ("room.css", "measure.js", "reader.js"):
        address = page[page.index(f"/d/static/{name}") :].partition('"')[0]
        whole += len(browser.ask(address)[2])
    assert whole < 250_000


def test_page_pictures_are_kept_for_who_reads(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer)["url"])
    assert browser.ask("pages/1")[0] == 403
    browser.open()
    status, _, content = browser.ask("pages/2?w=1200")
    assert status == 200
    assert Image.open(io.BytesIO(content)).width == 1320
    assert browser.ask("pages/6")[0] == 404
    assert browser.ask("pages/x")[0] == 404
    other = Browser(share(server, offer, to="cleo@example.com")["url"])
    other.cookies = {(k[0].replace(browser.url[-60:], other.url[-60:]), k[1]): v for k, v in browser.cookies.items()}
    assert other.ask("pages/1")[0] == 403


def test_text_and_search_serve_readers_who_cannot_see(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer)["url"])
    browser.open()
    lines = json.loads(browser.ask("lines/3")[2])["lines"]
    assert lines[0][4] == "offer page 3"
    assert all(0 <= side <= 1000 for line in lines for side in line[:4])
    found = json.loads(browser.ask("search?q=OFFER++page+3")[2])["found"]
    assert [(f["page"], f["count"]) for f in found] == [(3, 1)]
    assert json.loads(browser.ask("search?q=")[2])["found"] == []


def test_the_file_can_be_had_and_is_told(server: Server, tmp_path: Path) -> None:
    file = pdf(tmp_path / "terms.pdf", 1, "terms")
    made = share(server, file, to="dora-who-saves@example.com")
    browser = Browser(made["url"])
    browser.open()
    status, headers, content = browser.ask("file")
    assert (status, content) == (200, file.read_bytes())
    assert 'attachment; filename="terms.pdf"' in headers["content-disposition"]
    kinds = [e["kind"] for e in server.timeline("dora-who-saves@example.com", at_least=1)]
    assert kinds == ["download"]


def test_a_file_that_comes_in_parts_was_downloaded_once(server: Server, tmp_path: Path) -> None:
    file, reader = pdf(tmp_path / "parts.pdf", 1, "parts"), "dora-in-parts@example.com"
    browser = Browser(share(server, file, to=reader)["url"])
    browser.open()
    half, content = len(file.read_bytes()) // 2, b""
    for part in (f"0-{half - 1}", f"{half}-"):
        browser.headers["Range"] = f"bytes={part}"
        status, _, piece = browser.ask("file")
        assert status == 206
        content += piece
    assert content == file.read_bytes()
    del browser.headers["Range"]
    other = Browser(share(server, file, to=reader)["url"], Range="bytes=1-")
    other.open()
    assert other.ask("file")[0] == 206
    told = eventually(lambda: (t := server.timeline(reader)) and len({e["visit"] for e in t}) == 2 and t)
    assert [e["kind"] for e in told] == ["download", "download"], "once by each browser"


def test_no_download_means_none(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer, "--no-download")["url"])
    assert "Download" not in browser.open()
    assert browser.ask("file")[0] == 403


def test_a_passcode_is_asked_for_and_not_guessed(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer, "--password", "open sesame")["url"])
    page = browser.open()
    assert "protected by a passcode" in page
    assert "offer" not in page
    assert browser.send("enter", passcode="open says me") == 403
    assert browser.send("enter", passcode="open sesame") == 303
    assert "offer.pdf" in browser.open()
    other = Browser(browser.url)
    assert [other.send("enter", passcode=str(n)) for n in range(9)][-1] == 403
    assert "too many tries" in other.ask("enter", "POST", "passcode=open+sesame")[2].decode()


def test_the_address_at_the_gate_is_remembered_and_told(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "gate.pdf", 2, "gate"), "--email-gate", to="ben@example.com")
    browser = Browser(made["url"])
    assert "Enter your mail address" in browser.open()
    assert browser.send("enter", email="not an address") == 403
    assert browser.send("enter", email="Finn-At-The-Gate@Example.com") == 303
    assert "gate.pdf" in browser.open()
    browser.stay(1.2)
    assert browser.beat([1, 1.1, 1, [0]])[0] == 204
    second = share(server, pdf(tmp_path / "gate-2.pdf", 1, "gate two"), "--email-gate", to="ben@example.com")
    browser.url = second["url"]
    assert "gate-2.pdf" in browser.open()
    told = report(server, made["document"], seconds=1.1)
    assert [v["person"] for v in told["visits"]] == ["finn-at-the-gate@example.com"]
    event = server.timeline("finn-at-the-gate@example.com", at_least=1)[0]
    assert {"rule": "D2", "fact": "the reader named this address at the gate"} in event["evidence"]


def test_lists_let_in_and_keep_out(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer, "--allow", "example.org", "--block", "eve@example.org")["url"])
    browser.open()
    assert browser.send("enter", email="ben@example.com") == 403
    assert browser.send("enter", email="eve@example.org") == 403
    assert browser.send("enter", email="ida@example.org") == 303


def test_a_mailed_code_without_a_mail_server_says_so(server: Server, offer: Path) -> None:
    browser = Browser(share(server, offer, "--verify-email")["url"])
    browser.open()
    status, _, page = browser.ask("enter", "POST", "email=ben%40example.com")
    assert status == 503
    assert "no mail can be sent from here" in page.decode()


def test_a_link_expires(server: Server, offer: Path) -> None:
    link = ("doc", "share", offer, "--to", BEN, "--json", "--data", server.data, "--public-url", server.public)
    for seconds in (4, 16, 64):  # a busy machine may need longer than that to make a link
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        if not (made := inkdot(*link, "--expires", soon, check=False)).returncode:
            break
    browser = Browser(json.loads(made.stdout)["url"])
    assert eventually(lambda: browser.ask()[0] == 410)


def test_a_watermark_is_in_the_picture(server: Server, offer: Path) -> None:
    plain, marked = (Browser(share(server, offer, *o)["url"]) for o in ((), ("--watermark",)))
    pictures = []
    for browser in (plain, marked):
        browser.open()
        content = browser.ask("pages/1?w=880")[2]
        pictures.append(Image.open(io.BytesIO(content)).convert("L"))
    grey = [sum(1 for v in p.tobytes() if 150 < v < 250) for p in pictures]
    assert grey[1] > grey[0] * 3
    assert marked.ask("file")[0] == 403


def test_forged_and_unknown_links_lead_nowhere(server: Server, offer: Path) -> None:
    url = share(server, offer)["url"]
    for wrong in (url[:-1] + ("A" if url[-1] != "A" else "B"), server.public + "/d/x", server.public + "/d/"):
        status, _, page = Browser(wrong).ask()
        assert status == 404
        assert b"There is nothing here" in page
    assert Browser(server.public + "/p/none").ask()[0] == 404


def test_the_senders_own_reading_is_not_counted(server: Server, tmp_path: Path) -> None:
    made = share(server, pdf(tmp_path / "own.pdf", 1, "own"))
    own = inkdot_json("doc", "own", "--data", server.data, "--public-url", server.public)["url"]
    browser = Browser(made["url"])
    assert b"This browser is yours" in browser.ask(own.removeprefix(server.public))[2]
    assert "not counted as your reader" in browser.open()
    browser.stay(1.2)
    assert browser.beat([1, 1.0, 1, [0]])[0] == 204
    told = report(server, made["document"], seconds=1)
    assert told["pages"][0]["seconds"] == 0
    assert [(v["actor"], v["counted"]) for v in told["visits"]] == [("sender", False)]
    screen = inkdot("doc", "report", made["document"], "--data", server.data).stdout
    assert "Nobody was seen reading it yet." in screen
    assert "(sender:" in screen
