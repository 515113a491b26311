"""What the commands look like on a terminal, and what they say when they are used wrongly."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import BEN, PATIENCE, QUOTE, THUNDERBIRD, Server, eventually, inkdot, inkdot_json


def wide(columns: int, *arguments: str | Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a command on a terminal of so many columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    return inkdot(*arguments).stdout.splitlines()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_timeline_fits_its_terminal_and_breaks_no_word(
    server: Server, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = f"wide-{columns}@example.com"
    copy = server.mark(QUOTE, person)[0]
    server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    server.timeline(person, at_least=1)
    lines = wide(columns, "timeline", person, "--data", server.data, monkeypatch=monkeypatch)
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    assert "A person opened the mail in Thunderbird." in text
    assert "known system Linux, device desktop, client Thunderbird" in text
    assert "unknown location (private address); system version (agent silent)" in text
    assert "why M1: Thunderbird fetched it directly" in text


@pytest.mark.parametrize("columns", [44, 80, 120])
def test_the_report_on_mails_keeps_its_headings_whole(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = tmp_path / "quote.eml"
    mail.write_bytes(QUOTE.replace(b"The quote", b"[/red] Your quote for the new roof [bold]"))
    inkdot("mail", "mark", mail, "--to", BEN, "--out-dir", tmp_path, "--data", tmp_path / "data")
    lines = wide(columns, "report", "mail", "--data", tmp_path / "data", monkeypatch=monkeypatch)
    assert max(map(len, lines)) <= columns
    words = " ".join(lines).split()
    for heading in ("sure", "likely", "perhaps", "machine", "clicked", "answered"):
        assert heading in words
    assert "[/red]" in words  # a subject is text, not markup


def test_the_version_is_told() -> None:
    said = inkdot("--version")
    assert said.stdout.startswith("inkdot ")
    assert said.stdout.strip()[-1].isdigit()


def test_a_mistyped_command_is_answered_with_one_suggestion() -> None:
    said = inkdot("evnts", check=False)
    assert said.returncode == 2
    assert said.stderr.count("Did you mean") == 1


def test_a_folder_that_was_not_there_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "mistyped"
    first = inkdot("events", "--data", missing)
    assert (first.stdout, str(missing) in first.stderr) == ("", True)
    assert inkdot("events", "--data", missing).stderr == ""


@pytest.mark.parametrize(
    ("command", "code", "why"),
    [
        (("import", "absent.csv", "--from", "matomo"), 2, "absent.csv cannot be read: No such file or directory."),
        (("import", __file__, "--from", "nothing"), 2, "'nothing' is no format; the formats are access-log"),
        (("restore", "absent.tar", "--data", "new"), 2, "absent.tar cannot be read: No such file or directory."),
        (("restore", __file__, "--data", "new"), 2, "is not a whole backup; name a file made by 'inkdot backup'."),
        (("backup", "absent/all.tar"), 1, "absent/all.tar (No such file or directory); name a file in a folder"),
        (("geo", "update", "--city", "absent.mmdb"), 1, "(No such file or directory); what was there before stays."),
        (("report", "mail", "--last", "0"), 2, "0 is no count; write a whole number above 0."),
        (("report", "site", "--last", "0"), 2, "0 is no count; write a whole number above 0."),
        (
            ("events", "--data", "/proc/new"),
            1,
            "cannot be written (No such file or directory); choose another with --data.",
        ),
        (("consent", "import", "absent.csv"), 2, "absent.csv cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_be_read_or_written_is_one_sentence_and_makes_nothing(
    command: tuple[str, ...], code: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if command[0] in ("backup", "report"):
        inkdot("events")
    said = inkdot(*command, check=False)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (code, "", 1)
    assert why in said.stderr
    assert "Errno" not in said.stderr
    assert command[0] != "import" or inkdot("site", "list", "--json").stdout == ""
    assert not (tmp_path / "new").exists()


def test_a_backup_holds_keys_so_only_its_owner_can_read_it(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        made = inkdot_json("backup", tmp_path / "all.tar", "--data", tmp_path / "data")
    finally:
        os.umask(old)
    assert Path(made["file"]).stat().st_mode & 0o077 == 0


def test_what_takes_more_than_a_second_shows_a_bar_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    inkdot("events", "--data", data)
    command = [sys.executable, "-m", "inkdot", "rebuild", "--json", "--data", str(data)]
    ours, theirs = pty.openpty()
    said = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # the terminal's end
            while piece := os.read(ours, 4_096):
                said.extend(piece)

    with (data / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else works on the folder
        environment = os.environ | {"TERM": "xterm"}
        shown = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment)
        silent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(theirs)
        reader = threading.Thread(target=read)
        reader.start()
        eventually(lambda: b"Making the event store anew" in said)
    assert shown.communicate(timeout=PATIENCE)[0].startswith(b'{"events_before"')
    assert (silent.communicate(timeout=PATIENCE)[1], shown.returncode, silent.returncode) == (b"", 0, 0)
    reader.join()
    os.close(ours)


def test_shells_complete_commands_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "complete " in inkdot("--show-completion", "bash").stdout
    monkeypatch.setenv("_INKDOT_COMPLETE", "complete_bash")
    for words, found in (("inkdot mail m", "mark"), ("inkdot report ", "leads"), ("inkdot events --k", "--kind")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
        done = subprocess.run([Path(sys.executable).with_name("inkdot")], capture_output=True, text=True, check=True)
        assert found in done.stdout.split()


def test_a_terminal_without_our_letters_shows_what_it_can(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = server.mark(QUOTE.replace(b"The quote", "Grüße".encode()), "jörg@example.com")[0]
    server.get(copy["dots"][0], User_Agent=THUNDERBIRD)
    events = server.timeline("jörg@example.com", at_least=1)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert "* proven" in inkdot("timeline", "jörg@example.com", "--data", server.data).stdout
    said = inkdot("timeline", "jörg@example.com", "--data", server.data, "--json").stdout
    assert said.isascii()
    assert json.loads(said)["events"][0]["id"] == events[0]["id"]


@pytest.mark.parametrize("command", [("report", "mail"), ("events", "--json"), ("--help",)])
def test_output_that_cannot_be_written_is_one_sentence(server: Server, command: tuple[str, ...]) -> None:
    where = ("--data", str(server.data)) if command != ("--help",) else ()
    server.get(server.mark(QUOTE, "written@example.com")[0]["dots"][0], User_Agent=THUNDERBIRD)
    server.timeline("written@example.com", at_least=1)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "inkdot", *command, *where],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_a_closed_output_is_no_error(server: Server) -> None:
    server.mark()
    for command in ("events --json", "report mail", "--version"):
        where = "" if command == "--version" else f" --data {server.data}"
        line = f"{sys.executable} -m inkdot {command}{where} >&-"
        done = subprocess.run(["bash", "-c", line], stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
