"""Access logs of web servers: combined or common format, and JSON lines as nginx, Caddy and others write them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inkdot.app.foreign.row import Row, Tally, opened, when

_LINE = re.compile(
    r'^(?P<host>\S+ )??(?P<address>\S+) \S+ (?P<user>.*?) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) \S+'
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_MONTHS = {
    m: n for n, m in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
_TIME = re.compile(r"(\d{2})/(\w{3})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
_NO_PAGE = re.compile(
    r"(?i)\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|otf|mp[34]|webm|json|xml|txt|webmanifest|wasm)$"
)
_TO_MICRO = 1_000_000


def read(path: Path, tally: Tally) -> Iterator[Row]:
    """Pages that were fetched and answered; pictures, scripts, errors and posts are counted as skipped."""
    with opened(path, tally) as file:
        for line in file:
            if not line.strip():
                continue
            tally.rows += 1
            found = _json(line) if line.lstrip().startswith("{") else _combined(line)
            if found is None:
                tally.skipped["unreadable line"] += 1
                continue
            status, method, row = found
            if why := _no_view(status, method, row):
                tally.skipped[why] += 1
            else:
                yield row


def _no_view(status: int, method: str, row: Row) -> str | None:
    if method != "GET":
        return "not a GET request"
    if status not in (200, 206, 304):
        return "not answered with a page"
    return "not a page" if _NO_PAGE.search(urlsplit(row.url).path) else None


def _combined(line: str) -> tuple[int, str, Row] | None:
    found = _LINE.match(line)
    time = _clf_time(found["time"]) if found else None
    if not found or time is None:
        return None
    method, _, rest = found["request"].partition(" ")
    url = rest.rpartition(" ")[0] or rest
    agent, referrer = _plain(found["agent"]), _plain(found["referrer"])
    row = Row(time, url, f"{found['address']} {agent}", referrer=referrer, address=found["address"], agent=agent)
    return int(found["status"]), method, row


def _clf_time(text: str) -> int | None:
    found = _TIME.match(text)
    if not found or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    zone = dt.timedelta(hours=int(found[8]), minutes=int(found[9])) * (1 if found[7] == "+" else -1)
    try:
        time = dt.datetime(year, _MONTHS[found[2]], day, hour, minute, second, tzinfo=dt.timezone(zone))
    except ValueError:
        return None
    return int(time.timestamp()) * _TO_MICRO


def _plain(text: str | None) -> str:
    return "" if text in (None, "-") else str(text).replace('\\"', '"')


def _json(line: str) -> tuple[int, str, Row] | None:
    """The field names that nginx users, Caddy, Traefik and Apache users choose."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    request = entry["request"] if isinstance(entry.get("request"), dict) else {}
    flat = {str(k).lower(): v for k, v in {**entry, **request}.items()}
    headers = request.get("headers")
    time = when(str(_first(flat, "ts", "time", "time_iso8601", "timestamp", "@timestamp", "time_local", "startutc")))
    time = time if time is not None else _clf_time(str(_first(flat, "time_local", "time")))
    url = str(_first(flat, "uri", "request_uri", "path", "requestpath", "url"))
    method = str(_first(flat, "method", "request_method", "requestmethod"))
    if not url and isinstance(entry.get("request"), str):
        method, _, rest = entry["request"].partition(" ")
        url = rest.rpartition(" ")[0] or rest
    status = str(_first(flat, "status", "downstreamstatus", "response_code"))
    if time is None or not url or not status.isdigit():
        return None
    agent = _header(headers, "User-Agent") or str(
        _first(flat, "http_user_agent", "user_agent", "request_user-agent", "agent")
    )
    referrer = _header(headers, "Referer") or str(
        _first(flat, "http_referer", "referer", "request_referer", "referrer")
    )
    address = str(_first(flat, "client_ip", "remote_ip", "remote_addr", "clienthost", "ip"))
    row = Row(time, url, f"{address} {agent}", referrer=_plain(referrer), address=address, agent=_plain(agent))
    return int(status), method or "GET", row


def _first(flat: dict[str, Any], *names: str) -> Any:
    return next((flat[n] for n in names if flat.get(n) not in (None, "")), "")


def _header(headers: object, name: str) -> str:
    if not isinstance(headers, dict):
        return ""
    value = headers.get(name, headers.get(name.lower(), ""))
    return str(value[0] if isinstance(value, list) and value else value or "")
