"""The browser extension: in the sender's own browser his own dots stay silent, on any page. A stub stands for the webmail."""

from __future__ import annotations

import io
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import BrowserContext, BrowserType, Worker
from playwright.sync_api import Page as Tab

from inkdot.show.addons import packed
from tests.conftest import ADA, BEN, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot_json, patient

COMPOSE = """<!doctype html><title>Stub</title>
<div role="dialog"><button title="From: Ada &lt;{ada}&gt;">Ada</button><input aria-label="To recipients"><span email="{to}">Ben</span>
<input name="subjectbox" value="From the browser">
<div role="textbox" contenteditable="true" aria-label="Message Body"><p>See <a href="https://example.com/a">it</a>.</p>
<blockquote title="cleo@example.com">Older</blockquote></div>
<div role="button" aria-label="Senden (Strg-Eingabe)" tabindex="0" id="send">Senden</div></div>
<table>{rows}</table>
<script>document.getElementById("send").addEventListener("click", () => fetch("/sent", {{
  method: "POST", body: document.querySelector("[role=textbox]").innerHTML }}));</script>"""


ROW = (
    '<tr role="row" id="row{}"><td><span email="{}">Somebody</span></td><td><b>{}</b> <span>- See it.</span></td></tr>'
)


class Webmail(ThreadingHTTPServer):
    """Shows one mail; its image proxy, as Gmail's, is asked for an address that names the dot behind a #."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.dot, self.asked, self.sent = "", list[str](), list[str]()
        self.people, self.subjects = list[str](), list[str]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Page(BaseHTTPRequestHandler):
    server: Webmail

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        asked = dict(parse_qsl(urlsplit(self.path).query))
        to = asked.get("to")
        proxied = f"/proxy/abc=s0#{self.server.dot}"
        body = f'<img src="{self.server.dot}"><img src="{proxied}"><img src="/logo">' if self.path == "/" else "x"
        rows = "".join(map(ROW.format, range(9), self.server.people, self.server.subjects))
        body = COMPOSE.format(to=to, ada=asked.get("from", "ada"), rows=rows) if to else body
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        self.server.sent.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def browser(chromium_type: BrowserType, folder: Path) -> Iterator[BrowserContext]:
    extension = folder / "extension"
    zipfile.ZipFile(io.BytesIO(packed("inkdot-webmail.zip"))).extractall(extension)
    flags = [f"--load-extension={extension}", f"--disable-extensions-except={extension}", "--headless=new", "--no-sandbox",
             "--disable-features=DisableLoadExtensionCommandLineSwitch"]  # fmt: skip
    context = chromium_type.launch_persistent_context(
        str(folder / "profile"),
        executable_path="/usr/bin/chromium",
        headless=False,
        args=flags,
        timeout=1_000 * PATIENCE,
    )
    patient(context)
    try:
        yield context
    finally:
        context.close()


def worker_of(context: BrowserContext) -> Worker:
    return context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker")


def test_the_senders_own_dots_are_not_loaded_in_his_browser(
    server: Server, chromium_type: BrowserType, tmp_path: Path
) -> None:
    webmail, person = Webmail(), "webmail-shown@example.com"
    webmail.dot = server.mark(QUOTE, person)[0]["dots"][0]
    with browser(chromium_type, tmp_path) as context:
        worker = worker_of(context)
        options = context.new_page()
        options.goto(worker.url.replace("rules.js", "options.html"))
        mail = context.new_page()
        mail.goto(webmail.url, wait_until="networkidle")
        assert {"/logo", "/proxy/abc=s0"} <= set(webmail.asked)
        assert len(server.timeline(person, 1)) == 1
        options.fill("[name=addresses]", "no address")
        options.click("button")
        options.get_by_text("is no web address").wait_for()
        options.fill("[name=addresses]", f"{server.public}/\n")
        options.click("button")
        options.get_by_text("Saved.", exact=True).wait_for()  # its policy lets no test evaluate anything there
        eventually(lambda: worker.evaluate("chrome.declarativeNetRequest.getDynamicRules()"))
        webmail.asked.clear()
        mail.goto(webmail.url, wait_until="networkidle")
        assert "/logo" in webmail.asked
        assert not [path for path in webmail.asked if path.startswith("/proxy")]
        assert len(server.timeline(person)) == 1
        webmail.dot = f"{webmail.url}/pictures/dot.gif"  # as `dot_prefix` may have it
        mail.goto(webmail.url, wait_until="networkidle")
        assert "/pictures/dot.gif" in webmail.asked
        options.fill("[name=addresses]", f"{webmail.url}/pictures")
        options.click("button")
        eventually(lambda: "pictures" in str(worker.evaluate("chrome.declarativeNetRequest.getDynamicRules()")))
        webmail.asked.clear()
        mail.goto(webmail.url, wait_until="networkidle")
        assert webmail.asked.count("/logo") == 1
        assert "/pictures/dot.gif" not in webmail.asked
    webmail.shutdown()
    webmail.server_close()


@pytest.fixture
def writing(server: Server, chromium_type: BrowserType, tmp_path: Path) -> Iterator[tuple[Webmail, Tab]]:
    """A stub webmail's page, where the extension knows an office."""
    webmail = Webmail()
    key = inkdot_json("key", "add", "webmail", "--scope", "read", "--scope", "send", "--data", server.data)["secret"]
    with browser(chromium_type, tmp_path) as context:
        worker = worker_of(context)
        options = context.new_page()
        options.goto(worker.url.replace("rules.js", "options.html"))
        for name, value in (
            ("server", server.office),
            ("key", key),
            ("webmail", webmail.url),
            ("mine", f"{ADA},me@example.org"),
        ):
            options.fill(f"[name={name}]", value)
        options.click("button")
        options.get_by_text("Saved.", exact=True).wait_for()  # its policy lets no test evaluate anything there
        eventually(lambda: worker.evaluate("chrome.scripting.getRegisteredContentScripts()"))
        yield webmail, context.new_page()
    webmail.shutdown()
    webmail.server_close()


def test_send_waits_for_marks_and_the_list_says_what_became_of_it(server: Server, writing: tuple[Webmail, Tab]) -> None:
    webmail, tab = writing
    person, other = "webmail@example.com", "webmail-other@example.com"
    webmail.people = [person, other, person, other, "stranger@example.com"]
    webmail.subjects = ["From the browser", "From the browser", "Re: From the browser, again", "Hi", "From the browser"]
    server.mark(QUOTE.replace(b"Subject: The quote", b"Subject: Hi"), other)
    server.mark(QUOTE.replace(b"Subject: The quote", b"Subject: Hi"), other)
    tab.goto(f"{webmail.url}/?to={person}&from={ADA}", wait_until="networkidle")
    tab.wait_for_selector(".inkdot-switch[aria-pressed=true]")
    tab.click("#send")
    (sent,) = eventually(lambda: webmail.sent)
    dots = re.findall(r'<img src="([^"]+/o/[^"]+)"', sent)
    assert (len(dots), len(re.findall(r'href="[^"]+/c/', sent)), "See" in sent) == (2, 1, True)
    signs = eventually(lambda: len(s := signs_in(tab)) == 2 and s)
    # Another person's mail of the same subject and longer subjects have none; two alike of which nothing differs have one.
    assert signs == {"row0": "✓ sent", "row3": "✓ sent"}
    assert server.timeline(person) == [], "the sender's own browser loaded no dot"
    server.get(dots[0], User_Agent=THUNDERBIRD)
    server.timeline(person, 1)
    assert eventually(lambda: signs_in(tab)["row0"] == "✓✓ likely opened" and signs_in(tab))["row3"] == "✓ sent"


def test_what_is_typed_while_the_marks_are_made_is_in_the_mail(writing: tuple[Webmail, Tab]) -> None:
    webmail, tab = writing
    tab.goto(f"{webmail.url}/?to=typed@example.com&from={ADA}", wait_until="networkidle")
    tab.wait_for_selector(".inkdot-switch[aria-pressed=true]")
    tab.evaluate("""() => {
      window.typed = 0;
      const field = document.querySelector("[role=textbox]"), send = document.getElementById("send");
      const typing = setInterval(() => { field.append("~"); typed += 1; }, 1);
      send.addEventListener("click", () => clearInterval(typing));
      send.click();
    }""")
    (sent,) = eventually(lambda: webmail.sent)
    assert sent.count("~") == tab.evaluate("typed") > 0
    assert "/o/" not in sent
    tab.get_by_text("Not tracked: You changed it while its marks were made.").wait_for()


def signs_in(tab: Tab) -> dict[str, str]:
    script = "found => Object.fromEntries(found.map(sign => [sign.closest('tr').id, sign.title]))"
    return dict(tab.eval_on_selector_all(".inkdot-tick", script))


def test_a_mail_that_the_page_does_not_send_is_marked_anew_for_whom_it_then_names(
    server: Server, writing: tuple[Webmail, Tab]
) -> None:
    webmail, tab = writing
    first, second = "changed-first@example.com", "changed-second@example.com"
    tab.goto(f"{webmail.url}/?to={first}&from={ADA}", wait_until="networkidle")
    for count, person in enumerate((first, second), 1):
        tab.eval_on_selector("[email]", "(named, person) => named.setAttribute('email', person)", person)
        tab.click("#send")
        eventually(lambda count=count: len(webmail.sent) == count)  # type: ignore[misc]
    dots = [re.findall(r'<img src="([^"]+/o/[^"]+)"', sent) for sent in webmail.sent]
    assert [len(found) for found in dots] == [2, 2]
    assert not set(dots[0]) & set(dots[1])
    server.get(dots[1][0], User_Agent=THUNDERBIRD)
    assert server.timeline(second, 1)
    assert server.timeline(first) == []


def test_an_office_that_does_not_answer_holds_no_mail_up(writing: tuple[Webmail, Tab]) -> None:
    webmail, tab = writing
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        worker_of(tab.context).evaluate("settings => chrome.storage.local.set(settings)", settings)
        tab.goto(f"{webmail.url}/?to={BEN}")
        tab.wait_for_selector(".inkdot-switch")
        tab.click("#send")
        (sent,) = eventually(lambda: webmail.sent)
        assert "/o/" not in sent
        eventually(lambda: "The office does not answer." in (tab.text_content(".inkdot-switch") or ""))


def test_what_is_switched_off_or_goes_to_several_leaves_as_it_was_written(writing: tuple[Webmail, Tab]) -> None:
    webmail, tab = writing
    tab.goto(f"{webmail.url}/?to={BEN}")
    tab.click(".inkdot-switch")
    tab.click("#send")
    eventually(lambda: len(webmail.sent) == 1)
    tab.goto(
        f"{webmail.url}/?to={BEN}%22%3E%3C/span%3E%3Ci%20title=%22eve@example.com,%20zoe@example.com%22%3E%3C/i%3E%3Cspan%20id=%22b"
    )
    tab.wait_for_selector(".inkdot-switch")
    tab.click("#send")
    eventually(lambda: len(webmail.sent) == 2)
    said = tab.text_content(".inkdot-switch") or ""
    assert "Only mails to one person" in said
    assert f"{BEN} and eve@example.com and zoe@example.com" in said
    assert [("/o/" in sent, "https://example.com/a" in sent) for sent in webmail.sent] == [(False, True)] * 2
