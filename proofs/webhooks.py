"""Our webhooks, verified by the official Standard Webhooks library for JavaScript (npm standardwebhooks); needs node and npm.

python proofs/webhooks.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inkdot.act.signing import fresh_secret, headers

CHECK = """
const { Webhook } = require("standardwebhooks");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const told = new Webhook(given.secret).verify(given.body, given.headers);
let refused = false;
try { new Webhook(given.secret).verify(given.body + " ", given.headers) } catch { refused = true }
console.log(JSON.stringify({ type: told.type, refused }));
"""


def main() -> int:
    """Sign here, verify there."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["npm", "install", "--silent", "--prefix", place, "standardwebhooks@1"], check=True)
        body = json.dumps(
            {"type": "mail.clicked", "timestamp": "2026-11-24T00:00:00.000Z", "data": {"url": "https://example.com/ä"}}
        )
        for _ in range(20):
            secret, old = fresh_secret(os.urandom), fresh_secret(os.urandom)
            signed = headers([secret, old], "dlv_0000000000001", int(time.time()), body.encode())
            for one in (secret, old):
                given = json.dumps({"secret": one, "body": body, "headers": signed})
                done = subprocess.run(
                    ["node", "-e", CHECK], cwd=Path(place), input=given, capture_output=True, text=True, check=True
                )
                if json.loads(done.stdout) != {"type": "mail.clicked", "refused": True}:
                    print(f"refused: {done.stdout}")
                    return 1
    print("40 messages verified by npm standardwebhooks, 40 changed ones refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
