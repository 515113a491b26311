"""What happens while something else is being done: rules change, people are erased, and what was done cannot be written down."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from inkdot.act.payload import envelope, sample
from inkdot.act.watch import Watch
from inkdot.app.folder import Folder
from inkdot.app.house import House as WholeHouse
from inkdot.app.office import Office, OfficeConfig
from inkdot.app.warmth import ForPages
from inkdot.domain.account import Role, User
from inkdot.domain.contact import Address
from inkdot.domain.errors import Failure
from inkdot.domain.ids import ContactId, DeliveryId, EventId, MessageId, TriggerId, UserId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.settings import load
from inkdot.store.accounts import Accounts
from inkdot.store.notices import KeptNotices
from inkdot.store.outbox import Deeds, NewDelivery
from tests.act.conftest import House, Receiver
from tests.act.test_trials import BEN, marked
from tests.conftest import ADA, eventually
from tests.store.made import AUTUMN, DAY, HERE, SECOND, after, click


@contextlib.contextmanager
def refusing(folder: Path, table: str) -> Iterator[None]:
    """Nothing can be added to a table meanwhile, as on a full disk."""
    with contextlib.closing(sqlite3.connect(folder / "control.db", isolation_level=None)) as db:
        db.execute(f"CREATE TRIGGER refusing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no room'); END")
        try:
            yield
        finally:
            db.execute("DROP TRIGGER refusing")


def told(receiver: Receiver, number: int, now: int, who: int = 7) -> NewDelivery:
    """Something that the receiver is to be told now."""
    url, event = receiver.url + "/hook", EventId(number)
    action = json.dumps({"do": "webhook", "url": url, "secret": "whsec_" + "A" * 32})
    body = json.dumps(envelope("trigger.fired", now, sample("trigger.fired", event, now)))
    at = now // SECOND
    return NewDelivery(DeliveryId(number), 1, event, 0, HERE, who, url, action, body, False, at, at)


def test_what_was_sent_and_could_not_be_written_down_is_not_sent_again(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    house.acting.outbox.add([told(receiver, 5, house.time)])
    with refusing(tmp_path, "outbox_attempts"):
        for _ in range(3):  # each start waits until the one before has ended
            eventually(house.acting.deliverer.start_due)
    eventually(lambda: house.acting.deliverer.start_due() or house.acting.outbox.counts() == {"done": 1})
    eventually(lambda: house.acting.outbox.counts() == {"done": 1})
    assert len(receiver.heard) == 1
    house.acting.outbox.replay([DeliveryId(5)], house.time // SECOND)
    eventually(house.acting.deliverer.start_due)
    eventually(lambda: len(receiver.heard) == 2)


@pytest.mark.parametrize("how", ["withdrawn", "erased", "put off"])
def test_what_is_not_to_be_sent_any_more_is_not_sent_behind_one_that_takes_long(
    house: House, receiver: Receiver, how: str
) -> None:
    outbox = house.acting.outbox
    outbox.add([told(receiver, 5, house.time), told(receiver, 6, house.time, who=8), told(receiver, 7, house.time)])
    receiver.hung.clear()
    assert house.acting.deliverer.start_due() == 1
    eventually(lambda: receiver.heard)
    if how == "withdrawn":
        outbox.keep_deeds(Deeds(machines=[EventId(6)]), {}, house.time // SECOND)
    elif how == "erased":
        outbox.forget_person(HERE, 8)
    else:
        outbox.replay([DeliveryId(6)], house.time // SECOND + 3_600)
    receiver.hung.set()
    eventually(lambda: (last := outbox.delivery(DeliveryId(7))) and last.state == "done")
    assert len(receiver.heard) == 2


def test_a_silence_that_could_not_be_kept_does_not_count_for_its_rules_limits(house: House, tmp_path: Path) -> None:
    marked(house, 3, BEN)
    house.silence(when={"not_opened_for": "3d"}, limits={"per_person": "1/7d"})
    house.time = AUTUMN + 3 * DAY + SECOND
    with refusing(tmp_path, "firings"), pytest.raises(sqlite3.Error):
        house.acting.watch.notice_silences()
    assert house.acting.watch.notice_silences() == 1


class Interrupted:
    """A society in which something happens whenever a subject is asked for."""

    def __init__(self, house: House, happens: threading.Thread) -> None:
        self._house, self._happens = house, happens

    def subjects(self, messages: Iterable[MessageId]) -> Mapping[MessageId, str | None]:
        self._happens.start()
        self._happens.join(0.5)  # where it waits for us, it goes on behind us
        return self._house.acting.subjects(messages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._house.acting, name)


def test_a_rule_that_is_removed_while_it_fires_ends_nothing(house: House) -> None:
    rule = {"name": "Clicked", "when": {"kind": "click"}, "actions": [{"do": "tag", "add": "hot"}]}
    kept = house.ask("trigger_add", rule=json.dumps(rule))

    def remove() -> None:
        house.ask("trigger_rm", trigger=kept["trigger"])
        watch.reload()

    removing = threading.Thread(target=remove)
    watch = Watch(house.acting.outbox, house.acting.triggers, Interrupted(house, removing), lambda: house.time)
    watch.begin({}, lambda _low, _high: iter(()))
    watch.take([click(1)._replace(time=house.time)], {0: after(1)})
    removing.join()
    watch.take([click(2)._replace(time=house.time)], {0: after(2)})
    assert house.acting.outbox.counts() == {"waiting": 1}


def test_points_that_could_not_be_written_down_are_written_down_later(house: House) -> None:
    show = {"name": "Note", "when": {"kind": "view", "score": 5}, "actions": [{"do": "show", "text": "Hello"}]}
    house.ask("trigger_add", rule=json.dumps(show))

    class Bound:
        """Websites on which Ben is known; once, nobody can say so."""

        trouble: Failure | None = None

        def bound(self, workspace: WorkspaceId) -> Mapping[int, ContactId]:
            trouble, self.trouble = self.trouble, None
            if trouble:
                raise trouble
            asked.append(workspace)
            return {1: ContactId(7)}

    sites, asked = Bound(), list[WorkspaceId]()
    pages = ForPages(house.acting.triggers, house.acting.audiences, lambda: house.time)

    def kept() -> Collection[WorkspaceId]:
        asked.clear()
        if pages.due():
            pages.keep(house.store, sites)  # type: ignore[arg-type]
        return tuple(asked)

    sites.trouble = Failure("The event store is just being replaced; ask again in a moment.")
    with pytest.raises(Failure):
        kept()
    assert kept() == (HERE,), "everybody's points"
    pages.heard([click(1)])
    eventually(pages.due)
    sites.trouble = Failure("The event store is just being replaced; ask again in a moment.")
    with pytest.raises(Failure):
        kept()
    eventually(pages.due)
    assert kept() == (HERE,), "those of who did something"


def test_a_kill_behind_the_keeping_of_an_event_loses_no_notice(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    now = time.time_ns() // 1000
    with folder.owned():
        house = WholeHouse(folder, load(folder.root, {}))
        with contextlib.closing(Accounts(folder.control)) as accounts:
            accounts.keep_user(User(UserId(1), ADA, "Ada", "", None, None, 0), HERE, Role.OWNER)
        kept = KeptNotices(folder.control)
        kept.keep_wish(UserId(1), HERE, json.dumps({"ntfy": "https://ntfy.example.com/ada"}), 0)
        kept.close()
        store, watch = house.store, house.acting.watch
        watch.take([], {0: after(0)})
        store.keep([click(1)._replace(time=now)], (), {0: after(1)})
        house.close()  # killed here: it was kept, and nothing else
        again = WholeHouse(folder, load(folder.root, {}))
        (row,) = again.acting.outbox.deliveries(HERE, None, None, 0, 10)
        assert row.target == "https://ntfy.example.com/ada"
        again.close()


def test_trouble_with_silences_ends_no_deliveries(tmp_path: Path, receiver: Receiver) -> None:
    folder = Folder(tmp_path / "data")
    folder.root.mkdir(exist_ok=True)
    (folder.root / "inkdot.toml").write_text('private_networks = ["127.0.0.0/8"]\n')
    now = time.time_ns() // 1000
    office = Office(folder, OfficeConfig(str(folder.root), -1, -1, {}))
    ben = Address("ben@example.com")
    with folder.owned():
        house = WholeHouse(folder, load(folder.root, {}))
        mail = Message(MessageId(3), now // SECOND - 3 * 86_400 - 60, "The quote", (ben,), ())
        house.control.keep_message(mail, {ben: ContactId(7)}, HERE)
        rule = {"name": "Silent", "when": {"not_opened_for": "3d"}, "actions": [{"do": "tag", "add": "quiet"}]}
        house.acting.triggers.keep(TriggerId(1), "Silent", json.dumps(rule), 0, HERE)
        house.acting.outbox.add([told(receiver, 5, now)])
        house.close()
        threads = [threading.Thread(target=office.work, args=(lambda: None,)), threading.Thread(target=office.deliver)]
        try:
            with refusing(folder.root, "firings"):
                for thread in threads:
                    thread.start()
                eventually(lambda: receiver.heard)
        finally:
            office.stopping = True
            office.wake()
            for thread in threads:
                thread.join()
            office.close()
    assert not office.failed
