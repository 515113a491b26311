"""The mail door under load: postfix's smtp-source sends, a sink takes; every 250 must arrive, and memory must stay flat.

    python bench/relay.py [MAILS]     10,000 by default

Mails are 30 kB of HTML with 20 links, 20 sessions at a time. Then one mail with a 25 MB attachment to four recipients.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import eventually
from tests.relay.mail_door import MailDoor, page
from tests.relay.sink import Sink

MAILS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SENDER = "ada@example.com"


class Counting(Sink):
    """Keeps no mails, only how many there were and whether they were marked."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.marked = 0
        self.turn = threading.Lock()
        self.got = self  # type: ignore[assignment]

    def append(self, mail) -> None:
        with self.turn:
            self.count += 1
            self.marked += b"/o/" in mail.content


def memory(pid: int, what: str = "VmRSS") -> float:
    """MB."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def load(door: MailDoor, sink: Counting) -> None:
    links = "".join(f"<p>{'word ' * 280}<a href='https://www.example.com/{n}'>x</a></p>\r\n" for n in range(20))
    mail = Path(door.data.parent / "mail")
    mail.write_bytes(page("Load", links).replace(b"\r\n", b"\n"))
    pid = door.server.children()["relay"]
    seen = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            seen.append((sink.count, memory(pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    host, _, port = door.address.rpartition(":")
    begun = time.monotonic()
    subprocess.run(
        [
            "smtp-source",
            "-s",
            "20",
            "-m",
            str(MAILS),
            "-f",
            SENDER,
            "-t",
            "ben@example.com",
            "-F",
            str(mail),
            f"{host}:{port}",
        ],
        check=True,
    )
    accepted = time.monotonic() - begun
    eventually(lambda: sink.count >= MAILS, 600)
    delivered = time.monotonic() - begun
    stop.set()
    watcher.join()
    assert (sink.count, sink.marked) == (MAILS, MAILS)
    quarter = next(m for c, m in seen if c > MAILS / 4)
    print(f"{MAILS} mails of {mail.stat().st_size // 1000} kB, 20 links, 20 sessions")
    print(f"accepted durably  {MAILS / accepted:.0f}/s")
    print(f"delivered, marked {MAILS / delivered:.0f}/s")
    print(f"memory after a quarter {quarter:.0f} MB, at the end {seen[-1][1]:.0f} MB")


def large(door: MailDoor, sink: Counting) -> None:
    attachment = base64.encodebytes(os.urandom(25_000_000)).replace(b"\n", b"\r\n")
    head = (
        f"From: {SENDER}\r\nTo: ben@example.com\r\nSubject: Large\r\nMessage-ID: <large@example.com>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n'
        "<html><body><a href='https://www.example.com/'>x</a></body></html>\r\n--b\r\nContent-Type: application/pdf\r\n"
        "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n"
    )
    content = head.encode() + attachment + b"--b--\r\n"
    pid = door.server.children()["relay"]
    before, count = memory(pid), sink.count
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the highest memory so far
    with door.client().hello() as client:
        begun = time.monotonic()
        assert client.mail(content, *(f"r{n}@example.com" for n in range(4))).startswith("250")
        taken = time.monotonic() - begun
    eventually(lambda: sink.count == count + 4, 120)
    print(f"a mail of {len(content) / 1e6:.1f} MB to 4 recipients: accepted in {taken:.2f} s, delivered in "
          f"{time.monotonic() - begun:.2f} s; memory {before:.0f} -> at the most {memory(pid, 'VmHWM'):.0f} MB")  # fmt: skip


if __name__ == "__main__":
    with Counting() as sink, tempfile.TemporaryDirectory(prefix="inkdot-bench-") as name:
        door = MailDoor(Path(name), sink, relay_networks="127.0.0.1/32", relay_max_bytes=60_000_000)
        load(door, sink)
        large(door, sink)
        door.stop()
