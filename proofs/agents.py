"""Programs are told by their names: judged on a public collection of agents that nobody here wrote down.

    python proofs/agents.py            all of them, half a minute
    python proofs/agents.py 500        so many, taken at random

The collection comes with the package device-detector (fixtures of matomo-org/device-detector), which only proofs install.
It ends with a code over 0 if more machines are taken for people, or people for machines, than the figures below allow.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from inkdot.app.cases import judge_case

MACHINES_AS_PEOPLE, PEOPLE_AS_MACHINES, WRONG_DEVICES = 0.02, 0.001, 0.10
"""Measured with rules 2026.11.4: 0.011, 0.0003, 0.084."""
_BROWSER = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Mode": "navigate"}
_SAME = {"smartphone": "mobile", "phablet": "mobile", "feature phone": "mobile"}


class Seen(NamedTuple):
    """An agent and what people who looked at it say that it is."""

    agent: str
    machine: bool
    device: str | None


def collection() -> Iterator[Seen]:
    """All agents of browsers, apps and machines in the package's fixtures."""
    spec = find_spec("device_detector")
    if spec is None or spec.origin is None:
        sys.exit("The collection is not installed: uv sync --group proof")
    folder = Path(spec.origin).parent / "tests" / "fixtures" / "upstream"
    for path in sorted(folder.glob("*.yml")):
        rows: Any = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for row in rows:
            client, device = row.get("client"), row.get("device")
            browser = isinstance(client, dict) and client.get("type") == "browser"
            if row.get("bot") or browser:
                kind = device.get("type") if isinstance(device, dict) else None
                yield Seen(row["user_agent"], bool(row.get("bot")), kind)


def main() -> None:
    """Judge them and print what came out."""
    seen = list(collection())
    if len(sys.argv) > 1:
        seen = random.Random(1).sample(seen, int(sys.argv[1]))
    found: Counter[str] = Counter()
    for agent, machine, device in seen:
        case = {"ua": agent, "ip": "93.213.85.92", "context": {"kind": "visit"}, "headers": {} if machine else _BROWSER}
        said = judge_case(case)
        found["machines" if machine else "people"] += 1
        found[f"{'machine' if machine else 'person'} said to be {said['class']}"] += 1
        if not machine and device and said["device"]:
            found["devices"] += 1
            found["wrong devices"] += said["device"] != _SAME.get(device, device)
    for what, count in sorted(found.items()):
        print(f"{count:7,}  {what}")
    shares = (
        ("machines taken for people", found["machine said to be human"] / found["machines"], MACHINES_AS_PEOPLE),
        ("people taken for machines", found["person said to be bot"] / found["people"], PEOPLE_AS_MACHINES),
        ("wrong devices", found["wrong devices"] / found["devices"], WRONG_DEVICES),
    )
    for what, share, most in shares:
        print(f"{share:8.4f}  {what}, at most {most}")
    sys.exit(any(share > most for _, share, most in shares))


if __name__ == "__main__":
    main()
