"""Questions about who is there: who did something, who was not heard of, who got a mail and what was heard of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotFound
from inkdot.domain.event import Event
from inkdot.domain.evidence import MACHINES
from inkdot.domain.ids import EVENT, MESSAGE, ContactId, MessageId, from_word, to_word
from inkdot.show.questions import Answer, count_of, here, says, since_of
from inkdot.store.contract import event_json, iso
from inkdot.store.control import Control
from inkdot.store.events import EventStore, microseconds, timestamp
from inkdot.store.reports import newest_first
from inkdot.store.veil import Veil

_SECOND = 1_000_000
_PROOF = {3: "yes", 2: "likely", 1: "unknown"}
_MOST_COPIES, _MOST_EVENTS = 5_000, 1_000


class PeopleQuestions:
    """Lists for the office, of one folder's stores."""

    def __init__(self, control: Control, store: EventStore, now: Callable[[], int]) -> None:
        """`now` gives microseconds since 1970."""
        self._control, self._store, self._now = control, store, now
        self._veil = Veil(store, control.sent_to_few)

    def asks(self) -> dict[str, Callable[[Mapping[str, Any]], Answer]]:
        """By name."""
        return {
            "active": self.active, "alive": self.alive, "silent": self.silent, "heard": self.heard, "latest": self.latest,
            "sent": self.sent,
        }  # fmt: skip

    def active(self, what: Mapping[str, Any]) -> Answer:
        """Who did something that a person does since `since`, latest first, `most` of them: the last such event, and how many."""
        most = count_of(what.get("most") or 30)
        since = since_of(what.get("since") or "30d", self._now())
        rows = newest_first(self._store, "people", "active_people", since, here(what), most)
        counts, names = {row[0]: row[3] for row in rows}, self._names(what, (row[0] for row in rows))
        oldest = min((microseconds(row[2]) for row in rows), default=since)
        found = {e.contact: e for e in self._store.some([row[1] for row in rows], oldest)}
        events = [found[contact] for contact in counts if contact in found and contact in names]
        for event, told in zip(events, self._shown(events, names), strict=True):
            yield told | {"count": counts[event.contact]}

    def alive(self, what: Mapping[str, Any]) -> Answer:
        """As `active`, without the events themselves: who, when last and how many, for long lists."""
        where = self._where(what, "30d") | {"most": count_of(what.get("most") or 30)}
        rows = self._store.rows("people", "alive_people", where)
        names = self._names(what, (row[0] for row in rows))
        for contact, last, count in rows:
            if contact in names:
                yield {"person": names[contact], "last": iso(microseconds(last)), "count": count}

    def silent(self, what: Mapping[str, Any]) -> Answer:
        """Copies of mails since `since` that are older than `hours` and of which nothing was heard: `count`, and the oldest `most`.

        Of very many copies the latest are looked at; `more` says that there are others.
        """
        until = self._now() // _SECOND - int(what.get("hours") or 48) * 3_600
        since = since_of(what.get("since") or "30d", self._now()) // _SECOND
        copies = self._control.copies_between(here(what), since, until, _MOST_COPIES)
        messages = sorted({copy.message for copy in copies})
        begun = timestamp(min((copy.marked for copy in copies), default=until) * _SECOND)
        where = {"workspace": here(what), "since": begun, "messages": messages}
        heard = set(self._store.rows("people", "heard_of", where))
        unheard = [copy for copy in reversed(copies) if (copy.message, copy.contact) not in heard]
        shown = unheard[: count_of(what.get("most"), _MOST_COPIES)]
        names = self._names(what, (copy.contact for copy in shown))
        subjects = self._control.subjects(copy.message for copy in shown)
        mails = {
            m: {"message": to_word(MESSAGE, m), "subject": subjects.get(m), "marked": iso(marked * _SECOND)}
            for m, marked, _ in {copy.message: copy for copy in shown}.values()
        }
        yield {
            "count": len(unheard), "more": len(copies) == _MOST_COPIES,
            "copies": [{"person": names[c.contact], **mails[c.message]} for c in shown if c.contact in names],
        }  # fmt: skip

    def latest(self, what: Mapping[str, Any]) -> Answer:
        """The latest events, newest first, `most` of them, none older than the event `after`."""
        after = from_word(EVENT, what["after"]) if what.get("after") else 0
        events = self._store.newest(count_of(what.get("most") or 30), None, here(what))
        shown = [event for event in self._veil.over(events) if event.id > after]
        yield from self._shown(shown, self._names(what, (event.contact for event in shown)))

    def heard(self, what: Mapping[str, Any]) -> Answer:
        """One mail: each person's copy and what was heard of it, and the events of all."""
        number = MessageId(from_word(MESSAGE, str(what.get("message", ""))))
        copies = self._control.copies_of(number, here(what))
        message = self._control.message(number)
        if message is None or not copies:
            raise NotFound(f"There is no mail {what.get('message')}.")
        did = {
            row[0]: row[1:]
            for row in self._store.rows("reports", "people_of_mail", {"message": number, "workspace": here(what)})
        }
        names = dict(copies)
        events = self._veil.over(self._store.of_message(here(what), number))
        told = self._shown(events[-_MOST_EVENTS:], names)
        yield {
            "message": to_word(MESSAGE, number), "subject": message.subject, "marked": iso(message.marked * _SECOND),
            "links": [{"href": link, "clicks": _clicks(events, link)} for link in message.links],
            "people": [_copy(address, did.get(contact)) for contact, address in copies],
            "events": list(told),
        }  # fmt: skip

    def sent(self, what: Mapping[str, Any]) -> Answer:
        """Copies of a `person` or of a `message` on their way: when each was marked, when a mail server took it, what it said."""
        if what.get("message"):
            copies = self._control.copies_sent(
                MessageId(from_word(MESSAGE, str(what["message"]))), here(what), _MOST_COPIES
            )
        else:
            contact = self._control.contact_of(normal_address(str(what.get("person", ""))), here(what))
            copies = self._control.copies_to(contact, here(what), _MOST_EVENTS) if contact else []
        for copy in copies:
            yield {
                "message": to_word(MESSAGE, copy.message), "person": copy.address, "subject": copy.subject, "marked": iso(copy.marked * _SECOND),
                "handed_over": copy.handed and iso(int(copy.handed * _SECOND)), "state": copy.state, "answer": copy.answer,
            }  # fmt: skip

    def _names(self, what: Mapping[str, Any], contacts: Iterable[int]) -> dict[ContactId, str]:
        """Who they are, as far as that is known."""
        found = self._control.addresses_of((here(what), ContactId(contact)) for contact in contacts)
        return {contact: address for (_, contact), address in found.items()}

    def _where(self, what: Mapping[str, Any], usual: str) -> dict[str, Any]:
        since = since_of(what.get("since") or usual, self._now())
        return {"since": timestamp(since), "workspace": here(what)}

    def _shown(self, events: Sequence[Event], names: Mapping[ContactId, str]) -> Answer:
        """Events with their subjects and a sentence, in their order."""
        subjects = self._control.subjects(e.message for e in events if e.message is not None)
        papers = [e.scene.document for e in events if e.scene and e.scene.document is not None]
        documents, now = self._control.document_names(papers), self._now()
        for event in events:
            subject = subjects.get(event.message) if event.message is not None else None
            if event.scene and event.scene.document is not None:
                subject = documents.get(event.scene.document)
            told = event_json(event, names.get(event.contact), now, in_crowd=True)
            yield told | {"subject": subject, "says": says(event)}


def _copy(address: str, did: tuple[Any, ...] | None) -> dict[str, Any]:
    opened, clicked, machines, replies, bounces, last = did or (None, None, 0, 0, 0, None)
    return {
        "person": address, "opened": _PROOF.get(opened or 0), "clicked": _PROOF.get(clicked or 0), "machine_fetches": machines,
        "replied": bool(replies), "bounced": bool(bounces), "last": last and iso(microseconds(last)),
    }  # fmt: skip


def _clicks(events: list[Any], link: str) -> int:
    """Clicks on a link that no machine made, without repeats."""
    return sum(e.url == link and e.verdict.actor not in MACHINES and e.repeat_of is None for e in events)
