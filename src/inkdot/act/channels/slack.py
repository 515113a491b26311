"""A line in a chat: Slack's incoming webhooks, which Mattermost, Rocket.Chat, Zulip and Discord (`/slack`) take too."""

from __future__ import annotations

import json

from inkdot.act.channels.webhook import judged
from inkdot.act.reach import Reach

_MOST = 3_000


def deliver(reach: Reach, url: str, text: str, message: str) -> str:
    """POST it; raises Undelivered."""
    body = json.dumps({"text": escaped(text[:_MOST])}).encode()
    return judged(
        reach.post(url, body, {"Content-Type": "application/json", "User-Agent": "Inkdot/1", "X-Delivery": message})
    )


def escaped(text: str) -> str:
    """What strangers wrote makes no link, no mention and no formatting."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.translate({ord(c): f"{c}\u200b" for c in "*_~`@"}).replace("://", ":\u200b//")
