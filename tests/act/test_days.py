"""A receiver that is down for days: how often it is tried, and what becomes of what it was to get."""

from __future__ import annotations

import itertools

from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, MessageId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.store.outbox import Delivery
from tests.act.conftest import House, Receiver
from tests.conftest import eventually
from tests.store.made import AUTUMN, DAY, HERE, SECOND

HOUR = DAY // 24


def fired(house: House, receiver: Receiver) -> None:
    """A rule fires that tells the receiver."""
    ben = Address("ben@example.com")
    house.control.keep_message(
        Message(MessageId(3), AUTUMN // SECOND, "The quote", (ben,), ()), {ben: ContactId(7)}, HERE
    )
    house.silence(when={"not_opened_for": "3d"}, actions=[{"do": "webhook", "url": receiver.url + "/down"}])
    house.time = AUTUMN + 3 * DAY + SECOND
    assert house.acting.watch.notice_silences() == 1


def only(house: House) -> Delivery:
    (found,) = house.acting.outbox.deliveries(WorkspaceId(1), None, None, 0, 10)
    return found


def next_try(house: House) -> None:
    """The clock goes on to when the next try is due, and it is made."""
    before = only(house).tries

    def tried() -> bool:
        waits = only(house)
        if waits.tries == before:  # how long the place rests is kept a moment after the delivery
            rests = house.acting.outbox.target(waits.target).not_before
            house.time = max(house.time, max(waits.due, rests) * SECOND)
            house.acting.deliverer.start_due()
        return waits.tries > before

    eventually(tried)


def test_a_receiver_that_stays_down_is_tried_for_days_under_one_id_and_what_it_missed_can_be_sent_again(
    house: House, receiver: Receiver
) -> None:
    receiver.status["/down"] = 503
    fired(house, receiver)
    tries: list[int] = []
    while only(house).state == "waiting":
        next_try(house)
        tries.append(house.time)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert only(house).state == "failed"
    assert pauses[0] < 10 * SECOND
    assert pauses[-1] > 18 * HOUR
    assert 3 * DAY < tries[-1] - tries[0] < 6 * DAY
    heard = receiver.at("/down")
    assert len(heard) == len(tries)
    assert len({h.headers["webhook-id"] for h in heard}) == 1
    receiver.status["/down"] = 204
    assert house.ask("webhook_replay")["state"] == "done"
    assert receiver.at("/down")[-1].headers["webhook-id"] == heard[0].headers["webhook-id"]


def test_what_waits_arrives_with_the_first_try_after_the_receiver_is_back(house: House, receiver: Receiver) -> None:
    receiver.status["/down"] = 503
    fired(house, receiver)
    while house.time < AUTUMN + 5 * DAY:
        next_try(house)
    receiver.status["/down"] = 204
    next_try(house)
    assert only(house).state == "done"
    assert len({h.headers["webhook-id"] for h in receiver.at("/down")}) == 1


def test_what_waits_does_not_wait_for_the_old_time_where_the_clock_was_set_back(
    house: House, receiver: Receiver
) -> None:
    receiver.status["/down"] = 503
    fired(house, receiver)
    next_try(house)
    rests = eventually(lambda: house.acting.outbox.target(only(house).target).not_before)
    waits = only(house).due - house.time // SECOND
    house.time -= 300 * DAY
    house.acting.deliverer.start_due()
    assert only(house).due - house.time // SECOND == waits
    assert rests - house.acting.outbox.target(only(house).target).not_before == 300 * 86_400
    receiver.status["/down"] = 204
    next_try(house)
    assert only(house).state == "done"
