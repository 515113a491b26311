"""Passkeys, made and used in a real Chromium by its virtual authenticator, and answers that nobody may give."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.conftest import ADA, Server, inkdot
from tests.office.asking import PASSWORD
from tests.office.desk import VERA

ASK = re.compile(r"/login/passkey$")


class Device:
    """A browser at localhost with an authenticator in it."""

    def __init__(self, chromium: Browser, server: Server, who: str) -> None:
        self.context: BrowserContext = chromium.new_context(
            base_url=server.office.replace("127.0.0.1", "localhost"), extra_http_headers={}
        )
        self.page: Page = self.context.new_page()
        self.cdp = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        self.number = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
        self.page.goto("/login")
        self.password(who)

    def password(self, who: str) -> None:
        self.page.locator("input[name=address]").fill(who)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("form.stack button").click()
        self.page.wait_for_url("**/")

    def add(self, name: str, password: str = PASSWORD) -> None:
        self.page.goto("/me")
        form = self.page.locator("form[data-passkey]")
        form.locator("input[name=name]").fill(name)
        form.locator("input[name=password]").fill(password)
        form.get_by_role("button").click()

    def leave(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()
        self.page.wait_for_url("**/login")

    def sign(self) -> None:
        self.page.goto("/login")
        self.page.get_by_role("button", name="Sign in with a passkey").click()

    def caught(self) -> dict[str, str]:
        """The form of an answer that never reached the office."""
        kept: list[str] = []

        def keep(route: Route) -> None:
            kept.append(route.request.post_data or "")
            route.fulfill(status=200, body="caught", content_type="text/html")

        self.page.route(ASK, keep)
        self.sign()
        expect(self.page.locator("body")).to_have_text("caught")
        self.page.unroute(ASK)

        return dict(parse_qsl(kept[0], keep_blank_values=True))

    def give(self, form: dict[str, str], **headers: str) -> tuple[int, str]:
        """An answer by HTTP with this browser's cookies."""
        origin = {"origin": self.page.evaluate("location.origin")} | headers
        said = self.context.request.post("/login/passkey", form={**form}, headers=origin, max_redirects=0)
        return said.status, said.text()

    def keys(self) -> list[dict[str, Any]]:
        return list(self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.number})["credentials"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("passkeys") / "data", "--trusted-proxies", "127.0.0.1/32")
    for who in (ADA, VERA):
        inkdot("account", "add", who, "--ask", "--data", found.data, stdin=PASSWORD + "\n")
    yield found
    found.stop()


@pytest.fixture
def device(chromium: Browser, server: Server) -> Iterator[Device]:
    found = Device(chromium, server, VERA)
    found.add("laptop")
    expect(found.page.get_by_role("status")).to_contain_text("signs you in")
    yield found
    found.context.close()


def test_a_passkey_is_made_signs_in_without_password_and_is_removed_with_it(device: Device) -> None:
    expect(device.page.locator("#passkeys")).to_contain_text("laptop")
    assert Axe().run(device.page).response["violations"] == []
    device.leave()
    device.page.goto("/login")
    assert Axe().run(device.page).response["violations"] == []
    device.sign()
    device.page.wait_for_url("**/")
    device.page.goto("/me")
    expect(device.page.locator("#main .lead").first).to_have_text(VERA)
    other = device.context.browser.new_context(storage_state=device.context.storage_state())  # type: ignore[union-attr]
    row = device.page.locator("#passkeys li").last
    row.locator("input[name=password]").fill("not the password at all")
    row.get_by_role("button").click()
    expect(device.page.locator("#main")).to_contain_text("The password is wrong.")
    device.page.goto("/me")
    row.locator("input[name=password]").fill(PASSWORD)
    row.get_by_role("button").click()
    expect(device.page.get_by_role("status")).to_contain_text("opens nothing any more")
    assert other.request.get(device.page.url, max_redirects=0).status == 303
    other.close()
    device.leave()
    device.sign()
    expect(device.page.get_by_role("alert").first).to_contain_text("opens no account here")
    device.password(VERA)  # the same page still takes one


def test_a_passkey_is_not_made_without_the_password(device: Device) -> None:
    device.add("second", "not the password at all")
    expect(device.page.locator("form[data-passkey] .trouble")).to_have_text("The password is wrong.")
    assert len(device.keys()) == 1


def test_an_answer_counts_once_in_the_browser_that_was_asked_and_for_its_own_question(
    device: Device, chromium: Browser, server: Server
) -> None:
    device.leave()
    first = device.caught()
    late = device.caught()
    assert device.give(first)[0] == 403  # another question was asked since
    assert device.give(late)[0] == 403  # and that used the question up
    right = device.caught()
    stranger = chromium.new_context(base_url=device.page.url)
    stolen = stranger.request.post(
        "/login/passkey", form={**right}, headers={"origin": device.page.evaluate("location.origin")}, max_redirects=0
    )
    assert stolen.status == 403
    stranger.close()
    assert device.give(right)[0] == 303
    assert device.give(right)[0] == 403


def test_an_answer_of_another_origin_or_of_another_users_key_is_refused(
    device: Device, chromium: Browser, server: Server
) -> None:
    device.leave()
    assert device.give(device.caught(), origin="https://evil.example")[0] == 403
    port = server.office.rpartition(":")[2]
    form = device.caught()

    client = base64.urlsafe_b64decode(form["client"] + "==").replace(f":{port}".encode(), b":1")
    form["client"] = base64.urlsafe_b64encode(client).decode().rstrip("=")
    status, text = device.give(form)
    assert (status, "another website" in text) == (403, True)
    ada = Device(chromium, server, ADA)
    ada.add("telephone")
    expect(ada.page.get_by_role("status")).to_contain_text("signs you in")
    ada.leave()
    theirs = ada.caught()
    ours = device.caught()
    status, text = device.give(ours | {"id": theirs["id"]})
    assert (status, "somebody else" in text) == (403, True)
    ours = device.caught()
    status, text = device.give(ours | {"id": theirs["id"], "user": theirs["user"]})
    assert (status, "signature is wrong" in text) == (403, True)
    ada.context.close()


def test_a_counter_that_goes_back_is_refused(device: Device) -> None:
    device.leave()
    device.sign()
    device.page.wait_for_url("**/")
    device.leave()
    (key,) = device.keys()
    device.cdp.send(
        "WebAuthn.removeCredential", {"authenticatorId": device.number, "credentialId": key["credentialId"]}
    )
    device.cdp.send("WebAuthn.addCredential", {"authenticatorId": device.number, "credential": key | {"signCount": 0}})
    device.sign()
    expect(device.page.get_by_role("alert").first).to_contain_text("counter went back")


def test_who_was_not_verified_by_the_device_is_not_signed_in(device: Device) -> None:
    device.leave()
    device.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device.number, "isUserVerified": False})
    device.sign()
    expect(device.page.locator("form[data-passkey] .trouble")).to_have_text("No passkey was used; try again.")


def test_where_passkeys_cannot_work_the_page_says_so(chromium: Browser, server: Server, device: Device) -> None:
    state = device.context.storage_state()
    for cookie in state["cookies"]:
        cookie["domain"] = "127.0.0.1"
    by_number = chromium.new_context(base_url=server.office, storage_state=state)
    page = by_number.new_page()
    page.goto("/me")
    expect(page.get_by_text("To add a passkey, open the office by https")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
    said = by_number.request.post("/login/passkey/ask", headers={"origin": server.office})
    assert said.status == 403
    by_number.close()
