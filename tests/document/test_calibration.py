"""What dots prove: pages are claimed of programs alone that were measured to load each when it is first shown."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdot.mark.document.kit import KINDS, PAGES, document
from inkdot.mark.document.marking import mark
from inkdot.mark.document.spots import Dots
from inkdot.understand.loading import Load, Loading, first_seen, judge, learnt, opens, programs
from tests.conftest import BEN, Server, eventually, inkdot, inkdot_json
from tests.test_door import raw

OFFICE = "LibreOffice 25.2.3.2 denylistedbackend/8.14.1 OpenSSL/3.5.9"
HUMAN = [(1, 0.0), (2, 8.0), (3, 21.0), (4, 26.0), (20, 31.0)]
"""Five pages as a reader comes to them: (page, seconds)."""
A_JUMP = 1.6
"""Seconds; no program that loads what is next to the shown page takes so long."""
AT_ONCE = [(page, 0.045 * page) for page in range(1, 21)]


def loads(rows: list[tuple[int, float]]) -> list[Load]:
    return [Load(page, 1e9 + seconds) for page, seconds in rows]


@pytest.mark.parametrize(
    ("rows", "known", "grade", "loading"),
    [
        (HUMAN, Loading.LAZY, "C", Loading.LAZY),
        (HUMAN, Loading.UNKNOWN, "D", Loading.UNKNOWN),
        (HUMAN, Loading.EAGER, "D", Loading.EAGER),
        (AT_ONCE, Loading.UNKNOWN, "D", Loading.EAGER),
        (AT_ONCE, Loading.LAZY, "D", Loading.EAGER),  # LibreOffice without a window loads an odt at once
        ([(page, 0.5 * page) for page in range(1, 21)], Loading.LAZY, "D", Loading.EAGER),  # on a slow line
        ([(1, 0.0), (2, 4.0), (3, 8.0)], Loading.LAZY, "C", Loading.LAZY),
        ([(1, 0.0), (2, 4.0), (3, 4.1)], Loading.LAZY, "D", Loading.UNKNOWN),  # one pause alone
        ([(1, 0.0), (9, 2.0)], Loading.LAZY, "C", Loading.LAZY),  # a jump over pages that were never come to
        ([(9, 0.0), (1, 60.0)], Loading.LAZY, "D", Loading.UNKNOWN),  # back, which jumps over nothing
        ([(1, 0.0), (2, 0.05), (3, 0.1)], Loading.LAZY, "D", Loading.UNKNOWN),  # as opening it loads them
        ([(1, 0.0), (9, 0.05), (17, 0.1)], Loading.LAZY, "D", Loading.UNKNOWN),  # no hand jumps so quickly
        ([(1, 0.0)], Loading.LAZY, "D", Loading.UNKNOWN),  # opening alone loads it
        ([(1, 0.0)], Loading.UNKNOWN, "D", Loading.UNKNOWN),
    ],
)
def test_pages_are_claimed_of_lazy_programs_with_human_pauses_alone(
    rows: list[tuple[int, float]], known: Loading, grade: str, loading: Loading
) -> None:
    judged = judge(loads(rows), 20, known)
    assert (judged.grade, judged.loading) == (grade, loading)
    assert judge(loads(rows), 20, known, machine=True).grade == "E"


def test_going_on_over_a_page_that_has_no_dot_is_no_jump() -> None:
    rows = [(1, 0.0), (3, 2.0), (4, 2.5)]
    assert judge(loads(rows), 4, Loading.LAZY).grade == "C"  # page 2 has a dot, and was not come to
    assert judge(loads(rows), 3, Loading.LAZY).grade == "D"
    assert judge(loads([(1, 0.0), (4, 2.0)]), 3, Loading.LAZY).grade == "C"


@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 5_000)), min_size=1, max_size=40), st.sampled_from(Loading))
def test_nothing_is_claimed_of_a_program_that_was_not_measured_to_be_lazy(
    rows: list[tuple[int, float]], known: Loading
) -> None:
    ordered = sorted(loads(rows), key=lambda x: x.time)
    parted = opens(ordered)
    assert [x for part in parted for x in part] == ordered
    for part in parted:
        assert len({x.page for x in part}) == len(part)
        if known is not Loading.LAZY:
            assert judge(part, 20, known).grade == "D"


def test_a_first_pass_is_bounded_by_the_next_page() -> None:
    assert [(page, most) for page, _, most in first_seen(loads(HUMAN[:3]))] == [(1, 8.0), (2, 13.0), (3, None)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kit_has_a_dot_on_each_page(kind: str) -> None:
    _, dots = mark(document(kind), lambda page: f"https://t.example.com/o/{page}.gif", Dots.PAGES)
    assert [dot.page for dot in dots] == list(range(1, PAGES + 1))


def test_a_calibration_tells_eager_from_lazy() -> None:
    assert learnt(loads([(n, n * 0.05) for n in range(1, 9)]), 8, 15) is Loading.EAGER
    assert learnt(loads([(1, 0), *((n, 18 + 3 * n) for n in range(2, 9))]), 8, 15) is Loading.LAZY
    assert learnt(loads([(1, 0)]), 8, 15) is Loading.UNKNOWN
    assert learnt([], 8, 15) is Loading.UNKNOWN


def test_what_a_program_does_is_learnt_and_counts_from_then_on(own_server: Server, tmp_path: Path) -> None:
    where = ("--data", own_server.data)
    address = ("--public-url", own_server.public)
    made = inkdot_json("doc", "calibrate", "--out-dir", tmp_path / "kit", *where, *address)["files"]
    assert sorted(Path(path).name for path in made.values()) == [f"calibration.{kind}" for kind in sorted(KINDS)]
    number = next(n for n, path in made.items() if path.endswith("docx"))
    before = programs(
        (own_server.data / "programs.toml").read_text() if (own_server.data / "programs.toml").exists() else ""
    )
    assert ("Thunderbird", "docx") not in before
    with zipfile.ZipFile(made[number]) as kit:
        text = kit.read("word/_rels/document.xml.rels").decode()
    urls = re.findall(r'Target="([^"]+\.gif)"', text)
    assert len(urls) == PAGES
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0"
    paths = (url.removeprefix(own_server.public) for url in urls)  # all at once, as such a program does it
    raw(own_server, "".join(f"GET {p} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n" for p in paths).encode())

    def learned() -> Any:
        found = inkdot_json("doc", "calibrate", "--learn", *where)["programs"]
        return [p for p in found if p["fetched"] == PAGES]

    (told,) = eventually(learned)
    assert (told["client"], told["kind"], told["loads"]) == ("Thunderbird", "docx", "eager")
    assert programs((own_server.data / "programs.toml").read_text())["Thunderbird", "docx"] is Loading.EAGER


def test_a_report_of_dots_claims_pages_once_somebody_came_to_one_as_a_reader_does(
    own_server: Server, tmp_path: Path
) -> None:
    (tmp_path / "offer.odt").write_bytes(document("odt"))
    where = ("--data", own_server.data)
    address = ("--public-url", own_server.public)
    made = inkdot_json(
        "doc",
        "mark",
        tmp_path / "offer.odt",
        "--to",
        BEN,
        "--dots",
        "pages",
        "--out",
        tmp_path / "out.odt",
        *where,
        *address,
    )
    for dot in made["dots"][:2]:
        own_server.get(dot["url"], User_Agent=OFFICE)

    def told(loaded: int) -> Any:
        visits = inkdot_json("doc", "report", made["document"], *where)["visits"]
        return visits if visits and len(visits[0]["loaded"]) == loaded else None

    (visit,) = eventually(lambda: told(2))
    assert (visit["person"], visit["client"], visit["loads"], visit["grade"]) == (BEN, "LibreOffice", "unknown", "D")
    assert not visit["first_seen"]
    time.sleep(A_JUMP)
    own_server.get(made["dots"][4]["url"], User_Agent=OFFICE)
    (visit,) = eventually(lambda: told(3))
    assert (visit["loads"], visit["grade"]) == ("lazy", "C")
    assert [seen["page"] for seen in visit["first_seen"]] == [1, 2, 5]
    assert "page 5 first shown" in inkdot("doc", "report", made["document"], *where).stdout


def test_measurements_that_make_no_sense_count_for_nothing(own_server: Server) -> None:
    (own_server.data / "programs.toml").write_text('[[program]]\nclient = "Word"\nkind = "docx"\nloads = "sometimes"\n')
    refused = inkdot("doc", "report", "doc_0000000000001", "--data", own_server.data, check=False)
    assert "There is no such document" in refused.stderr


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Whatever becomes of the test, the process does not outlive it."""
    try:
        yield
    finally:
        process.kill()


def test_the_kit_is_offered_to_the_machine_that_has_the_program(tmp_path: Path) -> None:
    data, kit = tmp_path / "data", tmp_path / "kit"
    command = [sys.executable, "-m", "inkdot", "doc", "calibrate", "--data", str(data), "--out-dir", str(kit),
               "--public-url", "https://t.example.com", "--host", "127.0.0.1:0"]  # fmt: skip
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as offering,
        ended(offering),
    ):
        assert offering.stderr
        told = iter(offering.stderr.readline, "")
        found = next(found for line in told if (found := re.search(r"http://(\S+)/ until Ctrl-C", line)))
        connection = http.client.HTTPConnection(found[1], timeout=60)

        def got(path: str) -> tuple[int, bytes]:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()

        status, page = got("/")
        names = re.findall(r'href="/([^"]+)"', page.decode())
        assert (status, names) == (200, [path.name for path in sorted(kit.iterdir())])
        assert [got(f"/{name}") for name in names] == [(200, (kit / name).read_bytes()) for name in names]
        assert {got(path)[0] for path in ("/../data/keys.json", "/keys.json", "//etc/passwd")} == {404}
        connection.close()
        offering.terminate()
        assert offering.wait(60) == 0


@pytest.mark.parametrize("host", ["8808", "0.0.0.0:", "127.0.0.1:99999"])
def test_a_place_where_the_kit_cannot_be_offered_is_said(host: str, tmp_path: Path) -> None:
    refused = inkdot("doc", "calibrate", "--data", tmp_path / "data", "--out-dir", tmp_path / "kit",
                     "--public-url", "https://t.example.com", "--host", host, check=False)  # fmt: skip
    assert refused.returncode in (1, 2)
    assert "--host" in refused.stderr or "0.0.0.0:8808" in refused.stderr
    assert "Traceback" not in refused.stderr
