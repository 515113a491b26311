"""Lists: who joins and leaves, and what leaves the house of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest

from inkdot.act.audience import Person, Target, click_of, conversions_csv, digest, members_csv, read_rule
from inkdot.act.consent import Purpose
from inkdot.app.acting import Acting
from inkdot.app.folder import Folder
from inkdot.domain.contact import Address
from inkdot.domain.errors import BadRule
from inkdot.domain.ids import ContactId, WorkspaceId
from inkdot.settings import Settings
from inkdot.store.control import Control
from inkdot.store.spreadsheet import safe
from tests.act.conftest import click
from tests.conftest import Server, inkdot, inkdot_json

TEST = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
"""SHA-256 of test@example.com, as sha256sum prints it."""


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("written", ["test@example.com", " Test@Example.COM\n", TEST, TEST.upper()])
def test_an_address_is_hashed_once_however_it_is_written(target: Target, written: str) -> None:
    assert digest(target, written) == TEST


def test_platforms_differ_in_what_they_fold() -> None:
    assert digest(Target.GOOGLE, "be n@example.com") == digest(Target.GOOGLE, "ben@example.com")
    assert digest(Target.META, "be n@example.com") != digest(Target.META, "ben@example.com")
    # Customer Match keeps the dots of Gmail addresses; only enhanced conversions want them gone.
    assert digest(Target.GOOGLE, "b.en@gmail.com") != digest(Target.GOOGLE, "ben@gmail.com")


def test_no_cell_is_a_formula() -> None:
    for cell in ('=HYPERLINK("http://x")', "+1", "-1", "@x", "\tx", "\rx", "|x"):
        assert safe(cell) == f"'{cell}"
    people = [Person(Address("=cmd@example.com"), 0, "rule")]
    (row,) = list(csv.reader(io.StringIO(members_csv(Target.CSV, people))))[1:]
    assert row == ["'=cmd@example.com", "1970-01-01", "rule"]


def test_click_ids_are_found_in_landings_and_go_into_conversions() -> None:
    names = ("gclid", "gbraid", "wbraid")
    assert click_of("https://example.com/?a=1&gclid=Cj0K-x_1", names) == ("gclid", "Cj0K-x_1")
    assert click_of("https://example.com/?gclid=%3Cscript%3E", names) is None
    assert click_of("https://[broken/?gclid=abcd", names) is None
    person = Person(Address("test@example.com"), 1_760_000_000, "rule", (("gclid", "old1", 1), ("gclid", "new1", 2)))
    rows = list(csv.reader(io.StringIO(conversions_csv(Target.GOOGLE, "Quote", [person]))))
    assert rows == [
        ["Google Click ID", "GBRAID", "WBRAID", "Conversion Name", "Conversion Time"],
        ["new1", "", "", "Quote", "2025-10-09 08:53:20+00:00"],
    ]
    meta = person._replace(clicks=(("fbclid", "IwAR", 1_700_000_000_000_000),))
    rows = list(csv.reader(io.StringIO(conversions_csv(Target.META, "Quote", [meta]))))
    assert rows[1] == ["Quote", "1760000000", "fb.1.1700000000000.IwAR", TEST]


def test_a_lists_rule_says_who_and_nothing_else() -> None:
    assert read_rule("hot", '{"when":{"kind":"click"}}').when.within == "30d"
    for text, says in [
        ('{"when":{"kind":"click"},"actions":[]}', "nothing else"),
        ('{"when":{"not_opened_for":"3d"}}', "silence"),
        ("{", "neither"),
    ]:
        with pytest.raises(BadRule, match=says):
            read_rule("hot", text)


def test_people_join_by_what_they_did_and_are_exported_hashed(acting: Server, tmp_path: Path) -> None:
    for n in range(3):
        click(acting, f"list{n}@example.com")
    acting.timeline("list2@example.com", at_least=1)
    rule = '{"when":{"kind":"click","person":"list*@example.com"}}'
    kept = inkdot_json("audience", "add", "clickers", rule, "--data", acting.data)
    assert kept["members"] == 3
    out = tmp_path / "out.csv"
    told = inkdot_json("audience", "export", "clickers", "--target", "meta", "--out", out, "--data", acting.data)
    assert (told["rows"], told["left_out"], told["file"]) == (3, 0, str(out))
    rows = list(csv.reader(io.StringIO(out.read_text())))
    assert rows[0] == ["email"]
    assert {row[0] for row in rows[1:]} == {digest(Target.META, f"list{n}@example.com") for n in range(3)}
    plain = inkdot("audience", "export", "clickers", "--target", "csv", "--data", acting.data)
    assert plain.stderr.strip().endswith("3 rows, 0 left out")
    assert "list0@example.com" in plain.stdout
    shown = [
        json.loads(line)
        for line in inkdot("audience", "show", "clickers", "--json", "--data", acting.data).stdout.splitlines()
    ]
    assert {s["person"] for s in shown} == {f"list{n}@example.com" for n in range(3)}
    # A narrower rule: two leave, and the platform is told.
    inkdot("audience", "add", "clickers", rule.replace("list*", "list0"), "--data", acting.data)
    removed = inkdot_json("audience", "export", "clickers", "--target", "meta", "--removed", "--data", acting.data)
    assert removed["rows"] == 2
    assert digest(Target.META, "list1@example.com") in removed["csv"]
    assert (
        inkdot_json("audience", "export", "clickers", "--target", "meta", "--removed", "--data", acting.data)["rows"]
        == 0
    )


def test_lists_kept_by_hand_and_wrong_wishes(acting: Server) -> None:
    click(acting, "hand@example.com")
    acting.timeline("hand@example.com", at_least=1)
    inkdot("audience", "add", "friends", "--data", acting.data)
    assert inkdot_json("audience", "join", "friends", "hand@example.com", "--data", acting.data)["members"] == 1
    assert inkdot_json("audience", "leave", "friends", "hand@example.com", "--data", acting.data)["members"] == 0
    for words, says in [
        (("audience", "export", "nobody", "--target", "csv"), "There is no audience"),
        (("audience", "export", "friends", "--target", "x"), "the targets are meta, google, csv"),
        (("audience", "join", "friends", "stranger@example.com"), "Nobody is known as"),
    ]:
        done = inkdot(*words, "--data", acting.data, check=False)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr


class Ledger:
    """Somebody has taken consent back, somebody has given it; of others nothing is on record."""

    def __init__(self, *, strict: bool, no: ContactId, yes: ContactId) -> None:
        self._strict, self._said = strict, {no: False, yes: True}

    def agreed(self, workspace: WorkspaceId, contact: ContactId, purpose: Purpose) -> bool | None:
        return self._said.get(contact)

    def answers(self, workspace: WorkspaceId, purpose: Purpose) -> dict[ContactId, bool | None]:
        return {**self._said}

    def asks_first(self, workspace: WorkspaceId) -> bool:
        return self._strict


def test_who_took_consent_back_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    control = Control(folder.control)
    here = WorkspaceId(1)
    control.remember_contacts({(here, ContactId(n)): Address(f"p{n}@example.com") for n in (7, 8)})
    acting = Acting(folder, Settings(), control, lambda: 1_760_000_000_000_000, lambda _target, _why: None)
    try:
        list(acting.lists.audience_add({"name": "all"}))
        for n in (7, 8):
            list(acting.lists.audience_change({"name": "all", "person": f"p{n}@example.com", "join": True}))
        before = next(acting.lists.audience_export({"name": "all", "target": "google"}))
        assert (before["rows"], before["left_out"]) == (2, 0)
        acting.consents = Ledger(strict=False, no=ContactId(7), yes=ContactId(9))
        after = next(acting.lists.audience_export({"name": "all", "target": "google"}))
        assert (after["rows"], after["left_out"], after["reasons"]) == (1, 1, {"withdrawn": 1})
        removed = next(acting.lists.audience_export({"name": "all", "target": "google", "what_for": "removals"}))
        assert digest(Target.GOOGLE, "p7@example.com") in removed["csv"]
        assert removed["rows"] == 1
    finally:
        acting.close()
        control.close()


SHA = {
    "mary": "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",
    "smith": "6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd",
    "16505551212": "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
    "us": "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
}
"""As the platform's own documentation has them."""


def test_each_platform_gets_what_is_known_of_people_written_its_own_way() -> None:
    known = {
        "phone": "+16505551212",
        "first_name": "Mary",
        "last_name": "Smith",
        "country": "US",
        "postcode": "94035-1234",
    }
    mary = Person(Address("mary@example.com"), 1_760_000_000, "rule", details=known)
    other = Person(
        Address("jo@example.com"),
        1_760_000_000,
        "rule",
        details={"last_name": "O'Brien van Dyk", "postcode": "SW1A 1AA"},
    )

    def rows(target: Target, *people: Person) -> list[list[str]]:
        return list(csv.reader(io.StringIO(members_csv(target, people))))

    meta = rows(Target.META, mary, other)
    assert meta[0] == ["email", "phone", "fn", "ln", "country", "zip"]
    assert meta[1][1:] == [SHA["16505551212"], SHA["mary"], SHA["smith"], SHA["us"], sha("94035")]
    assert meta[2][1:] == ["", "", sha("obrienvandyk"), "", sha("sw1a1aa")]
    google = rows(Target.GOOGLE, mary, other)
    assert google[0] == ["Email", "Phone", "First Name", "Last Name", "Country", "Zip"]
    assert google[1][1:] == [sha("+16505551212"), SHA["mary"], SHA["smith"], "US", "94035-1234"]
    assert google[2][3:] == [sha("o'brien van dyk"), "", "SW1A 1AA"]
    # A mailing address is taken whole or not at all; what nobody has is no column.
    assert rows(Target.GOOGLE, other)[0] == ["Email", "First Name", "Last Name", "Country", "Zip"]
    assert rows(Target.META, other)[0] == ["email", "ln", "zip"]
    assert rows(Target.CSV, other._replace(details={}))[0] == ["email", "joined", "because"]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_is_known_of_people_comes_from_a_file_and_leaves_with_their_list(acting: Server, tmp_path: Path) -> None:
    file, where = tmp_path / "customers.csv", ("--data", acting.data)
    inkdot("consent", "withdraw", "silent.customer@example.com", *where)
    file.write_text(
        "E-Mail;Vorname;Phone;PLZ;Company\n"
        "known.customer@example.com;Jörg ;+49 (0)30 90 18 20;10178;ACME\nsilent.customer@example.com;Jo;;;\n"
    )
    told = inkdot("person", "import", file, *where)
    assert told.stdout.startswith("1 people, 1 left out")
    assert told.stderr.strip() == "Not kept: company."
    inkdot("audience", "add", "customers", *where)
    inkdot("audience", "join", "customers", "known.customer@example.com", *where)
    rows = list(
        csv.reader(io.StringIO(inkdot_json("audience", "export", "customers", "--target", "meta", *where)["csv"]))
    )
    assert rows[0] == ["email", "phone", "fn", "zip"]
    assert rows[1][1:] == [sha("4930901820"), sha("jörg"), sha("10178")]
    file.write_text("email,phone,country\nknown.customer@example.com,030 901820,Germany\n")
    refused = inkdot("person", "import", file, *where, check=False)
    assert (refused.returncode, "line 2: '030 901820' is no phone number with its country" in refused.stderr) == (
        2,
        True,
    )
    inkdot("person", "erase", "known.customer@example.com", "--yes", *where)
    assert inkdot_json("audience", "export", "customers", "--target", "csv", *where)["rows"] == 0
