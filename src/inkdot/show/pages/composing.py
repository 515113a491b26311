"""A rule from a form, for who would rather choose than write; and what a rule would show on a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from inkdot.act import rule as rules
from inkdot.domain.errors import BadRule, UsageError
from inkdot.show.pages.words import Words

WHEN = {
    "open": "a mail is opened", "click": "a link is clicked", "reply": "a mail is answered", "read": "a page of a document is read",
    "download": "something is downloaded", "view": "a page of the website is looked at", "goal": "a goal is reached",
    "silence": "nothing is heard of a mail",
}  # fmt: skip
THEN = {
    "email": "write a mail to me", "slack": "post a message (Slack, Mattermost)", "webhook": "call a webhook", "ntfy": "send a push message (ntfy)",
    "tag": "put a word on the person", "show": "show something on the page",
}  # fmt: skip
STYLES = {"corner": "a note in the corner", "popup": "a pop-up", "bar": "a bar at the foot"}
_REACHED, _WORDED = ("slack", "webhook", "ntfy"), ("slack", "ntfy", "email")


def composed(form: Mapping[str, str], words: Words) -> str:
    """The rule that a form describes, as JSON, to be tried and changed; what it leaves out in `words`. Raises UsageError."""
    said = {name: text.strip() for name, text in form.items()}
    kind, then = said.get("when", ""), said.get("then", "")
    if kind not in WHEN or then not in THEN:
        raise UsageError("Choose what must happen and what follows.")
    rule = {
        "name": said.get("name") or f"{words(WHEN[kind])}: {words(THEN[then])}"[:100],
        "when": _when(kind, said),
        "actions": [_action(then, said, words)],
    }
    return json.dumps(rule, indent=2, ensure_ascii=False)


def _when(kind: str, said: Mapping[str, str]) -> dict[str, Any]:
    count, within = said.get("count", ""), said.get("within", "")
    if count and not (count.isdecimal() and count.isascii() and 1 <= int(count[:6]) <= 10_000):
        raise UsageError(f"{count!r} is no number of times; write a whole number from 1.")
    if kind == "silence":
        return {"not_opened_for": within or "3d"}
    when: dict[str, Any] = {"kind": kind}
    if said.get("url"):
        when["url"] = said["url"]
    if count not in ("", "1"):
        when |= {"count": int(count), "within": within or "7d"}
    return when


def _action(then: str, said: Mapping[str, str], words: Words) -> dict[str, Any]:
    text, to = said.get("text", ""), said.get("to", "")
    action: dict[str, Any] = {"do": then}
    if then in _REACHED:
        action["url"] = to or "https://example.com/hook"
    if then == "tag":
        action["add"] = text or "hot"
    if then == "show":
        style = said.get("style", "")
        action |= {
            "style": style if style in STYLES else "corner",
            "title": said.get("title") or words("Hello"),
            "text": text or words("May we help?"),
        }
        if to:
            action |= {"link": to, "label": said.get("label") or to}
    elif text and then in _WORDED:
        action["text"] = text
    return action


def shown_by(text: str) -> list[dict[str, Any]]:
    """What a rule would draw on a page; nothing of a rule that does not work."""
    try:
        read = rules.read(text)
    except BadRule:
        return []
    return [
        {"style": a.style, "title": a.title, "text": a.text, "link": a.link, "label": a.label or a.link, "slot": a.slot}
        for a in read.actions
        if isinstance(a, rules.Show)
    ]
