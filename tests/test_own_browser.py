"""A browser that the sender called his own: what is opened and clicked in it is known as his, and nobody else can claim it."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from inkdot.app.folder import Folder
from inkdot.domain.own_browser import cookie_name, cookie_value
from tests.conftest import PATIENCE, QUOTE, Server, inkdot_json

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36"
)
ME = "me@example.com"


def cookie_of_mine(server: Server) -> str:
    """What the browser keeps after the address that `doc own` prints was visited."""
    url = inkdot_json("doc", "own", "--data", server.data, "--public-url", server.public)["url"]
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.request("GET", parts.path)
    response = connection.getresponse()
    assert (response.status, b"This browser is yours" in response.read()) == (200, True)
    (cookie,) = [c for c in response.headers.get_all("set-cookie", []) if c.startswith("inkdot_self_1=")]
    connection.close()
    assert "HttpOnly; Max-Age=34560000; Path=/; SameSite=lax" in cookie
    return cookie.partition(";")[0]


def actors(server: Server, person: str, at_least: int) -> list[tuple[str, str]]:
    return [(e["kind"], e["actor"]) for e in server.timeline(person, at_least=at_least)]


def visit(server: Server, copy: dict[str, Any], **headers: str) -> None:
    for url in (copy["dots"][0], copy["links"][0]["url"]):
        server.get(url, User_Agent=CHROME, **headers)


def test_what_the_sender_opens_and_clicks_in_his_own_browser_is_his(own_server: Server) -> None:
    copy = own_server.mark(QUOTE, ME)[0]
    visit(own_server, copy, Cookie=f"theme=dark; {cookie_of_mine(own_server)}; lang=de")
    assert sorted(actors(own_server, ME, 2)) == [("click", "sender"), ("open", "sender")]
    report = inkdot_json("report", "mail", "--data", own_server.data, "--json")
    assert (report["messages"][0]["opens"], report["messages"][0]["clicks"]) == (0, 0)
    journal = list(own_server.data.glob("journal/**/*.seg"))
    assert journal
    assert not any(b"inkdot_self_1" in segment.read_bytes() for segment in journal)


@pytest.mark.parametrize("claim", ["cookie of another workspace", "forged cookie", "header of ours"])
def test_nobody_else_can_claim_to_be_the_sender(own_server: Server, claim: str) -> None:
    copy = own_server.mark(QUOTE, ME)[0]
    other = cookie_value(Folder(own_server.data).keyring(), 2)
    headers = {
        "cookie of another workspace": {"Cookie": f"{cookie_name(2)}={other}"},
        "forged cookie": {"Cookie": f"{cookie_name(1)}={other}"},
        "header of ours": {"Inkdot_Self": "1"},
    }[claim]
    visit(own_server, copy, **headers)
    assert {actor for _, actor in actors(own_server, ME, 2)} == {"human"}


def test_the_address_that_makes_a_browser_ones_own_cannot_be_made_up(server: Server) -> None:
    url = inkdot_json("doc", "own", "--data", server.data, "--public-url", server.public)["url"]
    workspace, until, seal = url.rpartition("/")[2].split(".")
    for note in (
        f"2.{until}.{seal}",
        f"{workspace}.{int(until) + 9}.{seal}",
        f"{workspace}.{until}.{seal[:-1]}",
        "1",
        ".",
    ):
        status, headers, _ = server.get(f"{server.public}/d/own/{note}")
        assert status >= 400
        assert "set-cookie" not in headers
