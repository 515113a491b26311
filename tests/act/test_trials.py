"""Rules on trial, and rules about silence: what they would have done, to whom, and what they leave aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inkdot.app.acting import Acting
from inkdot.app.folder import Folder
from inkdot.domain.contact import Address
from inkdot.domain.event import Kind, Scene
from inkdot.domain.ids import ContactId, MessageId, SiteId, VisitorId
from inkdot.domain.message import Message
from inkdot.settings import Settings
from inkdot.store.control import Control
from inkdot.store.events import EventStore
from tests.store.made import AUTUMN, DAY, HERE, NOBODY, SCANNER, SECOND, event, keep

BEN, EVE = Address("ben@example.com"), Address("eve@example.org")


class House:
    """Rules over one store, with a clock that stands where a test puts it."""

    def __init__(self, folder: Folder) -> None:
        self.time = AUTUMN + DAY
        self.control, self.store = Control(folder.control), EventStore(folder.events)
        self.acting = Acting(folder, Settings(), self.control, lambda: self.time, lambda _t, _w: None)
        self.acting.store = self.store

    def ask(self, question: str, **what: Any) -> dict[str, Any]:
        return next(self.acting.asks()[question](what))

    def silence(self, **rule: Any) -> None:
        full = {"name": "Silent", "actions": [{"do": "tag", "add": "quiet"}]} | rule
        self.ask("trigger_add", rule=json.dumps(full))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(Folder(tmp_path))
    yield found
    found.acting.close()
    found.store.close()
    found.control.close()


def marked(house: House, number: int, *people: Address) -> None:
    mail = Message(MessageId(number), AUTUMN // SECOND, "The quote", people, ())
    contacts = {BEN: ContactId(7), EVE: ContactId(8)}
    house.control.keep_message(mail, {person: contacts[person] for person in people}, HERE)


def view(place: int, visitor: int, channel: str, **changes: Any) -> Any:
    scene = Scene(site=SiteId(5), visitor=VisitorId(visitor), channel=channel, source="google")
    url = "https://example.com/pricing"
    return event(place, kind=Kind.VIEW, message=None, contact=NOBODY, url=url, scene=scene, **changes)


def test_what_pages_show_is_tried_by_channel_and_cap_without_what_only_browsers_know(house: House) -> None:
    searched = "Organic Search"
    keep(
        house.store, view(1, 1, searched), view(2, 1, searched), view(3, 2, searched), view(4, 3, "Direct"),
        view(5, 4, searched, verdict=SCANNER),
    )  # fmt: skip
    rule: dict[str, Any] = {
        "name": "Note", "when": {"kind": "view", "url": "/pricing*", "channel": searched, "seconds": 30},
        "actions": [{"do": "show", "text": "Hello"}],
    }  # fmt: skip
    told = house.ask("trigger_test", rule=json.dumps(rule), since="7d")
    assert (told["would_have_fired"], told["on_machines"], told["fires"]) == (4, 1, 2)
    assert (told["held_back_by_limits"], told["left_aside"]) == (1, ["seconds"])
    rule["actions"][0]["most"] = 2
    assert house.ask("trigger_test", rule=json.dumps(rule), since="7d")["fires"] == 3


@pytest.mark.parametrize(
    ("when", "fires"),
    [
        ({}, 2), ({"person": "*@example.org"}, 1), ({"person": "*@example.net"}, 0), ({"audience": "friends"}, 1),
        ({"audience": "nobody"}, 0), ({"score": 1}, 0), ({"message": "msg_0000000000009"}, 0),
    ],
)  # fmt: skip
def test_a_rule_about_silence_keeps_to_all_it_says_of_the_person(
    house: House, when: dict[str, Any], fires: int
) -> None:
    marked(house, 3, BEN, EVE)
    house.ask("audience_add", name="friends")
    house.ask("audience_change", name="friends", person=BEN, join=True)
    house.silence(when={"not_opened_for": "3d"} | when)
    house.time = AUTUMN + 3 * DAY + SECOND
    assert house.acting.watch.notice_silences() == fires
    assert house.acting.watch.notice_silences() == 0


def test_a_rule_about_silence_keeps_to_its_limits(house: House) -> None:
    for number in (3, 4):
        marked(house, number, BEN, EVE)
    house.silence(when={"not_opened_for": "3d"}, limits={"per_person": "1/7d"})
    house.time = AUTUMN + 3 * DAY + SECOND
    assert house.acting.watch.notice_silences() == 2
