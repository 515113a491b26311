"""Marking from one's own program: the same kind out as in, heard by the server whose key it is."""

from __future__ import annotations

import email
import email.policy
import html
import re
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from email.message import EmailMessage
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import uvicorn

from inkdot import Marker
from inkdot.domain.errors import BadSetting, UsageError
from tests.conftest import BEN, QUOTE, THUNDERBIRD, Server, eventually, inkdot_json
from tests.relay.sink import Sink

GUIDE = Path(__file__).parent.parent / "docs" / "library.md"
CLEO = "cleo@example.com"


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    return str(inkdot_json("key", "--data", server.data)["key"])


def quote() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada@example.com", BEN, "The quote"
    message["Bcc"] = CLEO
    message.set_content("Hello")
    message.add_alternative('<p>Hello <a href="https://www.example.com/quote">quote</a></p>', subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="quote.pdf")
    return message


def test_what_the_library_marks_is_heard_by_the_server(server: Server, key: str) -> None:
    person = "library@example.com"
    copy = Marker(server.public, key).mail(quote(), to=person)
    assert type(copy) is EmailMessage
    assert (copy["Subject"], copy["Bcc"]) == ("The quote", None)
    shown = copy.get_body(("html",))
    assert shown
    top, bottom = re.findall(r'src="([^"]+/o/[^"]+\.gif)"', shown.get_content())
    server.get(top, User_Agent=THUNDERBIRD)
    server.get(bottom, User_Agent=THUNDERBIRD)
    events = server.timeline(person, at_least=2)
    assert [(e["person"], e["human"]) for e in events] == [(person, "yes")] * 2


def test_bytes_give_bytes_and_old_messages_old_messages(key: str) -> None:
    marker = Marker("https://t.example.com", key)
    marked = marker.mail(QUOTE, to=BEN)
    assert isinstance(marked, bytes)
    assert marked.count(b"/o/") == 2
    old = email.message_from_bytes(QUOTE, policy=email.policy.compat32)
    assert type(marker.mail(old, to=BEN)) is type(old)
    ben, cleo = marker.mails(QUOTE, [BEN, CLEO]).values()
    assert ben != cleo
    assert marker.link("https://example.com/x", to=BEN).startswith("https://t.example.com/c/")


def test_a_signed_mail_comes_back_as_it_was_and_says_why(key: str) -> None:
    signed = b"From: ada@example.com\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
    copy = Marker("https://t.example.com", key).copies(signed, [BEN])[BEN]
    assert (copy.content, copy.left_alone) == (signed, "signed")


@pytest.mark.parametrize(
    ("url", "word", "error"),
    [
        ("https://t.example.com", "secret", BadSetting),
        ("https://t.example.com", "inkdot-key-1.####", BadSetting),
        ("https://t.example.com", "", BadSetting),
        ("t.example.com", None, UsageError),
    ],
)
def test_a_wrong_key_or_address_is_told_at_once(url: str, word: str | None, error: type[Exception], key: str) -> None:
    with pytest.raises(error, match=r"[.]$"):
        Marker(url, key if word is None else word)


def test_the_library_brings_no_server_with_it() -> None:
    heavy = ("duckdb", "uvloop", "starlette", "typer", "ua_parser", "sqlite3")
    code = f"import sys; from inkdot import Marker; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_guides_samples_run(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDOT_KEY", key)
    samples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec("\n".join(samples), names)
    copies = names["copies"]
    assert isinstance(copies, dict)
    assert {type(copy) for copy in copies.values()} == {EmailMessage}


def sample(name: str) -> str:
    return "".join(re.findall(rf"```python {name}\n(.*?)```", GUIDE.read_text(), re.DOTALL))


@pytest.fixture
def site(server: Server, key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """What a web program finds in its environment, and its outgoing server."""
    with Sink() as sink:
        around = {"INKDOT_URL": server.public, "INKDOT_KEY": key, "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(sink.port)}
        for name, value in around.items():
            monkeypatch.setenv(name, value)
        yield sink


def judge(server: Server, sink: Sink, page: str, person: str) -> None:
    """The mail has the person's marks, and so has the link of the page."""
    content = eventually(lambda: sink.mails_to(person))[0].content
    assert content.count(b"/o/") == 2
    status, headers, _ = server.get(html.unescape(re.findall(r'href="([^"]+)"', page)[0]), User_Agent=THUNDERBIRD)
    assert (status, headers["location"]) == (302, "https://example.com/offer")
    dot = re.findall(rb'src="([^"]+/o/[^"]+)"', content)[0].decode()
    server.get(dot, User_Agent=THUNDERBIRD)
    assert {e["kind"] for e in server.timeline(person, at_least=2)} >= {"open", "click"}


def test_the_recipe_for_flask_sends_marked_mails_and_tracks_links(server: Server, site: Sink) -> None:
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(sample("flask"), names)
    client = names["app"].test_client()
    assert client.post("/quotes", data={"to": "flask@example.com"}).status_code == 202
    judge(server, site, client.get("/offer?person=flask@example.com").text, "flask@example.com")


def test_the_recipe_for_fastapi_sends_marked_mails_and_tracks_links(server: Server, site: Sink) -> None:
    recipe = types.ModuleType("recipe")
    exec(sample("fastapi"), recipe.__dict__)
    app = uvicorn.Server(uvicorn.Config(recipe.app, port=0, log_level="error"))
    thread = threading.Thread(target=app.run)
    thread.start()
    try:
        eventually(lambda: app.started)
        where = f"http://127.0.0.1:{app.servers[0].sockets[0].getsockname()[1]}"
        with urlopen(Request(f"{where}/quotes?to=fastapi@example.com", method="POST")) as answer:
            assert answer.status == 202
        with urlopen(f"{where}/offer?person=fastapi@example.com") as answer:
            judge(server, site, answer.read().decode(), "fastapi@example.com")
    finally:
        app.should_exit = True
        thread.join()


DJANGO = """
import os, sys
import django
from django.conf import settings

recipe = {}
exec(sys.argv[1], recipe)
settings.configure(**{name: value for name, value in recipe.items() if name.isupper()} | {
    "INKDOT_BACKEND": sys.argv[2], "EMAIL_HOST": os.environ["SMTP_HOST"], "EMAIL_PORT": int(os.environ["SMTP_PORT"])})
django.setup()
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.template import engines

SENT = []


class Provider(BaseEmailBackend):
    \"""Builds a mail of its parts, as providers' backends do.\"""

    def send_messages(self, messages):
        SENT.extend(messages)
        return len(messages)
"""
DJANGO_SENDS = """
message = mail.EmailMultiAlternatives(
    "The quote", "Hello", "ada@example.com", ["Ben M\u00fcller <django@example.com>", "DJANGO@example.com"], bcc=["cleo@example.com"],
    cc=['"odd one"@example.com'])
message.attach_alternative('<p>Hello <a href="https://example.com/quote">quote</a></p>', "text/html")
assert message.send() == 1
page = mail.EmailMessage("Page", "<p>Hello</p>", "ada@example.com", ["page@example.com"])
page.content_subtype = "html"
assert page.send() == 1
assert mail.EmailMessage("x", "y", "a@example.com", ["off@example.com"], headers={"X-Inkdot": "off"}).send() == 1
assert mail.EmailMessage("x", "y", "a@example.com", []).send() == 0
"""


def django(script: str, backend: str) -> str:
    command = [sys.executable, "-W", "error", "-c", DJANGO + DJANGO_SENDS + script, sample("django"), backend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_recipe_for_django_sends_each_recipient_an_own_copy_and_tracks_links(server: Server, site: Sink) -> None:
    template = "{% load inkdot %}<a href=\"{{ 'https://example.com/offer'|tracked:'django@example.com' }}\">x</a>"
    page = django(
        f"print(engines['django'].from_string({template!r}).render())", "django.core.mail.backends.smtp.EmailBackend"
    )
    judge(server, site, page, "django@example.com")
    copies = {mail.to: email.message_from_bytes(mail.content, policy=email.policy.default) for mail in site.got}
    assert set(copies) == {
        "django@example.com",
        "cleo@example.com",
        '"odd one"@example.com',
        "page@example.com",
        "off@example.com",
    }
    ben, cleo = copies["django@example.com"], copies["cleo@example.com"]
    assert (str(ben), ben["To"], ben["Cc"]) != (str(cleo), cleo["To"], cleo["Cc"])
    assert (ben["To"], ben["Message-ID"], ben["Bcc"]) == (cleo["To"], cleo["Message-ID"], None)
    assert "cleo" not in str(ben)
    assert [
        copies[to].as_string().count("/o/") for to in ("cleo@example.com", '"odd one"@example.com', "page@example.com")
    ] == [2, 0, 2]
    assert copies["off@example.com"]["X-Inkdot"] is None


def test_a_backend_that_builds_mails_of_their_parts_gets_marked_parts(site: Sink) -> None:
    seen = """
for m in SENT:
    alternatives = [content for content, kind in getattr(m, "alternatives", [])]
    print(m.to, m.cc, m.bcc, m.body.count("/o/"), [a.count("/o/") for a in alternatives])
"""
    assert django(seen, "__main__.Provider").splitlines() == [
        "['Ben Müller <django@example.com>'] [] [] 0 [2]", "['\"odd one\"@example.com'] [] [] 0 [0]", "['cleo@example.com'] [] [] 0 [2]",
        "['page@example.com'] [] [] 2 []", "['off@example.com'] [] [] 0 []",
    ]  # fmt: skip


def test_what_is_typed_says_so() -> None:
    assert files("inkdot").joinpath("py.typed").is_file()
