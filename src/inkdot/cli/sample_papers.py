"""More sample life for the demonstration: a document that two people read, page by page, and a mail to many."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from inkdot.domain.contact import normal_address
from inkdot.domain.ids import DOCUMENT, MessageId, WorkspaceId, to_word

_PAGES = (
    ("Your new roof", "What we saw on your roof", "What we propose", "What it takes and when"),
    ("What we saw", "Forty tiles are broken on the north side.", "The gutters leak at two corners.", "The frame is sound."),
    ("What we propose", "New tiles of clay, with a layer against the cold.", "New gutters of zinc.", "Ten years of warranty."),
    ("Prices", "Tiles and layer: 14,200", "Gutters: 2,300", "Scaffold: 1,900", "Together: 18,400, valid until the end of the month"),
)  # fmt: skip
_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
_WORKSPACE = WorkspaceId(1)
_MAIL = b"""From: Ada Example <ada@example.com>\r
To: Our readers <readers@example.com>\r
Subject: Autumn: is your roof ready?\r
Message-ID: <autumn@example.com>\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r
\r
<html><body><p>Hello,</p><p>before the first storm: <a href="https://www.example.com/check">book a check</a> of your roof.</p>
<p>Ada</p></body></html>\r
"""
_CAMPAIGN, _MESSAGE = "autumn (sample)", MessageId(8)
_REFUSED = "gone@example.com"
_TO = (
    "ben@example.com",
    "gina@example.com",
    "anna@example.com",
    "dora@example.com",
    "emil@example.com",
    "fay@example.com",
    _REFUSED,
)
_HOUR = 3_600
_TICK = 2.0
"""Seconds from one beat to the next."""


class _Reading(NamedTuple):
    """Who reads, from where, and how long each page."""

    address: str
    network: str
    seconds: tuple[float, ...]


_READINGS = (
    _Reading("ben@example.com", "84.128.4.7", (5, 3, 8, 14)),
    _Reading("dora@example.com", "81.2.69.142", (4, 6)),
)


class Papers:
    """The sample document and those who read it."""

    def __init__(self, data: Path, public: str) -> None:
        from inkdot.app.sharing import Asked, share_terms
        from inkdot.cli.sharing import shared

        file = data.parent / "Offer for a new roof (sample).pdf"
        file.write_bytes(_pdf())
        self._links, terms, name = list[str](), Asked(), str(file)
        for reading in _READINGS:
            asked = share_terms(terms, _WORKSPACE, int(time.time()))
            document, url = shared(name, normal_address(reading.address), asked, data, public)
            self._links.append(url)
            name = to_word(DOCUMENT, document.id)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="sample readers", daemon=True)

    def start(self) -> None:
        """Let them read, one after the other."""
        self._thread.start()

    def stop(self) -> None:
        """They close it."""
        self._stop.set()

    def _read(self) -> None:
        for reading, url in zip(_READINGS, self._links, strict=True):
            session = re.search(rb'data-session="([^"]+)"', self._ask("GET", url, reading))
            began, done = time.monotonic(), [0.0] * len(reading.seconds)
            while session and not self._stop.wait(_TICK):
                told, spent = [], time.monotonic() - began
                for page, (seconds, before) in enumerate(_with_starts(reading.seconds), 1):
                    done[page - 1] = min(seconds, max(0.0, spent - before))
                    if done[page - 1]:
                        told.append([page, done[page - 1], 1, [before]])
                beat = json.dumps({"session": session[1].decode(), "moved": True, "pages": told})
                self._ask("POST", f"{url}/beat", reading, beat)
                if spent > sum(reading.seconds):
                    break

    def _ask(self, method: str, url: str, reading: _Reading, body: str | None = None) -> bytes:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        headers = {
            "User-Agent": _CHROME, "X-Forwarded-For": reading.network, "Accept": "text/html,*/*;q=0.8",
            "Accept-Language": "en-GB,en;q=0.5",
        }  # fmt: skip
        try:
            connection.request(method, parts.path, body, headers)
            return connection.getresponse().read()
        except OSError:  # the server is ending
            self._stop.set()
            return b""
        finally:
            connection.close()


def _with_starts(seconds: tuple[float, ...]) -> Iterator[tuple[float, float]]:
    """How long each page is read, and when that begins."""
    return zip(seconds, itertools.accumulate(seconds, initial=0.0), strict=False)


def send_campaign(data: Path, public: str) -> dict[str, str]:
    """A mail to many that went out an hour ago, all of it pretended: no mail leaves. The dot of each copy, by address."""
    from inkdot.cli.mail import keep_copies, open_mint
    from inkdot.mark.mail import read_mail
    from inkdot.store.campaigns import Campaign, Campaigns

    folder, mint = open_mint(data, public)
    sent = time.time() - _HOUR
    copies = keep_copies(folder, read_mail(_MAIL, mint), [normal_address(one) for one in _TO], _MESSAGE)
    store = Campaigns(folder.control)
    store.begin(_CAMPAIGN, Campaign(_MESSAGE, b"sample", int(sent)), _WORKSPACE)
    rows = [
        (mint.keyring.contact_id(_WORKSPACE, copy.to), "refused", "550 5.1.1 No such mailbox", None)
        if copy.to == _REFUSED
        else (mint.keyring.contact_id(_WORKSPACE, copy.to), "sent", "250 OK", None)
        for copy in copies
    ]
    store.keep_copies(_MESSAGE, rows, sent)
    store.close()
    return {copy.to: copy.dots[0] for copy in copies if copy.dots}


def _pdf() -> bytes:
    """The sample document: a page for each of its headings."""
    count = len(_PAGES)
    tree = 2 * count + 2
    objects = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for heading, *lines in _PAGES:
        text = f"BT /F1 26 Tf 60 740 Td ({heading}) Tj /F1 14 Tf 0 -44 Td 24 TL "
        text += " ".join(f"({line}) Tj T*" for line in (*lines, "", "Sample data of Inkdot's demonstration.")) + " ET"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text.encode()))
    for number in range(count):
        place = f"/Parent {tree} 0 R /MediaBox [0 0 595 842] /Contents {number + 2} 0 R"
        objects.append(f"<< /Type /Page {place} /Resources << /Font << /F1 1 0 R >> >> >>".encode())
    kids = " ".join(f"{count + 2 + number} 0 R" for number in range(count))
    objects += [
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>".encode(),
        f"<< /Type /Catalog /Pages {tree} 0 R >>".encode(),
    ]
    out, places = b"%PDF-1.7\n", list[int]()
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(
        b"%010d 00000 n \n" % at for at in places
    )
    end = f"trailer << /Size {len(objects) + 1} /Root {tree + 1} 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + table + end.encode()
