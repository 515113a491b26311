"""The office's pages of documents: terms of links are kept as they were ticked, and grades stand beside what they are of."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from inkdot.mark.document.kit import document
from tests.conftest import ADA, BEN, PATIENCE, Server, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Program
from tests.room.made import Browser, pdf

OFFICE = "LibreOffice 25.2.3.2 denylistedbackend/8.14.1 OpenSSL/3.5.9"
FORGER = "curl/8.5.0"


class Desk:
    """A server, and Ada who is signed in to its office."""

    def __init__(self, server: Server) -> None:
        self.server, self._ada = server, Program(server)
        inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
        assert self._ada.sign_in(ADA).status == 201

    def page(self, path: str, **form: str) -> str:
        """A page's words; after a form, if one is sent."""
        if form:
            token = re.search(r'name="csrf" value="([^"]+)"', self._asked("GET", path))
            assert token
            content = self._asked("POST", path, urlencode(form | {"csrf": token[1]}))
        text = re.sub(r"<[^>]+>", " ", (form and content) or self._asked("GET", path))
        return " ".join(unescape(text).split())

    def _asked(self, method: str, path: str, body: str | None = None) -> str:
        parts = urlsplit(self.server.office)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._ada.cookies.items()), "Origin": self.server.office}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read().decode()
            for line in answer.headers.get_all("Set-Cookie") or []:
                self._ada.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            assert answer.status in (200, 303), content
            return content
        finally:
            connection.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    server = Server(tmp_path_factory.mktemp("papers") / "data")
    yield Desk(server)
    server.stop()


def shared(desk: Desk, tmp_path: Path, name: str, pages: int = 1) -> dict[str, str]:
    where = ("--data", desk.server.data, "--public-url", desk.server.public)
    return dict(inkdot_json("doc", "share", pdf(tmp_path / f"{name}.pdf", pages, name), "--to", BEN, *where))


def test_a_link_has_the_terms_that_were_ticked(desk: Desk, tmp_path: Path) -> None:
    document = shared(desk, tmp_path, "terms")["document"]
    form = {
        "do": "share",
        "no_download": "1",
        "watermark": "1",
        "verify_email": "1",
        "allow": "example.com, cleo@example.org",
        "block": "ben@example.com",
    }
    page = desk.page(f"/documents/{document}", to="cleo@example.org", expires="30d", **form)
    assert "cleo@example.org" in page
    assert "no download" in page
    (link,) = links(desk, document, "cleo@example.org")
    assert (link["download"], link["gate"], link["open"]) == (False, "proved", True)
    assert link["expires"]


def links(desk: Desk, document: str, to: str) -> list[dict[str, object]]:
    rows = [
        json.loads(line) for line in inkdot("doc", "list", "--json", "--data", desk.server.data).stdout.splitlines()
    ]
    return [link for row in rows if row["document"] == document for link in row["links"] if link["to"] == to]


def test_no_download_at_the_desk_means_none_at_the_reader(desk: Desk, tmp_path: Path) -> None:
    document = shared(desk, tmp_path, "kept")["document"]
    said = desk.page(f"/documents/{document}", do="share", to="dora@example.com", no_download="1")
    url = re.search(r"The link for dora@example.com, to copy: (http\S+)", said)
    assert url
    reader = Browser(url[1])
    assert "Download" not in reader.open()
    assert reader.ask("file")[0] == 403


def test_what_was_read_is_said_in_a_sentence_and_suggestions_have_grades(desk: Desk, tmp_path: Path) -> None:
    made = shared(desk, tmp_path, "often", 4)
    reader = Browser(made["url"])
    reader.open()
    reader.stay(4.2)
    reader.beat([1, 0.6, 1, [0.0]], [2, 0.6, 1, [0.6]], [3, 2.4, 3, [1.2, 2.0, 3.0]])
    page = eventually(lambda: _with(desk.page(f"/documents/{made['document']}"), "page 3: 3 times"))
    assert "page 3: 3 times, 2 s; pages 1-2: once, 1 s" in page
    assert f"Follow up with {BEN} on page 3: came to it 3 times and spent 2 s there grade A" in page
    told = inkdot_json("doc", "report", made["document"], "--data", desk.server.data)
    assert told["said"] == "page 3: 3 times, 2 s; pages 1-2: once, 1 s"
    assert told["suggestions"][0]["grade"] == "A"
    assert [row["person"] for row in told["people"]] == [BEN]


def _with(page: str, words: str) -> str | None:
    return page if words in page else None


def test_a_file_with_dots_tells_pages_with_their_grade_and_machines_apart(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "offer.odt").write_bytes(document("odt"))
    where = ("--data", desk.server.data, "--public-url", desk.server.public)
    made = inkdot_json(
        "doc", "mark", tmp_path / "offer.odt", "--to", BEN, "--dots", "pages", "--out", tmp_path / "out.odt", *where
    )
    first, *_, last = made["dots"]
    desk.server.get(first["url"], User_Agent=OFFICE)
    time.sleep(1.6)  # as somebody who goes to the last page does
    desk.server.get(last["url"], User_Agent=OFFICE)
    desk.server.get(first["url"], User_Agent=FORGER)
    page = eventually(lambda: _with(desk.page(f"/documents/{made['document']}"), "Not counted"))
    assert "page 1 first shown" in page
    assert "grade C: this program loads a page when it is first shown" in page
    apart = page.partition("Not counted: machines, yourself and colleagues (1)")[2]
    assert "grade E: a machine fetched it" in apart
    assert "offer.odt" in desk.page("/documents")
    assert f"{len(made['dots'])} dots for {BEN}" in inkdot("doc", "list", "--data", desk.server.data).stdout


def test_each_version_has_its_page(desk: Desk, tmp_path: Path) -> None:
    made = shared(desk, tmp_path, "first")
    inkdot("doc", "replace", made["document"], pdf(tmp_path / "second.pdf", 2, "second"), "--data", desk.server.data)
    assert "Page 1 2 All" in desk.page(f"/documents/{made['document']}")
    assert "Page 1 All" in desk.page(f"/documents/{made['document']}?version=1")
