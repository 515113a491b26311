"""One connection at the street door: bytes in, whole requests out, answers in the order of the questions.

llhttp (httptools) judges the syntax; this file finds where a head ends, hands whole requests to the street, and keeps the
limits. It reads bodies of a stated length for the few addresses that take one; elsewhere a body is refused and the
connection closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from inkdot.collect.handover import Errand
from inkdot.collect.house import House, Usual, UsualPost, without_length
from inkdot.collect.request import Lines, packed

_HEAD_END = b"\r\n\r\n"
_GIF = b".gif"
_DOT_END = _GIF + b" HTTP/1.1\r\n"
_LONGEST_DOT = 600
_NO_ADDRESS = bytes(16)
_HANDED_OVER = (b"GET", b"HEAD", b"POST")


class _Turn:
    """Waits for its turn among answers that are owed."""

    def __init__(self, come: Callable[[], None]) -> None:
        self._come = come

    def answer(self, _reply: bytes) -> None:
        self._come()


class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_away",
        "_buffer",
        "_closing",
        "_errand",
        "_full",
        "_head",
        "_heard",
        "_house",
        "_last",
        "_lines",
        "_missing",
        "_owed",
        "_parser",
        "_paused",
        "_since",
        "_target",
        "_transport",
        "peer",
    )

    _transport: asyncio.Transport
    _head: bytes
    """The head whose body is being read."""
    _lines: Lines
    """Its lines."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._buffer = b""
        self._owed = 0
        self._closing = self._paused = self._last = self._full = False
        self._away: bytes | None = None
        self._errand: Errand | None = None
        self._heard = self._missing = 0
        self._target = b""
        self._since = house.now
        self._parser: HttpRequestParser | None = None
        self.peer = _NO_ADDRESS

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the crowd, or be refused."""
        house = self._house
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports only look like asyncio's
        name = transport.get_extra_info("peername")
        self.peer = (packed(name[0]) if name else None) or _NO_ADDRESS
        house.counters.connections += 1
        house.admit(self)
        if not house.crowd_exempt(self.peer) and not house.crowd.enter(self.peer, self):
            house.counters.refused += 1
            self._refuse(503, "Too many connections from your address.")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave the crowd."""
        self._closing = True
        self._house.connections.pop(self, None)
        self._house.crowd.leave(self.peer, self)
        if self._errand:
            self._errand.abandon()

    def eof_received(self) -> bool:
        """The client has sent all it wants; it may still wait for answers."""
        self._finish_after_answers()
        return True

    def data_received(self, data: bytes) -> None:
        """Hand every whole request to the street."""
        if self._closing or (not self._buffer and self._as_usual(data)):
            return
        if self._away is not None and not self._missing:
            self._buffer += data  # was on its way before reading was paused
        elif not self._buffer and not self._missing and 0 <= data.find(_HEAD_END) == len(data) - 4:
            self._request(data)  # as nearly all come: one whole head
        else:
            self._pieces(self._buffer + data)

    def _as_usual(self, data: bytes) -> bool:
        """Hear a request whose header lines the parser took before, word for word; False where it has to judge."""
        house = self._house
        if self._missing or self._away is not None or house.draining:
            return False
        is_post = data.startswith(b"P")
        usual = self._post_as_usual(data) if is_post else self._dot_as_usual(data)
        if usual is None:
            return False
        house.counters.requests += 1
        self._owed += 1
        self._target = _DOT_END
        if usual.last:
            self._finish_after_answers()
        return True

    def _dot_as_usual(self, data: bytes) -> Usual | None:
        # The parser's work is known beforehand: the token has no character but its own, the rest is the same.
        end = data.find(_DOT_END, 0, _LONGEST_DOT)
        usual = self._house.usual.get(data[end:]) if end >= 0 else None
        return usual if usual and self._house.street.hear_dot(self, data[:end], usual.lines) else None

    def _post_as_usual(self, data: bytes) -> UsualPost | None:
        # Here only the body and its length are new, and it is the whole body.
        house, end = self._house, data.find(_HEAD_END) + len(_HEAD_END)
        length = len(data) - end
        head = without_length(data, end, length)
        usual = house.usual_posts.get(head) if head and length <= house.limits.body_bytes else None
        if usual:
            usual.hear(self, usual.target, usual.lines, data[end:])
        return usual

    def _pieces(self, data: bytes) -> None:
        """Several requests, or part of one."""
        while data and not self._closing:
            if self._missing:
                data = self._body_of(data)
                continue
            end = data.find(_HEAD_END) + 4
            if end < 4:
                self._keep_for_later(data)
                return
            self._request(data[:end])
            data = data[end:]
            self._buffer = b""
            if data and self._owed >= self._house.limits.pipelined:
                self._pause()
            if data and self._paused:
                self._buffer = data
                return

    def _keep_for_later(self, data: bytes) -> None:
        if not self._buffer:
            self._since = self._house.now
        self._buffer = data
        if len(data) > self._house.limits.head_bytes:
            self._house.counters.too_large += 1
            self._refuse(431, "The request's head is too large.")

    # -- httptools

    def on_url(self, url: bytes) -> None:
        """The target of a request."""
        self._target += url

    def on_message_complete(self) -> None:
        """The end of a request; the parser forgets right after it whether the connection is to be kept."""
        self._heard += 1
        assert self._parser
        self._last = not self._parser.should_keep_alive()

    # -- requests

    def _request(self, head: bytes) -> None:
        """Judge one head and hand it over."""
        house = self._house
        parser = self._parser = self._parser or HttpRequestParser(self)
        self._target, self._heard = b"", 0
        try:
            parser.feed_data(head)
        except HttpParserUpgrade:
            self._last = True
        except HttpParserError:
            house.counters.refused += 1
            self._refuse(400, "This is not a request that can be understood.")
            return
        lines = house.judge(head[head.index(b"\n") + 1 : -2])
        if len(head) > house.limits.head_bytes:
            house.counters.too_large += 1
            self._refuse(431, "The request's head is too large.")
        elif self._goes_away(parser.get_method()):
            self._away, self._lines = head, lines
            if self._heard:
                self._hand_over(b"")
            else:
                self._expect_body(lines)
        elif lines.body and not self._heard and house.street.takes_body(parser.get_method(), self._target):
            self._head = head
            self._expect_body(lines)
        elif self._heard != 1 or lines.body:
            house.counters.refused += 1
            self._refuse(413 if self._heard < 2 else 400, "This address takes no request bodies.")
        else:
            house.counters.requests += 1
            self._owed += 1
            end = head.find(_DOT_END)
            if head[:end] + _GIF == b"GET " + self._target:
                house.remember(head[end:], lines, last=self._last)
            house.street.hear(self, parser.get_method(), self._target, lines)
            if self._last or house.draining:
                self._finish_after_answers()

    def _expect_body(self, lines: Lines) -> None:
        house, length = self._house, lines.length
        if length is None:
            house.counters.refused += 1
            self._refuse(411, "Send the body with a Content-Length.")
        elif length > house.limits.body_bytes:
            house.counters.too_large += 1
            self._refuse(413, f"The body is larger than {house.limits.body_bytes} bytes; send less at once.")
        else:
            self._lines, self._missing, self._since = lines, length, house.now

    def _body_of(self, data: bytes) -> bytes:
        """Hand over the request if its body is whole; returns what follows it, nothing if more must come first."""
        length, house = self._missing, self._house
        if len(data) < length:
            self._buffer = data
            return b""
        body, self._buffer, self._missing = data[:length], b"", 0
        assert self._parser
        self._parser.feed_data(body)
        if self._away is not None:
            self._hand_over(body)
            self._buffer = data[length:]
            return b""
        house.remember_post(self._head, self._target, self._lines, last=self._last)
        house.counters.requests += 1
        self._owed += 1
        house.street.hear_body(self, self._target, self._lines, body)
        if self._last or house.draining:
            self._finish_after_answers()
        return data[length:]

    # -- what another process answers

    def _goes_away(self, method: bytes) -> bool:
        handover = self._house.handover
        return handover is not None and method in _HANDED_OVER and handover.takes(self._target)

    def _hand_over(self, body: bytes) -> None:
        """Hand the request `_away` over; nothing further is read until its answer was passed on."""
        self._house.counters.requests += 1
        self._owed += 1
        self._pause()
        if self._last or self._house.draining:
            self._closing = True
        turn = _Turn(lambda: self._set_out(body))
        if self._owed == 1:
            turn.answer(b"")
        else:
            self._house.street.answer_later(turn, b"")  # behind what is owed

    def _set_out(self, body: bytes) -> None:
        if not self._transport.is_closing():
            assert self._house.handover
            assert self._away is not None
            self._errand = self._house.handover.begin(self, self._away, self._lines.hops, body)

    @property
    def last(self) -> bool:
        """Nothing more is wanted after this answer."""
        return self._closing

    def pass_on(self, data: bytes) -> bool:
        """Send part of an answer; False if the client takes no more just now."""
        self._transport.write(data)
        return not self._full

    def passed_on(self) -> None:
        """The whole answer was passed on."""
        self._away = self._errand = None
        self._owed -= 1
        if self._closing:
            self._transport.close()
        else:
            self._go_on()

    def fall(self) -> None:
        """The answer broke off."""
        self._away = self._errand = None
        self._transport.abort()

    def refuse(self, status: int, text: str) -> None:
        """Answer with a sentence instead."""
        self._away = self._errand = None
        self.answer(self._house.replies.text(status, text))

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._full = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._full = False
        if self._errand:
            self._errand.go_on()

    # -- answers

    def answer(self, reply: bytes) -> None:
        """Send the answer to the oldest open request."""
        self._owed -= 1
        transport = self._transport
        if not self._closing:
            transport.write(reply)
            if not self._paused:
                self._since = self._house.now
            elif self._away is None:
                self._go_on()
        elif transport.is_closing():
            return
        elif self._owed:
            transport.write(reply)
        else:
            transport.write(reply.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            transport.close()

    def _pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _go_on(self) -> None:
        self._since = self._house.now
        self._paused = False
        self._transport.resume_reading()
        data, self._buffer = self._buffer, b""
        self._pieces(data)

    def answer_in_turn(self, reply: bytes) -> None:
        """Send an answer that needs no record, behind those that do."""
        if self._owed == 1:
            self.answer(reply)
        else:
            self._house.street.answer_later(self, reply)

    def _finish_after_answers(self) -> None:
        self._closing = True
        if not self._owed and not self._transport.is_closing():
            self._transport.close()

    def _refuse(self, status: int, text: str) -> None:
        """Say why and close, once what is owed was sent."""
        self._owed += 1
        self._closing = True
        self._buffer, self._missing = b"", 0
        self.answer_in_turn(self._house.replies.text(status, text))

    # -- limits

    def is_waiting(self) -> bool:
        """True while no answer is owed."""
        return not self._owed

    def overdue(self, now: float) -> bool:
        """True if the client was silent for too long."""
        limits = self._house.limits
        patience = limits.header_seconds if self._buffer or self._missing or not self._target else limits.idle_seconds
        return not self._owed and now - self._since > patience

    def give_up(self) -> None:
        """Close for silence; say so to who began a request."""
        if self._buffer or self._missing:
            self._refuse(408, "The request did not arrive in time.")
        else:
            self.let_go()

    def let_go(self) -> None:
        """Close without a word."""
        self._closing = True
        self._transport.close()
