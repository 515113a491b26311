"""The mail door under kill -9: no mail that it answered with 250 is lost.

python proofs/mail.py 100         so many kills
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import BEN, eventually
from tests.relay.mail_door import CLEO, MailDoor
from tests.relay.sink import Sink
from tests.relay.test_faults import Senders


def kill(kills: int) -> None:
    """Kill -9 of the relay again and again under load: no mail that was answered with 250 is lost."""
    chance = random.Random(2026)
    with Sink(delay=0.001) as sink, tempfile.TemporaryDirectory(prefix="inkdot-proof-") as name:
        door = MailDoor(Path(name), sink, retry_seconds=1)
        senders = Senders(door)
        for number in range(kills):
            before = len(senders.kept)
            eventually(lambda before=before: len(senders.kept) > before)
            time.sleep(chance.uniform(0.0, 0.5))
            os.kill(door.server.children()["relay"], signal.SIGKILL)
            if number % 10 == 9:
                print(f"{number + 1} kills, {len(senders.kept)} mails taken", flush=True)
        kept = senders.stop()
        assert senders.strange == []
        eventually(lambda: "relay" in door.server.children() and not door.queue(), 120)
        doubles = 0
        for recipient in (BEN, CLEO):
            subjects = Counter(mail.header("Subject") for mail in sink.mails_to(recipient))
            assert [subject for subject in kept if not subjects[subject]] == []
            doubles += sum(subjects.values()) - len(subjects)
        door.stop()
    print(f"KILL OK: {kills} kills, {len(kept)} mails to two people each, 0 lost, {doubles} copies twice")


if __name__ == "__main__":
    kill(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
