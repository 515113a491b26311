"""The API keeps what its OpenAPI document says, and shows nothing of another workspace: requests that schemathesis thinks of.

    python proofs/contract.py           200 for each address, others each time
    python proofs/contract.py 1000      so many

Two workspaces' keys, every check of schemathesis but two (see tests/office/test_contract.py). The first failure is printed with the
request that did it, and ends the proof with a code over 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = 200
HERE = Path(__file__).parent.parent


def main() -> int:
    """The tests of the contract, longer."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "tests/office/test_contract.py"]
    return subprocess.run(
        command, check=False, cwd=HERE, env=os.environ | {"INKDOT_EXAMPLES": str(examples)}
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
