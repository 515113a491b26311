"""Rules, lists and webhooks on the pages of the office, asked for as a browser does."""

from __future__ import annotations

import csv
import http.client
import io
import json
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from inkdot.act.audience import Target, digest
from tests.act.conftest import Receiver, click
from tests.conftest import ADA, PATIENCE, Server, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD


class Desk:
    """Somebody who is signed in."""

    def __init__(self, server: Server, address: str, role: str) -> None:
        self.office = server.office
        inkdot("account", "add", address, "--role", role, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
        self.cookie = ""
        _, said, _ = self._ask("POST", "/login", {"address": address, "password": PASSWORD})
        self.cookie = said["Set-Cookie"].partition(";")[0]

    def get(self, path: str) -> tuple[int, str]:
        status, _, text = self._ask("GET", path, None)
        return status, text

    def _ask(self, method: str, path: str, form: dict[str, str] | None) -> tuple[int, http.client.HTTPMessage, str]:
        parts = urlsplit(self.office)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        headers = {"Origin": self.office, "Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        connection.request(method, path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text


@pytest.fixture(scope="module")
def owner(acting: Server) -> Desk:
    return Desk(acting, ADA, "owner")


def test_a_list_leaves_the_office_as_the_platform_takes_it_and_so_do_removals(acting: Server, owner: Desk) -> None:
    people = [f"paper{n}@example.com" for n in range(2)]
    for person in people:
        click(acting, person)
        acting.timeline(person, at_least=1)
    inkdot("audience", "add", "on paper", "--data", acting.data)
    for person in people:
        inkdot("audience", "join", "on paper", person, "--data", acting.data)
    status, text = owner.get("/audiences/on%20paper/export?target=meta")
    assert status == 200
    heading, *hashed = [row[0] for row in csv.reader(io.StringIO(text))]
    assert (heading, sorted(hashed)) == ("email", sorted(digest(Target.META, person) for person in people))
    inkdot("audience", "leave", "on paper", people[0], "--data", acting.data)
    status, text = owner.get("/audiences/on%20paper/export?target=meta&for=removals")
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["email", digest(Target.META, people[0])]


def test_the_log_of_deliveries_can_be_narrowed_to_each_state_it_has(
    acting: Server, owner: Desk, receiver: Receiver
) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/log", "--type", "mail.replied", "--data", acting.data)
    inkdot("webhook", "trigger", "mail.replied", "--data", acting.data)
    page = unescape(owner.get("/webhooks")[1])
    for state in ("waiting", "done", "failed", "withdrawn"):
        assert f"state={state}" in page
        shown = receiver.url + "/log" in owner.get(f"/webhooks?state={state}")[1].partition("<table")[2]
        assert shown is (state == "done")
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_what_was_sent_is_shown_on_the_page_to_those_alone_whom_the_api_shows_it(
    acting: Server, receiver: Receiver
) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/body", "--type", "mail.clicked", "--data", acting.data)
    sent = inkdot_json("webhook", "trigger", "mail.clicked", "--data", acting.data)["delivery"]
    member, viewer = Desk(acting, "mia@example.com", "member"), Desk(acting, "vito@example.com", "viewer")
    for path, allowed in ((f"/webhooks/{sent}", 200), (f"/api/v1/deliveries/{sent}", 200)):
        status, text = member.get(path)
        assert (status, "mail.clicked" in text) == (allowed, True), path
        status, text = viewer.get(path)
        assert (status, "mail.clicked" in text) == (403, False), path
    assert f'href="/webhooks/{sent}"' in member.get("/webhooks")[1]
    assert f'href="/webhooks/{sent}"' not in viewer.get("/webhooks")[1]
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)


def test_who_may_only_read_sees_no_secret_and_who_edits_keeps_it(acting: Server, receiver: Receiver) -> None:
    viewer = Desk(acting, "vera@example.com", "viewer")
    rule: dict[str, Any] = {
        "name": "Guarded",
        "when": {"kind": "click", "person": "nobody@example.com"},
        "actions": [
            {"do": "webhook", "url": receiver.url + "/w"},
            {"do": "ntfy", "url": receiver.url + "/n", "token": "tk_zanzibar"},
        ],
    }
    kept = inkdot_json("trigger", "add", json.dumps(rule), "--data", acting.data)
    secret = kept["rule"]["actions"][0]["secret"]
    page = unescape(viewer.get(f"/triggers?edit={kept['trigger']}")[1])
    assert "Guarded" in page
    assert secret not in page
    assert "tk_zanzibar" not in page
    del rule["actions"][1]["token"]
    rule["when"]["person"] = "nobody@example.org"
    changed = inkdot_json("trigger", "add", json.dumps(rule), "--data", acting.data)
    assert changed["version"] == 2
    assert [a.get("secret") or a.get("token") for a in changed["rule"]["actions"]] == [secret, "tk_zanzibar"]
    inkdot("trigger", "rm", "Guarded", "--data", acting.data)


def test_what_is_paused_is_told_on_the_first_page_and_goes_on_from_there(
    acting: Server, owner: Desk, receiver: Receiver
) -> None:
    receiver.status["/dead"] = 410
    place = receiver.url + "/dead"
    rule = {"name": "Dead", "hold": "0s", "when": {"kind": "click"}, "actions": [{"do": "slack", "url": place}]}
    inkdot("trigger", "add", json.dumps(rule), "--data", acting.data)
    click(acting, "dead@example.com")
    eventually(lambda: place in owner.get("/")[1])
    assert "Paused places of rules" in owner.get("/webhooks")[1]
    inkdot("trigger", "rm", "Dead", "--data", acting.data)
    inkdot("webhook", "resume", place, "--data", acting.data)
    assert place not in owner.get("/")[1]
