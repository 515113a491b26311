"""A document of five pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.room.made import pdf


@pytest.fixture(scope="session")
def offer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An offer of five pages."""
    return pdf(tmp_path_factory.mktemp("offer") / "offer.pdf", 5)
