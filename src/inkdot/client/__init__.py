"""A client of the API: typed, of the standard library alone, safe to ask again.

    from inkdot.client import Client

    inkdot = Client("http://127.0.0.1:8000", key)
    marked = inkdot.mark(mail, to=["ben@example.com"])
    for event in inkdot.events(person="ben@example.com"):
        print(event["time"], event["kind"], event["human"])

What it answers is described in `inkdot.domain.wire`. Every changing request carries an Idempotency-Key of its own, so it is asked
again where the connection broke or the office was busy, and still done once.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from email.message import Message
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from inkdot.domain import wire, wire_acting

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


class Client:
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

    # -- events

    def events(
        self, *, person: str | None = None, kind: wire.Kind | None = None, since: str | None = None
    ) -> Iterator[wire.Event]:
        """Oldest first, however many; `since` like 7d, 2026-11-23."""
        yield from self._pages("/events", {"person": person, "kind": kind, "since": since})

    def latest(self, count: int = 100, kind: wire.Kind | None = None) -> list[wire.Event]:
        """The newest events, oldest first."""
        return list(self._get("/events", {"last": count, "kind": kind})["data"])

    def explain(self, event: str) -> wire.Explanation:
        """An event with the rules that fired and a sentence for each field."""
        return self._get(f"/events/{_word(event)}")  # type: ignore[no-any-return]

    def correct(self, event: str, says: Literal["human", "machine", "me"], because: str) -> wire.Explanation:
        """You know better."""
        return self._send("POST", f"/events/{_word(event)}/correction", {"says": says, "because": because})  # type: ignore[no-any-return]

    def live(self, *, kinds: Iterable[str] = (), machines: bool = True, place: str | None = None) -> Iterator[Told]:
        """Events as they come; goes on where it was cut off. Never ends by itself."""
        query = {"kind": ",".join(kinds) or None, "machines": str(machines).lower()}
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

    # -- mails and links

    def mark(self, mail: bytes | Message, to: Iterable[str], list_name: str | None = None) -> wire.Marked:
        """One marked copy per recipient; `content_of` gives the bytes of one."""
        content = mail if isinstance(mail, bytes) else mail.as_bytes()
        body = {"mail": base64.b64encode(content).decode(), "to": list(to), "list": list_name}
        return self._send("POST", "/messages", body)  # type: ignore[no-any-return]

    def messages(self, *, since: str = "30d", last: int = 50) -> list[wire.MailReport]:
        """The latest mails with their intervals."""
        return list(self._get("/messages", {"since": since, "last": last})["data"])

    def message(self, message: str) -> wire.Message:
        """One mail and what became of it."""
        return self._get(f"/messages/{_word(message)}")  # type: ignore[no-any-return]

    def link(self, url: str, to: str) -> wire.Link:
        """A tracked link for one person."""
        return self._send("POST", "/links", {"url": url, "to": to})  # type: ignore[no-any-return]

    # -- people

    def people(self, search: str | None = None) -> Iterator[wire.Person]:
        """By address."""
        yield from self._pages("/people", {"search": search})

    def person(self, person: str) -> wire.KnownPerson:
        """One person and how much may be kept."""
        return self._get(f"/people/{_word(person)}")  # type: ignore[no-any-return]

    def timeline(self, person: str) -> wire.Timeline:
        """What one person did across mail, documents and websites."""
        return self._get(f"/people/{_word(person)}/timeline")  # type: ignore[no-any-return]

    def set_consent(self, person: str, mode: wire.Mode, **proof: str) -> wire.Consent:
        """Write down a choice; proof: scope, text, version, language, method, form."""
        return self._send("POST", f"/people/{_word(person)}/consent", {"mode": mode, **proof})  # type: ignore[no-any-return]

    def withdraw(self, person: str) -> wire.Consent:
        """Keep nothing more about a person."""
        return self._send("POST", f"/people/{_word(person)}/withdrawal", {})  # type: ignore[no-any-return]

    def export_person(self, person: str) -> dict[str, Any]:
        """Everything that is kept about a person."""
        return self._get(f"/people/{_word(person)}/export")  # type: ignore[no-any-return]

    def erase_person(self, person: str) -> dict[str, Any]:
        """For good; the certificate."""
        return self._send("DELETE", f"/people/{_word(person)}")  # type: ignore[no-any-return]

    # -- documents

    def add_document(self, file: Path | bytes, name: str | None = None) -> wire.Document:
        """Take in a PDF or a picture."""
        content = file.read_bytes() if isinstance(file, Path) else file
        called = name or (file.name if isinstance(file, Path) else "document.pdf")
        return self._send("POST", f"/documents?{urlencode({'name': called})}", content)  # type: ignore[no-any-return]

    def share(self, document: str, to: str, **terms: Any) -> wire.Shared:
        """A link for one person; terms: password, expires, email_gate, verify_email, download, watermark, allow, block."""
        return self._send("POST", f"/documents/{_word(document)}/shares", {"to": to, **terms})  # type: ignore[no-any-return]

    def documents(self) -> Iterator[wire.Document]:
        """All, with their links."""
        yield from self._pages("/documents", {})

    def document_report(self, document: str, person: str | None = None) -> wire.DocumentReport:
        """Which pages were read, by whom and for how long."""
        return self._get(f"/documents/{_word(document)}/report", {"person": person})  # type: ignore[no-any-return]

    def end_share(self, link: str) -> None:
        """The link leads nowhere any more."""
        self._send("DELETE", f"/shares/{_word(link)}")

    # -- websites

    def add_site(self, domain: str, *, wait: bool = False) -> wire.Site:
        """A website's key and the lines for its pages."""
        return self._send("POST", "/sites", {"domain": domain, "wait": wait})  # type: ignore[no-any-return]

    def site_report(self, site: str, since: str = "30d", funnel: str | None = None) -> dict[str, Any]:
        """What was done on a website."""
        return self._get(f"/sites/{_word(site)}/report", {"since": since, "funnel": funnel})  # type: ignore[no-any-return]

    def leads(self, since: str = "30d", last: int = 50) -> list[wire.Lead]:
        """The warmest people and visitors, with the reasons."""
        return list(self._get("/leads", {"since": since, "last": last})["data"])

    # -- rules, lists, webhooks

    def triggers(self) -> Iterator[wire_acting.Trigger]:
        """All rules."""
        yield from self._pages("/triggers", {})

    def keep_trigger(self, rule: str) -> wire_acting.Trigger:
        """A rule as text."""
        return self._send("POST", "/triggers", {"rule": rule})  # type: ignore[no-any-return]

    def try_rule(self, rule: str, since: str = "7d") -> wire_acting.Rehearsal:
        """What it would have done."""
        return self._send("POST", "/triggers/test", {"rule": rule, "since": since})  # type: ignore[no-any-return]

    def audiences(self) -> Iterator[wire_acting.Audience]:
        """All lists."""
        yield from self._pages("/audiences", {})

    def add_webhook(self, url: str, types: Iterable[str] = (), *, machines: bool = False) -> wire_acting.Webhook:
        """An endpoint, with its secret."""
        body = {"url": url, "types": list(types), "machines": machines}
        return self._send("POST", "/webhooks", body)  # type: ignore[no-any-return]

    def deliveries(self, state: str | None = None) -> Iterator[wire_acting.Delivery]:
        """The delivery log, newest first."""
        yield from self._pages("/deliveries", {"state": state})

    def me(self) -> wire.Me:
        """Who asks, where, and what is allowed."""
        return self._get("/me")  # type: ignore[no-any-return]

    # -- how it is asked

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self._get(path, {**query, "limit": 500, "cursor": cursor})
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

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


def content_of(copy: wire.Copy) -> bytes:
    """The mail for one recipient, ready to be sent."""
    return base64.b64decode(copy["mail"])


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


def _word(word: str) -> str:
    return quote(word, safe="")
