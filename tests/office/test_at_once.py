"""What is asked of the office while something else happens, or by several at once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from inkdot.app.ask import CutOff, ask
from inkdot.app.audit import audited
from inkdot.app.consent import Register
from inkdot.app.folder import Folder, Server
from inkdot.app.house import House
from inkdot.app.office import Office, OfficeConfig
from inkdot.domain.account import Membership, Role
from inkdot.domain.errors import Failure, FolderInUse, SignInFirst
from inkdot.domain.event import Event
from inkdot.domain.ids import DELIVERY, ContactId, DeliveryId, EventId, UserId, from_word
from inkdot.settings import load
from inkdot.show.api.asked import Log
from inkdot.show.api.call import Call, Principal
from inkdot.show.api.webhooks import list_deliveries
from inkdot.show.auth import Auth, fresh_user
from inkdot.show.live import Live, Past, Wanted
from inkdot.show.passwords import hashed, totp_code, totp_secret
from inkdot.store.accounts import Accounts
from inkdot.store.consents import Consents
from inkdot.store.outbox import Attempt, NewDelivery
from tests.conftest import ADA, PATIENCE, eventually, in_a_loop
from tests.office.asking import PASSWORD
from tests.store.made import HERE, event


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    """An office at work without a door."""
    running = Office(Folder(tmp_path / "data"), OfficeConfig(str(tmp_path / "data"), -1, -1, {}))
    worker = threading.Thread(target=running.work, args=(lambda: None,), daemon=True)
    worker.start()
    yield running
    running.stopping = True
    worker.join(PATIENCE)
    running.close()


def test_a_chore_whose_answer_is_fetched_by_another_thread_leaves_the_pipeline_free(house: Office) -> None:
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:  # as a web server's threads, one line each
        answer = house.asks()["tidy"]({"by": "ada@example.com"})
        assert one.submit(next, answer).result() == {"segments_deleted": 0, "months_closed": 0}
        assert other.submit(list, answer).result() == []
        assert other.submit(list, house.asks()["tidy"]({"by": "ada@example.com"})).result()


def test_nobody_remembers_whoever_was_erased(house: Office) -> None:
    def ask(question: str, **what: object) -> list[dict[str, Any]]:
        return list(house.asks()[question]({"by": "ada@example.com", **what}))

    ask("link_add", url="https://example.com/", to="dora@example.com")
    assert {line["person"] for line in ask("audit_log")} == {None, "dora@example.com"}
    ask("person_erase", person="dora@example.com")
    assert {line["person"] for line in ask("audit_log")} == {None}


EVERYTHING = Wanted(HERE, frozenset(), machines=True)


def told(event: Event) -> dict[str, Any]:
    return {"step": event.time}


def test_what_happens_while_somebody_is_told_what_he_missed_comes_behind_it() -> None:
    """Else his place would lie before what he saw, and he would be told it again after the next break."""
    before, meanwhile = event(1), event(2)
    begun = asyncio.Event()
    said: dict[str, bytes] = {"watching": b"", "again": b""}

    def past(*_: object) -> list[Event]:
        live.heard([meanwhile], {0: meanwhile.id + 1}, {}, ())
        eventually(lambda: b"kept" in said["watching"])  # all who watch got it
        return [before]

    live = Live(told, Past(lambda *_: 1, past, lambda: None))

    async def listen(name: str, since: str | None) -> None:
        feed = await asyncio.to_thread(live.watch, EVERYTHING, 1, since)

        async def send(message: Any) -> None:
            said[name] += message["body"]
            begun.set()
            if said[name].count(b"event: kept") == 2:
                feed.end()

        await feed.tell(asyncio.Event().wait, send, lambda: True)  # type: ignore[arg-type]

    async def both() -> None:
        live.on(asyncio.get_running_loop())
        watching = asyncio.ensure_future(listen("watching", None))
        await begun.wait()
        await listen("again", "0.1")
        watching.cancel()

    live.begin({0: before.id + 1})
    in_a_loop(both())
    assert re.findall(rb'"step":(\d+)', said["again"]) == [b"%d" % one.time for one in (before, meanwhile)]
    assert re.findall(rb"id: (\S+)", said["again"])[-1] == b"0.%x" % (meanwhile.id + 1)


def test_a_feed_that_could_not_begin_takes_nobodys_place() -> None:
    def replaced(*_: object) -> int:
        raise Failure("The event store is just being replaced; ask again in a moment.")

    live = Live(told, Past(replaced, lambda *_: (), lambda: None))
    for _ in range(500):
        with pytest.raises(Failure):
            live.watch(EVERYTHING, 1, "0.1")
    assert live.watch(EVERYTHING, 1, None)


def test_half_an_answer_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")

    def half() -> None:
        with door.accept()[0] as line, line.makefile("rb") as asked:
            heads = iter(asked.readline, b"\r\n")
            asked.read(sum(int(head.split()[1]) for head in heads if head.lower().startswith(b"content-length")))
            line.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n5\r\n: 1}\n\r\n')

    with folder.owned(), socket.create_server(("127.0.0.1", 0)) as door, ThreadPoolExecutor(1) as office:
        server = Server("", f"http://127.0.0.1:{door.getsockname()[1]}", "secret", os.getpid())
        folder.server.write_text(json.dumps(server._asdict()))
        office.submit(half)
        answer = ask(folder.root, "events", {})
        assert next(answer) == {"id": 1}
        with pytest.raises(CutOff):
            next(answer)


def test_a_page_of_what_failed_is_followed_by_the_next_although_its_last_was_delivered_meanwhile(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path / "data")
    house = House(folder, load(folder.root, {}))
    outbox, numbers = house.acting.outbox, [DeliveryId(number) for number in range(1, 5)]
    outbox.add(
        [
            NewDelivery(number, 1, EventId(number), 0, HERE, 0, "x", '{"do": "slack"}', '{"type": "x"}', False, 9, 9)
            for number in numbers
        ]
    )
    asker = Principal(HERE, ADA, frozenset(), 1, lambda: True)
    found, cursor = [], None
    try:
        for number in numbers:
            outbox.settle(number, Attempt(0, 9, 1, False, "no"), "failed", 9)
        for _ in range(2):
            asked = Log(limit=2, state="failed", cursor=cursor)
            page = list_deliveries(Call(asker, {}, asked, None, house.asks()))
            found += page.data
            cursor = page.next_cursor
            for one in page.data:
                outbox.settle(
                    DeliveryId(from_word(DELIVERY, one["delivery"])), Attempt(0, 9, 1, True, "yes"), "done", 9
                )
    finally:
        house.close()
    assert (len({one["delivery"] for one in found}), cursor) == (4, None)


class Held(Consents):
    """The log, while another process writes into its file for too long."""

    def audit_each(self, who: str, what: str, about: Iterable[ContactId], **detail: object) -> None:
        raise FolderInUse("Another process has held control.db for 10 seconds; try again.")


def test_who_watches_is_in_the_log_although_it_could_not_be_written_at_first(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    with Register(folder, load(folder.root, {})) as register:
        look, book = audited(register, {"latest": lambda _: iter([{}])})["latest"], register.book
        register.book = Held(folder.control)
        with pytest.raises(FolderInUse):
            list(look({"by": ADA}))
        register.book.close()
        register.book = book
        assert [list(look({"by": ADA})) for _ in range(2)] == [[{}], [{}]]
        assert [(line.who, line.what) for line in book.audited()] == [(ADA, "latest")]


class Happening(Accounts):
    """Accounts with which something happens while somebody is let in."""

    happens: Callable[[], object] = dict

    def workspaces_of(self, user: UserId) -> list[Membership]:
        found = super().workspaces_of(user)
        self.happens()
        return found

    def use_totp(self, user: UserId, step: int) -> bool:
        found = super().use_totp(user, step)
        self.happens()
        return found


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Happening]:
    opened = Happening(tmp_path / "control.db")
    opened.keep_user(fresh_user(ADA, "Ada", PASSWORD, 1), HERE, Role.OWNER)
    yield opened
    opened.close()


def asking(cookie: str = "") -> Request:
    headers = [(b"host", b"127.0.0.1"), (b"cookie", f"inkdot={cookie}".encode())]
    here = {"scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9), "path": "/", "query_string": b""}
    return Request({"type": "http", "method": "POST", "headers": headers, **here})


SECRET = totp_secret(b"k" * 20)


def new_password(accounts: Accounts, user: UserId) -> None:
    accounts.change_password(user, hashed("another five words of it"))


def second_factor(accounts: Accounts, user: UserId) -> None:
    accounts.want_totp(user, SECRET)
    assert accounts.prove_totp(user, SECRET)


@pytest.mark.parametrize("again", [True, False], ids=["by a session", "by the password"])
@pytest.mark.parametrize("change", [new_password, second_factor])
def test_who_is_let_in_while_all_sessions_end_is_not(
    accounts: Happening, change: Callable[[Accounts, UserId], None], *, again: bool
) -> None:
    ada, auth = accounts.user_of(ADA), Auth(accounts, "")
    assert ada
    held = auth.login(asking(), ADA, PASSWORD)
    signed = auth.signed(held)
    assert signed
    accounts.happens = lambda: change(accounts, ada.id)
    with pytest.raises(SignInFirst):
        auth.move(asking(held), signed, HERE) if again else auth.login(asking(), ADA, PASSWORD)
    assert accounts.sessions_of(ada.id, 0, 0) == []


def test_a_second_factor_is_the_one_that_was_proven_although_another_is_shown_meanwhile(accounts: Happening) -> None:
    ada, auth = accounts.user_of(ADA), Auth(accounts, "")
    assert ada
    held = auth.login(asking(), ADA, PASSWORD)
    signed = auth.signed(held)
    assert signed
    secret, _ = auth.offer_totp(signed)
    accounts.happens = lambda: auth.offer_totp(signed)  # in another window
    with pytest.raises(SignInFirst):
        auth.prove_totp(asking(held), signed, totp_code(secret, int(time.time()) // 30))
    found = accounts.user(ada.id)
    assert found
    assert found.totp is None
