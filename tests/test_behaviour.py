"""What is judged by what else happened: bursts, traps, crowds, haste. Late evidence counts for what came before it."""

from __future__ import annotations

import itertools
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.event import Event
from inkdot.domain.ids import EventId, WorkspaceId
from inkdot.domain.message import HONEYPOT_PART
from inkdot.domain.ping import Ping, ping_id
from inkdot.domain.token import Keyring, Token, TokenKind
from inkdot.understand.known import NothingKnown
from inkdot.understand.steps import Understanding
from tests.conftest import Server, eventually, in_time

KEYS = Keyring.fresh(os.urandom)
SECOND = 1_000_000
MARKED = 1_700_000_000
FIREFOX = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0\r\n"
CHROME = b"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\n"
THUNDERBIRD = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0\r\n"
PUBLIC = b"\0" * 10 + b"\xff\xff\x5d\xd5\x55\x5c"
LOOPBACK = b"\0" * 10 + b"\xff\xff\x7f\0\0\1"


class Post(NothingKnown):
    """A mail of some links, handed over to everybody at one time."""

    def __init__(self, handed_over: float | None = None, links: int | None = None) -> None:
        self._time, self._links = handed_over, links

    def handed_over(self, message: int) -> dict[int, float]:
        return {} if self._time is None else {KEYS.contact_id(1, who): self._time for who in PEOPLE}

    def links_of(self, message: int) -> int | None:
        return self._links


PEOPLE = [Address(f"{name}@example.com") for name in ("ben", "cleo", "dan", "eve", "fay", "gus")]


def ping(
    number: int,
    seconds: float,
    part: int = 0,
    who: Address = PEOPLE[0],
    lines: bytes = FIREFOX,
    address: bytes = PUBLIC,
) -> Ping:
    """An open (part 0) or a click on the link at `part`, so many seconds after marking."""
    kind, where = (TokenKind.CLICK, b"https://example.com/") if part else (TokenKind.DOT, b"")
    token = Token(kind, Mode.INDIVIDUAL, WorkspaceId(1), part or 1, MARKED, 7, KEYS.contact_id(1, who), who, where)
    return Ping(
        ping_id(0, 1, 16 + number * 8), int((MARKED + seconds) * SECOND), "GET", address, KEYS.seal(token), lines
    )


def judged(batches: list[list[Ping]], post: Post | None = None) -> dict[EventId, Event]:
    """The final events after these batches, the changes of later ones applied to earlier ones as the store does."""
    understanding = Understanding(KEYS, NothingKnown(), mails=post or Post())
    found: dict[EventId, Event] = {}
    for batch in batches:
        outcome = understanding.batch(batch)
        found |= {e.id: e for e in outcome.events}
        for changed, verdict in outcome.relabelled.items():
            if changed in found:
                found[changed] = found[changed]._replace(verdict=verdict)
    return found


def rules(events: dict[EventId, Event]) -> list[str]:
    return [e.verdict.evidence[0].rule for i, e in sorted(events.items()) if not i & 3]


def test_many_links_in_a_second_are_a_scanner_and_the_first_one_is_told_so_later() -> None:
    clicks = [[ping(n, 1000 + n / 10, part=n + 1)] for n in range(5)]
    assert rules(judged(clicks[:3])) == ["H1", "H1", "H1"]
    events = judged(clicks)
    assert rules(events) == ["X6"] * 5
    assert {e.verdict.actor for e in events.values()} == {"scanner"}
    assert any(i & 3 for i in events), "the open that the first click seemed to prove is a machine's now"


def test_every_link_of_a_small_mail_within_three_seconds_is_a_scanner() -> None:
    clicks = [[ping(n, 1000 + n, part=n + 1)] for n in range(3)]
    assert rules(judged(clicks, Post(links=3))) == ["X6"] * 3
    assert rules(judged(clicks, Post(links=4))) == ["H1"] * 3


def test_a_person_may_click_two_links_quickly() -> None:
    assert rules(judged([[ping(0, 50, part=1), ping(1, 51, part=2)]])) == ["H1", "H1"]


def test_the_hidden_link_gives_away_its_whole_source() -> None:
    acts = [ping(0, 900, lines=CHROME), ping(1, 1000), ping(2, 1001, part=1), ping(3, 1002, part=HONEYPOT_PART)]
    assert rules(judged([acts[:3], acts[3:]])) == ["H1", "X5", "X5", "X5"]


def test_what_comes_at_once_after_hand_over_is_no_person() -> None:
    post = Post(handed_over=MARKED + 10)
    assert rules(judged([[ping(0, 11, lines=THUNDERBIRD), ping(1, 20, part=1), ping(2, 100, part=1)]], post)) == [
        "X8",
        "X9",
        "H1",
    ]
    assert rules(judged([[ping(0, 13, lines=THUNDERBIRD), ping(1, 20, part=1)]], post)) == ["M1", "H1"]


def test_a_late_open_clears_the_click_that_seemed_to_come_without_one() -> None:
    post = Post(handed_over=MARKED)
    late = [[ping(1, 20, part=1)], [ping(0, 12, lines=THUNDERBIRD)]]
    assert rules(judged(late[:1], post)) == ["X9"]
    assert rules(judged(late, post)) == ["M1", "H1"]


def test_five_people_in_one_second_from_one_program_are_a_scanner_unless_the_address_is_private() -> None:
    opens = [[ping(n, 1000 + n / 10, who=who)] for n, who in enumerate(PEOPLE[:5])]
    assert rules(judged(opens[:4])) == ["H1"] * 4
    assert rules(judged(opens)) == ["X13"] * 5
    assert rules(judged([[p._replace(address=LOOPBACK)] for (p,) in opens])) == ["H1"] * 5


acts = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from([0, 0, 1, 2, 3, 4, 5, HONEYPOT_PART]),
        st.sampled_from(PEOPLE),
        st.sampled_from([FIREFOX, CHROME, THUNDERBIRD]),
    ),
    min_size=1,
    max_size=14,
)


@given(acts, st.randoms(), st.integers(0, 20), st.sampled_from([None, MARKED, MARKED + 5]))
@settings(max_examples=150, deadline=None)
def test_the_order_of_arrival_does_not_change_the_final_verdict(
    drawn: list[tuple[int, int, Address, bytes]], chance: Any, cut: int, handed_over: float | None
) -> None:
    pings = [ping(n, s, part, who, lines) for n, (s, part, who, lines) in enumerate(drawn)]
    post = Post(handed_over, links=5)
    in_order = {i: e.verdict for i, e in judged([pings], post).items() if not i & 3}
    chance.shuffle(pings)
    shuffled = judged([pings[:cut], pings[cut:]], post)
    assert {i: e.verdict for i, e in shuffled.items() if not i & 3} == in_order


LINKS = b"".join(b'<a href="https://example.com/%d">link</a>\r\n' % n for n in range(6))


def test_a_burst_is_relabelled_in_the_store_and_survives_a_rebuild(own_server: Server) -> None:
    source = b"From: ada@example.com\r\nSubject: Six\r\nContent-Type: text/html\r\n\r\n<p>Hi " + LINKS + b"</p>\r\n"
    agent = FIREFOX.decode().partition(": ")[2].strip()

    def burst(number: int) -> str:
        person = f"burst-{number}@example.com"
        copy = own_server.mark(source, person)[0]
        for link in itertools.islice(copy["links"], 2):
            own_server.get(link["url"], User_Agent=agent)
        assert {e["actor"] for e in own_server.timeline(person, at_least=3)} == {"human"}
        for link in copy["links"][2:]:
            own_server.get(link["url"], User_Agent=agent)
        return person

    person = in_time(9, burst)  # five links in ten seconds are too many for a person

    def relabelled() -> list[dict[str, Any]] | None:
        events = own_server.timeline(person, at_least=7)
        return events if {e["actor"] for e in events} == {"scanner"} else None

    events = eventually(relabelled)
    assert {e["evidence"][0]["rule"] for e in events} == {"X6"}
    own_server.stop()
    own_server.start()
    assert own_server.timeline(person) == events
