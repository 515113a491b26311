"""Who may be shown what on a page, wired: the rules as the office keeps them, asked by the room's process."""

from __future__ import annotations

import threading
import time

from starlette.routing import Route

from inkdot.act import rule
from inkdot.act.match import matching
from inkdot.act.rule import Rule, Show
from inkdot.app.channels import own_channels
from inkdot.app.consent import Register
from inkdot.app.folder import Folder
from inkdot.collect.salt import lasting
from inkdot.domain.ids import SITE, TRIGGER, ContactId, WorkspaceId, to_word
from inkdot.room.asking import Guest, asking
from inkdot.settings import Settings
from inkdot.store.audiences import Audiences
from inkdot.store.sites import Sites
from inkdot.store.triggers import Triggers

_RENEW_SECONDS = 1.0


def must_be_asked(known: Rule) -> bool:
    """True if a rule that shows something wants what a browser does not know by itself."""
    when = known.when
    return any(wanted is not None for wanted in (when.channel, when.source, when.person, when.audience, when.score))


def shown_id(trigger: int, version: int) -> str:
    """What a rule that shows something is called on pages."""
    return f"{to_word(TRIGGER, trigger)}.{version}"


class Visitors:
    """As the room asks. Rules are read again a second after the last time."""

    def __init__(self, folder: Folder, register: Register) -> None:
        self._why_denied = register.book.why_denied
        self._triggers, self._audiences, self._sites = (
            Triggers(folder.control),
            Audiences(folder.control),
            Sites(folder.control),
        )
        self._rules: dict[str, tuple[WorkspaceId, Rule]] = {}
        self._read_at = 0.0
        self._turn = threading.Lock()

    def may(self, guest: Guest, rules: list[str]) -> list[str]:
        """As Guests says."""
        known, contact = self._known(), self._contact(guest)
        return [
            word for word in dict.fromkeys(rules) if word in known and self._fits(guest, *known[word], contact=contact)
        ]

    def _fits(self, guest: Guest, workspace: WorkspaceId, known: Rule, *, contact: ContactId | None) -> bool:
        when = known.when
        if workspace != guest.workspace or when.site not in (None, to_word(SITE, guest.site)):
            return False
        channels = {word.casefold() for word in rule.texts(when.channel)}
        if channels and guest.channel.casefold() not in channels:
            return False
        if when.source is not None and when.source.casefold() != (guest.source or "").casefold():
            return False
        if when.audience is not None and not (contact and self._audiences.is_member(workspace, when.audience, contact)):
            return False
        if when.score is not None and not (contact and self._audiences.warmth_of(workspace, contact) >= when.score):
            return False
        address = self._audiences.address_of(workspace, contact) if contact and when.person else None
        return when.person is None or (address is not None and matching(when.person)(address))

    def _contact(self, guest: Guest) -> ContactId | None:
        """The one known person in this browser, if it is told apart at all and nobody withdrew."""
        if not guest.visitor or guest.visitor == "-":
            return None
        people = self._sites.people_of(lasting(guest.site.to_bytes(8, "big"), guest.visitor))
        return people[0] if len(people) == 1 and not self._why_denied(people[0]) else None

    def _known(self) -> dict[str, tuple[WorkspaceId, Rule]]:
        with self._turn:
            if time.monotonic() > self._read_at + _RENEW_SECONDS:
                self._read_at = time.monotonic()
                read = [(n, w, v, rule.kept(text)) for n, w, v, text, _ in self._triggers.active()]
                self._rules = {
                    shown_id(number, version): (workspace, known)
                    for number, workspace, version, known in read
                    if any(isinstance(action, Show) for action in known.actions)
                }
            return self._rules


def guest_pages(folder: Folder, settings: Settings) -> list[Route]:
    """The routes."""
    channels = own_channels(folder, [], ga4_strict=settings.ga4_strict)
    return asking(folder.keyring(), channels, Visitors(folder, Register(folder, settings)))
