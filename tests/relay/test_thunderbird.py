"""Thunderbird itself: it sends through the mail door, opens and answers; its add-on marks, keeps silent, and shows ticks."""

from __future__ import annotations

import imaplib
import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from inkdot.show.addons import packed
from tests.conftest import ADA, BEN, THUNDERBIRD, Server, eventually, inkdot_json
from tests.relay.dovecot import PASSWORD, mailbox
from tests.relay.mail_door import CLEO, MailDoor, changed
from tests.relay.sink import Got, Sink
from tests.relay.thunderbird import Thunderbird

BLIND = "blind@example.com"
BUTTON = "thunderbird_inkdot_example-composeAction-toolbarbutton"
BARRACUDA = "Barracuda Sentinel (EE)"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
TOO_SOON = 3  # seconds: what opens a mail within two seconds of its hand-over is taken for a scanner, rightly


def dots(copy: Got) -> list[str]:
    return [part.split(b".gif")[0].decode() for part in copy.content.replace(b"=\r\n", b"").split(b"/o/")[1:]]


def addon(folder: Path) -> Path:
    file = folder / "inkdot.xpi"
    file.write_bytes(packed("inkdot-thunderbird.xpi"))
    return file


def test_thunderbird_sends_to_three_ben_opens_and_answers_and_the_timeline_is_right(tmp_path: Path) -> None:
    with Sink() as sink, mailbox() as (box, address):
        door = MailDoor(tmp_path, sink, imap=address, imap_password=PASSWORD)
        with Thunderbird(tmp_path / "ada", ADA, door.address, door.user, door.password) as program:
            opened, reply = conversation(door, program, tmp_path / "received.eml")
        # Ben has the same program; what it wrote reaches Ada's mailbox under his name.
        box.append("INBOX", "", "", reply.content.replace(ADA.encode(), BEN.encode()))
        events = eventually(lambda: (e := door.server.timeline(BEN))[-1]["kind"] == "reply" and e)
        counted = [(e["kind"], e["human"]) for e in events if e["repeat_of"] is None]
        assert [kind for kind, _ in counted] == ["open", "reply"], counted
        assert counted[1] == ("reply", "yes")
        assert all("Thunderbird" in e["fields"]["client"]["value"] for e in (opened, events[-1]))
        assert door.server.timeline(ADA) == []
        door.stop()


def conversation(door: MailDoor, program: Thunderbird, received: Path) -> tuple[dict[str, Any], Got]:
    """Ada sends, Ben opens and answers: the first open, and the answer as it left."""
    link = "<p>See <a href='https://www.example.com/'>it</a></p>"
    program.send("From Thunderbird", link, BEN, CLEO, BLIND)
    copies = [door.delivered(to)[0] for to in (BEN, CLEO, BLIND)]
    assert len({dot for copy in copies for dot in dots(copy)}) == 6
    assert not any(b"blind@" in copy.content for copy in copies)
    assert door.server.timeline(BEN) == []
    received.write_bytes(copies[0].content)
    time.sleep(TOO_SOON)
    program.open(received)
    opens = door.server.timeline(BEN, at_least=2)
    assert [(e["kind"], e["actor"]) for e in opens[:2]] == [("open", "human")] * 2, opens
    assert all(e["repeat_of"] == opens[0]["id"] for e in opens[1:])
    program.reply(received, "<p>Thank you.</p>", CLEO)
    reply = door.delivered(CLEO, 2)[1]
    assert reply.header("In-Reply-To") == copies[0].header("Message-ID")
    assert b"<blockquote" in reply.content
    assert len(dots(reply)) == 2
    assert not set(dots(reply)) & set(dots(copies[0]))
    return opens[0], reply


def test_the_add_on_s_button_keeps_one_mail_unmarked_and_the_next_is_marked_again(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        with Thunderbird(tmp_path / "ada", ADA, door.address, door.user, door.password, addon(tmp_path)) as program:
            program.send("Private", "<p>Hello <b>there</b>.</p>", BEN, press=(BUTTON,))
            program.send("Thought better of it", "<p>Hello <b>there</b>.</p>", BEN, press=(BUTTON, BUTTON))
            program.send("Ordinary", "<p>Hello <b>there</b>.</p>", BEN)
            copies = {copy.header("Subject"): copy for copy in door.delivered(BEN, 3)}
        found = {subject: len(dots(copy)) for subject, copy in copies.items()}
        assert found == {"Private": 0, "Thought better of it": 2, "Ordinary": 2}
        assert not any(b"X-Inkdot" in copy.content for copy in copies.values())
        eventually(lambda: len(door.log()) == 3)
        reasons = {row["subject"]: row["left_alone"] and row["left_alone"]["reason"] for row in door.log()}
        assert reasons == {"Private": "switched_off", "Thought better of it": None, "Ordinary": None}
        door.stop()


def test_the_add_on_without_a_mail_door_marks_tells_what_became_of_it_and_is_silent_where_it_was_sent(
    tmp_path: Path,
) -> None:
    with Sink() as sink, mailbox() as (box, address):
        with changed({"INKDOT_IMAP": address, "INKDOT_IMAP_PASSWORD": PASSWORD}):
            house = Server(tmp_path / "house")
        words = ("key", "add", "thunderbird", "--scope", "read", "--scope", "send")
        key = inkdot_json(*words, "--data", house.data)["secret"]
        plain = MailDoor(tmp_path, sink, track_opens=0, track_clicks=0)  # any mail server: it marks nothing itself
        body = "<p>Hello <a href='https://example.com/a'>there</a>.</p>"
        with Thunderbird(tmp_path / "ada", ADA, plain.address, plain.user, plain.password, addon(tmp_path)) as program:
            program.choose(server=house.office, key=key, here=True)
            program.send("Marked here", body, BEN)
            program.send("Not this one", body, BEN, press=(BUTTON,))
            program.send("To two", body, BEN, cc=CLEO)
            program.send("Nothing bold", "Hello there.", CLEO)
            copies = {copy.header("Subject"): copy for copy in [*plain.delivered(BEN, 3), *plain.delivered(CLEO, 2)]}
            found = {subject: len(dots(copy)) for subject, copy in copies.items()}
            assert found == {"Marked here": 2, "Not this one": 0, "To two": 0, "Nothing bold": 2}
            assert ticks(program, tmp_path / "sent.eml", copies["Marked here"], house, box) == [
                "✓ sent", "✓ fetched by a machine", "✓✓ likely opened", "✓✓ clicked", "✓✓ replied",
            ]  # fmt: skip
            (tmp_path / "other.eml").write_bytes(copies["Not this one"].content)
            program.open(tmp_path / "other.eml")
            eventually(lambda: program.tick() == "Inkdot")
        plain.stop()
        house.stop()


def ticks(program: Thunderbird, file: Path, mail: Got, house: Server, box: imaplib.IMAP4) -> list[str]:
    """What the add-on says of a mail that was sent, each time something more has happened to it."""
    dot, link = dots(mail)[0], re.findall(rb'href="[^"]+/c/([\w-]+)', mail.content.replace(b"=\r\n", b""))[0].decode()
    file.write_bytes(mail.content)
    said: list[str] = []

    def look() -> None:
        before = said[-1] if said else ""
        program.open(file)
        said.append(eventually(lambda: (tick := program.tick()) not in ("", "Inkdot", before) and tick))

    look()
    time.sleep(TOO_SOON)  # what would load by now must not have
    assert house.timeline(BEN) == []
    for address, agent, count in (
        (f"/o/{dot}.gif", BARRACUDA, 1),
        (f"/o/{dot}.gif", THUNDERBIRD, 2),
        (f"/c/{link}", CHROME, 3),
    ):
        house.get(address, User_Agent=agent)
        house.timeline(BEN, count)
        look()
    heads = f"From: {BEN}\r\nTo: {ADA}\r\nSubject: Re: Marked here\r\nIn-Reply-To: {mail.header('Message-ID')}\r\n"
    box.append("INBOX", "", "", f"{heads}Message-ID: <yes@example.com>\r\n\r\nYes.\r\n".encode())
    house.timeline(BEN, 4)
    look()
    return said


OFFICE = """() => {
  const nothing = { addListener() {}, removeListener() {} };
  window.heard = {}; window.shown = {}; window.answers = {};
  const action = { onClicked: nothing, setLabel: async ({ tabId, label }) => { shown[tabId] = label; }, setTitle: async () => {} };
  window.browser = {
    storage: { local: { get: async () => ({ server: "https://office.example.com", key: "k" }), set: async () => {} } },
    messageDisplay: { onMessageDisplayed: { addListener(tick) { heard.tick = tick; } } },
    messageDisplayAction: action, composeAction: action, tabs: { onRemoved: nothing }, proxy: { onRequest: nothing, settings: { get: async () => {} } },
    compose: { onBeforeSend: nothing, onAfterSend: nothing },
  };
  window.fetch = (url) => new Promise((answer) => {
    answers[decodeURIComponent(url).match(/<(.*)>/)[1]] = (data) => answer(new Response(JSON.stringify({ data })));
  });
}"""
"""Thunderbird and an office that answers when it is told to."""


def test_an_answer_about_the_mail_before_is_not_shown_beside_the_next(chromium: Browser) -> None:
    clients = Path(__file__).parents[2] / "clients"
    report = """{ clicked: %d, opened: {}, opened_between: [0, 0], recipients: 1 }"""
    with chromium.new_context() as context:
        tab = context.new_page()
        tab.evaluate(OFFICE)
        for script in ("shared/office.js", "thunderbird/switch.js", "thunderbird/ticks.js"):
            tab.add_script_tag(path=clients / script)
        tab.evaluate(
            """() => { heard.done = ["first", "second"].map((id) => heard.tick({ id: 1 }, { headerMessageId: id })); }"""
        )
        tab.wait_for_function("Object.keys(answers).length === 2")
        tab.evaluate(f"""async () => {{
          answers.second([{report % 0}]); await heard.done[1];
          answers.first([{report % 1}]); await heard.done[0];
        }}""")
        assert tab.evaluate("shown[1]") == "✓ sent"
