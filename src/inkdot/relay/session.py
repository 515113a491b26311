"""One mail program's session: SMTP submission (RFC 5321, 6409), command by command. Every refusal says what to do.

What is wrong with the mail or the client is 5xx, what is wrong with us 4xx, and 250 after a body means: on disk.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
import time
from collections.abc import Awaitable, Callable

from inkdot.relay.desk import Desk, Login
from inkdot.relay.envelope import Envelope
from inkdot.relay.heads import Heads
from inkdot.relay.paths import Path, proper, read_path
from inkdot.relay.spool import Answer, Incoming
from inkdot.relay.wire import Gone, Malformed, TooLong, TooSlow, Wire

_MOST_RECIPIENTS = 500
_MOST_MISTAKES = 10
_MOST_WRONG_PASSWORDS = 3
_STRANGER_SECONDS, _STRANGER_SILENCES = 60.0, 4
"""How long somebody may be there without logging in; also in times the silence that is allowed."""
_ASK_SECONDS = 8.0
_WEB = re.compile(rb"^(GET|POST|PUT|HEAD|CONNECT|OPTIONS) \S+ HTTP/|^(Host|User-Agent):", re.IGNORECASE)


class Session:
    """The state of one connection."""

    def __init__(self, desk: Desk, wire: Wire, *, tls_first: bool = False) -> None:
        self._desk, self._wire, self._tls_first = desk, wire, tls_first
        self._login: Login | None = None
        self._trusted = desk.trusts(wire.peer)
        self._greeted = False
        self.idle = True
        """Between two commands."""
        self._mistakes = self._wrong_passwords = 0
        self._begun = time.monotonic()
        self._sender: str | None = None
        self._utf8 = False
        self._recipients: list[str] = []
        # Each gives its reply, empty where it has said all itself.
        self._commands: dict[str, Callable[[str], Awaitable[str]]] = {
            "EHLO": self._ehlo, "HELO": self._helo, "STARTTLS": self._starttls, "AUTH": self._auth, "MAIL": self._mail,
            "RCPT": self._rcpt, "DATA": self._data, "RSET": self._rset, "NOOP": self._noop, "VRFY": self._vrfy,
            "HELP": self._help,
        }  # fmt: skip

    async def run(self) -> None:
        """From the greeting to the end."""
        try:
            if self._tls_first:
                await self._wire.start_tls(self._desk.tls, self._patience())
            self._say(f"220 {self._desk.name} ESMTP Inkdot")
            while await self._one_command():
                pass
        except Gone:
            pass
        except TooSlow:
            self._say("421 4.4.2 You took too long; connect again when you are ready.")
        except TooLong:
            self._say("500 5.5.2 A line has no end; SMTP lines end with CRLF.")
        except Malformed:
            self._say("500 5.5.2 Lines must end with CRLF, and no bare CR, bare LF or NUL may stand in them.")
        except asyncio.CancelledError:
            self._say("421 4.3.2 This server is stopping; try again in a minute.")
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost one session, not the door
            self._desk.log("session_failed", error=repr(error))
            self._say("421 4.3.0 Something went wrong here; nothing was taken, so please try again.")
        finally:
            self._wire.close()

    def _say(self, reply: str) -> None:
        self._wire.write(reply.encode("utf-8", "replace") + b"\r\n")

    @property
    def _known(self) -> bool:
        return self._trusted or self._login is not None

    def _patience(self) -> float:
        """Seconds that we wait for the client. Raises TooSlow where a stranger had his time, however much he says."""
        if self._known:
            return self._desk.patience
        left = self._begun + min(_STRANGER_SECONDS, _STRANGER_SILENCES * self._desk.patience) - time.monotonic()
        if left <= 0:
            raise TooSlow
        return min(self._desk.patience, left)

    async def _one_command(self) -> bool:
        """Hear and answer one command; False if it was the last."""
        if self._desk.stopping:
            raise asyncio.CancelledError
        line = await self._wire.line(self._patience())
        self.idle = False
        if _WEB.match(line):
            self._say("421 5.7.0 This is a mail server, not a web server.")
            return False
        word, _, rest = line.decode("utf-8", "surrogateescape").partition(" ")
        if word.upper() == "QUIT":
            self._say("221 2.0.0 Goodbye.")
            return False
        command = self._commands.get(word.upper())
        reply = await command(rest.strip()) if command else "500 5.5.2 There is no such command here."
        if reply:
            self._say(reply)
            await self._wire.drained(self._patience())
        self.idle = True
        self._mistakes += reply.startswith("5")
        if self._mistakes >= _MOST_MISTAKES or self._wrong_passwords >= _MOST_WRONG_PASSWORDS:
            self._say("421 4.7.0 Too many mistakes; check your settings and connect again.")
            return False
        return True

    # -- who is there

    async def _ehlo(self, name: str) -> str:
        if not name:
            return "501 5.5.4 Say who you are: EHLO your.name."
        self._greeted = True
        self._forget_mail()
        lines = [self._desk.name, "PIPELINING", f"SIZE {self._desk.max_bytes}", "8BITMIME", "SMTPUTF8"]
        lines.append("ENHANCEDSTATUSCODES")
        if not self._wire.secure:
            lines.append("STARTTLS")
        if self._may_auth():
            lines.append("AUTH PLAIN LOGIN")
        return "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])

    async def _helo(self, name: str) -> str:
        if not name:
            return "501 5.5.4 Say who you are: HELO your.name."
        self._greeted = True
        self._forget_mail()
        return f"250 {self._desk.name}"

    def _may_auth(self) -> bool:
        return self._wire.secure or self._desk.loopback(self._wire.peer)

    async def _starttls(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 STARTTLS takes no argument."
        if self._wire.secure:
            return "503 5.5.1 TLS is already on."
        self._say("220 2.0.0 Go ahead with TLS.")
        await self._wire.start_tls(self._desk.tls, self._patience())
        self._greeted, self._login = False, None
        self._forget_mail()
        return ""

    async def _auth(self, argument: str) -> str:
        if not self._greeted:
            return "503 5.5.1 Say EHLO first."
        if not self._may_auth():
            return "538 5.7.11 Passwords are taken over TLS only: say STARTTLS first."
        if self._login or self._sender is not None:
            return "503 5.5.1 AUTH comes once, before MAIL."
        now = time.monotonic()
        if self._desk.limits.locked(self._wire.peer, now):
            return "454 4.7.0 Too many wrong passwords came from your address; try again in ten minutes."
        try:
            given = await self._credentials(argument)
        except ValueError as error:
            return f"501 5.5.2 {error}"
        result = await asyncio.to_thread(self._desk.login, *given)
        if isinstance(result, Login):
            self._login = result
            return "235 2.7.0 Welcome."
        if result.reply.startswith("535"):
            self._desk.limits.wrong_password(self._wire.peer, now)
            self._wrong_passwords += 1
            self._desk.log("wrong_password", peer=self._wire.peer)
            await asyncio.sleep(0.5)
        return result.reply

    async def _credentials(self, argument: str) -> tuple[str, str]:
        """User and password; raises ValueError with a sentence."""
        method, _, first = argument.partition(" ")
        if method.upper() == "PLAIN":
            parts = (await self._decoded(first.strip() or None, "")).split("\0")
            if len(parts) != 3 or not parts[1]:
                raise ValueError("AUTH PLAIN takes user and password with NULs between.")
            return parts[1], parts[2]
        if method.upper() == "LOGIN":
            user = await self._decoded(first.strip() or None, "VXNlcm5hbWU6")
            return user, await self._decoded(None, "UGFzc3dvcmQ6")
        raise ValueError("Use AUTH PLAIN or AUTH LOGIN.")

    async def _decoded(self, given: str | None, challenge: str) -> str:
        if given is None:
            self._say(f"334 {challenge}")
            given = (await self._wire.line(self._patience())).decode("ascii", "replace")
        if given == "*":
            raise ValueError("Cancelled.")
        if given == "=":
            return ""
        try:
            return base64.b64decode(given, validate=True).decode()
        except (binascii.Error, ValueError):
            raise ValueError("This is no base64.") from None

    # -- one mail

    def _forget_mail(self) -> None:
        self._sender = None
        self._recipients = []

    async def _mail(self, argument: str) -> str:
        if not self._greeted:
            return "503 5.5.1 Say EHLO first."
        if not self._known:
            return (
                "530 5.7.0 Log in first, with the user and password that 'inkdot relay account add' gave you."
                if self._may_auth()
                else "530 5.7.0 Say STARTTLS first, then log in."
            )
        if self._sender is not None:
            return "503 5.5.1 MAIL was given already; say RSET to begin anew."
        path = read_path(argument, "FROM")
        if path is None:
            return "501 5.5.4 Write it like MAIL FROM:<ada@example.com>."
        sender = path.address
        if sender and not proper(sender):
            return "501 5.1.7 The sender is no mail address."
        if problem := self._option_problem(path):
            return problem
        if sender and not await self._may_send_as(sender):
            return (
                f"550 5.7.1 The account {self._account} may not send as {sender}; add it with 'inkdot relay account'."
            )
        self._sender = sender
        self._utf8 = any(name == "SMTPUTF8" for name, _ in path.options)
        return "250 2.1.0 Sender taken."

    def _option_problem(self, path: Path) -> str | None:
        for name, value in path.options:
            if name == "SIZE":
                if not value.isdigit():
                    return "501 5.5.4 SIZE takes a number."
                if int(value) > self._desk.max_bytes:
                    return self._too_large()
            elif name == "BODY":
                if value.upper() not in ("7BIT", "8BITMIME"):
                    return "501 5.5.4 BODY is 7BIT or 8BITMIME here."
            elif name not in ("SMTPUTF8", "AUTH"):
                return f"555 5.5.4 The option {name[:40]} is not known here."
        return None

    def _too_large(self) -> str:
        return f"552 5.3.4 The mail is too large; {self._desk.max_bytes // 1_048_576} MiB are taken here."

    @property
    def _account(self) -> str:
        return self._login.account if self._login else ""

    async def _may_send_as(self, address: str) -> bool:
        if self._login is None or self._login.sealed:  # a trusted network; or the upstream judges its own users
            return True
        return bool(await asyncio.to_thread(self._desk.may_send_as, self._login.account, address))

    async def _rcpt(self, argument: str) -> str:
        if self._sender is None:
            return "503 5.5.1 Say MAIL first."
        path = read_path(argument, "TO")
        if path is None:
            return "501 5.5.4 Write it like RCPT TO:<ben@example.com>."
        recipient = path.address
        if path.options:
            return f"555 5.5.4 The option {path.options[0][0][:40]} is not known here."
        if not proper(recipient):
            return "501 5.1.3 The recipient is no mail address."
        if recipient in self._recipients:
            return "250 2.1.5 Recipient taken."
        if len(self._recipients) >= _MOST_RECIPIENTS:
            return f"452 4.5.3 A mail goes to {_MOST_RECIPIENTS} recipients at the most; send it again to the others."
        if self._login and not self._desk.limits.may_send(self._login.account, time.monotonic()):
            return "450 4.7.1 This account has sent its share for an hour; try again later."
        refused = await self._asked(recipient)
        if refused:
            self._desk.log("recipient_refused", code=refused.code)
            return f"{refused.code} {refused.text}"
        self._recipients.append(recipient)
        return "250 2.1.5 Recipient taken."

    async def _asked(self, recipient: str) -> Answer | None:
        """The upstream's refusal. If it cannot say in time the mail is taken: the report will tell."""
        sealed = self._login.sealed if self._login else None
        asking = asyncio.to_thread(self._desk.ask, self._sender or "", recipient, sealed)
        try:
            return await asyncio.wait_for(asking, _ASK_SECONDS)
        except TimeoutError:
            return None

    async def _data(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 DATA takes no argument."
        if self._sender is None or not self._recipients:
            return "503 5.5.1 Say MAIL and RCPT first; at least one recipient must be taken."
        envelope = Envelope(
            self._desk.fresh_id(), int(time.time()), self._sender, tuple(self._recipients),
            self._account or None, self._login.sealed if self._login else None, utf8=self._utf8,
        )  # fmt: skip
        self._forget_mail()
        try:
            incoming = self._desk.spool.begin(envelope)
        except OSError as error:
            return self._not_kept(error)
        try:
            return await self._taken_in(incoming)
        except BaseException:
            incoming.discard()
            raise

    async def _taken_in(self, incoming: Incoming) -> str:
        """The body, checked and kept."""
        body = _Body(incoming, self._desk.max_bytes)
        self._say("354 Send the mail; end it with a dot on a line of its own.")
        try:
            await self._wire.body(body.take, self._desk.patience)
            refusal = await self._body_problem(body)
        except Malformed:
            refusal = "554 5.6.0 Lines must end with CRLF, and no bare CR, bare LF or NUL may stand in a mail."
        if refusal:
            incoming.discard()
            return refusal
        try:
            await _to_its_end(incoming.keep)
        except OSError as error:
            return self._not_kept(error)
        self._desk.accepted(incoming.name)
        return f"250 2.0.0 Kept as {incoming.name}."

    async def _body_problem(self, body: _Body) -> str | None:
        if body.size > self._desk.max_bytes:
            return self._too_large()
        if body.trouble:
            return self._not_kept(body.trouble)
        if problem := body.heads.problem():
            return problem
        for address in body.heads.senders():
            if not await self._may_send_as(address):
                return f"550 5.7.1 The account {self._account} may not send as {address}, which the From header names."
        return None

    def _not_kept(self, error: OSError) -> str:
        self._desk.log("spool_failed", error=str(error))
        return "452 4.3.1 The mail could not be written to disk here; nothing was kept, so try again later."

    # -- the rest

    async def _rset(self, _: str) -> str:
        self._forget_mail()
        return "250 2.0.0 Forgotten."

    async def _noop(self, _: str) -> str:
        return "250 2.0.0 Nothing done."

    async def _vrfy(self, _: str) -> str:
        return "252 2.5.0 Addresses are not looked up here; send the mail and see."

    async def _help(self, _: str) -> str:
        return (
            "214 2.0.0 EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, RSET, NOOP, QUIT. See the relay part of Inkdot's docs."
        )


async def _to_its_end(work: Callable[[], None]) -> None:
    """Wait until it is done, even if the session is to end: a mail that is kept must not be called refused."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


class _Body:
    """Where the pieces of a body go: to disk, with an eye on its headers and its size."""

    def __init__(self, incoming: Incoming, max_bytes: int) -> None:
        self._incoming, self._max_bytes = incoming, max_bytes
        self.size = 0
        self.trouble: OSError | None = None
        self.heads = Heads()

    def take(self, piece: bytes) -> None:
        """Keep on hearing after the first trouble, so that the client hears its answer at the end."""
        self.size += len(piece)
        self.heads.take(piece)
        if self.trouble or self.size > self._max_bytes:
            return
        try:
            self._incoming.write(piece)
        except OSError as error:
            self.trouble = error
