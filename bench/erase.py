# ruff: noqa: SLF001 - the bench fills tables faster than any pipeline could
"""Erasing one person among many events: stores, a journal of a few gigabytes' shape, and what the certificate says."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

from inkdot.app.folder import Folder
from inkdot.app.house import House
from inkdot.domain.evidence import KNOWN, Actor, Evidence, Field, Fields, Human, Raw, Reason, Status, Verdict
from inkdot.domain.ids import PERSON, to_word
from inkdot.journal.record import NOBODY, encode
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.settings import load
from inkdot.store.events import EventStore

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_PARTS = _NAME.split((Path(__file__).parent / "questions.sql").read_text())[1:]
ASK = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))
CHUNK = 1_000_000
FILLED = "recent"
PLACE = Field(None, Status.UNKNOWN, Reason.CONSENT)
FIELDS = Fields(KNOWN, PLACE, KNOWN, KNOWN, KNOWN, KNOWN)


def build(folder: Path, count: int) -> EventStore:
    """A store with `count` events of half a year, closed months sorted."""
    store = EventStore(folder / "events.duckdb")
    verdicts = [Verdict(Actor.HUMAN, Human.YES, FIELDS, (Evidence("H1", f"browser {n}"),)) for n in range(300)]
    store._db.begin()
    store._raws.numbers([Raw(f"Firefox/{n}", "GET", (), None, ()) for n in range(300)])
    store._verdicts.numbers(verdicts)
    store._urls.numbers([f"https://www.example.com/{n}" for n in range(300)])
    store._db.commit()
    step = int(183 * 86_400_000 / count)
    for start in range(0, count, CHUNK):
        end = min(count, start + CHUNK)
        store._db.execute(
            ASK["fill"].format(table=FILLED, start=start, end=end, step=step, per_message=max(1, count // 20_000))
        )
    store.close_months(time.time_ns() // 1_000)
    store.flush()
    return store


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    segments = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with tempfile.TemporaryDirectory() as scratch:
        folder = Folder(Path(scratch))
        folder.keyring()
        store = build(folder.root, count)
        contact = store._rows(ASK["some_contact"])[0][0]
        store.close()
        writer = Writer(street_folder(folder.journal, 0))
        record = encode(b"GET", 1, NOBODY, bytes(200), bytes(600))
        for _ in range(segments * 32_000_000 // (len(record) * 1_000)):
            writer.commit(record * 1_000)
        writer.close()
        house = House(folder, load(folder.root, {}))
        house.pipeline.drain()
        begun, worked = time.monotonic(), time.process_time()
        certificate = next(house.asks()["person_erase"]({"person": to_word(PERSON, contact), "by": "bench"}))
        seconds, worked = time.monotonic() - begun, time.process_time() - worked
        print(
            f"{count:,} events, {segments * 32} MB journal: {certificate['events']} events erased in {seconds:.1f} s "
            f"({worked:.1f} s of a processor)"
        )
        house.close()


if __name__ == "__main__":
    main()
