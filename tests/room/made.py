"""Documents made for the tests, links to them, and a reader's page played by hand."""

from __future__ import annotations

import http.client
import json
import re
import time
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.conftest import BEN, PATIENCE, Server, eventually, inkdot_json

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
WORDS = 203
"""Words on each page of a made document."""


def pdf(path: Path, pages: int, title: str = "offer", size: tuple[int, int] = (595, 842)) -> Path:
    """A PDF of text pages: a heading and 25 lines of eight words."""
    objects = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    tree = 2 * pages + 2
    for number in range(1, pages + 1):
        lines = [f"line {n} is here for the reader {title}" for n in range(25)]
        text = f"BT /F1 20 Tf 60 {size[1] - 62} Td ({title} page {number}) Tj /F1 11 Tf 0 -30 Td 14 TL "
        text += " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text.encode()))
    for number in range(pages):
        place = f"/Parent {tree} 0 R /MediaBox [0 0 {size[0]} {size[1]}] /Contents {number + 2} 0 R"
        objects.append(f"<< /Type /Page {place} /Resources << /Font << /F1 1 0 R >> >> >>".encode())
    kids = " ".join(f"{pages + 2 + n} 0 R" for n in range(pages))
    objects += [
        f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>".encode(),
        f"<< /Type /Catalog /Pages {tree} 0 R >>".encode(),
    ]
    out, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(
        b"%010d 00000 n \n" % p for p in places
    )
    end = f"trailer << /Size {len(objects) + 1} /Root {tree + 1} 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    path.write_bytes(out + table + end.encode())
    return path


def share(server: Server, file: Path | str, *options: str, to: str = BEN) -> dict[str, str]:
    """A link, by the command line."""
    where = ("--data", server.data, "--public-url", server.public)
    return dict(inkdot_json("doc", "share", file, "--to", to, *options, *where))


def report(server: Server, document: str, *options: str, seconds: float = 0) -> dict[str, Any]:
    """What was read, once it is `seconds` in all: what is acknowledged is understood a moment later."""

    def asked() -> dict[str, Any] | None:
        told = dict(inkdot_json("doc", "report", document, *options, "--data", server.data))
        return told if sum(v["seconds"] for v in told["visits"]) >= seconds - 0.01 else None

    return dict(eventually(asked))


class Browser:
    """Asks for addresses and keeps cookies, as a browser does."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self.headers = {"User-Agent": CHROME, **{k.replace("_", "-"): v for k, v in headers.items()}}
        self.cookies: dict[tuple[str, str], str] = {}
        self.page = ""

    def ask(
        self, path: str = "", method: str = "GET", body: str | bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; `path` is relative to the document."""
        parts = urlsplit(self.url)
        target = path if path.startswith("/") else parts.path + (f"/{path}" if path else "")
        jar = [f"{n}={v}" for (where, n), v in self.cookies.items() if target.partition("?")[0].startswith(where)]
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        try:
            connection.request(method, target, body, self.headers | ({"Cookie": "; ".join(jar)} if jar else {}))
            response = connection.getresponse()
            content = response.read()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    for morsel in SimpleCookie(value).values():
                        self.cookies[morsel["path"], morsel.key] = morsel.value
                        if morsel["max-age"] == "0":
                            del self.cookies[morsel["path"], morsel.key]
            return response.status, {k.lower(): v for k, v in response.getheaders()}, content
        finally:
            connection.close()

    def open(self) -> str:
        """The page of the document, or what stands in its way."""
        self.page = self.ask()[2].decode()
        return self.page

    def send(self, path: str, **fields: str) -> int:
        """A form."""
        return self.ask(path, "POST", urlencode(fields))[0]

    @property
    def session(self) -> str:
        """The session that the page's script was given."""
        found = re.search(r'data-session="([^"]+)"', self.page)
        assert found, self.page
        return found[1]

    def beat(self, *pages: list[Any], session: str | None = None, moved: bool = False) -> tuple[int, bytes]:
        """A beat of the page's script: [page, seconds, visits, [times]]."""
        body = json.dumps({"session": session or self.session, "moved": moved, "pages": pages})
        status, _, content = self.ask("beat", "POST", body)
        return status, content

    def stay(self, seconds: float) -> None:
        """Let the server's clock go on: what is measured cannot be longer than the visit."""
        time.sleep(seconds)
