"""Other people's servers that answer slowly: a byte now and then holds no mail for ever, and a server that thinks is waited for."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from tests.conftest import BEN, eventually, inkdot
from tests.relay.mail_door import CLEO, MailDoor, page
from tests.relay.sink import Sink


def hurry(door: MailDoor) -> None:
    inkdot("mail", "queue", "retry", "--all", "--data", door.data)


def test_an_upstream_that_drips_its_answers_holds_no_mail_for_ever(tmp_path: Path) -> None:
    with Sink(drip_on="220", logins={"ada": "secret"}) as sink:
        upstream = f"smtp://ada:secret@127.0.0.1:{sink.port}"
        door = MailDoor(tmp_path, sink, upstream=upstream, upstream_timeout=1, relay_ask_upstream="no")
        assert door.send(page("Drop by drop"), BEN, CLEO).startswith("250")
        for sink.drip_on in ("220", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", ""):
            eventually(lambda before=sink.connections: (hurry(door), sink.connections > before)[1])  # type: ignore[misc,func-returns-value]
            eventually(lambda: not door.queue() or "it took too long" in str(door.queue()))
        assert door.delivered()
        assert door.delivered(CLEO)
        eventually(lambda: not door.queue())  # a busy machine may hear the good answer too late, and send once more
        assert {mail.to for mail in sink.got} == {BEN, CLEO}
        door.stop()


def test_an_upstream_that_looks_into_a_mail_for_long_gets_it_once(tmp_path: Path) -> None:
    with Sink(delay=1.5) as sink:
        door = MailDoor(tmp_path, sink, upstream_timeout=1, retry_seconds=1)
        assert door.send(page("Looked into")).startswith("250")
        assert door.delivered()
        eventually(lambda: not door.queue())
        assert len(sink.got) == 1
        door.stop()


class Tokens(BaseHTTPRequestHandler):
    """Drips, then refuses, then gives an access token."""

    ways = "drip"

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert fields["refresh_token"] == ["refresh"]
        while self.ways == "drip":
            self.wfile.write(b"H")
            time.sleep(0.05)
        good = self.ways == "give"
        self.send_response(200 if good else 400)
        self.end_headers()
        answer = {"access_token": "access", "expires_in": 3600} if good else {"error": "invalid_grant"}
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()


def test_a_token_address_that_drips_or_refuses_loses_no_mail(tmp_path: Path) -> None:
    tokens = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{tokens.server_port}/token"
    with Sink(logins={"ada@up": "access"}) as sink:
        door = MailDoor(
            tmp_path, sink, upstream=f"smtp://ada%40up@127.0.0.1:{sink.port}?login=xoauth2", upstream_timeout=1,
            oauth_client_id="inkdot", oauth_refresh_token="refresh", oauth_token_url=url, relay_ask_upstream="no",
        )  # fmt: skip
        door.send(page("Two keys"), BEN)
        for said, way in (("it took too long", "refuse"), ("HTTP 400 invalid_grant", "give")):
            eventually(lambda said=said: said in str(door.queue()))  # type: ignore[misc]
            Tokens.ways = way
            hurry(door)
        assert door.delivered()[0].login == "ada@up"
        door.stop()
    tokens.shutdown()
    tokens.server_close()
