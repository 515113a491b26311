"""What it costs to let Inkdot run and do nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_an_idle_tree_with_one_street_holds_less_than_195_megabytes() -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "bench.idle"], cwd=root, capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(done.stdout)
    assert {"office", "room", "collect"} < set(found), found
    assert found["pss"] <= found["alone"] <= 195, found
