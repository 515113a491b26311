"""An office of which things were heard, and people who sign in at it."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext

from tests.conftest import ADA, BEN, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json
from tests.office.asking import PASSWORD
from tests.relay.sink import Sink

GINA, ANNA, VERA, CLEO = "gina@example.com", "anna@example.com", "vera@example.com", "cleo@example.com"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8ffff3f0005fe02fea7356d2e0000000049454e44ae426082"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


class Office:
    """A server with one mail, one website and one document of which things were heard."""

    def __init__(self, server: Server) -> None:
        self.server = server
        inkdot("account", "add", ADA, "--ask", "--data", server.data, stdin=PASSWORD + "\n")
        inkdot("account", "add", VERA, "--role", "viewer", "--ask", "--data", server.data, stdin=PASSWORD + "\n")
        self.copies = {c["to"]: c for c in server.mark(QUOTE, BEN, GINA, ANNA)}
        server.get(self.copies[BEN]["dots"][0], User_Agent=THUNDERBIRD)
        server.get(self.copies[BEN]["links"][0]["url"], User_Agent=FIREFOX, X_Forwarded_For="198.51.100.7")
        server.get(self.copies[GINA]["dots"][0], User_Agent=GMAIL, X_Forwarded_For="66.249.84.12")
        self.key = inkdot_json("site", "add", "example.com", "--data", server.data, "--public-url", server.public)[
            "key"
        ]
        self.web("visitor-1", k="view", u="https://example.com/?q=roof", r="https://www.google.com/")
        self.web("visitor-1", k="goal", u="https://example.com/contact", n="asked")
        picture = server.data.parent / "offer.png"
        picture.write_bytes(PNG)
        self.document = inkdot_json("doc", "share", picture, "--to", BEN, "--data", server.data, "--public-url", server.public)["document"]  # fmt: skip
        (mail,) = inkdot_json("report", "mail", "--data", server.data)["messages"]
        self.mail = str(mail["message"])
        eventually(lambda: len(server.timeline(BEN)) >= 2 and len(server.timeline(GINA)) >= 1)
        self.event = str(server.timeline(BEN)[0]["id"])
        self.campaign("autumn", f"email\n{CLEO}\nnobody@example.com\n")

    def campaign(self, name: str, people: str) -> None:
        folder = self.server.data.parent
        (folder / "news.eml").write_bytes(QUOTE)
        (folder / "people.csv").write_text(people)
        with Sink(answers={"nobody@example.com": "550 5.1.1 Nobody of that name"}) as sink:
            inkdot(
                "mail", "send", folder / "news.eml", "--people", folder / "people.csv", "--campaign", name, "--smtp", sink.url,
                "--data", self.server.data, "--public-url", self.server.public, check=False,
            )  # fmt: skip

    def web(self, visitor: str, **event: Any) -> None:
        parts = urlsplit(self.server.public)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        told = {"Origin": "https://example.com", "Content-Type": "text/plain", "User-Agent": FIREFOX}
        connection.request("POST", "/e", json.dumps([self.key, visitor, event]).encode(), told)
        assert connection.getresponse().status == 202
        connection.close()

    @property
    def pages(self) -> list[str]:
        return [
            "/", "/people", f"/people/{BEN}", "/unopened", f"/events/{self.event}", "/mails", f"/mails/{self.mail}", "/campaigns",
            "/campaigns/autumn", "/views", "/settings", "/documents",
            f"/documents/{self.document}", "/sites", "/sites/example.com", "/leads", "/triggers", "/audiences", "/webhooks",
            "/health", "/team", "/audit", "/me", "/welcome", "/mail-program",
        ]  # fmt: skip


def signed_in(chromium: Browser, office: Office, who: str = ADA, **options: Any) -> BrowserContext:
    context = chromium.new_context(base_url=office.server.office, **options)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Mail address").or_(page.get_by_label("Mailadresse")).fill(who)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form.stack button").click()
    page.wait_for_url("**/")
    return context
