"""Where somebody is signed in: each browser can be seen and ended, and over https no neighbour can plant what it holds."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlencode, urlsplit

from tests.conftest import PATIENCE, Server, inkdot
from tests.office.asking import PASSWORD, Program, Reader
from tests.office.desk import FIREFOX

SOPHIE, STEFAN = "sophie@example.com", "stefan@example.com"


def make(server: Server, *who: str) -> None:
    for address in who:
        inkdot("account", "add", address, "--ask", "--data", server.data, stdin=PASSWORD + "\n")


def shown(reader: Reader) -> list[str]:
    """The browsers on the page of the account that can be ended."""
    return re.findall(r'name="id" value="(\w+)"', reader.ask("GET", "/me")[2])


def test_who_is_signed_in_elsewhere_sees_it_and_ends_it(server: Server) -> None:
    make(server, SOPHIE, STEFAN)
    here, lost, other = Reader(server, SOPHIE), Program(server), Reader(server, STEFAN)
    assert lost.sign_in(SOPHIE, user_agent=FIREFOX).status == 201
    page = here.ask("GET", "/me")[2]
    assert "Firefox · Windows" in page
    assert page.count("this browser") == 1
    (mine, theirs) = shown(here)
    assert not set(shown(other)) & {mine, theirs}
    assert other.ask("POST", "/me/sessions", {"do": "end", "id": theirs})[0] == 404, "somebody else's"
    assert lost.get("/me").status == 200
    assert here.ask("POST", "/me/sessions", {"do": "end", "id": theirs})[0] == 303
    assert lost.get("/me").status == 401
    assert shown(here) == [mine]
    assert here.ask("POST", "/me/sessions", {"do": "end", "id": theirs})[0] == 404
    assert here.ask("POST", "/me/sessions", {"do": "end", "id": "no hex"})[0] == 404


def test_all_other_browsers_end_at_once(server: Server) -> None:
    who = "selma@example.com"
    make(server, who)
    here, lost = Reader(server, who), [Program(server), Program(server)]
    assert [browser.sign_in(who).status for browser in lost] == [201, 201]
    assert here.ask("POST", "/me/sessions", {"do": "others"})[0] == 303
    assert [browser.get("/me").status for browser in lost] == [401, 401]
    assert here.ask("GET", "/me")[0] == 200


def test_over_https_every_cookie_is_of_this_host_alone(server: Server) -> None:
    who, given = "sina@example.com", list[str]()
    make(server, who)
    browser = Program(server)
    browser.cookies["theme"] = "dark"  # as a neighbour under the same domain can plant it
    origin = server.office.replace("http:", "https:")
    assert browser.sign_in(who, origin=origin, x_forwarded_proto="https").status == 201
    parts = urlsplit(server.office)

    def ask(method: str, path: str, form: dict[str, str] | None = None) -> str:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        held = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())
        told = {
            "Cookie": held, "Origin": origin, "X-Forwarded-Proto": "https",
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        connection.request(method, path, urlencode(form) if form else None, told)
        answer = connection.getresponse()
        given.extend(answer.headers.get_all("Set-Cookie") or [])
        text = answer.read().decode()
        connection.close()
        return text

    ask("GET", "/choose?theme=light&language=de")
    ask("GET", "/choose?table=people&column=person")
    ask("POST", "/me/sessions", {"do": "others", "csrf": str(browser.csrf)})
    assert {line.partition("=")[0] for line in given} == {
        "__Host-theme", "__Host-language", "__Host-columns-people", "__Host-said",
    }  # fmt: skip
    assert all("Secure" in line and "Path=/;" in f"{line};" and "Domain" not in line for line in given)
    page = ask("GET", "/me")
    assert 'data-cookies="__Host-"' in page, "what its script keeps is named likewise"
    assert "data-theme" not in page
