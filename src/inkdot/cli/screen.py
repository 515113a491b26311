"""How answers look on a terminal. Colour never carries meaning alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_WIDE, _NARROW = 100, 72
_STYLE = {"yes": "green", "likely": "cyan", "unknown": "yellow", "no": "dim"}
_PLAIN_MARK = {"yes": "*", "likely": "+", "unknown": "?", "no": "."}
"""Where the terminal has no such signs."""
_FIELD = {"os": "system", "os_version": "system version"}
_MARK = {"yes": "●", "likely": "◐", "unknown": "?", "no": "·"}


def print_timeline(answer: dict[str, Any]) -> None:
    """One person's events with what each field is worth."""
    console = Console(markup=False)
    if not answer["known"]:
        console.print(f"Nothing was ever marked for {answer['person']}.")
        return
    if not answer["events"]:
        console.print(f"{answer['person']}: nothing heard yet. Blocked images and text-only readers leave no trace.")
        return
    marks = _MARK if console.encoding.startswith("utf") else _PLAIN_MARK
    console.print(Text.assemble((answer["person"], "bold"), " ", _summary(answer["counts"])))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    repeats = Counter(e["repeat_of"] for e in answer["events"])
    for event in _readings_folded(answer["events"]):
        if event["repeat_of"]:
            continue
        style, when = _STYLE[event["human"]], event["time"][:19].replace("T", " ")
        table.add_row(Text(f"{marks[event['human']]} {when}", style=style), Text(event["says"], style=f"bold {style}"))
        for label, words in _details(event, repeats[event["id"]]):
            table.add_row(Text(label.rjust(len(when) + 2), style="dim"), Text(words))
    console.print(table)
    for sentence in answer["learned"]:
        console.print(Text(sentence, style="italic"))
    for forward in answer["possible_forwards"]:
        both = " and ".join(forward["devices"])
        console.print(
            Text(f"Perhaps forwarded: {forward['message']} was opened with {both}, in two networks.", style="italic")
        )
    meanings = ("proven", "likely", "cannot be known", "machine")
    legend = "  ".join(f"{mark} {word}" for mark, word in zip(marks.values(), meanings, strict=True))
    console.print(Text(f"{legend}    times are UTC", style="dim"))


def _details(event: dict[str, Any], repeats: int) -> Iterator[tuple[str, str]]:
    """What one event is about, what is known of it, and why it is believed; labels and words."""
    if event["url"]:
        yield "link", event["url"]
    if event.get("subject"):
        yield "mail", event["subject"]
    if repeats:
        yield "again", f"{repeats} more within three minutes"
    yield from _fields(event["fields"])
    yield "why", "; ".join(f"{e['rule']}: {e['fact']}" for e in event["evidence"])


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
    told = [f"opened {opens} {'time' if opens == '1' else 'times'}", f"clicked {_times(counts['clicks'])}"]
    told += [
        f"{counts[key]} {word}" for key, word in (("machine", "by machines"), ("repeats", "repeated")) if counts[key]
    ]
    return Text(", ".join(told))


def _times(count: int) -> str:
    return f"{count} {'time' if count == 1 else 'times'}"


def _fields(fields: dict[str, dict[str, str | None]]) -> Iterator[tuple[str, str]]:
    """Known, degraded and unknown fields, those with one reason together; reasons in words, as docs/reasons.md has them."""
    for status in ("known", "degraded", "unknown"):
        by_reason: dict[str, list[str]] = {}
        for name, field in fields.items():
            if field["status"] == status and (field["value"] or status != "known"):
                word = _FIELD.get(name, name) + (f" {field['value']}" if field["value"] else "")
                by_reason.setdefault(field.get("reason") or "", []).append(word)
        told = [", ".join(words) + (f" ({why.replace('_', ' ')})" if why else "") for why, words in by_reason.items()]
        if told:
            yield status, "; ".join(told)


def print_mail_report(answer: dict[str, Any]) -> None:
    """One line per mail, or a few where there is no room for a table."""
    console = Console(markup=False)
    if not answer["messages"]:
        console.print(f"No mail was marked or heard of since {answer['since'][:10]}.")
        return
    if console.width < _NARROW:
        for mail in answer["messages"]:
            console.print(Text(mail["subject"] or mail["message"], style="bold"))
            console.print(Padding(_mail_in_words(mail), (0, 0, 0, 2)))
        return
    wide = console.width >= _WIDE
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, wide), header_style="dim")
    table.add_column("mail", overflow="fold")
    for title in ("to", "opened\nby", "sure", "likely", "perhaps", "machine\nonly", "clicked\nby", "answered\nby"):
        table.add_column(title, no_wrap=True, justify="right")
    if wide:
        table.add_column("last", no_wrap=True)
    for mail in answer["messages"]:
        opened = mail["opened"]
        table.add_row(
            Text(mail["subject"] or mail["message"]), str(mail["recipients"] or "?"),
            "not marked" if _is_unmarked(mail) else _between(mail["opened_between"]),
            str(opened["sure"]), str(opened["likely"]), str(opened["unknown"]), str(opened["machine_only"]),
            _between(mail["clicked_between"]), str(mail["replied"]),
            *((mail["last"] or "")[:16].replace("T", " ") for _ in range(wide)),
        )  # fmt: skip
    console.print(table)


def _is_unmarked(mail: dict[str, Any]) -> bool:
    return bool(sum(mail["unmarked"].values()) >= (mail["recipients"] or 1))


def _mail_in_words(mail: dict[str, Any]) -> str:
    opened, by = mail["opened"], f"to {mail['recipients'] or '?'}"
    if _is_unmarked(mail):
        return f"{by}; not marked"
    worth = ", ".join(
        f"{word} {opened[key]}" for key, word in (("sure", "sure"), ("likely", "likely"), ("unknown", "perhaps"))
    )
    return (
        f"{by}; opened by {_between(mail['opened_between'])}: {worth}, machine only {opened['machine_only']}; "
        f"clicked by {_between(mail['clicked_between'])}; answered by {mail['replied']}"
    )


def _between(pair: list[int]) -> str:
    low, high = pair
    return str(low) if low == high else f"{low}-{high}"


def print_explanation(answer: dict[str, Any]) -> None:
    """One event, its rules and what each field is worth."""
    console = Console(markup=False)
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
