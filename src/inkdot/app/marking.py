"""The mint of a folder, as its settings want it."""

from __future__ import annotations

from inkdot.app.consent import WORKSPACE, notice_of
from inkdot.domain.token import Keyring
from inkdot.mark.mint import Mint
from inkdot.mark.wanted import Wanted, read_wanted
from inkdot.settings import Settings


def mint_of(settings: Settings, keyring: Keyring, public_url: str) -> Mint:
    """Raises BadSetting."""
    prefixes = (settings.dot_prefix, settings.click_prefix)
    return Mint(public_url, keyring, WORKSPACE, prefixes, notice_of(settings), _wanted(settings))


def _wanted(settings: Settings) -> Wanted:
    return read_wanted(
        opens=settings.track_opens,
        clicks=settings.track_clicks,
        never=settings.never_track_links,
        utm=settings.utm,
        names=settings.public_urls,
        honeypot=settings.honeypot == "on" or (settings.honeypot == "auto" and settings.region != ""),
    )
