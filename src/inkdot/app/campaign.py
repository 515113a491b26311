"""One mail to many: each person's own words and marks, sent one by one, and taken up again where a run ended.

Before a mail server is told that a copy is complete, it is written down that this is about to happen. A run that ends before
leaves the copy to the next run; one that ends between that and the server's answer leaves it unsure, and it is not sent again
unless that is asked for. So nobody gets a mail twice without anybody knowing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from inkdot.app.attachments import Attachments
from inkdot.app.consent import WORKSPACE, Register
from inkdot.app.folder import Folder
from inkdot.app.people import People, Person
from inkdot.domain.consent import Mode, by_day, is_alone
from inkdot.domain.contact import Address
from inkdot.domain.errors import Failure, UsageError
from inkdot.domain.ids import MESSAGE, ContactId, MessageId, to_word
from inkdot.domain.message import Message
from inkdot.mark.attachments import Treatment
from inkdot.mark.blind import without_blind
from inkdot.mark.fill import Template
from inkdot.mark.mail import Mail, read_mail
from inkdot.mark.mint import Mint
from inkdot.mark.reasons import LeftAlone
from inkdot.relay.upstream import Unreachable, Upstream
from inkdot.store.campaigns import Campaign, Campaigns

_CUT_OFF = "The run ended before the server answered; it may have the mail."
_TRIES = 3
_PAUSE_SECONDS = 1.0
_MOST_IN_VAIN = 10
FINAL = ("sent", "refused", "skipped", "unsure")
"""States that a later run leaves as they are."""


class Result(NamedTuple):
    """One person's copy."""

    to: Address
    state: str
    """sent, refused, waiting, unsure, skipped"""
    said: str | None
    """What the mail server said, or why there was no mail."""
    left_alone: str | None
    earlier: bool
    """It was settled in a run before this one."""
    warnings: tuple[str, ...] = ()
    """Why attached documents were left as they are."""


class Pace:
    """No more than so many a second."""

    def __init__(self, per_second: float | None) -> None:
        self._between = 1 / per_second if per_second else 0.0
        self._next = time.monotonic()

    def wait(self) -> None:
        """Until the next may go."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + self._between


def read_rate(word: str) -> float:
    """`60/minute` or `2/s` -> so many a second; raises UsageError."""
    count, _, unit = word.partition("/")
    seconds = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(unit.strip()[:1].lower())
    if not count.strip().isdigit() or int(count) < 1 or seconds is None:
        raise UsageError(f"{word!r} is no rate; write it like 10/second, 60/minute or 500/hour.")
    return int(count) / seconds


class Sending:
    """One run of a campaign."""

    def __init__(
        self, folder: Folder, name: str, source: bytes, template: Template, mint: Mint, register: Register,
        upstream: Upstream, list_name: str | None = None, attachments: Treatment = Treatment.LEAVE,
    ) -> None:  # fmt: skip
        """Raises UsageError if the name belongs to another mail, Failure if another command is sending it."""
        self._folder, self._template, self._mint = folder, template, mint
        self._register, self._upstream, self._list = register, upstream, list_name
        self._original = read_mail(source, mint)
        self.name = name
        self._taken, self._not_taken, self._last = 0, 0, ""
        self._modes: tuple[Mode, ...] = ()
        self.store = Campaigns(folder.control)
        digest = hashlib.blake2b(source, digest_size=16).digest()
        fresh = Campaign(MessageId(int.from_bytes(os.urandom(8), "big") >> 1), digest, int(time.time()))
        campaign = self.store.begin(name, fresh, WORKSPACE)
        self.message = campaign.message
        self._attachments = Attachments(folder, mint, attachments, campaign.message, campaign.begun)
        if campaign.digest != digest:
            self.store.close()
            raise UsageError(
                f"The campaign {name!r} was begun with another mail; give this one a name with --campaign."
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other command sends this campaign. Raises Failure."""
        path = self._folder.run / f"campaign-{self.message:x}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Failure(f"The campaign {self.name!r} is being sent by another command.") from None
            yield
        finally:
            os.close(lock)

    def run(self, people: People, pace: Pace, again: Collection[str] = ()) -> Iterator[Result]:
        """Send what is not sent yet, and once more what is `refused` or `unsure` if `again` names it; a result per person.

        Raises Failure where the server cannot be used any more.
        """
        with self.alone():
            self.store.end_copies(self.message, _CUT_OFF)
            earlier = {c.contact: c for c in self.store.copies(self.message, WORKSPACE)}
            settled = {contact: c for contact, c in earlier.items() if c.state in FINAL}
            spared = {p.address for p in people.rows if self._register.wants_no_mail(p.address)}
            modes = {p.address: self._register.mode_for(p.address, self._list).mode for p in people.rows}
            written = {a: mode for a, mode in modes.items() if a not in spared}
            self._keep_message(written, earlier)
            self._modes = tuple(written.values())
            for person in people.rows:
                contact, *others = self._numbers(person.address, modes[person.address])
                before = next((settled[n] for n in (contact, *others) if n in settled), None)
                if before and before.state not in again:
                    yield Result(person.address, before.state, before.answer, before.left_alone, earlier=True)
                elif person.address in spared:
                    yield self._skipped(person.address, contact)
                else:
                    pace.wait()
                    yield self._by_now(person, contact, modes[person.address])
                    self._stop_if_nothing_goes()

    def _stop_if_nothing_goes(self) -> None:
        """A server that takes nothing at all refuses the sender, not the people."""
        if self._taken == 0 and self._not_taken >= _MOST_IN_VAIN:
            raise Failure(
                f"The server took none of {self._not_taken} mails; it said last: {self._last}. Once that is mended, run the "
                "command again, with --again refused."
            )

    def _numbers(self, address: Address, mode: Mode) -> tuple[ContactId, ContactId]:
        """Under what a copy is kept, and under what it was if the person's mode was another then.

        Where no name may be kept it is a number that tells nothing outside this campaign.
        """
        contact = self._register.contact(address)
        data = self.message.to_bytes(8, "big") + address.encode()
        digest = hashlib.blake2b(
            data, key=self._mint.keyring.identity, digest_size=8, person=b"inkdot-campaign"
        ).digest()
        unnamed = ContactId(-(int.from_bytes(digest, "big") >> 1) - 1)
        return (contact, unnamed) if mode > Mode.AGGREGATE else (unnamed, contact)

    def _keep_message(self, modes: dict[Address, Mode], earlier: Collection[ContactId]) -> None:
        """Keep the mail before any copy of it leaves; of people who may not be named, only how many they are.

        One alone is counted among the mails of the day, once: not again where a run before this one had the same `earlier`.
        """
        original, now = self._original, int(time.time())
        known = {a: self._register.contact(a) for a, mode in modes.items() if mode > Mode.AGGREGATE}
        nobodys = [self._numbers(a, mode)[0] for a, mode in modes.items() if mode is Mode.AGGREGATE]
        unnamed = len(nobodys)
        if unnamed == 1 and nobodys[0] in earlier:
            unnamed = 0
            if not known:
                return
        internet_id = original.internet_id or self._internet_id
        subject, names = self._template.subject or None, tuple(known)
        kept = Message(
            self.message, now, subject, names, original.links, internet_id, unnamed, by_day(modes), self._list
        )
        self.store.keep_message(kept, known, WORKSPACE)
        if len(nobodys) != 1:
            self.store.count_unnamed(self.message, unnamed)

    @property
    def _internet_id(self) -> str:
        """For a mail that came without one: the same in every run."""
        domain = self._original.sender.rpartition("@")[2] or "localhost"
        return f"<{to_word(MESSAGE, self.message)}@{domain}>"

    def _skipped(self, address: Address, contact: ContactId) -> Result:
        said = "wants no mails"
        self._keep(contact, "skipped", said, None)
        return Result(address, "skipped", said, None, earlier=False)

    def _by_now(self, person: Person, contact: ContactId, mode: Mode) -> Result:
        """What the person said since the run began counts, too: it may last for hours."""
        if self._register.wants_no_mail(person.address):
            return self._skipped(person.address, contact)
        narrower = self._register.mode_for(person.address, self._list).mode < mode
        return self._sent(person, contact, Mode.OFF if narrower else mode)

    def _sent(self, person: Person, contact: ContactId, mode: Mode) -> Result:
        now = time.time()
        filled = self._template.filled(person.values, person.address, now, self._internet_id)
        mail: Mail = read_mail(filled, self._mint)
        alone = is_alone(mode, self._modes)
        copy = mail.copy_for(person.address, self.message, int(now), mode, alone=alone)
        content = copy.content
        warnings: tuple[str, ...] = ()
        if copy.left_alone in (None, LeftAlone.TEXT_ONLY):
            content, _, left = self._attachments.dealt(copy.content, person.address, mode)
            warnings = tuple(one.sentence for one in left)
            self.store.keep_untreated(self.message, [(one.name, one.why) for one in left])
        on_its_way = False

        def before_end() -> None:
            nonlocal on_its_way
            self._keep(contact, "sending", None, copy.left_alone)
            on_its_way = True

        def hand_over() -> tuple[int, str]:
            with self._upstream.line() as line:
                answer = line.hand_over(mail.sender, person.address, [without_blind(content)], before_end)
            if answer.code == 0 and not on_its_way:
                raise Unreachable(answer.text)
            return answer.code, answer.text

        said = self._tried(hand_over)
        code, text = said
        self._count(code, text)
        state = "sent" if 200 <= code < 300 else "refused" if code >= 500 else "waiting"
        if on_its_way and code == 0:
            state = "unsure"
        answer = f"{code} {text}" if code else text
        self._keep(contact, state, answer, copy.left_alone)
        return Result(person.address, state, answer, copy.left_alone, earlier=False, warnings=warnings)

    def _count(self, code: int, text: str) -> None:
        taken = 200 <= code < 300
        self._taken += taken
        self._not_taken += not taken
        self._last = f"{code} {text}"

    def _tried(self, hand_over: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        """Again where no connection could be made, a few times: nothing was said about the mail then."""
        for left in reversed(range(_TRIES)):
            try:
                return hand_over()
            except Unreachable as error:
                if not left:
                    raise Failure(
                        f"{str(error).rstrip('.')}. Run the same command again to go on where this run ended."
                    ) from error
                time.sleep(max(_PAUSE_SECONDS, self._upstream.rests_until - time.monotonic()))
        raise AssertionError

    def _keep(self, contact: ContactId, state: str, said: str | None, left_alone: str | None) -> None:
        self.store.keep_copies(self.message, [(contact, state, said, left_alone)], time.time())
