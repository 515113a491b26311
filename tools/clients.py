"""Packs the add-ons of clients/ into dist/, as the office hands them out: `make clients`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from inkdot.show.addons import FILES, packed  # noqa: E402 - found only now

if __name__ == "__main__":
    (ROOT / "dist").mkdir(exist_ok=True)
    for name in FILES:
        target = ROOT / "dist" / name
        target.write_bytes(packed(name))
        sys.stdout.write(f"{target}\n")
