"""One office with two workspaces: Ada's, and another firm's in the same installation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import Server, inkdot
from tests.office.asking import Program, key_for


class Firms(NamedTuple):
    """Two workspaces of one office, each with a key that may do all."""

    server: Server
    ours: Program
    theirs: Program


@pytest.fixture(scope="session")
def firms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firms]:
    data = tmp_path_factory.mktemp("firms") / "data"
    server = Server(data, "--trusted-proxies", "127.0.0.1/32")
    inkdot("workspace", "add", "other", "--data", data)
    every = ("read", "send", "manage", "privacy")
    yield Firms(server, key_for(server, *every), key_for(server, *every, workspace="other"))
    server.stop()
