"""What the watch over a mailbox sees, tied to our mails and people, and written into the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.message import Message as Mime

from inkdot.app.post_office import PostOffice
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import BadAddress
from inkdot.domain.ids import MessageId, WorkspaceId
from inkdot.domain.ping import BOUNCE, REPLY
from inkdot.relay import accounts
from inkdot.relay.answers import Bounce, Reply, bounce_in, reply_in, which

_Of = tuple[WorkspaceId, MessageId]


class Postbag:
    """Hears mails from the watch. Nothing is said of people beyond what their own address proves."""

    def __init__(self, office: PostOffice, own: str, log: Callable[..., None]) -> None:
        """`own` is the watched mailbox's user: what it writes answers nobody."""
        self._office, self._own, self._log = office, own.lower(), log

    def heard(self, mail: Mime, whole: bool) -> bool:
        """Keep what a mail tells; False if that is nothing. Raises DiskFull or JournalStopped: it is read again later."""
        try:
            bounce = bounce_in(mail) if whole else None
            reply = None if bounce else reply_in(mail)
        except Exception as error:  # noqa: BLE001 - a mail that nobody can read must not keep us from the next
            self._log("mail_unreadable", error=repr(error))
            return False
        if bounce:
            return self._bounced(bounce, which(mail))
        return reply is not None and self._replied(reply, which(mail))

    def _replied(self, reply: Reply, mail: str) -> bool:
        try:
            address = normal_address(reply.sender)
        except BadAddress:
            return False
        return sum(self._keep(reply, mail, address, *of) for of in self._answered(reply, address)) > 0

    def _keep(self, reply: Reply, mail: str, address: Address, workspace: WorkspaceId, message: MessageId) -> bool:
        kept, at = self._office.post.message(message), time.time()
        if self._is_ours(address, kept.recipients if kept else ()):
            return False
        if kept and reply.date and kept.marked <= reply.date <= at:  # else its clock is wrong
            at = reply.date
        facts = {"id": reply.id, "agent": reply.agent}
        mode, when = self._office.mode_for(address, workspace=workspace), round(at * 1e6)
        self._office.happened.write(REPLY, message, address, mode, when, facts, once=mail, workspace=workspace)
        self._log("replied")
        return True

    def _answered(self, reply: Reply, address: Address) -> list[_Of]:
        """The mail that is answered, in each workspace that has it: by anybody if it is named as such, by a recipient if the thread holds it.

        Whoever answers a forwarded mail names ours among the older ones, and has proven nothing about it.
        """
        post = self._office.post
        if reply.answered and (found := post.messages_of(reply.answered, address)):
            return found
        for earlier in reply.named:
            if found := [of for of in post.messages_of(earlier, address) if self._went_to(address, of[1])]:
                return found
        return []

    def _went_to(self, address: Address, message: MessageId) -> bool:
        kept = self._office.post.message(message)
        return kept is not None and address in kept.recipients

    def _bounced(self, bounce: Bounce, mail: str) -> bool:
        post, told = self._office.post, False
        for failed in bounce.failed:
            try:
                address = normal_address(failed.recipient)
            except BadAddress:
                continue
            facts = {"code": failed.code, "text": failed.text, "by": "report"}
            for workspace, message in post.messages_of(bounce.original, address):
                known = post.deliveries(message)
                if any(a == address and state in ("refused", "expired") for a, state, *_ in known):
                    continue  # our own report about what the mail door wrote down itself
                if not self._went_to(address, message):
                    continue
                mode, now = self._office.mode_for(address, workspace=workspace), time.time_ns() // 1000
                self._office.happened.write(BOUNCE, message, address, mode, now, facts, once=mail, workspace=workspace)
                self._log("bounced")
                told = True
        return told

    def _is_ours(self, address: Address, recipients: Sequence[Address]) -> bool:
        """The sender's; in a domain that an account may send for, whoever got no copy may be the sender."""
        if address == self._own:
            return True
        ours = accounts.is_named if address in recipients else accounts.may_send_as
        return any(ours(account, address) for account in self._office.post.accounts())
