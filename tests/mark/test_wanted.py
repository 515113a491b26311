"""What a sender wants marked: opens and clicks apart, links never tracked, words appended, a public name by domain."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdot.domain.errors import BadSetting
from inkdot.mark.wanted import Wanted, read_wanted
from tests.conftest import inkdot, inkdot_json
from tests.mark.cast import CLEO, MINT, cleaned, mail, marked

LINKS = mail(b'<p><a href="https://example.com/a?x=1#top">a</a> <a href="https://shop.example.org/b">b</a></p>')


def hrefs(wanted: Wanted, source: bytes = LINKS) -> tuple[int, list[str]]:
    copy = marked(source, mint=MINT._replace(wanted=wanted))
    return len(copy.dots), [link.href for link in copy.links]


def test_opens_and_clicks_are_switched_apart() -> None:
    both = ["https://example.com/a?x=1#top", "https://shop.example.org/b"]
    assert hrefs(read_wanted()) == (2, both)
    assert hrefs(read_wanted(opens=False)) == (0, both)
    assert hrefs(read_wanted(clicks=False)) == (2, [])
    off = marked(LINKS, mint=MINT._replace(wanted=read_wanted(opens=False, clicks=False)))
    assert (off.left_alone, off.content) == ("switched_off", LINKS)


def test_without_clicks_a_quoted_tracked_link_leads_where_it_led() -> None:
    quoted = marked(LINKS).content
    copy = marked(quoted, CLEO, mint=MINT._replace(wanted=read_wanted(clicks=False)))
    assert copy.content.count(b"/c/") == 0
    assert cleaned(copy.content) == LINKS


def test_links_to_listed_domains_and_below_are_not_tracked() -> None:
    assert hrefs(read_wanted(never=("@Example.ORG",))) == (2, ["https://example.com/a?x=1#top"])
    assert hrefs(read_wanted(never=("ample.com",)))[1] == [
        "https://example.com/a?x=1#top",
        "https://shop.example.org/b",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://e.example/", "https://e.example/?utm_source=a%20b&utm_medium=email"),
        ("https://e.example/?x=%41&&#f?g", "https://e.example/?x=%41&&utm_source=a%20b&utm_medium=email#f?g"),
        ("https://e.example/?UTM_Source=mine&y", "https://e.example/?UTM_Source=mine&y&utm_medium=email"),
        ("https://e.example/?utm_source=&utm_medium=x", "https://e.example/?utm_source=&utm_medium=x"),
        ("https://e.example/é?q", "https://e.example/é?q&utm_source=a%20b&utm_medium=email"),
    ],
)
def test_words_are_appended_where_the_link_has_none_of_that_name(before: str, after: str) -> None:
    wanted = read_wanted(utm=("utm_source=a b", "UTM_medium = email"))
    assert wanted.appended(before.encode()).decode() == after
    assert wanted.appended(after.encode()).decode() == after


def test_a_public_name_is_chosen_by_the_senders_domain() -> None:
    wanted = read_wanted(names=("example.com=https://t.example.com", "news.example.com=https://n.example.com"))
    assert wanted.public_url("ada@example.com", "usual") == "https://t.example.com"
    assert wanted.public_url("ada@eu.news.example.com", "usual") == "https://n.example.com"
    assert wanted.public_url("ada@example.org", "usual") == "usual"
    elsewhere = MINT._replace(wanted=read_wanted(names=("example.com=https://other.example",)))
    assert marked(LINKS, mint=elsewhere).dots[0].startswith("https://other.example/o/")
    assert cleaned(marked(LINKS, mint=elsewhere).content) == LINKS


@pytest.mark.parametrize(
    "wrong", [{"utm": ("source=x",)}, {"utm": ("utm_source",)}, {"names": ("example.com",)}, {"names": ("x=y.z",)}]
)
def test_what_cannot_be_meant_is_one_sentence(wrong: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(BadSetting, match=r"write it like .*\.$"):
        read_wanted(**wrong)  # type: ignore[arg-type]


def test_settings_say_what_is_marked_and_who_never_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inkdot.toml").write_text(
        'never_track = ["eve@example.com", "example.net"]\nutm = ["utm_source=news"]\ntrack_opens = false\n'
        'public_urls = ["example.com=https://t.example.com"]\n'
    )
    (tmp_path / "m.eml").write_bytes(LINKS)
    people = [word for a in ("ben@example.com", "eve@example.com", "x@mail.example.net") for word in ("--to", a)]
    answer = inkdot_json("mail", "mark", tmp_path / "m.eml", *people, "--out-dir", tmp_path, "--data", data)
    ben, *spared = answer["copies"]
    assert (ben["dots"], ben["links"][1]["href"]) == ([], "https://shop.example.org/b?utm_source=news")
    assert ben["links"][0]["url"].startswith("https://t.example.com/c/")
    assert [(c["links"], c["left_alone"]["reason"]) for c in spared] == [([], "consent")] * 2
    only_dots = inkdot_json(
        "mail", "mark", tmp_path / "m.eml", "--to", "ben@example.com", "--out-dir", tmp_path, "--data", data,
        "--opens", "--no-clicks",
    )["copies"][0]  # fmt: skip
    assert (len(only_dots["dots"]), only_dots["links"]) == (2, [])
    (data / "inkdot.toml").write_text('utm = ["wrong"]\n')
    done = inkdot("mail", "mark", tmp_path / "m.eml", "--to", "ben@example.com", "--data", data, check=False)
    assert (done.returncode, "utm_source=newsletter" in done.stderr) == (2, True)
