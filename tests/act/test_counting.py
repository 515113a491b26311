"""Rules that count: each by its own numbers, though what they wait for is seen and kept once; also after a kill and on trial."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.act.conftest import FIREFOX, click, kill_office
from tests.conftest import Server, eventually, inkdot, inkdot_json

TAG = [{"do": "tag", "add": "counted"}]


def add(server: Server, rule_name: str, *, actions: list[dict[str, Any]] = TAG, **when: Any) -> None:
    rule = {"name": rule_name, "when": {"within": "1h"} | when, "actions": actions}
    inkdot("trigger", "add", json.dumps(rule), "--data", server.data)


def fired(server: Server, *names: str) -> list[int]:
    """How often each of the rules fired."""
    lines = map(json.loads, inkdot("trigger", "list", "--json", "--data", server.data).stdout.splitlines())
    found = {rule["name"]: rule["fired"] for rule in lines}
    return [found[name] for name in names]


def tried(server: Server, *names: str) -> list[int]:
    """How often each would have fired, by `trigger test`."""
    return [inkdot_json("trigger", "test", name, "--data", server.data)["fires"] for name in names]


def sightings(data: Path) -> tuple[int, int]:
    """How many there are, and of how many events."""
    with closing(sqlite3.connect(data / "control.db")) as db:
        count, events = db.execute("SELECT count(*), count(DISTINCT event) FROM sightings").fetchone()
        return count, events


def test_rules_that_count_the_same_fire_each_at_its_own_number_over_a_kill_and_keep_it_once(acting: Server) -> None:
    person, names = "together@example.com", ("Two", "Three", "Five")
    for name, count in zip(names, (2, 3, 5), strict=True):
        add(acting, name, kind="click", count=count, person=person)
    for number in range(1, 6):
        click(acting, person)
        acting.timeline(person, at_least=2 * number)
        if number == 2:
            kill_office(acting)
    eventually(lambda: fired(acting, *names) == [2, 1, 1])
    assert tried(acting, *names) == [2, 1, 1]
    count, events = sightings(acting.data)
    assert count == events >= 5, "a click is kept once for all three"
    for name in names:
        inkdot("trigger", "rm", name, "--data", acting.data)
    inkdot("tidy", "--data", acting.data)
    assert sightings(acting.data) == (0, 0), "what no rule counts is forgotten"


def test_a_rule_counts_from_the_moment_on_from_which_it_says_what_it_says(acting: Server) -> None:
    person = "anew@example.com"
    add(acting, "Older", kind="click", count=3, person=person)
    add(acting, "Anew", kind="click", count=2, person=person)
    click(acting, person)
    acting.timeline(person, at_least=2)
    add(acting, "Anew", kind="click", count=2, person=person, actions=[{"do": "tag", "add": "other"}])
    click(acting, person)
    acting.timeline(person, at_least=4)
    assert fired(acting, "Older", "Anew") == [0, 0]
    click(acting, person)
    eventually(lambda: fired(acting, "Older", "Anew") == [1, 1])
    for name in ("Older", "Anew"):
        inkdot("trigger", "rm", name, "--data", acting.data)


@pytest.mark.parametrize(("count", "fires"), [(2, 2), (3, 1), (5, 1)])
def test_events_of_one_moment_are_counted_one_by_one(acting: Server, count: int, fires: int) -> None:
    site = inkdot_json("site", "add", f"moment{count}.example.com", "--data", acting.data)
    name = f"Moment {count}"
    add(acting, name, kind="goal", name="step", site=site["site"], count=count)
    page = f"https://moment{count}.example.com/"
    goals = [{"k": "goal", "u": page, "p": "1", "q": q, "n": "step"} for q in range(5)]
    body = json.dumps([site["key"], "", *goals]).encode()
    headers = {"Content-Type": "text/plain", "User-Agent": FIREFOX, "Origin": page[:-1]}
    with urllib.request.urlopen(urllib.request.Request(acting.public + "/e", body, headers)) as answer:
        assert json.loads(answer.read())["accepted"] == 5
    eventually(lambda: fired(acting, name) == [fires])
    assert tried(acting, name) == [fires]
    inkdot("trigger", "rm", name, "--data", acting.data)
