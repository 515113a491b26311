"""How a program asks the office: over HTTP, again where the connection broke, page by page, and the feed for as long as it likes."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

_AGAIN = frozenset({409, 429, 502, 503, 504})
_LONGEST_PAUSE = 30.0
_BEAT_SECONDS = 60.0


class ApiError(Exception):
    """The office refused; its sentence is the message."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.title = str(problem.get("title", ""))
        self.request_id: str | None = problem.get("request_id")
        self.errors: list[dict[str, str]] = list(problem.get("errors", ()))


class Unreachable(Exception):
    """The office did not answer, however often it was asked."""


class Told(NamedTuple):
    """A message of the live feed."""

    kind: Literal["kept", "judged", "missed", "hello"]
    """A new event; one judged otherwise by late evidence; how many were missed; the feed began."""
    data: Any
    """A `wire.LiveEvent` for kept and judged."""
    place: str | None
    """Give it to `live` to go on from there."""


class Asking:
    """One office, with one key."""

    def __init__(self, url: str, key: str, *, timeout: float = 60, tries: int = 4) -> None:
        """`url` is where the office is; `timeout` in seconds for each try."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = f"{url!r} is no web address; write it like https://office.example.com."
            raise ValueError(msg)
        self._https, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._base = parts.path.rstrip("/") + "/api/v1"
        self._key, self._timeout, self._tries = key, timeout, max(1, tries)

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self._get(path, {**query, "limit": 500, "cursor": cursor})
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _watched(self, query: Mapping[str, str | None], place: str | None) -> Iterator[Told]:
        """The feed, from `place` on, again and again where it is cut off."""
        pause = 0.5
        while True:
            try:
                for told in self._feed(query, place):
                    place, pause = told.place or place, 0.5
                    yield told
            except (OSError, http.client.HTTPException):
                pass
            except ApiError as error:
                if error.status not in _AGAIN:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        return self._asked("GET", path + (f"?{urlencode(wanted)}" if wanted else ""), None, {})

    def _send(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None) -> Any:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if isinstance(body, bytes):
            return self._asked(method, path, body, headers | {"Content-Type": "application/octet-stream"})
        if body is None:
            return self._asked(method, path, None, headers)
        given = {name: value for name, value in body.items() if value is not None}
        return self._asked(method, path, json.dumps(given).encode(), headers | {"Content-Type": "application/json"})

    def _asked(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        pause, broken = 0.25, ""
        for left in reversed(range(self._tries)):
            try:
                with closing(self._connection(self._timeout)) as connection:
                    response = self._request(connection, method, path, body, headers)
                    content = response.read()
            except (OSError, http.client.HTTPException) as error:
                broken = f"{type(error).__name__}: {error}"
            else:
                if response.status < 400:
                    return json.loads(content) if content else None
                if response.status not in _AGAIN or not left:
                    raise _refused(response.status, content)
                pause = min(max(pause, _seconds(response.getheader("Retry-After"))), _LONGEST_PAUSE)
            if left:
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        msg = f"The office at {self._host} does not answer ({broken})."
        raise Unreachable(msg)

    def _feed(self, query: Mapping[str, str | None], place: str | None) -> Iterator[Told]:
        wanted = urlencode({name: value for name, value in query.items() if value is not None})
        with closing(self._connection(_BEAT_SECONDS)) as connection:
            headers = {"Last-Event-ID": place} if place else {}
            response = self._request(connection, "GET", f"/live?{wanted}", None, headers)
            with response:
                if response.status != 200:
                    raise _refused(response.status, response.read())
                yield from _messages(response)

    def _request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        given = {"Authorization": f"Bearer {self._key}", "Accept": "application/json", **headers}
        connection.request(method, self._base + path, body, given)
        return connection.getresponse()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._https:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)


def _messages(lines: Iterable[bytes]) -> Iterator[Told]:
    """Server-sent events; each has one line of data."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if not name:
            if "data" in fields:
                yield Told(fields.get("event", "kept"), json.loads(fields["data"]), fields.get("id"))  # type: ignore[arg-type]
            fields = {}
        else:
            fields[name] = value


def _refused(status: int, content: bytes) -> ApiError:
    try:
        problem = json.loads(content)
    except ValueError:
        problem = {}
    return ApiError(status, problem if isinstance(problem, dict) else {})


def _seconds(word: str | None) -> float:
    return float(word) if word and word.isdigit() else 0.0


def word(text: str) -> str:
    """A name as one word of an address."""
    return quote(text, safe="")
