"""The mint of a folder, as its settings want it, and what is kept of everything that is marked: for all ways to mark."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from inkdot.app.consent import WORKSPACE, notice_of
from inkdot.app.folder import Folder
from inkdot.domain.consent import Mode, by_day, is_alone
from inkdot.domain.contact import Address
from inkdot.domain.document import Share
from inkdot.domain.errors import UsageError
from inkdot.domain.ids import LinkId, MessageId, WorkspaceId
from inkdot.domain.message import Message
from inkdot.domain.token import Keyring, Token, TokenKind, common_link
from inkdot.mark.mail import Copy, Mail
from inkdot.mark.mint import Mint, Person, tracked_link
from inkdot.mark.wanted import Wanted, read_wanted
from inkdot.settings import Settings
from inkdot.store.control import Control


def mint_of(settings: Settings, keyring: Keyring, public_url: str, workspace: WorkspaceId = WORKSPACE) -> Mint:
    """Raises BadSetting."""
    prefixes = (settings.dot_prefix, settings.click_prefix)
    return Mint(public_url, keyring, workspace, prefixes, notice_of(settings), _wanted(settings))


def _wanted(settings: Settings) -> Wanted:
    return read_wanted(
        opens=settings.track_opens,
        clicks=settings.track_clicks,
        never=settings.never_track_links,
        utm=settings.utm,
        names=settings.public_urls,
        honeypot=settings.honeypot == "on" or (settings.honeypot == "auto" and settings.region != ""),
    )


def public_url_of(folder: Folder, settings: Settings) -> str:
    """How recipients reach the street: configured, running or remembered, in that order."""
    running = folder.running()
    remembered = folder.root / "public_url"
    url = settings.public_url or (running.public if running else "")
    url = url or (remembered.read_text().strip() if remembered.exists() else "")
    return url or f"http://127.0.0.1:{settings.public_port}"


def fresh_id() -> int:
    """A new id."""
    return int.from_bytes(os.urandom(8), "big") >> 1


def keep_copies(
    control: Control, mail: Mail, modes: Mapping[Address, Mode], message: MessageId, list_name: str | None = None
) -> list[Copy]:
    """Make a copy as each recipient's consent allows, and keep what they are before any of them can leave."""
    marked, workspace = int(time.time()), mail.mint.workspace
    copies = [
        mail.copy_for(address, message, marked, mode, alone=is_alone(mode, modes.values()))
        for address, mode in modes.items()
    ]
    if mail.left_alone is None:
        # Of whom no name may be kept, the number is: it is what counts are measured against.
        known = {a: mail.mint.keyring.contact_id(workspace, a) for a, mode in modes.items() if mode > Mode.AGGREGATE}
        unnamed = sum(mode is Mode.AGGREGATE for mode in modes.values())
        kept = Message(
            message, marked, mail.subject, tuple(known), mail.links, mail.internet_id, unnamed, by_day(modes), list_name
        )
        control.keep_message(kept, known, workspace)
    return copies


def keep_link(control: Control, mint: Mint, address: Address, mode: Mode, url: str) -> tuple[LinkId, str]:
    """A tracked link for one person, kept; its id and its address. Raises UsageError."""
    number, marked = LinkId(fresh_id()), int(time.time())
    person = Person.known(mint, address, mode)
    if person.mode is Mode.OFF:
        raise UsageError(f"{address} wants nothing kept; give the plain address instead.")
    if person.mode is Mode.AGGREGATE:  # one link to a page for everybody of whom no name may be kept
        number, marked = common_link(mint.workspace, url.strip().encode()), 0
    tracked = tracked_link(mint, person, number, marked, url)
    if person.address:
        control.remember_contacts({(mint.workspace, person.contact): address})
    control.keep_link(number, url.strip().encode(), mint.workspace)
    return number, tracked


def reader_link(mint: Mint, terms: Share, address: Address, mode: Mode) -> str:
    """The address under which one person reads a shared document."""
    who = Person.known(mint, address, mode)
    token = Token(TokenKind.SHARE, who.mode, mint.workspace, 0, terms.made, terms.id, who.contact, who.address, b"")
    return mint.reader(token)
