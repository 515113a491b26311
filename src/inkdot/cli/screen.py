"""How answers look on a terminal. Colour never carries meaning alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLE = {"yes": "green", "likely": "cyan", "unknown": "yellow", "no": "dim"}
_MARK = {"yes": "●", "likely": "◐", "unknown": "?", "no": "·"}


def print_timeline(answer: dict[str, Any]) -> None:
    """One person's events with what each field is worth."""
    console = Console()
    if not answer["known"]:
        console.print(f"Nothing was ever marked for {answer['person']}.")
        return
    if not answer["events"]:
        console.print(f"{answer['person']}: nothing heard yet. Blocked images and text-only readers leave no trace.")
        return
    console.print(Text(answer["person"], style="bold"), _summary(answer["counts"]))
    table = Table(show_edge=False, pad_edge=False, header_style="dim")
    for title in ("when (UTC)", "", "what happened", "where and with what", "why"):
        table.add_column(title, overflow="fold")
    repeats = Counter(e["repeat_of"] for e in answer["events"])
    for event in _readings_folded(answer["events"]):
        if event["repeat_of"]:
            continue
        style = _STYLE[event["human"]]
        what = event["says"] + (f"\n{event['url']}" if event["url"] else "")
        if repeats[event["id"]]:
            what += f"\n(and {repeats[event['id']]} more within three minutes)"
        if event.get("subject"):
            what += f"\n“{event['subject']}”"
        why = "\n".join(f"{e['rule']}: {e['fact']}" for e in event["evidence"])
        row = (event["time"][:19].replace("T", " "), _MARK[event["human"]], what, _fields(event["fields"]), why)
        table.add_row(*(Text(cell, style=style) for cell in row))
    console.print(table)
    for sentence in answer["learned"]:
        console.print(Text(sentence, style="italic"))
    for forward in answer["possible_forwards"]:
        both = " and ".join(forward["devices"])
        console.print(
            Text(f"Perhaps forwarded: {forward['message']} was opened with {both}, in two networks.", style="italic")
        )
    console.print(Text("● proven  ◐ likely  ? cannot be known  · machine", style="dim"))


def _readings_folded(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The seconds on one page of a document in one go, not by the few seconds in which they were told."""
    shown: list[dict[str, Any]] = []
    for event in events:
        last = shown[-1] if shown else None
        same = last and all(last[k] == event[k] for k in ("kind", "visit", "page", "actor", "document"))
        if last and same and event["kind"] == "read":
            seconds = round(last["seconds"] + event["seconds"], 2)
            says = event["says"].replace(f"{event['seconds']:.1f} s", f"{seconds:.1f} s")
            shown[-1] = last | {"seconds": seconds, "says": says}
        else:
            shown.append(event)
    return shown


def _summary(counts: dict[str, int]) -> Text:
    low, high = counts["opens_sure"], counts["opens_sure"] + counts["opens_likely"] + counts["opens_unknown"]
    opens = f"{low}" if low == high else f"{low} to {high}"
    return Text(
        f"opened {opens} times, clicked {counts['clicks']}; machines {counts['machine']}, repeats {counts['repeats']}"
    )


def _fields(fields: dict[str, dict[str, str | None]]) -> str:
    shown = [
        f"{name} {field['value']}" + ("" if field["status"] == "known" else f" ({field['status']})")
        for name, field in fields.items()
        if field["value"]
    ]
    hidden: dict[str, list[str]] = {}
    for name, field in fields.items():
        if field["status"] != "known" and not field["value"]:
            hidden.setdefault(f"{field['status']} ({field.get('reason')})", []).append(name)
    return "\n".join([", ".join(shown), *(f"{', '.join(names)}: {why}" for why, names in hidden.items())]).strip()


def print_mail_report(answer: dict[str, Any]) -> None:
    """One line per mail."""
    console = Console()
    if not answer["messages"]:
        console.print(f"No mail was marked or heard of since {answer['since'][:10]}.")
        return
    table = Table(show_edge=False, pad_edge=False, header_style="dim")
    for title in (
        "mail",
        "to",
        "opened by",
        "sure",
        "likely",
        "perhaps",
        "machine only",
        "clicked by",
        "answered by",
        "last",
    ):
        table.add_column(title, overflow="fold", justify="left" if title in ("mail", "last") else "right")
    for mail in answer["messages"]:
        opened = mail["opened"]
        unmarked = sum(mail["unmarked"].values()) >= (mail["recipients"] or 1)
        table.add_row(
            mail["subject"] or mail["message"], str(mail["recipients"] or "?"),
            "not marked" if unmarked else _between(mail["opened_between"]),
            str(opened["sure"]), str(opened["likely"]), str(opened["unknown"]), str(opened["machine_only"]),
            _between(mail["clicked_between"]), str(mail["replied"]), (mail["last"] or "")[:16].replace("T", " "),
        )  # fmt: skip
    console.print(table)


def _between(pair: list[int]) -> str:
    low, high = pair
    return str(low) if low == high else f"{low}-{high}"


def print_explanation(answer: dict[str, Any]) -> None:
    """One event, its rules and what each field is worth."""
    console = Console()
    console.print(Text(answer["says"], style="bold"))
    table = Table(show_header=False, show_edge=False, pad_edge=False)
    table.add_row("event", f"{answer['id']} {answer['kind']} at {answer['time']}")
    table.add_row("person", answer["person"] or "nobody")
    table.add_row("acted", f"{answer['actor']}; proves a human: {answer['human']}")
    for evidence in answer["evidence"]:
        table.add_row(f"rule {evidence['rule']}", Text(evidence["fact"]))
    for name, sentence in answer["explained"].items():
        table.add_row(name, Text(sentence))
    table.add_row("agent", Text(answer["raw"]["agent"] or "none"))
    table.add_row("network", ", ".join(answer["raw"]["network"]) or "not one we know")
    table.add_row("repeats", str(answer["repeats"]))
    table.add_row("final", "yes" if answer["final"] else "not yet: events are final after 10 minutes")
    console.print(table)
