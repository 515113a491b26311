"""The walls between workspaces, at the pages: what another firm's owner gets to see and may do with our ids."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from inkdot.show.pages import routes
from tests.conftest import ADA, EVE, inkdot
from tests.office.asking import PASSWORD, Reader
from tests.office.conftest import Firms
from tests.office.test_api import fingerprint, things_of


@pytest.fixture(scope="module")
def eve(firms: Firms) -> Reader:
    """The owner of the other workspace."""
    for address, place in ((ADA, "default"), (EVE, "other")):
        made = (
            "account",
            "add",
            address,
            "--role",
            "owner",
            "--workspace",
            place,
            "--ask",
            "--data",
            firms.server.data,
        )
        inkdot(*made, stdin=PASSWORD + "\n")
    return Reader(firms.server, EVE)


def test_no_page_and_no_export_shows_what_is_another_workspaces(firms: Firms, eve: Reader, tmp_path: Path) -> None:
    asked_before = eve.ask("GET", "/audit")[2]  # the audit log holds what she asked for herself, by whatever id
    things = things_of(firms, tmp_path, "hedge") | {
        "domain": "hedge.example",
        "name": "hedge",
        "campaign": "hedge",
        "file": "x",
    }
    secrets = {word for name, word in things.items() if name not in ("goal", "file")} | {"hedge@example.com", "hedge"}
    # The audit log first: it will hold what Eve asks for from here on.
    pages = [str(page[0]) for page in (*routes._FOR_OWNERS, *routes._PAGES, *routes._ASKING_A_ROLE)]
    assert len(pages) > 25
    for pattern in pages:
        path = pattern.format(**things)
        for view in (path, f"{path}?since=all&format=csv", f"{path}?format=jsonl"):
            status, _, text = eve.ask("GET", view)
            assert status < 500, (view, text)
            in_path = {word for word in secrets if word in path or quote(word) in path}
            named = {"hedge", "hedge@example.com"} if in_path else set()
            asked = {word for word in secrets if path == "/audit" and word in asked_before}
            shown = {word for word in secrets - in_path - named - asked if word in text}
            assert not shown, (view, status)
            if in_path and pattern != "/people/{person}":
                assert status in (404, 422), (view, status)
    assert "Nobody is known under this address" in eve.ask("GET", f"/people/{things['person']}")[2]


def test_no_form_changes_what_is_another_workspaces(firms: Firms, eve: Reader, tmp_path: Path) -> None:
    things = things_of(firms, tmp_path, "fence")
    before = fingerprint(firms, things)
    person, ours = "fence@example.com", Reader(firms.server, ADA)
    team = ours.ask("GET", "/team")[2]
    user, key = re.findall(r'name="user" value="(\d+)"', team), re.findall(r'name="key" value="(key_\w+)"', team)
    shared = ours.ask("POST", "/views", {"do": "share", "name": "fence", "address": "/mails", "days": "3"})[2]
    link = re.search(r"/shared/[\w-]{43}", shared)
    (view,) = re.findall(r'name="view" value="(\d+)"', shared)[:1]
    assert link
    assert key
    forms: list[tuple[str, dict[str, str]]] = [
        (f"/events/{things['event']}", {"says": "me"}),
        (f"/people/{things['person']}", {"do": "merge", "other": "second@example.com"}),
        (f"/people/{things['person']}/erase", {"sure": person}),
        (f"/documents/{things['document']}", {"do": "share", "to": "x@example.com"}),
        (f"/documents/{things['document']}", {"do": "revoke", "link": things["share"]}),
        *(("/triggers", {"do": do, "trigger": things["trigger"]}) for do in ("off", "remove")),
        ("/audiences", {"do": "leave", "name": "fence", "person": person}),
        ("/audiences", {"do": "remove", "name": "fence"}),
        *(("/webhooks", {"do": do, "webhook": things["webhook"]}) for do in ("off", "rotate", "remove")),
        ("/webhooks", {"do": "again", "delivery": things["delivery"]}),
        *(("/team", {"do": "role", "user": number, "role": "viewer"}) for number in user),
        *(("/team", {"do": "revoke", "key": word}) for word in key),
        ("/views", {"do": "end", "view": view}),
    ]
    for path, form in forms:
        status, _, text = eve.ask("POST", path, form)
        assert status in (403, 404, 422), (path, form, status, text)
    assert fingerprint(firms, things) == before
    assert eve.ask("GET", link[0])[0] == 200, (
        "a link shows its page to whoever holds it, until its own workspace ends it"
    )
    mine = eve.ask(
        "POST", "/views", {"do": "share", "name": "x", "address": f"/mails/{things['message']}", "days": "3"}
    )[2]
    found = re.search(r"/shared/[\w-]{43}", mine)
    assert found is None or eve.ask("GET", found[0])[0] == 404


def test_a_website_without_visits_in_the_chosen_days_is_a_page(firms: Firms, eve: Reader) -> None:
    firms.theirs.post("/sites", {"domain": "quiet.example"})
    for since in ("1d", "30d", "all"):
        status, _, text = eve.ask("GET", f"/sites/quiet.example?since={since}")
        assert (status, "quiet.example" in text) == (200, True), text
