"""The post office: what the mail door and the courier need of the rest of the house."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from collections.abc import Callable

from inkdot.app.attachments import Attachments, treatment
from inkdot.app.consent import Register
from inkdot.app.folder import Folder
from inkdot.app.marking import mint_of
from inkdot.domain.consent import UNANSWERED, Mode, by_day
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.ids import MESSAGE, PERSON, MessageId, WorkspaceId, to_word
from inkdot.domain.message import Message
from inkdot.domain.ping import BOUNCE
from inkdot.mark.attachments import Treatment
from inkdot.mark.reasons import LeftAlone
from inkdot.relay import accounts
from inkdot.relay.copies import Copies, Made
from inkdot.relay.courier import Result
from inkdot.relay.desk import Login, Refusal
from inkdot.relay.envelope import Envelope
from inkdot.relay.happened import Happened
from inkdot.relay.oauth import KNOWN, Tokens
from inkdot.relay.paths import proper
from inkdot.relay.route import LoginBy, Route, Routes, read_routes
from inkdot.relay.sealed import Sealer
from inkdot.relay.signing import Signer
from inkdot.relay.spool import Answer, Waiting
from inkdot.relay.upstream import Credentials, Unreachable, Upstream, WrongPassword
from inkdot.settings import Settings
from inkdot.store.post import Delivery, Post

_WORKSPACE = WorkspaceId(1)
_ASK_SECONDS = 5.0


def own_name(settings: Settings) -> str:
    """How the mail door calls itself."""
    return settings.relay_name or socket.getfqdn() or "localhost"


def routes_of(settings: Settings) -> Routes:
    """The upstreams. Raises BadSetting."""
    return read_routes(settings.upstream, settings.upstream_password, settings.upstream_login, settings.upstreams)


def tokens_of(folder: Folder, settings: Settings, host: str) -> Callable[[str], str]:
    """What gives access tokens for a server. Raises BadSetting."""
    s = settings
    url, kept = s.oauth_token_url or KNOWN.get(host, ""), folder.root / f"oauth-{host}.json"
    return Tokens(url, s.oauth_client_id, s.oauth_client_secret, s.oauth_refresh_token, kept, s.upstream_timeout).access


def upstream_of(folder: Folder, settings: Settings, route: Route) -> Upstream:
    """The way along a route. Raises BadSetting."""
    token = tokens_of(folder, settings, route.host) if route.login is LoginBy.XOAUTH2 else None
    name, most = own_name(settings), settings.upstream_connections
    return Upstream(route, name, most, token, settings.upstream_timeout)


def note_dropped(folder: Folder, mail: Waiting) -> None:
    """Keep that somebody dropped what was left of a mail."""
    keyring, post = folder.keyring(), Post(folder.control)
    people = [keyring.contact_id(_WORKSPACE, normal_address(r)) for r in mail.pending if proper(r)]
    if post.message(mail.envelope.message):
        dropped = [Delivery(contact, "dropped", None, None) for contact in people]
        post.keep_deliveries(mail.envelope.message, dropped, time.time())
    post.close()


class PostOffice:
    """Threads share it."""

    def __init__(self, folder: Folder, settings: Settings, public_url: str, log: Callable[..., None]) -> None:
        """Raises BadSetting and what opening the stores raises."""
        self._folder, self._settings, self._log = folder, settings, log
        self._warned = False
        self._attachments = treatment(settings.attachments)
        self.name = own_name(settings)
        keyring = folder.keyring()
        self._mint = mint_of(settings, keyring, public_url)
        self._register = Register(folder, settings)
        self._sealer = Sealer(keyring.identity)
        self._signer = (
            Signer(folder.root / settings.dkim_key, settings.dkim_selector, settings.dkim_domain)
            if settings.dkim_key
            else None
        )
        self._routes = routes_of(settings) if settings.upstream else None
        self._upstreams = {
            route: upstream_of(folder, settings, route) for route in (self._routes.all() if self._routes else ())
        }
        self.post = Post(folder.control)
        self.happened = Happened(folder.journal, self._mint)

    def close(self) -> None:
        """Let go of the stores."""
        self.happened.close()
        self._register.close()
        self.post.close()

    # -- the door's questions

    def fresh_id(self) -> MessageId:
        """For a mail that comes in. Even, so that its report can have the odd one."""
        return MessageId(int.from_bytes(os.urandom(8), "big") >> 2 << 1)

    def login(self, user: str, password: str) -> Login | Refusal:
        """Our own accounts; or the upstream's judgement, where logins are passed through."""
        if self._routes and self._routes.of(user).login is LoginBy.CLIENT:
            return self._passed_through(Credentials(user, password))
        account = self.post.account(user.strip().lower())
        if account and accounts.right_password(account, password):
            return Login(account.name)
        return Refusal("535 5.7.8 User or password is wrong; 'inkdot relay account add' gives new ones.")

    def _passed_through(self, credentials: Credentials) -> Login | Refusal:
        try:
            self.upstream(credentials.user).check(credentials)
        except WrongPassword as error:
            return Refusal(f"535 5.7.8 {error}")
        except Unreachable as error:
            return Refusal(f"454 4.7.0 {error}")
        return Login(credentials.user, self._sealer.seal(credentials))

    def may_send_as(self, name: str, address: str) -> bool:
        """True if the account may; one that was given no senders is bound to the domain of its first mail."""
        account = self.post.account(name)
        if account is None or not proper(address):
            return False
        address = normal_address(address)
        if not account.senders:
            self.post.bind_account(name, ("@" + address.rpartition("@")[2],))
            self._log("account_bound", account=name)
            return self.may_send_as(name, address)
        return accounts.may_send_as(account, address)

    def ask(self, sender: str, recipient: str, sealed: str | None) -> Answer | None:
        """The upstream's refusal of a recipient, if it can be had now."""
        upstream = self.upstream(sender)
        if not self._settings.relay_ask_upstream or upstream.rests_until > time.monotonic():
            return None
        try:
            with upstream.line(self.credentials(sealed) if sealed else None, _ASK_SECONDS) as line:
                return line.refusal(sender, recipient)
        except Unreachable:
            return None

    # -- the courier's

    def upstream(self, sender: str) -> Upstream:
        """The way for a sender's address."""
        assert self._routes
        return self._upstreams[self._routes.of(sender)]

    def close_idle(self) -> None:
        """Hang up where nothing was to be done for a while, and leave an old journal segment."""
        self.happened.renew()
        for upstream in self._upstreams.values():
            upstream.close_idle()

    def copies(self, source: bytes, envelope: Envelope) -> Copies:
        """The maker of a mail's copies."""
        return Copies(
            source, envelope, self._mint, self.name, lambda error: self._log("marking_failed", error=repr(error))
        )

    def mode_for(self, address: Address, list_name: str | None = None, workspace: WorkspaceId = _WORKSPACE) -> Mode:
        """How much may be kept about a recipient."""
        decision = self._register.mode_for(address, list_name, workspace=workspace)
        if self._register.unanswered and not self._warned:
            self._warned = True  # once is enough: a line for each mail would bury all others
            self._log("region_unanswered", text=UNANSWERED)
        if decision.overruled:
            person = to_word(PERSON, self._register.contact(address, workspace))
            self._log("consent", person=person, mode=decision.sentence)
        return decision.mode

    def begun(self, message: Message, list_name: str | None, *, again: bool) -> None:
        """Keep the mail before any copy of it leaves; of people who may not be named, only how many they are.

        Where nobody can say how much may be kept of somebody, nothing is: that copy cannot be made either, and waits.
        """
        modes, failed = {}, None
        for address in message.recipients:
            try:
                modes[address] = self._register.mode_for(address, list_name).mode
            except Exception as error:  # noqa: BLE001 - a fault of ours with one person must not hold up the others
                failed = error
        if failed and not modes:
            raise failed
        known = {a: self._mint.keyring.contact_id(_WORKSPACE, a) for a, m in modes.items() if m > Mode.AGGREGATE}
        unnamed = sum(mode is Mode.AGGREGATE for mode in modes.values())
        if again and unnamed == 1:  # counted among the mails of the day, once
            if not known:
                return
            unnamed = 0
        kept = dataclasses.replace(
            message, recipients=tuple(known), unnamed=unnamed, by_day=by_day(modes), list_name=list_name
        )
        self.post.keep_message(kept, known, _WORKSPACE)

    def copy(self, copies: Copies, recipient: str) -> tuple[list[bytes], str | None]:
        """A recipient's copy, signed if that was set up."""
        mode = self.mode_for(normal_address(recipient), copies.list_name)
        made = copies.copy_for(recipient, mode, alone=self.post.is_alone(copies.message().id, mode))
        made = self._with_attachments(copies, made, normal_address(recipient), mode)
        return [*self._signature(copies, made), *made.pieces], made.left_alone

    def _signature(self, copies: Copies, made: Made) -> list[bytes]:
        if self._signer is None or copies.signed:
            return []
        try:
            return [self._signer.signature(b"".join(made.pieces))]
        except Exception as error:  # noqa: BLE001 - what has no From cannot be signed, and leaves all the same
            self._log("signing_failed", error=repr(error))
            return []

    def _with_attachments(self, copies: Copies, made: Made, to: Address, mode: Mode) -> Made:
        """The copy with its attached documents marked or shared, if that was set; else as it is."""
        if self._attachments is Treatment.LEAVE or made.left_alone not in (None, LeftAlone.TEXT_ONLY):
            return made
        message = copies.message()
        try:
            attachments = Attachments(self._folder, self._mint, self._attachments, message.id, message.marked)
            dealt = attachments.dealt(b"".join(made.pieces), to, mode)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep a mail from leaving
            self._log("attachments_failed", error=repr(error))
            return made
        if dealt.left:
            self._log("attachments_left", mail=to_word(MESSAGE, message.id), why=[one.sentence for one in dealt.left])
            self.post.keep_untreated(message.id, [(one.name, one.why) for one in dealt.left])
        return made._replace(pieces=[dealt.content])

    def told(self, message: MessageId, results: list[Result]) -> None:
        """Keep what became of copies; a refusal is a bounce. What fails for one is raised when all others are kept."""
        now, rows, failed = time.time(), [], None
        for result in results:
            try:
                rows += self._delivery(message, result, now)
            except Exception as error:  # noqa: BLE001 - raised below
                failed = error
        self.post.keep_deliveries(message, rows, now)
        if failed:
            raise failed

    def _delivery(self, message: MessageId, result: Result, now: float) -> list[Delivery]:
        recipient, state, answer, left_alone = result
        address = normal_address(recipient)
        contact = self._mint.keyring.contact_id(_WORKSPACE, address)
        named, mode = self.post.is_named(message, contact), self._register.mode_for(address).mode
        if not named:
            mode = min(mode, Mode.AGGREGATE)
        if state in ("refused", "expired") and answer:
            facts = {"code": str(answer.code), "text": answer.text, "by": state}
            alone = self.post.is_alone(message, mode)
            at = round(now * 1e6)
            self.happened.write(BOUNCE, message, address, mode, at, facts, once="undelivered", alone=alone)
        said = f"{answer.code} {answer.text}" if answer else None
        return [Delivery(contact, state, said, left_alone)] if named and mode > Mode.AGGREGATE else []

    def credentials(self, sealed: str) -> Credentials:
        """A mail program's own login."""
        return self._sealer.open(sealed)
