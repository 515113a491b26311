"""How long lists take among many people: who meets a rule, and a file of them with consent applied.

python -m bench.audiences            5 million events
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from bench.store import ASK, NOW, build
from inkdot.app.acting import Acting
from inkdot.app.consent import Register
from inkdot.app.folder import Folder
from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.settings import Settings
from inkdot.store.control import Control

RULES = (
    {"kind": "open"},
    {"kind": "open", "count": 2},
    {"kind": "click", "url": "/1*"},
    {"kind": ["open", "click"], "count": 3, "within": "90d"},
)
HERE = WorkspaceId(1)


def timed(what: str, acting: Acting, question: str, **asked: object) -> None:
    """Print how long a question took, on the clock and of the processor."""
    cpu, begun = time.process_time(), time.perf_counter()
    told = next(acting.asks()[question](asked))
    spent, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(f"{what}: {told.get('rows', told.get('members'))} people, {spent:.2f} s, {cpu:.2f} s of processor time")


def main(count: int) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-") as name:
        folder = Folder(Path(name))
        folder.keyring()
        store, control = build(Path(name), count), Control(folder.control)
        contacts = [ContactId(row[0]) for row in store._db.execute(ASK["late_contacts"]).fetchall()]  # noqa: SLF001
        control.remember_contacts({(HERE, who): Address(f"p{n}@example.com") for n, who in enumerate(contacts)})
        acting = Acting(folder, Settings(), control, lambda: int(NOW.timestamp() * 1e6), lambda _target, _why: None)
        acting.store, acting.consents = store, Register(folder, Settings())
        for rule in RULES:
            timed(f"first time {rule}", acting, "audience_add", name="list", rule=json.dumps({"when": rule}))
            timed("again", acting, "audience_add", name="list", rule=json.dumps({"when": rule}))
        timed("for meta", acting, "audience_export", name="list", target="meta")
        acting.close()
        store.close()
        control.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
