"""The privacy page: no login, GET changes nothing, POST reaches mails already sent."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from inkdot.app.folder import Folder
from inkdot.app.privacy import pages
from inkdot.settings import load
from tests.conftest import BEN, PATIENCE, Server, eventually, files_in, inkdot, inkdot_json
from tests.test_consent import assert_silent, marked


class Room:
    """The pages of one folder on a port of their own, as the room's process mounts them."""

    def __init__(self, data: Path) -> None:
        folder = Folder(data)
        door = socket.socket()
        door.bind(("127.0.0.1", 0))
        self.port = door.getsockname()[1]
        app = Starlette(routes=pages(folder, load(data, {})))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [door]})
        self._thread.start()
        eventually(lambda: self._server.started)

    def ask(self, url: object, method: str = "GET", body: str = "", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        sent = {"Content-Type": "application/x-www-form-urlencoded"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        path = "/p/" + str(url).partition("/p/")[2]
        connection.request(method, path, body or None, sent if body else dict(list(sent.items())[1:]))
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    marked(tmp_path / "data", BEN)
    running = Room(tmp_path / "data")
    yield running
    running.stop()


def mode(data: Path) -> str:
    return str(inkdot_json("consent", "log", BEN, "--data", data)["mode"])


def test_get_shows_and_changes_nothing_and_post_stops(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = marked(data, BEN)[1][BEN]["privacy"]
    status, page = room.ask(url)
    assert status == 200
    assert "Keep nothing about me" in page
    for word in ("do=stop", "stop"):
        assert room.ask(f"{url}?{word}")[0] == 200
    assert mode(data) == "individual"
    status, page = room.ask(url, "POST", "do=stop")
    assert status == 200
    assert "Nothing more is kept about you" in page
    assert mode(data) == "off"
    row = inkdot_json("consent", "log", BEN, "--data", data)["choices"][-1]
    assert (row["act"], row["method"], row["language"]) == ("withdraw", "privacy_page", "en")
    assert row["text"]
    assert row["version"]


def test_consent_needs_the_box_ticked(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = marked(data, BEN)[1][BEN]["privacy"]
    room.ask(url, "POST", "do=stop")
    page = room.ask(url)[1]
    assert '<input type="checkbox" name="yes" value="1">' in page
    assert room.ask(url, "POST", "do=agree")[0] == 422
    assert mode(data) == "off"
    assert room.ask(url, "POST", "do=agree&yes=1")[0] == 200
    assert mode(data) == "individual"


def test_a_form_on_another_site_cannot_agree_for_anybody(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = marked(data, BEN)[1][BEN]["privacy"]
    room.ask(url, "POST", "do=stop")
    assert room.ask(url, "POST", "do=agree&yes=1", Sec_Fetch_Site="cross-site", Origin="https://evil.example")[0] == 422
    assert mode(data) == "off"
    assert room.ask(url, "POST", "do=agree&yes=1", Sec_Fetch_Site="same-origin")[0] == 200
    assert mode(data) == "individual"


def test_to_stop_once_more_writes_nothing_and_brings_nobody_back_who_was_erased(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = marked(data, BEN)[1][BEN]["privacy"]
    for body in ("do=stop", "do=stop", "", "List-Unsubscribe=One-Click", "List-Unsubscribe=One-Click"):
        assert room.ask(url, "POST", body or "x=1")[0] == 200
    acts = [choice["act"] for choice in inkdot_json("consent", "log", BEN, "--data", data)["choices"]]
    assert acts == ["withdraw", "unsubscribe"]
    inkdot("person", "erase", BEN, "--yes", "--data", data)
    for body in ("do=stop", "List-Unsubscribe=One-Click"):
        assert room.ask(url, "POST", body)[0] == 200
    assert not [path for path, content in files_in(data) if BEN.encode() in content]


def test_one_click_unsubscribes_and_says_nothing_about_measuring(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "inkdot.toml").write_text('list_unsubscribe = true\nregion = "eu"\n')
    inkdot("consent", "set", BEN, "--mode", "individual", "--data", data)
    bodies, copies, _ = marked(data, BEN, "eve@example.com")
    head = bodies[BEN].partition(b"\r\n\r\n")[0].decode()
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    url = head.partition("List-Unsubscribe: <")[2].partition(">")[0]
    assert str(copies[BEN]["privacy"]).encode() in bodies[BEN]
    # Programs without the one click open the address: a person finds a button there, and a scanner's look changes nothing.
    assert "No more mails" in room.ask(url)[1]
    assert "No more mails" not in room.ask(copies[BEN]["privacy"])[1]
    assert inkdot_json("consent", "log", BEN, "--data", data)["choices"][-1]["act"] == "set"
    assert "You are unsubscribed" in room.ask(url, "POST", "do=leave")[1]
    inkdot("consent", "set", BEN, "--mode", "individual", "--scope", "purpose:mail", "--data", data)
    assert room.ask(url, "POST", "List-Unsubscribe=One-Click")[0] == 200
    log = inkdot_json("consent", "log", BEN, "--data", data)
    assert log["choices"][-1]["act"] == "unsubscribe"
    assert log["mode"] == "individual"


def test_a_shared_link_asks_for_the_address(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "inkdot.toml").write_text('region = "eu"\n')
    url = marked(data, BEN)[1][BEN]["privacy"]
    assert 'type="email"' in room.ask(url)[1]
    assert room.ask(url, "POST", "do=stop&address=nobody")[0] == 422
    assert room.ask(url, "POST", "do=agree&yes=1&address=ben%40example.com")[0] == 422
    assert room.ask(url, "POST", "do=stop&address=ben%40example.com")[0] == 200
    assert mode(data) == "off"


def test_the_page_speaks_five_languages_and_shows_that_signals_are_honoured(room: Room, tmp_path: Path) -> None:
    url = marked(tmp_path / "data", BEN)[1][BEN]["privacy"]
    for language, word in (("de-AT,de;q=0.9", "Abschalten"), ("fr", "Arrêter"), ("it", "Disattiva"), ("es", "Detener")):
        assert word in room.ask(url, Accept_Language=language)[1]
    assert "That is honoured" in room.ask(url, Sec_GPC="1")[1]
    assert "That is honoured" not in room.ask(url)[1]


def test_where_nobody_may_be_named_the_page_asks_for_no_consent(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = marked(data, BEN)[1][BEN]["privacy"]
    for says in ("region = 'eu'\n", "health = true\n"):
        (data / "inkdot.toml").write_text(says)
        assert ("checkbox" in room.ask(url)[1]) == ("eu" in says)
    assert "Thank you" not in room.ask(url, "POST", "do=agree&yes=1")[1]
    assert not inkdot_json("consent", "log", BEN, "--data", data)["choices"]


def test_the_page_of_a_website_tells_of_visits_as_they_are_kept_now(room: Room, tmp_path: Path) -> None:
    data = tmp_path / "data"
    url = inkdot_json("site", "add", "shop.example", "--data", data)["privacy"]
    assert "keeps which pages are visited" in room.ask(url)[1]
    inkdot("setup", "--region", "eu", "--data", data)
    assert "counts visits of pages without names" in room.ask(url)[1]


def test_forged_and_foreign_tokens_show_nothing(room: Room, tmp_path: Path) -> None:
    copy = marked(tmp_path / "data", BEN)[1][BEN]
    dot = str(copy["dots"][0]).partition("/o/")[2].removesuffix(".gif")  # type: ignore[index]
    url = str(copy["privacy"])
    for wrong in (f"/p/{dot}", url[:-2] + "AA", "/p/x"):
        assert room.ask(wrong)[0] == 404
        assert room.ask(wrong, "POST", "do=stop")[0] == 404
    assert room.ask(url, "POST", "x" * 10_000)[0] == 413


def test_the_page_stands_on_the_street_and_silences_mails_already_sent(own_server: Server) -> None:
    (copy,) = own_server.mark()
    status, headers, page = own_server.get(copy["privacy"])
    assert status == 200
    assert b"Keep nothing about me" in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert own_server.get(copy["privacy"], "POST", Content_Length="0")[0] == 200
    assert_silent(own_server, copy, 0)
