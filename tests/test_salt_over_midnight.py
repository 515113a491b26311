"""The salt of visitors over midnight: nobody is the same tomorrow, and what could tell is gone from the disk."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from inkdot.collect.salt import Salt
from tests.conftest import Server, eventually, files_in, inkdot, inkdot_json
from tests.test_minimal import FAKETIME, faked, turned

_DAY = 86_400
MIDNIGHT = 20_500 * _DAY
SITE, ADDRESS, AGENT = b"12345678", bytes(12) + bytes((203, 0, 113, 7)), b"Firefox"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def kept(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.iterdir()}


def test_a_salt_lives_one_day_and_half_an_hour(tmp_path: Path) -> None:
    salt = Salt(tmp_path, MIDNIGHT - 600)
    evening = salt.passing(SITE, ADDRESS, AGENT)
    assert salt.yesterday(SITE, ADDRESS, AGENT) is None
    (old,) = kept(tmp_path)
    salt.renew(MIDNIGHT + 600)
    # For half an hour it can be told that a visit goes on, under a new name.
    assert salt.yesterday(SITE, ADDRESS, AGENT) == evening
    assert salt.passing(SITE, ADDRESS, AGENT) != evening
    assert old in kept(tmp_path)
    salt.renew(MIDNIGHT + 1_800)
    assert salt.yesterday(SITE, ADDRESS, AGENT) is None
    assert old not in kept(tmp_path)
    assert len(kept(tmp_path)) == 1


def test_a_street_that_slept_over_midnight_destroys_what_is_too_old(tmp_path: Path) -> None:
    first = Salt(tmp_path, MIDNIGHT - 600)
    evening, (old,) = first.passing(SITE, ADDRESS, AGENT), kept(tmp_path)
    again = Salt(tmp_path, MIDNIGHT + 20 * 3_600)
    assert old not in kept(tmp_path)
    assert again.passing(SITE, ADDRESS, AGENT) != evening
    assert again.yesterday(SITE, ADDRESS, AGENT) is None


def test_streets_of_one_machine_know_the_same_visitors(tmp_path: Path) -> None:
    one, other = Salt(tmp_path, MIDNIGHT + 3_600), Salt(tmp_path, MIDNIGHT + 3_601)
    assert one.passing(SITE, ADDRESS, AGENT) == other.passing(SITE, ADDRESS, AGENT)
    assert one.passing(b"87654321", ADDRESS, AGENT) != one.passing(SITE, ADDRESS, AGENT)


def test_a_salt_that_a_power_failure_left_empty_is_none(tmp_path: Path) -> None:
    (tmp_path / f"salt-{MIDNIGHT // _DAY}").touch()
    one, other = Salt(tmp_path, MIDNIGHT + 3_600), Salt(tmp_path, MIDNIGHT + 3_601)
    assert [len(salt) for salt in kept(tmp_path)] == [32]
    assert one.passing(SITE, ADDRESS, AGENT) == other.passing(SITE, ADDRESS, AGENT)


@pytest.mark.skipif(not FAKETIME.exists(), reason="faketime is not installed")
def test_a_running_server_knows_nobody_again_when_the_day_is_over(tmp_path: Path) -> None:
    data, clock, backup = tmp_path / "data", tmp_path / "clock", tmp_path / "backup.tar"
    clock.write_text("+0")
    with faked(clock):
        server = Server(data)
    try:
        key = inkdot_json("site", "add", "example.com", "--data", data)["key"]

        def see(page: str) -> None:
            query = urlencode({"s": key, "u": f"https://example.com/{page}"})
            assert server.get(f"/e.gif?{query}", User_Agent=FIREFOX)[0] == 200

        def visitors() -> list[int]:
            told = inkdot("report", "site", "--data", data, "--json", check=False)
            if told.returncode:  # faketime turns also the clock that never goes back, and DuckDB minds
                return []
            (site,) = json.loads(told.stdout)["sites"]
            return [day["visitors"] for day in site["days"]]

        see("one")
        see("two")
        eventually(lambda: visitors() == [1])
        (old,) = kept_salts(data)
        inkdot("backup", backup, "--data", data)
        turned(clock, "+2d")
        eventually(lambda: kept_salts(data) - {old} and old not in kept_salts(data))
        see("three")
        eventually(lambda: visitors() == [1, 1])
        (site,) = inkdot_json("report", "site", "--data", data)["sites"]
        assert site["visitors"] == 2
        assert not [path for path, content in files_in(data) if old in content]
        assert old not in backup.read_bytes()
    finally:
        server.stop()


def kept_salts(data: Path) -> set[bytes]:
    return {content for path, content in files_in(data / "run") if path.name.startswith("salt-")}
