"""Rules on trial, and rules about silence: what they would have done, to whom, and what they leave aside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inkdot.domain.contact import Address
from inkdot.domain.event import Kind, Scene
from inkdot.domain.ids import ContactId, MessageId, SiteId, VisitorId
from inkdot.domain.message import Message
from inkdot.store.contract import iso
from tests.act.conftest import House
from tests.store.made import AUTUMN, DAY, HERE, NOBODY, SCANNER, SECOND, event, keep

BEN, EVE = Address("ben@example.com"), Address("eve@example.org")


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


def test_a_rule_about_silence_is_tried_on_the_mails_of_the_past(house: House) -> None:
    for number in (3, 4):
        marked(house, number, BEN, EVE)
    in_time, late = AUTUMN + 2 * DAY, AUTUMN + 4 * DAY
    keep(
        house.store, event(1, message=MessageId(3), contact=ContactId(7))._replace(time=in_time),
        event(2, message=MessageId(4), contact=ContactId(7))._replace(time=late),
    )  # fmt: skip
    house.time = AUTUMN + 5 * DAY
    rule: dict[str, Any] = {
        "name": "Silent", "when": {"not_opened_for": "3d"}, "actions": [{"do": "tag", "add": "quiet"}],
    }  # fmt: skip
    told = house.ask("trigger_test", rule=json.dumps(rule), since="7d")
    assert (told["events"], told["would_have_fired"], told["fires"], told["people"]) == (4, 3, 3, 2)
    assert {example["person"] for example in told["examples"]} == {BEN, EVE}
    assert {example["time"] for example in told["examples"]} == {iso(AUTUMN + 3 * DAY)}
    limited = rule | {"limits": {"per_person": "1/7d"}}
    told = house.ask("trigger_test", rule=json.dumps(limited), since="7d")
    assert (told["fires"], told["held_back_by_limits"]) == (2, 1)
    others = rule | {"when": {"not_opened_for": "3d", "person": "*@example.org"}}
    assert house.ask("trigger_test", rule=json.dumps(others), since="7d")["fires"] == 2
    assert house.ask("trigger_test", rule=json.dumps(rule), since="1d")["events"] == 0


def test_a_rule_about_silence_keeps_to_its_limits(house: House) -> None:
    for number in (3, 4):
        marked(house, number, BEN, EVE)
    house.silence(when={"not_opened_for": "3d"}, limits={"per_person": "1/7d"})
    house.time = AUTUMN + 3 * DAY + SECOND
    assert house.acting.watch.notice_silences() == 2


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.CLICK, Kind.REPLY])
def test_who_clicked_or_answered_is_not_called_silent(house: House, kind: Kind) -> None:
    marked(house, 3, BEN, EVE)
    keep(house.store, event(1, kind=kind), event(2, contact=ContactId(8), verdict=SCANNER))
    house.silence(when={"not_opened_for": "3d"})
    house.time = AUTUMN + 3 * DAY + SECOND
    assert house.acting.watch.notice_silences() == 1
    (told,) = house.acting.outbox.deliveries(HERE, None, None, 0, 10)
    assert json.loads(told.body)["data"]["person"] == EVE
