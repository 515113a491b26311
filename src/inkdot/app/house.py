"""The wired rooms of one folder: stores, pipeline, questions. Whoever opens a house owns the folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from inkdot.app import care
from inkdot.app.accounts import tidy as tidy_accounts
from inkdot.app.acting import Acting
from inkdot.app.audit import audited, log_asked
from inkdot.app.choosing import Choosing
from inkdot.app.consent import Register
from inkdot.app.doctor import examine
from inkdot.app.erase import erase_asked, finish_erasures
from inkdot.app.folder import Folder
from inkdot.app.identities import Identities
from inkdot.app.knowledge import knowledge, programs_of
from inkdot.app.library import Library
from inkdot.app.mailers import Mailers
from inkdot.app.notices import Notices
from inkdot.app.portrait import export
from inkdot.app.regrade import regrade
from inkdot.app.retention import keep_to_days, retention
from inkdot.app.sample import remove as remove_sample
from inkdot.app.sending import Sending
from inkdot.app.sharing import Sharing
from inkdot.app.trying import Trying
from inkdot.domain.errors import FolderInUse, NotFound, StoreDamaged, UsageError
from inkdot.domain.event import Event
from inkdot.domain.evidence import Correction, Says, Verdict
from inkdot.domain.ids import EVENT, EventId, from_word
from inkdot.journal.segment import sync_folder
from inkdot.pipeline import Heard, Pipeline
from inkdot.settings import Settings
from inkdot.show.campaigns import CampaignQuestions
from inkdot.show.documents import DocumentQuestions
from inkdot.show.history import History
from inkdot.show.home import home
from inkdot.show.people import PeopleQuestions
from inkdot.show.questions import Questions, here
from inkdot.show.websites import WebsiteQuestions
from inkdot.store.agreements import Agreements
from inkdot.store.campaigns import Campaigns
from inkdot.store.control import Control
from inkdot.store.documents import Documents
from inkdot.store.events import EventStore
from inkdot.store.notices import KeptNotices
from inkdot.store.sites import Sites
from inkdot.store.verify import findings
from inkdot.store.visits import roll_up
from inkdot.understand.agent import clean
from inkdot.understand.company import company

_LATE = 86_400_000_000  # microseconds for which a finished month waits for stragglers
_DYING_SECONDS = 60.0

Progress = Callable[[int, int], None]
"""Told of (pings done, bytes of journal left)."""


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def _silent(_done: int, _left: int) -> None:
    pass


def _unheard(_target: str, _why: str) -> None:
    pass


class House:
    """Everything that is open while a folder is worked on."""

    def __init__(
        self,
        folder: Folder,
        settings: Settings,
        progress: Progress = _silent,
        told: Callable[[str, str], None] = _unheard,
        heard: Heard | None = None,
        given: Collection[str] = (),
    ) -> None:
        """Open the stores; a damaged event store is set aside and rebuilt. Raises NewerData, KeysMissing, FolderInUse.

        `told` hears of places that messages could not be delivered to, and why they are paused; `heard` of each batch
        of events once it is kept; `given` names the settings that the command line said.
        """
        self.folder, self.settings, self._heard = folder, settings, heard
        self.keyring = folder.keyring()
        self.control = Control(folder.control)
        self.register = Register(folder, settings)
        self.register.tell_streets()
        self._documents = Documents(folder.control)
        self.campaigns = Campaigns(folder.control)
        self.sites = Sites(folder.control)
        self.knowledge = knowledge(folder, settings.city_file, ga4_strict=settings.ga4_strict)
        self.sharing = Sharing(folder, settings, self.register, now)
        self.choosing = Choosing(folder, settings, given)
        self.notices = Notices(self, KeptNotices(folder.control))
        self.rebuilt_because: str | None = None
        self.acting = Acting(folder, settings, self.control, now, told)
        self.acting.consents = self.register
        self.sending = Sending(folder, settings, self.control, self.sites, self.register, self.acting)
        try:
            if not folder.events.exists() and care.last_backup(folder):
                self.recover(StoreDamaged("events.duckdb is missing."), progress)
            else:
                self._open()
        except StoreDamaged as damage:
            self.recover(damage, progress)
        finish_erasures(self)

    def _open(self) -> None:
        self.store = self._event_store()
        self.acting.store = self.store
        self.questions = Questions(self.control, self.store, now, History(self.sites, self.store))
        self.acting.watch.beside = self.notices.rows
        self.pipeline = self._pipeline(self.store)
        self.pipeline.heard = self._tell
        self.documents = DocumentQuestions(self._documents, self.store, now, lambda: programs_of(self.folder))

    def _event_store(self) -> EventStore:
        """The folder is ours already: whoever holds the store yet was killed, and ends once its disk lets it go."""
        deadline = time.monotonic() + _DYING_SECONDS
        while True:
            try:
                return EventStore(self.folder.events, self.settings.memory_limit)
            except FolderInUse:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _tell(
        self,
        events: Sequence[Event],
        places: Mapping[int, int],
        judged: Mapping[EventId, Verdict],
        latest: Collection[Event],
    ) -> None:
        """A batch was kept: for those who watch."""
        if self._heard:
            self._heard(events, places, judged, latest)
        self.acting.warm.heard(events)

    def _pipeline(self, store: EventStore) -> Pipeline:
        known = self.knowledge
        keyring, journal = self.keyring, self.folder.journal
        return Pipeline(
            journal, keyring, self.control, store, known.networks, known.book, self.sites, known.channels,
            watch=self.acting.watch, agreements=Agreements(self.register.book, self.sites),
        )  # fmt: skip

    def recover(self, damage: StoreDamaged, progress: Progress = _silent) -> None:
        """Set a damaged event store aside and make it anew from the last backup and the journal."""
        if hasattr(self, "store"):
            self.pipeline.close()
            self.store.close()
        self.rebuilt_because = str(damage)
        care.set_aside(self.folder.events, "damaged")
        self._put_in_place(self._rebuilt(care.last_backup(self.folder), progress))

    def rebuild(self, progress: Progress = _silent) -> int:
        """Make the event store anew from itself (what the journal has no more) and the journal; returns its events."""
        self.store.flush()
        self.pipeline.close()
        self.store.close()
        try:
            fresh = self._rebuilt(self.folder.events, progress)
            care.keep_aside(self.folder.events, "before-rebuild")
        except BaseException:
            self._open()  # all is as it was
            raise
        self._put_in_place(fresh)
        return self.store.size()[0]

    def _rebuilt(self, base: Path | None, progress: Progress) -> Path:
        """A new store under another name: whatever ends this, what there is stays in its place."""
        fresh = self.folder.run / "rebuilding.duckdb"
        care.remove(fresh)
        with closing(EventStore(fresh, self.settings.memory_limit)) as store:
            if base is not None:
                care.take_over(store, base, self.folder)
            with closing(self._pipeline(store)) as pipeline:
                pipeline.drain(progress)
            roll_up(store, anew_since=0)
            store.flush()
        return fresh

    def _put_in_place(self, fresh: Path) -> None:
        """Another store instead of the one that is closed, in one step that lasts."""
        care.remove_log(self.folder.events)
        fresh.rename(self.folder.events)
        sync_folder(self.folder.root)
        self._open()

    def rewrite_store(self) -> None:
        """Write the event store anew, so that nothing deleted stays in the file."""
        fresh = self.folder.run / "rewritten.duckdb"
        care.remove(fresh)
        self.store.backup_to(fresh)
        self.store.flush()
        self.pipeline.close()
        self.store.close()
        self._put_in_place(fresh)

    def verify(self) -> list[str]:
        """What is wrong with the stores and the journal, in sentences."""
        return [
            *self.register.book.findings(),
            *self.control.check(),
            *findings(self.store),
            *care.journal_findings(self.folder.journal),
        ]

    def backup(self, target: Path) -> Path:
        """Write everything into one file while work goes on."""
        path = care.backup(self.folder, self.control, self.store, target)
        self.register.book.keep_written(path.absolute(), "backup")
        return path

    def asks(self) -> dict[str, Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]]:
        """Every question and chore that the command line may ask for, by name; what reads personal data is audited."""
        questions = self.questions
        websites = WebsiteQuestions(self.sites, self.store, now, partial(company, self.knowledge.networks))
        identities = Identities(self.sites, self.store, self.pipeline)
        people = PeopleQuestions(self.control, self.store, now)
        asks = {
            "events": questions.events,
            "timeline": questions.timeline,
            "report_mail": questions.report_mail,
            "report_message": questions.report_message,
            **CampaignQuestions(self.campaigns, self.store, questions.of_mail).asks(),
            "report_document": self.documents.report_document,
            "explain": questions.explain,
            "status": questions.status,
            "import_check": websites.import_check,
            "person_merge": identities.merge,
            "person_unmerge": identities.unmerge,
            "person_identities": identities.identities,
            "report_site": websites.report_site,
            "site_lately": websites.site_lately,
            "report_leads": websites.report_leads,
            "report_searches": websites.report_searches,
            "verify": self._verify,
            "rebuild": self._rebuild_asked,
            "backup": self._backup_asked,
            "tidy": self._tidy_asked,
            "regrade": self._regrade_asked,
            "correct": self._correct_asked,
            "corrections": self.questions.corrections,
            "learned": self.questions.learned,
            "person_export": lambda what: export(self, what),
            "person_erase": lambda what: erase_asked(self, what),
            "sample_remove": lambda what: remove_sample(self, what),
            "doctor": lambda _: ({"level": f.level, "what": f.what, "says": f.says} for f in examine(self.folder.root)),
            "retention": lambda _: iter([retention(self)]),
            "audit_log": lambda what: log_asked(self.register, what),
            **people.asks(),
            **self.acting.asks(),
            **self.sending.asks(),
            **self.sharing.asks(),
            **self.notices.asks(),
            **self.choosing.asks(),
            **Mailers(self.folder).asks(),
            **Trying(self.folder, self.settings, self.control, self.register).asks(),
        }
        return audited(self.register, asks | {"home": home(asks)})

    def _verify(self, _: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        count, _newest = self.store.size()
        found = self.verify()
        yield {"ok": not found, "events": count, "findings": found, "dropped": self.store.dropped_counts()}

    def _rebuild_asked(self, _: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        before = self.store.size()[0]
        after = self.rebuild()
        yield {"events_before": before, "events": after}

    def _backup_asked(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        path = self.backup(Path(what["to"]))
        yield {"file": str(path), "bytes": path.stat().st_size}

    def tidy(self) -> tuple[int, int]:
        """Delete journal segments past their days and documents past theirs, sort finished months; returns how many."""
        self.register.tell_streets()  # the region table may have been edited
        keep_to_days(self)
        with Library(self.folder) as library:
            library.expire(self.settings.documents_days)
        self.acting.tidy()
        tidy_accounts(self.folder)
        roll_up(self.store)
        expired = care.expire(self.folder, self.store, self.settings.journal_days)
        return expired, self.store.close_months(now() - _LATE)

    def _tidy_asked(self, _: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        expired, closed = self.tidy()
        yield {"segments_deleted": expired, "months_closed": closed}

    def _regrade_asked(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield regrade(self.store, self.control, self.knowledge.book, dry_run=bool(what.get("dry_run")))

    def _correct_asked(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        event = EventId(from_word(EVENT, str(what.get("event", ""))))
        kept = self.store.event(event)
        if kept is None or kept.workspace != here(what):
            raise NotFound(f"There is no event {what.get('event')}; 'inkdot events' lists those there are.")
        if what.get("says") == "rules":
            judged = self.control.forget_corrections(event)
            if judged is None:
                raise NotFound("Nobody corrected this event; it is judged by the rules.")
            self.pipeline.take_back(event, judged)
            yield from self.questions.explain(what)
            return
        because = clean(str(what.get("because") or "").strip(), 500)
        if what.get("says") not in list(Says) or not because:
            raise UsageError(f"Say {', '.join(Says)}, and why with --because.")
        correction = Correction(Says(what["says"]), because, now() // 1_000_000)
        self.control.keep_correction(event, correction, kept.verdict)
        self.pipeline.correct(event, correction)
        yield from self.questions.explain(what)

    def close(self) -> None:
        """Let go of everything."""
        self.register.close()
        self.pipeline.close()
        self.store.close()
        self._documents.close()
        self.campaigns.close()
        self.acting.close()
        self.notices.close()
        self.control.close()
        self.sites.close()
