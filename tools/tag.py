"""Makes the tag that the street serves: static/v1/t.js, minified by terser, becomes t.min.js. With --check it only compares.

Needs npx; users of Inkdot do not, because the result is kept with the source.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

TERSER = "terser@5.51.2"
FOLDER = Path(__file__).parent.parent / "src" / "inkdot" / "collect" / "static" / "v1"
SQUEEZE = "passes=5,unsafe=true,unsafe_arrows=true,unsafe_methods=true,ecma=2022,keep_fargs=false,pure_getters=true,hoist_props=true"
MOST_BYTES = 1_024
NO_TERSER = 3
"""Exit code where npx or its registry is missing."""


def minified(source: Path) -> bytes:
    """What terser makes of a script."""
    command = ["npx", "--yes", TERSER, str(source), "--compress", SQUEEZE, "--mangle", "toplevel=true"]
    return subprocess.run(command, capture_output=True, check=True).stdout.strip()


def main() -> int:
    """Write or compare."""
    try:
        small = minified(FOLDER / "t.js")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"terser could not be run: {error}")
        return NO_TERSER
    target = FOLDER / "t.min.js"
    packed = len(gzip.compress(small, 9, mtime=0))
    print(f"{len(small)} bytes, {packed} gzipped")
    if packed > MOST_BYTES:
        print(f"The tag may have {MOST_BYTES} bytes gzipped.")
        return 1
    if "--check" in sys.argv:
        if target.read_bytes() != small:
            print("t.min.js is not what t.js makes; run tools/tag.py.")
            return 1
        return 0
    target.write_bytes(small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
