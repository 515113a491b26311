"""Marking from one's own program: the same kind out as in, heard by the server whose key it is."""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from inkdot import Marker
from inkdot.domain.errors import BadSetting, UsageError
from tests.conftest import BEN, QUOTE, THUNDERBIRD, Server, inkdot_json

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


DJANGO = """
import sys
from django.conf import settings

settings.configure(
    EMAIL_BACKEND="inkdot.django.EmailBackend", INKDOT_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    INKDOT_URL="https://t.example.com", INKDOT_KEY=sys.argv[1],
)
from django.core import mail

message = mail.EmailMultiAlternatives("The quote", "Hello", "ada@example.com", ["ben@example.com"], bcc=["cleo@example.com"])
message.attach_alternative('<p>Hello <a href="https://example.com/quote">quote</a></p>', "text/html")
assert message.send() == 1
ben, cleo = mail.outbox
assert [m.recipients() for m in mail.outbox] == [["ben@example.com"], ["cleo@example.com"]]
texts = [m.message().as_string() for m in mail.outbox]
assert all(t.count("/o/") == 2 and "To: ben@example.com" in t and "cleo" not in t for t in texts), texts
assert texts[0] != texts[1]
assert mail.EmailMessage("x", "y", "a@example.com", ["ben@example.com"], headers={"X-Inkdot": "off"}).send() == 1
assert "X-Inkdot" not in mail.outbox[2].message().as_string()
assert mail.EmailMessage("x", "y", "a@example.com", []).send() == 0
"""


def test_django_sends_each_recipient_an_own_copy(key: str) -> None:
    done = subprocess.run([sys.executable, "-c", DJANGO, key], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
