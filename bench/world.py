"""A data folder with millions of events of every kind: mails, a website, a document. Made once, used by benches of the office.

python -m bench.world DIR 5000000
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench.store import NOW, build
from bench.visits import DAY, STEP_VISITS, fill
from inkdot.app.accounts import opened
from inkdot.app.folder import Folder
from inkdot.domain.account import Role
from inkdot.domain.document import Document
from inkdot.domain.ids import DocumentId, SiteId, WorkspaceId
from inkdot.show.auth import fresh_user
from inkdot.store.documents import Documents
from inkdot.store.events import EventStore, timestamp
from inkdot.store.query import _NAME, _body
from inkdot.store.sites import Site, Sites
from inkdot.store.visits import roll_up

OWNER, PASSWORD = "ada@example.com", "four words from a book"
HERE, DOCUMENT, SITE, DOMAIN = WorkspaceId(1), DocumentId(5), SiteId(9), "example.com"
_MONTH = 30 * DAY
_SITTINGS = 50  # of events that are reads, in a thousand: 13 events each


def made(root: Path, count: int) -> Folder:
    """A folder with so many events: a fifth of them on a website, a few of reads, the rest of mails."""
    folder = Folder(root)
    folder.keyring()
    start = int(NOW.timestamp() * 1e6) - _MONTH
    sittings = count * _SITTINGS // 13_000
    store = EventStore(root / "events.duckdb", "1GB")
    fill(store, count // 5, "recent", start)
    store.close()
    store = build(root, count - count // 5 - sittings * 13)
    parts = _NAME.split((Path(__file__).parent / "world.sql").read_text())[1:]
    ask = {name: _body(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}
    with store.writing() as session:
        session.execute(ask["reads"], {"start": start, "step": _MONTH // sittings, "sittings": sittings})
    store.close_months(int(NOW.timestamp() * 1e6))
    store.flush()
    roll_up(store, anew_since=0)
    _named(folder, store, ask)
    store.close()
    (root / "inkdot.toml").write_text("api_per_minute = 0\n")
    with opened(folder) as accounts:
        accounts.keep_user(fresh_user(OWNER, "Ada", PASSWORD, 1), HERE, Role.OWNER)
    return folder


def _named(folder: Folder, store: EventStore, ask: dict[str, str]) -> None:
    """Who they are, and what was sent: every mail, the copies of those of the last month."""
    with store.reading() as session:
        people = [row[0] for row in session.execute(ask["people"]).fetchall()]
        mails = session.execute(ask["mails"]).fetchall()
        since = timestamp(int(NOW.timestamp() * 1e6) - _MONTH)
        copies = session.execute(ask["recipients"], {"since": since}).fetchall()
    documents = Documents(folder.control)
    with documents._transaction():  # noqa: SLF001 - the bench fills tables faster than anybody could send
        documents._keep("keep_contact", [(HERE, c, f"p{n}@example.com") for n, c in enumerate(people)])  # noqa: SLF001
        rows = [(m, HERE, when, f"Offer {n}", None, 0) for n, (m, when) in enumerate(mails)]
        documents._keep("keep_message", rows)  # noqa: SLF001
        documents._keep("keep_recipient", copies)  # noqa: SLF001
    word = tuple(120 for _ in range(12))
    documents.keep_document(
        Document(DOCUMENT, "Offer.pdf", int(NOW.timestamp()), 1, "0" * 64, 1, "application/pdf", word), HERE
    )
    documents.close()
    sites = Sites(folder.control)
    sites.keep_site(Site(SITE, DOMAIN, 1, "key"), HERE)
    sites.close()


if __name__ == "__main__":
    begun = time.perf_counter()
    made(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5_000_000)
    print(f"made in {time.perf_counter() - begun:.0f} s; a batch had {STEP_VISITS:,} visits")
