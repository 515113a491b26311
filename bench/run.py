"""All benches, one after the other: `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    for name in (
        "idle",
        "mark",
        "street",
        "website",
        "pipeline",
        "visible",
        "store",
        "relay",
        "documents",
        "office",
        "peers",
    ):
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True, cwd=Path(__file__).parent.parent)
