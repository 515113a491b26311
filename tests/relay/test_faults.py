"""No mail is lost: kills at any moment, a full disk, a stopping server. 250 means on disk, and our trouble is never a 5xx."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import smtplib
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ADA, BEN, PATIENCE, eventually, inkdot, traced
from tests.relay.mail_door import CLEO, MailDoor, page
from tests.relay.sink import BadLine, Sink


class Senders:
    """Sends numbered mails and notes which were answered with 250."""

    def __init__(self, door: MailDoor, count: int = 3) -> None:
        self.kept: list[str] = []
        self.strange: list[str] = []
        self._door, self._stop = door, threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,), daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def _send(self, sender: int) -> None:
        number = 0
        host, _, port = self._door.address.rpartition(":")
        while not self._stop.is_set():
            try:
                with smtplib.SMTP(host, int(port), timeout=PATIENCE) as client:
                    client.login(self._door.user, self._door.password)
                    while not self._stop.is_set():
                        number += 1
                        name = f"kill-{sender}-{number}"
                        client.sendmail(ADA, [BEN, CLEO], page(name))
                        self.kept.append(name)
            except smtplib.SMTPResponseException as error:
                if not 400 <= error.smtp_code < 500 and error.smtp_code > 0:
                    self.strange.append(repr(error))
            except (OSError, smtplib.SMTPException):
                self._stop.wait(0.02)

    def stop(self) -> list[str]:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.kept


def test_ten_kills_of_the_relay_lose_no_mail_and_repeat_at_most_what_was_on_its_way(tmp_path: Path) -> None:
    chance = random.Random(2026)
    kills = 10
    with Sink(delay=0.002) as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1)
        senders = Senders(door)
        for _ in range(kills):
            before = len(senders.kept)
            eventually(lambda before=before: len(senders.kept) > before + chance.randrange(3, 20))  # type: ignore[misc]
            os.kill(door.server.children()["relay"], signal.SIGKILL)
        kept = senders.stop()
        assert senders.strange == []
        eventually(lambda: "relay" in door.server.children() and not door.queue())
        for recipient in (BEN, CLEO):
            mails = sink.mails_to(recipient)
            count = Counter(mail.header("Subject") for mail in mails)
            assert [name for name in kept if not count[name]] == []
            # Four threads deliver: a kill can repeat what each of them had on its way, and no mail more than once per kill.
            assert sum(count.values()) - len(count) <= 4 * kills
            contents: dict[str | None, set[bytes]] = {}
            for mail in mails:
                contents.setdefault(mail.header("Subject"), set()).add(mail.content)
            assert all(len(different) == 1 for different in contents.values())
        door.stop()


def test_a_kill_after_the_upstreams_250_gives_one_duplicate_with_the_same_bytes(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, retry_seconds=1)

        def kill() -> None:
            sink.before_250 = None
            os.kill(door.server.children()["relay"], signal.SIGKILL)

        sink.before_250 = kill
        assert door.send(page("Once or twice"), BEN, CLEO).startswith("250")
        first, second = door.delivered(BEN, 2)
        assert first.content == second.content
        assert first.header("Message-ID") == second.header("Message-ID")
        assert door.delivered(CLEO)
        eventually(lambda: not door.queue())
        assert (len(sink.mails_to(BEN)), len(sink.mails_to(CLEO))) == (2, 1)
        door.stop()


def test_a_line_to_the_upstream_that_breaks_anywhere_loses_no_mail_and_repeats_none_but_the_same(
    tmp_path: Path,
) -> None:
    with Sink() as sink, BadLine(sink.port, *range(0, 2_000, 160)) as line:
        upstream = f"smtp://127.0.0.1:{line.port}?tls=off"
        door = MailDoor(tmp_path, sink, upstream=upstream, retry_seconds=1, relay_ask_upstream="no")
        assert door.send(page("Through thick and thin"), BEN, CLEO).startswith("250")

        def arrived() -> bool:
            inkdot("mail", "queue", "retry", "--all", "--data", door.data)  # else it waits longer after each try
            return not door.queue()

        eventually(arrived)
        for recipient in (BEN, CLEO):
            first, *again = sink.mails_to(recipient)
            assert {mail.content for mail in again} <= {first.content}
            assert len(again) <= 1
        assert [row["state"] for row in door.log()] == ["sent", "sent"]
        door.stop()


def test_the_250_leaves_only_after_mail_and_name_are_synced(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no")
        sink.down()
        trace = tmp_path / "trace"
        relay = door.server.children()["relay"]
        calls = "trace=write,sendto,fsync,rename"
        tracer = subprocess.Popen(["strace", "-f", "-q", "-s", "40", "-e", calls, "-o", str(trace), "-p", str(relay)])
        eventually(lambda: traced(relay))
        with door.logged_in() as client:
            for number in range(5):
                assert client.mail(page(f"Traced {number}"), BEN).startswith("250 2.0.0 Kept")
        tracer.terminate()
        tracer.wait()
        door.stop()
    steps = {
        r'write\(\d+, "\{\\"message\\"': "written", r'rename\("[^"]*\.part", "[^"]*\.mail"': "named", r'"250 2\.0\.0 Kept': "answered",
    }  # fmt: skip
    lines = trace.read_text().splitlines()
    # The courier's threads sync notes of their own tries in between.
    couriers = {line.split()[0] for line in lines if '"\\n{' in line}
    order, opened = [], 0
    for line in lines:
        if line.split()[0] in couriers:
            continue
        found = next((word for pattern, word in steps.items() if re.search(pattern, line)), None)
        if found:
            order.append(found)
            opened = 2 if found == "written" else opened
        elif opened and re.search(r"fsync(\(\d+\)| resumed>\))\s+= 0", line):
            order.append("synced")
            opened -= 1
    assert order == ["written", "synced", "named", "synced", "answered"] * 5


@pytest.mark.parametrize(
    "fault",
    ["fsync:error=EIO:when=1", "fsync:error=EIO:when=2", "rename:error=EIO:when=1", "write:error=ENOSPC:when=1"],
    ids=["its sync", "the sync of its name", "its name", "its bytes"],
)
def test_a_call_that_fails_while_a_mail_comes_in_keeps_nothing_and_says_so(tmp_path: Path, fault: str) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink, relay_ask_upstream="no")
        relay = door.server.children()["relay"]
        tracer = subprocess.Popen(["strace", "-f", "-q", "-o", "/dev/null", "-e", f"inject={fault}", "-p", str(relay)])
        eventually(lambda: traced(relay))
        with door.logged_in() as client:
            assert client.mail(page("Not kept"), BEN).startswith("452 4.3.1")
            assert list((door.data / "spool").iterdir()) == []
            # strace counts for each thread apart, so another one may have its failing sync still before it.
            assert eventually(lambda: client.mail(page("Kept"), BEN).startswith("250"))
        assert door.delivered()[0].header("Subject") == "Kept"
        tracer.terminate()
        tracer.wait()
        door.stop()


def test_a_full_disk_is_a_temporary_trouble_and_nothing_of_the_mail_is_kept(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(disk)], check=False).returncode:
        pytest.fail("this test mounts a small tmpfs and needs to be root")
    try:
        with Sink() as sink:
            door = MailDoor(disk, sink, retry_seconds=1)
            assert door.send(page("Before")).startswith("250")
            door.delivered()
            ballast = disk / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 14))
            large = page("Too much for this disk", "x" * 60 + "<p>\r\n" * 40_000)
            replies = [door.send(large) for _ in range(5)]
            assert {reply[:9] for reply in replies} == {"452 4.3.1"}
            assert "nothing was kept, so try again later" in replies[0]
            assert list((door.data / "spool").glob("*.part")) == []
            ballast.unlink()
            assert door.send(page("After")).startswith("250")
            assert {m.header("Subject") for m in door.delivered(BEN, 2)} == {"Before", "After"}
            door.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_an_unwritable_spool_is_a_temporary_trouble(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        spool = door.data / "spool"
        spool.rename(door.data / "elsewhere")
        spool.write_bytes(b"")
        with door.logged_in() as client:
            client.say(f"MAIL FROM:<{ADA}>")
            client.say(f"RCPT TO:<{BEN}>")
            assert client.say("DATA").startswith("452 4.3.1")
        spool.unlink()
        (door.data / "elsewhere").rename(spool)
        assert door.send(page("Again")).startswith("250")
        assert door.delivered()
        door.stop()


def test_a_stopping_server_says_421_and_finishes_what_it_is_hearing(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        idle = door.logged_in()
        busy = door.logged_in()
        for line in (f"MAIL FROM:<{ADA}>", f"RCPT TO:<{BEN}>", "DATA"):
            busy.say(line)
        busy.send(b"Subject: last words\r\n")
        os.kill(door.server.children()["relay"], signal.SIGTERM)
        assert idle.reply().startswith("421 4.3.2 This server is stopping")
        busy.send(b"\r\nStill heard.\r\n.\r\n")
        assert busy.reply().startswith("250 2.0.0 Kept")
        assert door.delivered()[0].content.endswith(b"Still heard.\r\n")
        for client in (idle, busy):
            client.socket.close()
        door.stop()


def test_mails_taken_before_a_crash_of_the_whole_tree_are_delivered_after_it(tmp_path: Path) -> None:
    with Sink() as sink:
        door = MailDoor(tmp_path, sink)
        sink.down()
        for number in range(5):
            assert door.send(page(f"Survivor {number}")).startswith("250")
        os.kill(door.server.process.pid, signal.SIGKILL)
        door.server.process.wait()
        eventually(lambda: not door.server.children())
        (door.data / "spool" / "half.part").write_bytes(b"{}")
        door.server.stop()
        sink.up()
        door.start()
        assert {m.header("Subject") for m in door.delivered(BEN, 5)} == {f"Survivor {n}" for n in range(5)}
        eventually(lambda: not list((door.data / "spool").iterdir()))
        door.stop()
