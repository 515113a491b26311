"""The demonstration: a sample mail, simulated readers, and what Inkdot makes of them."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rich.console import Console

from inkdot.app.supervisor import end_with_parent
from inkdot.cli.browser import show_page
from inkdot.cli.options import answers
from inkdot.cli.sample import DOMAIN, WORKSPACE, Visitors
from inkdot.cli.sample_papers import Papers, send_campaign
from inkdot.cli.screen import print_mail_report, print_timeline
from inkdot.cli.throw_away import throw_away
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import Failure
from inkdot.domain.ids import MessageId
from inkdot.mark.mail import Copy

_SAMPLE = b"""From: Ada Example <ada@example.com>\r
To: You <you@example.com>\r
Subject: Your quote for the new roof\r
Message-ID: <quote-1@example.com>\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r
\r
<html><body><p>Hello,</p><p>here is <a href="https://www.example.com/quote?id=7&amp;v=2">your quote</a>\r
and <a href="https://www.example.com/photos">some photos</a>.</p><p>Ada</p></body></html>\r
"""


class _Reader(NamedTuple):
    address: str
    story: str
    agent: str
    network: str
    opens: bool
    clicks: int
    headers: tuple[tuple[str, str], ...] = ()
    browser: str | None = None
    """What opens the links, if not the same program."""


_BROWSER = (("Accept", "text/html,*/*;q=0.8"), ("Accept-Language", "en-GB,en;q=0.5"), ("Sec-Fetch-Mode", "navigate"))
_READERS = (
    _Reader("ben@example.com", "Ben reads in Thunderbird, then clicks",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0", "84.128.4.7", opens=True, clicks=1,
            headers=_BROWSER, browser="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    _Reader("gina@example.com", "Gina reads in Gmail: Google's proxy fetches for her",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "66.249.84.12",
            opens=True, clicks=0),
    _Reader("anna@example.com", "Anna has an iPhone: Apple's proxy fetches, whether she reads or not",
            "Mozilla/5.0", "104.28.79.5", opens=True, clicks=0),
    _Reader("carl@example.com", "Carl's company scans every link before he sees the mail",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/117.0.0.0 Safari/537.36",
            "104.47.55.10", opens=True, clicks=2),
    _Reader("dora@example.com", "Dora blocks images, but clicks",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0", "81.2.69.142",
            opens=False, clicks=1, headers=_BROWSER),
)  # fmt: skip


def show(port: int, *, stay: bool, open_page: bool | None) -> int:
    """Run the demonstration; returns the exit code."""
    console = Console(stderr=True)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)  # whoever ends the demonstration ends it as Ctrl-C does
    with contextlib.suppress(KeyboardInterrupt), throw_away("inkdot-demo-") as (folder, held):
        data = folder / "data"
        # The simulated readers sit behind a pretended proxy, so that each can come from a network of its own.
        command = [sys.executable, "-m", "inkdot", "serve", "--data", str(data), "--public-port", str(port)]
        command += ["--office-port", "0", "--trusted-proxies", "127.0.0.1/32", "--no-setup-link"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, pass_fds=[held], preexec_fn=end_with_parent,  # noqa: PLW1509 - as there
        ) as server:  # fmt: skip
            visitors = papers = None
            try:
                public, office = _ready(server)
                visitors = _sample_site(data, public)
                papers = Papers(data, public)
                papers.start()
                _tell(console, data, public)
                _open_campaign(send_campaign(data, public))
                console.print(_own_tries(data, public), soft_wrap=True)  # addresses and commands are copied
                dashboard = _dashboard(data, office)
                console.print(
                    f"The dashboard, living (any name and password will do):\n  [bold]{dashboard}[/bold]\n",
                    soft_wrap=True,
                )
                if stay:
                    show_page(dashboard, open_page)
                    visitors.start((data / "sample").exists)
                    console.print("Ctrl-C ends the demonstration and deletes its folder with all sample data.")
                    server.wait()
                    raise Failure("The demonstration's server ended; its reason is above.")
            except KeyboardInterrupt:
                console.print("Ending.")
            finally:
                for living in (visitors, papers):
                    if living:
                        living.stop()
                server.terminate()
                server.wait()
    return 0


def _ready(server: subprocess.Popen[str]) -> tuple[str, str]:
    """Where the street and the office answer."""
    assert server.stdout
    line = server.stdout.readline()
    if not line.startswith("ready "):
        raise Failure("The demonstration's server did not start; its reason is above.")
    words = dict(word.split("=", 1) for word in line.split()[1:])
    return words["public"], words["office"]


def _sample_site(data: Path, public: str) -> Visitors:
    """A website with visits that have been."""
    from inkdot.cli.site import made

    visitors = Visitors(public, made(DOMAIN, data, public)["key"])
    visitors.come(18)
    return visitors


def _dashboard(data: Path, office: str) -> str:
    """Where all is seen in a browser."""
    from inkdot.app.accounts import setup_address
    from inkdot.app.folder import Folder
    from inkdot.app.sample import declare

    folder = Folder(data)
    declare(folder, WORKSPACE)
    return setup_address(folder, office) or office


def _tell(console: Console, data: Path, public: str) -> None:
    copies = _mark(data, public)
    for reader in _READERS:
        console.rule(f"[bold]{reader.story}[/bold]")
        copy = next(c for c in copies if c.to == reader.address)
        for url in _fetches(reader, copy):
            _fetch(url, reader, reader.agent if url in copy.dots else reader.browser or reader.agent)
        _show_when_understood(data, reader)
    console.rule("[bold]What Ada sees[/bold]")
    print_mail_report(next(answers(data, "report_mail", {"since": "1d"})))


def _open_campaign(dots: Mapping[str, str]) -> None:
    """Who reads the first mail opens the second one, too."""
    for reader in _READERS:
        if reader.opens and reader.address in dots:
            _fetch(dots[reader.address], reader, reader.agent)


def _mark(data: Path, public: str) -> list[Copy]:
    from inkdot.cli.mail import keep_copies, open_mint
    from inkdot.mark.mail import read_mail

    folder, mint = open_mint(data, public)
    recipients = [normal_address(r.address) for r in _READERS] + [normal_address("you@example.com")]
    return keep_copies(folder, read_mail(_SAMPLE, mint), recipients, MessageId(7))


def _fetches(reader: _Reader, copy: Copy) -> list[str]:
    dots = list(copy.dots) if reader.opens else []
    return dots + [link.url for link in copy.links[: reader.clicks]]


def _fetch(url: str, reader: _Reader, agent: str) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"User-Agent": agent, "X-Forwarded-For": reader.network, "Accept": "*/*"} | dict(reader.headers)
    connection.request("GET", parts.path, headers=headers)
    connection.getresponse().read()
    connection.close()


def _show_when_understood(data: Path, reader: _Reader) -> None:
    expected = 2 * reader.opens + reader.clicks
    deadline = time.monotonic() + 10
    while True:
        answer = next(answers(data, "timeline", {"person": reader.address}))
        if len(answer["events"]) >= expected or time.monotonic() > deadline:
            print_timeline(answer)
            return
        time.sleep(0.05)


def _own_tries(data: Path, public: str) -> str:
    mail = data.parent / "sample.eml"
    mail.write_bytes(_SAMPLE)
    here = shutil.which("inkdot", path=str(Path(sys.executable).parent)) or "inkdot"
    inkdot = "inkdot" if shutil.which("inkdot") == here else here  # after `make demo` no shell knows it yet
    return (
        f"\nNow try it yourself, in another terminal (the street door is {public}):\n"
        f"  {inkdot} mail mark {mail} --to you@example.com --out-dir {data.parent}/out --data {data}\n"
        "  open the copy in a mail program or a browser with remote images allowed, click a link, then\n"
        f"  {inkdot} timeline you@example.com --data {data}\n"
        f"  {inkdot} events --follow --data {data}\n"
    )
