"""The way to an upstream server: connections that are kept for the next mail, and one copy handed over at a time."""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from inkdot.domain.contact import wire_address
from inkdot.patience import left
from inkdot.relay.route import LoginBy, Route, Tls
from inkdot.relay.server import Server, TlsServer
from inkdot.relay.spool import Answer

_SECONDS = 60.0
_TIMES_AT_END = 10
"""Servers look into a mail before they take it. Who does not wait for that (RFC 5321 4.5.3.2.6) sends it twice."""
_SLOWEST = 8_192
"""Bytes a second below which a mail is not worth its line."""
_IDLE_SECONDS = 20.0
_MOST_MAILS = 200
"""Mails over one connection; servers like to see a new one now and then."""
_CHUNK = 1 << 16
_FIRST_PAUSE, _LAST_PAUSE = 5.0, 300.0


class Credentials(NamedTuple):
    """A user and what proves it."""

    user: str
    secret: str


class Unreachable(Exception):
    """No server, no TLS or no login: nothing was said about any mail. The text says why."""


class WrongPassword(Unreachable):
    """The server does not take these credentials."""


class Line:
    """A connection that is logged in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.mails = 0
        self.used = time.monotonic()

    @property
    def stale(self) -> bool:
        """Better not used again."""
        return self.mails >= _MOST_MAILS or time.monotonic() - self.used > _IDLE_SECONDS

    def hand_over(
        self, sender: str, recipient: str, pieces: list[bytes], before_end: Callable[[], None] = lambda: None,
        *, utf8: bool = False,
    ) -> Answer:  # fmt: skip
        """One copy, its pieces ending with whole lines. A broken connection gives code 0: who has the mail is then unknown.

        Until `before_end` is called the server cannot have the mail; from then on it may. `utf8`: header lines hold more
        than ASCII, and somebody was promised that they may.
        """
        try:
            refused = self._envelope(sender, recipient, pieces, utf8=utf8)
            if refused:
                return refused
            code, text = self.server.docmd("DATA")
            if code != 354:
                return self._undone(_answer(code, text))
            seconds = self.server.seconds + sum(map(len, pieces)) / _SLOWEST
            deadline = time.monotonic() + seconds
            for piece in pieces:
                self._send(piece, deadline)
            before_end()
            self.server.send(b".\r\n")
            code, text = self.server.getreply(_TIMES_AT_END)
            self.mails += 1
            self.used = time.monotonic()
            return _answer(code, text)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Answer(0, f"The connection broke: {_reason(error)}")

    def refusal(self, sender: str, recipient: str) -> Answer | None:
        """What the server says against a recipient before any mail."""
        try:
            refused = self._envelope(sender, recipient, [])
            if refused is None:
                self.server.rset()
            self.used = time.monotonic()
        except (OSError, smtplib.SMTPException):
            self.close()
            return None
        return refused if refused and refused.refused else None

    def _envelope(self, sender: str, recipient: str, pieces: list[bytes], *, utf8: bool = False) -> Answer | None:
        """MAIL and RCPT; None if both were taken."""
        sender, recipient = wire_address(sender), wire_address(recipient)
        size = sum(map(len, pieces))
        options = [f"SIZE={size}"] if size and self.server.has_extn("size") else []
        if self.server.has_extn("8bitmime") and not all(piece.isascii() for piece in pieces):
            options.append("BODY=8BITMIME")
        if utf8 or not (sender + recipient).isascii():
            if not self.server.has_extn("smtputf8"):
                return Answer(553, "5.6.7 The mail server knows no addresses and headers beyond ASCII (SMTPUTF8).")
            options.append("SMTPUTF8")
            self.server.command_encoding = "utf-8"
        code, text = self.server.docmd("MAIL", " ".join([f"FROM:<{sender}>", *options]))
        if not 200 <= code < 300:
            return self._undone(_answer(code, text))
        code, text = self.server.docmd("RCPT", f"TO:<{recipient}>")
        return None if 200 <= code < 300 else self._undone(_answer(code, text))

    def _undone(self, answer: Answer) -> Answer:
        """What was said counts, also where the server hangs up behind it."""
        try:
            if answer.code != 421:
                self.server.rset()
                return answer
        except (OSError, smtplib.SMTPException):
            pass
        self.close()
        return answer

    def _send(self, content: bytes, deadline: float) -> None:
        """Lines in pieces, their ends as CRLF and their dots stuffed, without a second copy of the whole."""
        at, crlf = 0, content.count(b"\n") == content.count(b"\r\n")
        while at < len(content):
            end = content.find(b"\n", at + _CHUNK) + 1 or len(content)
            piece = content[at:end] if crlf else re.sub(rb"\r?\n", b"\r\n", content[at:end])
            left(deadline)
            self.server.send(re.sub(rb"(?m)^\.", b"..", piece))
            at = end
        if content and not content.endswith(b"\n"):
            self.server.send(b"\r\n")

    def close(self) -> None:
        """Hang up, politely if possible."""
        self.used = float("-inf")
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if self.server.sock:
                self.server.sock.settimeout(2)
            self.server.quit()
        self.server.close()


class Upstream:
    """One route with its open lines. Threads share it; each takes a line for itself."""

    def __init__(
        self, route: Route, name: str, connections: int, token: Callable[[str], str] | None = None, seconds: float = _SECONDS,
    ) -> None:  # fmt: skip
        """`name` is what we call ourselves; `token` gives an OAuth access token other than a refused one, or raises Unreachable.

        No more than `connections` mails are on their way at once: providers count. `seconds` are for each answer.
        """
        self.route, self._seconds = route, seconds
        self._room = threading.BoundedSemaphore(connections)
        self._name, self._token = name, token
        self._worked = ""
        """The token of the last login that worked."""
        self._lines: dict[Credentials | None, list[Line]] = {}
        self._turn = threading.Lock()
        self._pause, self._why = 0.0, ""
        self.rests_until = 0.0
        """Monotonic time before which no new connection is tried, because the last one failed."""

    @contextlib.contextmanager
    def line(self, credentials: Credentials | None = None, patience: float = _SECONDS) -> Iterator[Line]:
        """A line for one mail, waited for so many seconds. Raises Unreachable."""
        if not self._room.acquire(timeout=patience):
            raise Unreachable(f"All connections to {self.route.shown} are busy.")
        try:
            line = self._kept(credentials) or self._opened(credentials)
            try:
                yield line
            except BaseException:
                line.close()
                raise
            self._put_back(line, credentials)
        finally:
            self._room.release()

    def _put_back(self, line: Line, credentials: Credentials | None) -> None:
        if line.stale:
            line.close()
        else:
            with self._turn:
                self._lines.setdefault(credentials, []).append(line)

    def check(self, credentials: Credentials) -> None:
        """Raises WrongPassword or Unreachable."""
        with self.line(credentials):
            pass

    def close_idle(self) -> None:
        """Hang up where nothing was to be done for a while."""
        with self._turn:
            stale = [line for lines in self._lines.values() for line in lines if line.stale]
            self._lines = {c: k for c, lines in self._lines.items() if (k := [x for x in lines if x not in stale])}
        for line in stale:
            line.close()

    def _kept(self, credentials: Credentials | None) -> Line | None:
        with self._turn:
            lines = self._lines.get(credentials, [])
            line = lines.pop() if lines else None
        if line and line.stale:
            line.close()
            return None
        return line

    def _opened(self, credentials: Credentials | None) -> Line:
        if time.monotonic() < self.rests_until:
            raise Unreachable(self._why)
        try:
            line = Line(self._logged_in(self._connected(), credentials))
        except WrongPassword as error:
            if credentials is None:  # ours: every mail will meet the same answer
                self._rest(error)
            raise
        except Unreachable as error:
            self._rest(error)
            raise
        self._pause = self.rests_until = 0.0
        return line

    def _rest(self, error: Unreachable) -> None:
        self._why = str(error)
        self._pause = min(_LAST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
        self.rests_until = time.monotonic() + self._pause

    def _connected(self) -> Server:
        route = self.route
        try:
            if route.tls is Tls.IMPLICIT:
                context = ssl.create_default_context()
                server: Server = TlsServer(route.host, route.port, self._name, self._seconds, context=context)
            else:
                server = Server(route.host, route.port, self._name, self._seconds)
            server.ehlo_or_helo_if_needed()
            self._secure(server)
        except (OSError, smtplib.SMTPException) as error:
            raise Unreachable(f"{route.shown} cannot be reached: {_reason(error)}") from error
        assert server.sock
        server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    def _secure(self, server: smtplib.SMTP) -> None:
        tls = self.route.tls
        if tls in (Tls.IMPLICIT, Tls.OFF) or (tls is Tls.IF_OFFERED and not server.has_extn("starttls")):
            return
        if not server.has_extn("starttls"):
            raise smtplib.SMTPException("it offers no TLS; add ?tls=off to the upstream if you mean that")
        context = ssl.create_default_context()
        if tls is not Tls.STARTTLS:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        server.starttls(context=context)
        server.ehlo()

    def _logged_in(self, server: Server, given: Credentials | None) -> Server:
        route = self.route
        try:
            if route.login is LoginBy.XOAUTH2 and self._token:
                return self._by_token(server, route.user or "", self._token)
            if given:
                server.login(given.user, given.secret)
            elif route.login is LoginBy.PASSWORD:
                server.login(route.user or "", route.password or "")
        except smtplib.SMTPAuthenticationError as error:
            server.close()
            text = _answer(error.smtp_code, error.smtp_error)
            # 454 and the like: the server's trouble, not the password's.
            kind = WrongPassword if text.refused else Unreachable
            raise kind(f"{route.shown} does not take the login: {text.code} {text.text}") from error
        except (OSError, smtplib.SMTPException) as error:
            server.close()
            raise Unreachable(f"{route.shown} could not log in: {_reason(error)}") from error
        except Unreachable:  # no token
            server.close()
            raise
        return server

    def _by_token(self, server: Server, user: str, token: Callable[[str], str]) -> Server:
        """Logged in; with a new token where one that worked before does not any more: revoked, or the machine slept."""
        access = token("")
        try:
            self._xoauth2(server, user, access)
        except smtplib.SMTPAuthenticationError:
            if access != self._worked:
                raise
            server.close()  # many servers hang up after a refusal anyway
            access = token(access)
            server = self._connected()
            try:
                self._xoauth2(server, user, access)
            except (OSError, smtplib.SMTPException):
                server.close()
                raise
        self._worked = access
        return server

    @staticmethod
    def _xoauth2(server: smtplib.SMTP, user: str, token: str) -> None:
        def answer(challenge: bytes | None = None) -> str:
            # A challenge is the server's reason for a refusal; an empty line asks for the refusal itself.
            return "" if challenge else f"user={user}\x01auth=Bearer {token}\x01\x01"

        server.auth("XOAUTH2", answer, initial_response_ok=True)


def _answer(code: int, text: bytes | str) -> Answer:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return Answer(max(0, code), re.sub(r"[\x00-\x1f\x7f]+", " ", said).strip()[:500])


def _reason(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return re.sub(r"[\x00-\x1f\x7f]+", " ", words)[:300]
