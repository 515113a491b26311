"""No mail door outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.relay.mail_door import MailDoor


@pytest.fixture(autouse=True)
def doors_are_closed() -> Iterator[None]:
    before = set(MailDoor.open)
    yield
    for door in set(MailDoor.open) - before:
        door.server.stop()
        MailDoor.open.discard(door)
