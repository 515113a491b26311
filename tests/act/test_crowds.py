"""Lists by rules: who is on them of many people, and who of them may be handed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inkdot.domain.contact import Address
from inkdot.domain.event import Kind, Scene
from inkdot.domain.ids import ContactId, DocumentId, LinkId, MessageId, SiteId, WorkspaceId, to_word
from tests.act.conftest import House
from tests.act.test_audiences import Ledger
from tests.conftest import QUOTE, Server, inkdot
from tests.store.made import AUTUMN, DAY, HERE, SCANNER, event, keep

ANN, BEN, CLEO, DAN, EVE = (ContactId(n) for n in range(1, 6))
NAMES = {ANN: "ann", BEN: "ben", CLEO: "cleo", DAN: "dan", EVE: "eve"}


@pytest.fixture
def crowd(house: House) -> House:
    """Five people who did things; Eve belongs to somebody else, Dan is a machine."""
    house.control.remember_contacts({(HERE, who): Address(f"{name}@example.com") for who, name in NAMES.items()})
    site: dict[str, Any] = {"site": SiteId(5), "channel": "Organic Search", "source": "Google"}
    at = iter(range(1, 30))

    def did(who: ContactId, kind: Kind, url: str | None = None, scene: Scene | None = None, **more: Any) -> Any:
        return event(next(at), contact=who, kind=kind, url=url, scene=scene, **more)

    keep(
        house.store,
        did(ANN, Kind.OPEN), did(ANN, Kind.CLICK, "https://example.com/pricing?x=1", link=LinkId(9)),
        did(BEN, Kind.OPEN), did(BEN, Kind.OPEN, repeat_of=event(3).id),
        did(CLEO, Kind.VIEW, "https://example.com/Pricing/old", Scene(**site), message=None),
        did(CLEO, Kind.ENGAGE, "https://example.com/a", Scene(**site, seconds=20.0), message=None),
        did(CLEO, Kind.ENGAGE, "https://example.com/a", Scene(**site, seconds=15.0), message=None),
        did(CLEO, Kind.READ, None, Scene(document=DocumentId(4), page=3, seconds=9.0), message=None),
        did(DAN, Kind.CLICK, "https://example.com/pricing", verdict=SCANNER),
        did(EVE, Kind.CLICK, "https://example.com/pricing", workspace=WorkspaceId(2)),
    )  # fmt: skip
    return house


@pytest.mark.parametrize(
    ("when", "more", "members"),
    [
        ({"kind": "open"}, {}, {ANN, BEN}),
        ({"kind": ["open", "click"], "count": 2}, {}, {ANN}),
        ({"kind": "open", "count": 2}, {}, set()),
        ({"kind": "open", "count": 2}, {"repeats": True}, {BEN}),
        ({"kind": "click", "url": "/pricing"}, {}, {ANN}),
        ({"kind": "click", "url": "/pricing"}, {"evidence": "no"}, {ANN, DAN}),
        ({"kind": ["click", "view"], "url": ["/pricing*", "/never"]}, {}, {ANN, CLEO}),
        ({"kind": "click", "url": "re:[?]x=1$"}, {}, {ANN}),
        ({"kind": "engage", "seconds": 35}, {}, {CLEO}),
        ({"kind": "engage", "seconds": 36}, {}, set()),
        ({"kind": "view", "channel": "organic search", "source": "google", "site": to_word("site", 5)}, {}, {CLEO}),
        ({"kind": "view", "channel": "Direct"}, {}, set()),
        ({"kind": "read", "document": to_word("doc", 4), "page": 3}, {}, {CLEO}),
        ({"kind": "open", "message": to_word("msg", 3), "person": "b*@example.com"}, {}, {BEN}),
        ({"kind": "open", "message": to_word("msg", 4)}, {}, set()),
        ({"kind": "open", "audience": "friends"}, {}, {ANN}),
        ({"kind": ["open", "view"], "score": 20}, {}, {ANN, BEN, CLEO}),
        ({"kind": ["open", "view"], "score": 90}, {}, set()),
        ({"kind": "open", "within": "1h"}, {}, set()),
    ],
)
def test_a_list_holds_everybody_who_meets_its_rule_and_nobody_else(
    crowd: House, when: dict[str, Any], more: dict[str, Any], members: set[ContactId]
) -> None:
    crowd.ask("audience_add", name="friends")
    crowd.ask("audience_change", name="friends", person="ann@example.com", join=True)
    rule = json.dumps({"when": when} | more)
    assert crowd.ask("audience_add", name="list", rule=rule)["members"] == len(members)
    shown = {found["person"] for found in crowd.acting.asks()["audience_show"]({"name": "list"})}
    assert shown == {f"{NAMES[who]}@example.com" for who in members}


def test_who_meets_a_rule_no_more_leaves_as_time_passes(crowd: House) -> None:
    crowd.ask("audience_add", name="list", rule='{"when":{"kind":"open","within":"3d"}}')
    assert crowd.acting.lists.refresh() == 0
    crowd.time = AUTUMN + 4 * DAY
    assert crowd.acting.lists.refresh() == 2


def test_where_the_law_wants_to_be_asked_only_who_agreed_is_handed_over(crowd: House) -> None:
    for name in ("cleo", "ann", "ben"):
        crowd.ask("audience_add", name="all")
        crowd.ask("audience_change", name="all", person=f"{name}@example.com", join=True)
    for strict, rows, reasons in [(False, 2, {"withdrawn": 1}), (True, 1, {"withdrawn": 1, "no_consent": 1})]:
        crowd.acting.consents = Ledger(strict=strict, no=BEN, yes=ANN)
        told = crowd.ask("audience_export", name="all", target="meta")
        assert (told["rows"], told["reasons"]) == (rows, reasons)


def test_conversions_are_found_by_the_click_that_led_here(crowd: House) -> None:
    marks = (
        "https://example.com/?gclid=Cj0older",
        "https://example.com/?a=1&gclid=Cj0newer",
        "https://example.com/?xgclid=no",
    )
    keep(
        crowd.store,
        *(
            event(40 + n, contact=who, kind=Kind.VIEW, url=url, message=MessageId(0), scene=Scene(site=SiteId(5)))
            for n, (who, url) in enumerate(zip((ANN, ANN, BEN), marks, strict=True))
        ),
    )
    crowd.ask("audience_add", name="buyers", rule='{"when":{"kind":"open"}}')
    told = crowd.ask("audience_export", name="buyers", target="google", what_for="conversions", conversion="Order")
    assert (told["rows"], told["reasons"]) == (1, {"no_click_id": 1})
    assert "Cj0newer" in told["csv"]


def test_the_answer_to_where_recipients_are_decides_whether_silence_is_a_no(own_server: Server) -> None:
    data = own_server.data
    own_server.mark(QUOTE, "asked@example.com", "silent@example.com", "gone@example.com")
    inkdot("audience", "add", "offer", "--data", data)
    for name in ("asked", "silent", "gone"):
        inkdot("audience", "join", "offer", f"{name}@example.com", "--data", data)
    scope = ("--scope", "purpose:advertising")
    inkdot("consent", "set", "asked@example.com", "--mode", "individual", *scope, "--data", data)
    inkdot("consent", "withdraw", "gone@example.com", "--data", data)
    for region, line in [("us", "2 rows, 1 left out: no consent"), ("eu", "1 rows, 2 left out: no consent")]:
        inkdot("setup", "--region", region, "--data", data)
        done = inkdot("audience", "export", "offer", "--target", "csv", "--data", data)
        assert done.stderr.strip().splitlines()[-1] == line
    assert "asked@example.com" in done.stdout
    assert "silent@example.com" not in done.stdout
