"""The watch over a mailbox: sees replies and reports come in (IMAP, IDLE where the server has it). It changes nothing there."""

from __future__ import annotations

import imaplib
import json
import os
import re
import ssl
import threading
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

from imap_tools.errors import ImapToolsError

from inkdot.domain.errors import InkdotError
from inkdot.relay.answers import may_report, which
from inkdot.relay.box import Box
from inkdot.relay.mailbox import Mailbox
from inkdot.relay.upstream import Unreachable

_WAIT_SECONDS = 60.0
_FIRST_PAUSE, _LAST_PAUSE = 5.0, 300.0
_FIRST_LOOK_MAILS = 200
"""Mails that were there before the first look and are read all the same."""
_MOST_KNOWN = 1_000
"""Of so many mails that told something it is remembered that they did."""
_MOST_FAILED, _MOST_TRIES = 100, 1_000
"""Mails at which we failed are read again with each look, about a minute apart; so many of them, and so often."""


class Watch:
    """One thread that reads each new mail once. Where it is, is kept in `state`."""

    def __init__(
        self, mailbox: Mailbox, state: Path, heard: Callable[[Message, bool], bool], log: Callable[..., None],
        token: Callable[[str], str] | None = None, poll: float = 60.0, seconds: float = 60.0,
    ) -> None:  # fmt: skip
        """`heard` gets header lines, or a whole mail that may be a report (True); when it returns, what it tells is kept.

        `poll` is the pause between two looks without IDLE, in seconds; `seconds` has the server for each answer. True means that it told something: the same mail tells nothing again, under whatever number it comes.
        """
        self._mailbox, self._state, self._heard, self._log, self._token = mailbox, state, heard, log, token
        self._poll, self._seconds = poll, seconds
        self._stopping = threading.Event()
        self._has_read = False
        """Since the last connection was made."""
        self._refused = ""
        """The token that did not work last time."""
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
            self._has_read = False
            try:
                self._look()
            except (OSError, ssl.SSLError, imaplib.IMAP4.error, ImapToolsError, Unreachable, InkdotError) as error:
                self._log("mailbox_failed", mailbox=self._mailbox.shown, error=str(error)[:300])
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch
                self._log("watch_failed", error=repr(error))
            if self._has_read:  # servers and routers end connections that do little; that is no trouble
                pause = _FIRST_PAUSE
            self._stopping.wait(pause)
            pause = min(_LAST_PAUSE, pause * 2)

    def _look(self) -> None:
        """Stay connected and read what comes."""
        with self._connected() as box:
            idles = "IDLE" in box.client.capabilities
            self._log("mailbox_watched", mailbox=self._mailbox.shown, idle=idles)
            while not self._stopping.is_set():
                self._read_new(box)
                self._has_read = True
                if idles:
                    box.idle.wait(timeout=_WAIT_SECONDS)
                else:
                    self._stopping.wait(self._poll)
                    box.client.noop()

    def _connected(self) -> Box:
        m = self._mailbox
        box = Box(m, self._seconds)
        if m.xoauth2 and self._token:
            access, self._refused = self._token(self._refused), ""
            try:
                box.xoauth2(m.user, access, initial_folder=None)
            except (ImapToolsError, imaplib.IMAP4.error) as error:
                if not isinstance(error, imaplib.IMAP4.abort):  # that is the line's end, not the token's
                    self._refused = access
                raise
        else:
            box.login(m.user, m.password, initial_folder=None)
        box.folder.set(m.folder, readonly=True)
        return box

    def _read_new(self, box: Box) -> None:
        validity = _number(box.client.untagged_responses.get("UIDVALIDITY") or box.client.response("UIDVALIDITY")[1])
        last, known = self._last(validity), self._known()
        failed = self._failed_before() if last is not None else {}
        uids = sorted(int(uid) for uid in box.uids(f"UID {(last or 0) + 1}:*"))
        # `n:*` names the last mail even where it is older than n.
        fresh = [uid for uid in uids if uid > (last or 0)]
        begun = last or 0
        for uid in [*failed, *(fresh[-_FIRST_LOOK_MAILS:] if last is None else fresh)]:
            known, failed = self._read(box, uid, known, failed)
            begun = max(begun, uid)
            self._keep(validity, begun, known, failed)
        if last is None and not fresh:
            self._keep(validity, 0, known, failed)

    def _read(self, box: Box, uid: int, known: list[str], failed: dict[int, int]) -> tuple[list[str], dict[int, int]]:
        """One mail; what is known after it, and at which mails we fail. Those are read again, and hold up no others."""
        tries = failed.get(uid, 0)
        failed = {number: count for number, count in failed.items() if number != uid}
        heads = box.heads(uid)
        if heads is None or (digest := which(heads)) in known:
            return known, failed
        whole = may_report(heads)
        mail = box.mail(uid) if whole else heads
        try:
            told = mail is not None and self._heard(mail, whole)
        except (OSError, InkdotError):  # the disk's trouble, not the mail's
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours with one mail must not hide the others
            self._log("watch_failed", error=repr(error))
            again = {**failed, uid: tries + 1} if tries < _MOST_TRIES else failed
            return known, dict(list(again.items())[-_MOST_FAILED:])
        return ([*known, digest][-_MOST_KNOWN:] if told else known), failed

    def _last(self, validity: int) -> int | None:
        """The last mail that was read; None before the first look, or where the server has numbered anew."""
        state = self._kept()
        same = state.get("mailbox") == self._mailbox.shown and state.get("validity") == validity
        return int(state["last"]) if same else None

    def _known(self) -> list[str]:
        """What told something before, oldest first. Numbering anew must not make everything news."""
        return [str(digest) for digest in self._kept().get("known", [])]

    def _failed_before(self) -> dict[int, int]:
        """Mails at which we failed, and how often."""
        return {int(uid): int(tries) for uid, tries in dict(self._kept().get("failed", {})).items()}

    def _kept(self) -> dict[str, Any]:
        try:
            state = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _keep(self, validity: int, uid: int, known: list[str], failed: dict[int, int]) -> None:
        state = {"mailbox": self._mailbox.shown, "validity": validity, "last": uid, "known": known, "failed": failed}
        fresh = self._state.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._state)


def _number(response: list[Any] | None) -> int:
    found = re.search(rb"\d+", (response or [b""])[0] or b"")
    return int(found[0]) if found else 0
