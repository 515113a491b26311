"""Every public address, on one page.

    GET /o/TOKEN.gif    a dot: always the GIF
    GET /c/TOKEN        a tracked link: 302 to the destination inside the token, 404 for anything else
    GET ...             what `gets` lists: images of websites
    POST ...            what `posts` lists: requests with a body, which may be empty
    GET ...             what `files` lists: scripts for websites
    GET /healthz        200 while pings can be recorded, else 503 and the reason
    GET /metrics        counters of all streets of this machine

HEAD is answered like GET without a body (and written down: only machines ask so); OPTIONS tells what is allowed; other
methods get 405, other addresses 404. The prefixes /o and /c are settings. What the deny file names is answered as ever,
and nothing of it is kept; of whom the modes file names, no more than it says.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from inkdot.collect.batch import GroupCommit, Waiter
from inkdot.collect.counters import Counters
from inkdot.collect.deny import Deny
from inkdot.collect.files import File
from inkdot.collect.modes import Modes
from inkdot.collect.replies import Replies
from inkdot.collect.request import Lines, Proxies
from inkdot.domain.consent import Mode
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.domain.token import Keyring, Token, TokenKind, destination_of, kind_of
from inkdot.journal.record import NOBODY, encode, encode_with_body

_DAY = 86_400_000_000  # microseconds
_INDIVIDUAL, _HYGIENE, _OFF = int(Mode.INDIVIDUAL), int(Mode.HYGIENE), int(Mode.OFF)
_DOTS = (int(TokenKind.DOT), int(TokenKind.PAGE))
_LINKS = (int(TokenKind.CLICK), int(TokenKind.LINK))
_NOT_IN_TOKEN = re.compile(rb"[^A-Za-z0-9_-]")
_READING = (b"GET", b"HEAD")


class Caller(Waiter, Protocol):
    """Who asked: a connection."""

    peer: bytes
    """The other end, 16 bytes."""

    def answer_in_turn(self, reply: bytes) -> None:
        """Answer at once if nothing earlier is owed, else behind it."""


class Post(Protocol):
    """Hears requests with a body at one address."""

    def __call__(self, caller: Caller, target: bytes, lines: Lines, body: bytes) -> None:
        """Owe `caller` exactly one answer."""


class Get(Protocol):
    """Hears requests without a body at one address."""

    def __call__(self, caller: Caller, method: bytes, target: bytes, lines: Lines) -> None:
        """Owe `caller` exactly one answer."""


class Street:
    """Answers requests: what is heard is written down first."""

    def __init__(
        self,
        keyring: Keyring,
        commit: GroupCommit,
        replies: Replies,
        counters: Counters,
        proxies: Proxies,
        metrics: Callable[[], str],
        deny: Deny,
        modes: Modes,
        prefixes: tuple[str, str] = ("o", "c"),
        files: Mapping[bytes, File] | None = None,
    ) -> None:
        self._check, self._without_person = keyring.check, keyring.without_person
        self._with_day_alone = keyring.with_day_alone
        self._commit, self._replies, self._counters = commit, replies, counters
        self._client, self._metrics = proxies.client, metrics
        self._denied = self.denies = deny.blocks
        self._widest = modes.widest_for
        self._files = files or {}
        self.posts: dict[bytes, Post] = {}
        """By address, without the query."""
        self.gets: dict[bytes, Get] = {}
        """Likewise."""
        self._dot, self._click = (f"/{p}/".encode() for p in prefixes)
        self._get_dot = b"GET " + self._dot
        self._get_dot_length = len(self._get_dot)
        self._dot_length, self._click_length = len(self._dot), len(self._click)
        self._somebodys = keyring.seal(
            Token(TokenKind.DOT, Mode.INDIVIDUAL, WorkspaceId(0), 0, 0, 0, ContactId(0), None, b"")
        )

    def hear(self, caller: Caller, method: bytes, target: bytes, lines: Lines) -> None:
        """Owe `caller` exactly one answer. `lines` are its header lines, judged."""
        if self.takes_body(method, target):
            self.hear_body(caller, target, lines, b"")
        elif method not in _READING:
            self._other_method(caller, method, target)
        elif target.startswith(self._dot):
            text = target.partition(b"?")[0]
            token = self._check(text[self._dot_length : -4]) if text.endswith(b".gif") else None
            self._dot_pinged(caller, method, token, lines)
        elif target.startswith(self._click):
            self._link_clicked(caller, method, target, lines)
        else:
            self._elsewhere(caller, method, target, lines)

    def hear_dot(self, caller: Caller, line: bytes, lines: Lines) -> bool:
        """The same for a request line up to `.gif HTTP/1.1` that no parser has seen; False where one has to see it."""
        if not line.startswith(self._get_dot):
            return False
        text = line[self._get_dot_length :]
        token = self._check(text)
        if token is None and _NOT_IN_TOKEN.search(text):
            return False
        self._dot_pinged(caller, b"GET", token, lines)
        return True

    def takes_body(self, method: bytes, target: bytes) -> bool:
        """True if a body may come with this request."""
        return method == b"POST" and target.partition(b"?")[0] in self.posts

    def hear_body(self, caller: Caller, target: bytes, lines: Lines, body: bytes) -> None:
        """Owe `caller` exactly one answer to a request that `takes_body`."""
        self.post_at(target)(caller, target, lines, body)

    def post_at(self, target: bytes) -> Post:
        """Who hears requests with a body at this address."""
        return self.posts[target.partition(b"?")[0]]

    def answer_later(self, caller: Waiter, reply: bytes) -> None:
        """An answer that needs no record, behind those that do."""
        self._commit.add(caller, reply, reply, b"")

    def _dot_pinged(self, caller: Caller, method: bytes, token: bytes | None, lines: Lines) -> None:
        replies = self._replies
        if method == b"GET":
            reply, unrecorded = replies.gif, replies.gif_unrecorded
        else:
            reply, unrecorded = replies.gif_head, replies.gif_unrecorded_head
        if token is None or kind_of(token) not in _DOTS:
            self._counters.forged += 1
            # The same work as for a genuine one, thrown away: time must not tell which tokens exist.
            self._record(caller, method, self._somebodys, lines)
            self._commit.add(caller, reply, reply, b"")
        else:
            self._counters.dots += 1
            self._commit.add(caller, reply, unrecorded, self._record(caller, method, token, lines))

    def _link_clicked(self, caller: Caller, method: bytes, target: bytes, lines: Lines) -> None:
        token = self._check(target.partition(b"?")[0][self._click_length :])
        if token is None or kind_of(token) not in _LINKS:
            self._counters.forged += 1
            reply = self._not_found(method)
            self._commit.add(caller, reply, reply, b"")
            return
        self._counters.clicks += 1
        destination = destination_of(token)
        reply = self._replies.redirect(destination)
        unrecorded = self._replies.redirect(destination, recorded=False)
        self._commit.add(caller, reply, unrecorded, self._record(caller, method, token, lines))

    def _record(self, caller: Caller, method: bytes, token: bytes, lines: Lines) -> bytes:
        """What may be written down about this ping, framed; nothing if its mode is off."""
        now = time.time_ns() // 1000
        if self._denied(token):
            self._counters.denied += 1
            return b""
        mode = self._widest(token)
        if lines.privacy or mode != _INDIVIDUAL:
            return self._reduced(method, now, token, mode)
        return encode(method, now, self._client(caller.peer, lines.hops), token, lines.kept)

    def _reduced(self, method: bytes, now: int, token: bytes, mode: int) -> bytes:
        if mode == _OFF:
            self._counters.tracking_off += 1
            return b""
        if mode == _INDIVIDUAL:
            self._counters.privacy_signals += 1
        if mode == _HYGIENE and kind_of(token) in _DOTS:
            now -= now % _DAY
            token = self._with_day_alone(token)
        else:
            token = self._without_person(token)
        return encode(method, now, NOBODY, token, b"")

    def record_body(
        self, address: bytes, token: bytes, lines: Lines, target: bytes, body: bytes, *, nobodys: bool
    ) -> bytes:
        """What may be written down of something sent under a genuine token; framed, nothing if it may not be kept.

        `address`: whose it is, as far as addresses are kept. `nobodys`: GPC, DNT or the mode allow no person in it, and the caller
        has left out of `body` what they forbid.
        """
        now = time.time_ns() // 1000
        if self._denied(token):
            self._counters.denied += 1
            return b""
        if nobodys:
            return encode_with_body(b"POST", now, NOBODY, self._without_person(token), b"", target, body)
        return encode_with_body(b"POST", now, address, token, lines.kept, target, body)

    def _not_found(self, method: bytes) -> bytes:
        self._counters.not_found += 1
        return self._replies.text(404, "There is nothing at this address.", head=method == b"HEAD")

    def _elsewhere(self, caller: Caller, method: bytes, target: bytes, lines: Lines) -> None:
        head = method == b"HEAD"
        if target == b"/healthz":
            refused = self._commit.refused
            text = f"The journal cannot be written: {refused}." if refused else "ok"
            caller.answer_in_turn(self._replies.text(503 if refused else 200, text, head=head))
        elif target in self._files:
            file = self._files[target]
            caller.answer_in_turn(
                self._replies.file(file.body, file.headers, fresh=file.etag in lines.kept.split(), head=head)
            )
        elif (address := target.partition(b"?")[0]) in self.gets:
            self.gets[address](caller, method, target, lines)
        elif target == b"/metrics":
            caller.answer_in_turn(self._replies.text(200, self._metrics().rstrip(), head=head))
        elif address in self.posts:
            self._other_method(caller, method, target)
        else:
            caller.answer_in_turn(self._not_found(method))

    def _other_method(self, caller: Caller, method: bytes, target: bytes) -> None:
        if method == b"OPTIONS":
            caller.answer_in_turn(self._replies.options)
        else:
            self._counters.refused += 1
            allowed = "POST, OPTIONS" if target.partition(b"?")[0] in self.posts else "GET, HEAD, OPTIONS"
            text, head = f"What works here: {allowed}.", method == b"HEAD"
            caller.answer_in_turn(self._replies.text(405, text, f"Allow: {allowed}\r\n", head=head))
