"""Consent in one place: how much may be kept about a person, what he chose, and the file that tells the streets."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from inkdot.app.folder import Folder, write_whole
from inkdot.app.law.regions import FILE as REGIONS
from inkdot.app.law.regions import regions, strictest_of
from inkdot.collect.deny import NAME as DENY
from inkdot.collect.deny import deny_file
from inkdot.collect.modes import NAME as MODES
from inkdot.collect.modes import Rule, modes_file
from inkdot.domain.consent import Choice, Decision, Mode, Wish, strictest
from inkdot.domain.contact import Address, without_addresses
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import VISITOR, ContactId, SiteId, WorkspaceId, from_word
from inkdot.mark.privacy import Notice
from inkdot.mark.wanted import under
from inkdot.settings import FILE, Settings, load
from inkdot.store.consents import Consents

WORKSPACE = WorkspaceId(1)
_MOST_WATCHERS, _HOUR = 10_000, 3_600
_WIDEST = Wish(Mode.INDIVIDUAL, "the default of an installation without a region")


class Register:
    """The consent of one data folder. Processes may share the folder."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        """Raises BadSetting for a region table of one's own that cannot be used, and what opening the store raises."""
        self._folder, self._settings = folder, settings
        self._keyring = folder.keyring()
        self.book = Consents(folder.control)
        self._stamps: list[int] = []
        self._renew()  # a process that is started again is given what its server began with
        self._watching: dict[tuple[str, WorkspaceId], int] = {}

    def goes_on_watching(self, who: str, workspace: WorkspaceId) -> bool:
        """Whether the audit log says already that somebody watches a workspace in this hour."""
        return self._watching.get((who, workspace)) == int(time.time()) // _HOUR

    def watches(self, who: str, workspace: WorkspaceId) -> None:
        """It says so now."""
        if len(self._watching) >= _MOST_WATCHERS:
            self._watching.clear()
        self._watching[who, workspace] = int(time.time()) // _HOUR

    def _by_region(self) -> Wish:
        region = self._settings.region
        return strictest_of(region, regions(self._folder.root)) if region else _WIDEST

    def _stamped(self) -> list[int]:
        paths = (self._folder.root / FILE, self._folder.root / REGIONS)
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in paths]

    def _renew(self) -> None:
        """Hear of an answer given while this process runs."""
        if (stamps := self._stamped()) != self._stamps:
            found = load(self._folder.root, {})
            self._settings = dataclasses.replace(
                self._settings, region=found.region, health=found.health, never_track=found.never_track
            )
            self._default, self._stamps = self._by_region(), stamps

    def __enter__(self) -> Self:
        """Close it with `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self.book.close()

    @property
    def unanswered(self) -> bool:
        """Nobody said yet where recipients are."""
        return not self._settings.region and not self._settings.health

    def contact(self, address: Address, workspace: WorkspaceId = WORKSPACE) -> ContactId:
        """The id of an address, known or not; of a browser (`vtr_...`), which the ledger knows by its number."""
        if is_browser(address):
            return ContactId(from_word(VISITOR, address))
        return self._keyring.contact_id(workspace, address)

    def mode_for(
        self,
        address: Address,
        list_name: str | None = None,
        site: str | None = None,
        workspace: WorkspaceId = WORKSPACE,
        *,
        himself: bool = False,
    ) -> Decision:
        """How much may be kept about a person in a mail to a list or on a site; the strictest word counts.

        `himself`: the person tries it on himself, which says yes where he said nothing else.
        """
        self._renew()
        contact = self.contact(address, workspace)
        if why := self.book.why_denied(contact):
            return Decision(Mode.OFF, "the person's withdrawal" if why == "withdrawn" else "the person's erasure", ())
        scopes = ["", *([f"list:{list_name}"] if list_name else []), *([f"site:{site}"] if site else [])]
        own = _last_words(self.book.choices_of(workspace, contact), scopes)
        silent = Wish(Mode.INDIVIDUAL, "a try on oneself") if himself else self._default
        return strictest([*(own or [silent]), *self._limits(scopes, workspace), *self._never(address)])

    def _never(self, address: Address) -> list[Wish]:
        listed = {entry.lower().lstrip("@") for entry in self._settings.never_track}
        spared = address in listed or under(address.rpartition("@")[2], listed)
        return [Wish(Mode.OFF, "the setting never_track")] if spared else []

    def most_for(self, address: Address, scope: str = "", workspace: WorkspaceId = WORKSPACE) -> Decision:
        """How much could be kept at the most of a person who agreed to everything in a scope."""
        self._renew()
        agreed = Wish(Mode.INDIVIDUAL, "the person's consent")
        return strictest([agreed, *self._limits(list({"", scope}), workspace), *self._never(address)])

    def wants_no_mail(self, address: Address, workspace: WorkspaceId = WORKSPACE) -> bool:
        """True if somebody unsubscribed, took back the consent to be written to, or was erased."""
        contact, answer = self.contact(address, workspace), False
        if self.book.why_denied(contact) == "erased":
            return True
        for made in self.book.choices_of(workspace, contact):
            if made.act == "unsubscribe" or (made.act == "set" and made.scope == "purpose:mail"):
                answer = made.act == "unsubscribe" or made.mode is not Mode.INDIVIDUAL
        return answer

    def widest(self, site: str | None = None, *, asked: bool = False, workspace: WorkspaceId = WORKSPACE) -> Decision:
        """How much may be kept of people whom nobody knows yet, as on a site; `asked` if they are asked there."""
        self._renew()
        return strictest(
            [
                Wish(Mode.INDIVIDUAL, "the visitor's consent") if asked else self._default,
                *self._limits(["", *([f"site:{site}"] if site else [])], workspace),
            ]
        )

    def limit(self, scope: str, mode: Mode, workspace: WorkspaceId = WORKSPACE) -> None:
        """Limit what may be kept in a scope, from now on also where keys stand in pages already; individual is no limit."""
        self.book.keep_rule(workspace, scope, mode)
        self.tell_streets()

    def tell_streets(self) -> None:
        """Write anew what streets read: who withdrew, and how much may be kept on websites and of people."""
        publish(self._folder, self.book)
        _write(self._folder, MODES, self._for_streets)

    def _for_streets(self) -> bytes:
        """What is out already follows what counts by now, where that is stricter: people's words, limits, the region."""
        self._renew()
        book, silence = self.book, self._default.mode
        since = book.silence_since(silence, int(time.time()))
        oldest = book.oldest_mark()
        older = silence < Mode.INDIVIDUAL and oldest is not None and oldest <= since
        most = Mode.INDIVIDUAL if older else Mode.HYGIENE
        until = since if older else 0
        unsaid = Rule(until, silence, Mode.INDIVIDUAL)
        most_of_all = Mode.AGGREGATE if self._settings.health else Mode.INDIVIDUAL
        limits = {at: min(mode, most_of_all) for at, mode in book.workspaces().items()}
        rules = {at: unsaid._replace(limit=limit) for at, limit in limits.items() if older or limit < Mode.INDIVIDUAL}
        said = book.limits_of_lists() | book.words_of_people(most)
        return modes_file(self._of_websites(), said, book.words_for_lists(until), rules)

    def _of_websites(self) -> dict[SiteId, tuple[Mode, Mode]]:
        """By site the widest mode where nobody is asked, and of people who agreed."""
        return {
            site: (self.widest(domain, workspace=at).mode, self.widest(domain, asked=True, workspace=at).mode)
            for site, at, domain in self.book.websites()
        }

    def _limits(self, scopes: list[str], workspace: WorkspaceId) -> list[Wish]:
        rules = self.book.rules(workspace)
        limits = [Wish(rules[scope], _named(scope)) for scope in scopes if scope in rules]
        return [*limits, Wish(Mode.AGGREGATE, "health mode")] if self._settings.health else limits

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: str) -> bool | None:
        """Whether somebody agreed to be written to (`mail`) or to be on a list for advertising (`advertising`).

        True: yes. False: no, or taken back. None: nothing is on record. To be measured is another thing and says nothing here.
        """
        if self.book.why_denied(contact):
            return False
        answer: bool | None = None
        for made in self.book.choices_of(workspace, contact):
            if made.act in ("withdraw", "erase") or (made.act == "unsubscribe" and purpose == "mail"):
                answer = False
            elif made.act == "set" and made.scope == f"purpose:{purpose}":
                answer = made.mode is Mode.INDIVIDUAL
        return answer

    def answers(self, workspace: WorkspaceId, purpose: str) -> dict[ContactId, bool | None]:
        """The same of everybody who ever chose anything or is denied; of all others nothing is on record."""
        chose = {*self.book.who_chose(workspace), *map(ContactId, self.book.denied())}
        return {contact: self.agreed(workspace, contact, purpose) for contact in chose}

    def asks_first(self, workspace: WorkspaceId) -> bool:
        """Whether silence is a no: the rules of the region, or of the workspace, want to be asked before."""
        return self.widest(workspace=workspace).mode is not Mode.INDIVIDUAL

    def keep(self, choices: Iterable[Choice], workspace: WorkspaceId = WORKSPACE) -> None:
        """Keep choices, and tell the streets: they reach what was sent before."""
        rows = [(self.contact(made.address, workspace), self._without_names(made)) for made in choices if made.address]
        self.book.keep_choices(workspace, rows)
        self.tell_streets()

    @staticmethod
    def _without_names(made: Choice) -> Choice:
        """A row is sealed for good, so no address stands in its texts, as in that of a form with `?email=`."""
        wording, version, language, method, form = (
            without_addresses(text) for text in (made.wording, made.version, made.language, made.method, made.form)
        )
        return made._replace(wording=wording, version=version, language=language, method=method, form=form)

    def stricter_here(self, made: Choice, workspace: WorkspaceId = WORKSPACE) -> Choice | None:
        """What is on record here, is stricter than a choice from elsewhere and not older; a choice at 0 may be of any time."""
        last, mode = None, Mode.INDIVIDUAL
        if made.act != "set" or made.mode is None or made.address is None:
            return None
        wider = ("",) if not made.scope.startswith("purpose:") else ()
        for kept in self.book.choices_of(workspace, self.contact(made.address, workspace)):
            if kept.act in ("withdraw", "erase") or (kept.act == "unsubscribe" and made.scope == "purpose:mail"):
                last, mode = kept, Mode.OFF
            elif kept.act == "set" and kept.scope in (*wider, made.scope) and kept.mode is not None:
                last, mode = kept, kept.mode
        return last if last and mode < made.mode and made.time <= last.time else None

    def withdraw(self, address: Address, method: str = "command", language: str = "", form: str = "") -> None:
        """Somebody wants nothing kept any more, of what was sent already as of what will be."""
        self.keep([choice(address, "withdraw", Mode.OFF, "", method, language=language, form=form)])

    def unsubscribe(self, address: Address, method: str) -> None:
        """Somebody wants no more mails. It says nothing about measuring."""
        self.keep([choice(address, "unsubscribe", None, "", method)])


def is_browser(who: str) -> bool:
    """Whether a row of the ledger is about a browser instead of an address."""
    return who.startswith(f"{VISITOR}_") and "@" not in who


def notice_of(settings: Settings) -> Notice:
    """How marked mails lead to the privacy page."""
    style = settings.privacy_link
    if style == "auto":
        style = "footer" if settings.region else "off"
    return Notice(style, settings.language, settings.list_unsubscribe)


def choice(
    address: Address, act: str, mode: Mode | None, scope: str = "", method: str = "command", *, wording: str = "",
    version: str = "", language: str = "", form: str = "", at: int | None = None,
) -> Choice:  # fmt: skip
    """A row for the ledger; `at` in unix seconds, now if not given."""
    when = int(time.time()) if at is None else at
    return Choice(0, address, act, mode, scope, wording, version, language, method, form, when)


def scope_named(word: str) -> str:
    """`workspace`, `list:NAME` or `site:DOMAIN` as the stores have it. Raises UsageError."""
    kind, _, name = word.strip().partition(":")
    if word.strip() in ("", "workspace"):
        return ""
    if (kind in ("list", "site") and name) or (kind == "purpose" and name in ("mail", "advertising", "push")):
        return f"{kind}:{name}"
    raise UsageError(
        f"{word!r} is no scope; write workspace, list:NAME, site:DOMAIN, purpose:mail, purpose:advertising or purpose:push."
    )


def publish(folder: Folder, book: Consents) -> None:
    """Write the deny file anew; the streets read it within seconds. One writer at a time, the last one knows all."""
    _write(folder, DENY, lambda: deny_file((*book.denied(), *book.denied_browsers(), *book.retired())))


def _write(folder: Folder, name: str, content: Callable[[], bytes]) -> None:
    lock = os.open(folder.run / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path, wanted = folder.root / name, content()
        if not path.exists() or path.read_bytes() != wanted:
            write_whole(path, wanted)
    finally:
        os.close(lock)


def _last_words(choices: list[Choice], scopes: list[str]) -> list[Wish]:
    """The last choice in each scope that applies; a withdrawal ends all before it."""
    found: dict[str, Wish] = {}
    for made in choices:
        if made.act in ("withdraw", "erase"):
            found = {"": Wish(Mode.OFF, "the person's withdrawal")}
        elif made.act == "set" and made.mode is not None and made.scope in scopes:
            if not made.scope:
                found.pop("", None)
            found[made.scope] = Wish(
                made.mode, "the person's own choice" + (f" for {_named(made.scope)}" if made.scope else "")
            )
    return list(found.values())


def _named(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return f"the rule of the {kind} {name}" if name else "the rule of the workspace"
