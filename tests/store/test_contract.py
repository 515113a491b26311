"""The JSON form of an event is what the contract shows."""

from __future__ import annotations

import json

from inkdot.domain.event import FINAL_AFTER
from inkdot.domain.evidence import Evidence
from inkdot.domain.ids import EVENT, EventId, to_word
from inkdot.store.contract import event_json, iso
from tests.store.made import AUTUMN, GMAIL, RAWS, SECOND, click, event

CONTRACT = {
    "id", "time", "kind", "actor", "human", "person", "message", "link", "document", "page", "site", "visit", "url", "referrer",
    "channel", "source", "seconds", "fields", "evidence", "rules", "final", "repeat_of", "raw",
}  # fmt: skip


def test_an_open_has_every_key_and_absent_is_null() -> None:
    shown = json.loads(json.dumps(event_json(event(0, verdict=GMAIL), "ben@example.com", AUTUMN)))
    assert set(shown) >= CONTRACT
    assert (shown["time"], shown["kind"], shown["actor"], shown["human"]) == (
        "2025-10-09T08:53:20.000Z", "open", "image_proxy", "likely",
    )  # fmt: skip
    assert (shown["id"], shown["message"], shown["person"]) == (
        "evt_00000000g0000", "msg_0000000000003", "ben@example.com",
    )  # fmt: skip
    absent = (
        "link",
        "document",
        "page",
        "site",
        "visit",
        "url",
        "referrer",
        "channel",
        "source",
        "seconds",
        "repeat_of",
    )
    assert {shown[key] for key in absent} == {None}
    assert shown["fields"]["time"]["status"] == "known"
    assert shown["fields"]["location"] == {"value": None, "status": "unknown", "reason": "google_image_proxy"}
    assert shown["fields"]["client"] == {"value": "Gmail", "status": "known"}
    assert shown["evidence"] == [{"rule": "I1", "fact": "agent contains GoogleImageProxy"}]
    assert shown["raw"] == {
        "agent": RAWS[0].agent, "method": "GET", "headers": {"accept": "image/*", "via": "ä\n\0"}, "asn": 15169,
        "network": ["google_proxy"],
    }  # fmt: skip


def test_a_repeated_click_names_its_link_its_original_and_its_own_evidence() -> None:
    own = Evidence("B1", "the fifth in a second")
    shown = event_json(click(1, repeat_of=EventId(4), because=(own,), raw=RAWS[1]), None, AUTUMN)
    assert (shown["kind"], shown["link"], shown["url"]) == ("click", "lnk_0000000000009", "https://example.com/ä?b=1")
    assert (shown["person"], shown["repeat_of"]) == (None, to_word(EVENT, 4))
    assert shown["evidence"][-1] == {"rule": "B1", "fact": "the fifth in a second"}
    assert shown["raw"] == {"agent": None, "method": "HEAD", "headers": {}, "asn": None, "network": []}


def test_an_event_is_final_after_ten_minutes() -> None:
    end = AUTUMN + FINAL_AFTER * SECOND
    assert [event_json(event(0), None, now)["final"] for now in (AUTUMN, end - 1, end)] == [False, False, True]


def test_times_have_milliseconds_cut_off_and_a_z() -> None:
    assert [iso(0), iso(999), iso(1_999_999), iso(4_102_444_799_999_999)] == [
        "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.999Z", "2099-12-31T23:59:59.999Z",
    ]  # fmt: skip
