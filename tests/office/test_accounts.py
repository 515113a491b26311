"""Who gets in at the office, and who does not."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inkdot.show.auth import Auth
from inkdot.show.passwords import totp_code, totp_secret, totp_step
from inkdot.show.tries import Tries, network_of
from inkdot.store.accounts import Accounts
from tests.conftest import ADA, BEN, QUOTE, Server, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD, Program, Reader, key_for


def make(server: Server, address: str, *options: str, password: str = PASSWORD) -> None:
    inkdot("account", "add", address, "--ask", "--data", server.data, *options, stdin=password + "\n")


WANDA = "wanda@example.com"
"""Withdraws, and so is nobody of those whom other tests of the same server need."""


@pytest.fixture(scope="module")
def office(server: Server) -> Server:
    make(server, ADA, "--role", "owner")
    return server


def test_serve_tells_the_way_to_the_first_account_on_stderr_and_only_while_there_is_none(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    eventually(lambda: "/setup/" in server.talk.read_text())
    line = server.talk.read_text()
    assert re.search(rf"{re.escape(server.office)}/setup/([\w-]{{43}})\n", line), line
    inkdot("account", "add", ADA, "--data", server.data)
    assert "There is an account already" in inkdot("account", "link", "--data", server.data, check=False).stderr
    server.stop()
    server.start()
    assert Program(server).get("/me").status == 401
    server.stop()
    assert server.talk.read_text().count("/setup/") == 1


def test_the_first_account_is_an_owner_whatever_was_asked_for(tmp_path: Path) -> None:
    made = inkdot_json("account", "add", BEN, "--role", "viewer", "--data", tmp_path / "data")
    assert made["role"] == "owner"
    assert re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", made["password"])


def test_signing_in_gives_a_cookie_of_its_own_and_signing_out_ends_it(office: Server) -> None:
    browser = Program(office)
    browser.cookies["inkdot"] = "a session that somebody else chose"
    said = browser.sign_in(ADA)
    assert said.status == 201, said.body
    cookie = said.headers["set-cookie"]
    assert re.match(r"inkdot=[\w-]{43};", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert said.json["role"] == "owner"
    assert browser.get("/me").json["by"] == ADA
    held = dict(browser.cookies)
    assert browser.ask("DELETE", "/session").status == 204
    browser.cookies = held
    assert browser.get("/me").status == 401


def test_a_wrong_password_and_an_unknown_address_are_told_alike(office: Server) -> None:
    wrong = Program(office).sign_in(ADA, "not the password at all")
    unknown = Program(office).sign_in("nobody@example.com", "not the password at all")
    assert wrong.status == unknown.status == 401
    assert wrong.json["detail"] == unknown.json["detail"]
    assert wrong.headers["content-type"] == "application/problem+json"


def test_wrong_passwords_are_slowed_down_whatever_address_they_claim_to_come_from(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    make(server, ADA)
    try:
        answers = [
            Program(server).sign_in(ADA, f"guess number {n}", x_forwarded_for=f"192.0.2.{n}").status for n in range(20)
        ]
        assert answers[:10] == [401] * 10
        assert set(answers[10:]) == {429}
        late = Program(server).sign_in(ADA)
        assert late.status == 429
        assert int(late.headers["retry-after"]) > 0
    finally:
        server.stop()


def test_a_changing_request_needs_our_origin_and_the_pages_token(office: Server) -> None:
    browser = Program(office)
    browser.sign_in(ADA)
    token, browser.csrf = browser.csrf, None
    assert browser.ask("DELETE", "/session").status == 403
    assert browser.ask("DELETE", "/session", x_csrf_token="0" * 48).status == 403
    assert browser.ask("DELETE", "/session", x_csrf_token=token, origin="https://evil.example").status == 403
    assert browser.ask("DELETE", "/session", x_csrf_token=token, origin="null").status == 403
    assert browser.ask("DELETE", "/session", x_csrf_token=token, origin=None, sec_fetch_site="cross-site").status == 403
    assert browser.get("/me").status == 200
    other = Program(office)
    other.sign_in(ADA)
    assert browser.ask("DELETE", "/session", x_csrf_token=other.csrf).status == 403
    assert browser.ask("DELETE", "/session", x_csrf_token=token).status == 204


def test_signing_in_from_another_website_is_refused(office: Server) -> None:
    assert Program(office).sign_in(ADA, origin="https://evil.example").status == 403


def test_page_and_api_agree_on_who_may_withdraw_set_and_see_what_somebody_chose(office: Server) -> None:
    office.mark(QUOTE, WANDA)
    for who, role, withdraws, sets in (("mona@example.com", "member", 1, 0), ("vito@example.com", "viewer", 0, 0), (ADA, "owner", 1, 1)):  # fmt: skip
        if who != ADA:
            make(office, who, "--role", role)
        page, browser = Reader(office, who), Program(office)
        assert browser.sign_in(who).status == 201
        shown, path = page.ask("GET", f"/people/{WANDA}")[2], f"/people/{WANDA}"
        assert ('value="withdraw"' in shown, 'name="mode"' in shown) == (bool(withdraws), bool(sets)), who
        by_page = page.ask("POST", path, {"do": "mode", "mode": "individual"})
        by_api = browser.post(f"{path}/consent", {"mode": "individual"})
        assert (by_page[0], by_api.status) == ((303, 200) if sets else (403, 403)), who
        assert sets or ("Only an owner writes down" in by_page[2]) is bool(withdraws), who
        by_page = page.ask("POST", path, {"do": "withdraw"})
        by_api = browser.post(f"{path}/withdrawal", {})
        assert (by_page[0], by_api.status) == ((303, 200) if withdraws else (403, 403)), who
        log = browser.get(f"{path}/consent")
        assert (log.status == 200) is ("· office" in page.ask("GET", path)[2]) is bool(sets), who
    assert key_for(office, "privacy").post(f"/people/{WANDA}/withdrawal", {}).status == 200
    refused = key_for(office, "read").post(f"/people/{WANDA}/withdrawal", {})
    assert "This needs the scope privacy or manage" in refused.json["detail"]


def test_page_and_api_agree_that_members_have_webhooks_and_that_anybody_mutes_people_for_himself(
    office: Server,
) -> None:
    office.mark(QUOTE, WANDA)
    for who, role, adds in (("mina@example.com", "member", True), ("vera-2@example.com", "viewer", False)):
        make(office, who, "--role", role)
        page, browser = Reader(office, who), Program(office)
        assert browser.sign_in(who).status == 201
        assert ('value="add"' in page.ask("GET", "/webhooks")[2]) is adds
        by_page = page.ask("POST", "/webhooks", {"do": "add", "url": "https://example.com/by-page"})[0]
        by_api = browser.post("/webhooks", {"url": "https://example.com/by-api"}).status
        assert (by_page, by_api) == ((200, 201) if adds else (403, 403)), who
        assert page.ask("POST", f"/people/{WANDA}", {"do": "mute"})[0] == 303
        assert browser.get("/notices").json["muted"] == [WANDA]
        assert page.ask("POST", f"/people/{WANDA}", {"do": "hear"})[0] == 303


def test_a_wrong_password_on_the_page_of_the_account_is_told_to_somebody_who_stays_signed_in(office: Server) -> None:
    make(office, "wilma@example.com")
    reader = Reader(office, "wilma@example.com")
    for form, told in (
        ({"do": "password", "old": "nothing like it", "new": PASSWORD}, "The old password is wrong."),
        ({"do": "notices", "ntfy": "my-topic"}, "is no web address; write it like https"),
    ):
        _, _, page = reader.ask("POST", "/me", form)
        assert told in page
        assert "Sign in first" not in page
        assert "That did not work" in page
        assert "Sign out" in page
    assert reader.ask("GET", "/me")[0] == 200


def test_sessions_die_when_password_or_role_change(office: Server) -> None:
    make(office, BEN, "--role", "member")
    for change in (("role", BEN, "viewer"), ("passwd", BEN, "--ask"), ("totp", BEN, "--off")):
        browser = Program(office)
        assert browser.sign_in(BEN).status == 201
        assert browser.get("/me").status == 200
        inkdot("account", *change, "--data", office.data, stdin=PASSWORD + "\n")
        assert browser.get("/me").status == 401


def test_a_workspace_keeps_an_owner(tmp_path: Path) -> None:
    inkdot("account", "add", ADA, "--ask", "--data", tmp_path, stdin=PASSWORD + "\n")
    refused = inkdot("account", "role", ADA, "viewer", "--data", tmp_path, check=False)
    assert refused.returncode == 2
    assert "needs an owner" in refused.stderr


def test_a_short_password_is_refused_in_a_sentence(office: Server) -> None:
    refused = inkdot("account", "passwd", ADA, "--ask", "--data", office.data, check=False, stdin="short\n")
    assert refused.returncode == 2
    assert "10 to 1000 signs" in refused.stderr


def test_a_key_is_shown_once_kept_as_a_hash_and_ends_at_once(office: Server) -> None:
    made = inkdot_json("key", "add", "reports", "--scope", "read", "--data", office.data)
    program = Program(office, made["secret"])
    assert program.get("/me").json["scopes"] == ["read"]
    listed = inkdot("key", "list", "--data", office.data, "--json").stdout
    assert made["key"] in listed
    assert made["secret"] not in listed
    kept = b"".join(p.read_bytes() for p in office.data.glob("control.db*"))
    assert made["secret"].encode() not in kept
    inkdot("key", "rm", made["key"], "--data", office.data)
    said = program.get("/me")
    assert said.status == 401
    assert said.headers["www-authenticate"] == "Bearer"


def test_a_key_does_not_reach_into_another_workspace_of_its_office(office: Server) -> None:
    inkdot("workspace", "add", "acme", "--data", office.data)
    ours, theirs = key_for(office).get("/me").json, key_for(office, workspace="acme").get("/me").json
    assert ours["workspace"] != theirs["workspace"]
    assert "no workspace" in inkdot("key", "list", "--workspace", "nowhere", "--data", office.data, check=False).stderr


def test_codes_are_those_of_the_standard() -> None:
    # RFC 6238, appendix B, the last six digits
    secret = base64.b32encode(b"12345678901234567890").decode()
    for seconds, code in ((59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")):
        assert totp_code(secret, seconds // 30) == code
    assert totp_step(secret, "287 082", 59 + 30) == 1
    assert totp_step(secret, "287082", 59 + 90) is None
    assert len(totp_secret(bytes(range(20)))) == 32


def test_a_code_is_wanted_with_the_password_and_works_once(office: Server) -> None:
    carl = "carl@example.com"
    make(office, carl)
    accounts = Accounts(office.data / "control.db")
    user = accounts.user_of(carl)
    assert user
    secret = totp_secret(b"k" * 20)
    accounts.want_totp(user.id, secret)
    assert Program(office).sign_in(carl).status == 201, "it is not asked for before it is proven"
    accounts.prove_totp(user.id, secret)
    accounts.close()
    assert "code of your authenticator" in Program(office).sign_in(carl).json["detail"]
    wrong = f"{(int(totp_code(secret, int(time.time()) // 30)) + 1) % 1_000_000:06}"
    assert Program(office).sign_in(carl, code=wrong).status == 401
    code = totp_code(secret, int(time.time()) // 30)
    assert Program(office).sign_in(carl, code=code).status == 201
    assert Program(office).sign_in(carl, code=code).status == 401, "a code that was seen on the wire is worth nothing"


def test_who_loses_the_telephone_signs_in_with_a_code_from_paper_and_each_works_once(office: Server) -> None:
    dora = "dora@example.com"
    make(office, dora)
    browser = Reader(office, dora)
    offered = browser.ask("POST", "/me", {"do": "offer"})[2]
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", offered)
    assert secret
    now = int(time.time())
    held = browser.cookie
    status, headers, page = browser.ask("POST", "/me", {"do": "prove", "code": totp_code(secret[1], now // 30)})
    codes = re.findall(r"<code>((?:[a-z2-7]{4}-){3}[a-z2-7]{4})</code>", page)
    assert (status, len(set(codes))) == (200, 10)
    assert browser.ask("GET", "/me")[0] == 303, "the session from before the second factor is over"
    browser.cookie = headers["set-cookie"].partition(";")[0]
    assert browser.cookie != held
    shown = browser.ask("GET", "/me")
    assert (shown[0], codes[0] in shown[2]) == (200, False)
    kept = b"".join(p.read_bytes() for p in office.data.glob("control.db*"))
    assert codes[0].encode() not in kept
    assert codes[0].replace("-", "").encode() not in kept
    assert Program(office).sign_in(dora, code=codes[0].upper().replace("-", " ")).status == 201
    assert Program(office).sign_in(dora, code=codes[0]).status == 401, "it was used"
    assert Program(office).sign_in(dora, code="aaaa-aaaa-aaaa-aaaa").status == 401
    browser.read_token()
    assert browser.ask("POST", "/me", {"do": "end", "password": "not the password"})[0] == 401
    assert browser.ask("POST", "/me", {"do": "end", "password": PASSWORD})[0] == 303
    assert browser.ask("GET", "/me")[0] == 303, "every session ends when the second factor does"
    assert Program(office).sign_in(dora).status == 201


def test_who_is_in_two_workspaces_goes_from_one_to_the_other_on_the_page_of_the_account(office: Server) -> None:
    two, one = "two@example.com", "one@example.com"
    inkdot("workspace", "add", "branch", "--data", office.data)
    make(office, two, "--role", "owner")
    inkdot("account", "add", two, "--role", "viewer", "--workspace", "branch", "--data", office.data)
    make(office, one)
    browser = Reader(office, two)
    page = browser.ask("GET", "/me")[2]
    (branch,) = re.findall(r'<option value="(\d+)">branch', page)
    assert browser.ask("GET", "/team")[2].count('name="do" value="role"')
    held = browser.cookie
    status, headers, _ = browser.ask("POST", "/me", {"do": "move", "workspace": branch})
    assert (status, headers["location"]) == (303, "/")
    assert browser.ask("GET", "/me")[0] == 303, "the session in the other workspace is over"
    browser.cookie = headers["set-cookie"].partition(";")[0]
    assert browser.cookie != held
    browser.read_token()
    assert f'<option value="{branch}" selected>branch' in browser.ask("GET", "/me")[2]
    assert browser.ask("POST", "/team", {"do": "key", "name": "a", "may_read": "1"})[0] == 403, "a viewer there"
    alone = Reader(office, one)
    assert "branch" not in alone.ask("GET", "/me")[2]
    assert alone.ask("POST", "/me", {"do": "move", "workspace": branch})[0] == 403
    assert alone.ask("POST", "/me", {"do": "move", "workspace": "x" * 30})[0] == 422


def test_the_secret_of_a_webhook_is_in_one_answer_and_in_no_cookie(office: Server) -> None:
    browser = Reader(office, ADA)
    status, headers, page = browser.ask("POST", "/webhooks", {"do": "add", "url": "https://hooks.example/once"})
    secret = re.search(r"<code>(whsec_[\w+/=]+)</code>", page)
    assert secret
    assert (status, headers["cache-control"], headers.get("set-cookie")) == (200, "no-store", None)
    shown = browser.ask("GET", "/webhooks")[2]
    assert secret[1] not in shown
    number = re.search(r'name="webhook" value="(\w+)"', shown)
    assert number
    _, headers, page = browser.ask("POST", "/webhooks", {"do": "rotate", "webhook": number[1]})
    another = re.search(r"<code>(whsec_[\w+/=]+)</code>", page)
    assert another
    assert (another[1] != secret[1], headers.get("set-cookie")) == (True, None)


def test_a_page_that_looks_again_and_again_leaves_a_line_an_hour(server: Server) -> None:
    watcher = "watcher@example.com"
    inkdot("account", "add", watcher, "--role", "owner", "--ask", "--data", server.data, stdin=PASSWORD + "\n")
    reader = Reader(server, watcher)
    assert [reader.ask("GET", "/feed")[0] for _ in range(12)] == [200] * 12
    lines = reader.ask("GET", f"/audit?format=csv&q={watcher}")[2]
    assert 1 <= lines.count('"latest"') <= 2  # two where an hour ends meanwhile
    reader.ask("GET", "/people")
    assert reader.ask("GET", f"/audit?format=csv&q={watcher}")[2].count('"alive"') == 1


def test_the_audit_log_tells_in_words_what_was_done(office: Server) -> None:
    browser = Reader(office, ADA)
    browser.ask("GET", "/people")
    said = browser.ask("GET", "/audit")[2]
    assert "list of people" in said
    assert ">alive<" not in re.sub(r"\s", "", said)


def test_a_set_up_link_works_once_and_for_half_an_hour(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    inkdot("key", "list", "--data", folder)
    accounts, clock = Accounts(folder / "control.db"), [1_800_000_000.0]
    auth = Auth(accounts, "https://office.example.com", lambda: clock[0])
    token = auth.setup_link()
    assert token
    assert auth.setup_open(token)
    assert not auth.setup_open("x" * 43)
    clock[0] += 1_801
    assert not auth.setup_open(token)
    token = auth.setup_link()
    assert token
    inkdot("account", "add", ADA, "--data", folder)
    assert not auth.setup_open(token)
    assert auth.setup_link() is None
    accounts.close()


def test_a_bucket_of_tries_fills_again_with_time() -> None:
    clock = [0.0]
    tries = Tries(3, 30, lambda: clock[0])
    assert [tries.take("ben").allowed for _ in range(4)] == [True, True, True, False]
    assert tries.take("cleo").remaining == 2
    assert tries.left("ben") == (False, 0, 10)
    clock[0] = 10
    assert [tries.take("ben").allowed for _ in range(2)] == [True, False]


def test_sessions_and_answers_that_are_over_are_forgotten(tmp_path: Path) -> None:
    inkdot("account", "add", ADA, "--data", tmp_path / "data")
    accounts = Accounts(tmp_path / "data" / "control.db")
    user = accounts.user_of(ADA)
    assert user
    here = accounts.workspaces()[0][0]
    now = int(time.time())
    accounts.keep_session(b"old", user.id, here, now - 8 * 86_400, "")
    accounts.keep_session(b"new", user.id, here, now - 60, "")
    assert accounts.begin_answer(7, here, "old", b"", now - 90_000)
    assert accounts.begin_answer(7, here, "new", b"", now - 60)
    inkdot("tidy", "--data", tmp_path / "data")
    assert [accounts.session(d, 0, 0) is not None for d in (b"old", b"new")] == [False, True]
    assert [accounts.answer(7, here, k) is not None for k in ("old", "new")] == [False, True]
    accounts.close()


def test_neighbours_share_a_network() -> None:
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.200") == "192.0.2.0/24"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") == "2001:db8::/64"
    assert network_of("testclient") == "unknown"


def test_passwords_are_never_on_a_command_line() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "inkdot", "account", "add", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--password" not in shown
