"""The questions people ask, answered as plain JSON objects: the same for the command line and for the office.

Each takes words as parameters (as they come from a command line or a request) and yields one object after the other.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from inkdot.domain.consent import SMALL
from inkdot.domain.contact import Address, normal_address
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.event import Event, Kind
from inkdot.domain.evidence import SENTENCES, Field, Reason
from inkdot.domain.ids import EVENT, MESSAGE, ContactId, EventId, MessageId, WorkspaceId, from_word, to_word
from inkdot.domain.untreated import SENTENCES as UNTREATED
from inkdot.show.history import History, says_of_site
from inkdot.show.learned import possible_forwards, reliability
from inkdot.store.contract import event_json, iso
from inkdot.store.control import Control
from inkdot.store.events import EventStore, microseconds, timestamp
from inkdot.store.reports import active_messages, opens_of
from inkdot.store.veil import Veil, blurred

Parameters = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
T = TypeVar("T")
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PAGE = 5_000
_MOST_MAILS, _ALWAYS = 1_000_000, dt.datetime(9999, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is naive UTC
_SECOND = 1_000_000


def here(what: Parameters) -> WorkspaceId:
    """The workspace that is asked about: the first one, if the question does not say. Requests never say it themselves."""
    return WorkspaceId(int(what.get("workspace") or 1))


class Questions:
    """Everything that can be asked of one folder's stores."""

    def __init__(
        self, control: Control, store: EventStore, now: Callable[[], int], history: History | None = None
    ) -> None:
        """`now` gives microseconds since 1970."""
        self._control, self._store, self._now = control, store, now
        self._history = history or History(None, store)
        self._veil = Veil(store, control.sent_to_few)

    def events(self, what: Parameters) -> Answer:
        """Events, oldest first: person, kind, since, after (an event id), last (how many), limit."""
        kind, workspace = _kind(what.get("kind")), here(what)
        if (last := what.get("last")) is not None:
            yield from self._shown(self._store.newest(count_of(last), kind, workspace)[::-1])
            return
        contact = self._contact(what["person"], workspace) if what.get("person") else None
        if what.get("person") and contact is None:
            return
        after = from_word(EVENT, what["after"]) if what.get("after") else 0
        since = since_of(what.get("since"), self._now())
        left = count_of(what["limit"]) if what.get("limit") else None
        while True:
            most = _PAGE if left is None else min(left, _PAGE)
            page = self._store.page(
                after=after, contact=contact, kind=kind, since=since, most=most, workspace=workspace
            )
            yield from self._shown(page, since)
            left = None if left is None else left - len(page)
            if len(page) < most or left == 0:
                return
            after = page[-1].id

    def timeline(self, what: Parameters) -> Answer:
        """One person: who, what is known in a sentence, and each event."""
        address = normal_address(str(what.get("person", "")))
        workspace = here(what)
        contact = self._contact(address, workspace)
        events = self._history.of(contact, workspace) if contact is not None else []
        subjects = self._control.subjects(e.message for e in events if e.message is not None)
        scenes = [e.scene for e in events if e.scene]
        names = self._control.document_names(s.document for s in scenes if s.document is not None)
        items = []
        for event in events:
            subject = subjects.get(event.message) if event.message is not None else None
            if event.scene and event.scene.document is not None:
                subject = names.get(event.scene.document)
            items.append(event_json(event, address, self._now()) | {"subject": subject, "says": says(event)})
        forwards = [
            {"message": to_word(MESSAGE, f["message"]), "event": to_word(EVENT, f["event"]), "devices": f["devices"]}
            for f in possible_forwards(events)
        ]
        yield {
            "person": address, "known": contact is not None, "counts": _counts(events), "learned": self._learned(address, workspace),
            "possible_forwards": forwards, "events": items,
        }  # fmt: skip

    def _learned(self, address: str, workspace: WorkspaceId) -> list[str]:
        """What this person's and this mail domain's past opens are worth, in sentences."""
        domain = address.rpartition("@")[2]
        contact = self._control.contact_of(Address(address), workspace)
        colleagues = self._control.contacts_of_domain(domain, workspace)
        asked = [("this person", [contact] if contact else []), (f"people at {domain}", colleagues)]
        found = [reliability(who, opens_of(self._store, people, workspace)) for who, people in asked if people]
        return [sentence for sentence in found if sentence]

    def learned(self, what: Parameters) -> Answer:
        """What was learned of a person from the past."""
        address = normal_address(str(what.get("person", "")))
        yield {"person": address, "learned": self._learned(address, here(what))}

    def report_mail(self, what: Parameters) -> Answer:
        """Per message: people by what is proven of them, and the interval that follows; the latest `last` messages.

        `after`: a message, to go on behind it, in the order that they had at `until`. `internet_id`: only what left under that Message-ID, whenever it was.
        """
        name = what.get("internet_id")
        since = since_of(what.get("since") or ("all" if name else "30d"), self._now())
        most = count_of(what.get("last"), 50)
        workspace = here(what)
        where = {"since": timestamp(since), "workspace": workspace}
        every = (
            self._control.messages_named(str(name), workspace)
            if name
            else self._mails_since(since, what.get("until"), workspace)
        )
        if what.get("after"):
            every = behind(every, MessageId(from_word(MESSAGE, str(what["after"]))))
        shown = every[:most]
        few = list(self._control.sent_to_few(shown))
        asked = where | {"messages": shown, "few": few}
        found = {row[0]: row[1:] for row in self._store.rows("reports", "mail", asked)}
        marked = self._control.mails(shown, workspace)
        messages = [_message_json(m, marked.get(m), found.get(m)) | self._left(m) for m in shown]
        yield {"since": iso(since), "more": len(every) > most, "messages": messages}

    def _mails_since(self, since: int, until: Any, workspace: WorkspaceId) -> list[MessageId]:
        """Those of which something was heard since then (microseconds), and those marked since then."""
        seen = timestamp(since_of(until, self._now())) if until else _ALWAYS
        active = active_messages(self._store, since, seen, _MOST_MAILS, workspace)
        return list(dict.fromkeys([*active, *self._control.messages_since(since // _SECOND, workspace)]))

    def of_mail(self, message: MessageId, workspace: WorkspaceId) -> dict[str, Any]:
        """The counts of one mail, of all its time."""
        few = list(self._control.sent_to_few([message]))
        where = {"since": timestamp(0), "workspace": workspace, "messages": [message], "few": few}
        found = {row[0]: row[1:] for row in self._store.rows("reports", "mail", where)}
        kept = self._control.mails([message], workspace).get(message)
        return _message_json(message, kept, found.get(message)) | self._left(message)

    def _left(self, message: MessageId) -> dict[str, Any]:
        """What of a mail left without marks: copies by reason, and documents."""
        untreated = [
            {"name": name, "reason": why, "text": UNTREATED[why]}
            for name, why in self._control.untreated(message).items()
        ]
        return {"unmarked": self._control.unmarked(message), "untreated": untreated}

    def report_message(self, what: Parameters) -> Answer:
        """The counts of one `message`, of all its time."""
        yield self.of_mail(MessageId(from_word(MESSAGE, str(what.get("message", "")))), here(what))

    def explain(self, what: Parameters) -> Answer:
        """One event with the rules that fired and a sentence for each field."""
        number = EventId(from_word(EVENT, str(what.get("event", ""))))
        event = self._store.event(number)
        if event is None or event.workspace != here(what):
            raise NotFound(f"There is no event {what.get('event')}; 'inkdot events' lists those there are.")
        (event,) = self._veil.over([event])
        person = self._control.address_of(event.workspace, event.contact)
        fields = {name: explained(field) for name, field in event.verdict.fields._asdict().items()}
        repeats = self._store.repeats_of(number)
        shown = event_json(event, person, self._now(), in_crowd=True)
        yield shown | {"says": says(event), "explained": fields, "repeats": repeats}

    def corrections(self, what: Parameters) -> Answer:
        """What people said of events, with the facts that the rules saw: a test case each."""
        for number, correction in self._control.corrections().items():
            event = self._store.event(number)
            if event is not None and event.workspace == here(what):
                person = self._control.address_of(event.workspace, event.contact)
                yield event_json(event, person, self._now()) | {
                    "correction": correction._asdict() | {"time": iso(correction.time * _SECOND)}
                }

    def status(self, _: Parameters) -> Answer:
        """How much there is."""
        count, newest = self._store.size()
        yield {"events": count, "newest": iso(newest) if newest else None, "dropped": self._store.dropped_counts()}

    def told(self, event: Event) -> dict[str, Any]:
        """An event as feeds tell it, alone: with its subject and a sentence."""
        event = blurred(event)
        person = self._control.address_of(event.workspace, event.contact)
        subject = self._control.subjects([event.message]).get(event.message) if event.message is not None else None
        if event.scene and event.scene.document is not None:
            subject = self._control.document_names([event.scene.document]).get(event.scene.document)
        return event_json(event, person, self._now()) | {"subject": subject, "says": says(event)}

    def _shown(self, events: Sequence[Event], since: int = 0) -> Answer:
        """Events as they may be told; by the time that is told, or asking with one time after the other would find out the true one."""
        now = self._now()
        for event in self._veil.over(events):
            if event.time >= since:
                yield event_json(event, self._control.address_of(event.workspace, event.contact), now, in_crowd=True)

    def _contact(self, person: str, workspace: WorkspaceId) -> ContactId | None:
        return self._control.contact_of(normal_address(person), workspace)


_SAID = {Kind.REPLY: "A person answered the mail.", Kind.BOUNCE: "The mail could not be delivered."}


def says(event: Event) -> str:
    """An event in one plain sentence that claims no more than is proven."""
    if event.scene is not None and event.scene.site is not None:
        return says_of_site(event)
    verdict = event.verdict
    if verdict.fields.time.reason is Reason.FEW:
        return "Something like this was counted that day; what it was is told once five came."
    acted = "clicked" if event.kind is Kind.CLICK else "opened"
    thing = "link" if event.kind is Kind.CLICK else "mail"
    if event.kind in _SAID:
        return _SAID[event.kind]
    client = verdict.fields.client.value
    through = f" in {client}" if client else ""
    if event.scene and event.scene.document is not None and event.kind is not Kind.OPEN:
        return _says_of_reading(event)
    if event.id & 3:
        return "Opened without loading images: a click or a reply shows it."
    sentence = {
        "human": f"A person {acted} the {thing}{through}.",
        "image_proxy": f"Probably {acted}: the mail provider fetched it{through} when the mail was shown.",
        "privacy_proxy": "Fetched by Apple Mail's privacy proxy: perhaps opened, perhaps not.",
        "scanner": f"A security scanner fetched the {thing}; nobody {acted} it.",
        "bot": f"A program fetched the {thing}; nobody {acted} it.",
        "preview": f"Fetched in advance or for a preview; nobody need have {acted} it.",
        "sender": "You did this yourself.",
        "unknown": f"The {thing} was fetched; nobody can say by whom.",
    }[verdict.actor]
    if verdict.actor == "image_proxy" and verdict.human == "no":
        sentence = "Gmail fetched the image in advance; nobody need have opened the mail."
    if verdict.actor == "image_proxy" and verdict.human == "unknown":
        sentence = "A provider's proxy fetched the image; whether a person saw it cannot be known."
    return sentence + (" (again)" if event.repeat_of is not None else "")


def _says_of_reading(event: Event) -> str:
    """What happened in the reader."""
    assert event.scene
    did = {
        Kind.READ: f"had page {event.scene.page} in sight and in use for {event.scene.seconds or 0:.1f} s",
        Kind.DOWNLOAD: "downloaded the file",
    }.get(event.kind, "opened the document in the reader")
    who = {"sender": "You or a colleague", "human": "A person", "unknown": "Somebody"}
    return f"{who.get(event.verdict.actor, 'A machine')} {did}."


def explained(field: Field) -> str:
    """A field in plain words."""
    why = f": {SENTENCES[field.reason]}" if field.reason else ""
    return (
        f"{field.value or 'nothing claimed'} ({field.status}){why}"
        if field.reason or field.value
        else str(field.status)
    )


def _counts(events: list[Event]) -> dict[str, int]:
    counted = [e for e in events if e.repeat_of is None]
    return {
        "opens_sure": sum(e.kind is Kind.OPEN and e.verdict.human == "yes" for e in counted),
        "opens_likely": sum(e.kind is Kind.OPEN and e.verdict.human == "likely" for e in counted),
        "opens_unknown": sum(e.kind is Kind.OPEN and e.verdict.human == "unknown" for e in counted),
        "clicks": sum(e.kind is Kind.CLICK and e.verdict.human in ("yes", "likely") for e in counted),
        "machine": sum(e.verdict.human == "no" and e.kind is not Kind.BOUNCE for e in counted),
        "replies": sum(e.kind is Kind.REPLY for e in counted),
        "bounces": sum(e.kind is Kind.BOUNCE for e in counted),
        "repeats": len(events) - len(counted),
    }


def _message_json(message: int, marked: Any, row: tuple[Any, ...] | None) -> dict[str, Any]:
    (
        sure, likely, unknown, machine, clicked, clicked_unknown, opens, clicks, fetches, first, last, replied, bounced,
        opens_for_nobody, clicks_for_nobody,
    ) = row or ((0,) * 9 + (None, None, 0, 0, 0, 0))  # fmt: skip
    unnamed, untold = (marked.unnamed, marked.by_day) if marked else (0, 0)
    everybody = max(marked.recipients if marked else 0, sure + likely + unknown, clicked + clicked_unknown)
    return {
        "message": to_word(MESSAGE, message),
        "subject": marked.subject if marked else None,
        "marked": iso(marked.marked * _SECOND) if marked else None,
        "recipients": marked.recipients if marked else None,
        "unnamed": unnamed,
        "opened": {"sure": sure, "likely": likely, "unknown": unknown, "machine_only": machine},
        "opened_between": [
            sure,
            min(everybody, sure + likely + unknown + untold + _perhaps(unnamed, opens_for_nobody)),
        ],
        "clicked": clicked,
        "clicked_between": [clicked, min(everybody, clicked + clicked_unknown + _perhaps(unnamed, clicks_for_nobody))],
        "replied": replied,
        "bounced": bounced,
        "opens": opens,
        "clicks": clicks,
        "machine_fetches": fetches,
        "first": first and iso(microseconds(first)),
        "last": last and iso(microseconds(last)),
        "opens_for_nobody": opens_for_nobody,
        "clicks_for_nobody": clicks_for_nobody,
        "hidden_below": SMALL,
    }


def _perhaps(unnamed: int, acts: int) -> int:
    """How many people may have done what is counted for nobody so often, or what is hidden because it was seldom."""
    return min(unnamed, acts or SMALL - 1) if unnamed else acts


def _kind(word: Any) -> Kind | None:
    if not word:
        return None
    try:
        return Kind(word)
    except ValueError:
        raise UsageError(f"{word!r} is no kind of event; the kinds are {', '.join(Kind)}.") from None


def behind(items: Iterable[T], place: T) -> list[T]:
    """What comes behind a place in a list; nothing where it is gone."""
    left = iter(items)
    return list(left) if place in left else []


def count_of(word: Any, unsaid: int = 0) -> int:
    """A whole number above 0, `unsaid` where none was said; raises UsageError."""
    try:
        count = unsaid if word is None else int(word)
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise UsageError(f"{word!r} is no count; write a whole number above 0.")
    return count


def since_of(word: Any, now: int) -> int:
    """`7d`, `12h`, `2026-11-23`, `2026-11-23T10:00:00Z`, `all` -> microseconds since 1970."""
    if not word or word == "all":
        return 0
    if span := re.fullmatch(r"(\d{1,6})([mhdw])", str(word)):
        return max(0, now - int(span[1]) * _UNITS[span[2]] * _SECOND)
    try:
        time = dt.datetime.fromisoformat(str(word))
    except ValueError:
        raise UsageError(f"{word!r} is no time; write 7d, 12h, 2026-11-23 or 2026-11-23T10:00:00Z.") from None
    return max(0, round(time.replace(tzinfo=time.tzinfo or dt.UTC).timestamp() * _SECOND))
