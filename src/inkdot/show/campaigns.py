"""Questions about campaigns: what became of each person's copy, and what each person did with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inkdot.domain.errors import NotFound
from inkdot.domain.ids import MessageId, WorkspaceId
from inkdot.show.questions import here
from inkdot.store.campaigns import Campaigns, Sent
from inkdot.store.contract import iso
from inkdot.store.events import EventStore, microseconds

_SECOND = 1_000_000
_PROOF = {3: "yes", 2: "likely", 1: "unknown"}


class CampaignQuestions:
    """Everything that can be asked of one folder's campaigns."""

    def __init__(
        self, campaigns: Campaigns, store: EventStore, of_mail: Callable[[MessageId, WorkspaceId], dict[str, Any]]
    ) -> None:
        """`of_mail` gives the counts of one mail, as reports of mails have them."""
        self._campaigns, self._store, self._of_mail = campaigns, store, of_mail

    def asks(self) -> dict[str, Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]]:
        """By name."""
        return {"report_campaign": self.report_campaign, "campaign_list": self.campaign_list}

    def campaign_list(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Every campaign with the counts of its mail, the latest first."""
        for name, message, begun in self._campaigns.campaigns(here(what)):
            yield self._of_mail(message, here(what)) | {"campaign": name, "begun": iso(begun * _SECOND)}

    def report_campaign(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """One campaign: counts of its copies and of its mail, and a row for each person who may be named."""
        name, workspace = str(what.get("campaign", "")), here(what)
        campaign = self._campaigns.campaign(name, workspace)
        if campaign is None:
            known = ", ".join(n for n, *_ in self._campaigns.campaigns(workspace)[:10])
            raise NotFound(
                f"There is no campaign {name!r}; those there are: {known}."
                if known
                else f"There is no campaign {name!r}; 'inkdot mail send --people' begins one."
            )
        copies = self._campaigns.copies(campaign.message, workspace)
        did = self._did(campaign.message, workspace)
        named = [copy for copy in copies if copy.address]
        yield {
            "campaign": name, "begun": iso(campaign.begun * _SECOND),
            "copies": dict(Counter(copy.state for copy in copies)),
            "unmarked": dict(Counter(copy.left_alone for copy in copies if copy.left_alone)),
            "unnamed": len(copies) - len(named),
            "messages": [self._of_mail(campaign.message, workspace)],
            "people": [_person(copy, did.get(copy.contact)) for copy in named],
        }  # fmt: skip

    def _did(self, message: MessageId, workspace: WorkspaceId) -> dict[int, tuple[Any, ...]]:
        rows = self._store.rows("reports", "people_of_mail", {"message": message, "workspace": workspace})
        return {row[0]: row[1:] for row in rows}


def _person(copy: Sent, did: tuple[Any, ...] | None) -> dict[str, Any]:
    opened, clicked, machines, replies, bounces, last = did or (None, None, 0, 0, 0, None)
    return {
        "person": copy.address, "state": copy.state, "answer": copy.answer, "left_alone": copy.left_alone,
        "changed": iso(copy.changed * _SECOND),
        "opened": _PROOF.get(opened or 0), "clicked": _PROOF.get(clicked or 0), "machine_fetches": machines,
        "replied": bool(replies), "bounced": bool(bounces),
        "last": last and iso(microseconds(last)),
    }  # fmt: skip
