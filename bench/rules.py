"""What a thousand rules cost: pipeline speed with none and with many, on the same journal, and the share that is lost.

Once as people write them: of a hundred pings five make one fire. Once where ten rules count every click besides, so that each
click is counted ten times and of a hundred pings twelve fire.
"""

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


def rule(number: int, *, crowded: bool) -> str:
    """Pages, messages, active seconds; where it is crowded one in a hundred counts every click."""
    if crowded and number % 100 == 0:
        when = f'kind = "click"\nurl = "https://www.example.com/a*"\ncount = {3 + number % 7}\nwithin = "24h"'
    elif number % 10 < 7:
        when = f'kind = "click"\nurl = "https://www.example.com/page/{number}*"'
    elif number % 10 < 9:
        when = f'kind = "open"\nmessage = "msg_{number:013d}"'
    else:
        when = f'kind = "engage"\nurl = "/area/{number}/*"\nseconds = 30'
    return f'name = "Rule {number}"\n[when]\n{when}\n[limits]\nper_person = "1/24h"\n[[actions]]\ndo = "tag"\nadd = "hot"\n'


def measure(count: int, rules: int, *, crowded: bool = False) -> tuple[float, int]:
    """(microseconds of CPU per ping, firings)."""
    root = Path(tempfile.mkdtemp(prefix="inkdot-bench-"))
    try:
        folder = Folder(root)
        house = House(folder, Settings())
        for number in range(rules):
            known = read(rule(number, crowded=crowded))
            house.acting.triggers.keep(TriggerId(number + 1), known.name, to_json(known), 0, WorkspaceId(1))
        house.close()
        fill(folder, 1_000)
        house = House(folder, Settings())
        house.pipeline.drain()  # tables are read when the first ping comes: once in the life of a server
        fill(folder, count)
        cpu = time.process_time()
        done = house.pipeline.drain()
        cpu = time.process_time() - cpu
        fired = sum(kept.fired for kept in house.acting.triggers.triggers(WorkspaceId(1)))
        house.close()
        assert done == count
        return cpu / count * 1e6, fired
    finally:
        shutil.rmtree(root)


def main() -> None:
    without, usual, crowded = [], [], []
    for _ in range(3):
        without.append(measure(100_000, 0))
        usual.append(measure(100_000, RULES))
        crowded.append(measure(100_000, RULES, crowded=True))
    least = min(without)[0]
    print(f"no rules: {least:.1f} us a ping")
    for name, found in (("as people write them", usual), ("ten count every click", crowded)):
        cost, fired = min(found)
        print(f"{RULES} rules, {name}: {cost:.1f} us ({fired} firings); {cost / least - 1:.0%} more time")


if __name__ == "__main__":
    main()
