"""What is asked of the office while something else happens, or by several at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inkdot.app.folder import Folder
from inkdot.app.office import Office, OfficeConfig
from tests.conftest import PATIENCE


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
