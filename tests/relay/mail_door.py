"""The mail door from outside: a server that relays into a sink, and a client that may say anything, byte by byte."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar, Self

from tests.conftest import ADA, BEN, PATIENCE, Server, eventually, inkdot, inkdot_json
from tests.relay.sink import Got, Sink

CLEO = "cleo@example.com"


def any_certificate() -> ssl.SSLContext:
    """The mail door's own certificate is signed by nobody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def page(
    subject: str = "The offer", body: str = "<p>See <a href='https://www.example.com/offer'>it</a></p>", **headers: str
) -> bytes:
    """A mail as a mail program makes it, CRLF and all."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Ada <{ADA}>", f"Ben <{BEN}>", subject
    mail["Date"], mail["Message-ID"] = "Mon, 23 Nov 2026 15:00:00 +0000", f"<{abs(hash(subject))}@example.com>"
    for word, value in headers.items():
        name = word.replace("_", "-")
        del mail[name]
        mail[name] = value
    mail.set_content(f"<html><body>{body}</body></html>", subtype="html", cte="8bit")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class Client:
    """A mail program that does what it is told."""

    def __init__(self, door: str, source: str | None = None) -> None:
        host, _, port = door.rpartition(":")
        where = (source, 0) if source else None
        self.socket: socket.socket = socket.create_connection((host, int(port)), PATIENCE, source_address=where)
        self.greeting = self.reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def reply(self) -> str:
        """One whole reply; empty where the server has hung up."""
        got = b""
        while not re.search(rb"(?m)^\d{3} [^\n]*\r\n\Z", got):
            try:
                piece = self.socket.recv(1)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return got.decode()
            got += piece
        return got.decode()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, line: str | bytes) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def hello(self) -> Self:
        assert self.say("EHLO client.example.com").startswith("250")
        return self

    def starttls(self) -> Self:
        assert self.say("STARTTLS").startswith("220")
        self.socket = any_certificate().wrap_socket(self.socket)
        return self.hello()

    def login(self, user: str, password: str) -> str:
        return self.say("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())

    def mail(self, content: bytes, *to: str, sender: str = ADA) -> str:
        """The reply to the body, or the first refusal."""
        for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{address}>" for address in to)):
            reply = self.say(line)
            if not reply.startswith("250"):
                return reply
        assert self.say("DATA").startswith("354")
        self.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
        return self.reply()

    def hung_up(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class MailDoor:
    """A running server, its upstream, and Ada's account there."""

    open: ClassVar[set[MailDoor]] = set()

    def __init__(
        self, folder: Path, sink: Sink, *options: str, upstream: str | None = None, **settings: str | int
    ) -> None:
        self.sink = sink
        environ = {f"INKDOT_{name.upper()}": str(value) for name, value in settings.items()}
        self._environ = environ
        with changed(environ):
            self.server = Server(folder / "data", "--upstream", upstream or sink.url, *options)
        self.open.add(self)
        self.data = self.server.data
        account = inkdot_json("relay", "account", "add", ADA, "--data", self.data)
        self.user, self.password = account["user"], account["password"]

    @property
    def address(self) -> str:
        return self.server.relay

    def start(self) -> None:
        """Once more, after a stop."""
        with changed(self._environ):
            self.server.start()
        self.open.add(self)

    def client(self) -> Client:
        return Client(self.address)

    def logged_in(self) -> Client:
        client = self.client().hello()
        assert client.login(self.user, self.password).startswith("235")
        return client

    def send(self, content: bytes, *to: str, sender: str = ADA) -> str:
        with self.logged_in() as client:
            return client.mail(content, *(to or (BEN,)), sender=sender)

    def delivered(self, to: str = BEN, count: int = 1) -> list[Got]:
        return list(eventually(lambda: len(self.sink.mails_to(to)) >= count and self.sink.mails_to(to)))

    def queue(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for line in inkdot("mail", "queue", "list", "--json", "--data", self.data).stdout.splitlines()
        ]

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in inkdot("mail", "log", "--json", "--data", self.data).stdout.splitlines()]

    def spoil_consents(self, mode: int) -> None:
        """What people chose is written over by hand; a mode that there is none of makes us fail at these people."""
        with contextlib.closing(sqlite3.connect(self.data / "control.db")) as db, db:
            db.execute("UPDATE consents SET mode = ?", (mode,))

    def ended(self) -> str:
        """Stop it where it was right to tell of a fault of ours; returns what it said on stderr."""
        self.server.stop()
        self.open.discard(self)
        return self.server.talk.read_text()

    def stop(self) -> str:
        """Stop it; returns what it said on stderr."""
        said = self.ended()
        assert "\nTraceback" not in f"\n{said}", said
        return said


@contextmanager
def changed(environ: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environ}
    os.environ.update(environ)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def outside_address() -> Iterator[str]:
    """An address of this machine that is not loopback, as a stranger has one; nobody else's while it is in use.

    Of the network for benchmarks (RFC 2544). Adding one that another run has fails, and then the next is tried.
    """
    for number in itertools.count(os.getpid()):
        address = f"198.18.{number >> 8 & 0xFF}.{number & 0xFF}"
        added = subprocess.run(
            ["ip", "address", "add", f"{address}/32", "dev", "lo"], check=False, capture_output=True, text=True
        )
        if "File exists" not in added.stderr and "already assigned" not in added.stderr:
            break
    assert added.returncode == 0, added.stderr
    try:
        yield address
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)
