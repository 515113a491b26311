"""How reports about websites look on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_LISTS = {
    "channels": "how visits began", "sources": "source", "campaigns": "campaign", "referrers": "referrer",
    "entries": "first page", "exits": "last page",
}  # fmt: skip
_SMALL = {
    "companies": "company, by its network", "countries": "country", "systems": "system", "devices": "device", "clients": "browser", "events": "event",
    "searches": "searched", "downloads": "download", "outbound": "left for",
}  # fmt: skip

_FOR_NOBODY = {"pages": "page, for nobody", "channels": "how views for nobody began"}


def print_site_report(answer: dict[str, Any]) -> None:
    """Site after site."""
    console = Console(markup=False)
    if not answer["sites"]:
        console.print("There is no site yet; 'inkdot site add example.com' makes one.")
    for site in answer["sites"]:
        console.print(Text(site["domain"], style="bold"), f"since {answer['since'][:10]}")
        rate = "" if site["bounce_rate"] is None else f", {site['bounce_rate']:.0%} of them left at once"
        mean = "" if site["seconds_per_visit"] is None else f", {site['seconds_per_visit']:.0f} s active each"
        low, high = site["visitors_between"]
        console.print(f"{low if low == high else f'{low} to {high}'} visitors, {site['visits']} visits{rate}{mean}")
        nobody = f", {site['views_for_nobody']} counted for nobody" if site["views_for_nobody"] else ""
        console.print(f"{site['views']} views; {site['machine_views']} more by machines{nobody}")
        for name, title in _LISTS.items():
            _table(console, (title, "visitors", "visits", "views", "goals"), [
                (g["name"] or "not known", g["visitors"], g["visits"], g["views"], g["goals"]) for g in site[name]
            ])  # fmt: skip
        pages = [(p["page"], p["views"], p["visits"], p["seconds"]) for p in site["pages"]]
        _table(console, ("page", "views", "visits", "seconds"), pages)
        _table(console, ("from page", "to page", "times"), [(m["page"], m["next"], m["times"]) for m in site["paths"]])
        for name, title in _FOR_NOBODY.items():
            _table(console, (title, "views"), [(g["name"], g["views"]) for g in site["for_nobody"][name]])
        for name, title in _SMALL.items():
            _table(console, (title, "visits"), [(g["name"] or "not known", g["visits"]) for g in site[name]])
        _table(
            console, ("goal", "visits", "rate"), [(g["name"], g["visits"], _percent(g["rate"])) for g in site["goals"]]
        )
        steps = [(s["step"], s["visits"], _percent(s["of_first"])) for s in site.get("funnel", [])]
        _table(console, ("step", "visits", "of the first"), steps)


def print_leads(answer: dict[str, Any]) -> None:
    """One line per lead, with its reasons."""
    rows = [
        (
            lead["person"] or f"visitor {lead['visitor']}", f"{lead['score']} {lead['grade']}",
            "\n".join(f"+{r['points']} {r['fact']}" for r in lead["reasons"]),
            _touched(lead["first_touch"]), _touched(lead["last_touch"]), lead["last"][:16].replace("T", " "),
        )
        for lead in answer["leads"]
    ]  # fmt: skip
    console = Console(markup=False)
    if not rows:
        console.print(f"Nobody did anything since {answer['since'][:10]}.")
    _table(console, ("who", "score", "why", "came first by", "came last by", "seen (UTC)"), rows)


def print_searches(answer: dict[str, Any]) -> None:
    """One line per word."""
    console = Console(markup=False)
    if not answer["searches"]:
        console.print(f"Nobody searched anything since {answer['since'][:10]}.")
    rows = [(s["term"], s["times"], s["visits"], s["domain"]) for s in answer["searches"]]
    _table(console, ("searched", "times", "visits", "site"), rows)


def _table(console: Console, titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    table = Table(show_edge=False, pad_edge=False, header_style="dim", title_justify="left")
    for title in titles:
        table.add_column(
            title, overflow="fold", justify="right" if isinstance(rows[0][titles.index(title)], int) else "left"
        )
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console.print(table)
    console.print()


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%}"


def _touched(touch: dict[str, Any] | None) -> str:
    return "" if touch is None else " ".join(x for x in (touch["channel"], touch["source"], touch["page"]) if x)
