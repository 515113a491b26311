"""Ask a folder: its running server if there is one, else the folder itself, brought up to date first."""

from __future__ import annotations

import getpass
import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inkdot.app.folder import Folder, Server
from inkdot.domain.errors import Failure, UsageError
from inkdot.settings import load

_TRIES_SECONDS = 10.0
_PIECE = 65_536
_AND_NOW = {"person_erase": "it finishes the erasure when it is back. Ask again to see that."}


class CutOff(Failure):
    """What came so far is true, and not all."""


def asker() -> str:
    """Who runs this command, for the audit log."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # an account without a name
        return f"user {os.getuid()} (command line)"


def ask(
    data: Path, question: str, what: Mapping[str, Any], progress: Callable[[int, int], None] = lambda _a, _b: None
) -> Iterator[dict[str, Any]]:
    """The answer, object by object. Raises InkdotError."""
    folder = Folder(data)
    what = {"by": asker(), **what}
    server = folder.running()
    if server:
        yield from _remote(server, question, what)
        return
    from inkdot.app.house import House  # noqa: PLC0415 - DuckDB takes 150 ms to import; a remote answer needs none of it

    with folder.owned():
        house = House(folder, load(folder.root, {}), progress)
        try:
            house.pipeline.drain(progress)
            yield from house.asks()[question](what)
        finally:
            house.close()


def _remote(server: Server, question: str, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    parts = urlsplit(server.office)
    deadline = time.monotonic() + _TRIES_SECONDS
    while True:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
        try:
            headers = {"Authorization": f"Bearer {server.secret}"}
            connection.request("POST", f"/ask/{question}", json.dumps(what), headers)
            response = connection.getresponse()
            break
        except (ConnectionError, http.client.HTTPException) as error:
            connection.close()
            if time.monotonic() > deadline:
                raise Failure("The server's office does not answer; 'inkdot doctor' tells more.") from error
            time.sleep(0.1)
    try:
        for line in _lines(response):
            item = json.loads(line)
            if "error" in item and "message" in item:
                raise (UsageError if item["error"] == "UsageError" else Failure)(item["message"])
            yield item
    except (OSError, http.client.HTTPException) as error:
        raise CutOff(f"The server ended in the middle; {_AND_NOW.get(question, 'ask again.')}") from error
    finally:
        response.close()
        connection.close()


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Line by line as they come; raises where the answer breaks off, which `readline` takes for its end."""
    begun: list[bytes] = []
    while piece := response.read1(_PIECE):
        first, *others = piece.split(b"\n")
        begun.append(first)
        if others:
            yield b"".join(begun)
            *whole, last = others
            yield from whole
            begun = [last]
    if any(begun):
        yield b"".join(begun)
