"""The page for messages to a browser, wired: what the room's process serves under `/n/`."""

from __future__ import annotations

import json
import time

from starlette.routing import Route

from inkdot.act.channels.push import usable
from inkdot.app.consent import Register, choice
from inkdot.app.folder import Folder
from inkdot.app.vapid import vapid
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.room.face import Face
from inkdot.room.push import PushPages, Subscribed
from inkdot.settings import Settings
from inkdot.store.subscriptions import OWNER, Subscription, Subscriptions

_SCOPE = "purpose:push"


class Browsers:
    """The browsers of one folder, as the page uses them."""

    def __init__(self, folder: Folder, settings: Settings, register: Register) -> None:
        self._kept, self._register = Subscriptions(folder.control), register
        self._key = vapid(folder, settings.owner)

    def public(self) -> str:
        """As the page wants it."""
        return self._key.public()

    def usable(self, keys: dict[str, str]) -> bool:
        """As the page wants it."""
        return usable(keys)

    def may(self, address: Address | None, workspace: WorkspaceId) -> bool:
        """As the page wants it."""
        return address is None or self._register.book.why_denied(self._register.contact(address, workspace)) is None

    def allow(self, said: Subscribed) -> None:
        """As the page wants it; a person's choice goes into the ledger first."""
        if said.address:
            self._chose(said.workspace, said.address, Mode.INDIVIDUAL, said.wording, said.language)
        whose = self._whose(said.address, said.workspace)
        kept = Subscription(said.endpoint, json.dumps(said.keys), said.name, whose, int(time.time()))
        self._kept.keep(kept, said.workspace)

    def stop(self, address: Address | None, endpoint: str, workspace: WorkspaceId) -> None:
        """As the page wants it; only one's own browser can be stopped."""
        whose = self._whose(address, workspace)
        if endpoint not in {browser.endpoint for browser in self._kept.of(workspace, whose)}:
            return
        self._kept.forget(endpoint)
        if address and not self._kept.of(workspace, whose):
            self._chose(workspace, address, Mode.OFF)

    def _whose(self, address: Address | None, workspace: WorkspaceId) -> ContactId:
        return self._register.contact(address, workspace) if address else OWNER

    def _chose(
        self, workspace: WorkspaceId, address: Address, mode: Mode, wording: str = "", language: str = ""
    ) -> None:
        row = choice(
            address, "set", mode, _SCOPE, "push_page", wording=wording, version="1", language=language, form="/n/"
        )
        self._register.keep([row], workspace)
        self._register.book.audit(
            "the person", "consent set", self._register.contact(address, workspace), workspace=workspace
        )


def push_pages(folder: Folder, settings: Settings, face: Face) -> list[Route]:
    """The routes of the page."""
    browsers = Browsers(folder, settings, Register(folder, settings))
    return PushPages(folder.keyring(), browsers, face, settings.sender, settings.language, time.time).routes()
