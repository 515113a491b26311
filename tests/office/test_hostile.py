"""What strangers send, and what attackers ask: it stays text, and never becomes a question of its own."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlsplit

import pytest

from tests.conftest import QUOTE, eventually
from tests.office.conftest import Firms

HOSTILE = (
    '"><img src=x onerror=fetch(\'//canary.example\')>', "javascript:alert(1)", "{{7*7}} ${7*7} <%= 7*7 %>",
    "\u202egnp.exe", "' OR 1=1 --", "=cmd|' /C calc'!A0", "</script><script>alert(1)</script>",
)  # fmt: skip
INJECTIONS = (
    "' OR '1'='1", "'; DROP TABLE events; --", "1 UNION SELECT 1,2,3", "read_csv('/etc/passwd')", "open' AND SLEEP(5) --",
    "$kind", "{events}", "%27%20OR%201%3D1", "open\x00", "evt_0000000000000' OR 1=1",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_stranger_sent_comes_back_as_json_and_nothing_else(firms: Firms, text: str) -> None:
    person = f"hostile{HOSTILE.index(text)}@example.com"
    mail = QUOTE.replace(b"The quote", f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?=".encode())
    said = firms.ours.post("/messages", {"mail": base64.b64encode(mail).decode(), "to": [person]})
    dot = urlsplit(said.json["copies"][0]["dots"][0]).path
    agent = text.encode().decode("latin-1")
    firms.server.get(dot, User_Agent=agent, Referer=agent, Accept_Language=agent, X_Forwarded_For="203.0.113.77")
    (event,) = eventually(lambda: firms.ours.get(f"/events?person={quote(person)}").json["data"])
    for path in (f"/events/{event['id']}", f"/people/{quote(person)}/timeline", f"/messages/{said.json['message']}"):
        found = firms.ours.get(path)
        assert found.status == 200
        assert found.headers["content-type"] == "application/json"
        assert found.headers["x-content-type-options"] == "nosniff"
        json.loads(found.body)
    assert firms.ours.get(f"/messages/{said.json['message']}").json["subject"] == text.replace("\u202e", "\u202e")


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_filter_is_a_value_and_never_a_question(firms: Firms, text: str) -> None:
    word = quote(text, safe="")
    everything = firms.ours.get("/events?limit=1000").json["data"]
    for path in (
        f"/events?kind={word}", f"/events?since={word}", f"/events?cursor={word}", f"/events?limit={word}",
        f"/events/{word}", f"/messages?since={word}", f"/leads?since={word}", f"/deliveries?state={word}",
        f"/documents/{word}", f"/sites/{word}/report?since={word}", f"/documents/doc_0000000000001/report?version={word}",
        f"/live?kind={word}",
    ):  # fmt: skip
        said = firms.ours.get(path)
        assert said.status in (404, 422), (path, said.status, said.body)
        assert b"root:" not in said.body
    for path in (
        f"/people?search={word}",
        f"/events?person={word}",
        f"/leads?grade={word[:2]}",
        f"/people?cursor={word}",
    ):
        said = firms.ours.get(path)
        assert said.status in (200, 422), (path, said.status, said.body)
        assert said.status == 422 or "cursor" in path or said.json["data"] == []
    for path, body in (
        ("/audiences", {"name": text}), ("/sites", {"domain": text}), ("/links", {"url": text, "to": text}),
        ("/triggers", {"rule": text}), ("/events/evt_0000000000001/correction", {"says": text, "because": text}),
    ):  # fmt: skip
        assert firms.ours.post(path, body).status in (201, 404, 422)
    after = {event["id"] for event in firms.ours.get("/events?limit=1000").json["data"]}
    assert after >= {event["id"] for event in everything}
