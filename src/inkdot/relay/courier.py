"""The courier: takes mails from the spool to their upstream, again and again if need be, and reports what cannot be delivered.

One thread has a mail at a time. What an upstream said about a recipient is on disk before the next recipient is tried, so a
kill repeats at most the one copy whose 250 was not written down yet.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from inkdot.domain.ids import MessageId
from inkdot.domain.message import Message
from inkdot.relay.copies import Copies
from inkdot.relay.envelope import Envelope
from inkdot.relay.report import Undelivered, report
from inkdot.relay.spool import Answer, Spool, Waiting
from inkdot.relay.upstream import Credentials, Line, Unreachable, Upstream

_LONGEST_PAUSE = 4 * 3_600.0
_TROUBLE_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_SET_BACK_SECONDS = 60.0


class Result(NamedTuple):
    """What became of one recipient's copy."""

    recipient: str
    state: str
    """As `store/post.py` names it."""
    answer: Answer | None
    left_alone: str | None


class Office(Protocol):
    """What the courier needs of the rest of the house; every call may raise, and the mail then waits."""

    def copies(self, source: bytes, envelope: Envelope) -> Copies:
        """The maker of copies."""

    def begun(self, message: Message, list_name: str | None, *, again: bool) -> None:
        """Keep the mail before any copy of it leaves; `again` if that was done before."""

    def copy(self, copies: Copies, recipient: str) -> tuple[list[bytes], str | None]:
        """The pieces of a recipient's copy, and why it is not marked."""

    def told(self, message: MessageId, results: list[Result]) -> None:
        """Keep what became of copies; refused ones bounced."""

    def credentials(self, sealed: str) -> Credentials:
        """Open a mail program's sealed login."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to try again, and when to give up; seconds."""

    first_pause: float = 300.0
    give_up_after: float = 5 * 86_400.0

    def pause(self, tries: int) -> float:
        """After so many tries."""
        return min(_LONGEST_PAUSE, self.first_pause * 2.0 ** min(tries, 20))


@dataclass(order=True, slots=True)
class _Due:
    at: float
    name: str


@dataclass(slots=True)
class _Round:
    """One try of one mail."""

    results: list[Result] = field(default_factory=list)
    undelivered: list[Undelivered] = field(default_factory=list)
    trouble: Answer | None = None
    """Why something is left to try."""
    stumbled: dict[str, Answer] = field(default_factory=dict)
    """Recipients for whom we failed ourselves to make a copy."""


@dataclass(slots=True)
class _Ahead:
    """What is known of a mail in the spool, and could not be written down there yet."""

    begun: bool = False
    served: dict[str, Result] = field(default_factory=dict)


class Courier:
    """Threads that empty the spool."""

    def __init__(
        self, spool: Spool, upstream: Callable[[str], Upstream], office: Office, schedule: Schedule, name: str,
        log: Callable[..., None], threads: int = 4,
    ) -> None:  # fmt: skip
        """`upstream` gives the way for a sender's address."""
        self._spool, self._upstream, self._office = spool, upstream, office
        self._schedule, self._name, self._log = schedule, name, log
        self._due: list[_Due] = []
        self._queued: dict[str, float] = {}
        self._ahead: dict[str, _Ahead] = {}
        """By mail; whoever has the mail has this, too."""
        self._changed = threading.Condition()
        self._seen = 0.0
        """The latest time on the clock."""
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"courier-{n}", daemon=True) for n in range(threads)]
        self.delivered = self.reported = self.put_off = 0

    def start(self) -> None:
        """Begin with what waits from before."""
        for name in self._spool.names():
            mail = self._spool.look(name)
            if mail is None:
                self._log("spooled_mail_damaged", mail=name)
            # No later than the pause was: the clock may have been set back meanwhile.
            self.wake(name, min(mail.due, time.time() + self._schedule.pause(mail.tries)) if mail else 0.0)
        for thread in self._threads:
            thread.start()

    def wake(self, name: str, due: float = 0.0) -> None:
        """Deliver a mail at `due` (unix seconds)."""
        with self._changed:
            self._queued[name] = due
            heapq.heappush(self._due, _Due(due, name))
            self._changed.notify()

    def hurry(self) -> None:
        """Do what the command line asked for: mails to be tried now."""
        for name in self._spool.hurried():
            self._upstream_of(name).rests_until = 0.0
            self.wake(name)

    def stop(self, seconds: float) -> None:
        """Let each thread finish the copy it is handing over."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def waiting(self) -> int:
        """Mails in the spool, those being delivered left out."""
        return len(self._queued)

    def _upstream_of(self, name: str) -> Upstream:
        mail = self._spool.look(name)
        return self._upstream(mail.envelope.via or mail.envelope.sender if mail else "")

    def _work(self) -> None:
        while True:
            name = self._next()
            if name is None:
                return
            try:
                self._deliver(name)
            except Exception as error:  # noqa: BLE001 - whatever it is, the mail stays and is tried again
                self._failed(name, error)
                self._stumbled(name, _own_trouble(error))

    def _failed(self, name: str, error: Exception) -> None:
        self._log("delivery_failed", mail=name, error=repr(error), where=traceback.format_exc(limit=-3))

    def _stumbled(self, name: str, why: str) -> None:
        """Our own trouble: it is told where people look for what waits."""
        due = time.time() + _TROUBLE_SECONDS
        with contextlib.suppress(OSError), self._spool.taken(name) as mail:
            if mail and (mail.last is None or mail.last.text != why):
                mail.begun |= name in self._ahead and self._ahead[name].begun
                self._spool.put_off(mail, due, Answer(0, why))
        self.wake(name, due)

    def _next(self) -> str | None:
        with self._changed:
            while not self._stopping:
                now = self._now()
                if self._due and self._due[0].at <= now:
                    due = heapq.heappop(self._due)
                    if self._queued.get(due.name) == due.at:  # else it was hurried or put off meanwhile
                        del self._queued[due.name]
                        return due.name
                    continue
                self._changed.wait(min(_LOOK_SECONDS, self._due[0].at - now) if self._due else _LOOK_SECONDS)
        return None

    def _now(self) -> float:
        """Unix seconds. Where the clock was set back, all that waits is tried now: else it would wait for the old time to come."""
        now = time.time()
        if now < self._seen - _SET_BACK_SECONDS:
            self._log("clock_set_back", seconds=round(self._seen - now))
            self._queued = dict.fromkeys(self._queued, now)
            self._due = [_Due(now, name) for name in self._queued]
            self._seen = now
        self._seen = max(self._seen, now)
        return now

    # -- one mail

    def _deliver(self, name: str) -> None:
        with self._spool.taken(name) as mail:
            due = self._tried(mail) if mail else None
        if due is not None:  # not before it is let go: another thread would pass over it for good
            self.wake(name, due)

    def _tried(self, mail: Waiting) -> float | None:
        """When to try again; None if there is nothing more to be done, or the server is stopping."""
        if (
            ahead := self._ahead.get(mail.name)
        ) is None:  # of what a killed process wrote down, it may have told nobody
            served = {to: Result(to, "sent", answer, None) for to, answer in mail.done.items() if answer.accepted}
            ahead = self._ahead[mail.name] = _Ahead(served=served)
        mail.begun |= ahead.begun
        mail.done |= {recipient: result.answer for recipient, result in ahead.served.items() if result.answer}
        upstream = self._upstream(mail.envelope.via or mail.envelope.sender)
        rest = upstream.rests_until - time.monotonic()
        expired = time.time() - mail.envelope.accepted > self._schedule.give_up_after
        if rest > 0 and mail.last and not expired:
            return time.time() + rest
        try:
            return self._round(mail, upstream, expired=expired)
        except Exception as error:
            if not expired or self._stopping:
                raise
            self._failed(mail.name, error)
            return self._end(mail, error, upstream)

    def _round(self, mail: Waiting, upstream: Upstream, *, expired: bool) -> float | None:
        copies = self._office.copies(self._spool.content(mail), mail.envelope)
        if not mail.envelope.unmarked:
            self._office.begun(copies.message(), copies.list_name, again=mail.begun)
            mail.begun = self._ahead[mail.name].begun = True
        for result in list(self._ahead[mail.name].served.values()):
            self._served(mail, result)
        done = self._try(mail, copies, upstream)
        if expired:
            self._give_up(mail, done)
        return self._conclude(mail, copies, done, upstream)

    def _served(self, mail: Waiting, result: Result) -> None:
        """Write down that the upstream has a copy. Until that is done it is remembered: the copy must not leave once more."""
        assert result.answer
        served = self._ahead[mail.name].served
        served[result.recipient] = result
        self._spool.note_done(mail, result.recipient, result.answer)
        self._tell(mail, [result])  # at once: what asks for its dots now is no person
        del served[result.recipient]

    def _end(self, mail: Waiting, error: Exception, upstream: Upstream) -> float | None:
        """Our own trouble lasted for too long: the sender is told by a report that needs nothing of what fails."""
        mail.envelope = dataclasses.replace(mail.envelope, unmarked=True)
        copies = self._office.copies(self._spool.content(mail), mail.envelope)
        done = _Round(trouble=Answer(0, f"Inkdot failed here: {error!r}"[:500]))
        self._give_up(mail, done)
        return self._conclude(mail, copies, done, upstream)

    def _try(self, mail: Waiting, copies: Copies, upstream: Upstream) -> _Round:
        """Hand over what can be handed over; refusals are gathered for one report."""
        done = _Round()
        sealed = mail.envelope.login
        try:
            with upstream.line(self._office.credentials(sealed) if sealed else None) as line:
                for recipient in _turned(mail):
                    if self._stopping or not self._one(mail, copies, recipient, line, done):
                        break
        except Unreachable as error:
            done.trouble = Answer(0, str(error))
        return done

    def _one(self, mail: Waiting, copies: Copies, recipient: str, line: Line, done: _Round) -> bool:
        """One copy; False if the line is of no more use."""
        try:
            pieces, left_alone = self._office.copy(copies, recipient)
        except Exception as error:  # noqa: BLE001 - what we cannot do for one is no reason to let the others wait
            self._failed(mail.name, error)
            done.stumbled[recipient] = Answer(0, _own_trouble(error))
            return True
        utf8 = mail.envelope.utf8 and not copies.heads.isascii()
        answer = line.hand_over(mail.envelope.sender, recipient, pieces, utf8=utf8)
        if answer.accepted:
            self._served(mail, Result(recipient, "sent", answer, left_alone))
            self.delivered += 1
        elif answer.refused:
            done.undelivered.append(Undelivered(recipient, answer, expired=False))
            done.results.append(Result(recipient, "refused", answer, left_alone))
        else:
            done.trouble = answer
            done.results.append(Result(recipient, "waiting", answer, left_alone))
        if left_alone:
            self._log("left_alone", mail=mail.name, reason=left_alone)
        return answer.code not in (0, 421)

    def _give_up(self, mail: Waiting, done: _Round) -> None:
        """It has waited for too long: whoever is not served now will not be."""
        refused = {u.recipient for u in done.undelivered}
        for recipient in mail.pending:
            if recipient not in refused:
                last = done.stumbled.get(recipient) or done.trouble or mail.last or Answer(0, "no try was made in time")
                done.undelivered.append(Undelivered(recipient, last, expired=True))
                done.results = [r for r in done.results if r.recipient != recipient]
                done.results.append(Result(recipient, "expired", last, None))

    def _conclude(self, mail: Waiting, copies: Copies, done: _Round, upstream: Upstream) -> float | None:
        self._tell(mail, done.results)  # before the report: what fails here is tried again, and reports once
        if done.undelivered and mail.envelope.sender:
            self._report(mail, copies, done.undelivered, upstream.route.host)
        for one in done.undelivered:
            self._spool.note_done(mail, one.recipient, one.answer)
            self._log("undelivered", mail=mail.name, code=one.answer.code, expired=one.expired)
        if not mail.pending:
            self._spool.remove(mail)
            del self._ahead[mail.name]
            return None
        trouble = done.trouble or next(iter(done.stumbled.values()), None)
        if trouble is None:  # the server is stopping; its next start goes on here
            return None
        rest = upstream.rests_until - time.monotonic()
        soon = rest if rest > 0 else 0.0 if done.trouble else _TROUBLE_SECONDS
        due = time.time() + (soon or self._schedule.pause(mail.tries))
        if not soon or mail.last is None or mail.last.text != trouble.text:  # what is tried that often is noted once
            self._spool.put_off(mail, due, trouble)
        self.put_off += 1
        self._log("put_off", mail=mail.name, code=trouble.code, error=trouble.text, seconds=round(due - time.time()))
        return due

    def _tell(self, mail: Waiting, results: list[Result]) -> None:
        if results and not mail.envelope.unmarked:
            self._office.told(mail.envelope.message, results)

    def _report(self, mail: Waiting, copies: Copies, undelivered: list[Undelivered], server: str) -> None:
        """Spool the report before the refusals are noted: a kill in between makes it again under the same name."""
        content = report(mail.envelope, undelivered, copies.heads, copies.subject, time.time(), self._name, server)
        about = mail.envelope
        envelope = Envelope(
            MessageId(about.message ^ 1), round(time.time()), "", (about.sender,), about.account, about.login,
            via=about.sender, unmarked=True,
        )  # fmt: skip
        incoming = self._spool.begin(envelope, f"{mail.name}r{len(mail.done)}")
        try:
            incoming.write(content)
        except OSError:
            incoming.discard()
            raise
        incoming.keep()
        self.reported += 1
        self.wake(incoming.name)


def _turned(mail: Waiting) -> list[str]:
    """Who is still to be served; each try begins with another, so that one who breaks the line holds up nobody."""
    pending = mail.pending
    first = mail.tries % len(pending) if pending else 0
    return pending[first:] + pending[:first]


def _own_trouble(error: Exception) -> str:
    return f"Inkdot failed here, and tries again: {error!r}"[:500]
