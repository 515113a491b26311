"""Exports of GoatCounter (CSV), Umami (CSV), Matomo (visits as JSON) and Plausible (daily counts as CSV or zip)."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inkdot.app.foreign.row import Row, Tally, opened, table, table_in, text_of, when
from inkdot.domain.errors import UsageError

_DAY = 86_400_000_000
_MOST_PER_DAY = 1_000_000


def goatcounter(path: Path, tally: Tally) -> Iterator[Row]:
    """One row per hit; its own bots are left out."""
    for cells in table(path, tally):
        url = next((cells[t] for t in ("2path", "1path", "path") if t in cells), None)
        if url is None:
            raise UsageError(f"{path.name} has no column Path; is it an export of GoatCounter?")
        time = when(cells.get("date", ""))
        if time is None:
            tally.skipped["no time"] += 1
        elif cells.get("bot", "0") not in ("", "0"):
            tally.skipped["a bot"] += 1
        else:
            event = cells.get("event", "").lower() in ("true", "1")
            visitor = cells.get("session") or f"row {tally.rows}"
            kind, name = ("goal", url) if event else ("view", "")
            yield Row(
                time,
                "/" if event else url,
                visitor,
                kind,
                cells.get("referrer", ""),
                name,
                agent=cells.get("useragent", ""),
            )


def umami(path: Path, tally: Tally) -> Iterator[Row]:
    """One row per event of the table `website_event`, alone or in the zip of a whole export."""
    for cells in _umami_rows(path, tally):
        time = when(cells["created_at"])
        if time is None:
            tally.skipped["no time"] += 1
            continue
        query = cells.get("url_query", "")
        url = cells["url_path"] + (f"?{query.removeprefix('?')}" if query else "")
        host = cells.get("referrer_domain", "")
        referrer = f"https://{host}{cells.get('referrer_path', '')}" if host else ""
        name = cells.get("event_name", "")
        custom = cells.get("event_type", "1") == "2" or bool(name)
        visitor = cells.get("session_id") or f"row {tally.rows}"
        yield Row(time, url, visitor, "goal" if custom else "view", referrer, name or ("event" if custom else ""))


def _umami_rows(path: Path, tally: Tally) -> Iterator[dict[str, str]]:
    needed = ("created_at", "url_path")
    if not zipfile.is_zipfile(path):
        yield from table(path, tally, *needed)
        return
    with zipfile.ZipFile(path) as archive:
        name = next((n for n in archive.namelist() if n.rpartition("/")[2] == "website_event.csv"), None)
        if name is None:
            raise UsageError(f"{path.name} has no website_event.csv; is it an export of Umami?")
        with archive.open(name) as file:
            yield from table_in(io.TextIOWrapper(file, "utf-8-sig", "replace", newline=""), name, tally, *needed)


def matomo(path: Path, tally: Tally) -> Iterator[Row]:
    """Visits with their actions, as Live.getLastVisitsDetails gives them in JSON."""
    with opened(path, tally) as file:
        try:
            visits = json.load(file)
        except ValueError:
            raise UsageError(f"{path.name} is not JSON; export the visits log as JSON.") from None
    if not isinstance(visits, list):
        raise UsageError(f"{path.name} is no list of visits; export the visits log as JSON.")
    for visit in visits:
        actions = visit.get("actionDetails") if isinstance(visit, dict) else None
        if not isinstance(actions, list):
            tally.rows += 1
            tally.skipped["no visit"] += 1
            continue
        yield from _matomo_visit(visit, actions, tally)


def _matomo_visit(visit: dict[str, Any], actions: list[Any], tally: Tally) -> Iterator[Row]:
    visitor = str(visit.get("visitorId") or visit.get("fingerprint") or visit.get("idVisit") or tally.rows)
    address = str(visit.get("visitIp") or "")
    referrer = str(visit.get("referrerUrl") or "")
    for action in actions:
        tally.rows += 1
        kind = action.get("type") if isinstance(action, dict) else None
        time = when(str(action.get("timestamp") or "")) if kind else None
        url = str(action.get("url") or "") if kind else ""
        if time is None or not url:
            tally.skipped["no time or address"] += 1
        elif kind in ("action", "search"):
            yield Row(time, url, visitor, referrer=referrer, address=address)
            seconds = float(action.get("timeSpent") or 0)
            if seconds > 0:
                yield Row(time, url, visitor, "engage", seconds=min(seconds, 3_600.0), address=address)
            referrer = ""
        elif kind in ("goal", "event", "download", "outlink"):
            name = str(action.get("goalName") or action.get("eventAction") or kind)
            yield Row(time, url, visitor, "goal", name=name, address=address)
        else:
            tally.skipped[f"an action of type {kind}"] += 1


def plausible(path: Path, tally: Tally) -> Iterator[Row]:
    """Daily counts: visitors, visits and views of each day are made anew so that their sums are the same.

    A zip of `imported_visitors*.csv` and `imported_pages*.csv`, or one of the two. Who saw which page is not in it.
    """
    files = _plausible_files(path, tally)
    visitors, pages = files.get("visitors", []), files.get("pages", [])
    if not visitors and not pages:
        raise UsageError(f"{path.name} has no visitors by day and no pages by day; is it an export of Plausible?")
    seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
    per_day: dict[str, tuple[int, int, int]] = {}
    for cells in pages:
        seen[cells["date"]].append((cells.get("page") or "/", _count(cells, "pageviews")))
    for cells in visitors:
        per_day[cells["date"]] = (_count(cells, "visitors"), _count(cells, "visits"), _count(cells, "pageviews"))
    for day, found in seen.items():
        views = sum(n for _, n in found)
        per_day.setdefault(day, (views, views, views))
    tally.totals = {name: sum(d[n] for d in per_day.values()) for n, name in enumerate(("visitors", "visits", "views"))}
    for day in sorted(per_day):
        start = _day(day)
        if start is None or max(per_day[day]) > _MOST_PER_DAY:
            tally.skipped["no day, or too many views in it"] += 1
            continue
        yield from _plausible_day(start, *per_day[day], seen.get(day, []))


def _plausible_day(start: int, visitors: int, visits: int, views: int, pages: list[tuple[str, int]]) -> Iterator[Row]:
    """So many views in so many visits of so many visitors, half an hour and more between two visits of one."""
    urls = [page for page, count in pages for _ in range(count)][:views]
    urls += ["/"] * (views - len(urls))
    visits = max(1, min(visits, views)) if views else 0
    visitors = max(1, min(visitors, visits)) if visits else 0
    for number, url in enumerate(urls):
        visit = number % visits
        visitor, nth = visit % visitors, visit // visitors
        rounds = -(-visits // visitors)
        apart = min(3_600_000_000, (_DAY - 1_000_000_000) // max(1, rounds))
        time = start + min(nth * apart, _DAY - 1_000_000) + number // visits * 1_000
        yield Row(time, url, f"{start} {visitor}")


def _plausible_files(path: Path, tally: Tally) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                what = next((w for w in ("visitors", "pages") if f"_{w}" in name or name.startswith(w)), None)
                if what and "entry" not in name and "exit" not in name and archive.getinfo(name).file_size < 1 << 30:
                    found[what] = list(table_in(text_of(archive.read(name)), name, tally, "date"))
    else:
        rows = list(table(path, tally, "date"))
        found["pages" if rows and "page" in rows[0] else "visitors"] = rows
    return found


def _count(cells: dict[str, str], name: str) -> int:
    text = cells.get(name, "").strip()
    return int(text) if text.isdigit() else 0


def _day(text: str) -> int | None:
    try:
        day = dt.datetime.fromisoformat(text.strip()).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1_000_000
