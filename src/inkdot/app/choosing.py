"""Settings as the office shows and changes them: checked as a whole, written into `inkdot.toml`, and read anew at once."""

from __future__ import annotations

import http.client
import os
import signal
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inkdot.app.folder import Folder
from inkdot.app.law.setting import write_setting
from inkdot.domain.errors import BadSetting, UsageError
from inkdot.settings import FILE, SECRETS, WORDS, Settings, converted, load

Asked = Mapping[str, Any]
Answer = Iterator[dict[str, Any]]
ASKS = ("setting_list", "setting_set", "public_check")

_PATIENCE = 5.0


class Choosing:
    """One folder's settings; `given` names those that the command line said."""

    def __init__(self, folder: Folder, settings: Settings, given: Collection[str]) -> None:
        self._folder = folder
        self._given = {name: getattr(settings, name) for name in given}

    def asks(self) -> dict[str, Any]:
        """By name."""
        return {name: getattr(self, name) for name in ASKS}

    def setting_list(self, _: Asked) -> Answer:
        """Every setting: its value (of secrets only whether there is one), what it means, and where it is fixed."""
        settings = self._written()
        for setting in fields(Settings):
            name, value = setting.name, getattr(settings, setting.name)
            yield {
                "setting": name, "value": "***" if name in SECRETS and value else _shown(value),
                "default": _shown(setting.default), "help": setting.metadata["help"], "fixed": self._fixed(name),
                "words": list(WORDS.get(name, ())), "yes_or_no": isinstance(setting.default, bool),
            }  # fmt: skip

    def setting_set(self, what: Asked) -> Answer:
        """Write `changes` (setting: text) down; all or nothing. Raises UsageError, BadSetting."""
        said, settings = dict(what.get("changes") or {}), self._written()
        changes = {name: value for name, value in said.items() if _differs(settings, name, value)}
        for name in changes:
            if where := self._fixed(name):
                raise UsageError(f"{name} is set by {where}; change it there.")
        if changes:
            self._try(changes)
            for name, value in changes.items():
                write_setting(self._folder.root, name, value)
            if running := self._folder.running():
                os.kill(running.pid, signal.SIGHUP)
        yield {"changed": sorted(changes)}

    def public_check(self, what: Asked) -> Answer:
        """Whether the street door answers at `url`, tried from here."""
        url = str(what.get("url") or "")
        yield {"url": url, "trouble": _trouble(url)}

    def _written(self) -> Settings:
        """As the file says now, which may be newer than what this process began with."""
        return load(self._folder.root, self._given)

    def _fixed(self, name: str) -> str | None:
        if name in self._given:
            return "the command line"
        return f"INKDOT_{name.upper()}" if f"INKDOT_{name.upper()}" in os.environ else None

    def _try(self, changes: Mapping[str, object]) -> None:
        """Read the file as it would be. Raises BadSetting."""
        with tempfile.TemporaryDirectory(prefix="inkdot-") as trial:
            written = self._folder.root / FILE
            if written.exists():
                (Path(trial) / FILE).write_bytes(written.read_bytes())
            for name, value in changes.items():
                write_setting(Path(trial), name, value)
            load(Path(trial), {})


def _setting(name: str) -> Field[Any]:
    for setting in fields(Settings):
        if setting.name == name:
            return setting
    raise UsageError(f"There is no setting {name!r}.")


def _differs(settings: Settings, name: str, value: object) -> bool:
    known = _setting(name)
    try:
        return bool(converted(value, known.default) != getattr(settings, name))
    except ValueError:
        raise BadSetting(f"{name} = {value!r} does not work: {known.metadata['help']}") from None


def _shown(value: object) -> str | int | bool:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value  # type: ignore[return-value]


def _trouble(url: str) -> str | None:
    """None where the street door answers."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{url!r} is no web address; write it like https://t.example.com."
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=_PATIENCE)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/healthz")
            response = connection.getresponse()
            if response.status == http.client.OK and response.read(100).strip() == b"ok":
                return None
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or error
        return f"Nothing answers at {url} ({why}); look at the name in DNS, the firewall and the proxy."
    return f"Something else answers at {url}; lead its proxy to the street door."
