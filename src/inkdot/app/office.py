"""The office process: the pipeline on one thread, questions on others, health and metrics."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette

from inkdot.app.acting import ASKS, reach_of
from inkdot.app.audiences import ASKS as AUDIENCE_ASKS
from inkdot.app.choosing import ASKS as SETTING_ASKS
from inkdot.app.folder import Folder
from inkdot.app.house import House
from inkdot.app.mailers import ASKS as MAILER_ASKS
from inkdot.app.marking import public_url_of
from inkdot.app.notices import ASKS as NOTICE_ASKS
from inkdot.app.sending import ASKS as SENDING_ASKS
from inkdot.app.sharing import ASKS as SHARING_ASKS
from inkdot.app.trying import ASKS as TRYING_ASKS
from inkdot.app.webhooks import ASKS as WEBHOOK_ASKS
from inkdot.collect.counters import exposition, total
from inkdot.domain.errors import Failure, FolderInUse, InkdotError, StoreDamaged
from inkdot.domain.event import Event
from inkdot.domain.ids import WorkspaceId
from inkdot.domain.ping import ping_id
from inkdot.memory import let_go_of_code, settle
from inkdot.settings import Settings, load
from inkdot.show.api.door import Door
from inkdot.show.auth import Auth
from inkdot.show.live import Live, Past, Places, spans
from inkdot.show.oidc import Provider
from inkdot.show.server import Ask, application
from inkdot.store.accounts import Accounts
from inkdot.store.consents import Consents
from inkdot.store.shared_views import SharedViews
from inkdot.talk import Talk

log = Talk("office")

GIVE_UP = 3
"""Exit code for trouble that a restart cannot mend; the reason is on stderr."""
_POLL_SECONDS = 0.05
_GATHER_SECONDS, _FEW = 0.2, 500
"""After a batch of few pings more are gathered: a transaction costs as much for one ping as for fifty."""
_CHORE_SECONDS, _FIRST_CHORES_SECONDS, _CHORES_AGAIN_SECONDS = 3_600, 5, 60
_DELIVER_SECONDS, _MINUTE_SECONDS = 0.1, 60
_ENGINE = "_duckdb"
_GIVES_WAY = 10
"""Niceness: where cores are few, a dot is answered before a page is made; a tenth of a core is left even beside a full street."""
_EXCLUSIVE = (
    "person_merge", "person_unmerge", "rebuild", "tidy", "regrade", "correct", "person_erase", "sample_remove",
)  # fmt: skip
"""Chores that need the pipeline to rest; questions in between may be told to ask again."""
_WHOLE = ("backup", "rebuild", "tidy", "person_erase", "sample_remove")
"""Chores that copy the whole store or put another in its place: one at a time, or the one would miss what the other does."""


class OfficeConfig(NamedTuple):
    """What the office needs to know; its secret comes by environment."""

    data: str
    socket_fd: int
    ready_fd: int
    settings: dict[str, Any]
    """As they are."""
    given: tuple[str, ...] = ()
    """Those that the command line said."""


class Office:
    """Runs the pipeline and answers questions about what it kept."""

    def __init__(self, folder: Folder, config: OfficeConfig) -> None:
        self._folder, self._config = folder, config
        self._house: House | None = None
        self._ready = threading.Condition()
        self._whole, self._turn = threading.Lock(), threading.RLock()  # taken in this order
        self._trouble: str | None = None
        self._chores_due = time.monotonic() + _FIRST_CHORES_SECONDS
        self._steps = self._pings = self._chores_done = 0
        self.stopping = False
        self.live = Live(self._told, Past(self._count_between, self._between, self._opened))
        self.failed: InkdotError | None = None

    def work(self, give_up: Callable[[], None]) -> None:
        """Open the house, then take batch after batch through the pipeline until told to stop.

        `give_up` is called where a restart cannot help.
        """
        try:
            house = House(
                self._folder, load(self._folder.root, self._config.settings), self._rebuilding, _paused, self.live.heard,
                self._config.given,
            )  # fmt: skip
            self.live.begin({s: ping_id(s, *place) for s, place in house.store.checkpoint().items()})
            with self._ready:
                self._house = house
                self._trouble = None
                self._ready.notify_all()
            for trouble in house.knowledge.troubles:
                log("knowledge_refused", reason=trouble)
            if house.rebuilt_because:
                log("store_rebuilt", because=house.rebuilt_because)
            while not self.stopping:
                time.sleep(_rest(self._step(house)))
        except InkdotError as error:
            self.failed = error
            with self._ready:
                self._ready.notify_all()
            give_up()
        except Exception as error:  # noqa: BLE001 - a fault of ours: end, so that the supervisor starts a fresh process
            log("office_failed", error=repr(error), where=traceback.format_exc(limit=-4))
            os._exit(70)

    def _step(self, house: House) -> int:
        with self._turn:
            try:
                count = house.pipeline.step()
                if time.monotonic() > self._chores_due:
                    self._chores_due = time.monotonic() + _CHORE_SECONDS
                    self._chores(house)
            except StoreDamaged as damage:
                log("store_damaged", error=str(damage))
                house.recover(damage, self._rebuilding)
                log("store_rebuilt", because=str(damage))
                self._trouble = None
                return 1
            except FolderInUse as busy:  # the control store: somebody else writes it for long, and then no more
                log("store_busy", error=str(busy))
                return 0
        self._steps += bool(count)
        self._pings += count
        return count

    def deliver(self) -> None:
        """Hand out what is due until told to stop; wakes up often, because a rule is to act at once."""
        with self._ready:
            self._ready.wait_for(lambda: self._house is not None or self.failed is not None or self.stopping)
        minute = 0.0
        while self._house and not self.stopping:
            try:
                if time.monotonic() > minute:
                    minute = time.monotonic() + _MINUTE_SECONDS
                    let_go_of_code(_ENGINE)
                    with self._turn:
                        self._house.acting.watch.notice_silences()
                    self._house.notices.send_digests(int(time.time()))
                if self._house.acting.warm.due():
                    with self._turn:
                        self._house.acting.warm.keep(self._house.store, self._house.sites)
                self._house.acting.deliverer.start_due()
            except Exception as error:  # noqa: BLE001 - a full disk, a store being replaced: what waits is not lost
                log("delivering_failed", error=str(error) or repr(error))
                time.sleep(1)
            time.sleep(_DELIVER_SECONDS)

    def _chores(self, house: House) -> None:
        if not self._whole.acquire(blocking=False):  # a backup is being made, and pings need not wait for its end
            self._chores_due = time.monotonic() + _CHORES_AGAIN_SECONDS
            return
        try:
            expired, closed = house.tidy()
        except StoreDamaged:
            raise
        except (InkdotError, OSError, sqlite3.Error) as error:  # a full disk, a file that is just being edited
            log("chores_failed", error=str(error))
            self._chores_due = time.monotonic() + _CHORES_AGAIN_SECONDS
            return
        finally:
            self._whole.release()
        self._chores_done += 1
        if expired or closed:
            log("chores", segments_expired=expired, months_closed=closed)
        settle()
        let_go_of_code(_ENGINE)

    def _rebuilding(self, done: int, left: int) -> None:
        self._trouble = f"The event store is being rebuilt: {done} pings done, about {left} bytes left."

    def wake(self) -> None:
        """Let those that wait see that it is over."""
        with self._ready:
            self._ready.notify_all()

    def healthy(self) -> str | None:
        """None, or what is wrong."""
        if self._house is None:
            return self._trouble or "The office is opening its stores."
        return self._trouble

    def metrics(self) -> str:
        """Counters of streets and pipeline."""
        lines = [exposition(total(self._folder.run.glob("street-*.counters")))]
        backlog = self._house.pipeline.backlog() if self._house else 0
        for name, kind, text, value in (
            ("pipeline_pings_total", "counter", "pings understood and kept since the start", self._pings),
            ("pipeline_batches_total", "counter", "transactions since the start", self._steps),
            ("pipeline_backlog_bytes", "gauge", "journal not yet understood, an upper bound", backlog),
            ("chores_total", "counter", "times that chores were done since the start", self._chores_done),
            ("outbox_waiting", "gauge", "deliveries that wait", self._waiting()[0]),
            ("outbox_paused", "gauge", "places that are paused", self._waiting()[1]),
            ("mails_waiting", "gauge", "mails in the mail door's spool", len(list(self._folder.spool.glob("*.mail")))),
        ):
            lines.append(f"# HELP inkdot_{name} {text}\n# TYPE inkdot_{name} {kind}\ninkdot_{name} {value}\n")
        return "".join(lines)

    def _waiting(self) -> tuple[int, int]:
        if self._house is None:
            return 0, 0
        outbox = self._house.acting.outbox
        return outbox.counts().get("waiting", 0), sum(t.paused is not None for t in outbox.targets())

    def _told(self, event: Event) -> dict[str, Any]:
        assert self._house
        return self._house.questions.told(event)

    def _count_between(self, workspace: WorkspaceId, low: Places, high: Places) -> int:
        assert self._house
        return sum(self._house.store.count_between(workspace, *span) for span in spans(low, high))

    def _between(self, workspace: WorkspaceId, low: Places, high: Places) -> Iterator[Event]:
        assert self._house
        for span in spans(low, high):
            yield from (e for e in self._house.store.between_ids(*span) if e.workspace == workspace)

    def asks(self) -> dict[str, Ask]:
        """Questions by name; they wait until the house is open."""
        names = (
            "events", "timeline", "report_mail", "report_message", "report_document", "explain", "status", "verify", "rebuild", "backup", "tidy", "regrade",
            "correct", "corrections", "learned", "report_site", "site_lately", "report_leads", "report_searches", "import_check",
            "person_merge", "person_unmerge", "person_identities",
            "home", "alive", "silent", "sent", "heard", "latest", "live", "audit_log", "table_download", "person_export", "person_erase", "retention", "doctor", "report_campaign", "campaign_list", "sample_remove",
        )  # fmt: skip
        more = (
            *ASKS, *AUDIENCE_ASKS, *WEBHOOK_ASKS, *SENDING_ASKS, *SHARING_ASKS, *NOTICE_ASKS, *SETTING_ASKS, *MAILER_ASKS,
            *TRYING_ASKS,
        )  # fmt: skip
        return {name: self._asked(name) for name in (*names, *more)}

    def _asked(self, name: str) -> Ask:
        def answer(what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
            house, free = self._opened(), contextlib.nullcontext()
            with self._whole if name in _WHOLE else free, self._turn if name in _EXCLUSIVE else free:
                found = house.asks()[name](what)
                if (
                    name in _EXCLUSIVE + _WHOLE
                ):  # whole before it is told: each part is fetched by any thread, or by none
                    found = iter(list(found))
            yield from found

        return answer

    def _opened(self) -> House:
        with self._ready:
            self._ready.wait_for(lambda: self._house is not None or self.failed is not None, timeout=300)
        if self._house is None:
            raise self.failed or Failure("The office could not open its stores in time.")
        return self._house

    def close(self) -> None:
        """After the worker has ended."""
        if self._house:
            self._house.close()


def _rest(pings: int) -> float:
    """Seconds to wait after a step that took so many."""
    if pings >= _FEW:
        return 0.0
    return _GATHER_SECONDS if pings else _POLL_SECONDS


def _paused(target: str, why: str) -> None:
    log("target_paused", target=target, reason=why)


class _Server(uvicorn.Server):
    """Ends the feeds when it is told to end: they would go on for ever."""

    def __init__(self, live: Live, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Told to end."""
        self._live.close()
        super().handle_exit(sig, frame)


def _provider(settings: Settings) -> Provider | None:
    """Who else may say who somebody is."""
    if not settings.oidc_issuer:
        return None
    return Provider(
        settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, reach_of(settings.private_networks)
    )


def _application(
    office: Office, folder: Folder, settings: Settings, accounts: Accounts, views: SharedViews
) -> Starlette:
    """The office's face, with a door that knows who may come in."""
    book = Consents(folder.control)

    def tell(who: str, what: str, workspace: WorkspaceId, **detail: object) -> None:
        book.audit(who, what, None, workspace=int(workspace), **detail)

    door = Door(
        Auth(
            accounts,
            settings.office_url,
            keep_places=settings.addresses == "full",
            tell=tell,
            provider=_provider(settings),
        ),
        office.asks(),
        settings.api_per_minute,
    )

    def addresses() -> dict[str, str]:
        sample = "yes" if folder.sample.exists() else ""
        return {"public_url": public_url_of(folder, settings), "office_url": settings.office_url, "sample": sample}

    return application(
        os.environ["INKDOT_OFFICE_SECRET"],
        office.asks(),
        office.healthy,
        office.metrics,
        door,
        office.live,
        views,
        addresses,
    )


def main() -> None:
    """Entry point of the child process."""
    os.nice(_GIVES_WAY)
    config = OfficeConfig(**json.loads(sys.argv[1]))
    folder = Folder(Path(config.data))
    office = Office(folder, config)
    try:
        accounts, views = Accounts(folder.control), SharedViews(folder.control)
        settings = load(folder.root, config.settings)
    except InkdotError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(GIVE_UP)
    app = _application(office, folder, settings, accounts, views)
    proxies = list(settings.trusted_proxies)  # whose word about addresses is believed; nobody's if there are none
    server = _Server(
        office.live,
        uvicorn.Config(
            app, log_level="error", access_log=False, lifespan="off", loop="asyncio", http="httptools",
            proxy_headers=bool(proxies), forwarded_allow_ips=proxies, timeout_graceful_shutdown=10,
        ),
    )  # fmt: skip

    def give_up() -> None:
        # Not by a signal: it could come before the server listens to any, and then look like a crash.
        server.should_exit = True
        office.live.close()

    worker = threading.Thread(target=office.work, args=(give_up,), name="pipeline")
    worker.start()
    courier = threading.Thread(target=office.deliver, name="deliver")
    courier.start()
    with contextlib.suppress(OSError):
        os.write(config.ready_fd, b"1")
        os.close(config.ready_fd)
    server.run(sockets=[socket.socket(fileno=config.socket_fd)])
    office.stopping = True
    office.wake()
    worker.join()
    courier.join()
    office.close()
    accounts.close()
    views.close()
    if office.failed:
        sys.stderr.write(f"{office.failed}\n")
        sys.exit(GIVE_UP)


if __name__ == "__main__":
    main()
