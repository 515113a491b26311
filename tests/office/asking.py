"""A program that uses the office's API: keeps cookies, sends JSON, reads JSON."""

from __future__ import annotations

import http.client
import json
import re
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.conftest import PATIENCE, Server, inkdot_json

PASSWORD = "four words from a book"


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Program:
    """One browser or program."""

    def __init__(self, server: Server, key: str | None = None) -> None:
        self.office, self.key = server.office, key
        self.cookies: dict[str, str] = {}
        self.csrf: str | None = None

    def ask(
        self, method: str, path: str, body: object = None, *, raw: bytes | None = None, **headers: str | None
    ) -> Said:
        """One request; underscores in header names become dashes, None leaves a header out."""
        parts = urlsplit(self.office)
        sent: dict[str, str | None] = {"Origin": self.office}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if self.csrf:
            sent["X-CSRF-Token"] = self.csrf
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        try:
            target = path if path.startswith("/api/") else f"/api/v1{path}"
            connection.request(method, target, content, {k: v for k, v in sent.items() if v is not None})
            response = connection.getresponse()
            for line in response.headers.get_all("Set-Cookie") or []:
                for name, morsel in SimpleCookie(line).items():
                    self.cookies[name] = morsel.value
            return Said(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: Any) -> Said:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: Any) -> Said:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def sign_in(self, address: str, password: str = PASSWORD, code: str = "", **headers: Any) -> Said:
        """Remembers the token for changing requests."""
        said = self.post("/session", {"address": address, "password": password, "code": code}, **headers)
        if said.status == 201:
            self.csrf = said.json["csrf"]
        return said


class Reader:
    """A browser without scripts that is signed in."""

    def __init__(self, server: Server, address: str) -> None:
        self.office, self.cookie = server.office, ""
        _, headers, _ = self.ask("POST", "/login", {"address": address, "password": PASSWORD})
        self.cookie = headers["set-cookie"].partition(";")[0]
        self.read_token()

    def read_token(self) -> None:
        """What every form carries."""
        found = re.search(r'name="csrf" value="(\w+)"', self.ask("GET", "/me")[2])
        assert found
        self.csrf = found[1]

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        parts = urlsplit(self.office)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        headers = {"Origin": self.office, "Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        body = urlencode(form | {"csrf": getattr(self, "csrf", "")}) if form is not None else None
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, text


def key_for(server: Server, *scopes: str, workspace: str | None = None) -> Program:
    """A program with a fresh key."""
    options = [word for scope in scopes for word in ("--scope", scope)]
    options += ["--workspace", workspace] if workspace else []
    made = inkdot_json("key", "add", "a test", *options, "--data", server.data)
    return Program(server, made["secret"])
