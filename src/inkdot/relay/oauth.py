"""OAuth: a refresh token becomes access tokens, for upstreams that take no passwords any more."""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

from inkdot.act.channels import Undelivered
from inkdot.act.reach import Reach
from inkdot.domain.errors import BadSetting
from inkdot.journal.segment import sync_folder
from inkdot.relay.upstream import Unreachable

_ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""The address stands in the settings: it may be in a network of one's own."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_EARLY = 120.0
KNOWN = {
    "smtp.gmail.com": "https://oauth2.googleapis.com/token",
    "smtp.office365.com": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    "imap.gmail.com": "https://oauth2.googleapis.com/token",
    "outlook.office365.com": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    "smtp-mail.outlook.com": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
}
"""Token addresses of large providers, by server."""


class Tokens:
    """Access tokens for one upstream, fetched when the last one ends.

    A provider may send a new refresh token with each access token; the last one is kept in `path` and wins over the one in
    the settings it came from.
    """

    def __init__(self, url: str, client: str, secret: str, refresh: str, path: Path, seconds: float) -> None:
        """`seconds` is all the time an answer may take. Raises BadSetting."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
            raise BadSetting("oauth_token_url must be an https address.")
        if not client or not refresh:
            raise BadSetting(
                "XOAUTH2 needs oauth_client_id and oauth_refresh_token; your provider's console gives both."
            )
        self._url, self._client, self._secret, self._given, self._path = url, client, secret, refresh, path
        self._reach = Reach(_ANYWHERE, seconds=seconds)
        self._turn = threading.Lock()
        self._access, self._until = "", 0.0

    def access(self, refused: str = "") -> str:
        """A token that is good for some minutes, and another than the one a server has `refused`. Raises Unreachable."""
        with self._turn:
            if time.time() >= self._until or self._access == refused:  # machines sleep; the monotonic clock may, too
                with self._alone():
                    self._fetch()
            return self._access

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other process fetches one: a refresh token may be good for once only."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _fetch(self) -> None:
        fields = {"grant_type": "refresh_token", "client_id": self._client, "refresh_token": self._refresh()}
        if self._secret:
            fields["client_secret"] = self._secret
        try:
            status, said = self._reach.fetch(self._url, _FORM, urllib.parse.urlencode(fields).encode())
            answer = json.loads(said) if status == 200 else {}
            self._access = str(answer["access_token"])
        except Undelivered as error:
            raise Unreachable(f"The token address gave no access token: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable(f"The token address gave no access token: HTTP {status} {_why(said)}".strip()) from error
        self._until = time.time() + max(0.0, float(answer.get("expires_in", 3600)) - _EARLY)
        if answer.get("refresh_token"):
            self._keep(str(answer["refresh_token"]))

    def _refresh(self) -> str:
        try:
            kept = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return self._given
        return str(kept["refresh"]) if kept.get("given") == self._given else self._given

    def _keep(self, refresh: str) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        with fresh.open("w") as file:
            json.dump({"given": self._given, "refresh": refresh}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        sync_folder(self._path.parent)


def _why(said: bytes) -> str:
    """The word of RFC 6749 5.2 for what is wrong, as far as there is one."""
    found = re.search(rb'"error"\s*:\s*"([a-z_]{1,60})"', said)
    return found[1].decode() if found else ""
