"""Questions about who is there: who did something, who was not heard of, who got a mail and what was heard of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotFound
from inkdot.domain.evidence import MACHINES
from inkdot.domain.ids import EVENT, MESSAGE, ContactId, EventId, MessageId, from_word, to_word
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
        for person, (event, _, count) in self._named(what, rows):
            if found := self._store.event(EventId(event)):
                yield self._shown(found, person) | {"person": person, "count": count}

    def alive(self, what: Mapping[str, Any]) -> Answer:
        """As `active`, without the events themselves: who, when last and how many, for long lists."""
        where = self._where(what, "30d") | {"most": count_of(what.get("most") or 30)}
        for person, (last, count) in self._named(what, self._store.rows("people", "alive_people", where)):
            yield {"person": person, "last": iso(microseconds(last)), "count": count}

    def silent(self, what: Mapping[str, Any]) -> Answer:
        """Copies of mails since `since` that are older than `hours` and of which nothing was heard, oldest first."""
        until = self._now() // _SECOND - int(what.get("hours") or 48) * 3_600
        since = since_of(what.get("since") or "30d", self._now()) // _SECOND
        copies = self._control.copies_between(here(what), since, until, _MOST_COPIES)
        messages = sorted({copy.message for copy in copies})
        begun = timestamp(min((copy.marked for copy in copies), default=until) * _SECOND)
        heard = set(
            self._store.rows("people", "heard_of", {**self._where(what, "all"), "since": begun, "messages": messages})
        )
        for copy in reversed(copies):
            if (copy.message, copy.contact) not in heard:
                yield {
                    "person": copy.address, "message": to_word(MESSAGE, copy.message), "subject": copy.subject,
                    "marked": iso(copy.marked * _SECOND),
                }  # fmt: skip

    def latest(self, what: Mapping[str, Any]) -> Answer:
        """The latest events, newest first, `most` of them, none older than the event `after`."""
        after = from_word(EVENT, what["after"]) if what.get("after") else 0
        events = self._store.newest(count_of(what.get("most") or 30), None, here(what))
        names = self._control.addresses_of((here(what), e.contact) for e in events)
        for event in self._veil.over(events):
            if event.id > after:
                person = names.get((here(what), event.contact))
                yield self._shown(event, person) | {"person": person}

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
        yield {
            "message": to_word(MESSAGE, number), "subject": message.subject, "marked": iso(message.marked * _SECOND),
            "links": [{"href": link, "clicks": _clicks(events, link)} for link in message.links],
            "people": [_copy(address, did.get(contact)) for contact, address in copies],
            "events": [self._shown(e, names.get(e.contact)) | {"person": names.get(e.contact)} for e in events[-_MOST_EVENTS:]],
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

    def _named(self, what: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, list[Any]]]:
        """Rows that begin with a contact, with who that is."""
        names = self._control.addresses_of((here(what), ContactId(row[0])) for row in rows)
        for contact, *rest in rows:
            if person := names.get((here(what), ContactId(contact))):
                yield person, rest

    def _where(self, what: Mapping[str, Any], usual: str) -> dict[str, Any]:
        since = since_of(what.get("since") or usual, self._now())
        return {"since": timestamp(since), "workspace": here(what)}

    def _shown(self, event: Any, person: str | None) -> dict[str, Any]:
        subject = self._control.subjects([event.message]).get(event.message) if event.message is not None else None
        if event.scene and event.scene.document is not None:
            subject = self._control.document_names([event.scene.document]).get(event.scene.document)
        return event_json(event, person, self._now(), in_crowd=True) | {"subject": subject, "says": says(event)}


def _copy(address: str, did: tuple[Any, ...] | None) -> dict[str, Any]:
    opened, clicked, machines, replies, bounces, last = did or (None, None, 0, 0, 0, None)
    return {
        "person": address, "opened": _PROOF.get(opened or 0), "clicked": _PROOF.get(clicked or 0), "machine_fetches": machines,
        "replied": bool(replies), "bounced": bool(bounces), "last": last and iso(microseconds(last)),
    }  # fmt: skip


def _clicks(events: list[Any], link: str) -> int:
    """Clicks on a link that no machine made, without repeats."""
    return sum(e.url == link and e.verdict.actor not in MACHINES and e.repeat_of is None for e in events)
