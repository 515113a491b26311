"""A mail server that only listens: it keeps what it is given, and can be told to be difficult."""

from __future__ import annotations

import base64
import contextlib
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Got:
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    login: str | None

    @property
    def to(self) -> str:
        assert len(self.recipients) == 1
        return self.recipients[0]

    def header(self, name: str) -> str | None:
        found = re.search(rf"(?mi)^{name}: (.*?)\r$", self.content.split(b"\r\n\r\n")[0].decode("latin-1") + "\r")
        return found[1] if found else None


@dataclass(slots=True)
class Sink:
    """`answers` maps a recipient to the reply to RCPT, `after_data` to the one after the body; `drop` hangs up there."""

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    after_data: dict[str, str] = field(default_factory=dict)
    sender_answers: dict[str, str] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    """User -> password or bearer token; empty: AUTH is not offered."""
    methods: str = "PLAIN XOAUTH2"
    """Ways to log in that are offered."""
    drop_before_250: int = 0
    """So many mails are kept and then the line is cut instead of 250."""
    hang_up_on: set[str] = field(default_factory=set)
    """Recipients at whose names the line is cut, behind what is said against them."""
    before_250: Callable[[], None] | None = None
    """Called when a mail is kept and its 250 not yet said."""
    delay: float = 0.0
    drip_on: str = ""
    """The command whose answer comes a byte at a time, and never to its end; `220` for the greeting."""
    smtputf8: bool = True
    senders: list[str] = field(default_factory=list)
    """MAIL commands as they came."""
    got: list[Got] = field(default_factory=list)
    rcpts: list[str] = field(default_factory=list)
    connections: int = 0
    _listener: socket.socket | None = None
    _held: socket.socket | None = None
    """The port while nobody listens there, so that nobody else is given it."""
    _open: set[socket.socket] = field(default_factory=set)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        if self._held:
            self._held.close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def up(self) -> None:
        self._listener = listener = _bound(self.port)
        listener.listen(128)
        self.port = listener.getsockname()[1]
        if self._held:
            self._held.close()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._held = _bound(self.port)
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            _hang_up(connection)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection.makefile("rwb") as file:
            _Talk(self, connection, file).run()
        self._open.discard(connection)
        connection.close()

    def mails_to(self, recipient: str) -> list[Got]:
        return [mail for mail in self.got if recipient in mail.recipients]


class BadLine:
    """A line to a port of this machine whose connections are reset after so many bytes, one number after the other; then it is good.

    The first ones may drip instead: a byte now and then, and never a whole line.
    """

    def __init__(self, port: int, *breaks: int, drips: int = 0) -> None:
        self._port, self.breaks, self.drips = port, list(breaks), drips
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        if self.drips > 0:
            self.drips -= 1
            with near, contextlib.suppress(OSError):
                _drip(near)
            return
        left = self.breaks.pop(0) if self.breaks else None
        with near, socket.create_connection(("127.0.0.1", self._port)) as far, contextlib.suppress(OSError):
            other = {near: far, far: near}
            while left is None or left > 0:
                for end in select.select([near, far], [], [])[0]:
                    piece = end.recv(4_096 if left is None else max(1, min(left, 4_096)))
                    if not piece:
                        return
                    other[end].sendall(piece)
                    left = left and left - len(piece)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no farewell


class _Talk:
    def __init__(self, sink: Sink, connection: socket.socket, file) -> None:  # type: ignore[no-untyped-def]
        self.sink, self.connection, self.file = sink, connection, file
        self.login: str | None = None
        self.sender, self.recipients = "", list[str]()

    def say(self, text: str) -> None:
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def run(self) -> None:
        self.heard("220")
        self.say("220 sink")
        while line := self.file.readline():
            word = line[:4].upper().decode("latin-1").strip()
            text = line.decode().strip()
            self.heard(word)
            if word == "QUIT":
                self.say("221 bye")
                return
            if word == "EHLO":
                auth = f"250-AUTH {self.sink.methods}\r\n" if self.sink.logins else ""
                utf8 = "250-SMTPUTF8\r\n" if self.sink.smtputf8 else ""
                self.say(f"250-sink\r\n{auth}250-8BITMIME\r\n{utf8}250 SIZE 100000000")
            elif word == "AUTH":
                self.auth(text.split())
            elif word == "MAIL":
                self.sender = text.split("<")[1].split(">")[0]
                self.recipients = []
                self.sink.senders.append(text)
                self.say(self.sink.sender_answers.get(self.sender, "250 ok"))
            elif word == "RCPT":
                recipient = text.split("<")[1].split(">")[0]
                self.rcpt(recipient)
            elif word == "DATA":
                if not self.data():
                    return
            else:
                self.say("250 ok")

    def heard(self, word: str) -> None:
        if word == self.sink.drip_on:
            _drip(self.connection)

    def rcpt(self, recipient: str) -> None:
        self.sink.rcpts.append(recipient)
        answer = self.sink.answers.get(recipient, "250 ok")
        if answer.startswith("2"):
            self.recipients.append(recipient)
        if recipient not in self.sink.hang_up_on or not answer.startswith("2"):
            self.say(answer)
        if recipient in self.sink.hang_up_on:
            _hang_up(self.connection)

    def auth(self, words: list[str]) -> None:
        if words[1] == "LOGIN":
            user = base64.b64decode(words[2]).decode() if words[2:] else self.asked("Username:")
            secret = self.asked("Password:")
        elif words[1] == "PLAIN":
            _, user, secret = base64.b64decode(words[2]).decode().split("\0")
        else:
            user, secret = re.findall(r"user=(.*?)\x01auth=Bearer (.*?)\x01", base64.b64decode(words[2]).decode())[0]
        if self.sink.logins.get(user) == secret:
            self.login = user
            self.say("235 welcome")
        elif words[1] != "XOAUTH2":
            self.say("535 5.7.8 wrong password")
        else:
            self.say("334 " + base64.b64encode(b'{"status":"401"}').decode())
            self.file.readline()
            self.say("535 5.7.8 wrong token")

    def asked(self, word: str) -> str:
        self.say("334 " + base64.b64encode(word.encode()).decode())
        return base64.b64decode(self.file.readline().strip()).decode()

    def data(self) -> bool:
        self.say("354 go on")
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.sink.delay:
            time.sleep(self.sink.delay)
        answer = self.sink.after_data.get(self.recipients[0], "250 kept")
        if answer.startswith("2"):
            self.sink.got.append(Got(self.sender, tuple(self.recipients), b"".join(lines), self.login))
        if self.sink.before_250:
            self.sink.before_250()
        if self.sink.drop_before_250 > 0:
            self.sink.drop_before_250 -= 1
            _hang_up(self.connection)
            return False
        self.say(answer)
        return True


def _drip(connection: socket.socket) -> None:
    """Until the other side hangs up, which raises OSError."""
    while True:
        connection.sendall(b"2")
        time.sleep(0.05)


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
