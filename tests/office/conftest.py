"""One office with two workspaces, Ada's and another firm's; and one that people see in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import Server, inkdot
from tests.office.asking import Program, key_for
from tests.office.desk import Office, signed_in


class Firms(NamedTuple):
    """Two workspaces of one office, each with a key that may do all."""

    server: Server
    ours: Program
    theirs: Program


@pytest.fixture(scope="session")
def firms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firms]:
    data = tmp_path_factory.mktemp("firms") / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text("api_per_minute = 6_000\n")  # many tests ask with one key
    server = Server(data, "--trusted-proxies", "127.0.0.1/32")
    inkdot("workspace", "add", "other", "--data", data)
    every = ("read", "send", "manage", "privacy")
    yield Firms(server, key_for(server, *every), key_for(server, *every, workspace="other"))
    server.stop()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    server = Server(tmp_path_factory.mktemp("pages") / "data", "--trusted-proxies", "127.0.0.1/32")
    yield Office(server)
    server.stop()


@pytest.fixture(scope="module")
def ada(chromium: Browser, office: Office) -> Iterator[BrowserContext]:
    context = signed_in(chromium, office)
    yield context
    context.close()


@pytest.fixture
def page(ada: BrowserContext) -> Iterator[Page]:
    tab = ada.new_page()
    yield tab
    tab.close()
