"""The privacy page, wired: what the room's process serves under `/p/`."""

from __future__ import annotations

from starlette.routing import Route

from inkdot.app.consent import Register, choice
from inkdot.app.folder import Folder
from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.ids import WorkspaceId
from inkdot.room.privacy import Manner, PrivacyPages, Said
from inkdot.settings import Settings


class _Choices:
    """The register, as the page uses it."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def mode_of(self, address: Address, workspace: WorkspaceId) -> Mode:
        return self._register.mode_for(address, workspace=workspace).mode

    def mode_of_website(self, domain: str, workspace: WorkspaceId) -> Mode:
        return self._register.widest(domain, workspace=workspace).mode

    def may_agree(self, address: Address, workspace: WorkspaceId) -> bool:
        return self._register.most_for(address, workspace=workspace).mode is Mode.INDIVIDUAL

    def stop(self, said: Said) -> None:
        # Said once more it changes nothing, and of somebody who was erased it would bring the address back.
        if not self._register.book.why_denied(self._register.contact(said.address, said.workspace)):
            self._keep("withdraw", Mode.OFF, said)

    def agree(self, said: Said) -> None:
        self._keep("set", Mode.INDIVIDUAL, said)

    def unsubscribe(self, said: Said) -> None:
        if not self._register.wants_no_mail(said.address, said.workspace):
            self._keep("unsubscribe", None, said._replace(wording=""), "one_click")

    def _keep(self, act: str, mode: Mode | None, said: Said, method: str = "privacy_page") -> None:
        row = choice(
            said.address, act, mode, "", method,
            wording=said.wording, version=said.version, language=said.language, form=said.form,
        )  # fmt: skip
        self._register.keep([row], said.workspace)
        about = self._register.contact(said.address, said.workspace)
        self._register.book.audit("the person", f"consent {act}", about, workspace=said.workspace)


def pages(folder: Folder, settings: Settings) -> list[Route]:
    """The routes of the privacy page."""
    responsible = ", ".join(filter(None, (settings.controller, settings.controller_mail)))
    manner = Manner(settings.language, settings.journal_days, settings.events_days, responsible)
    return PrivacyPages(folder.keyring(), _Choices(Register(folder, settings)), manner).routes()
