"""The salt of visitors over midnight: nobody is the same tomorrow, and what could tell is gone from the disk."""

from __future__ import annotations

from pathlib import Path

from inkdot.collect.salt import Salt

_DAY = 86_400
MIDNIGHT = 20_500 * _DAY
SITE, ADDRESS, AGENT = b"12345678", bytes(12) + bytes((203, 0, 113, 7)), b"Firefox"


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
