"""The watch over a mailbox: sees replies and reports come in (IMAP, IDLE where the server has it). It changes nothing there."""

from __future__ import annotations

import imaplib
import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

from imap_tools import BaseMailBox, MailBox, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from inkdot.domain.errors import InkdotError
from inkdot.relay.answers import may_report
from inkdot.relay.mailbox import Mailbox
from inkdot.relay.upstream import Unreachable

_SECONDS = 60.0
_WAIT_SECONDS = 60.0
_FIRST_PAUSE, _LAST_PAUSE = 5.0, 300.0
_FIRST_LOOK_MAILS = 200
"""Mails that were there before the first look and are read all the same."""


class Watch:
    """One thread that reads each new mail once. Where it is, is kept in `state`."""

    def __init__(
        self, mailbox: Mailbox, state: Path, heard: Callable[[Message, bool], None], log: Callable[..., None],
        token: Callable[[], str] | None = None,
    ) -> None:  # fmt: skip
        """`heard` gets header lines, or a whole mail that may be a report (True); when it returns, it is kept."""
        self._mailbox, self._state, self._heard, self._log, self._token = mailbox, state, heard, log, token
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Soon; the thread dies with the process, and each mail is kept before it is passed over."""
        self._stopping.set()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._look()
            except (OSError, ssl.SSLError, imaplib.IMAP4.error, ImapToolsError, Unreachable, InkdotError) as error:
                self._log("mailbox_failed", mailbox=self._mailbox.shown, error=str(error)[:300])
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch
                self._log("watch_failed", error=repr(error))
            pause = _FIRST_PAUSE if time.monotonic() - begun > _LAST_PAUSE else min(_LAST_PAUSE, pause * 2)
            self._stopping.wait(pause)

    def _look(self) -> None:
        """Stay connected and read what comes."""
        with self._connected() as box:
            idles = "IDLE" in box.client.capabilities
            self._log("mailbox_watched", mailbox=self._mailbox.shown, idle=idles)
            while not self._stopping.is_set():
                self._read_new(box)
                if idles:
                    box.idle.wait(timeout=_WAIT_SECONDS)
                else:
                    self._stopping.wait(_WAIT_SECONDS)
                    box.client.noop()

    def _connected(self) -> BaseMailBox:
        m = self._mailbox
        box: BaseMailBox
        if m.tls:
            box = MailBox(m.host, m.port, timeout=_SECONDS, ssl_context=ssl.create_default_context())
        else:
            box = MailBoxUnencrypted(m.host, m.port, timeout=_SECONDS)
        if m.xoauth2 and self._token:
            box.xoauth2(m.user, self._token(), initial_folder=None)
        else:
            box.login(m.user, m.password, initial_folder=None)
        box.folder.set(m.folder, readonly=True)
        return box

    def _read_new(self, box: BaseMailBox) -> None:
        validity = _number(box.client.untagged_responses.get("UIDVALIDITY") or box.client.response("UIDVALIDITY")[1])
        last = self._last(validity)
        uids = sorted(int(uid) for uid in box.uids(f"UID {(last or 0) + 1}:*"))
        # `n:*` names the last mail even where it is older than n.
        fresh = [uid for uid in uids if uid > (last or 0)]
        for uid in fresh[-_FIRST_LOOK_MAILS:] if last is None else fresh:
            heads = next(iter(box.fetch(f"UID {uid}", headers_only=True, mark_seen=False)), None)
            if heads is not None and may_report(heads.obj):
                heads = next(iter(box.fetch(f"UID {uid}", mark_seen=False)), None)
                if heads is not None:
                    self._heard(heads.obj, True)
            elif heads is not None:
                self._heard(heads.obj, False)
            self._keep_last(validity, uid)
        if last is None and not fresh:
            self._keep_last(validity, 0)

    def _last(self, validity: int) -> int | None:
        """The last mail that was read; None before the first look, or where the server has numbered anew."""
        try:
            state = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return None
        same = state.get("mailbox") == self._mailbox.shown and state.get("validity") == validity
        return int(state["last"]) if same else None

    def _keep_last(self, validity: int, uid: int) -> None:
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps({"mailbox": self._mailbox.shown, "validity": validity, "last": uid}))
        fresh.replace(self._state)


def _number(response: list[Any] | None) -> int:
    found = re.search(rb"\d+", (response or [b""])[0] or b"")
    return int(found[0]) if found else 0
