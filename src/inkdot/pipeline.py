"""The whole path on one page: read the journal, understand, keep, move the checkpoint with what was kept, and act on it.

One step is one transaction. A crash before it leaves nothing, a crash after it everything; replaying changes nothing.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from inkdot.act.watch import Watch
from inkdot.domain.event import Dropped, DropReason, Event
from inkdot.domain.evidence import Actor, Correction, Human, Verdict, without_word
from inkdot.domain.ids import ContactId, EventId, VisitorId
from inkdot.domain.ping import ping_id
from inkdot.domain.token import Keyring
from inkdot.journal.reader import Damage, Reader
from inkdot.store.agreements import Agreements
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from inkdot.store.sites import Binding, Sites
from inkdot.store.visits import FINISHED_AFTER, ROLL_UP_ABOVE, judged_anew, owe_the_past, owes_the_past, roll_up
from inkdot.understand.address import Networks
from inkdot.understand.channels import Channels
from inkdot.understand.rules import RuleBook
from inkdot.understand.steps import Outcome, Understanding
from inkdot.understand.website import in_a_visit

Heard = Callable[[Sequence[Event], Mapping[int, int], Mapping[EventId, Verdict], Collection[Event]], None]
"""(events, by stream the first id behind them, verdicts that changed, the latest events)."""
BATCH = 20_000
"""Pings per transaction at the most: about half a second of work, 30 MB of memory."""


_MANY, _SEARCH_AFTER = 1_000, 50
"""Pings of a batch that counts as large; how many such batches until all memory is searched for cycles."""


class Pipeline:
    """From a journal folder into a store. One per folder."""

    def __init__(
        self,
        journal: Path,
        keyring: Keyring,
        control: Control,
        store: EventStore,
        networks: Networks | None = None,
        book: RuleBook | None = None,
        sites: Sites | None = None,
        channels: Channels | None = None,
        watch: Watch | None = None,
        agreements: Agreements | None = None,
    ) -> None:
        """`networks` and `book`: what is known of addresses, and the rules; those that come with Inkdot if not given.

        `watch` acts on events once they are kept; `agreements` writes down before what browsers agreed to.
        """
        self._journal, self._store, self._control, self._sites = journal, store, control, sites
        self._understood = partial(Understanding, keyring, store, networks, control, book, sites, channels)
        self._watch, self._agreements = watch, agreements
        self._begin()
        self._not_rolled, self._from_the_past, self._newest = 0, owes_the_past(store), store.last_time()
        self._set_aside_since = 0
        self._corrections = control.corrections()
        self.latest: deque[Event] = deque(maxlen=1_000)
        """The events kept last, newest at the right."""
        self.heard: Heard | None = None
        """Told of each batch once it is kept."""

    def _begin(self) -> None:
        """Go on behind what is kept, remembering what led there."""
        self._failed = True
        self._reader = Reader(self._journal, self._store.checkpoint())
        self._understanding = self._understood()
        if self._watch:
            self._watch.begin(self._store.checkpoint(), self._store.between_ids)
        self._failed = False

    def step(self) -> int:
        """Take one batch through; returns how many pings it had. Raises StoreDamaged, NewerData.

        After one that failed the next one takes its pings again: the journal was read and memory changed, and nothing kept.
        """
        if self._failed:
            self._reader.close()
            self._begin()
        # A batch makes hundreds of thousands of tuples and not one cycle: searching them for cycles costs a fifth of the time.
        gc.disable()
        done = 0
        try:
            done = self._step()
        except BaseException:
            self._failed = True
            raise
        finally:
            if done >= _MANY:
                self._set_aside()
            gc.enable()
        return done

    def _set_aside(self) -> None:
        """What a large batch leaves behind is remembered for minutes: it goes to the old ones without being searched.

        What others left meanwhile goes there, too, so the old ones are searched after a million pings.
        """
        gc.freeze()
        gc.unfreeze()
        self._set_aside_since += 1
        if self._set_aside_since >= _SEARCH_AFTER:
            self._set_aside_since = 0
            gc.collect()

    def _step(self) -> int:
        batch = self._reader.read(BATCH)
        if not batch.end:
            self._add_up_the_past()
            return 0
        outcome = self._understanding.batch(batch.pings)
        outcome.dropped.extend(map(_unreadable, batch.damage))
        if self._corrections:
            self._correct(outcome)
        if outcome.contacts:
            self._control.remember_contacts(outcome.contacts)
        if outcome.proofs and self._sites:
            places = {event.id: event.workspace for event in outcome.events}
            self._sites.bind(
                Binding(places[p.event], p.visitor, p.contact, p.time, p.rule, p.event)
                for p in outcome.proofs
                if p.event in places
            )
        if self._agreements:
            self._agreements.heard(outcome.events)
        of_sites = [e.time for e in outcome.events if e.scene and e.scene.site]
        self._owe_the_past(of_sites)
        self._store.keep(outcome.events, outcome.dropped, batch.end, outcome.relabelled)
        try:
            if self._watch:
                self._watch.take(outcome.events, batch.end, outcome.relabelled)
        finally:  # what it could not act on it takes from the store later; those who watch would never hear of it
            self._tell(outcome, batch.end)
        self._count_for_reports(of_sites)
        return len(batch.pings) + len(batch.damage)

    def _tell(self, outcome: Outcome, end: Mapping[int, tuple[int, int]]) -> None:
        self.latest.extend(outcome.events[-1_000:])
        if self.heard:
            ends = {stream: int(ping_id(stream, *place)) for stream, place in end.items()}
            self.heard(outcome.events, ends, outcome.relabelled, self.latest)

    def _owe_the_past(self, of_sites: Sequence[int]) -> None:
        """The past is what may have been added up already, without these events. That stands in the store before they do."""
        if not self._from_the_past and of_sites and min(of_sites) < self._newest - FINISHED_AFTER:
            owe_the_past(self._store)
            self._from_the_past = True

    def _count_for_reports(self, of_sites: Sequence[int]) -> None:
        """Visits are added up from time to time; those of the past, which an import brings, when the journal is quiet."""
        if not of_sites:
            return
        self._newest = max(self._newest, *of_sites)
        self._not_rolled += len(of_sites)
        if self._not_rolled > ROLL_UP_ABOVE and not self._from_the_past:
            self._not_rolled = 0
            roll_up(self._store)

    def _add_up_the_past(self) -> None:
        if self._from_the_past:
            roll_up(self._store, anew_since=0)
            self._from_the_past, self._not_rolled = False, 0

    def drain(self, progress: Callable[[int, int], None] = lambda _done, _left: None) -> int:
        """Take all that the journal holds now; reports (pings done, bytes left). Returns how many pings it were."""
        done = 0
        while count := self.step():
            done += count
            progress(done, self._reader.backlog())
        return done

    def catch_up(self) -> None:
        """Take what the journal holds by now; unlike `drain` it ends also while more comes in."""
        while self.step() >= BATCH:
            pass

    def correct(self, event: EventId, correction: Correction) -> None:
        """A person's word on an event, from now on before what rules say, also when it is understood again."""
        self._corrections[event] = correction
        self._judge(event, correction.of)

    def take_back(self, event: EventId, judged: tuple[Actor, Human]) -> None:
        """Nobody's word counts for an event any more: it is judged as it was before."""
        self._corrections.pop(event, None)
        self._judge(event, lambda verdict: without_word(verdict, *judged))

    def _judge(self, event: EventId, anew: Callable[[Verdict], Verdict]) -> None:
        """Another verdict for an event; reports on websites that counted it by now count again."""
        kept = self._store.event(event)
        if kept is None:
            return
        verdict = anew(kept.verdict)
        self._store.relabel({event: verdict}, kept.rules)
        if kept.scene and kept.scene.site:
            judged_anew(self._store, in_a_visit(kept._replace(verdict=verdict)))

    def _correct(self, outcome: Outcome) -> None:
        for place, event in enumerate(outcome.events):
            if (correction := self._corrections.get(event.id)) is not None:
                outcome.events[place] = in_a_visit(event._replace(verdict=correction.of(event.verdict)))
        for event_id in outcome.relabelled.keys() & self._corrections.keys():
            outcome.relabelled[event_id] = self._corrections[event_id].of(outcome.relabelled[event_id])

    def forget_person(self, contact: ContactId) -> None:
        """Nothing of a person stays at hand."""
        kept = [event for event in self.latest if event.contact != contact]
        self.latest.clear()
        self.latest.extend(kept)

    def backlog(self) -> int:
        """Bytes of the journal not yet understood; an upper bound."""
        return self._reader.backlog()

    def forget(self, visitors: Collection[VisitorId]) -> None:
        """Ask memory again who these are: somebody changed it by hand."""
        self._understanding.forget(visitors)

    def close(self) -> None:
        """Let go of the journal."""
        self._reader.close()


def _unreadable(damage: Damage) -> Dropped:
    return Dropped(ping_id(damage.stream, damage.segment, damage.offset), 0, DropReason.UNREADABLE)
