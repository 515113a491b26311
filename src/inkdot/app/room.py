"""The room process: shared documents, read and measured. It has its own stream in the journal and its own port to the street.

Started by the supervisor as `python -m inkdot.app.room`; it listens on a unix socket that only the streets know.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import uvicorn
from starlette.routing import Route

from inkdot.app.confirming import confirm_pages
from inkdot.app.consent import Register
from inkdot.app.folder import Folder
from inkdot.app.guests import guest_pages
from inkdot.app.outgoing import mailer
from inkdot.app.privacy import pages
from inkdot.app.pushing import push_pages
from inkdot.collect.deny import NAME as DENY
from inkdot.collect.deny import Deny
from inkdot.collect.modes import NAME as MODES
from inkdot.collect.modes import Modes
from inkdot.domain.errors import InkdotError
from inkdot.domain.ping import ROOM_STREAM
from inkdot.journal.segment import street_folder
from inkdot.journal.writer import Writer
from inkdot.memory import settle
from inkdot.room.convert import WORKSHOP, Converter
from inkdot.room.face import Face
from inkdot.room.gate import Keeper
from inkdot.room.pages import Pages, Press
from inkdot.room.reader import Manner, Reader
from inkdot.room.recorder import Recorder
from inkdot.room.routes import application, reading
from inkdot.room.seals import Seals
from inkdot.room.uploads import Uploads
from inkdot.settings import Settings, load
from inkdot.store.documents import Documents
from inkdot.talk import Talk

log = Talk("room")

GIVE_UP, DISK_FAILED = 3, 74
"""Exit codes: a restart cannot help; a fresh process must recover what the disk kept."""
_CHORE_SECONDS = 600.0


class RoomConfig(NamedTuple):
    """What the room needs to know."""

    data: str
    socket_fd: int
    ready_fd: int
    settings: dict[str, Any]
    """What the command line said."""


class Room:
    """The wired rooms of this process."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        keyring = folder.keyring()
        with Register(folder, settings) as register:
            register.tell_streets()  # a room that was killed may have kept who withdrew, and told nobody
        self._deny, self._modes = Deny(folder.root / DENY), Modes(folder.root / MODES)
        self.documents = Documents(folder.control)
        uploads = Uploads(folder.uploads)
        self.press = Press()
        self.pages = Pages(uploads, folder.drawn, self.press, Converter(folder.drawn / WORKSHOP, settings.libreoffice))
        self.recorder = Recorder(Writer(street_folder(folder.journal, ROOM_STREAM)))
        public = urlsplit(settings.public_url)
        face = Face(public.path, secure=public.scheme == "https")
        keeper = Keeper(Seals(keyring), mailer(settings), time.time)
        manner = Manner(settings.sender, settings.reader_ask_first, settings.reader_idle_seconds, settings.colleagues)
        reader = Reader(
            keyring, self.documents, uploads, self.pages, self.recorder, face, keeper, manner, self._deny.blocks,
            self._modes.widest_for, lambda: time.time_ns() // 1000,
        )  # fmt: skip
        self.groups: list[list[Route]] = [
            reading(reader, face),
            pages(folder, settings),
            confirm_pages(folder, settings),
            guest_pages(folder, settings) + push_pages(folder, settings, face),
        ]
        self.app = application(face, *self.groups)

    def care(self, failed: Callable[[], None]) -> None:
        """Once a second: the deny file, the disk; now and then: the drawn pages. Ends with the process."""
        due = time.monotonic() + _CHORE_SECONDS
        while not self.recorder.failed:
            time.sleep(1)
            try:
                self._deny.renew()
                self._modes.renew()
                self.recorder.renew()
                if time.monotonic() > due:
                    due += _CHORE_SECONDS
                    self.pages.trim()
            except Exception as error:  # noqa: BLE001 - others delete files, too; who withdraws must be known all the same
                log("care_failed", error=repr(error))
        failed()

    def close(self) -> None:
        """Let go of everything."""
        self.recorder.close()
        self.press.close()
        self.documents.close()


def main() -> None:
    """Entry point of the child process."""
    config = RoomConfig(**json.loads(sys.argv[1]))
    try:
        folder = Folder(Path(config.data))
        room = Room(folder, load(folder.root, config.settings))
    except InkdotError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(GIVE_UP)
    server = uvicorn.Server(
        uvicorn.Config(
            room.app, log_level="error", access_log=False, lifespan="off", loop="asyncio", http="httptools", ws="none",
            server_header=False, proxy_headers=False, limit_concurrency=512, timeout_graceful_shutdown=8,
        )
    )  # fmt: skip

    def failed() -> None:
        log("journal_stopped", error=str(room.recorder.failed))
        server.should_exit = True

    room.pages.resume()
    threading.Thread(target=room.care, args=(failed,), name="care", daemon=True).start()
    with contextlib.suppress(OSError):
        os.write(config.ready_fd, b"1")
        os.close(config.ready_fd)
    settle()
    server.run(sockets=[socket.socket(fileno=config.socket_fd)])
    room.close()
    sys.exit(DISK_FAILED if room.recorder.failed else 0)


if __name__ == "__main__":
    main()
