"""Rules: what is refused and how, and what meets them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from inkdot.act.match import Book, trigger
from inkdot.act.rule import after_quiet, made, read
from inkdot.act.tally import Known, Tally
from inkdot.domain.contact import Address
from inkdot.domain.errors import BadRule
from inkdot.domain.event import Event, Kind, Scene
from inkdot.domain.ids import SiteId, TriggerId, VisitorId, to_word
from tests.store.made import AUTUMN, BEN, GMAIL, HERE, SCANNER, SECOND, click, event

MAIL = [{"do": "email"}]


class _Seen(Known):
    """Somebody of whom each condition has seen the same."""

    def __init__(self, seen: list[tuple[Event, float]]) -> None:
        super().__init__()
        self._all = Tally()
        for happened, seconds in seen:
            self._all.see((happened.time, happened.id), seconds)

    def tally(self, condition: int) -> Tally:
        return self._all


@dataclasses.dataclass
class Past:
    """A memory for one test."""

    seen: list[tuple[Event, float]] = dataclasses.field(default_factory=list)
    times: list[int] = dataclasses.field(default_factory=list)
    warm: int = 0
    lists: tuple[str, ...] = ()

    def known(self, who: int) -> Known:
        return _Seen(self.seen)

    def fired(self, trigger: TriggerId, who: int | None, since: int) -> int:
        return sum(t >= since for t in self.times)

    def person(self, event: Event) -> Address | None:
        return Address("ben@example.com") if event.contact == BEN else None

    def score(self, event: Event) -> int:
        return self.warm

    def in_audience(self, event: Event, name: str) -> bool:
        return name in self.lists


def met(rule: dict[str, Any], happened: Event, past: Past | None = None) -> str:
    """What a rule makes of an event: fires, counts, capped or nothing."""
    full = made({"name": "Test", "actions": MAIL} | rule)
    found = Book([trigger(TriggerId(1), HERE, 1, full)]).met(happened, past or Past())
    if not found:
        return "nothing"
    return "counts" if found[-1].counted else "capped" if found[-1].capped else "fires"


def page(url: str, **scene: Any) -> Event:
    return event(1, kind=Kind.VIEW, url=url, message=None, scene=Scene(**scene))


def test_a_rule_in_toml_and_in_json_is_the_same() -> None:
    toml = 'name = "Hot"\n[when]\nkind = "click"\nurl = "/pricing*"\n[[actions]]\ndo = "email"\n'
    json = '{"name":"Hot","when":{"kind":"click","url":"/pricing*"},"actions":[{"do":"email"}]}'
    assert read(toml) == read(json)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "neither TOML nor JSON"),
        ('{"name":"x","when":{"kind":"opne"},"actions":[{"do":"email"}]}', "kinds are open, click"),
        ('{"name":"x","when":{"kind":"open"},"actions":[]}', "actions"),
        ('{"name":"x","when":{"kind":"open"},"actions":[{"do":"fax"}]}', "`do` is webhook, slack"),
        ('{"name":"x","when":{"kind":"open","colour":"red"},"actions":[{"do":"email"}]}', "colour"),
        ('{"name":"x","when":{},"actions":[{"do":"email"}]}', "when.kind is missing"),
        ('{"name":"x","when":{"kind":"open","count":3},"actions":[{"do":"email"}]}', "when.within is missing"),
        ('{"name":"x","when":{"kind":"open","url":"re:("},"actions":[{"do":"email"}]}', "no regular expression"),
        ('{"name":"x","when":{"kind":"open","message":"evt_1"},"actions":[{"do":"email"}]}', "msg_"),
        ('{"name":"x","when":{"kind":"open"},"limits":{"per_person":"often"},"actions":[{"do":"email"}]}', "1/24h"),
        ('{"name":"x","when":{"kind":"open"},"limits":{"quiet":"night"},"actions":[{"do":"email"}]}', "22:00-07:00"),
        ('{"name":"x","when":{"kind":"open"},"limits":{"zone":"Mars/Base"},"actions":[{"do":"email"}]}', "time zone"),
        ('{"name":"x","when":{"kind":"open"},"actions":[{"do":"slack","url":"file:///etc/passwd"}]}', "no web address"),
        ('{"name":"x","when":{"kind":"open"},"actions":[{"do":"show","text":"Hi"}]}', 'when.kind = "view"'),
        (
            '{"name":"x","when":{"kind":"view"},"actions":[{"do":"show","text":"Hi","link":"javascript:1"}]}',
            "no web address",
        ),
        ('{"name":"x","when":{"kind":"view"},"actions":[{"do":"tag"}]}', "either `add` or `remove`"),
        ('{"name":"x","when":{"kind":"view","seconds":30},"actions":[{"do":"email"}]}', "engage and read"),
        (
            '{"name":"x","when":{"kind":"view","name":"paid"},"actions":[{"do":"show","text":"Hi"}]}',
            "What is shown on a page cannot wait for when.name; it knows audience, channel",
        ),
        (
            '{"name":"x","when":{"kind":"view"},"limits":{"quiet":"22:00-07:00"},"actions":[{"do":"show","text":"Hi"}]}',
            "use `most` and `every`",
        ),
        (
            '{"name":"x","when":{"not_opened_for":"3d","url":"/a"},"actions":[{"do":"email"}]}',
            "A rule about silence cannot wait for when.url",
        ),
        ("[" * 70_000, "64 kB"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(BadRule) as refused:
        read(text)
    assert says in str(refused.value)


def test_machines_never_fire_a_rule_unless_it_asks_for_them() -> None:
    rule = {"when": {"kind": "click"}}
    assert met(rule, click(1)) == "fires"
    assert met(rule, click(1, verdict=SCANNER)) == "nothing"
    assert met(rule | {"evidence": "unknown"}, click(1, verdict=SCANNER)) == "nothing"
    assert met(rule | {"evidence": "no"}, click(1, verdict=SCANNER)) == "fires"
    assert met(rule | {"evidence": "yes"}, click(1, verdict=GMAIL)) == "nothing"


def test_a_repeat_fires_only_where_the_rule_says_so() -> None:
    again = click(2, repeat_of=click(1).id)
    assert met({"when": {"kind": "click"}}, again) == "nothing"
    assert met({"when": {"kind": "click"}, "repeats": True}, again) == "fires"


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        ("/pricing", "https://www.example.com/pricing", True),
        ("/pricing", "https://www.example.com/pricing?utm_source=x#top", True),
        ("/pricing", "https://www.example.com/pricing/old", False),
        ("/pricing*", "https://www.example.com/Pricing/old", True),
        ("https://www.example.com/*", "https://www.example.com/a/b", True),
        ("https://www.example.com/*", "https://www.example.org/a", False),
        ("*/thanks", "https://www.example.com/order/thanks", True),
        ("/search?q=*", "https://www.example.com/search?q=ink", True),
        ("/search?q=*", "https://www.example.com/search", False),
        ("/a[1]", "https://www.example.com/a[1]", True),
        ("re:/order/\\d+$", "https://www.example.com/order/12", True),
        ("re:/order/\\d+$", "https://www.example.com/order/x", False),
        ("/x", "https://[broken", False),
    ],
)
def test_addresses_are_compared_as_people_mean_them(pattern: str, url: str, fits: bool) -> None:
    assert (met({"when": {"kind": "view", "url": pattern}}, page(url)) == "fires") is fits
    assert (met({"when": {"kind": "view", "url": ["/never", pattern]}}, page(url)) == "fires") is fits


def test_every_condition_must_hold() -> None:
    site = SiteId(5)
    scene = Scene(site=site, channel="Organic Search", source="google", seconds=12.0, name="n", page=3)
    seen = event(1, kind=Kind.ENGAGE, url="https://example.com/a", message=None, scene=scene)
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"site": to_word("site", 5)}, {"site": to_word("site", 6)}),
        ({"channel": "organic search"}, {"channel": "Direct"}),
        ({"channel": ["Email", "Organic Search"]}, {"channel": ["Email"]}),
        ({"source": "Google"}, {"source": "bing"}),
        ({"name": "n"}, {"name": "m"}),
        ({"page": 3}, {"page": 4}),
        ({"seconds": 12}, {"seconds": 13}),
        ({"person": "*@EXAMPLE.com"}, {"person": "*@example.org"}),
    ]
    for condition, other in cases:
        assert met({"when": {"kind": "engage"} | condition}, seen) == "fires", condition
        assert met({"when": {"kind": "engage"} | other}, seen) in ("nothing", "counts"), other
    assert met({"when": {"kind": "engage", "score": 50}}, seen, Past(warm=60)) == "fires"
    assert met({"when": {"kind": "engage", "score": 50}}, seen, Past(warm=40)) == "nothing"
    assert met({"when": {"kind": "engage", "audience": "hot"}}, seen, Past(lists=("hot",))) == "fires"
    assert met({"when": {"kind": "engage", "audience": "hot"}}, seen) == "nothing"


def test_the_third_within_a_day_fires_and_the_second_counts() -> None:
    rule = {"when": {"kind": "click", "count": 3, "within": "24h"}}
    now = click(10)
    before = [(click(n, time=now.time - n * 3_600 * SECOND), 0.0) for n in (1, 2)]
    assert met(rule, now, Past(seen=before[:1])) == "counts"
    assert met(rule, now, Past(seen=before)) == "fires"
    assert (
        met(rule, now, Past(seen=[(e._replace(time=now.time - 25 * 3_600 * SECOND), 0.0) for e, _ in before]))
        == "counts"
    )


def test_active_seconds_are_added_up() -> None:
    rule = {"when": {"kind": "engage", "seconds": 30}}
    now = event(3, kind=Kind.ENGAGE, message=None, contact=0, scene=Scene(seconds=12.0, visitor=VisitorId(9)))
    assert met(rule, now, Past(seen=[(event(1, time=now.time - SECOND), 10.0)])) == "counts"
    assert met(rule, now, Past(seen=[(event(1, time=now.time - SECOND), 20.0)])) == "fires"


def test_limits_hold_firings_back() -> None:
    rule = {"when": {"kind": "click"}, "limits": {"per_person": "1/24h"}}
    assert met(rule, click(1), Past(times=[click(1).time - SECOND])) == "capped"
    assert met(rule, click(1), Past(times=[click(1).time - 25 * 3_600 * SECOND])) == "fires"


def test_quiet_hours_end_in_the_owners_morning() -> None:
    noon = AUTUMN // SECOND // 86_400 * 86_400 + 10 * 3_600  # 12:00 in Berlin, in October
    berlin = "22:00-07:00", "Europe/Berlin"
    assert after_quiet(*berlin, noon) == noon
    assert after_quiet(None, "UTC", noon) == noon
    night = noon + 11 * 3_600  # 23:00
    assert after_quiet(*berlin, night) - night == 8 * 3_600
    early = noon - 6 * 3_600  # 06:00
    assert after_quiet(*berlin, early) - early == 3_600


def test_a_thousand_rules_are_sorted_by_what_they_need() -> None:
    rules = [
        trigger(
            TriggerId(n),
            HERE,
            1,
            made({"name": f"r{n}", "when": {"kind": "click", "url": f"/page/{n}*"}, "actions": MAIL}),
        )
        for n in range(1_000)
    ]
    found = Book(rules).met(click(1, url="https://example.com/page/77?a=1"), Past())
    assert [m.trigger.id for m in found] == [7, 77]
