"""The Python client, and the samples of its page."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from inkdot.client import ApiError, Client, Told, Unreachable, content_of
from inkdot.show.api.openapi import described
from inkdot.show.api.table import ENDPOINTS
from tests.conftest import BEN, QUOTE, THUNDERBIRD, eventually
from tests.office.conftest import Firms

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
SAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def client(firms: Firms) -> Client:
    assert firms.ours.key
    return Client(firms.server.office, firms.ours.key)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_of_the_page_run(firms: Firms, sample: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(sample, {"office": firms.server.office, "key": firms.ours.key, "mail": QUOTE})
    if "content_of(copy)" in sample:
        assert said.getvalue() == f"{BEN} True\n"
    if "ftp://" in sample:
        assert said.getvalue().startswith("422 ")
    if "live(" in sample:
        assert said.getvalue().startswith("hello ")


def test_a_mail_goes_out_and_what_happens_comes_back(firms: Firms) -> None:
    inkdot, person = client(firms), "client@example.com"
    copy = inkdot.mark(QUOTE, to=[person])["copies"][0]
    assert copy["dots"][0].encode() in content_of(copy)
    feed = inkdot.live(kinds=["open"])
    place = next(feed).place
    firms.server.get(urlsplit(copy["dots"][0]).path, User_Agent=THUNDERBIRD, X_Forwarded_For="198.51.100.40")
    live = next(told.data for told in feed if told.data["person"] == person)
    feed.close()  # type: ignore[attr-defined]
    assert live["subject"] == "The quote"
    again = inkdot.live(place=place)
    assert next(t.data["id"] for t in again if t.kind == "kept" and t.data["person"] == person) == live["id"]
    again.close()  # type: ignore[attr-defined]
    (event,) = inkdot.events(person=person)
    assert event["id"] == live["id"] == inkdot.timeline(person)["events"][0]["id"]
    assert inkdot.explain(event["id"])["evidence"] == event["evidence"]
    assert inkdot.correct(event["id"], "me", "I looked at it myself")["actor"] == "sender"
    assert person in [p["person"] for p in inkdot.people("client@")]
    assert inkdot.person(person)["mode"] == "individual"
    assert inkdot.export_person(person)["person"] == person
    assert inkdot.link("https://example.com/", to=person)["url"].startswith(firms.server.public)


def test_a_mail_that_got_its_message_id_after_marking_is_found_by_it(firms: Firms) -> None:
    inkdot, name = client(firms), "<made-by-the-program@example.com>"
    bare = QUOTE.replace(b"Message-ID: <quote@example.com>\r\n", b"")
    message = inkdot.mark(bare, to=["bare@example.com"])["message"]
    assert list(inkdot.messages(internet_id=name)) == []
    assert inkdot.left_as(message, name)["internet_id"] == name
    assert inkdot.left_as(message, name)["report"]["message"] == message
    assert [mail["message"] for mail in inkdot.messages(internet_id=name)] == [message]
    with pytest.raises(ApiError) as refused:
        inkdot.left_as(message, "<another@example.com>")
    assert refused.value.status == 422
    assert inkdot.message(message)["internet_id"] == name
    said = firms.theirs.ask("PATCH", f"/messages/{message}", {"internet_id": name})
    assert said.status == 404
    assert firms.theirs.get("/messages?internet_id=%3Cmade-by-the-program@example.com%3E").json["data"] == []


def test_documents_websites_rules_and_webhooks_by_the_client(firms: Firms, tmp_path: Path) -> None:
    inkdot, file = client(firms), tmp_path / "page.png"
    Image.new("RGB", (30, 30), "white").save(file)
    document = inkdot.add_document(file)
    shared = inkdot.share(document["document"], BEN, expires="7d", email_gate=True)
    assert shared["url"].startswith(f"{firms.server.public}/d/")
    assert [s["open"] for d in inkdot.documents() if d["name"] == "page.png" for s in d["links"]] == [True]
    inkdot.end_share(shared["link"])
    assert inkdot.document_report(document["document"])["visits"] == []
    site = inkdot.add_site("client.example")
    assert inkdot.site_report(site["site"])["visits"] == 0
    rule = 'name = "client"\n[when]\nkind = "bounce"\n[[actions]]\ndo = "tag"\nadd = "warm"\n'
    assert inkdot.try_rule(rule)["fires"] == 0
    assert inkdot.keep_trigger(rule)["name"] in [t["name"] for t in inkdot.triggers()]
    hook = inkdot.add_webhook("https://hooks.example/client", ["mail.opened"])
    assert hook.get("secret", "").startswith("whsec_")
    assert all(lead["person"] for lead in inkdot.leads(known=True))


class Heard(Client):
    """Asks nobody: writes down what would be asked."""

    def _asked(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        asked.add((method, path.partition("?")[0]))
        return {"data": [], "next_cursor": None}

    def _feed(self, query: Mapping[str, str | None], place: str | None) -> Iterator[Told]:
        asked.add(("GET", "/live"))
        yield Told("hello", {}, None)


asked: set[tuple[str, str]] = set()
FOR_PEOPLE = re.compile(r"/(session|notices|people/\{person\}/mute)")
"""What belongs to whoever is signed in; a key has none of it."""


def test_the_client_knows_every_address_of_the_api() -> None:
    inkdot = Heard("http://127.0.0.1:1", "a key")
    for name, method in inspect.getmembers(inkdot, inspect.ismethod):
        needed = [
            p
            for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind is not p.VAR_KEYWORD
        ]
        values = {
            p.name: {"to": ["x"]}.get(p.name, b"x" if p.name in ("mail", "file", "content") else "x") for p in needed
        }
        if not name.startswith("_"):
            found = method(**values)
            if isinstance(found, Iterator):
                next(found, None)
    known = [(m.upper(), path) for path, methods in described(ENDPOINTS, "")["paths"].items() for m in methods]
    missing = [
        f"{method} {path}"
        for method, path in known
        if not FOR_PEOPLE.fullmatch(path)
        and not any(m == method and re.fullmatch(re.sub(r"\{\w+\}", "x", path), p) for m, p in asked)
    ]
    assert missing == []
    assert len(known) > 60


def test_a_refusal_is_an_error_with_its_sentence(firms: Firms) -> None:
    with pytest.raises(ApiError) as refused:
        client(firms).explain("evt_0000000000009")
    assert refused.value.status == 404
    assert refused.value.request_id
    with pytest.raises(ApiError) as nobody:
        Client(firms.server.office, "ik_wrong").me()
    assert nobody.value.status == 401


def test_a_request_is_asked_again_under_the_same_key_until_it_is_answered() -> None:
    asked: list[tuple[str | None, bytes]] = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["Idempotency-Key"], body))
            self.send_response(503 if len(asked) < 3 else 201)
            answer = b'{"link":"lnk_1","url":"u","to":"t"}'
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Busy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        made = Client(f"http://127.0.0.1:{server.server_port}", "k").link("https://example.com/", BEN)
        assert made["link"] == "lnk_1"
        assert len(set(asked)) == 1
        assert len(asked) == 3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(Unreachable):
        Client(f"http://127.0.0.1:{server.server_port}", "k", tries=1).me()
    eventually(lambda: not thread.is_alive())
