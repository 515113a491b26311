"""The mail door: takes connections in, and lets them finish when the server stops."""

from __future__ import annotations

import asyncio

from inkdot.relay.desk import Desk
from inkdot.relay.session import Session
from inkdot.relay.wire import Wire


class Door:
    """All sessions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sessions: dict[Session, asyncio.Task[None]] = {}

    def protocol(self) -> Wire:
        """For `loop.create_server`."""
        return Wire(self._open)

    def tls_protocol(self) -> Wire:
        """The same where TLS comes first. The handshake is the session's, so that limits count who never finishes it."""
        return Wire(self._open_tls)

    def _open_tls(self, wire: Wire) -> None:
        wire.transport.pause_reading()  # what comes now is the handshake
        self._open(wire, tls_first=True)

    def _open(self, wire: Wire, *, tls_first: bool = False) -> None:
        if self._desk.stopping or not self._desk.limits.enter(wire.peer):
            if not tls_first:
                wire.write(b"421 4.3.2 Too many connections just now; try again in a minute.\r\n")
            wire.close()
            return
        session = Session(self._desk, wire, tls_first=tls_first)
        task = asyncio.get_running_loop().create_task(session.run())
        self._sessions[session] = task
        task.add_done_callback(lambda _: self._ended(session, wire))

    def _ended(self, session: Session, wire: Wire) -> None:
        self._desk.limits.leave(wire.peer)
        self._sessions.pop(session, None)

    async def stop(self, seconds: float) -> None:
        """Let each session finish its command, but not longer than that."""
        self._desk.stopping = True
        tasks = list(self._sessions.values())
        for session, task in list(self._sessions.items()):
            if session.idle:
                task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
