"""One street process: its loop and its end. Started by the supervisor as `python -m inkdot.collect.process`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import lzma
import os
import signal
import socket
import sys
import time
from pathlib import Path

import uvloop

from inkdot.collect.batch import GroupCommit
from inkdot.collect.config import StreetConfig
from inkdot.collect.counters import Counters, exposition, total
from inkdot.collect.deny import NAME as DENY
from inkdot.collect.deny import Deny
from inkdot.collect.door import Connection
from inkdot.collect.files import shipped
from inkdot.collect.handover import Handover
from inkdot.collect.house import House
from inkdot.collect.limits import Limits, raise_descriptors
from inkdot.collect.modes import NAME as MODES
from inkdot.collect.modes import Modes
from inkdot.collect.replies import Replies
from inkdot.collect.request import Proxies
from inkdot.collect.routes import Street
from inkdot.collect.salt import Salt
from inkdot.collect.shown import NAME as SHOWN
from inkdot.collect.shown import Shown
from inkdot.collect.slice import ask_for_short_slices
from inkdot.collect.website import Website
from inkdot.domain.errors import JournalStopped
from inkdot.domain.token import Keyring
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.memory import settle
from inkdot.talk import Talk

log = Talk("street")

DISK_FAILED = 74
"""Exit code after a failed write or sync: a new process must recover from what can be read."""
_DRAIN_SECONDS = 10.0
_BACKLOG = 4096
_ROOMS = (b"/d/", b"/p/", b"/n/")
"""What the reading room answers."""
_FILES = {b"/t.js": "v1/t.min.js", b"/a.js": "v1/a.js"}


async def _serve(config: StreetConfig) -> int:
    loop = asyncio.get_running_loop()
    data = Path(config.data)
    run = data / "run"
    counters = Counters(run / f"street-{config.number}.counters")
    limits = Limits(connections_per_address=config.connections_per_address)
    replies = Replies(time.time())
    proxies = Proxies(config.trusted_proxies, config.addresses)
    deny = Deny(data / DENY)
    salt = Salt(run, time.time())
    done: asyncio.Future[int] = loop.create_future()

    def stopped(error: JournalStopped) -> None:
        log("journal_stopped", error=str(error))
        if not done.done():
            done.set_result(DISK_FAILED)

    writer = Writer(street_folder(data / "journal", config.number))
    commit = GroupCommit(loop, writer, counters, stopped)
    keyring = Keyring.from_json((data / "keys.json").read_text())

    def metrics() -> str:
        counters.publish()
        return exposition(total(run.glob("street-*.counters")))

    modes = Modes(data / MODES)
    street = Street(keyring, commit, replies, counters, proxies, metrics, deny, modes, config.prefixes, shipped(_FILES))
    website = Website(street, keyring, commit, replies, counters, proxies, salt, modes, deny, _spam(config.spam))
    shown = Shown(data / SHOWN)
    website.actions_for = shown.of if shown else None
    handover = Handover(config.room, _ROOMS, proxies.client) if config.room else None
    house = House(street, replies, counters, limits, proxies.trusts, keyring, handover)
    listener = socket.socket(fileno=config.socket_fd)
    server = await loop.create_server(lambda: Connection(house), sock=listener, backlog=_BACKLOG)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _finish, done)
    sweeper = asyncio.create_task(_sweep(house, commit, (deny, modes, shown), salt, website))
    with contextlib.suppress(OSError):
        os.write(config.ready_fd, b"1")
        os.close(config.ready_fd)
    _settle_memory()
    code = await done
    server.close()
    house.drain()
    await _answers_sent(house, commit)
    sweeper.cancel()
    if code == 0:
        commit.close()
        writer.close()
    counters.publish()
    return code


def _spam(path: str) -> frozenset[str]:
    return frozenset(lzma.decompress(Path(path).read_bytes()).decode().split()) if path else frozenset()


def _finish(done: asyncio.Future[int]) -> None:
    if not done.done():
        done.set_result(0)


def _settle_memory() -> None:
    # What lives now lives forever; collecting young garbage rarely keeps the collector off the hot path.
    sys.setswitchinterval(0.0005)
    settle()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _sweep(
    house: House, commit: GroupCommit, told: tuple[Deny, Modes, Shown], salt: Salt, website: Website
) -> None:
    shown = told[2]
    while True:
        await asyncio.sleep(1)
        house.sweep()
        commit.renew()
        for file in told:
            file.renew()
        salt.renew(time.time())
        website.actions_for = shown.of if shown else None


async def _answers_sent(house: House, commit: GroupCommit) -> None:
    deadline = time.monotonic() + _DRAIN_SECONDS
    while (commit.pending or house.connections) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        house.drain()


def main() -> None:
    """Entry point of the child process."""
    config = StreetConfig.from_json(sys.argv[1])
    raise_descriptors()
    ask_for_short_slices()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_serve(config)))


if __name__ == "__main__":
    main()
