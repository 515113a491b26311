"""What a thousand rules cost: pipeline speed with none and with many, on the same journal, and the share that is lost."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from bench.pipeline import fill
from inkdot.act.rule import read, to_json
from inkdot.app.folder import Folder
from inkdot.app.house import House
from inkdot.domain.ids import TriggerId, WorkspaceId
from inkdot.settings import Settings

RULES = 1_000


def rule(number: int) -> str:
    """Rules as people write them: pages, messages, people's domains, counts; one in a hundred meets every click."""
    if number % 100 == 0:
        when = f'kind = "click"\nurl = "https://www.example.com/a*"\ncount = {3 + number % 7}\nwithin = "24h"'
    elif number % 10 < 7:
        when = f'kind = "click"\nurl = "https://www.example.com/page/{number}*"'
    elif number % 10 < 9:
        when = f'kind = "open"\nmessage = "msg_{number:013d}"'
    else:
        when = f'kind = "engage"\nurl = "/area/{number}/*"\nseconds = 30'
    return f'name = "Rule {number}"\n[when]\n{when}\n[limits]\nper_person = "1/24h"\n[[actions]]\ndo = "tag"\nadd = "hot"\n'


def measure(count: int, rules: int) -> tuple[float, int]:
    """(microseconds of CPU per ping, firings)."""
    root = Path(tempfile.mkdtemp(prefix="inkdot-bench-"))
    try:
        folder = Folder(root)
        house = House(folder, Settings())
        for number in range(rules):
            known = read(rule(number))
            house.acting.triggers.keep(TriggerId(number + 1), known.name, to_json(known), 0, WorkspaceId(1))
        house.close()
        fill(folder, count)
        house = House(folder, Settings())
        cpu = time.process_time()
        done = house.pipeline.drain()
        cpu = time.process_time() - cpu
        fired = sum(kept.fired for kept in house.acting.triggers.triggers(WorkspaceId(1)))
        house.close()
        assert done == count
        return cpu / count * 1e6, fired
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    without, with_rules = [], []
    fired = 0
    for _ in range(3):
        without.append(measure(100_000, 0)[0])
        cost, fired = measure(100_000, RULES)
        with_rules.append(cost)
    lost = min(with_rules) / min(without) - 1
    print(
        f"{RULES} rules: {min(without):.1f} us a ping without, {min(with_rules):.1f} with ({fired} firings); {lost:.0%} more time"
    )
