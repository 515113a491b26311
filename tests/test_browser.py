"""A real browser opens a marked copy and follows a tracked link."""

from __future__ import annotations

import email
import subprocess
from pathlib import Path

from tests.conftest import PATIENCE, QUOTE, Server, eventually

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=4000",
    # Headless Chromium says so in its name and is rightly taken for a machine; a window would say this:
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
)  # fmt: skip


def browse(url: str, profile: Path) -> str:
    """Open a page in Chromium as a person would, and return what it showed."""
    command = ["chromium", *FLAGS, f"--user-data-dir={profile}", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=True).stdout


def test_chromium_opens_a_copy_and_follows_its_link(server: Server, tmp_path: Path) -> None:
    arrived = server.public + "/healthz"
    copy = server.mark(QUOTE.replace(b"https://www.example.com/photos", arrived.encode()), "chromium@example.com")[0]
    page = tmp_path / "mail.html"
    payload = email.message_from_bytes(Path(copy["file"]).read_bytes()).get_payload(decode=True)
    assert isinstance(payload, bytes)
    page.write_bytes(payload)
    browse(page.as_uri(), tmp_path / "profile")
    opens = server.timeline("chromium@example.com", at_least=2)
    assert {e["part"] for e in opens} == {1, 2}
    assert [e["repeat_of"] for e in opens] == [None, opens[0]["id"]]
    assert "ok" in browse(copy["links"][1]["url"], tmp_path / "profile")
    clicked = eventually(lambda: [e for e in server.timeline("chromium@example.com") if e["kind"] == "click"])
    assert clicked[0]["url"] == arrived
    assert clicked[0]["raw"]["headers"]["sec-fetch-mode"] == "navigate"
    assert (clicked[0]["fields"]["os"]["value"], clicked[0]["fields"]["device"]["value"]) == ("Linux", "desktop")
