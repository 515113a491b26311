"""The mail door: takes connections in, and lets them finish when the server stops."""

from __future__ import annotations

import asyncio

from inkdot.relay.desk import Desk
from inkdot.relay.session import Session
from inkdot.relay.wire import Wire


class Door:
    """All sessions of one listening socket."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sessions: dict[Session, asyncio.Task[None]] = {}

    def protocol(self) -> Wire:
        """For `loop.create_server`."""
        return Wire(self._open)

    def _open(self, wire: Wire) -> None:
        if self._desk.stopping or not self._desk.limits.enter(wire.peer):
            wire.write(b"421 4.3.2 Too many connections just now; try again in a minute.\r\n")
            wire.close()
            return
        session = Session(self._desk, wire)
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
