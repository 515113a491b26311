"""Milliseconds to mark a mail: an ordinary one and a newsletter of 500 links."""

from __future__ import annotations

import os
import statistics
import time

from inkdot.domain.contact import Address
from inkdot.domain.ids import MessageId
from inkdot.domain.token import Keyring
from inkdot.mark.mail import read_mail
from inkdot.mark.mint import Mint

HEAD = b"From: ada@example.com\r\nSubject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>"


def mail(links: int, size: int) -> bytes:
    link = b'<p><a href="https://www.example.com/page/%d?a=1&amp;b=2">more</a></p>\r\n'
    body = b"".join(link % n for n in range(links))
    return (
        HEAD + body + b"<p>Some words of an ordinary mail.</p>\r\n" * ((size - len(body)) // 40) + b"</body></html>\r\n"
    )


def main() -> None:
    mint = Mint("https://t.example.com", Keyring.fresh(os.urandom))
    for name, source in (
        ("ordinary, 30 kB, 20 links", mail(20, 30_000)),
        ("newsletter, 80 kB, 500 links", mail(500, 80_000)),
    ):
        spent = []
        for _ in range(30):
            begun = time.perf_counter()
            copy = read_mail(source, mint).copy_for(Address("ben@example.com"), MessageId(1), 1)
            spent.append((time.perf_counter() - begun) * 1_000)
            assert copy.left_alone is None
        print(f"mark {name}: {statistics.median(spent):.2f} ms")


if __name__ == "__main__":
    main()
