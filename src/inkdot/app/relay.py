"""The relay process: the mail door, the courier, and the watch over a mailbox, wired from the settings."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from inkdot.app.folder import Folder
from inkdot.app.post_office import PostOffice, tokens_of
from inkdot.app.postbag import Postbag
from inkdot.domain.errors import InkdotError
from inkdot.relay import certificate
from inkdot.relay.config import RelayConfig
from inkdot.relay.courier import Courier, Schedule
from inkdot.relay.desk import Desk
from inkdot.relay.door import Door
from inkdot.relay.limits import Limits
from inkdot.relay.mailbox import read_mailbox
from inkdot.relay.spool import Spool
from inkdot.relay.watch import Watch
from inkdot.settings import Settings, load
from inkdot.talk import Talk

log = Talk("relay")

_DRAIN_SECONDS = 8.0
_LOOK_SECONDS = 1.0
_THREADS = 24
_BACKLOG = 512


def within(networks: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an address is in one of these networks."""
    known = [ipaddress.ip_network(n, strict=False) for n in networks]

    def judge(address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        return any(mapped in network for network in known)

    return judge


def desk_of(spool: Spool, office: PostOffice, courier: Courier, settings: Settings, folder: Folder) -> Desk:
    """The mail door's desk."""
    return Desk(
        name=office.name,
        spool=spool,
        limits=Limits(
            connections_per_address=settings.relay_connections_per_address,
            copies_per_hour=settings.relay_copies_per_hour,
        ),
        tls=certificate.context(folder.root, office.name, settings.relay_host, settings.relay_cert, settings.relay_key),
        max_bytes=settings.relay_max_bytes,
        patience=float(settings.relay_timeout),
        trusts=within(settings.relay_networks),
        loopback=within(("127.0.0.0/8", "::1/128")),
        login=office.login,
        may_send_as=office.may_send_as,
        ask=office.ask,
        accepted=courier.wake,
        fresh_id=office.fresh_id,
        log=log,
    )


def _watch(folder: Folder, settings: Settings, office: PostOffice) -> Watch | None:
    """The watch over a mailbox, begun; None if there is none to watch."""
    if not settings.imap:
        return None
    mailbox = read_mailbox(settings.imap, settings.imap_password)
    postbag = Postbag(office, mailbox.user, log)
    token = tokens_of(folder, settings, mailbox.host) if mailbox.xoauth2 else None
    watch = Watch(
        mailbox, folder.root / "imap.json", postbag.heard, log, token, settings.imap_poll_seconds, settings.upstream_timeout,
    )  # fmt: skip
    watch.start()
    return watch


async def _listening(door: Door, config: RelayConfig) -> list[asyncio.Server]:
    """The mail door at its sockets."""
    doors = [(config.socket_fd, door.protocol), (config.tls_fd, door.tls_protocol)]
    create = asyncio.get_running_loop().create_server
    return [
        await create(protocol, sock=socket.socket(fileno=fd), backlog=_BACKLOG) for fd, protocol in doors if fd >= 0
    ]


async def _serve(config: RelayConfig, folder: Folder, settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "relay"))
    spool = Spool(folder.spool)
    spool.tidy()
    office = PostOffice(folder, settings, config.public_url, log)
    schedule = Schedule(float(settings.retry_seconds), settings.give_up_hours * 3_600.0)
    courier = Courier(spool, office.upstream, office, schedule, office.name, log, settings.upstream_connections)
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    door = Door(desk_of(spool, office, courier, settings, folder)) if config.socket_fd >= 0 else None
    servers = await _listening(door, config) if door else []
    if settings.upstream:
        courier.start()
    watch = _watch(folder, settings, office)
    with contextlib.suppress(OSError):
        os.write(config.ready_fd, b"1")
        os.close(config.ready_fd)
    while not done.is_set():
        if settings.upstream:
            await asyncio.to_thread(courier.hurry)
        await asyncio.to_thread(office.close_idle)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _LOOK_SECONDS)
    if watch:
        watch.stop()
    for server in servers:
        server.close()
    if door:
        await door.stop(_DRAIN_SECONDS)
    if settings.upstream:
        await asyncio.to_thread(courier.stop, _DRAIN_SECONDS)
    office.close()


def main() -> None:
    """Entry point of the child process."""
    config = RelayConfig.from_environment(os.environ)
    folder = Folder(Path(config.data))
    try:
        asyncio.run(_serve(config, folder, load(folder.root, config.settings)))
    except InkdotError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)  # not the office's "give up": the street must go on without a mail door


if __name__ == "__main__":
    main()
