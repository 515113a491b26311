"""Places that fail: each waits by itself, is paused and reported, and goes on when its owner says so."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inkdot.act.signing import fresh_secret
from inkdot.app.acting import Acting
from inkdot.app.folder import Folder
from inkdot.domain.ids import DeliveryId, EventId, WorkspaceId
from inkdot.settings import Settings
from inkdot.store.control import Control
from inkdot.store.outbox import NewDelivery
from tests.act.conftest import Receiver, click
from tests.conftest import Server, eventually, inkdot, inkdot_json
from tests.relay.sink import Sink

OWNER = "ada@example.com"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def posting(tmp_path_factory: pytest.TempPathFactory, upstream: Sink) -> Iterator[Server]:
    """A server that may reach this machine, and has an owner and an upstream."""
    data = tmp_path_factory.mktemp("posting") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(
        'private_networks = ["127.0.0.0/8"]\ntrusted_proxies = ["127.0.0.1/32"]\n'
        f'owner = "{OWNER}"\nupstream = "{upstream.url}"\n'
    )
    running = Server(data)
    yield running
    running.stop()


def listed(server: Server, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in inkdot(*words, "--json", "--data", server.data).stdout.splitlines()]


def test_the_owner_is_written_to_when_a_rules_place_is_paused_and_can_resume_it(
    posting: Server, receiver: Receiver, upstream: Sink
) -> None:
    place = receiver.url + "/chat"
    receiver.status["/chat"] = 410
    rule = {"name": "Chat", "hold": "0s", "when": {"kind": "click"}, "actions": [{"do": "slack", "url": place}]}
    inkdot("trigger", "add", json.dumps(rule), "--data", posting.data)
    click(posting, "first@example.com")
    mail = eventually(lambda: next((m for m in upstream.got if "is paused" in str(m.header("Subject"))), None))
    assert mail.recipients == (OWNER,)
    assert f"inkdot webhook resume {place}" in mail.content.decode().replace("=\r\n", "")
    (paused,) = listed(posting, "webhook", "list")
    assert (paused["url"], paused["state"], "410" in paused["reason"]) == (place, "paused", True)
    click(posting, "second@example.com")
    eventually(lambda: listed(posting, "webhook", "list")[0]["waiting"] == 1)
    receiver.status["/chat"] = 204
    assert inkdot_json("webhook", "resume", place, "--data", posting.data) == {"url": place, "state": "on"}
    eventually(lambda: len(receiver.at("/chat")) == 2)
    assert "second" in receiver.at("/chat")[1].json["text"]
    assert not listed(posting, "webhook", "list")
    again = inkdot("webhook", "resume", place, "--data", posting.data, check=False)
    assert (again.returncode, "is not paused" in again.stderr) == (2, True)
    inkdot("trigger", "rm", "Chat", "--data", posting.data)


def test_thousands_that_wait_for_a_silent_place_keep_nobody_else_waiting(tmp_path: Path, receiver: Receiver) -> None:
    receiver.hung.clear()
    folder = Folder(tmp_path)
    control = Control(folder.control)
    acting = Acting(
        folder, Settings(private_networks=("127.0.0.0/8",)), control, lambda: 1_760_000_000_000_000, lambda _t, _w: None
    )
    quick = Receiver()

    def waiting(number: int, url: str) -> NewDelivery:
        action = json.dumps({"do": "webhook", "url": url, "secret": fresh_secret(os.urandom)})
        event, here = EventId(number), WorkspaceId(1)
        return NewDelivery(DeliveryId(number), 1, event, 0, here, 0, url, action, "{}", True, number, number)

    try:
        acting.outbox.add([waiting(n, receiver.url + "/silent") for n in range(1, 5_001)])
        acting.outbox.add([waiting(9_000, quick.url + "/quick")])
        assert acting.deliverer.start_due() == 2
        eventually(lambda: quick.at("/quick"))
        assert len(receiver.heard) <= 1
    finally:
        receiver.hung.set()
        acting.close()
        control.close()
        quick.close()
