"""What it costs to let Inkdot run and do nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_an_idle_tree_with_one_street_holds_less_than_195_megabytes() -> None:
    root = Path(__file__).parent.parent
    for rest in (9, 30, 90):  # a busy machine may not be done with its first chores after so many seconds
        command = [sys.executable, "-m", "bench.idle", str(rest)]
        found = json.loads(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)
        if found["alone"] <= 195:
            break
    assert {"office", "room", "collect"} < set(found), found
    assert found["pss"] <= found["alone"] <= 195, found
