"""The office among many events: answers, pages, from ping to screen, fifty live feeds, and what dots notice of page readers.

python -m bench.office                5 million events
python -m bench.office 200000         a short form
python -m bench.office 5000000 DIR    in a folder that bench.world made, or makes now, and that stays
"""

from __future__ import annotations

import http.client
import itertools
import json
import multiprocessing
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from bench.world import DOCUMENT, DOMAIN, HERE, OWNER, PASSWORD, SITE, made
from inkdot.app.accounts import opened
from inkdot.app.folder import Folder
from inkdot.client import Client
from inkdot.domain.ids import DOCUMENT as DOCUMENT_WORD
from inkdot.domain.ids import SITE as SITE_WORD
from inkdot.domain.ids import to_word
from inkdot.show.keys import fresh_key

_FORK = multiprocessing.get_context("fork")
FEEDS, PINGS, SECONDS = 50, 100, 12.0
TIMES = 20
ROUNDS = 3
ANSWERS = (
    "/me", "/events?limit=100", "/events?kind=click&since=7d", "/events?last=100", "/events?person={person}", "/events/{event}",
    "/corrections", "/messages?limit=50", "/messages?since=all", "/messages/{message}", "/people", "/people?search=99", "/people/{person}",
    "/people/{person}/timeline", "/people/{person}/identities", "/people/{person}/consent", "/people/{person}/export", "/documents",
    "/documents/{document}", "/documents/{document}/report", "/sites", "/sites/{site}", "/sites/{site}/report", "/sites/{site}/searches",
    "/leads", "/leads?known=true&limit=500", "/triggers", "/triggers/{trigger}", "/audiences", "/audiences/{audience}",
    "/audiences/{audience}/members", "/webhooks", "/webhooks/{webhook}", "/deliveries", "/health",
)  # fmt: skip
PAGES = (
    "/", "/?since=7d", "/?since=all", "/feed", "/people", "/people?since=all", "/people?q=p99", "/people?format=csv", "/people/{person}",
    "/unopened", "/unopened?since=all", "/events/{event}", "/mails", "/mails?since=all", "/mails?sort=-opened_between&page=2",
    "/mails/{message}", "/campaigns", "/documents", "/documents/{document}", "/sites", "/sites/{domain}", "/sites/{domain}?since=1d",
    "/sites/{domain}?since=all", "/leads", "/leads?since=all", "/triggers", "/audiences", "/audiences/{name}", "/webhooks", "/health",
    "/team", "/me", "/views", "/welcome", "/audit", "/settings",
)  # fmt: skip
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0"
MAIL = b"From: ada@example.com\r\nTo: ben@example.com\r\nSubject: Bench\r\nContent-Type: text/html\r\n\r\n<html><body><p>Hello</p></body></html>\r\n"


def p95(values: list[float]) -> float:
    return sorted(values)[max(0, round(len(values) * 0.95) - 1)]


def asked(office: str, headers: dict[str, str], path: str, times: int) -> list[float]:
    """Milliseconds of each request, warm."""
    parts = urlsplit(office)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    spent = []
    for n in range(times + 1):
        begun = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        if n:
            spent.append((time.perf_counter() - begun) * 1_000)
    connection.close()
    return spent


def signed_in(office: str) -> dict[str, str]:
    """What a browser sends after signing in."""
    parts = urlsplit(office)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    form = urlencode({"address": OWNER, "password": PASSWORD})
    headers = {"Origin": office, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", form, headers)
    response = connection.getresponse()
    assert response.status == 303, response.read()
    return {"Cookie": str(response.headers["Set-Cookie"]).partition(";")[0]}


def cpu_of(task: str) -> float:
    """Seconds of a process, or of one of its threads."""
    fields = Path(f"/proc/{task}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def office_pid(parent: int) -> int:
    for entry in Path("/proc").iterdir():
        try:
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent and b"inkdot.app.office" in (
                entry / "cmdline"
            ).read_bytes().split(b"\0"):
                return int(entry.name)
        except (ValueError, OSError):
            continue
    raise AssertionError("no office")


def ping(public: str, dots: list[str], seconds: float, sent: dict[str, float]) -> list[float]:
    """So many a second, each of another reader; milliseconds until each was answered."""
    spent: list[float] = []
    parts = urlsplit(public)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    begun, n = time.perf_counter(), 0
    while (late := time.perf_counter() - begun) < seconds:
        if n / PINGS > late:
            time.sleep(n / PINGS - late)
        agent = f"{AGENT} {n}"
        sent[agent] = time.perf_counter()
        connection.request(
            "GET",
            dots[n % len(dots)],
            headers={"User-Agent": agent, "X-Forwarded-For": f"198.51.{n // 250 % 250}.{n % 250 + 1}"},
        )
        connection.getresponse().read()
        spent.append((time.perf_counter() - sent[agent]) * 1_000)
        n += 1
    connection.close()
    return spent


def leaf(office: str, session: dict[str, str], pages: list[str]) -> None:
    """Go from page to page without a pause, until told to end. What readers' own machines do costs dots nothing."""
    os.nice(19)
    for n in itertools.count():
        asked(office, session, pages[n % len(pages)], 1)


def street_beside(office: str, public: str, key: str) -> dict[str, float]:
    """How long dots take while nobody and while two people go through the heaviest pages, by turns."""
    inkdot, session = Client(office, key), signed_in(office)
    things = things_of(inkdot)
    pages = [
        path.format(**things) for path in ("/", "/leads", "/mails", "/documents/{document}", "/people", "/?since=all")
    ]
    dots = [
        urlsplit(c["dots"][0]).path for c in inkdot.mark(MAIL, to=[f"b{n}@example.com" for n in range(100)])["copies"]
    ]
    spent: dict[str, list[float]] = {"alone": [], "beside": []}
    for _ in range(ROUNDS):
        spent["alone"] += ping(public, dots, SECONDS / 3, {})
        readers = [_FORK.Process(target=leaf, args=(office, session, pages), daemon=True) for _ in range(2)]
        for reader in readers:
            reader.start()
        spent["beside"] += ping(public, dots, SECONDS / 3, {})
        for reader in readers:
            reader.terminate()
            reader.join()
    at = {name: sorted(values)[round(len(values) * 0.99) - 1] for name, values in spent.items()}
    return {f"street_p99_{name}_ms": round(value, 2) for name, value in at.items()}


def home_beside(office: str, public: str, key: str) -> dict[str, float]:
    """Home while dots come in all the time: nothing that was worked out before may be shown again."""
    copies = Client(office, key).mark(MAIL, to=[f"h{n}@example.com" for n in range(100)])["copies"]
    pinging = threading.Thread(target=ping, args=(public, [urlsplit(c["dots"][0]).path for c in copies], SECONDS, {}))
    pinging.start()
    spent = asked(office, signed_in(office), "/", TIMES)
    pinging.join()
    return {
        f"home_at_{PINGS}_pings_p95_ms": round(p95(spent), 1),
        f"home_at_{PINGS}_pings_median_ms": round(statistics.median(spent), 1),
    }


class Feeds:
    """Browsers that watch, in a process of their own so that they do not slow each other."""

    def __init__(self, office: str, key: str, count: int) -> None:
        parts = urlsplit(office)
        self.sockets = []
        for _ in range(count):
            s = socket.create_connection((parts.hostname or "", parts.port or 80))
            s.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            self.sockets.append(s)
        self.bytes = 0
        self.stop = False
        self.seen: dict[str, float] = {}
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        chosen = selectors.DefaultSelector()
        for n, s in enumerate(self.sockets):
            s.setblocking(False)
            chosen.register(s, selectors.EVENT_READ, n)
        rest = b""
        while not self.stop:
            for key, _ in chosen.select(0.1):
                data = key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                self.bytes += len(data)
                if key.data == 0:
                    now = time.perf_counter()
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        if line.startswith(b"data: {") and b'"raw"' in line:
                            self.seen.setdefault(json.loads(line[6:])["raw"]["agent"], now)

    def close(self) -> None:
        self.stop = True
        self.thread.join()
        for s in self.sockets:
            s.close()


def measured(count: int, kept: Path | None) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="inkdot-bench-office-") as name:
        root = kept or Path(name) / "data"
        root.mkdir(exist_ok=True)
        folder = Folder(root) if folder_is_made(root) else made(root, count)
        with opened(folder) as accounts:
            _, key = fresh_key(accounts, HERE, "bench", ["read", "send", "manage", "privacy"], None)
        command = [sys.executable, "-m", "inkdot", "serve", "--data", str(root), "--public-port", "0", "--office-port", "0",
                   "--trusted-proxies", "127.0.0.1/32"]  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert server.stdout
            words = dict(word.split("=", 1) for word in server.stdout.readline().split()[1:])
            found: dict[str, object] = {"events": count}
            found |= answers_and_pages(words["office"], key)
            found |= home_beside(words["office"], words["public"], key)
            found |= street_beside(words["office"], words["public"], key)
            found |= feeds(words["office"], words["public"], key, office_pid(server.pid))
        finally:
            server.terminate()
            server.wait(30)
            if server.stdout:
                server.stdout.close()
        return found


def folder_is_made(root: Path) -> bool:
    return (root / "inkdot.toml").exists()


def answers_and_pages(office: str, key: str) -> dict[str, float]:
    """How long every address of the API and every page take that read, milliseconds."""
    inkdot = Client(office, key)
    things = things_of(inkdot)
    by_key, session = {"Authorization": f"Bearer {key}"}, signed_in(office)
    found = {}
    for kind, headers, paths in (("api", by_key, [f"/api/v1{path}" for path in ANSWERS]), ("page", session, PAGES)):
        for path in paths:
            spent = asked(office, headers, path.format(**things), TIMES)
            found[f"{kind} {path}"] = round(p95(spent), 1)
            print(f"{kind:5}{path:70}{statistics.median(spent):8.0f}{p95(spent):8.0f}", flush=True)
    return found


def things_of(inkdot: Client) -> dict[str, str]:
    """A name for each word in an address; made where there is none yet."""
    event = next(e for e in inkdot.latest(200, "click") if e["message"] and e["person"])
    rule = '{"name": "bench", "when": {"kind": "click", "count": 2, "within": "7d"}, "actions": [{"do": "tag", "add": "warm"}]}'
    trigger = inkdot.keep_trigger(rule)
    hook = next(iter(inkdot.webhooks()), None) or inkdot.add_webhook("https://hooks.example/bench")
    audience = inkdot.keep_audience("bench", '{"when": {"kind": "click", "within": "30d"}}')
    return {
        "event": event["id"], "message": event["message"] or "", "person": quote(event["person"] or ""), "trigger": trigger["trigger"],
        "webhook": hook["webhook"], "document": to_word(DOCUMENT_WORD, DOCUMENT), "site": to_word(SITE_WORD, SITE), "domain": DOMAIN,
        "audience": audience["audience"], "name": audience["name"],
    }  # fmt: skip


def feeds(office: str, public: str, key: str, pid: int) -> dict[str, object]:
    """What live feeds cost, and how soon a ping is on them."""
    copies = Client(office, key).mark(MAIL, to=[f"r{n}@example.com" for n in range(100)])["copies"]
    dots = [urlsplit(copy["dots"][0]).path for copy in copies]
    found: dict[str, object] = {}
    cost: dict[int, tuple[float, ...]] = {}
    delays: list[float] = []
    for count in (0, FEEDS):
        watching = Feeds(office, key, count)
        time.sleep(1)
        sent: dict[str, float] = {}
        before, begun = (cpu_of(str(pid)), cpu_of(f"{pid}/task/{pid}")), time.perf_counter()
        ping(public, dots, SECONDS, sent)
        after, took = (cpu_of(str(pid)), cpu_of(f"{pid}/task/{pid}")), time.perf_counter() - begun
        cost[count] = tuple((a - b) / took * 100 for a, b in zip(after, before, strict=True))
        time.sleep(1.5)
        if count:
            delays = [(watching.seen[a] - t) * 1_000 for a, t in sent.items() if a in watching.seen]
            found["told_of_sent"] = f"{len(delays)} of {len(sent)}"
        watching.close()
    under_load = asked(office, {"Authorization": f"Bearer {key}"}, "/api/v1/events?last=100", 20)
    # The loop's own thread does nothing but write feeds; the whole process swings by more than feeds cost.
    return found | {
        "ping_to_screen_p95_ms": round(p95(delays), 1), "ping_to_screen_median_ms": round(statistics.median(delays), 1),
        "office_percent_of_core_at_100_pings": round(cost[0][0], 1),
        f"{FEEDS}_feeds_percent_of_core": round(cost[FEEDS][1] - cost[0][1], 1),
        f"{FEEDS}_feeds_percent_of_core_whole_process": round(cost[FEEDS][0] - cost[0][0], 1),
        "events_of_a_kind_under_load_p95_ms": round(p95(under_load), 1),
    }  # fmt: skip


if __name__ == "__main__":
    many, *rest = sys.argv[1:] or ["5000000"]
    for line, value in measured(int(many), Path(rest[0]) if rest else None).items():
        print(f"{line:76} {value}", flush=True)
