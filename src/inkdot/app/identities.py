"""Who is who, by somebody's word: a browser that is a person's, two addresses of one person; and back again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from inkdot.domain.contact import normal_address
from inkdot.domain.errors import NotFound, UsageError
from inkdot.domain.ids import VISITOR, ContactId, VisitorId, WorkspaceId, from_word, to_word
from inkdot.pipeline import Pipeline
from inkdot.show.questions import here
from inkdot.store.contract import iso
from inkdot.store.events import EventStore
from inkdot.store.sites import Binding, Sites
from inkdot.store.visits import give, take_back

_BY_HAND = "by hand"


class Identities:
    """Says who is who; every word of it stands in a journal and can be taken back."""

    def __init__(self, sites: Sites, store: EventStore, pipeline: Pipeline) -> None:
        self._sites, self._store, self._pipeline = sites, store, pipeline

    def merge(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """`person` is an address, `other` an address or a visitor."""
        person, name, other = self._words(what)
        said, workspace = int(time.time()), here(what)
        if isinstance(other, str):
            second = self._contact(other, workspace)
            if second == person:
                raise UsageError(f"{name} and {other} are one person already.")
            self._sites.merge_people(workspace, second, person, said, (name, other))
        else:
            if self._store.rows("site", "seen_elsewhere", {"visitor": other, "workspace": workspace}):
                raise NotFound(f"There is no visitor {what['other']}.")
            binding = Binding(workspace, other, person, said * 1_000_000, _BY_HAND, None)
            self._sites.merge_visitor(binding, said, name, to_word(VISITOR, other))
            self._pipeline.forget([other])
            if self._sites.people_of(other) == (person,):  # what several people use tells of none of them
                give(self._store, other, person)
        yield {"person": name, "other": what["other"], "merged": True}

    def unmerge(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The way back: what was shown under the person's name because of it is not any more."""
        person, name, other = self._words(what)
        said, workspace = int(time.time()), here(what)
        if isinstance(other, str):
            self._sites.unmerge_people(workspace, self._contact(other, workspace), person, said, (name, other))
        else:
            if all(b.visitor != other or b.ended for b in self._sites.browsers(person, workspace)):
                raise UsageError(
                    f"{what['other']} is no browser of {name}; 'inkdot person identities {name}' lists them."
                )
            self._sites.unmerge_visitor(workspace, other, person, said, name, to_word(VISITOR, other))
            take_back(self._store, other, person)
            self._pipeline.forget([other])
        yield {"person": name, "other": what["other"], "merged": False}

    def identities(self, what: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """What ties a person to browsers and addresses, and what was said about it."""
        name = normal_address(str(what.get("person", "")))
        workspace = here(what)
        contact = self._contact(name, workspace)
        same = self._sites.addresses_of([(workspace, c) for c in self._sites.same_as(contact, workspace)])
        journal = [row for row in self._sites.identities(workspace) if name in (row[2], row[3])]
        yield {
            "person": name,
            "addresses": sorted(same.values()),
            "browsers": [
                {
                    "visitor": to_word(VISITOR, b.visitor), "proved": iso(b.proved), "rule": b.rule,
                    "taken_back": b.ended is not None, "people": b.people,
                }
                for b in self._sites.browsers(contact, workspace)
            ],
            "journal": [
                {"time": iso(said * 1_000_000), "act": act, "person": person, "other": other, "because": because}
                for said, act, person, other, because in journal
            ],
        }  # fmt: skip

    def _words(self, what: Mapping[str, Any]) -> tuple[ContactId, str, VisitorId | str]:
        name = normal_address(str(what.get("person", "")))
        other = str(what.get("other", "")).strip()
        if other.startswith(f"{VISITOR}_"):
            return self._contact(name, here(what)), name, VisitorId(from_word(VISITOR, other))
        return self._contact(name, here(what)), name, normal_address(other)

    def _contact(self, address: str, workspace: WorkspaceId) -> ContactId:
        contact = self._sites.contact_of(normal_address(address), workspace)
        if contact is None:
            raise NotFound(f"Nobody is known as {address}; mark something for that address first.")
        return contact
