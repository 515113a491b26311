"""The browser extension: in the sender's own browser his own dots stay silent, on any page. A stub stands for the webmail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from tests.conftest import BEN, Server, eventually

EXTENSION = Path(__file__).parent.parent.parent / "clients" / "webmail"


class Webmail(ThreadingHTTPServer):
    """Shows one mail; its image proxy, as Gmail's, is asked for an address that names the dot behind a #."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.dot, self.asked = "", list[str]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Page(BaseHTTPRequestHandler):
    server: Webmail

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        proxied = f"/proxy/abc=s0#{self.server.dot}"
        body = f'<img src="{self.server.dot}"><img src="{proxied}"><img src="/logo">' if self.path == "/" else "x"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def browser(profile: Path) -> Iterator[BrowserContext]:
    flags = [f"--load-extension={EXTENSION}", f"--disable-extensions-except={EXTENSION}", "--headless=new", "--no-sandbox",
             "--disable-features=DisableLoadExtensionCommandLineSwitch"]  # fmt: skip
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path="/usr/bin/chromium", headless=False, args=flags
        )
        yield context
        context.close()


def test_the_senders_own_dots_are_not_loaded_in_his_browser(server: Server, tmp_path: Path) -> None:
    webmail = Webmail()
    webmail.dot = server.mark()[0]["dots"][0]
    before = len(server.timeline(BEN))
    with browser(tmp_path / "profile") as context:
        worker = context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker")
        options = context.new_page()
        options.goto(worker.url.replace("rules.js", "options.html"))
        mail = context.new_page()
        mail.goto(webmail.url, wait_until="networkidle")
        assert {"/logo", "/proxy/abc=s0"} <= set(webmail.asked)
        eventually(lambda: len(server.timeline(BEN)) == before + 1)
        options.fill("textarea", "no address")
        options.click("button")
        assert "is no web address" in options.text_content("output", timeout=5_000)  # type: ignore[operator]
        options.fill("textarea", f"{server.public}/\n")
        options.click("button")
        options.wait_for_function("document.querySelector('output').textContent == 'Saved.'")
        eventually(lambda: worker.evaluate("chrome.declarativeNetRequest.getDynamicRules()"))
        webmail.asked.clear()
        mail.goto(webmail.url, wait_until="networkidle")
        assert "/logo" in webmail.asked
        assert not [path for path in webmail.asked if path.startswith("/proxy")]
        assert len(server.timeline(BEN)) == before + 1
    webmail.shutdown()
    webmail.server_close()
