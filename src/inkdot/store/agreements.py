"""What browsers agreed to: a tag names its visitor after `inkdot.consent(true)` alone, so the first event that does is the proof.

The ledger gets one row for each browser and site: when, on which page, and under the number that its events carry anyway.
No new name is made for it. The words that were agreed to stand on the site, which knows their version.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from inkdot.domain.consent import Choice, Mode
from inkdot.domain.contact import Address
from inkdot.domain.event import Event
from inkdot.domain.ids import VISITOR, ContactId, SiteId, VisitorId, WorkspaceId, agreed, to_word
from inkdot.store.consents import Consents
from inkdot.store.sites import Sites

_MOST_REMEMBERED = 100_000
_SECOND = 1_000_000
_MAIL = re.compile(r"(?i)[^/]*(?:@|%40)[^/]*")
Agreement = tuple[WorkspaceId, VisitorId, SiteId]


class Agreements:
    """Writes the consent of browsers down as their events come."""

    def __init__(self, book: Consents, sites: Sites) -> None:
        self._book, self._sites = book, sites
        self._known: set[Agreement] = set()

    def heard(self, events: Sequence[Event]) -> None:
        """Keep what these events prove and is not on record yet. Heard twice it changes nothing."""
        fresh: dict[Agreement, Event] = {}
        for event in events:
            scene = event.scene
            if scene and scene.site and scene.visitor and agreed(scene.visitor):
                about = event.workspace, scene.visitor, scene.site
                if about not in self._known:
                    fresh.setdefault(about, event)
        if not fresh:
            return
        for about, event in fresh.items():
            self._keep(about, event)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        self._known.update(fresh)

    def _keep(self, about: Agreement, event: Event) -> None:
        workspace, visitor, number = about
        site = self._sites.site(number)
        scope, who = f"site:{site.domain if site else ''}", ContactId(visitor)
        if any(made.address and made.scope == scope for made in self._book.choices_of(workspace, who)):
            return
        seen = urlsplit(event.url or "")
        page = seen._replace(path=_MAIL.sub("*", seen.path), query="", fragment="").geturl()  # sealed for good
        browser = Address(to_word(VISITOR, visitor))
        row = Choice(0, browser, "set", Mode.INDIVIDUAL, scope, "", "", "", "tag", page, event.time // _SECOND)
        self._book.keep_choices(workspace, [(who, row)])
