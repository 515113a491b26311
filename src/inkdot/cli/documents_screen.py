"""How documents and their reading look on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_SHADES = " ░▒▓█"
_STYLE = {"read": "green", "skimmed": "yellow", "passed": "dim", None: "dim"}


def print_documents(found: list[dict[str, Any]]) -> None:
    """Documents with their links."""
    console = Console(markup=False)
    if not found:
        console.print("Nothing is shared yet; 'inkdot doc share FILE --to A' makes the first link.")
    for document in found:
        dots = document.get("dots")
        what = f"{_pages_of(document['pages'])}, version {document['version']}"
        if dots is not None:
            what = f"{dots} {'dot' if dots == 1 else 'dots'} for {document['to'] or 'somebody'}"
        console.print(Text(document["name"], style="bold"), Text(f"{document['document']}  {what}", style="dim"))
        for link in document["links"]:
            state = "open" if link["open"] else "ended"
            console.print(f"  {link['link']}  {link['to']}  {state}" + _conditions(link))


def _conditions(link: dict[str, Any]) -> str:
    said = [
        "passcode" if link["passcode"] else "", "" if link["gate"] == "open" else f"gate: {link['gate']}",
        "" if link["download"] else "no download", f"until {link['expires'][:10]}" if link["expires"] else "",
        "" if link["measured"] else "asked not to be measured",
    ]  # fmt: skip
    words = ", ".join(w for w in said if w)
    return f"  ({words})" if words else ""


def _pages_of(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def print_reading(answer: dict[str, Any]) -> None:
    """A document's report: what stands out, the strip page x person, the pages, the visits, what to do."""
    console = Console(markup=False)
    counted = [v for v in answer["visits"] if v["counted"]]
    if "dots" in answer:
        _openings(console, answer, counted)
        return
    console.print(Text(answer["name"], style="bold"), f"version {answer['version']}, {_pages_of(len(answer['pages']))}")
    silent = [link["to"] for link in answer["links"] if not link["measured"]]
    if silent:
        console.print(f"Asked not to be measured, so nothing is known: {', '.join(map(str, silent))}.")
    if unnamed := answer["visits_for_nobody"]:
        console.print(f"{unnamed} readings are counted for nobody.")
    if not counted:
        if not unnamed:
            console.print("Nobody was seen reading it yet.")
        if answer["visits"]:
            console.print()
            _visits(console, answer["visits"])
        return
    console.print(answer["said"])
    console.print()
    _strip(console, answer["people"])
    _pages(console, answer["pages"])
    _visits(console, answer["visits"])
    _suggestions(console, answer)
    console.print(Text("Grade A: measured by the page's own script, visible and in use.", style="dim"))


def _strip(console: Console, people: list[dict[str, Any]]) -> None:
    """One row a person, one sign a page, darker for longer."""
    most = max((s for row in people for s in row["seconds"]), default=0) or 1
    table = Table(show_edge=False, pad_edge=False, header_style="dim", box=None)
    table.add_column("who")
    table.add_column("pages, darker is longer", overflow="fold")
    table.add_column("time", justify="right")
    for row in people[:20]:
        signs = "".join(_SHADES[_shade(s, most)] for s in row["seconds"])
        table.add_row(Text(row["person"]), f"▏{signs}▕", _time(sum(row["seconds"])))
    console.print(table)
    console.print()


def _shade(seconds: float, most: float) -> int:
    return 0 if seconds <= 0 else min(4, 1 + int(4 * (seconds / most) ** 0.5 * 0.999))


def _pages(console: Console, pages: list[dict[str, Any]]) -> None:
    table = Table(show_edge=False, pad_edge=False, header_style="dim")
    for title in ("page", "visits", "time", "words", "reading"):
        table.add_column(title, justify="left" if title == "reading" else "right")
    for page in pages:
        if page["seconds"] or len(pages) <= 30:
            style = _STYLE[page["reading"]]
            cells = (
                page["page"],
                page["visits"] or "",
                _time(page["seconds"]) if page["seconds"] else "",
                page["words"],
            )
            table.add_row(*map(str, cells), page["reading"] or "not reached", style=style)
    console.print(table)
    console.print()


def _visits(console: Console, visits: list[dict[str, Any]]) -> None:
    table = Table(show_edge=False, pad_edge=False, header_style="dim")
    for title in ("visit (UTC)", "who", "time", "seen", "with", "way through the pages"):
        table.add_column(title, overflow="fold")
    for visit in visits[-20:]:
        who = visit["person"] or "nobody named"
        if not visit["counted"]:
            who += f" ({visit['actor']}: not counted)"
        way = " ".join(map(str, visit["order"][:40])) + (" ..." if len(visit["order"]) > 40 else "")
        seen = "" if visit["completion"] is None else f"{visit['completion']:.0%}, to page {visit['furthest'] or '-'}"
        client = ", ".join(w for w in (visit["client"], visit["os"], visit["device"]) if w)
        row = (visit["started"][:16].replace("T", " "), who, _time(visit["seconds"]), seen, client, way)
        table.add_row(*map(Text, row), style="" if visit["counted"] else "dim")
    console.print(table)
    console.print()


def _suggestions(console: Console, answer: dict[str, Any]) -> None:
    for suggestion in answer["suggestions"]:
        console.print(
            Text("→ " + suggestion["say"], style="bold"), f"- {suggestion['because']} (grade {suggestion['grade']})"
        )


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    hours, rest = divmod(whole, 3_600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def _openings(console: Console, answer: dict[str, Any], counted: list[dict[str, Any]]) -> None:
    """A document with dots in it."""
    console.print(Text(answer["name"], style="bold"), f"marked {answer['marked'][:16].replace('T', ' ')}")
    if not counted:
        console.print(
            "No open was observable. Many programs show no linked pictures, so this is no proof of the contrary."
        )
    for visit in answer["visits"]:
        who = visit["person"] or "somebody"
        what = f"opened ({visit['human']})" if visit["counted"] else f"fetched by a machine ({visit['actor']})"
        console.print(f"{visit['started'][:16].replace('T', ' ')}  {who}  {what}  {visit['client'] or ''}")
        for seen in visit["first_seen"]:
            most = f", for {_time(seen['at_most_seconds'])} at most" if seen["at_most_seconds"] else ""
            console.print(f"    page {seen['page']} first shown {seen['at'][11:19]}{most}")
        console.print(Text(f"    grade {visit['grade']}: {visit['reason']}", style="dim"))
    _suggestions(console, answer)
