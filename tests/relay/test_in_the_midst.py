"""What happens while a mail is on its way: it cannot be written down that it left, a line breaks behind a refusal, the server stops."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from inkdot.domain.ids import MessageId
from inkdot.relay.copies import Copies
from inkdot.relay.courier import Courier, Schedule
from inkdot.relay.desk import Desk, Login
from inkdot.relay.door import Door
from inkdot.relay.envelope import Envelope
from inkdot.relay.limits import Limits
from inkdot.relay.oauth import Tokens
from inkdot.relay.route import read_route
from inkdot.relay.spool import Answer, Incoming, Spool
from inkdot.relay.upstream import Upstream
from tests.conftest import ADA, BEN, PATIENCE, eventually, in_a_loop, inkdot, inkdot_json
from tests.relay.mail_door import CLEO, MailDoor, page
from tests.relay.sink import Sink


def test_a_mail_whose_leaving_cannot_be_written_down_leaves_once_and_counts_once(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no")
        inkdot("consent", "set", BEN, "--mode", "aggregate", "--data", door.data)
        obstacles: list[Path] = []

        def hinder() -> None:
            sink.before_250 = None
            obstacles.extend(mail.with_suffix(".log") for mail in (door.data / "spool").glob("*.mail"))
            for obstacle in obstacles:
                obstacle.mkdir()

        sink.before_250 = hinder
        assert door.send(page("Once")).startswith("250")
        eventually(lambda: "delivery_failed" in door.server.talk.read_text())
        for obstacle in obstacles:
            obstacle.rmdir()
        inkdot("mail", "queue", "retry", "--all", "--data", door.data)
        eventually(lambda: not door.queue())
        assert len(sink.mails_to(BEN)) == 1
        (day,) = inkdot_json("report", "mail", "--data", door.data)["messages"]
        assert (day["subject"], day["recipients"]) == ("Mails to one person each", 1)
        door.ended()


def test_what_left_right_before_a_kill_is_told_after_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "data" / "spool")
    incoming = spool.begin(Envelope(MessageId(1234), int(time.time()), ADA, (BEN, CLEO)))
    incoming.write(page("Killed"))
    incoming.keep()
    with spool.taken(incoming.name) as mail:
        assert mail
        spool.note_done(mail, BEN, Answer(250, "2.0.0 ok"))  # and nothing was done after that
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        assert door.delivered(CLEO)
        eventually(lambda: not door.queue())
        assert {row["to"]: row["state"] for row in door.log()} == {BEN: "sent", CLEO: "sent"}
        assert sink.mails_to(BEN) == []
        door.stop()


def test_a_refusal_counts_although_the_upstream_hangs_up_behind_it(tmp_path: Path) -> None:
    with Sink(answers={BEN: "550 5.1.1 No such user here"}, hang_up_on={BEN}) as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1, relay_ask_upstream="no")
        door.send(page("Refused"), BEN, CLEO)
        assert b"550 5.1.1 No such user here" in door.delivered(ADA)[0].content
        assert door.delivered(CLEO)
        eventually(lambda: not door.queue())
        door.stop()


class Office:
    """As much of the house as mails without marks need."""

    def copies(self, source: bytes, envelope: Envelope) -> Copies:
        return Copies(source, envelope, None, "door.example.com", lambda _: None)  # type: ignore[arg-type]

    def copy(self, copies: Copies, recipient: str) -> tuple[list[bytes], None]:
        return copies.copy_for(recipient, None).pieces, None  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_mail_that_is_put_off_is_let_go_before_another_thread_may_take_it(tmp_path: Path) -> None:
    spool, free = Spool(tmp_path), list[bool]()
    incoming = spool.begin(Envelope(MessageId(2), int(time.time()), ADA, (BEN,), unmarked=True))
    incoming.write(page("Put off"))
    incoming.keep()

    class Taking(Courier):
        """Another thread takes a mail in the moment in which it may."""

        def wake(self, name: str, due: float = 0.0) -> None:
            with spool.taken(name) as mail:
                free.append(mail is not None)
            super().wake(name, due)

    with Sink(answers={BEN: "421 4.3.0 Not today"}) as sink:
        upstream = Upstream(read_route(sink.url), "door.example.com", 1)
        courier = Taking(spool, lambda _: upstream, Office(), Schedule(), "door.example.com", lambda *_, **__: None, 1)
        courier.start()
        eventually(lambda: len(free) == 2)
        courier.stop(PATIENCE)
    assert free == [True, True]


class Slow(Spool):
    """A spool on a disk that takes its time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.keeping, self.kept = threading.Event(), threading.Event()

    def begin(self, envelope: Envelope, name: str | None = None) -> Incoming:
        incoming = super().begin(envelope, name)
        keep = incoming.keep

        def slowly() -> None:
            keep()
            self.keeping.set()
            assert self.kept.wait(PATIENCE)

        incoming.keep = slowly  # type: ignore[method-assign]
        return incoming


def test_a_mail_that_is_kept_while_the_server_stops_is_not_called_refused(tmp_path: Path) -> None:
    spool = Slow(tmp_path)
    desk = Desk(
        "door.example.com", spool, Limits(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), 1 << 20, PATIENCE, lambda _: True,
        lambda _: True, lambda user, _: Login(user), lambda *_: True, lambda *_: None, lambda _: None, lambda: MessageId(2),
        lambda *_, **__: None,
    )  # fmt: skip

    async def talk() -> bytes:
        door, loop = Door(desk), asyncio.get_running_loop()
        async with await loop.create_server(door.protocol, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(f"EHLO me\r\nMAIL FROM:<{ADA}>\r\nRCPT TO:<{BEN}>\r\nDATA\r\n".encode())
            await reader.readuntil(b"354 ")
            writer.write(page("Late") + b".\r\n")
            await asyncio.to_thread(spool.keeping.wait, PATIENCE)
            stopping = asyncio.create_task(door.stop(0.0))
            loop.call_later(0.1, spool.kept.set)
            said = await reader.read()
            await stopping
            writer.close()
        return said

    said = in_a_loop(talk())
    assert len(spool.names()) == 1
    assert b"\r\n250 2.0.0 Kept as " in said


class Provider(BaseHTTPRequestHandler):
    """Each of its refresh tokens is good once. While it gives the first access token, something happens."""

    good, happens = "refresh-1", staticmethod(lambda: None)

    def do_POST(self) -> None:
        token = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["refresh_token"][0]
        number = int(self.good[-1])
        if right := token == self.good:
            Provider.good = f"refresh-{number + 1}"
        if number == 1:
            self.happens()
        self.send_response(200 if right else 400)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": f"access-{number}", "refresh_token": self.good}).encode())

    def log_message(self, *_: object) -> None:
        pass


def test_two_processes_that_fetch_a_token_at_once_take_turns(tmp_path: Path) -> None:
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    url, given = f"http://127.0.0.1:{provider.server_port}/token", list[str]()
    relay, office = (Tokens(url, "inkdot", "", "refresh-1", tmp_path / "oauth-up.json", PATIENCE) for _ in range(2))
    beside = threading.Thread(target=lambda: given.append(office.access()))

    def meanwhile() -> None:
        beside.start()
        beside.join(0.5)  # where it waits for us, it goes on behind us

    Provider.happens = staticmethod(meanwhile)
    assert relay.access() == "access-1"
    beside.join()
    provider.shutdown()
    provider.server_close()
    assert given == ["access-2"]
